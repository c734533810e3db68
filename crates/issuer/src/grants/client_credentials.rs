//! A client in its own name, without a person. (RFC 6749 §4.4)

use oauth::error_code::ErrorCode;
use oauth::resource::Resource;
use oauth::scope::ScopeSet;

use super::{Answer, GrantType};
use crate::client::Client;
use crate::refusal::{Failure, Refusal};
use crate::token_endpoint::{Asked, Granted};

pub(crate) struct ClientCredentials;

impl GrantType for ClientCredentials {
    fn name(&self) -> &'static str {
        "client_credentials"
    }

    fn is_for(&self, client: &Client) -> bool {
        // Whoever proves nothing could be anybody.
        client.own_scopes.is_some() && !client.is_public()
    }

    fn granted<'a>(&'a self, asked: &'a Asked<'a>) -> Answer<'a> {
        Box::pin(async move { granted(asked) })
    }
}

fn granted(asked: &Asked<'_>) -> Result<Granted, Refusal> {
    let Asked { server, inbound, fields, client, .. } = asked;
    // Servers go by the subject, and could not tell the two apart (RFC 9700 §4.15).
    if server.accounts.knows(&client.id).map_err(Failure::from)? {
        tracing::error!(target: "issuer", client = client.id, "a client gets nothing in its own name, for there is an account of that name");
        return Err(Refusal::new(ErrorCode::UnauthorizedClient, "there is a person of this name"));
    }
    let target = || Refusal::new(ErrorCode::InvalidTarget, "`resource` names no server here, or there are several and it is missing");
    let mut named = fields.values("resource");
    let named = match (named.next(), named.next()) {
        (Some(one), None) => Some(Resource::parse(one).map_err(|_| target())?),
        (None, _) => None,
        (Some(_), Some(_)) => return Err(target()),
    };
    let resource = inbound.resource(named.as_ref()).ok_or_else(target)?;
    let of_this_server: ScopeSet =
        client.own_scopes.iter().flat_map(ScopeSet::iter).filter(|scope| resource.scopes.contains_key(*scope)).cloned().collect();
    Ok(Granted::new(client.id.clone(), asked.narrowed(&of_this_server)?, resource.resource.clone()))
}
