//! What does a person see on the pages under `/connections`? Whole documents without scripts, in the languages of [`pages::language`]; every text is escaped by the template.

use askama::Template;
use http::header::SET_COOKIE;
use http::{HeaderValue, Response, StatusCode};
use oauth::scope::ScopeSet;
use pages::STYLE;
use pages::language::Language;
use url::Url;

use super::browser::Visitor;
use crate::body::Body;
use crate::refusal::Refusal;

mod words;

use words::Words;

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

    fn sign_out(&self) -> Option<&str> {
        match self {
            Self::ForSomebodyElse { sign_out } | Self::NotAdmitted { sign_out } => Some(sign_out),
            _ => None,
        }
    }
}

/// Who reads the page, and in which language.
pub(super) struct Reader<'a> {
    pub(super) visitor: &'a Visitor,
    /// Where the form goes by which they are forgotten.
    pub(super) sign_out: String,
    pub(super) language: Language,
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

/// Who is signed in, and how to end that.
struct Who<'a> {
    subject: &'a str,
    issuer: &'a str,
    mark: &'a str,
    sign_out: &'a str,
}

#[derive(Template)]
#[template(path = "connect/list.html")]
struct List<'a> {
    style: &'static str,
    language: Language,
    words: &'static Words,
    who: Option<Who<'a>>,
    entries: &'a [Entry],
}

#[derive(Template)]
#[template(path = "connect/consent.html")]
struct Consent<'a> {
    style: &'static str,
    language: Language,
    words: &'static Words,
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
    language: Language,
    words: &'static Words,
    who: Option<Who<'a>>,
    choices: &'a [Choice],
}

#[derive(Template)]
#[template(path = "connect/leave.html")]
struct Leave<'a> {
    style: &'static str,
    language: Language,
    words: &'static Words,
    who: Option<Who<'a>>,
    title: &'a str,
    host: &'a str,
    to: &'a str,
}

#[derive(Template)]
#[template(path = "connect/message.html")]
struct Message<'a> {
    style: &'static str,
    language: Language,
    words: &'static Words,
    who: Option<Who<'a>>,
    heading: &'a str,
    text: &'a str,
}

impl<'a> Who<'a> {
    fn new(visitor: &'a Visitor, sign_out: &'a str) -> Self {
        Self { subject: &visitor.person.subject, issuer: &visitor.person.issuer, mark: &visitor.mark, sign_out }
    }
}

impl Reader<'_> {
    fn who(&self) -> Who<'_> {
        Who::new(self.visitor, &self.sign_out)
    }

    fn words(&self) -> &'static Words {
        Words::of(self.language)
    }

    /// Tells them something.
    fn message(&self, heading: &str, text: &str) -> Response<Body> {
        message(StatusCode::OK, Some(self.who()), heading, text, self.language)
    }
}

pub(super) fn list(reader: &Reader<'_>, entries: &[Entry]) -> Response<Body> {
    page(StatusCode::OK, &List { style: STYLE, language: reader.language, words: reader.words(), who: Some(reader.who()), entries })
}

pub(super) fn consent(reader: &Reader<'_>, question: &Question<'_>) -> Response<Body> {
    let Question { title, host, scopes, is_connected } = *question;
    let view = Consent {
        style: STYLE,
        language: reader.language,
        words: reader.words(),
        who: Some(reader.who()),
        title,
        host,
        scopes: scopes.iter().map(ToString::to_string).collect(),
        mark: &reader.visitor.mark,
        is_connected,
    };
    page(StatusCode::OK, &view)
}

pub(super) fn choose(choices: &[Choice], language: Language) -> Response<Body> {
    page(StatusCode::OK, &Choose { style: STYLE, language, words: Words::of(language), who: None, choices })
}

pub(super) fn connected(reader: &Reader<'_>, title: &str) -> Response<Body> {
    let words = reader.words();
    reader.message(&words.connected.with(title), words.close)
}

pub(super) fn disconnected(reader: &Reader<'_>, title: &str, is_taken_back: bool) -> Response<Body> {
    let words = reader.words();
    reader.message(&words.disconnected.with(title), if is_taken_back { words.taken_back } else { words.forgotten })
}

pub(super) fn signed_out(cookie: HeaderValue, language: Language) -> Response<Body> {
    let (heading, text) = Words::of(language).signed_out;
    let mut response = message(StatusCode::OK, None, heading, text, language);
    response.headers_mut().insert(SET_COOKIE, cookie);
    response
}

pub(super) fn problem(problem: &Problem, visitor: Option<&Visitor>, language: Language) -> Response<Body> {
    let (heading, text) = Words::of(language).problem(problem);
    let who = visitor.zip(problem.sign_out()).map(|(visitor, sign_out)| Who::new(visitor, sign_out));
    message(problem.status(), who, heading, text, language)
}

/// On to somebody else's server.
pub(super) fn leave(reader: &Reader<'_>, title: &str, to: &Url, cookie: HeaderValue) -> Response<Body> {
    let view = Leave {
        style: STYLE,
        language: reader.language,
        words: reader.words(),
        who: Some(reader.who()),
        title,
        host: to.host_str().unwrap_or_default(),
        to: to.as_str(),
    };
    let mut response = pages::leave(&view, to.as_str()).map(Body::full);
    response.headers_mut().insert(SET_COOKIE, cookie);
    response
}

fn message(status: StatusCode, who: Option<Who<'_>>, heading: &str, text: &str, language: Language) -> Response<Body> {
    page(status, &Message { style: STYLE, language, words: Words::of(language), who, heading, text })
}

fn page(status: StatusCode, view: &impl Template) -> Response<Body> {
    pages::page(status, view).map(Body::full)
}

#[cfg(test)]
mod tests {
    use broker::connection::Person;
    use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, REFRESH, X_FRAME_OPTIONS};

    use super::*;

    fn visitor() -> Visitor {
        Visitor { person: Person { issuer: "https://idp".into(), subject: "<b>ada</b>".into() }, mark: "m\"ark".to_owned() }
    }

    fn reader(visitor: &Visitor, language: Language) -> Reader<'_> {
        Reader { visitor, sign_out: "/out".to_owned(), language }
    }

    fn html(response: Response<Body>) -> String {
        let Body::Full(Some(html)) = response.into_body() else { panic!("a page is whole") };
        String::from_utf8(html.to_vec()).unwrap()
    }

    #[test]
    fn what_others_have_chosen_is_text_and_nothing_else() {
        let scopes = ScopeSet::parse("read:<script>").unwrap();
        let question = Question { title: "<script>alert(1)</script>", host: "as\"><img>", scopes: &scopes, is_connected: false };
        for language in Language::ALL {
            let text = html(consent(&reader(&visitor(), language), &question));
            for piece in ["<script>alert", "<b>ada", "<img>", "read:<script>", "m\"ark"] {
                assert!(!text.contains(piece), "{piece} in {text}");
            }
            assert!(text.contains("&#60;script&#62;alert(1)"), "{text}");
            assert!(text.contains(&format!("<html lang=\"{}\">", language.tag())), "{text}");
        }
    }

    #[test]
    fn nobody_can_frame_a_page_or_bring_anything_into_it() {
        let question = Question { title: "Mail", host: "as.example", scopes: &ScopeSet::default(), is_connected: true };
        let page = consent(&reader(&visitor(), Language::English), &question);
        let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self';"), "{policy}");
        assert_eq!(page.headers()[REFERRER_POLICY], "same-origin");
        assert_eq!(page.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(page.headers()[X_FRAME_OPTIONS], "DENY");
        let text = html(page);
        let style = text.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        assert_eq!(style, STYLE, "the style in the page is the one that the policy knows");
        assert!(!text.contains("src=") && !text.contains("style="));
    }

    #[test]
    fn who_leaves_is_taken_there_and_finds_a_link_if_not() {
        let to = Url::parse("https://as.example/authorize?a=1&b=%3C\"x").unwrap();
        let left = leave(&reader(&visitor(), Language::English), "Mail", &to, HeaderValue::from_static("c=1"));
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
            for language in Language::ALL {
                let response = problem(&each, Some(&visitor()), language);
                assert_eq!(response.headers()[X_FRAME_OPTIONS], "DENY", "{each:?}");
                let text = html(response);
                let (heading, words) = Words::of(language).problem(&each);
                assert!(text.contains(heading) && text.contains(words), "{each:?}");
                assert_eq!(text.contains("action=\"/out\""), each.sign_out().is_some(), "{each:?}");
            }
        }
    }
}
