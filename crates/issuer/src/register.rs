//! May this client go by a name of its own? Registration (RFC 7591): for everybody, at a bounded rate, without a secret, and forgotten when nobody grants it anything.

use audit::event::Event;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use oauth::registration::{self, ClientMetadata};

use crate::client::Clients;
use crate::refusal::Refusal;
use crate::server::{Inbound, Server, json};
use crate::throttle::{REGISTRATIONS, REGISTRATIONS_BY_ALL, network_of};

impl Server {
    pub(crate) async fn register(&self, inbound: &Inbound<'_>) -> Result<Response<Bytes>, Refusal> {
        if !inbound.config.registration {
            return Err(Refusal::invalid_request("clients do not register themselves here"));
        }
        let kind = inbound.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/json") {
            return Err(Refusal::invalid_request("the body must be `application/json`"));
        }
        let store = &**self.shelf.store();
        let is_within = REGISTRATIONS_BY_ALL.allows(store, "").await?
            && REGISTRATIONS.count(store, &network_of(inbound.from)).await?
            && REGISTRATIONS_BY_ALL.count(store, "").await?;
        if !is_within {
            return Err(Refusal::too_often(REGISTRATIONS.per.as_secs()));
        }
        let metadata = ClientMetadata::read(inbound.body).map_err(|invalid| Refusal::new(invalid.code(), invalid.to_string()))?;
        let id = Clients::register(&self.shelf, &metadata, inbound.now).await?;
        self.record(&Event::ClientRegistered { client: id.as_str().into(), name: metadata.name.as_deref().unwrap_or_default().into() });
        Ok(json(StatusCode::CREATED, &registration::Registered::new(&id, inbound.now, &metadata)))
    }
}
