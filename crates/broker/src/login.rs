//! Is a client who it says it is? Its authorization server knows, and gives a token for its id and secret. Neither is kept here.

use oauth::grant::Wanted;
use oauth::token_response::TokenResponse;
use thiserror::Error;

use crate::missing::Cause;
use crate::token_client::TokenClient;

/// Gets tokens for clients in their own names (RFC 6749 §4.4).
pub struct Login {
    client: TokenClient,
}

/// Why a client has no token.
#[derive(Clone, Debug, Error)]
pub enum NotLoggedIn {
    /// The authorization server does not know the pair, or gives this client no such token.
    #[error("the authorization server gives this client no token")]
    Refused(#[source] Cause),
    /// It cannot be asked, or does not answer as it should.
    #[error("the authorization server cannot be asked")]
    Unavailable(#[source] Cause),
}

impl Login {
    pub(crate) fn new(client: TokenClient) -> Self {
        Self { client }
    }

    /// A token for whoever has this id and this secret.
    pub async fn token(&self, client_id: &str, client_secret: &str, wanted: &Wanted) -> Result<TokenResponse, NotLoggedIn> {
        self.client.ask_as(client_id, client_secret, wanted).await.map_err(|cause| match cause {
            Cause::Refused { .. } => NotLoggedIn::Refused(cause),
            _ => NotLoggedIn::Unavailable(cause),
        })
    }
}
