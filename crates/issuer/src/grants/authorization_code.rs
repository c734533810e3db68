//! A code, and the verifier that nobody but who asked for it can know. (OAuth 2.1 §4.1.3)

use audit::event::Event;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use oauth::pkce::Verifier;

use super::{Answer, GrantType};
use crate::client::Client;
use crate::code::{self, Agreement, Shown};
use crate::grant::{Grant, GrantId};
use crate::refusal::Refusal;
use crate::server::OFFLINE_ACCESS;
use crate::token_endpoint::{Asked, Granted};

pub(crate) struct AuthorizationCode;

impl GrantType for AuthorizationCode {
    fn name(&self) -> &'static str {
        oauth::registration::AUTHORIZATION_CODE
    }

    fn is_for(&self, client: &Client) -> bool {
        !client.redirect_uris.is_empty()
    }

    fn granted<'a>(&'a self, asked: &'a Asked<'a>) -> Answer<'a> {
        Box::pin(granted(asked))
    }
}

async fn granted(asked: &Asked<'_>) -> Result<Granted, Refusal> {
    let Asked { server, inbound, fields, client } = asked;
    let code = fields.value("code").ok_or_else(|| Refusal::invalid_request("`code` is missing"))?;
    let id = GrantId::new()?;
    let agreement = match code::spend(&server.shelf, code, &id.text(), inbound.now).await? {
        Shown::First(agreement) => agreement,
        Shown::Again(grant) => {
            if let Some(grant) = GrantId::parse(&grant) {
                server.end(grant, "a code that was shown twice").await?;
            }
            return Err(Refusal::invalid_grant());
        }
        Shown::Unknown => return Err(Refusal::invalid_grant()),
    };
    judge(asked, &agreement)?;
    let refreshes = client.refreshes || agreement.scopes.contains(OFFLINE_ACCESS);
    let grant = Grant {
        person: agreement.person.clone(),
        client_id: client.id.clone(),
        client_name: agreement.client_name.clone(),
        scopes: agreement.scopes.clone(),
        resource: agreement.resource.clone(),
        granted_at: inbound.now,
        used_at: inbound.now,
        signed_in_at: agreement.signed_in_at,
        dpop_key: agreement.dpop_key.clone(),
        generation: refreshes.then_some(0),
    };
    server.grants.begin(&server.shelf, id, &grant, inbound.now).await?;
    let (name, subject, to) = (id.text(), grant.person.subject.as_str(), client.id.as_str());
    let scopes = grant.scopes.to_string();
    server.record(&Event::GrantMade { grant: name.into(), subject: subject.into(), client: to.into(), scopes: scopes.into() });
    Ok(Granted {
        subject: agreement.person.subject.clone(),
        scopes: agreement.scopes.clone(),
        resource: agreement.resource.clone(),
        grant: Some(id),
        signed_in_at: Some(agreement.signed_in_at),
        refresh_token: refreshes.then(|| server.grants.token_of(id, 0)),
    })
}

/// Whether the code was given to this client, which comes from where it was sent and knows the verifier.
fn judge(asked: &Asked<'_>, agreement: &Agreement) -> Result<(), Refusal> {
    let Asked { fields, client, .. } = asked;
    let verifier = fields.value("code_verifier").ok_or_else(|| Refusal::invalid_request("`code_verifier` is missing"))?;
    let shown = Verifier::from_kept(verifier.to_owned()).challenge();
    let is_its_own = client.id == agreement.client_id;
    let is_the_same_place = match fields.value("redirect_uri") {
        Some(named) => named == agreement.redirect_uri,
        None => !agreement.redirect_was_named,
    };
    let knows_the_verifier = verify_slices_are_equal(shown.as_bytes(), agreement.challenge.as_bytes()).is_ok();
    if !is_its_own || !is_the_same_place || !knows_the_verifier {
        return Err(Refusal::invalid_grant());
    }
    asked.same_resource(&agreement.resource)
}
