//! Why was a token refused? One variant for each misdeed.
//!
//! A refusal never holds any part of the token, so it is safe to log and to count.

use std::fmt;

/// Why a token is not good. Callers are told only "expired" or "invalid"; the rest is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The token or its header is longer than we read.
    #[error("the {0} is too long")]
    TooLong(Part),
    /// A part is not what RFC 7515 says it is.
    #[error("the {0} is malformed")]
    Malformed(Part),
    /// A JSON member stands twice, so that two readers could see two tokens.
    #[error("the {0} names a member twice")]
    DuplicateMember(Part),
    /// `alg` is `none`, in any spelling.
    #[error("the token is not signed (`alg` is `none`)")]
    AlgorithmNone,
    /// `alg` is a name we do not know.
    #[error("the algorithm in `alg` is not supported")]
    UnsupportedAlgorithm,
    /// The key that was named is pinned to another algorithm.
    #[error("`alg` is not the algorithm of the key")]
    AlgorithmMismatch,
    /// `crit` asks for an extension; we know none (RFC 7515 §4.1.11).
    #[error("the header has `crit`")]
    CriticalHeader,
    /// The header carries or points to its own key, or changes how the token is read.
    #[error("the header has `{0}`")]
    ForbiddenHeader(HeaderName),
    /// `typ` says that this is another kind of token, or is absent where it is required.
    #[error("`typ` is not that of an access token")]
    WrongType,
    /// No key has this `kid`. Fetching the keys again may help.
    #[error("no key is known by this `kid`")]
    UnknownKey,
    /// The token names no key and several could be meant.
    #[error("the token has no `kid` and more than one key could be meant")]
    AmbiguousKey,
    /// The signature is not that of the key.
    #[error("the signature is wrong")]
    BadSignature,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` lies in the future.
    #[error("the token is not valid yet (`nbf`)")]
    NotYetValid,
    /// `iat` lies in the future.
    #[error("the token was issued in the future (`iat`)")]
    IssuedInFuture,
    /// The token lives longer than this issuer's tokens may.
    #[error("the token lives longer than is allowed")]
    LifetimeTooLong,
    /// `iss` names another issuer.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// `aud` does not name this server.
    #[error("the token is for another audience")]
    WrongAudience,
    /// A required claim is absent.
    #[error("the claim `{0}` is missing")]
    MissingClaim(ClaimName),
    /// A claim has the wrong JSON type, is empty, too long, out of range or has control characters.
    #[error("the claim `{0}` is malformed")]
    MalformedClaim(ClaimName),
    /// The token is an OpenID id token (`nonce`, `at_hash` or `c_hash`), not an access token.
    #[error("this is an id token, not an access token")]
    IdToken,
    /// The id token answers another question than the one that was asked, or none.
    #[error("the id token's `nonce` is not the one that was sent")]
    WrongNonce,
    /// The id token came with another access token than the one that it is for.
    #[error("the id token is for another access token (`at_hash`)")]
    WrongAccessToken,
    /// The assertion is another client's, or is about another one.
    #[error("the assertion is for another client")]
    WrongClient,
    /// The server that issued it says that it is not good, and not why (RFC 7662 §2.2).
    #[error("the server that issued the token says that it is not active")]
    Inactive,
    /// The token reports a security event, such as a logout (RFC 8417).
    #[error("this is a security event, not an access token")]
    SecurityEvent,
    /// The token is bound to a key of the sender (`cnf`), which a bearer does not prove.
    #[error("the token is bound to its sender's key and was sent as a plain bearer token")]
    SenderConstrained,
    /// The token is bound to no key, and was sent as if it were (RFC 9449 §7.1).
    #[error("the token is bound to no key and was sent with a proof of one")]
    NotSenderConstrained,
    /// The proof is by another key than the one that the token is bound to, or is not for a token at all.
    #[error("the proof is not by the key that the token is bound to")]
    WrongProof,
}

impl Refusal {
    /// Whether a newer token of the same kind would have been accepted.
    pub fn is_expired(self) -> bool {
        self == Self::Expired
    }

    /// Whether fetching the issuer's keys again could change the answer.
    pub fn may_need_newer_keys(self) -> bool {
        self == Self::UnknownKey
    }

    /// A fixed label for logs and metrics, in snake case.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong(_) => "too_long",
            Self::Malformed(_) => "malformed",
            Self::DuplicateMember(_) => "duplicate_member",
            Self::AlgorithmNone => "algorithm_none",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::AlgorithmMismatch => "algorithm_mismatch",
            Self::CriticalHeader => "critical_header",
            Self::ForbiddenHeader(_) => "forbidden_header",
            Self::WrongType => "wrong_type",
            Self::UnknownKey => "unknown_key",
            Self::AmbiguousKey => "ambiguous_key",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::MissingClaim(_) => "missing_claim",
            Self::MalformedClaim(_) => "malformed_claim",
            Self::IdToken => "id_token",
            Self::WrongNonce => "wrong_nonce",
            Self::WrongAccessToken => "wrong_access_token",
            Self::WrongClient => "wrong_client",
            Self::Inactive => "inactive",
            Self::SecurityEvent => "security_event",
            Self::SenderConstrained => "sender_constrained",
            Self::NotSenderConstrained => "not_sender_constrained",
            Self::WrongProof => "wrong_proof",
        }
    }
}

/// A part of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The whole: three parts between two dots.
    Token,
    /// The first part.
    Header,
    /// The second part.
    Claims,
    /// The third part.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Token => "token",
            Self::Header => "token's header",
            Self::Claims => "token's claims part",
            Self::Signature => "token's signature",
        })
    }
}

/// A header parameter that no token for us may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeaderName {
    /// Changes what is signed (RFC 7797).
    B64,
    /// The token is encrypted.
    Enc,
    /// A URL of keys, chosen by the token.
    Jku,
    /// A key, chosen by the token.
    Jwk,
    /// A certificate chain, chosen by the token.
    X5c,
    /// A URL of certificates, chosen by the token.
    X5u,
    /// The claims are compressed.
    Zip,
}

impl HeaderName {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::B64, Self::Enc, Self::Jku, Self::Jwk, Self::X5c, Self::X5u, Self::Zip].into_iter().find(|header| header.name() == name)
    }

    /// The name in a header.
    pub fn name(self) -> &'static str {
        match self {
            Self::B64 => "b64",
            Self::Enc => "enc",
            Self::Jku => "jku",
            Self::Jwk => "jwk",
            Self::X5c => "x5c",
            Self::X5u => "x5u",
            Self::Zip => "zip",
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A claim that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClaimName {
    /// `at_hash`
    AccessTokenHash,
    /// `aud`
    Audience,
    /// `azp`
    AuthorizedParty,
    /// `client_id`
    ClientId,
    /// `cnf`
    Confirmation,
    /// `exp`
    ExpiresAt,
    /// `grant_id`
    GrantId,
    /// `iat`
    IssuedAt,
    /// `iss`
    Issuer,
    /// `jti`
    JwtId,
    /// `nbf`
    NotBefore,
    /// `resource`
    Resource,
    /// `scope`
    Scope,
    /// `scp`
    Scp,
    /// `sub`
    Subject,
}

impl ClaimName {
    /// The name in the claims.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessTokenHash => "at_hash",
            Self::Audience => "aud",
            Self::AuthorizedParty => "azp",
            Self::ClientId => "client_id",
            Self::Confirmation => "cnf",
            Self::ExpiresAt => "exp",
            Self::GrantId => "grant_id",
            Self::IssuedAt => "iat",
            Self::Issuer => "iss",
            Self::JwtId => "jti",
            Self::NotBefore => "nbf",
            Self::Resource => "resource",
            Self::Scope => "scope",
            Self::Scp => "scp",
            Self::Subject => "sub",
        }
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const ALL: [Refusal; 29] = [
        Refusal::TooLong(Part::Token),
        Refusal::Malformed(Part::Claims),
        Refusal::DuplicateMember(Part::Header),
        Refusal::AlgorithmNone,
        Refusal::UnsupportedAlgorithm,
        Refusal::AlgorithmMismatch,
        Refusal::CriticalHeader,
        Refusal::ForbiddenHeader(HeaderName::Jku),
        Refusal::WrongType,
        Refusal::UnknownKey,
        Refusal::AmbiguousKey,
        Refusal::BadSignature,
        Refusal::Expired,
        Refusal::NotYetValid,
        Refusal::IssuedInFuture,
        Refusal::LifetimeTooLong,
        Refusal::WrongIssuer,
        Refusal::WrongAudience,
        Refusal::MissingClaim(ClaimName::Subject),
        Refusal::MalformedClaim(ClaimName::Scope),
        Refusal::IdToken,
        Refusal::WrongNonce,
        Refusal::WrongAccessToken,
        Refusal::WrongClient,
        Refusal::Inactive,
        Refusal::SecurityEvent,
        Refusal::SenderConstrained,
        Refusal::NotSenderConstrained,
        Refusal::WrongProof,
    ];

    #[test]
    fn each_refusal_has_its_own_label_in_snake_case() {
        let codes: HashSet<_> = ALL.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(codes.len(), ALL.len());
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    }

    #[test]
    fn only_expiry_is_expiry_and_only_an_unknown_key_asks_for_newer_keys() {
        assert_eq!(ALL.into_iter().filter(|refusal| refusal.is_expired()).collect::<Vec<_>>(), [Refusal::Expired]);
        assert_eq!(ALL.into_iter().filter(|refusal| refusal.may_need_newer_keys()).collect::<Vec<_>>(), [Refusal::UnknownKey]);
    }

    #[test]
    fn a_refusal_names_the_part_the_header_or_the_claim() {
        assert_eq!(Refusal::ForbiddenHeader(HeaderName::Jku).to_string(), "the header has `jku`");
        assert_eq!(Refusal::MissingClaim(ClaimName::Audience).to_string(), "the claim `aud` is missing");
        assert_eq!(Refusal::TooLong(Part::Header).to_string(), "the token's header is too long");
    }
}
