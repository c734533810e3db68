//! Which grants are there? Each is a file that answers the token endpoint's questions.

mod authorization_code;
mod client_credentials;
mod device_code;
mod identity_assertion;
mod refresh_token;
mod token_exchange;

use std::pin::Pin;

use audit::event::Event;
use oauth::resource::Resource;
use oauth::scope::ScopeSet;

use crate::client::Client;
use crate::config::Config;
use crate::federation::Look;
use crate::grant::{Grant, GrantId, Person};
use crate::proof;
use crate::refusal::Refusal;
use crate::server::{LEEWAY, OFFLINE_ACCESS};
use crate::token_endpoint::{Asked, Granted};

pub(crate) use token_exchange::ACCESS_TOKEN;

/// What a grant answers.
pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = Result<Granted, Refusal>> + Send + 'a>>;

/// One way to get a token.
pub(crate) trait GrantType: Sync {
    /// Its name on the wire.
    fn name(&self) -> &'static str;

    /// Whether it is offered at all.
    fn is_offered(&self, _: &Config) -> bool {
        true
    }

    /// Whether this client may use it.
    fn is_for(&self, client: &Client) -> bool;

    /// What was granted, and to whom.
    fn granted<'a>(&'a self, asked: &'a Asked<'a>) -> Answer<'a>;
}

/// Every grant, in the order in which the metadata names them.
pub(crate) const ALL: &[&dyn GrantType] = &[
    &authorization_code::AuthorizationCode,
    &refresh_token::RefreshToken,
    &client_credentials::ClientCredentials,
    &device_code::DeviceCode,
    &identity_assertion::IdentityAssertion,
    &token_exchange::TokenExchange,
];

/// What a person has agreed to, as a grant begins with it.
pub(crate) struct Agreed {
    pub(crate) person: Person,
    pub(crate) client_name: String,
    pub(crate) scopes: ScopeSet,
    pub(crate) resource: Resource,
    /// Unix seconds.
    pub(crate) signed_in_at: u64,
}

impl Asked<'_> {
    /// Begins the grant of a person who is still there: on a device their answer may be minutes old.
    pub(crate) async fn begin(&self, id: GrantId, agreed: Agreed) -> Result<Granted, Refusal> {
        let Asked { server, inbound, client, .. } = self;
        let person = match server.look(inbound.config, &agreed.person).await? {
            Look::There(person) => *person,
            Look::Away => return Err(Refusal::away()),
            Look::Gone | Look::NotAdmitted => return Err(Refusal::invalid_grant()),
        };
        let agreed = Agreed { person, ..agreed };
        let refreshes = client.refreshes || agreed.scopes.contains(OFFLINE_ACCESS);
        let grant = self.keep(id, agreed, refreshes).await?;
        let (name, subject, to) = (id.text(), grant.person.subject.as_str(), client.id.as_str());
        let scopes = grant.scopes.to_string();
        server.record(&Event::GrantMade { grant: name.into(), subject: subject.into(), client: to.into(), scopes: scopes.into() });
        Ok(Granted {
            grant: Some(id),
            signed_in_at: Some(grant.signed_in_at),
            refresh_token: refreshes.then(|| server.grants.token_of(id, 0)),
            left: Some(server.grants.left(&grant, grant.granted_at)),
            ..Granted::new(grant.person.subject, grant.scopes, grant.resource)
        })
    }

    /// Keeps a new grant, with refresh tokens or without.
    pub(crate) async fn keep(&self, id: GrantId, agreed: Agreed, refreshes: bool) -> Result<Grant, Refusal> {
        let Asked { server, inbound, client, proof, .. } = self;
        let grant = Grant {
            person: agreed.person,
            client_id: client.id.clone(),
            client_name: agreed.client_name,
            scopes: agreed.scopes,
            resource: agreed.resource,
            granted_at: inbound.now,
            used_at: inbound.now,
            signed_in_at: agreed.signed_in_at,
            dpop_key: proof::key_of_grant(client, *proof),
            tokens_until: inbound.now.saturating_add(inbound.config.lifetimes.access_token.as_secs()),
            generation: refreshes.then_some(0),
        };
        let access_token = inbound.config.lifetimes.access_token + LEEWAY;
        server.grants.begin(&server.shelf, id, &grant, inbound.now, access_token).await?;
        Ok(grant)
    }
}
