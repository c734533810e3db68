//! A client does not need a token any more. (RFC 7009)

use bytes::Bytes;
use http::Response;
use oauth::error_code::ErrorCode;

use crate::refusal::Refusal;
use crate::server::{Inbound, Server, json};
use crate::token_endpoint::form;

impl Server {
    pub(crate) async fn revoke(&self, inbound: &Inbound<'_>) -> Result<Response<Bytes>, Refusal> {
        let fields = form(inbound)?;
        let client = self.authenticate_client(inbound, &fields).await?;
        let token = fields.value("token").ok_or_else(|| Refusal::invalid_request("`token` is missing"))?;
        let Some(presented) = self.grants.read(token) else {
            // What is no token of ours is not good anyway (§2.2), but an access token would stay good, and whoever wants it gone has to know.
            let is_access_token = token.split('.').count() == 3;
            if is_access_token {
                return Err(Refusal::new(ErrorCode::UnsupportedTokenType, "revoke the refresh token: its access tokens end with it"));
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
