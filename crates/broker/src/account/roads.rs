//! By what right does a program get tokens without anybody at a browser? In its own name, by what vouches for the machine that it runs on, or by what the company's identity
//! provider says of the person.

use std::sync::Arc;

use oauth::grant::{Grant as Brought, TokenType, Wanted};
use oauth::issuer::Issuer;
use oauth::token_response::{Expected, TokenResponse};
use secrecy::{ExposeSecret as _, SecretString};

use super::guardian::Guardian;
use super::{Account, Identity, NotSignedIn, Prover, identity};
use crate::authorization_server::Place;
use crate::missing::Cause;
use crate::token_client::TokenClient;

/// By what right tokens are got.
#[derive(Clone, Debug, Default)]
pub enum Road {
    /// A person allows it, in their browser.
    #[default]
    Person,
    /// The client asks for itself (RFC 6749 §4.4).
    ClientCredentials,
    /// A person allows it on another machine, where they type a code (RFC 8628).
    Device,
    /// What vouches for this workload, such as the token of its Kubernetes service account (RFC 7523 §2.1).
    Workload {
        /// The assertion, as it is now.
        assertion: SecretString,
    },
    /// The identity provider vouches for the person toward the server's own authorization server (SEP-990).
    Enterprise {
        /// Who the provider is.
        provider: Issuer,
        /// Under which name we are known there.
        client_id: String,
        /// What it says of the person.
        id_token: SecretString,
    },
}

impl Account {
    /// A token, and who we are where it comes from.
    pub(super) async fn by_right(
        &self,
        road: &Road,
        guardian: &Guardian,
        wanted: &Wanted,
        prover: Option<Arc<Prover>>,
    ) -> Result<(Identity, TokenResponse), NotSignedIn> {
        let given = self.wishes.client.as_ref().ok_or_else(|| NotSignedIn::NotRegistered { authority: guardian.name() })?;
        let identity = given.identity(identity::offered(guardian));
        let client = self.client(guardian, &identity, self.around.http.client()?.clone())?.bound_to(prover);
        let tokens = match road {
            Road::ClientCredentials | Road::Device | Road::Person => {
                client.ask(Brought::ClientCredentials, wanted, Expected::AccessToken).await
            }
            Road::Workload { assertion } => {
                client.ask(Brought::JwtBearer { assertion: assertion.expose_secret() }, wanted, Expected::AccessToken).await
            }
            Road::Enterprise { provider, client_id, id_token } => {
                let assertion = self.vouched(provider, client_id, id_token, guardian, wanted).await?;
                client.ask(Brought::JwtBearer { assertion: assertion.expose_secret() }, wanted, Expected::AccessToken).await
            }
        };
        Ok((identity, tokens.map_err(NotSignedIn::NoToken)?))
    }

    /// What the identity provider says to the server's authorization server.
    async fn vouched(
        &self,
        provider: &Issuer,
        client_id: &str,
        id_token: &SecretString,
        guardian: &Guardian,
        wanted: &Wanted,
    ) -> Result<SecretString, NotSignedIn> {
        let ourselves = Identity::public(client_id.to_owned());
        let (place, http) = (Place::Discovered(provider.clone()), self.around.http.client()?.clone());
        let client =
            TokenClient::of_ourselves(place, None, &ourselves, http, Arc::clone(&self.around.clock)).map_err(NotSignedIn::Server)?;
        let audience = guardian
            .issuer()
            .ok_or_else(|| NotSignedIn::Server(Cause::BadAnswer { detail: "it has no metadata, so nobody can vouch toward it".into() }))?;
        let exchange = Brought::TokenExchange {
            subject_token: id_token.expose_secret(),
            subject_token_type: TokenType::IdToken,
            requested_token_type: Some(TokenType::IdJag),
        };
        let wanted = Wanted { audience: Some(audience.to_string()), ..wanted.clone() };
        client.ask(exchange, &wanted, Expected::IdJag).await.map(|answer| answer.token).map_err(NotSignedIn::NoToken)
    }
}
