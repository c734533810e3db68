//! Is a token good, and what does it say? For resource servers that prove who they are. (RFC 7662)

use bytes::Bytes;
use http::{Response, StatusCode};
use oauth::error_code::ErrorCode;
use oauth::introspection::{ActiveToken, Audiences, Confirmation, Introspection};
use token::{KeySet, Trust, TypRule, Unverified};

use crate::client::Origin;
use crate::refusal::Refusal;
use crate::server::{Inbound, Server, json_text};
use crate::token_endpoint::form;

impl Server {
    pub(crate) async fn introspect(&self, inbound: &Inbound<'_>) -> Result<Response<Bytes>, Refusal> {
        let fields = form(inbound)?;
        let asker = self.authenticate_client(inbound, &fields).await?;
        if asker.origin != Origin::Operator || asker.is_public() {
            // Whoever proves nothing, or that it is a stranger, could try tokens out (§2.1).
            return Err(Refusal::new(
                ErrorCode::UnauthorizedClient,
                "only a client that the operator knows, and that proves who it is, may ask",
            ));
        }
        let token = fields.value("token").ok_or_else(|| Refusal::invalid_request("`token` is missing"))?;
        let about = match self.grants.read(token) {
            // A refresh token is nobody's business but its client's and ours: no server is ever shown one (RFC 7662 §2.2).
            Some(presented) => {
                self.grants.peek(&self.shelf, presented, inbound.now).await?.filter(|grant| grant.client_id == asker.id).map(|grant| {
                    ActiveToken {
                        issuer: Some(inbound.config.issuer.as_str().to_owned()),
                        subject: Some(grant.person.subject),
                        audiences: Audiences(vec![grant.resource.as_str().to_owned()]),
                        client_id: Some(grant.client_id),
                        scopes: grant.scopes,
                        token_use: Some("refresh_token".to_owned()),
                        grant_id: Some(presented.grant().text()),
                        confirmation: grant.dpop_key.map(Confirmation::Key),
                        ..ActiveToken::default()
                    }
                })
            }
            None => self.access_token(inbound, token),
        };
        let answer = about.map_or(Introspection::Inactive, |about| Introspection::Active(Box::new(about)));
        Ok(json_text(StatusCode::OK, answer.to_json().map_err(|error| Refusal::broken(&error))?))
    }

    /// What an access token says, under the rules by which the door believes it.
    pub(crate) fn access_token(&self, inbound: &Inbound<'_>, text: &str) -> Option<ActiveToken> {
        let unverified = Unverified::parse(text).ok()?;
        let audiences = inbound.config.resources.iter().map(|known| known.resource.as_str().to_owned()).collect();
        let trust = Trust { typ: TypRule::AccessToken, ..Trust::new(Some(inbound.config.issuer.as_str().to_owned()), audiences) };
        let (keys, _) = KeySet::from_jwks(self.keys.document().as_bytes()).ok()?;
        // Whoever asks serves the bearer: how the token came is theirs to judge.
        let answer = token::introspect(&unverified, &trust, &keys, inbound.now).ok()?;
        let Introspection::Active(about) = answer else { return None };
        let ids = [&about.grant_id, &about.jwt_id];
        if ids.into_iter().flatten().any(|id| self.revocations.is_revoked(id)) {
            return None;
        }
        Some(*about)
    }
}
