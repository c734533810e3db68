//! Which error may a resource server name in a challenge? (RFC 6750 §3.1, RFC 9449 §7.1)

use std::fmt;

/// The three errors of RFC 6750, and the one of RFC 9449. A request without any credentials names none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OauthError {
    /// The proof that came with the token is missing, or not good for this request.
    InvalidDpopProof,
    /// The request is malformed, for example it carries credentials in two ways.
    InvalidRequest,
    /// The token is expired, revoked, for another audience, or otherwise not good.
    InvalidToken,
    /// The token is good, but lacks a scope that would help.
    InsufficientScope,
}

impl OauthError {
    /// The name on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }

    /// The HTTP status that goes with it.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::InvalidDpopProof | Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
        }
    }

    /// The error of this name; `None` for any other.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::InvalidDpopProof, Self::InvalidRequest, Self::InvalidToken, Self::InsufficientScope]
            .into_iter()
            .find(|error| error.code() == code)
    }
}

impl fmt::Display for OauthError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_name_and_its_status() {
        for (error, code, status) in [
            (OauthError::InvalidDpopProof, "invalid_dpop_proof", 401),
            (OauthError::InvalidRequest, "invalid_request", 400),
            (OauthError::InvalidToken, "invalid_token", 401),
            (OauthError::InsufficientScope, "insufficient_scope", 403),
        ] {
            assert_eq!((error.code(), error.status()), (code, status));
            assert_eq!(OauthError::from_code(code), Some(error));
        }
        assert_eq!(OauthError::from_code("use_dpop_nonce"), None);
    }
}
