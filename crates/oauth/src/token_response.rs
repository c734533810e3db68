//! What did the token endpoint answer? (RFC 6749 §5, RFC 8693 §2.2)
//!
//! Read strictly: a member that stands twice, a token that no header can carry, or a token of another kind than the one asked for refuses the whole answer. What
//! the parser says about a wrong answer is dropped, for it may quote it.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::grant::TokenType;
use crate::scope::ScopeSet;
use crate::server_metadata::shortened;

/// A token, and what is said about it.
#[derive(Debug)]
pub struct TokenResponse {
    /// The token itself: visible ASCII, so that a header can carry it.
    pub token: SecretString,
    /// For how long it is good; `None`: nothing is said.
    pub expires_in: Option<Duration>,
    /// What it allows, where that is said.
    pub scopes: Option<ScopeSet>,
    /// What gets the next one without asking anybody.
    pub refresh_token: Option<SecretString>,
    /// Who the person is, as an OpenID provider signs it.
    pub id_token: Option<SecretString>,
    /// Whether it is good only with a proof of the key that it was asked for with (RFC 9449).
    pub is_bound: bool,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A bearer token for a resource.
    AccessToken,
    /// The same, bound to our key where the server can do that.
    BoundToken,
    /// An identity assertion for another authorization server, which is no access token (`token_type` is `N_A`).
    IdJag,
}

/// Reads the body of a 200 answer.
pub fn read(body: &[u8], expected: Expected) -> Result<TokenResponse, InvalidTokenResponse> {
    let wire: Wire = parse(body)?;
    let Text(token) = wire.access_token.ok_or(InvalidTokenResponse::NoToken)?;
    if !is_carriable(token.expose_secret()) {
        return Err(InvalidTokenResponse::TokenShape);
    }
    check_kind(wire.token_type.as_deref(), wire.issued_token_type.as_deref(), expected)?;
    let scopes = wire.scope.map(|scope| ScopeSet::parse(&scope)).transpose().map_err(|_| InvalidTokenResponse::Scope)?;
    let expires_in = wire.expires_in.map(|Seconds(seconds)| Duration::from_secs(seconds.min(A_YEAR)));
    if expires_in.is_some_and(|left| left.is_zero()) {
        return Err(InvalidTokenResponse::Expired);
    }
    let text = |text: Option<Text>| text.map(|Text(text)| text);
    let is_bound = wire.token_type.as_deref().is_some_and(is_dpop);
    Ok(TokenResponse { is_bound, token, expires_in, scopes, refresh_token: text(wire.refresh_token), id_token: text(wire.id_token) })
}

/// Why an answer holds no token that we could use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTokenResponse {
    /// The token has no time left.
    #[error("the token has expired already")]
    Expired,
    /// Not one JSON object, a member twice, or a member of the wrong kind.
    #[error("it is not the JSON object that RFC 6749 describes")]
    Malformed,
    /// `access_token` is missing.
    #[error("there is no `access_token` in it")]
    NoToken,
    /// `scope` is no list of scopes.
    #[error("its `scope` is no list of scopes")]
    Scope,
    /// The token is bound to a key (RFC 9449), which the door does not prove to have.
    #[error("the token is bound to a key (DPoP); a bearer token is needed")]
    SenderConstrained,
    /// The body is over the limit.
    #[error("it is over {MAX_BYTES} bytes")]
    TooLarge,
    /// The token is empty, too long, or holds what a header cannot.
    #[error("the token is empty, over {MAX_TOKEN_BYTES} bytes, or holds characters that a header cannot")]
    TokenShape,
    /// Another kind of token than the one asked for.
    #[error("the token is of another kind than the one asked for")]
    WrongKind,
}

/// What the server says when it gives no token (RFC 6749 §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenError {
    /// Which error.
    pub code: ErrorCode,
    /// Its words, at most 200 characters, made safe for one line of a log. A server may repeat there what it was sent: hide it if it holds a secret.
    pub description: Option<String>,
}

impl TokenError {
    /// Reads the body of an error answer; `None` when it is not OAuth's.
    pub fn read(body: &[u8]) -> Option<Self> {
        let wire: WireError = parse(body).ok()?;
        let code = ErrorCode::from_name(&wire.error)?;
        Some(Self { code, description: wire.error_description.map(|text| shortened(&text)).filter(|text| !text.is_empty()) })
    }

    /// The error without the server's own words.
    #[must_use]
    pub fn without_description(self) -> Self {
        Self { description: None, ..self }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code.name())?;
        match &self.description {
            Some(description) => write!(formatter, " ({description})"),
            None => Ok(()),
        }
    }
}

/// The errors of a token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// It does not know us, or our secret is wrong.
    InvalidClient,
    /// What we brought is expired, revoked, or not for us.
    InvalidGrant,
    /// The request is malformed.
    InvalidRequest,
    /// We may not have these scopes.
    InvalidScope,
    /// It knows no such resource or audience (RFC 8707 §2).
    InvalidTarget,
    /// Another one: letters, digits, `_`, `-` and `.`, at most 64.
    Other(Box<str>),
    /// Something broke there.
    ServerError,
    /// It was asked too often.
    SlowDown,
    /// It cannot serve just now.
    TemporarilyUnavailable,
    /// We may not use this grant.
    UnauthorizedClient,
    /// It does not offer this grant.
    UnsupportedGrantType,
}

impl ErrorCode {
    /// Its name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::Other(name) => name,
            Self::ServerError => "server_error",
            Self::SlowDown => "slow_down",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        }
    }

    /// Whether the same request may succeed a little later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::ServerError | Self::SlowDown | Self::TemporarilyUnavailable)
    }

    fn from_name(name: &str) -> Option<Self> {
        let known = [
            Self::InvalidClient,
            Self::InvalidGrant,
            Self::InvalidRequest,
            Self::InvalidScope,
            Self::InvalidTarget,
            Self::ServerError,
            Self::SlowDown,
            Self::TemporarilyUnavailable,
            Self::UnauthorizedClient,
            Self::UnsupportedGrantType,
        ];
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let other = || ((1..=MAX_CODE_BYTES).contains(&name.len()) && name.bytes().all(is_plain)).then(|| Self::Other(name.into()));
        known.into_iter().find(|code| code.name() == name).or_else(other)
    }
}

/// Greatest body that is read.
pub const MAX_BYTES: usize = 64 * 1024;
/// Longest token.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

#[derive(Deserialize)]
struct Wire {
    access_token: Option<Text>,
    token_type: Option<String>,
    expires_in: Option<Seconds>,
    scope: Option<String>,
    issued_token_type: Option<String>,
    refresh_token: Option<Text>,
    id_token: Option<Text>,
}

#[derive(Deserialize)]
struct WireError {
    error: String,
    error_description: Option<String>,
}

fn parse<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, InvalidTokenResponse> {
    if body.len() > MAX_BYTES {
        return Err(InvalidTokenResponse::TooLarge);
    }
    // The parser looks for UTF-8 only in what it keeps, and takes a list for an object.
    let text = std::str::from_utf8(body).map_err(|_| InvalidTokenResponse::Malformed)?;
    if !text.trim_start().starts_with('{') {
        return Err(InvalidTokenResponse::Malformed);
    }
    serde_json::from_str(text).map_err(|_| InvalidTokenResponse::Malformed)
}

fn is_dpop(token_type: &str) -> bool {
    token_type.eq_ignore_ascii_case("dpop")
}

fn check_kind(token_type: Option<&str>, issued: Option<&str>, expected: Expected) -> Result<(), InvalidTokenResponse> {
    let token_type = token_type.ok_or(InvalidTokenResponse::WrongKind)?;
    if is_dpop(token_type) && expected != Expected::BoundToken {
        return Err(InvalidTokenResponse::SenderConstrained);
    }
    let is_right = match expected {
        // RFC 8693 demands `issued_token_type`, and some servers leave it out; what is there must be right.
        Expected::AccessToken | Expected::BoundToken => {
            let may_be = [TokenType::AccessToken.urn(), TokenType::Jwt.urn()];
            let is_known = token_type.eq_ignore_ascii_case("bearer") || is_dpop(token_type);
            is_known && issued.is_none_or(|issued| may_be.contains(&issued))
        }
        Expected::IdJag => token_type.eq_ignore_ascii_case("n_a") && issued == Some(TokenType::IdJag.urn()),
    };
    if is_right { Ok(()) } else { Err(InvalidTokenResponse::WrongKind) }
}

/// Tokens are opaque; all that is asked is that one header can carry it (RFC 6749, appendix A.12, without the space).
fn is_carriable(token: &str) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A secret text.
struct Text(SecretString);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl Visitor<'_> for TextVisitor {
            type Value = Text;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.into()))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// Whole seconds; some servers write them as a text, some with a fraction, which is dropped.
struct Seconds(u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecondsVisitor;
        impl Visitor<'_> for SecondsVisitor {
            type Value = Seconds;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number of seconds")
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Seconds, E> {
                Ok(Seconds(seconds))
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Seconds, E> {
                let length = Duration::try_from_secs_f64(seconds).map_err(|_| E::custom("no length of time"))?;
                Ok(Seconds(length.as_secs()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Seconds, E> {
                text.parse().map(Seconds).map_err(|_| E::custom("no whole number"))
            }
        }
        deserializer.deserialize_any(SecondsVisitor)
    }
}

const A_YEAR: u64 = 365 * 24 * 3600;
const MAX_CODE_BYTES: usize = 64;

#[cfg(test)]
mod tests;
