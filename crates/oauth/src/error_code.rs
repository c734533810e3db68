//! Which error does an authorization server answer with? (RFC 6749 §4.1.2.1 and §5.2, and the registries that grew from them)

/// The names that our authorization server uses on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The person said no.
    AccessDenied,
    /// The person has not decided yet (RFC 8628 §3.5).
    AuthorizationPending,
    /// The device code is too old (RFC 8628 §3.5).
    ExpiredToken,
    /// The person would have to be asked, and must not be (OpenID Connect Core §3.1.2.6).
    InteractionRequired,
    /// Who asks is unknown, or has not proved it.
    InvalidClient,
    /// What a client says of itself is not acceptable (RFC 7591 §3.2.2).
    InvalidClientMetadata,
    /// The proof of a key is not good (RFC 9449 §5).
    InvalidDpopProof,
    /// The code, refresh token or assertion is not good, or was given to somebody else.
    InvalidGrant,
    /// A redirect URI that may not be registered (RFC 7591 §3.2.2).
    InvalidRedirectUri,
    /// Something is missing, stands there twice, or cannot be read.
    InvalidRequest,
    /// A scope that there is not, or that this person or client may not have.
    InvalidScope,
    /// A resource that there is not (RFC 8707 §2).
    InvalidTarget,
    /// Somebody would have to sign in, and must not be asked to (OpenID Connect Core §3.1.2.6).
    LoginRequired,
    /// It is our fault.
    ServerError,
    /// The client asks too often (RFC 8628 §3.5).
    SlowDown,
    /// It is our fault, and will pass.
    TemporarilyUnavailable,
    /// This client may not do this.
    UnauthorizedClient,
    /// A grant type that there is not.
    UnsupportedGrantType,
    /// A response type that there is not.
    UnsupportedResponseType,
    /// A token of another kind than can be revoked (RFC 7009 §2.2.1).
    UnsupportedTokenType,
}

impl ErrorCode {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::AuthorizationPending => "authorization_pending",
            Self::ExpiredToken => "expired_token",
            Self::InteractionRequired => "interaction_required",
            Self::InvalidClient => "invalid_client",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::LoginRequired => "login_required",
            Self::ServerError => "server_error",
            Self::SlowDown => "slow_down",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::UnsupportedTokenType => "unsupported_token_type",
        }
    }
}
