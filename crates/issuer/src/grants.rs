//! Which grants are there? Each is a file that answers the token endpoint's questions.

mod authorization_code;
mod client_credentials;
mod refresh_token;

use std::pin::Pin;

use crate::client::Client;
use crate::refusal::Refusal;
use crate::token_endpoint::{Asked, Granted};

/// What a grant answers.
pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = Result<Granted, Refusal>> + Send + 'a>>;

/// One way to get a token.
pub(crate) trait GrantType: Sync {
    /// Its name on the wire.
    fn name(&self) -> &'static str;

    /// Whether this client may use it.
    fn is_for(&self, client: &Client) -> bool;

    /// What was granted, and to whom.
    fn granted<'a>(&'a self, asked: &'a Asked<'a>) -> Answer<'a>;
}

/// Every grant, in the order in which the metadata names them.
pub(crate) const ALL: &[&dyn GrantType] =
    &[&authorization_code::AuthorizationCode, &refresh_token::RefreshToken, &client_credentials::ClientCredentials];
