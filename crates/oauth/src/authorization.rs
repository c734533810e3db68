//! How is a person sent to an authorization server, and what do they bring back? (RFC 6749 §4.1, RFC 9207)
//!
//! What they bring comes through their browser, from whoever sent it there: it is read strictly, and nothing of it is believed before [`Answer::check_issuer`].

use secrecy::SecretString;
use thiserror::Error;
use url::{Url, form_urlencoded};

use crate::grant::Wanted;
use crate::issuer::Issuer;
use crate::pkce::{self, Verifier};
use crate::resource::Resource;
use crate::server_metadata::shortened;
use crate::token_response::MAX_TOKEN_BYTES;

/// What is asked of an authorization server, by way of a person's browser.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    /// Who asks.
    pub client_id: &'r str,
    /// Where the person is sent back to, letter for letter as it is registered.
    pub redirect_uri: &'r str,
    /// What ties the answer to this question: unguessable, and good once.
    pub state: &'r str,
    /// What ties the code to who asked.
    pub verifier: &'r Verifier,
    /// What ties an OpenID id token to this question.
    pub nonce: Option<&'r str>,
    /// What is asked for.
    pub wanted: &'r Wanted,
}

impl Request<'_> {
    /// Where the browser is sent. What the endpoint's own URL asks stays in it (RFC 6749 §3.1).
    pub fn url(&self, endpoint: &Url) -> Url {
        let mut url = endpoint.clone();
        url.set_fragment(None);
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("response_type", "code").append_pair("client_id", self.client_id);
            query.append_pair("redirect_uri", self.redirect_uri).append_pair("state", self.state);
            query.append_pair("code_challenge", &self.verifier.challenge()).append_pair("code_challenge_method", pkce::METHOD);
            if !self.wanted.scopes.is_empty() {
                query.append_pair("scope", &self.wanted.scopes.to_string());
            }
            let optional = [
                ("resource", self.wanted.resource.as_ref().map(Resource::as_str)),
                ("audience", self.wanted.audience.as_deref()),
                ("nonce", self.nonce),
            ];
            for (name, value) in optional {
                if let Some(value) = value {
                    query.append_pair(name, value);
                }
            }
        }
        url
    }
}

/// What the person's browser brings back.
#[derive(Debug)]
pub struct Answer {
    /// The question that it answers, as it says.
    pub state: SecretString,
    /// Who answers, where that is said (RFC 9207).
    pub issuer: Option<String>,
    /// A code, or a no.
    pub outcome: Result<SecretString, Denial>,
}

/// The authorization server, or the person, says no.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{code}")]
pub struct Denial {
    /// The error's name: letters, digits and `_`, at most 64 (RFC 6749 §4.1.2.1).
    pub code: Box<str>,
}

impl Denial {
    /// Whether it was the person who said no.
    pub fn is_by_the_person(&self) -> bool {
        &*self.code == "access_denied"
    }
}

/// Why an answer is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidAnswer {
    /// It is too long.
    #[error("it is over {MAX_QUERY_BYTES} bytes")]
    TooLong,
    /// One of its parameters stands in it twice: two readers could see two answers.
    #[error("`{0}` stands in it twice")]
    Twice(&'static str),
    /// There is no `state`, so it answers no question of ours.
    #[error("there is no `state` in it")]
    NoState,
    /// Neither a code nor an error, or both.
    #[error("it holds neither a code nor an error, or both")]
    NoOutcome,
    /// The error's name is no name.
    #[error("its `error` is no name of an error")]
    ErrorShape,
}

impl Answer {
    /// Reads the query with which the browser came back.
    pub fn read(query: &str) -> Result<Self, InvalidAnswer> {
        if query.len() > MAX_QUERY_BYTES {
            return Err(InvalidAnswer::TooLong);
        }
        let mut found = Parameters::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            found.take(&name, value.into_owned())?;
        }
        let Parameters { code, error, issuer, state } = found;
        let state = state.filter(|state| !state.is_empty()).ok_or(InvalidAnswer::NoState)?;
        let outcome = match (code, error) {
            (Some(code), None) if (1..=MAX_TOKEN_BYTES).contains(&code.len()) => Ok(SecretString::from(code)),
            (None, Some(error)) => Err(Denial { code: name(error)? }),
            _ => return Err(InvalidAnswer::NoOutcome),
        };
        Ok(Self { state: state.into(), issuer, outcome })
    }

    /// Whether the server that answers is the one that was asked (RFC 9207 §2.4): one server's code must never be taken to another. `is_promised`: the server's
    /// metadata says that it names itself, so silence is wrong too.
    pub fn check_issuer(&self, expected: &Issuer, is_promised: bool) -> Result<(), WrongIssuer> {
        match &self.issuer {
            Some(issuer) if issuer == expected.as_str() => Ok(()),
            None if !is_promised => Ok(()),
            found => Err(WrongIssuer { expected: expected.clone(), found: found.as_deref().map(shortened) }),
        }
    }
}

/// Another authorization server answers than the one that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{expected} was asked, and {} answers", found.as_deref().unwrap_or("somebody without a name"))]
pub struct WrongIssuer {
    /// Who was asked.
    pub expected: Issuer,
    /// Who answers, at most 200 characters, control characters replaced.
    pub found: Option<String>,
}

#[derive(Default)]
struct Parameters {
    code: Option<String>,
    error: Option<String>,
    issuer: Option<String>,
    state: Option<String>,
}

impl Parameters {
    fn take(&mut self, name: &str, value: String) -> Result<(), InvalidAnswer> {
        let (place, name) = match name {
            "code" => (&mut self.code, "code"),
            "error" => (&mut self.error, "error"),
            "iss" => (&mut self.issuer, "iss"),
            "state" => (&mut self.state, "state"),
            _ => return Ok(()),
        };
        match place.replace(value) {
            Some(_) => Err(InvalidAnswer::Twice(name)),
            None => Ok(()),
        }
    }
}

fn name(error: String) -> Result<Box<str>, InvalidAnswer> {
    let is_name = (1..=64).contains(&error.len()) && error.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name { Ok(error.into()) } else { Err(InvalidAnswer::ErrorShape) }
}

/// The longest query that is read.
pub const MAX_QUERY_BYTES: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::scope::ScopeSet;

    fn pairs(url: &Url) -> Vec<(String, String)> {
        url.query_pairs().into_owned().collect()
    }

    #[test]
    fn a_person_is_sent_with_everything_that_ties_the_answer_to_the_question() {
        let wanted =
            Wanted { resource: Some(Resource::parse("https://h/mcp").unwrap()), audience: None, scopes: ScopeSet::parse("b a").unwrap() };
        let verifier = Verifier::from_random(&[7; 32]);
        let request = Request {
            client_id: "the door",
            redirect_uri: "https://door/connections/callback",
            state: "s&t",
            verifier: &verifier,
            nonce: None,
            wanted: &wanted,
        };
        let url = request.url(&Url::parse("https://as/authorize?tenant=1#part").unwrap());
        assert_eq!(url.fragment(), None);
        let expected = [
            ("tenant", "1"),
            ("response_type", "code"),
            ("client_id", "the door"),
            ("redirect_uri", "https://door/connections/callback"),
            ("state", "s&t"),
            ("code_challenge", &verifier.challenge()),
            ("code_challenge_method", "S256"),
            ("scope", "a b"),
            ("resource", "https://h/mcp"),
        ];
        assert_eq!(pairs(&url), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(!url.as_str().contains(verifier.expose()));
        let url = Request { nonce: Some("n"), wanted: &Wanted::default(), ..request }.url(&Url::parse("https://as/authorize").unwrap());
        assert_eq!(pairs(&url).last(), Some(&("nonce".to_owned(), "n".to_owned())));
        assert!(!pairs(&url).iter().any(|(name, _)| name == "scope" || name == "resource"));
    }

    #[test]
    fn a_code_and_a_no_are_read() {
        let answer = Answer::read("code=c%2B1&state=s&iss=https%3A%2F%2Fas&session_state=x").unwrap();
        assert_eq!(answer.outcome.unwrap().expose_secret(), "c+1");
        assert_eq!((answer.state.expose_secret(), answer.issuer.as_deref()), ("s", Some("https://as")));
        let answer = Answer::read("error=access_denied&error_description=%3Cscript%3E&state=s").unwrap();
        assert!(answer.outcome.unwrap_err().is_by_the_person());
        assert!(!Answer::read("error=server_error&state=s").unwrap().outcome.unwrap_err().is_by_the_person());
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_not_read() {
        for (query, expected) in [
            ("code=a&code=b&state=s", InvalidAnswer::Twice("code")),
            ("code=a&state=s&state=t", InvalidAnswer::Twice("state")),
            ("code=a&state=s&iss=a&iss=b", InvalidAnswer::Twice("iss")),
            ("code=a&error=b&state=s", InvalidAnswer::NoOutcome),
            ("code=&state=s", InvalidAnswer::NoOutcome),
            ("state=s", InvalidAnswer::NoOutcome),
            ("code=a", InvalidAnswer::NoState),
            ("code=a&state=", InvalidAnswer::NoState),
            ("error=%3Cb%3E&state=s", InvalidAnswer::ErrorShape),
            ("", InvalidAnswer::NoState),
        ] {
            assert_eq!(Answer::read(query).unwrap_err(), expected, "{query}");
        }
        assert_eq!(Answer::read(&"x".repeat(MAX_QUERY_BYTES + 1)).unwrap_err(), InvalidAnswer::TooLong);
    }

    #[test]
    fn only_who_was_asked_may_answer() {
        let asked = Issuer::parse("https://as").unwrap();
        let answer = |query: &str| Answer::read(query).unwrap();
        assert_eq!(answer("code=a&state=s&iss=https://as").check_issuer(&asked, true), Ok(()));
        assert_eq!(answer("code=a&state=s&iss=https://as").check_issuer(&asked, false), Ok(()));
        assert_eq!(answer("code=a&state=s").check_issuer(&asked, false), Ok(()));
        assert!(answer("code=a&state=s").check_issuer(&asked, true).is_err());
        for other in ["https://as/", "https://AS", "https://evil", ""] {
            assert!(answer(&format!("code=a&state=s&iss={other}")).check_issuer(&asked, false).is_err(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(query in ".{0,200}") {
            let _ = Answer::read(&query);
        }
    }
}
