//! An identity provider's word that a client acts for somebody: they have signed in there, and are not asked here. (RFC 7523 §2.1, ID-JAG, MCP's enterprise-managed
//! authorization §5)
//!
//! There is no refresh token: whoever leaves the company gets no next assertion. There is a grant all the same, as long as its one access token, so that operators see it and can end it.

use audit::event::Event;
use oauth::error_code::ErrorCode;
use oauth::resource::Resource;
use oauth::scope::{Scope, ScopeSet};
use token::{Brought, IdJag, Unverified};

use super::{Agreed, Answer, GrantType};
use crate::client::{Client, Origin};
use crate::config::{Bringers, Config, ProtectedResource, TrustedProvider};
use crate::grant::{Grant, GrantId, Person};
use crate::once::Once;
use crate::refusal::Refusal;
use crate::token_endpoint::{Asked, Granted};

pub(crate) struct IdentityAssertion;

impl GrantType for IdentityAssertion {
    fn name(&self) -> &'static str {
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    }

    fn is_offered(&self, config: &Config) -> bool {
        !config.trusts.is_empty()
    }

    fn is_for(&self, _: &Client) -> bool {
        // Each provider has clients of its own.
        true
    }

    fn granted<'a>(&'a self, asked: &'a Asked<'a>) -> Answer<'a> {
        Box::pin(granted(asked))
    }
}

async fn granted(asked: &Asked<'_>) -> Result<Granted, Refusal> {
    let Asked { server, inbound, fields, client, proof } = asked;
    let text = fields.value("assertion").ok_or_else(|| Refusal::invalid_request("`assertion` is missing"))?;
    let unverified = Unverified::parse(text).map_err(refused)?;
    let is_theirs = |trusted: &&TrustedProvider| unverified.issuer() == Some(trusted.issuer.as_str());
    let trusted = inbound.config.trusts.iter().find(is_theirs).ok_or_else(Refusal::invalid_grant)?;
    if !may_bring(trusted, client) {
        return Err(Refusal::new(ErrorCode::UnauthorizedClient, "this client may not bring assertions of that provider"));
    }
    let keys = server.others_keys.of_provider(&trusted.issuer, &unverified, &inbound.config.guard, inbound.now).await;
    let keys = keys.map_err(|_| Refusal::new(ErrorCode::TemporarilyUnavailable, "the keys of that provider cannot be had just now"))?;
    let issuers = inbound.config.spellings();
    let brought = Brought { provider: trusted.issuer.as_str(), client_id: &client.id, issuers: &issuers, proof: *proof };
    let said = token::verify_id_jag(&unverified, &brought, &keys, inbound.now).map_err(refused)?;
    let resource = resource(asked, &said)?;
    let groups = trusted.groups.as_ref().and_then(|claim| said.claim(claim)).unwrap_or_default();
    let scopes = inbound.config.allowance.permitted(&scopes(asked, &said, resource)?, &groups);
    // Last, so that what is refused for another reason can be mended and shown again.
    if !server.is_first(Once::IdentityAssertion, trusted.issuer.as_str(), &said.jwt_id, said.expires_at).await? {
        return Err(Refusal::invalid_grant());
    }
    let subject = format!("{}|{}", trusted.name, said.subject);
    let agreed = Agreed {
        person: Person { name: subject.clone(), subject, provider: Some(trusted.name.clone()), groups },
        client_name: client.name.clone(),
        scopes,
        resource: resource.resource.clone(),
        signed_in_at: said.authenticated_at.unwrap_or(inbound.now),
    };
    let id = GrantId::new()?;
    let grant = asked.keep(id, agreed, false).await?;
    let left = server.grants.left(&grant, inbound.now);
    let Grant { person, scopes, resource, .. } = grant;
    server.record(&Event::TokenGranted {
        subject: person.subject.as_str().into(),
        client: client.id.as_str().into(),
        resource: resource.as_str().into(),
        scopes: scopes.to_string().into(),
        by: "identity assertion".into(),
    });
    Ok(Granted { grant: Some(id), signed_in_at: said.authenticated_at, left: Some(left), ..Granted::new(person.subject, scopes, resource) })
}

fn may_bring(trusted: &TrustedProvider, client: &Client) -> bool {
    match &trusted.clients {
        Bringers::Known => client.origin == Origin::Operator && !client.is_public(),
        Bringers::Of(ids) => ids.contains(&client.id),
    }
}

/// What the assertion and the request name, which must be one server here.
fn resource<'a>(asked: &'a Asked<'_>, said: &IdJag) -> Result<&'a ProtectedResource, Refusal> {
    let target = || Refusal::new(ErrorCode::InvalidTarget, "the assertion and the request must be for one and the same server here");
    let here = |text: &str| asked.inbound.resource(Some(&Resource::parse(text).ok()?));
    let mut named = asked.fields.values("resource");
    let wanted = match (named.next(), named.next(), said.resources.as_slice()) {
        (Some(one), None, _) => here(one),
        (None, _, [only]) => here(only),
        (None, _, []) => asked.inbound.resource(None),
        _ => None,
    };
    let wanted = wanted.ok_or_else(target)?;
    let is_meant = |text: &String| here(text).is_some_and(|meant| meant.resource == wanted.resource);
    if said.resources.is_empty() || said.resources.iter().any(is_meant) { Ok(wanted) } else { Err(target()) }
}

/// What the provider and the request both allow, of what there is. A provider that names no scope leaves it to the operator; where they have not said either who may what, nobody has agreed to more than the least.
fn scopes(asked: &Asked<'_>, said: &IdJag, resource: &ProtectedResource) -> Result<ScopeSet, Refusal> {
    let wanted = match asked.fields.value("scope") {
        Some(text) => ScopeSet::parse(text).map_err(|invalid| Refusal::new(ErrorCode::InvalidScope, invalid.to_string()))?,
        None if said.scopes.is_empty() => resource.baseline.clone(),
        None => said.scopes.clone(),
    };
    let leaves_it_to_us = said.scopes.is_empty();
    let is_ours_to_give = |scope: &str| asked.inbound.config.allowance.by_group.is_some() || resource.baseline.contains(scope);
    let is_allowed = |scope: &&Scope| if leaves_it_to_us { is_ours_to_give(scope.as_str()) } else { said.scopes.contains(scope.as_str()) };
    Ok(wanted.iter().filter(is_allowed).filter(|scope| resource.scopes.contains_key(*scope)).cloned().collect())
}

/// The client is told nothing; the log says why, and nothing of the assertion.
fn refused(refusal: token::Refusal) -> Refusal {
    tracing::info!(target: "issuer", reason = refusal.code(), "an identity assertion is not good");
    Refusal::invalid_grant()
}
