//! Somebody's token here, for another one here: with no more scopes, for no longer, and with the name of who exchanged it. (RFC 8693)
//!
//! For programs between a client and a server that has to know who is behind them. Only those that the operator names may do it, and only from the servers to the servers that they are named
//! for: two servers may call different things by one scope, and nobody has agreed to what the other one means by it.
//! A token that is bound to its caller's key may be exchanged without that key, which no program in between can have: what proves the exchange is the client's own secret or key.

use audit::event::Event;
use oauth::error_code::ErrorCode;
use oauth::resource::Resource;
use oauth::scope::ScopeSet;

use super::{Answer, GrantType};
use crate::client::Client;
use crate::config::{Config, ProtectedResource};
use crate::grant::GrantId;
use crate::refusal::Refusal;
use crate::token_endpoint::{Asked, Granted};

pub(crate) struct TokenExchange;

impl GrantType for TokenExchange {
    fn name(&self) -> &'static str {
        "urn:ietf:params:oauth:grant-type:token-exchange"
    }

    fn is_offered(&self, config: &Config) -> bool {
        config.clients.iter().any(|client| !client.exchange.to.is_empty())
    }

    fn is_for(&self, client: &Client) -> bool {
        !client.exchange.to.is_empty() && !client.is_public()
    }

    fn granted<'a>(&'a self, asked: &'a Asked<'a>) -> Answer<'a> {
        Box::pin(async move { granted(asked) })
    }
}

fn granted(asked: &Asked<'_>) -> Result<Granted, Refusal> {
    let Asked { server, inbound, fields, client, .. } = asked;
    let text = fields.value("subject_token").ok_or_else(|| Refusal::invalid_request("`subject_token` is missing"))?;
    let is_of = |field: &str, kinds: &[&str]| fields.value(field).is_none_or(|kind| kinds.contains(&kind));
    if fields.value("subject_token_type").is_none() || !is_of("subject_token_type", &[ACCESS_TOKEN, JWT]) {
        return Err(Refusal::invalid_request("`subject_token_type` must be that of an access token"));
    }
    if !is_of("requested_token_type", &[ACCESS_TOKEN]) || fields.value("actor_token").is_some() {
        return Err(Refusal::invalid_request("there are access tokens only, for whoever proves itself here and for nobody else"));
    }
    // RFC 8693 §2.2.2 has this error for a token that is not good.
    let not_good = || Refusal::invalid_request("the `subject_token` is not a token of ours, or is good no more");
    let about = server.access_token(inbound, text).ok_or_else(not_good)?;
    let comes_from = |known: &&ProtectedResource| about.audiences.0.iter().any(|audience| audience == known.resource.as_str());
    if !inbound.config.resources.iter().filter(comes_from).any(|known| client.exchange.from.contains(&known.name)) {
        return Err(Refusal::invalid_request("this client may not exchange tokens of the server that the `subject_token` is for"));
    }
    if about.actors.len() >= MOST_ACTORS {
        return Err(Refusal::invalid_request("the `subject_token` has been exchanged too often"));
    }
    let (subject, ends) = about.subject.zip(about.expires_at).ok_or_else(not_good)?;
    let left = ends.checked_sub(inbound.now).filter(|left| *left > 0).ok_or_else(not_good)?;
    let resource = resource(asked)?;
    let of_both: ScopeSet = about.scopes.iter().filter(|scope| resource.scopes.contains_key(*scope)).cloned().collect();
    let scopes = asked.narrowed(&of_both)?;
    server.record(&Event::TokenGranted {
        subject: subject.as_str().into(),
        client: client.id.as_str().into(),
        resource: resource.resource.as_str().into(),
        scopes: scopes.to_string().into(),
        by: "exchange".into(),
    });
    Ok(Granted {
        // What ends the one ends the other.
        grant: about.grant_id.as_deref().and_then(GrantId::parse),
        signed_in_at: about.authenticated_at,
        left: Some(left),
        actors: about.actors.and_then(client.id.clone()),
        ..Granted::new(subject, scopes, resource.resource.clone())
    })
}

/// The one server that is asked for, by `resource` or by `audience`, if the client may ask for it.
fn resource<'a>(asked: &'a Asked<'_>) -> Result<&'a ProtectedResource, Refusal> {
    let target =
        || Refusal::new(ErrorCode::InvalidTarget, "`resource` must name one server here for which this client may exchange tokens");
    let mut named = asked.fields.values("resource").chain(asked.fields.values("audience"));
    let first = named.next().ok_or_else(target)?;
    if named.any(|other| other != first) {
        return Err(target());
    }
    let asked_for = Resource::parse(first).map_err(|_| target())?;
    asked.inbound.resource(Some(&asked_for)).filter(|resource| asked.client.exchange.to.contains(&resource.name)).ok_or_else(target)
}

/// How many may act one for another: each makes the token longer.
const MOST_ACTORS: usize = 8;
pub(crate) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
