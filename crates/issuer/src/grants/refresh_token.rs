//! A refresh token, good once. (OAuth 2.1 §4.3)

use audit::event::Event;
use oauth::scope::ScopeSet;

use super::{Answer, GrantType};
use crate::client::Client;
use crate::federation::Look;
use crate::grant::{Grant, Person, Presented, Renewal};
use crate::proof::is_by;
use crate::refusal::Refusal;
use crate::server::OFFLINE_ACCESS;
use crate::token_endpoint::{Asked, Granted};

pub(crate) struct RefreshToken;

impl GrantType for RefreshToken {
    fn name(&self) -> &'static str {
        oauth::registration::REFRESH_TOKEN
    }

    fn is_for(&self, _: &Client) -> bool {
        // Whoever has one was given it.
        true
    }

    fn granted<'a>(&'a self, asked: &'a Asked<'a>) -> Answer<'a> {
        Box::pin(granted(asked))
    }
}

async fn granted(asked: &Asked<'_>) -> Result<Granted, Refusal> {
    let Asked { server, inbound, fields, client, proof } = asked;
    let text = fields.value("refresh_token").ok_or_else(|| Refusal::invalid_request("`refresh_token` is missing"))?;
    let presented = server.grants.read(text).ok_or_else(Refusal::invalid_grant)?;
    let person = still_there(asked, presented).await?;
    let may = |grant: &mut Grant| {
        if grant.client_id != client.id || !is_by(grant.dpop_key.as_deref(), *proof) {
            return Err(Refusal::invalid_grant());
        }
        asked.same_resource(&grant.resource)?;
        grant.person = person.clone();
        let until = inbound.now.saturating_add(inbound.config.lifetimes.access_token.as_secs());
        grant.tokens_until = grant.tokens_until.max(until);
        Ok(())
    };
    let renewed = server.grants.renew(&server.shelf, presented, inbound.now, may).await??;
    match renewed {
        Renewal::Goes(grant, token) => Ok(Granted {
            grant: Some(presented.grant()),
            signed_in_at: Some(grant.signed_in_at),
            refresh_token: Some(token),
            left: Some(server.grants.left(&grant, inbound.now)),
            ..Granted::new(grant.person.subject.clone(), asked.narrowed(&permitted(asked, &grant))?, grant.resource.clone())
        }),
        Renewal::Stolen(grant) => {
            let (name, subject, to) = (presented.grant().text(), grant.person.subject.as_str(), grant.client_id.as_str());
            server.forget_tokens(presented.grant(), &grant).await?;
            tracing::warn!(target: "issuer", grant = name, "a refresh token was used again; the grant has ended");
            let by = "a refresh token that was used again";
            server.record(&Event::GrantEnded { grant: name.into(), subject: subject.into(), client: to.into(), by: by.into() });
            Err(Refusal::invalid_grant())
        }
        Renewal::Gone => Err(Refusal::invalid_grant()),
    }
}

/// The person as they are now: whoever has lost their account or a group does not keep what came of it. Nobody is asked on behalf of a client whose grant it is not.
async fn still_there(asked: &Asked<'_>, presented: Presented) -> Result<Person, Refusal> {
    let Asked { server, inbound, client, .. } = asked;
    let grant = server.grants.find(&server.shelf, presented.grant(), inbound.now).await?;
    let grant = grant.filter(|grant| grant.client_id == client.id).ok_or_else(Refusal::invalid_grant)?;
    match server.look(inbound.config, &grant.person).await? {
        Look::There(person) => Ok(*person),
        Look::Away => Err(Refusal::away()),
        // That may be mended.
        Look::NotAdmitted => Err(Refusal::invalid_grant()),
        Look::Gone => {
            server.end_all_of(&grant.person, "provider").await?;
            Err(Refusal::invalid_grant())
        }
    }
}

fn permitted(asked: &Asked<'_>, grant: &Grant) -> ScopeSet {
    let permitted = asked.inbound.config.allowance.permitted(&grant.scopes, &grant.person.groups);
    grant.scopes.iter().filter(|scope| permitted.contains(scope.as_str()) || scope.as_str() == OFFLINE_ACCESS).cloned().collect()
}
