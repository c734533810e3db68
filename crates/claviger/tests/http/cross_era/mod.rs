//! Callers and servers of two eras: what many of them at once must not mix up, and what nobody comes back for must not stay.

mod equal_ids;
mod parked;

use testkit::fixture::Era;

use crate::support::Plan;

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
