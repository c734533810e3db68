//! How do the door and the authorization server meet? The door gives it the requests to its paths, and asks it for its keys; that is all.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use gateway::annex::{Annex, KeysAtHand, KeysAway};
use http::{Request, Response};
use issuer::Server;

/// The authorization server, as the door sees it.
pub(crate) struct IssuerAnnex(pub(crate) Arc<Server>);

impl Annex for IssuerAnnex {
    fn serves(&self, path: &str) -> bool {
        self.0.serves(path)
    }

    fn body_bytes(&self) -> usize {
        Server::BODY_BYTES
    }

    fn answer<'a>(&'a self, request: &'a Request<Bytes>, from: IpAddr) -> Pin<Box<dyn Future<Output = Response<Bytes>> + Send + 'a>> {
        Box::pin(self.0.answer(request, from))
    }
}

impl KeysAtHand for IssuerAnnex {
    fn document(&self) -> Pin<Box<dyn Future<Output = Result<String, KeysAway>> + Send + '_>> {
        Box::pin(async { self.0.published_keys().await.map_err(|failure| KeysAway(Box::new(failure))) })
    }
}
