//! What is on the pages under `/connections`, and what do they do? Each function is one page.
//!
//! | path | |
//! |---|---|
//! | `/connections` | what the person is connected to |
//! | `/connections/to/NAME` | connects to one server, or disconnects from it |
//! | `/connections/back/NAME` | where that server's authorization server sends the browser back to; each has a place of its own, so that none can answer for another |
//! | `/connections/sign-in`, `/connections/signed-in/ISSUER` | the way to the issuer, and back: to a place of its own as well |
//! | `/connections/sign-out` | forgets who it is |

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use ::pages::cookie::Cookies;
use ::pages::language::Language;
use audit::event::Event;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use broker::code_flow::NotGranted;
use broker::connection::{Ended, PerPerson, Person};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use oauth::authorization::Answer;
use oauth::pkce::Verifier;
use policy::quota::Rate;
use secrecy::ExposeSecret as _;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::browser::{self, Browsers, Visitor};
use super::errand::{Destination, Errand, Errands, SigningIn};
use super::sign_in::SignIn;
use super::views::{self, Choice, Entry, Problem, Question, Reader};
use super::{Connect, PATH};
use crate::body::Body;
use crate::door::Door;
use crate::layers::body_limit;
use crate::refusal::Refusal;
use crate::table::{Server, Table};

/// Answers a browser. `rest` is the path below `/connections`.
pub(crate) async fn answer(door: &Door, table: &Table, request: &mut Request<Incoming>, rest: &str, address: IpAddr) -> Response<Body> {
    let language = Language::of(request.headers(), None);
    let is_answer = rest.starts_with("/back/") || rest.starts_with("/signed-in/");
    let (quotas, rate) = if is_answer { (&door.connect.answers, ANSWERS) } else { (&door.connect.pages, PAGES) };
    let spent = quotas.spend(address, Some(rate), door.clock.monotonic_nanoseconds());
    let form = match spent.and_then(|()| door.can_record(table)) {
        Ok(()) => read_form(request, table).await,
        Err(refusal) => Err(refusal),
    };
    let form = match form {
        Ok(form) => form,
        Err(refusal) => {
            door.metrics.refused_at_the_gate(&refusal);
            return views::problem(&Problem::of(&refusal), None, language);
        }
    };
    let query = request.uri().query().unwrap_or_default();
    let now = door.clock.unix_seconds();
    let cookies = Cookies::new(table.public_url.starts_with("https:"));
    let visitor = door.connect.browsers.visitor(request.headers(), now, cookies);
    let visit = Visit { door, connect: &door.connect, table, query, headers: request.headers(), visitor, now, cookies, language };
    let outcome = match (request.method(), rest, &form) {
        (&Method::GET, "" | "/", _) => visit.list().await,
        (&Method::GET, "/sign-in", _) => visit.sign_in().await,
        (&Method::POST, "/sign-out", Some(form)) => visit.sign_out(form),
        (method, path, form) => match (method, path.strip_prefix("/to/"), path.strip_prefix("/back/"), form) {
            (&Method::GET, Some(name), _, _) => visit.server(name).await,
            (&Method::POST, Some(name), _, Some(form)) => visit.decide(name, form).await,
            (&Method::GET, _, Some(name), _) => visit.came_back(name).await,
            (&Method::GET, ..) if path.starts_with("/signed-in/") => visit.signed_in(path).await,
            _ => Err(Problem::NoSuchPage),
        },
    };
    outcome.unwrap_or_else(|problem| views::problem(&problem, visit.visitor.as_ref(), language))
}

/// One request of a browser.
struct Visit<'v> {
    door: &'v Door,
    connect: &'v Connect,
    table: &'v Table,
    query: &'v str,
    headers: &'v HeaderMap,
    visitor: Option<Visitor>,
    now: u64,
    cookies: Cookies,
    language: Language,
}

type Page = Result<Response<Body>, Problem>;

impl Visit<'_> {
    /// Everything that this person can connect to.
    async fn list(&self) -> Page {
        let Some(visitor) = &self.visitor else { return self.ask_who(None, Destination::default()).await };
        let mut entries = Vec::new();
        let mut servers: Vec<&Arc<Server>> = self.table.servers.values().filter(|server| server.admits(&visitor.person)).collect();
        servers.sort_by(|a, b| a.name.cmp(&b.name));
        for server in servers {
            let Some(people) = server.people() else { continue };
            let is_connected = people.is_connected(&visitor.person).await.map_err(|error| Problem::broken(&error))?;
            let page = format!("{}{PATH}/to/{}", self.table.public_path, server.name);
            entries.push(Entry { title: self.table.title(server), page, is_connected });
        }
        Ok(views::list(&self.reader(visitor), &entries))
    }

    /// What it means to connect to this server, and a button.
    async fn server(&self, name: &str) -> Page {
        let (server, people) = self.find(name)?;
        let ticket = self.parameter("for");
        let invited = match &ticket {
            Some(ticket) => Some(self.connect.tickets.read(name, ticket, self.now).ok_or(Problem::LinkEnded)?),
            None => None,
        };
        let destination = || Destination { server: Some(name.to_owned()), ticket: ticket.clone() };
        match (&self.visitor, invited) {
            (Some(visitor), None) => self.consent(server, people, visitor).await,
            (Some(visitor), Some(invited)) if visitor.person == invited => self.consent(server, people, visitor).await,
            // On a person's own machine, where nobody else can open a link.
            (_, Some(invited)) if self.table.config.trusts_links => {
                let cookie = self.connect.browsers.admit(&invited, self.now, self.cookies).map_err(|error| Problem::broken(&error))?;
                Ok(redirect(&self.path(&format!("/to/{name}")), [cookie]))
            }
            (Some(_), Some(_)) => Err(Problem::ForSomebodyElse { sign_out: self.path("/sign-out") }),
            (None, invited) => self.ask_who(invited.as_ref(), destination()).await,
        }
    }

    async fn consent(&self, server: &Server, people: &PerPerson, visitor: &Visitor) -> Page {
        if !server.admits(&visitor.person) {
            return Err(Problem::NotAdmitted { sign_out: self.path("/sign-out") });
        }
        let is_connected = people.is_connected(&visitor.person).await.map_err(|error| Problem::broken(&error))?;
        let host = people.flow().host().await.map_err(|error| Problem::away(&error))?;
        let title = self.table.title(server);
        let question = Question { title: &title, host: &host, scopes: people.flow().scopes(), is_connected };
        Ok(views::consent(&self.reader(visitor), &question))
    }

    /// The button was pressed.
    async fn decide(&self, name: &str, form: &Form) -> Page {
        let visitor = self.trusted_visitor(form)?;
        let (server, people) = self.find(name)?;
        if !server.admits(&visitor.person) {
            return Err(Problem::NotAdmitted { sign_out: self.path("/sign-out") });
        }
        match form.value("action") {
            Some("connect") => self.leave_to_connect(server, people, visitor).await,
            Some("disconnect") => self.disconnect(server, people, visitor).await,
            _ => Err(Problem::Unreadable),
        }
    }

    async fn leave_to_connect(&self, server: &Server, people: &PerPerson, visitor: &Visitor) -> Page {
        let state = Errands::state().map_err(|error| Problem::broken(&error))?;
        let sent = people.flow().send(&self.way_back(server), &state, None).await.map_err(|error| Problem::away(&error))?;
        let errand = Errand {
            server: server.name.to_string(),
            authority: people.authority().to_owned(),
            issuer: visitor.person.issuer.to_string(),
            subject: visitor.person.subject.to_string(),
            mark: visitor.mark.clone(),
            verifier: Zeroizing::new(sent.verifier.expose().to_owned()),
        };
        self.connect.errands.keep(&state, &errand).await.map_err(|error| Problem::broken(&error))?;
        // They shall not be forgotten while they are away.
        let cookie = self.connect.browsers.stay(visitor, self.now, self.cookies).map_err(|error| Problem::broken(&error))?;
        Ok(views::leave(&self.reader(visitor), &self.table.title(server), &sent.url, cookie))
    }

    async fn disconnect(&self, server: &Server, people: &PerPerson, visitor: &Visitor) -> Page {
        let ended = people.disconnect(&visitor.person).await.map_err(|error| Problem::broken(&error))?;
        if ended != Ended::WasNotConnected {
            self.record(&Event::ConnectionEnded {
                server: server.name.as_str().into(),
                issuer: (&*visitor.person.issuer).into(),
                subject: (&*visitor.person.subject).into(),
                by: "person".into(),
            });
        }
        Ok(views::disconnected(&self.reader(visitor), &self.table.title(server), ended == Ended::TakenBack))
    }

    /// The server's authorization server has sent the browser back.
    async fn came_back(&self, place: &str) -> Page {
        let answer = Answer::read(self.query).map_err(|_| Problem::Unreadable)?;
        let errand = self.errand(&answer).await?;
        let Errand { server: name, issuer, subject, .. } = &errand;
        // Whoever left has to be who comes back: the same person, at the same browser, and no less recently signed in.
        let visitor = self.visitor.as_ref().ok_or(Problem::NoErrand)?;
        let is_same_person = *visitor.person.issuer == **issuer && *visitor.person.subject == **subject;
        // An authorization server that answers at another's place has got hold of the other's code (mix-up, RFC 9700 §4.4).
        if !is_same_person || place != name || !is_equal(&visitor.mark, &errand.mark) {
            return Err(Problem::NoErrand);
        }
        let (server, people) = self.find(name)?;
        // What a reload has changed meanwhile counts: the code goes to nobody but who was asked.
        if people.authority() != errand.authority || !server.admits(&visitor.person) {
            return Err(Problem::NoErrand);
        }
        let verifier = Verifier::from_kept(errand.verifier.as_str());
        let tokens = people.flow().redeem(&answer, &verifier, &self.way_back(server)).await.map_err(|error| not_granted(&error))?;
        people.connect(&visitor.person, &tokens).await.map_err(|error| Problem::broken(&error))?;
        self.record(&Event::ConnectionMade {
            server: server.name.as_str().into(),
            issuer: issuer.as_str().into(),
            subject: subject.as_str().into(),
        });
        Ok(views::connected(&self.reader(visitor), &self.table.title(server)))
    }

    /// Nobody knows who it is: to the issuer of the one who was invited, or the only one there is; else the person says which.
    async fn ask_who(&self, invited: Option<&Person>, then: Destination) -> Page {
        let ways: Vec<&SignIn> = match invited {
            Some(person) => self.table.sign_ins.iter().filter(|way| way.issuer.as_str() == &*person.issuer).collect(),
            None => self.table.sign_ins.iter().collect(),
        };
        match ways[..] {
            [] => Err(Problem::NobodyCanSignIn { by_link: self.table.config.trusts_links }),
            [way] => self.leave_to_sign_in(way, then).await,
            _ => {
                let choices = ways.iter().map(|way| Choice { name: way.issuer.as_str().to_owned(), page: self.sign_in_page(way, &then) });
                Ok(views::choose(&choices.collect::<Vec<_>>(), self.language))
            }
        }
    }

    fn sign_in_page(&self, way: &SignIn, then: &Destination) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("with", way.issuer.as_str());
        for (name, value) in [("to", &then.server), ("for", &then.ticket)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        format!("{}?{}", self.path("/sign-in"), query.finish())
    }

    async fn sign_in(&self) -> Page {
        let with = self.parameter("with").ok_or(Problem::Unreadable)?;
        let way = self.table.sign_ins.iter().find(|way| way.issuer.as_str() == with).ok_or(Problem::NoSuchPage)?;
        let server = self.parameter("to");
        if let Some(name) = &server {
            self.find(name)?;
        }
        let ticket = self.parameter("for");
        if let (Some(name), Some(ticket)) = (&server, &ticket) {
            self.connect.tickets.read(name, ticket, self.now).ok_or(Problem::LinkEnded)?;
        }
        let ticket = ticket.filter(|_| server.is_some());
        self.leave_to_sign_in(way, Destination { server, ticket }).await
    }

    async fn leave_to_sign_in(&self, way: &SignIn, then: Destination) -> Page {
        let broken = |error: store::seal::CannotSeal| Problem::broken(&error);
        let (state, nonce) = (Errands::state().map_err(broken)?, browser::unguessable().map_err(broken)?);
        let sent = way.flow.send(&self.url(&way.way_back()), &state, Some(&nonce)).await.map_err(|error| Problem::away(&error))?;
        let verifier = Zeroizing::new(sent.verifier.expose().to_owned());
        let errand = SigningIn { issuer: way.issuer.as_str().to_owned(), state, nonce, then, verifier };
        let cookie = self.connect.browsers.leave(&errand, self.cookies).map_err(broken)?;
        Ok(redirect(sent.url.as_str(), [cookie]))
    }

    /// The issuer has sent the browser back.
    async fn signed_in(&self, place: &str) -> Page {
        let answer = Answer::read(self.query).map_err(|_| Problem::Unreadable)?;
        let left_for = self.connect.browsers.left_for(self.headers, answer.state.expose_secret(), self.cookies);
        let (errand, over) = left_for.ok_or(Problem::NoErrand)?;
        let way = self.table.sign_ins.iter().find(|way| way.issuer.as_str() == errand.issuer).ok_or(Problem::NoErrand)?;
        // As with servers: an issuer that answers at another's place has got hold of the other's code.
        if place != way.way_back() {
            return Err(Problem::NoErrand);
        }
        let verifier = Verifier::from_kept(errand.verifier.as_str());
        let person = way.person(&answer, &verifier, &self.url(place), &errand.nonce, self.now).await.map_err(|error| {
            tracing::warn!(target: "connections", issuer = way.issuer.as_str(), error = &error as &dyn std::error::Error, "a sign-in failed");
            Problem::NotSignedIn
        })?;
        let cookie = self.connect.browsers.admit(&person, self.now, self.cookies).map_err(|error| Problem::broken(&error))?;
        Ok(redirect(&self.destination(&errand.then), [cookie, over]))
    }

    fn sign_out(&self, form: &Form) -> Page {
        self.trusted_visitor(form)?;
        let cookie = Browsers::dismiss(self.cookies).map_err(|error| Problem::broken(&error))?;
        Ok(views::signed_out(cookie, self.language))
    }

    /// The visitor, if the form was made for this very browser (CSRF).
    fn trusted_visitor(&self, form: &Form) -> Result<&Visitor, Problem> {
        let visitor = self.visitor.as_ref().ok_or(Problem::NoErrand)?;
        let mark = form.value("mark").unwrap_or_default();
        if is_equal(&visitor.mark, mark) { Ok(visitor) } else { Err(Problem::NoErrand) }
    }

    /// What the browser that brings this answer was sent away for.
    async fn errand(&self, answer: &Answer) -> Result<Errand, Problem> {
        let taken = self.connect.errands.take(answer.state.expose_secret()).await;
        taken.map_err(|error| Problem::broken(&error))?.ok_or(Problem::NoErrand)
    }

    fn reader<'r>(&self, visitor: &'r Visitor) -> Reader<'r> {
        Reader { visitor, sign_out: self.path("/sign-out"), language: self.language }
    }

    fn find(&self, name: &str) -> Result<(&Server, &PerPerson), Problem> {
        let server = self.table.server(name).ok_or(Problem::NoSuchPage)?;
        Ok((server, server.people().ok_or(Problem::NoSuchPage)?))
    }

    fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    /// Only to a page of ours, and by names that we know: nobody is sent anywhere else.
    fn destination(&self, then: &Destination) -> String {
        let Some(server) = then.server.as_deref().and_then(|name| self.table.server(name)) else { return self.path("") };
        let page = self.path(&format!("/to/{}", server.name));
        match &then.ticket {
            Some(ticket) => {
                let query = form_urlencoded::Serializer::new(String::new()).append_pair("for", ticket).finish();
                format!("{page}?{query}")
            }
            None => page,
        }
    }

    fn way_back(&self, server: &Server) -> String {
        self.url(&format!("/back/{}", server.name))
    }

    fn path(&self, rest: &str) -> String {
        format!("{}{PATH}{rest}", self.table.public_path)
    }

    fn url(&self, rest: &str) -> String {
        format!("{}{PATH}{rest}", self.table.public_url)
    }

    fn record(&self, event: &Event<'_>) {
        if let Err(error) = self.door.auditor.event(self.door.clock.unix_milliseconds(), event) {
            self.door.metrics.unrecorded.inc();
            tracing::error!(target: "door", %error, "an event could not be recorded");
        }
    }
}

fn not_granted(error: &NotGranted) -> Problem {
    match error {
        NotGranted::Denied(denial) if denial.is_by_the_person() => Problem::SaidNo,
        other => Problem::away(other),
    }
}

fn is_equal(one: &str, other: &str) -> bool {
    verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

fn redirect(to: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response<Body> {
    let mut response = ::pages::redirect(to).map(Body::full);
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// What a page's form sent.
struct Form(Vec<(String, String)>);

impl Form {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

async fn read_form(request: &mut Request<Incoming>, table: &Table) -> Result<Option<Form>, Refusal> {
    match *request.method() {
        Method::GET => return Ok(None),
        Method::POST => {}
        _ => return Err(Refusal::MethodNotAllowed { allow: "GET, POST" }),
    }
    let is_form = |kind: &HeaderValue| kind.to_str().is_ok_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !request.headers().get(CONTENT_TYPE).is_some_and(is_form) {
        return Err(Refusal::UnsupportedMediaType);
    }
    let body = body_limit::read(request, FORM_BYTES, table.config.timeouts.request_body).await?;
    Ok(Some(Form(form_urlencoded::parse(&body).into_owned().collect())))
}

const FORM_BYTES: usize = 8 * 1024;
/// Pages for one address.
const PAGES: Rate = Rate::per_minute(NonZeroU32::new(120).unwrap());
/// Answers from elsewhere for one address: each may cost a request to an authorization server, which has limits of its own.
const ANSWERS: Rate = Rate::per_minute(NonZeroU32::new(20).unwrap());
