//! Is a token good, and what does it say? For resource servers that prove who they are. (RFC 7662)

use bytes::Bytes;
use http::{Response, StatusCode};
use oauth::error_code::ErrorCode;
use serde_json::{Value, json as value};
use token::{KeySet, Trust, TypRule, Unverified};

use crate::config::ClientProof;
use crate::refusal::Refusal;
use crate::server::{Inbound, Server, json};
use crate::token_endpoint::form;

impl Server {
    pub(crate) async fn introspect(&self, inbound: &Inbound<'_>) -> Result<Response<Bytes>, Refusal> {
        let fields = form(inbound)?;
        let asker = self.authenticate_client(inbound, &fields).await?;
        if matches!(asker.proof, ClientProof::None) {
            // Whoever proves nothing could try tokens out (§2.1).
            return Err(Refusal::new(ErrorCode::UnauthorizedClient, "only a client that proves who it is may ask"));
        }
        let token = fields.value("token").ok_or_else(|| Refusal::invalid_request("`token` is missing"))?;
        let about = match self.grants.read(token) {
            Some(presented) => self.grants.peek(&self.shelf, presented, inbound.now).await?.map(|grant| {
                value!({
                    "active": true, "token_type": "refresh_token", "client_id": grant.client_id, "sub": grant.person.subject,
                    "scope": grant.scopes.to_string(), "iss": inbound.config.issuer.as_str(), "aud": grant.resource.as_str(),
                })
            }),
            None => self.access_token(inbound, token),
        };
        Ok(json(StatusCode::OK, &about.unwrap_or(value!({ "active": false }))))
    }

    fn access_token(&self, inbound: &Inbound<'_>, text: &str) -> Option<Value> {
        let unverified = Unverified::parse(text).ok()?;
        let audiences = inbound.config.resources.iter().map(|known| known.resource.as_str().to_owned()).collect();
        let trust = Trust { typ: TypRule::AccessToken, ..Trust::new(Some(inbound.config.issuer.as_str().to_owned()), audiences) };
        let (keys, _) = KeySet::from_jwks(self.keys.document().as_bytes()).ok()?;
        let claims = token::verify(&unverified, &trust, &keys, inbound.now).ok()?;
        Some(value!({
            "active": true, "token_type": "Bearer", "client_id": claims.client_id, "sub": claims.subject, "scope": claims.scopes.to_string(),
            "iss": claims.issuer, "aud": claims.audiences, "exp": claims.expires_at, "iat": claims.issued_at, "jti": claims.jwt_id,
        }))
    }
}
