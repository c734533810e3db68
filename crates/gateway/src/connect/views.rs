//! What do the pages look like? Whole documents without scripts, images or anything from elsewhere; every text is escaped by the template.

use std::sync::LazyLock;

use askama::Template;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, REFRESH, SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};
use oauth::scope::ScopeSet;
use url::Url;

use super::browser::Visitor;
use crate::body::Body;
use crate::refusal::Refusal;

/// A server on the list.
pub(super) struct Entry {
    pub(super) title: String,
    pub(super) page: String,
    pub(super) is_connected: bool,
}

/// A way to sign in.
pub(super) struct Choice {
    pub(super) name: String,
    pub(super) page: String,
}

/// What keeps a person from going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// Somebody else's server does not answer, or not as it should; the log says more.
    Away,
    /// Something of ours does not work; the log says more.
    Broken,
    /// The link was made for another person than the one who is signed in.
    ForSomebodyElse { sign_out: String },
    /// The link is too old, or none of ours.
    LinkEnded,
    /// The tokens of this person's issuer are not accepted there.
    NotAdmitted { sign_out: String },
    /// Nobody was sent away for what comes back here, or somebody else.
    NoErrand,
    /// There is no way to learn who it is.
    NobodyCanSignIn { by_link: bool },
    /// There is no such page.
    NoSuchPage,
    /// The issuer did not say who it is.
    NotSignedIn,
    /// The person said no.
    SaidNo,
    /// Too many pages were asked for from there of late.
    TooOften,
    /// What the browser sent cannot be read.
    Unreadable,
}

impl Problem {
    /// Something of ours fails; the operator reads what.
    pub(super) fn broken(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(target: "connections", error, "a page cannot be shown");
        Self::Broken
    }

    /// Somebody else's server fails; the operator reads how.
    pub(super) fn away(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::warn!(target: "connections", error, "an authorization server does not give what it should");
        Self::Away
    }

    /// A refusal in words for people.
    pub(super) fn of(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::RateLimited { .. } => Self::TooOften,
            Refusal::Unrecorded => Self::Broken,
            Refusal::MethodNotAllowed { .. } => Self::NoSuchPage,
            _ => Self::Unreadable,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Away => StatusCode::BAD_GATEWAY,
            Self::Broken => StatusCode::SERVICE_UNAVAILABLE,
            Self::ForSomebodyElse { .. } | Self::NoErrand | Self::NobodyCanSignIn { .. } | Self::NotAdmitted { .. } | Self::NotSignedIn => {
                StatusCode::FORBIDDEN
            }
            Self::NoSuchPage => StatusCode::NOT_FOUND,
            Self::LinkEnded | Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::SaidNo => StatusCode::OK,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// What happened, and what to do.
    fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::Away => (
                "The other side does not answer as it should",
                "Nothing was changed. Try again in a minute; if it stays so, tell whoever runs this service.",
            ),
            Self::Broken => ("Something is wrong here", "Nothing was changed. Try again in a minute, or tell whoever runs this service."),
            Self::ForSomebodyElse { .. } => (
                "This link is for somebody else",
                "It was made for another person than the one who is signed in here. If somebody sent it to you, close this page. If it is \
                 your own, sign out and open it again.",
            ),
            Self::LinkEnded => {
                ("This link is no longer good", "Links are good for a quarter of an hour. Go back to your client and try again.")
            }
            Self::NotAdmitted { .. } => {
                ("You have no access to this server", "Sign out to use another account, or ask whoever runs this service.")
            }
            Self::NoErrand => (
                "This answer belongs to no question of yours",
                "It may have been used already, have taken too long, or come from another browser. Nothing was changed. Start again from your client.",
            ),
            Self::NobodyCanSignIn { by_link: true } => {
                ("Open the link that your client shows", "This page cannot tell who you are; the link from your client does.")
            }
            Self::NobodyCanSignIn { by_link: false } => {
                ("Nobody can sign in here yet", "This service has not been told how people sign in. Tell whoever runs it.")
            }
            Self::NoSuchPage => ("There is no such page", "Look at the address again, or go back to your client."),
            Self::NotSignedIn => ("Signing in did not work", "Nothing was changed. Start again from your client."),
            Self::SaidNo => ("You are not connected", "You said no, and nothing was changed. You can close this page."),
            Self::TooOften => ("Too much at once", "This page was asked for too often from where you are. Wait a minute, then try again."),
            Self::Unreadable => ("This request cannot be read", "Nothing was changed. Start again from your client."),
        }
    }

    fn sign_out(&self) -> Option<&str> {
        match self {
            Self::ForSomebodyElse { sign_out } | Self::NotAdmitted { sign_out } => Some(sign_out),
            _ => None,
        }
    }
}

#[derive(Template)]
#[template(path = "connect/list.html")]
struct List<'a> {
    style: &'static str,
    who: Option<Who<'a>>,
    entries: &'a [Entry],
}

#[derive(Template)]
#[template(path = "connect/consent.html")]
struct Consent<'a> {
    style: &'static str,
    who: Option<Who<'a>>,
    title: &'a str,
    host: &'a str,
    scopes: Vec<String>,
    mark: &'a str,
    is_connected: bool,
}

#[derive(Template)]
#[template(path = "connect/choose.html")]
struct Choose<'a> {
    style: &'static str,
    who: Option<Who<'a>>,
    choices: &'a [Choice],
}

#[derive(Template)]
#[template(path = "connect/leave.html")]
struct Leave<'a> {
    style: &'static str,
    who: Option<Who<'a>>,
    title: &'a str,
    host: &'a str,
    to: &'a str,
}

#[derive(Template)]
#[template(path = "connect/message.html")]
struct Message<'a> {
    style: &'static str,
    who: Option<Who<'a>>,
    heading: &'a str,
    words: &'a str,
}

/// Who is signed in, and how to end that.
struct Who<'a> {
    subject: &'a str,
    issuer: &'a str,
    mark: &'a str,
    sign_out: &'a str,
}

impl<'a> Who<'a> {
    fn new(visitor: &'a Visitor, sign_out: &'a str) -> Self {
        Self { subject: &visitor.person.subject, issuer: &visitor.person.issuer, mark: &visitor.mark, sign_out }
    }
}

pub(super) fn list(visitor: &Visitor, sign_out: &str, entries: &[Entry]) -> Response<Body> {
    page(StatusCode::OK, &List { style: STYLE, who: Some(Who::new(visitor, sign_out)), entries })
}

/// What a person is asked for.
pub(super) struct Question<'a> {
    /// The server.
    pub(super) title: &'a str,
    /// Where they will be sent.
    pub(super) host: &'a str,
    pub(super) scopes: &'a ScopeSet,
    pub(super) is_connected: bool,
}

pub(super) fn consent(visitor: &Visitor, sign_out: &str, question: &Question<'_>) -> Response<Body> {
    let Question { title, host, scopes, is_connected } = *question;
    let scopes = scopes.iter().map(ToString::to_string).collect();
    let view = Consent { style: STYLE, who: Some(Who::new(visitor, sign_out)), title, host, scopes, mark: &visitor.mark, is_connected };
    page(StatusCode::OK, &view)
}

pub(super) fn choose(choices: &[Choice]) -> Response<Body> {
    page(StatusCode::OK, &Choose { style: STYLE, who: None, choices })
}

pub(super) fn connected(visitor: &Visitor, sign_out: &str, title: &str) -> Response<Body> {
    let (heading, words) = (format!("You are connected to {title}"), "You can close this page and go on in your client.");
    let view = Message { style: STYLE, who: Some(Who::new(visitor, sign_out)), heading: &heading, words };
    page(StatusCode::OK, &view)
}

pub(super) fn disconnected(visitor: &Visitor, sign_out: &str, title: &str, is_taken_back: bool) -> Response<Body> {
    let heading = format!("You are no longer connected to {title}");
    let words = if is_taken_back {
        "What you had granted was taken back, there and here."
    } else {
        "What you had granted is forgotten here. The other side was not told: take it back in your account there, too."
    };
    page(StatusCode::OK, &Message { style: STYLE, who: Some(Who::new(visitor, sign_out)), heading: &heading, words })
}

pub(super) fn signed_out(cookie: HeaderValue) -> Response<Body> {
    let view = Message { style: STYLE, who: None, heading: "You are signed out", words: "Your connections stay as they are." };
    let mut response = page(StatusCode::OK, &view);
    response.headers_mut().insert(SET_COOKIE, cookie);
    response
}

pub(super) fn problem(problem: &Problem, visitor: Option<&Visitor>) -> Response<Body> {
    let (heading, words) = problem.words();
    let who = visitor.zip(problem.sign_out()).map(|(visitor, sign_out)| Who::new(visitor, sign_out));
    page(problem.status(), &Message { style: STYLE, who, heading, words })
}

/// On to somebody else's server. Not a redirect: browsers hold every place that a form leads to in the end against the page's policy, and nobody knows them all.
pub(super) fn leave(visitor: &Visitor, sign_out: &str, title: &str, to: &Url, cookie: HeaderValue) -> Response<Body> {
    let host = to.host_str().unwrap_or_default();
    let view = Leave { style: STYLE, who: Some(Who::new(visitor, sign_out)), title, host, to: to.as_str() };
    let mut response = page(StatusCode::OK, &view);
    let headers = response.headers_mut();
    // Where it cannot be said, the link on the page is still there.
    if let Ok(refresh) = HeaderValue::try_from(format!("0;url={to}")) {
        headers.insert(REFRESH, refresh);
    }
    headers.insert(SET_COOKIE, cookie);
    response
}

fn page(status: StatusCode, view: &impl Template) -> Response<Body> {
    let Ok(html) = view.render() else { return bare(StatusCode::INTERNAL_SERVER_ERROR) };
    let mut response = bare(status);
    *response.body_mut() = Body::full(html);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// An answer without a body, with everything that keeps others from looking on or in.
pub(super) fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The address of a page holds a ticket. With `no-referrer`, browsers would hide the origin of our own forms from us, too.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    response
}

/// Lets the one style through, and nothing else. Should it ever not be writable, nothing at all.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    let policy = format!("default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
});
const STYLE: &str = include_str!("../../templates/connect/style.css");

#[cfg(test)]
mod tests {
    use broker::connection::Person;

    use super::*;

    fn visitor() -> Visitor {
        Visitor { person: Person { issuer: "https://idp".into(), subject: "<b>ada</b>".into() }, mark: "m\"ark".to_owned() }
    }

    fn html(response: Response<Body>) -> String {
        let Body::Full(Some(html)) = response.into_body() else { panic!("a page is whole") };
        String::from_utf8(html.to_vec()).unwrap()
    }

    #[test]
    fn what_others_have_chosen_is_text_and_nothing_else() {
        let scopes = ScopeSet::parse("read:<script>").unwrap();
        let question = Question { title: "<script>alert(1)</script>", host: "as\"><img>", scopes: &scopes, is_connected: false };
        let page = consent(&visitor(), "/out", &question);
        let text = html(page);
        for piece in ["<script>alert", "<b>ada", "<img>", "read:<script>", "m\"ark"] {
            assert!(!text.contains(piece), "{piece} in {text}");
        }
        assert!(text.contains("&#60;script&#62;alert(1)"), "{text}");
    }

    #[test]
    fn nobody_can_frame_a_page_or_bring_anything_into_it() {
        let question = Question { title: "Mail", host: "as.example", scopes: &ScopeSet::default(), is_connected: true };
        let page = consent(&visitor(), "/out", &question);
        let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self';", "style-src 'sha256-"] {
            assert!(policy.contains(rule), "{policy} lacks {rule}");
        }
        assert_eq!(page.headers()[REFERRER_POLICY], "same-origin");
        assert_eq!(page.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(page.headers()[X_FRAME_OPTIONS], "DENY");
        let text = html(page);
        let style = text.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        assert_eq!(style, STYLE, "the hash in the policy is that of the style in the page");
        assert!(!text.contains("src=") && !text.contains("style="));
    }

    #[test]
    fn who_leaves_is_taken_there_and_finds_a_link_if_not() {
        let to = Url::parse("https://as.example/authorize?a=1&b=%3C\"x").unwrap();
        let left = leave(&visitor(), "/out", "Mail", &to, HeaderValue::from_static("c=1"));
        assert_eq!(left.headers()[REFRESH], format!("0;url={to}"));
        assert_eq!(left.headers()[SET_COOKIE], "c=1");
        let text = html(left);
        assert!(text.contains("https://as.example/authorize?a=1&#38;b="), "{text}");
    }

    #[test]
    fn every_problem_says_what_happened_and_what_to_do() {
        let sign_out = || "/out".to_owned();
        for each in [
            Problem::Away,
            Problem::Broken,
            Problem::ForSomebodyElse { sign_out: sign_out() },
            Problem::LinkEnded,
            Problem::NoErrand,
            Problem::NobodyCanSignIn { by_link: true },
            Problem::NobodyCanSignIn { by_link: false },
            Problem::NoSuchPage,
            Problem::NotAdmitted { sign_out: sign_out() },
            Problem::NotSignedIn,
            Problem::SaidNo,
            Problem::TooOften,
            Problem::Unreadable,
        ] {
            let response = problem(&each, Some(&visitor()));
            assert_eq!(response.headers()[X_FRAME_OPTIONS], "DENY", "{each:?}");
            let text = html(response);
            let (heading, words) = each.words();
            assert!(text.contains(heading) && text.contains(words), "{each:?}");
            assert_eq!(text.contains("action=\"/out\""), each.sign_out().is_some(), "{each:?}");
        }
    }
}
