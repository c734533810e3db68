//! A client does not need a token any more. (RFC 7009)

use std::time::Duration;

use bytes::Bytes;
use http::Response;

use crate::refusal::Refusal;
use crate::server::{Inbound, LEEWAY, Server, json};
use crate::token_endpoint::form;

impl Server {
    pub(crate) async fn revoke(&self, inbound: &Inbound<'_>) -> Result<Response<Bytes>, Refusal> {
        let fields = form(inbound)?;
        let client = self.authenticate_client(inbound, &fields).await?;
        let token = fields.value("token").ok_or_else(|| Refusal::invalid_request("`token` is missing"))?;
        let Some(presented) = self.grants.read(token) else {
            // What is no token of ours is not good anyway (§2.2).
            let about = self.access_token(inbound, token).filter(|about| about.client_id.as_deref() == Some(&*client.id));
            if let Some((id, ends)) = about.and_then(|about| about.jwt_id.zip(about.expires_at)) {
                let left = Duration::from_secs(ends.saturating_sub(inbound.now));
                self.revocations.revoke(&id, left + LEEWAY).await.map_err(|error| Refusal::broken(&error))?;
            }
            return Ok(done());
        };
        let grant = self.grants.find(&self.shelf, presented.grant(), inbound.now).await?;
        if grant.is_some_and(|grant| grant.client_id == client.id) {
            self.end(presented.grant(), "client").await?;
        }
        Ok(done())
    }
}

fn done() -> Response<Bytes> {
    json(http::StatusCode::OK, &serde_json::json!({}))
}
