//! A token for one caller from a server that does not know them: their identity provider vouches in an assertion (ID-JAG), and the server's own authorization
//! server takes that for a grant (enterprise-managed authorization, SEP-990).

use std::sync::Arc;

use oauth::grant::{Grant, TokenType, Wanted};
use oauth::issuer::Issuer;
use oauth::token_response::Expected;
use secrecy::ExposeSecret as _;

use crate::callers::Subject;
use crate::source::{Fetching, Source};
use crate::token_client::TokenClient;

/// Has the newest token that a caller showed turned into an assertion, and that into a token. An assertion is good once, so it is never kept.
pub(crate) struct IdJag {
    pub(crate) provider: Arc<TokenClient>,
    pub(crate) server: Arc<TokenClient>,
    pub(crate) assertion: Wanted,
    pub(crate) token: Wanted,
    pub(crate) subject: Arc<Subject>,
}

impl IdJag {
    /// The assertion is for the server's issuer and speaks of the resource; the token is for that resource.
    pub(crate) fn new(
        provider: &Arc<TokenClient>,
        server: &Arc<TokenClient>,
        issuer: &Issuer,
        wanted: &Wanted,
        subject: Arc<Subject>,
    ) -> Self {
        Self {
            provider: Arc::clone(provider),
            server: Arc::clone(server),
            assertion: Wanted { audience: Some(issuer.as_str().to_owned()), ..wanted.clone() },
            token: Wanted { audience: None, ..wanted.clone() },
            subject,
        }
    }
}

impl Source for IdJag {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async move {
            let shown = self.subject.shown();
            let exchange = shown.exchange(Some(TokenType::IdJag));
            let assertion = self.provider.ask(exchange, &self.assertion, Expected::IdJag).await?;
            let grant = Grant::JwtBearer { assertion: assertion.token.expose_secret() };
            self.server.fetch(grant, &self.token, Some(shown.expires_at)).await
        })
    }
}
