//! A token in the door's own name, by the client credentials grant (RFC 6749 §4.4).

use oauth::grant::{Grant, Wanted};

use crate::source::{Fetching, Source};
use crate::token_client::TokenClient;

/// Asks for a token as the client that we are.
pub(crate) struct ClientCredentials {
    pub(crate) client: TokenClient,
    pub(crate) wanted: Wanted,
}

impl Source for ClientCredentials {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.client.fetch(Grant::ClientCredentials, &self.wanted, None))
    }
}
