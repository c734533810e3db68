//! What does a person see in the browser? Plain pages that work without scripts, in the languages of [`pages::language`].

use askama::Template;
use bytes::Bytes;
use http::{Response, StatusCode};
use oauth::redirect::{Kind, RedirectUri};
use oauth::scope::ScopeSet;
use pages::STYLE;
use pages::language::Language;

use crate::browser::Session;
use crate::client::{Client, Origin};
use crate::config::{Meaning, ProtectedResource};
use crate::paths;

mod device;
mod words;

pub(crate) use device::{device, device_done};

use words::Words;

/// What a client asks of a person.
pub(crate) struct Question<'q> {
    pub(crate) client: &'q Client,
    pub(crate) resource: &'q ProtectedResource,
    pub(crate) scopes: &'q ScopeSet,
    /// Where the browser goes back to; `None`: a device waits.
    pub(crate) redirect: Option<RedirectUri>,
    /// The public URL.
    pub(crate) base: &'q str,
}

/// Why a form is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// There have been too many attempts.
    TooOften {
        /// After how many minutes it may be tried again.
        minutes: u64,
    },
    /// The name or the password is wrong; which of them is not told.
    Wrong,
}

/// Why there is no page, for the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is our fault; the log says why.
    Broken,
    /// There is no account, and no other way to sign in.
    NobodyCanSignIn,
    /// The form is of another browser, another site, or from too long ago.
    NoErrand,
    NoSuchPage,
    /// The client names a place to go back to that is not its own.
    Redirect,
    /// The client is told something, and the person may go there.
    Refused {
        words: String,
        host: String,
        to: String,
    },
    /// The client's question cannot be read.
    Request(String),
    /// What should describe the client does not.
    Undescribed(String),
    UnknownClient,
    /// The form cannot be read.
    Unreadable,
}

impl Problem {
    pub(crate) fn broken(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(target: "issuer", error, "a page could not be shown");
        Self::Broken
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NobodyCanSignIn => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoSuchPage => StatusCode::NOT_FOUND,
            Self::NoErrand => StatusCode::FORBIDDEN,
            Self::Redirect | Self::Refused { .. } | Self::Request(_) | Self::Undescribed(_) | Self::UnknownClient | Self::Unreadable => {
                StatusCode::BAD_REQUEST
            }
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    style: &'static str,
    language: Language,
    words: &'static Words,
    client: &'a str,
    resource: &'a str,
    action: String,
    asked: &'a str,
    username: &'a str,
    trouble: Option<String>,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct Consent<'a> {
    style: &'static str,
    language: Language,
    words: &'static Words,
    client: &'a str,
    is_unverified: bool,
    /// The host that answers for the client's description.
    verified: Option<&'a str>,
    resource: &'a str,
    scopes: Vec<ScopeView>,
    account: &'a str,
    subject: &'a str,
    goes_to: Option<&'a str>,
    is_loopback: bool,
    action: String,
    sign_out: String,
    asked: &'a str,
}

/// One thing that is asked for.
struct ScopeView {
    name: String,
    meaning: String,
}

#[derive(Template)]
#[template(path = "done.html")]
struct Done<'a> {
    style: &'static str,
    language: Language,
    words: &'static Words,
    client: &'a str,
    is_yes: bool,
    goes_to: &'a str,
    to: &'a str,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemView<'a> {
    style: &'static str,
    language: Language,
    words: &'static Words,
    heading: &'static str,
    text: String,
    detail: Option<&'a str>,
    way_back: Option<(&'a str, &'a str)>,
}

pub(crate) fn sign_in(
    question: &Question<'_>,
    asked: &str,
    username: &str,
    trouble: Option<Trouble>,
    language: Language,
) -> Response<Bytes> {
    let words = Words::of(language);
    let (status, trouble) = match trouble {
        None => (StatusCode::OK, None),
        Some(Trouble::Wrong) => (StatusCode::FORBIDDEN, Some(words.wrong.to_owned())),
        Some(Trouble::TooOften { minutes }) => (StatusCode::TOO_MANY_REQUESTS, Some(words.too_often.with(&minutes.to_string()))),
    };
    let view = SignIn {
        style: STYLE,
        language,
        words,
        client: &question.client.name,
        resource: &question.resource.title,
        action: format!("{}{}", question.base, paths::SIGN_IN),
        asked,
        username,
        trouble,
    };
    pages::page(status, &view)
}

pub(crate) fn consent(question: &Question<'_>, session: &Session, asked: &str, language: Language) -> Response<Bytes> {
    let words = Words::of(language);
    let view = Consent {
        style: STYLE,
        language,
        words,
        client: &question.client.name,
        is_unverified: question.client.origin == Origin::Itself,
        verified: match &question.client.origin {
            Origin::Document { host } => Some(host),
            Origin::Operator | Origin::Itself => None,
        },
        resource: &question.resource.title,
        scopes: scopes(question, words),
        account: &session.person.name,
        subject: &session.person.subject,
        goes_to: question.redirect.as_ref().map(RedirectUri::host),
        is_loopback: question.redirect.as_ref().is_some_and(|redirect| redirect.kind() == Kind::Loopback),
        action: format!("{}{}", question.base, paths::CONSENT),
        sign_out: format!("{}{}", question.base, paths::SIGN_OUT),
        asked,
    };
    pages::page(StatusCode::OK, &view)
}

/// Everything is said, and the browser goes back to the client.
pub(crate) fn done(question: &Question<'_>, is_yes: bool, to: &str, language: Language) -> Response<Bytes> {
    let words = Words::of(language);
    let goes_to = question.redirect.as_ref().map(RedirectUri::host).unwrap_or_default();
    let view = Done { style: STYLE, language, words, client: &question.client.name, is_yes, goes_to, to };
    pages::leave(&view, to)
}

pub(crate) fn problem(problem: &Problem, language: Language) -> Response<Bytes> {
    let words = Words::of(language);
    let (heading, text) = words.problem(problem);
    let (detail, way_back) = match problem {
        Problem::Request(detail) | Problem::Undescribed(detail) => (Some(detail.as_str()), None),
        Problem::Refused { words, host, to } => (Some(words.as_str()), Some((to.as_str(), host.as_str()))),
        _ => (None, None),
    };
    let view = ProblemView { style: STYLE, language, words, heading, text: text.to_owned(), detail, way_back };
    pages::page(problem.status(), &view)
}

fn scopes(question: &Question<'_>, words: &Words) -> Vec<ScopeView> {
    let resource = question.resource;
    let mut views: Vec<ScopeView> = Vec::new();
    for scope in question.scopes.iter() {
        let meaning = match resource.scopes.get(scope) {
            Some(Meaning::Words(own)) => own.clone(),
            Some(Meaning::Patterns(patterns)) => words.patterns(patterns),
            None => words.offline.to_owned(),
        };
        views.push(ScopeView { name: scope.to_string(), meaning });
    }
    if question.scopes.without_offline_access().is_empty() {
        views.insert(0, ScopeView { name: String::new(), meaning: words.everything.with(&resource.title) });
    }
    views
}
