//! What else answers at the public address? The built-in authorization server, of which the door knows no more than this: which paths are its own.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;

use crate::body::Body;
use crate::door::Door;
use crate::layers::{body_limit, rescue};
use crate::table::Table;

/// Something else at the public address. It is given whole requests, whose `Host` has been checked, and gives whole answers.
pub trait Annex: Send + Sync {
    /// Whether a path is its own.
    fn serves(&self, path: &str) -> bool;

    /// The longest body that it reads, in bytes.
    fn body_bytes(&self) -> usize;

    /// Answers a request of the caller at this address.
    fn answer<'a>(&'a self, request: &'a Request<Bytes>, from: IpAddr) -> Pin<Box<dyn Future<Output = Response<Bytes>> + Send + 'a>>;
}

/// The public keys of an issuer that is at hand, without asking anybody over the network.
pub trait KeysAtHand: Send + Sync {
    /// The JSON Web Key Set that the issuer publishes.
    fn document(&self) -> Pin<Box<dyn Future<Output = Result<String, KeysAway>> + Send + '_>>;
}

/// The keys cannot be had just now.
#[derive(Debug, thiserror::Error)]
#[error("the keys cannot be read")]
pub struct KeysAway(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Answers one request that is the annex's.
pub(crate) async fn answer(
    door: &Door,
    table: &Table,
    annex: &Arc<dyn Annex>,
    request: &mut Request<Incoming>,
    from: IpAddr,
) -> Response<Body> {
    let spent = door.annex_quotas.spend(from, Some(table.config.limits.issuer_per_address), door.clock.monotonic_nanoseconds());
    let body = match spent {
        Ok(()) => body_limit::read(request, annex.body_bytes(), table.config.timeouts.request_body).await,
        Err(refusal) => Err(refusal),
    };
    let body = match body {
        Ok(body) => body,
        Err(refusal) => {
            door.metrics.refused_at_the_gate(&refusal);
            return rescue::rescue(&refusal, None, None);
        }
    };
    let mut whole = Request::new(body);
    *whole.method_mut() = request.method().clone();
    *whole.uri_mut() = request.uri().clone();
    *whole.headers_mut() = std::mem::take(request.headers_mut());
    annex.answer(&whole, from).await.map(Body::full)
}
