//! How does a person agree? The browser comes with a client's question, the person signs in and says yes or no, and the browser goes back. (OAuth 2.1 §4.1, RFC 9700 §4)
//!
//! | page | |
//! |---|---|
//! | `/authorize` | where clients send browsers |
//! | `/authorize/sign-in` | the form with the password |
//! | `/authorize/consent` | yes or no |
//! | `/authorize/sign-out` | "that is not me" |
//! | `/device` | where people type the code of a device |
//! | `/authorize/back/NAME` | where a provider sends people back to |
//!
//! What was asked travels from page to page in a sealed field. Until it is known who asks and where an answer may go, nothing is sent anywhere.

mod elsewhere;

use audit::event::Event;
use bytes::Bytes;
use http::header::{ORIGIN, SET_COOKIE};
use http::{HeaderValue, Method, Response};
use oauth::authorization_request::{AuthorizationRequest, Prompt, Question};
use oauth::error_code::ErrorCode;
use oauth::form_fields::Fields;
use oauth::redirect::{Kind, RedirectUri};
use oauth::scope::{Scope, ScopeSet};
use pages::language::Language;
use secrecy::{ExposeSecret as _, SecretString};

use crate::browser::{Browser, Pending, Session};
use crate::client::{Client, Clients, Nobody, Origin};
use crate::code::{self, Agreement};
use crate::config::ProtectedResource;
use crate::federation::Look;
use crate::paths;
use crate::refusal::Failure;
use crate::server::{Inbound, OFFLINE_ACCESS, Page, Server};
use crate::throttle::{Throttle, WRONG_BY_ACCOUNT, WRONG_BY_ADDRESS, WRONG_BY_BOTH, network_of};
use crate::views::{self, Problem};

mod device;

/// One request of a browser.
struct Visit<'v> {
    server: &'v Server,
    inbound: &'v Inbound<'v>,
    browser: Browser,
    language: Language,
}

type Shown = Result<Response<Bytes>, Problem>;

impl Server {
    /// Answers a browser.
    pub(crate) async fn page(&self, page: Page, method: &Method, inbound: &Inbound<'_>) -> Response<Bytes> {
        let language = Language::of(inbound.headers, None);
        let browser = match self.browsers.read(inbound.headers, inbound.now) {
            Ok(browser) => browser,
            Err(failure) => return views::problem(&Problem::broken(&failure), language),
        };
        let mut visit = Visit { server: self, inbound, browser, language };
        let shown = match (page, method) {
            (Page::Authorize, &Method::GET) => visit.asked(inbound.query.as_bytes()).await,
            (Page::Authorize, &Method::POST) => visit.asked_by_form(),
            (Page::Device, &Method::GET) => visit.device(),
            (Page::Device, &Method::POST) => visit.typed().await,
            (Page::Back, &Method::GET) => visit.came_back().await,
            (Page::SignIn, &Method::POST) => visit.sign_in().await,
            (Page::Consent, &Method::POST) => visit.decided().await,
            (Page::SignOut, &Method::POST) => visit.sign_out().await,
            _ => Err(Problem::NoSuchPage),
        };
        shown.unwrap_or_else(|problem| views::problem(&problem, visit.language))
    }
}

impl Visit<'_> {
    /// A client has sent the browser here.
    async fn asked(&mut self, request: &[u8]) -> Shown {
        let request = AuthorizationRequest::read(request).map_err(|invalid| Problem::Request(invalid.to_string()))?;
        let client = self.client(&request.client_id).await?.ok_or(Problem::UnknownClient)?;
        let redirect = client.redirect(request.redirect_uri.as_deref()).ok_or(Problem::Redirect)?;
        let back = Back { redirect: &redirect, state: request.state.as_deref(), origin: &client.origin };
        let question = match request.question() {
            Ok(question) => question,
            Err(invalid) => return self.refuse(&back, invalid.code(), &invalid.to_string()),
        };
        self.language = Language::of(self.inbound.headers, question.ui_locales.as_deref());
        let Some(resource) = self.inbound.resource(question.resource.as_ref()) else {
            return self.refuse(&back, ErrorCode::InvalidTarget, "`resource` names no server here, or there are several and it is missing");
        };
        let signed_in = self.browser.session.is_some() && question.prompt != Prompt::Login;
        if question.prompt == Prompt::Never {
            let (code, words) = if signed_in {
                (ErrorCode::InteractionRequired, "the person has to be asked")
            } else {
                (ErrorCode::LoginRequired, "nobody is signed in")
            };
            return self.refuse(&back, code, words);
        }
        let pending = pending(&request, question, resource, &redirect, self.inbound.now);
        self.next(&pending, &client).await
    }

    /// The same by a form of the client's. Browsers bring no cookie along with it, so they are sent here once more by a link: else any site could have people signed out by such a form.
    fn asked_by_form(&self) -> Shown {
        AuthorizationRequest::read(self.inbound.body).map_err(|invalid| Problem::Request(invalid.to_string()))?;
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(url::form_urlencoded::parse(self.inbound.body)).finish();
        Ok(pages::redirect(&format!("{}{}?{query}", self.inbound.config.issuer, paths::AUTHORIZE)))
    }

    /// What the person has to do next.
    async fn next(&self, pending: &Pending, client: &Client) -> Shown {
        let session = self.session(pending).await?;
        // What this person may not grant is not asked of them.
        let shown = session.as_ref().map(|session| self.granted(pending, session));
        let pending = Pending { shown, ..pending.clone() };
        let asked = self.server.browsers.ask(&pending, &self.browser, self.inbound.now)?;
        let question = self.question(&pending, client)?;
        let response = match &session {
            Some(session) => views::consent(&question, session, &asked, self.language),
            None => self.ask_who(&question, &pending, &asked)?,
        };
        Ok(with(response, self.server.browsers.greet(&self.browser)?))
    }

    /// Nobody is signed in. Where nobody has an account here, the person says at once whether they agree, and signs in after that.
    fn ask_who(&self, question: &views::Question<'_>, pending: &Pending, asked: &str) -> Shown {
        let has_accounts = !self.server.accounts.is_empty().map_err(|failure| Problem::broken(&failure))?;
        match (has_accounts, question.providers) {
            (false, []) => Err(Problem::NobodyCanSignIn),
            (false, providers) => Ok(views::consent_elsewhere(question, providers, asked, self.language)),
            (true, _) => {
                let username = pending.login_hint.as_deref().unwrap_or_default();
                Ok(views::sign_in(question, asked, username, None, self.language))
            }
        }
    }

    /// Whoever is signed in, as they are now, if they are still there and do not have to sign in anew.
    async fn session(&self, pending: &Pending) -> Result<Option<Session>, Failure> {
        let Some(session) = &self.browser.session else { return Ok(None) };
        let has_new_password =
            session.person.provider.is_none() && session.password != self.server.accounts.stamp(&session.person.subject)?;
        if pending.signed_in_after.is_some() || has_new_password {
            return Ok(None);
        }
        Ok(match self.server.look(self.inbound.config, &session.person).await? {
            Look::There(person) => Some(Session { person: *person, ..session.clone() }),
            Look::Away | Look::Gone | Look::NotAdmitted => None,
        })
    }

    /// The form with the password has come.
    async fn sign_in(&mut self) -> Shown {
        let (fields, asked, pending) = self.form()?;
        let client = self.client(&pending.client_id).await?.ok_or(Problem::UnknownClient)?;
        if let Some(name) = fields.value("provider") {
            let provider = self.inbound.config.provider(name).ok_or(Problem::NoErrand)?;
            return Ok(views::consent_elsewhere(&self.question(&pending, &client)?, std::slice::from_ref(provider), &asked, self.language));
        }
        let username = fields.value("username").unwrap_or_default().trim().to_owned();
        let password = SecretString::from(fields.value("password").unwrap_or_default().to_owned());
        let again = |trouble| Ok(views::sign_in(&self.question(&pending, &client)?, &asked, &username, Some(trouble), self.language));
        let network = network_of(self.inbound.from);
        let both = format!("{network}\n{username}");
        let counts = [(&WRONG_BY_ADDRESS, &*network), (&WRONG_BY_BOTH, &*both), (&WRONG_BY_ACCOUNT, &*username)];
        // Asked before the password is looked at, so that the answer says nothing about it.
        if let Some(trouble) = self.too_often(&counts).await? {
            return again(trouble);
        }
        let Some(place) = self.server.accounts.turnstile.enter().await else { return again(views::Trouble::TooOften { minutes: 1 }) };
        if let Some(trouble) = self.too_often(&counts).await? {
            return again(trouble);
        }
        let signed_in = self.server.accounts.sign_in(&username, password, place).await;
        let (person, _place) = signed_in.map_err(|failure| Problem::broken(&failure))?;
        let Some((person, password)) = person else {
            for (throttle, whom) in counts {
                throttle.count(&**self.server.shelf.store(), whom).await?;
            }
            self.server.record(&Event::SignInFailed { address: self.inbound.from.to_string().into() });
            return again(views::Trouble::Wrong);
        };
        self.server.record(&Event::SignedIn { subject: person.subject.as_str().into(), provider: "".into() });
        let session = Session { person, signed_in_at: self.inbound.now, password: Some(password) };
        let (browser, cookies) = self.server.browsers.admit(session, self.inbound.now)?;
        self.browser = browser;
        let pending = Pending { signed_in_after: None, ..pending };
        Ok(with(self.next(&pending, &client).await?, cookies))
    }

    async fn too_often(&self, counts: &[(&Throttle, &str)]) -> Result<Option<views::Trouble>, Failure> {
        for (throttle, whom) in counts {
            if !throttle.allows(&**self.server.shelf.store(), whom).await? {
                return Ok(Some(views::Trouble::TooOften { minutes: throttle.per.as_secs() / 60 }));
            }
        }
        Ok(None)
    }

    /// The person has said yes or no.
    async fn decided(&self) -> Shown {
        let (fields, _, pending) = self.form()?;
        let client = self.client(&pending.client_id).await?.ok_or(Problem::UnknownClient)?;
        match (fields.value("answer"), fields.value("provider")) {
            (Some("allow"), None) => {
                let session = self.session(&pending).await?.ok_or(Problem::NoErrand)?;
                self.settle(&pending, &client, Some(&session)).await
            }
            (None, Some(provider)) => self.leave(provider, pending, &client).await,
            (Some("deny"), None) => self.settle(&pending, &client, None).await,
            _ => Err(Problem::Unreadable),
        }
    }

    /// It is decided: whoever is signed in has agreed, or nobody has.
    async fn settle(&self, pending: &Pending, client: &Client, agreed: Option<&Session>) -> Shown {
        if let Some(place) = &pending.device {
            return self.settle_for_device(place, pending, client, agreed).await;
        }
        // What a reload has changed meanwhile counts.
        let redirect = client.redirect(Some(&pending.redirect_uri)).ok_or(Problem::Redirect)?;
        let back = Back { redirect: &redirect, state: pending.state.as_deref(), origin: &client.origin };
        if let Some(session) = agreed {
            return self.agree(pending, client, session, &back).await;
        }
        let to = back.error(self.inbound, ErrorCode::AccessDenied, "the person said no");
        Ok(views::done(&self.question(pending, client)?, false, &to, self.language))
    }

    async fn agree(&self, pending: &Pending, client: &Client, session: &Session, back: &Back<'_>) -> Shown {
        let question = self.question(pending, client)?;
        let agreement = Agreement {
            person: session.person.clone(),
            client_id: client.id.clone(),
            client_name: client.name.clone(),
            redirect_uri: pending.redirect_uri.clone(),
            redirect_was_named: pending.redirect_was_named,
            challenge: pending.challenge.clone(),
            scopes: self.agreed(pending, session),
            resource: pending.resource.clone(),
            nonce: pending.nonce.clone(),
            dpop_key: pending.dpop_key.clone(),
            signed_in_at: session.signed_in_at,
            until: self.inbound.now + code::LIVES,
        };
        let code = code::issue(&self.server.shelf, agreement).await?;
        Clients::granted(&self.server.shelf, &client.id, self.inbound.config.lifetimes.grant, self.inbound.now).await?;
        let to = back.url(self.inbound, &[("code", code.expose_secret())]);
        Ok(views::done(&question, true, &to, self.language))
    }

    /// "That is not me": whoever is signed in is forgotten, and the question asked anew.
    async fn sign_out(&mut self) -> Shown {
        let (_, _, mut pending) = self.form()?;
        // A provider would tell us the same person again.
        pending.signed_in_after = Some(self.inbound.now);
        let client = self.client(&pending.client_id).await?.ok_or(Problem::UnknownClient)?;
        self.browser.session = None;
        let cookies = self.server.browsers.dismiss()?;
        Ok(with(self.next(&pending, &client).await?, cookies))
    }

    /// What of the scopes that are asked for this person may grant.
    fn granted(&self, pending: &Pending, session: &Session) -> ScopeSet {
        self.inbound.config.allowance.permitted(&pending.scopes, &session.person.groups).union(&always(&pending.scopes))
    }

    /// What of it they grant by saying yes: they may lack something by now, and never have more than they have seen.
    fn agreed(&self, pending: &Pending, session: &Session) -> ScopeSet {
        let granted = self.granted(pending, session);
        let was_shown = |scope: &&Scope| pending.shown.as_ref().is_none_or(|shown| shown.contains(scope.as_str()));
        granted.iter().filter(was_shown).cloned().collect()
    }

    /// The fields of a form of ours.
    fn fields(&self) -> Result<Fields, Problem> {
        let ours = self.inbound.config.issuer.as_str();
        let origin = self.inbound.headers.get(ORIGIN).map(HeaderValue::as_bytes);
        // Browsers say where a form comes from; what they do not say, the seal says.
        if origin.is_some_and(|origin| !ours.as_bytes().strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")))
        {
            return Err(Problem::NoErrand);
        }
        Fields::read(self.inbound.body).map_err(|_| Problem::Unreadable)
    }

    /// The fields of a form of ours, what it was about, and that again as it stood in the form.
    fn form(&self) -> Result<(Fields, String, Pending), Problem> {
        let fields = self.fields()?;
        let asked = fields.value("asked").ok_or(Problem::Unreadable)?.to_owned();
        let pending = self.server.browsers.asked(&asked, &self.browser, self.inbound.now).ok_or(Problem::NoErrand)?;
        Ok((fields, asked, pending))
    }

    fn question<'q>(&'q self, pending: &'q Pending, client: &'q Client) -> Result<views::Question<'q>, Problem> {
        let resource = self.inbound.resource(Some(&pending.resource)).ok_or(Problem::NoErrand)?;
        let redirect = match &pending.device {
            Some(_) => None,
            None => Some(RedirectUri::parse(&pending.redirect_uri).map_err(|_| Problem::Redirect)?),
        };
        let (base, providers) = (self.inbound.config.issuer.as_str(), self.inbound.config.providers.as_slice());
        let scopes = pending.shown.as_ref().unwrap_or(&pending.scopes);
        Ok(views::Question { client, resource, scopes, redirect, base, providers })
    }

    async fn client(&self, id: &str) -> Result<Option<Client>, Problem> {
        match self.server.client(self.inbound, id).await {
            Ok(client) => Ok(Some(client)),
            Err(Nobody::Unknown) => Ok(None),
            Err(Nobody::Undescribed(why)) => Err(Problem::Undescribed(why.to_string())),
            Err(Nobody::Failure(failure)) => Err(failure.into()),
        }
    }

    /// Tells the client that it will not be answered.
    ///
    /// Not by sending the browser on at once, where a stranger has named the place: anybody could register one, and use this address to lead people there, or to have a program of theirs started
    /// (RFC 9700 §4.11.2). What listens on their own machine a stranger on the web does not rule over.
    fn refuse(&self, back: &Back<'_>, code: ErrorCode, words: &str) -> Shown {
        let to = back.error(self.inbound, code, words);
        let is_trusted = *back.origin == Origin::Operator || back.redirect.kind() == Kind::Loopback;
        if is_trusted {
            Ok(pages::redirect(&to))
        } else {
            Err(Problem::Refused { words: words.to_owned(), host: back.redirect.host().to_owned(), to })
        }
    }
}

/// Where the browser goes back to.
struct Back<'b> {
    redirect: &'b RedirectUri,
    state: Option<&'b str>,
    origin: &'b Origin,
}

impl Back<'_> {
    fn error(&self, inbound: &Inbound<'_>, code: ErrorCode, words: &str) -> String {
        self.url(inbound, &[("error", code.name()), ("error_description", words)])
    }

    /// The redirect URI as it was written, with the answer, the state and who answers (RFC 9207 §2).
    fn url(&self, inbound: &Inbound<'_>, answer: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(answer);
        if let Some(state) = self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", inbound.config.issuer.as_str());
        let (uri, query) = (self.redirect.as_str(), query.finish());
        let joint = if uri.contains('?') { '&' } else { '?' };
        format!("{uri}{joint}{query}")
    }
}

fn pending(request: &AuthorizationRequest, question: Question, resource: &ProtectedResource, redirect: &RedirectUri, now: u64) -> Pending {
    Pending {
        client_id: request.client_id.clone(),
        redirect_uri: redirect.as_str().to_owned(),
        redirect_was_named: request.redirect_uri.is_some(),
        state: request.state.clone(),
        challenge: question.challenge,
        scopes: known_scopes(&question.scopes, resource),
        shown: None,
        resource: resource.resource.clone(),
        nonce: question.nonce,
        dpop_key: question.dpop_key,
        signed_in_after: (question.prompt == Prompt::Login).then_some(now),
        ui_locales: question.ui_locales,
        login_hint: question.login_hint,
        device: None,
    }
}

/// What of the scopes that are asked for there is; nothing asked for is what everybody gets at first. Clients ask for much that we do not know.
pub(crate) fn known_scopes(asked: &ScopeSet, resource: &ProtectedResource) -> ScopeSet {
    let is_known = |scope: &Scope| resource.scopes.contains_key(scope) || scope.as_str() == OFFLINE_ACCESS;
    let known: ScopeSet = asked.iter().filter(|scope| is_known(scope)).cloned().collect();
    if known.without_offline_access().is_empty() { known.union(&resource.baseline) } else { known }
}

/// Scopes that are about the grant itself, and that everybody may have.
fn always(asked: &ScopeSet) -> ScopeSet {
    asked.iter().filter(|scope| scope.as_str() == OFFLINE_ACCESS).cloned().collect()
}

fn with(mut response: Response<Bytes>, cookies: Vec<HeaderValue>) -> Response<Bytes> {
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::broken(&failure)
    }
}
