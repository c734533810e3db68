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
    let Asked { server, inbound, fields, .. } = asked;
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
    let Agreement { person, client_name, scopes, resource, signed_in_at, .. } = *agreement;
    asked.begin(id, Agreed { person, client_name, scopes, resource, signed_in_at }).await
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
    let has_the_key = proof::is_by(agreement.dpop_key.as_deref(), asked.proof);
    if !is_its_own || !is_the_same_place || !knows_the_verifier || !has_the_key {
        return Err(Refusal::invalid_grant());
    }
    asked.same_resource(&agreement.resource)
}
