//! What does a client ask of an authorization server, by way of a person's browser? The server's side of `authorization`. (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2)

use crate::error_code::ErrorCode;
use crate::form_fields::{Fields, InvalidFields};
use crate::pkce;
use crate::resource::Resource;
use crate::scope::ScopeSet;

/// Who asks, and where the answer would go. Nothing of it is believed yet: an error about these is shown to the person and sent nowhere.
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: String,
    /// Where the answer is to go; without it the client must have registered exactly one place.
    pub redirect_uri: Option<String>,
    /// What goes back with every answer, as it came.
    pub state: Option<String>,
    fields: Fields,
}

/// Everything else that is asked, once it is known where an answer may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The SHA-256 of the verifier that will be shown with the code.
    pub challenge: String,
    /// What is asked for; empty: whatever is usual.
    pub scopes: ScopeSet,
    /// For which resource; `None`: the client does not know resources.
    pub resource: Option<Resource>,
    /// What ties an id token to this question.
    pub nonce: Option<String>,
    /// How the person may be asked.
    pub prompt: Prompt,
    /// The key that the tokens are to be bound to (RFC 9449 §10).
    pub dpop_key: Option<String>,
    /// Languages that the person reads, the best first.
    pub ui_locales: Option<String>,
    /// Who it will be, in the client's opinion.
    pub login_hint: Option<String>,
}

/// How the person may be asked (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prompt {
    /// As is usual.
    #[default]
    Usual,
    /// They sign in, even if they have already.
    Login,
    /// Not at all.
    Never,
}

/// Why a question is not answered; the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuestion {
    /// Not `code`.
    #[error("`response_type` must be `code`")]
    ResponseType,
    /// Not `query`.
    #[error("`response_mode` must be `query`")]
    ResponseMode,
    /// No PKCE at all.
    #[error("`code_challenge` is missing: PKCE is required")]
    NoChallenge,
    /// PKCE, but not with S256.
    #[error("`code_challenge_method` must be `S256`")]
    ChallengeMethod,
    /// It is no SHA-256 in base64url.
    #[error("`code_challenge` must be 43 characters of base64url")]
    ChallengeShape,
    /// Not a list of scopes.
    #[error("`scope` must be a list of scopes")]
    Scope,
    /// Not a resource, or several.
    #[error("`resource` must be one absolute URI without a fragment")]
    Resource,
    /// A request object, which is not read (RFC 9101).
    #[error("`request` and `request_uri` are not supported")]
    RequestObject,
    /// A text that is too long.
    #[error("`{0}` is too long")]
    TooLong(&'static str),
}

impl InvalidQuestion {
    /// The error that stands for it.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::ResponseType => ErrorCode::UnsupportedResponseType,
            Self::Scope => ErrorCode::InvalidScope,
            Self::Resource => ErrorCode::InvalidTarget,
            Self::ResponseMode
            | Self::NoChallenge
            | Self::ChallengeMethod
            | Self::ChallengeShape
            | Self::RequestObject
            | Self::TooLong(_) => ErrorCode::InvalidRequest,
        }
    }
}

/// Why it cannot be said who asks, or where the answer would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// The query cannot be read.
    #[error("the request cannot be read: {0}")]
    Fields(#[from] InvalidFields),
    /// Nobody asks.
    #[error("`client_id` is missing")]
    NoClient,
    /// It would be longer in the answer than a browser takes.
    #[error("`state` is over {MAX_STATE_BYTES} bytes")]
    StateTooLong,
}

impl AuthorizationRequest {
    /// Reads the query or the form that a browser brought.
    pub fn read(query: &[u8]) -> Result<Self, InvalidRequest> {
        let fields = Fields::read(query)?;
        let text = |name: &str| fields.value(name).map(str::to_owned);
        let state = text("state");
        if state.as_ref().is_some_and(|state| state.len() > MAX_STATE_BYTES) {
            return Err(InvalidRequest::StateTooLong);
        }
        Ok(Self { client_id: text("client_id").ok_or(InvalidRequest::NoClient)?, redirect_uri: text("redirect_uri"), state, fields })
    }

    /// What is asked.
    pub fn question(&self) -> Result<Question, InvalidQuestion> {
        let field = |name: &str| self.fields.value(name);
        if field("request").or(field("request_uri")).is_some() {
            return Err(InvalidQuestion::RequestObject);
        }
        if field("response_type") != Some("code") {
            return Err(InvalidQuestion::ResponseType);
        }
        if field("response_mode").is_some_and(|mode| mode != "query") {
            return Err(InvalidQuestion::ResponseMode);
        }
        Ok(Question {
            challenge: challenge(field("code_challenge"), field("code_challenge_method"))?,
            scopes: ScopeSet::parse(field("scope").unwrap_or_default()).map_err(|_| InvalidQuestion::Scope)?,
            resource: resource(self.fields.values("resource"))?,
            nonce: self.bounded("nonce")?,
            prompt: prompt(field("prompt").unwrap_or_default()),
            dpop_key: self.bounded("dpop_jkt")?,
            ui_locales: self.bounded("ui_locales")?,
            login_hint: self.bounded("login_hint")?,
        })
    }

    fn bounded(&self, name: &'static str) -> Result<Option<String>, InvalidQuestion> {
        match self.fields.value(name) {
            Some(text) if text.len() > MAX_TEXT_BYTES => Err(InvalidQuestion::TooLong(name)),
            text => Ok(text.map(str::to_owned)),
        }
    }
}

/// OAuth 2.1 §4.1.1: without PKCE there is no code, and `plain`, which a missing method would mean, is none.
fn challenge(challenge: Option<&str>, method: Option<&str>) -> Result<String, InvalidQuestion> {
    let challenge = challenge.ok_or(InvalidQuestion::NoChallenge)?;
    if method != Some(pkce::METHOD) {
        return Err(InvalidQuestion::ChallengeMethod);
    }
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if challenge.len() != 43 || !challenge.bytes().all(is_base64url) {
        return Err(InvalidQuestion::ChallengeShape);
    }
    Ok(challenge.to_owned())
}

/// The one resource that is asked for, if any.
pub(crate) fn resource<'r>(mut values: impl Iterator<Item = &'r str>) -> Result<Option<Resource>, InvalidQuestion> {
    let Some(first) = values.next() else { return Ok(None) };
    if values.any(|other| other != first) {
        return Err(InvalidQuestion::Resource);
    }
    Resource::parse(first).map(Some).map_err(|_| InvalidQuestion::Resource)
}

fn prompt(text: &str) -> Prompt {
    let has = |word: &str| text.split(' ').any(|part| part == word);
    if has("none") {
        Prompt::Never
    } else if has("login") || has("select_account") {
        Prompt::Login
    } else {
        Prompt::Usual
    }
}

const MAX_STATE_BYTES: usize = 4096;
const MAX_TEXT_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn query(more: &str) -> String {
        format!("client_id=c&response_type=code&code_challenge={CHALLENGE}&code_challenge_method=S256{more}")
    }

    fn question(query: &str) -> Result<Question, InvalidQuestion> {
        AuthorizationRequest::read(query.as_bytes()).unwrap().question()
    }

    #[test]
    fn a_whole_request_is_read() {
        let text = query(
            "&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcb&state=a%26b&scope=b+a&resource=https%3A%2F%2Fh%2Fmcp&nonce=n&prompt=login",
        );
        let request = AuthorizationRequest::read(text.as_bytes()).unwrap();
        assert_eq!(request.redirect_uri.as_deref(), Some("http://127.0.0.1:9/cb"));
        assert_eq!(request.state.as_deref(), Some("a&b"));
        let question = request.question().unwrap();
        assert_eq!(question.scopes.to_string(), "a b");
        assert_eq!(question.resource.unwrap().as_str(), "https://h/mcp");
        assert_eq!((question.nonce.as_deref(), question.prompt), (Some("n"), Prompt::Login));
    }

    #[test]
    fn pkce_is_s256_or_nothing() {
        let base = "client_id=c&response_type=code";
        for (more, reason) in [
            (String::new(), InvalidQuestion::NoChallenge),
            (format!("&code_challenge={CHALLENGE}"), InvalidQuestion::ChallengeMethod),
            (format!("&code_challenge={CHALLENGE}&code_challenge_method=plain"), InvalidQuestion::ChallengeMethod),
            (format!("&code_challenge={CHALLENGE}&code_challenge_method=s256"), InvalidQuestion::ChallengeMethod),
            ("&code_challenge=short&code_challenge_method=S256".to_owned(), InvalidQuestion::ChallengeShape),
            (format!("&code_challenge={CHALLENGE}%3D&code_challenge_method=S256"), InvalidQuestion::ChallengeShape),
        ] {
            assert_eq!(question(&format!("{base}{more}")), Err(reason), "{more}");
        }
    }

    #[test]
    fn everything_else_that_is_not_offered_is_refused_by_its_own_name() {
        for (query, reason, code) in [
            (query("").replace("=code&", "=token&"), InvalidQuestion::ResponseType, "unsupported_response_type"),
            (query("&response_mode=fragment"), InvalidQuestion::ResponseMode, "invalid_request"),
            (query("&scope=a%22b"), InvalidQuestion::Scope, "invalid_scope"),
            (query("&resource=x"), InvalidQuestion::Resource, "invalid_target"),
            (query("&resource=https%3A%2F%2Fh%2F%23f"), InvalidQuestion::Resource, "invalid_target"),
            (query("&resource=https%3A%2F%2Fa&resource=https%3A%2F%2Fb"), InvalidQuestion::Resource, "invalid_target"),
            (query("&request_uri=urn%3Ax"), InvalidQuestion::RequestObject, "invalid_request"),
            (query(&format!("&nonce={}", "n".repeat(513))), InvalidQuestion::TooLong("nonce"), "invalid_request"),
        ] {
            assert_eq!(question(&query), Err(reason), "{query}");
            assert_eq!(reason.code().name(), code);
        }
    }

    #[test]
    fn who_asks_must_be_said_once() {
        let read = |query: &str| AuthorizationRequest::read(query.as_bytes()).err();
        assert_eq!(read("response_type=code"), Some(InvalidRequest::NoClient));
        assert_eq!(read("client_id=&response_type=code"), Some(InvalidRequest::NoClient));
        assert_eq!(read("client_id=a&client_id=b"), Some(InvalidRequest::Fields(InvalidFields::Twice)));
        assert_eq!(read("client_id=a&redirect_uri=x&redirect_uri=y"), Some(InvalidRequest::Fields(InvalidFields::Twice)));
        assert_eq!(read(&format!("client_id=a&state={}", "s".repeat(4097))), Some(InvalidRequest::StateTooLong));
    }
}
