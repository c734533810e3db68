//! Callers and servers of two eras: what many of them at once must not mix up, and what nobody comes back for must not stay.

mod equal_ids;
mod legacy_caller;
mod modern_caller;
mod parked;

use bytes::Bytes;
use testkit::fixture::Era;

use crate::support::{Plan, Puppet, Seen};

/// Modern callers before a server that knows the legacy era only, twice: over HTTP, and as a child process.
macro_rules! before_a_legacy_server {
    (async fn $name:ident($plan:ident: Plan) $body:block) => {
        async fn $name($plan: crate::support::Plan) $body

        mod $name {
            #[tokio::test]
            async fn over_http() {
                super::$name(crate::cross_era::legacy_over_http().await).await;
            }

            #[tokio::test]
            async fn over_stdio() {
                super::$name(crate::support::Plan::stdio("legacy")).await;
            }
        }
    };
}
use before_a_legacy_server;

async fn legacy_over_http() -> Plan {
    Plan::new(Era::Legacy).await
}

/// What a puppet was sent under this method.
fn calls(puppet: &Puppet, method: &str) -> Vec<Seen> {
    puppet.seen().into_iter().filter(|seen| seen.message()["method"] == method).collect()
}

/// A message as an event of a stream.
fn event(message: &str) -> Bytes {
    format!("event: message\ndata: {message}\n\n").into()
}
