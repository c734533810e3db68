//! What does a person see in the browser? Plain pages that work without scripts, in the languages of [`pages::language`].

use askama::Template;
use bytes::Bytes;
use http::{Response, StatusCode};
use oauth::redirect::{Kind, RedirectUri};
use oauth::scope::ScopeSet;
use pages::STYLE;
use pages::language::Language;
use pages::phrase::{Phrase, Piece, pieces};

use crate::browser::Session;
use crate::client::{Client, Origin};
use crate::config::{Meaning, ProtectedResource};
use crate::federation::Provider;
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
    /// Where else people sign in.
    pub(crate) providers: &'q [Provider],
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
    /// They have signed in at a provider, and are none of those who may come in.
    NotAdmitted {
        provider: String,
    },
    /// A provider's answer is not to be believed.
    NotSignedIn {
        provider: String,
    },
    /// A provider does not answer.
    ProviderAway {
        provider: String,
    },
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

    pub(crate) fn away(error: &(dyn std::error::Error + 'static), provider: &str) -> Self {
        tracing::warn!(target: "issuer", error, "nobody can sign in at a provider");
        Self::ProviderAway { provider: provider.to_owned() }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NobodyCanSignIn | Self::ProviderAway { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoSuchPage => StatusCode::NOT_FOUND,
            Self::NoErrand | Self::NotAdmitted { .. } | Self::NotSignedIn { .. } => StatusCode::FORBIDDEN,
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
    providers: &'a [Provider],
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
    /// Whoever is signed in: their name for people, and their subject.
    account: Option<(&'a str, &'a str)>,
    /// Where they sign in once they have agreed, if nobody is.
    providers: &'a [Provider],
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
#[template(path = "leaving.html")]
struct Leave<'a> {
    style: &'static str,
    language: Language,
    words: &'static Words,
    client: &'a str,
    provider: &'a str,
    to: &'a str,
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
    text: Vec<Piece<'a>>,
    /// In the words of the protocol, which are English.
    detail: Option<Vec<Piece<'a>>>,
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
        providers: question.providers,
    };
    pages::page(status, &view)
}

pub(crate) fn consent(question: &Question<'_>, session: &Session, asked: &str, language: Language) -> Response<Bytes> {
    agreement(question, Some(session), &[], asked, language)
}

/// The same for somebody who signs in at one of these providers once they have agreed.
pub(crate) fn consent_elsewhere(question: &Question<'_>, providers: &[Provider], asked: &str, language: Language) -> Response<Bytes> {
    agreement(question, None, providers, asked, language)
}

fn agreement(
    question: &Question<'_>,
    session: Option<&Session>,
    providers: &[Provider],
    asked: &str,
    language: Language,
) -> Response<Bytes> {
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
        account: session.map(|session| (&*session.person.name, &*session.person.subject)),
        providers,
        goes_to: question.redirect.as_ref().map(RedirectUri::host),
        is_loopback: question.redirect.as_ref().is_some_and(|redirect| redirect.kind() == Kind::Loopback),
        action: format!("{}{}", question.base, paths::CONSENT),
        sign_out: format!("{}{}", question.base, paths::SIGN_OUT),
        asked,
    };
    pages::page(StatusCode::OK, &view)
}

/// The browser goes to where the person signs in.
pub(crate) fn leaving(client: &str, provider: &str, to: &str, language: Language) -> Response<Bytes> {
    let view = Leave { style: STYLE, language, words: Words::of(language), client, provider, to };
    pages::leave(&view, to)
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
    let text = match problem {
        Problem::NotAdmitted { provider } | Problem::NotSignedIn { provider } | Problem::ProviderAway { provider } => {
            Phrase(text).with(provider)
        }
        _ => text.to_owned(),
    };
    let (detail, way_back) = match problem {
        Problem::Request(detail) | Problem::Undescribed(detail) => (Some(detail.as_str()), None),
        Problem::Refused { words, host, to } => (Some(words.as_str()), Some((to.as_str(), host.as_str()))),
        _ => (None, None),
    };
    let view = ProblemView { style: STYLE, language, words, heading, text: pieces(&text), detail: detail.map(pieces), way_back };
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
