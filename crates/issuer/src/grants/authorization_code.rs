//! A code, and the verifier that nobody but who asked for it can know. (OAuth 2.1 §4.1.3)

use aws_lc_rs::constant_time::verify_slices_are_equal;
use oauth::pkce::Verifier;

use super::{Agreed, Answer, GrantType};
use crate::client::Client;
use crate::code::{self, Agreement, Shown};
use crate::grant::GrantId;
use crate::proof;
use crate::refusal::Refusal;
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
    let Asked { server, fields, .. } = asked;
    let code = fields.value("code").ok_or_else(|| Refusal::invalid_request("`code` is missing"))?;
    let fresh = match code::show(&server.shelf, code).await? {
        Shown::Fresh(fresh) => fresh,
        Shown::Again(grant) => return Err(shown_again(asked, &grant).await?),
        Shown::Unknown => return Err(Refusal::invalid_grant()),
    };
    let id = GrantId::new()?;
    if let Err(refused) = judge(asked, &fresh.agreement) {
        // Whoever shows it spends it, whatever comes of that.
        fresh.spend(&server.shelf, &id.text()).await?;
        return Err(refused);
    }
    let Agreement { person, client_name, scopes, resource, signed_in_at, .. } = fresh.agreement.clone();
    // The grant begins before the code is spent: whoever finds the code spent finds the grant too, and can end it.
    let granted = asked.begin(id, Agreed { person, client_name, scopes, resource, signed_in_at }).await?;
    if fresh.spend(&server.shelf, &id.text()).await? {
        return Ok(granted);
    }
    server.end(id, SHOWN_TWICE).await?;
    Err(match code::show(&server.shelf, code).await? {
        Shown::Again(grant) => shown_again(asked, &grant).await?,
        Shown::Fresh(_) | Shown::Unknown => Refusal::invalid_grant(),
    })
}

/// One of the two who have shown the code has stolen it: what the first one got ends.
async fn shown_again(asked: &Asked<'_>, grant: &str) -> Result<Refusal, Refusal> {
    if let Some(grant) = GrantId::parse(grant) {
        asked.server.end(grant, SHOWN_TWICE).await?;
    }
    Ok(Refusal::invalid_grant())
}

/// Whether the code was given to this client, which comes from where it was sent and knows the verifier.
fn judge(asked: &Asked<'_>, agreement: &Agreement) -> Result<(), Refusal> {
    let Asked { inbound, fields, client, .. } = asked;
    if inbound.now >= agreement.until {
        return Err(Refusal::invalid_grant());
    }
    let verifier = fields.value("code_verifier").ok_or_else(|| Refusal::invalid_request("`code_verifier` is missing"))?;
    let shown = Verifier::from_kept(verifier.to_owned()).challenge();
    let is_its_own = client.id == agreement.client_id;
    let is_the_same_place = match fields.value("redirect_uri") {
        Some(named) => named == agreement.redirect_uri,
        None => !agreement.redirect_was_named,
    };
    let knows_the_verifier = verify_slices_are_equal(shown.as_bytes(), agreement.challenge.as_bytes()).is_ok();
    let has_the_key = proof::is_by(agreement.dpop_key.as_deref(), asked.proof);
    if !is_its_own || !is_the_same_place || !knows_the_verifier || !has_the_key {
        return Err(Refusal::invalid_grant());
    }
    asked.same_resource(&agreement.resource)
}

const SHOWN_TWICE: &str = "a code that was shown twice";
