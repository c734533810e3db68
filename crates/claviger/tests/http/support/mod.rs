//! What does a test need to stand before a door? A door in three words (`Door::open().await`), its issuer, its callers, and
//! upstreams that say what the test wants.

mod answer;
mod caller;
mod door;
mod fixture;
mod issuer;
mod keys;
mod line;
mod metrics;
mod plan;
mod process;
mod puppet;
mod request;
mod stream;

pub(crate) use answer::Answer;
pub(crate) use caller::{Caller, MODERN, Session, modern_message, request_message};
pub(crate) use door::Door;
pub(crate) use fixture::{Fixture, fixture_program};
pub(crate) use issuer::{Issuer, now};
pub(crate) use keys::{Key, merge};
pub(crate) use line::Line;
pub(crate) use metrics::Metrics;
pub(crate) use plan::Plan;
pub(crate) use process::{Finished, Running, Signal, claviger, descendants, fixtures, is_alive, resident_kib, run};
pub(crate) use puppet::{Puppet, Say, Seen};
pub(crate) use request::Request;
pub(crate) use stream::Stream;

use std::time::Duration;

/// The same test twice: before the fixture over HTTP, and as a child process.
macro_rules! over_http_and_stdio {
    (async fn $name:ident($door:ident: Door) $body:block) => {
        async fn $name($door: crate::support::Door) $body

        mod $name {
            #[tokio::test]
            async fn over_http() {
                super::$name(crate::support::Door::open().await).await;
            }

            #[tokio::test]
            async fn over_stdio() {
                super::$name(crate::support::Plan::stdio("both").open().await).await;
            }
        }
    };
}
pub(crate) use over_http_and_stdio;

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `what` gives a value.
pub(crate) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether the future is still not done after `time`.
pub(crate) async fn stays_silent<T>(future: impl Future<Output = T>, time: Duration) -> bool {
    tokio::time::timeout(time, future).await.is_err()
}
