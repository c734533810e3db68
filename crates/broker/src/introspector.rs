//! Is a token good that the door cannot read? The server that issued it is asked (RFC 7662).

use oauth::introspection::Introspection;

use crate::missing::Cause;
use crate::token_client::TokenClient;

/// Asks one authorization server about the tokens that it has issued.
pub struct Introspector {
    client: TokenClient,
}

impl Introspector {
    pub(crate) fn new(client: TokenClient) -> Self {
        Self { client }
    }

    /// What the server says about this token now. Nothing is kept.
    pub async fn ask(&self, token: &str) -> Result<Introspection, Cause> {
        self.client.introspect(token).await
    }
}
