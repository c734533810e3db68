//! How is a server told something? One `POST` for each message, at its endpoint. What it has to say to that comes on the stream, so the answer to a `POST` is only that
//! it has arrived.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Uri};
use http_body_util::BodyExt as _;
use mcp::envelope::{Kind, Message};
use outbound::pool::Lease;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Letter, Way};
use crate::back::BackFailure;
use crate::back::stdio::call::Ending;
use crate::back::stdio::peer::{Peer, number_of};

/// What is under way to one endpoint.
struct Postman {
    way: Arc<Way>,
    endpoint: Uri,
    peer: Arc<Peer>,
}

/// Posts all that is said to `peer` until that ends.
pub(super) async fn all(way: Arc<Way>, endpoint: Uri, peer: Arc<Peer>, mut letters: mpsc::Receiver<Bytes>) {
    let postman = Arc::new(Postman { way, endpoint, peer });
    // What is under way ends with it.
    let mut underway = JoinSet::new();
    let posting = async {
        while let Some(letter) = letters.recv().await {
            while underway.try_join_next().is_some() {}
            let Some((number, is_notification)) = judged(&letter) else { continue };
            if underway.len() >= AT_ONCE
                && let Some(number) = number
            {
                postman.peer.end(number, Ending::Busy);
                continue;
            }
            let (arrived, arrives) = oneshot::channel();
            underway.spawn(Arc::clone(&postman).carry(letter, number, arrived));
            // What follows relies on it, such as all on `initialized`. But some servers answer when they have dealt with a message, and may ask us something before.
            if is_notification {
                let _arrived_or_not = timeout(AHEAD, arrives).await;
            }
        }
    };
    tokio::select! {
        () = posting => {}
        () = postman.peer.life.stop.cancelled() => {}
    }
}

impl Postman {
    /// Posts one message. `number`: that of a request, whose caller is told if it cannot be put.
    async fn carry(self: Arc<Self>, letter: Bytes, number: Option<u64>, arrived: oneshot::Sender<()>) {
        let posted = self.way.exchange(&Letter::Post(&self.endpoint, letter), &self.peer.origin.permit).await;
        drop(arrived);
        let failure = match posted {
            Ok(response) => return read_out(response.into_body()).await,
            Err(failure) => failure,
        };
        let server = &*self.peer.origin.server;
        let cause = std::error::Error::source(&failure).map(ToString::to_string);
        tracing::warn!(target: "upstream", server, %failure, cause, "a message could not be posted");
        match (ending(failure), number) {
            (Some(ending), Some(number)) => self.peer.end(number, ending),
            (Some(_), None) => {}
            (None, _) => self.peer.break_off(),
        }
    }
}

/// What becomes of a request that could not be posted; `None`: the session is gone, and all that was under way with it.
fn ending(failure: BackFailure) -> Option<Ending> {
    match failure {
        BackFailure::UnexpectedStatus { status: StatusCode::NOT_FOUND | StatusCode::GONE } => None,
        BackFailure::UnexpectedStatus { status } => Some(Ending::UnexpectedStatus(status)),
        BackFailure::Credential(missing) => Some(Ending::Credential(missing)),
        BackFailure::CredentialRefused { status } => Some(Ending::CredentialRefused(status)),
        BackFailure::CredentialShape { place } => Some(Ending::CredentialShape(place)),
        BackFailure::TimedOut { after } => Some(Ending::TimedOut(after)),
        _ => None,
    }
}

/// The number of a request, and whether it is a notification.
fn judged(letter: &[u8]) -> Option<(Option<u64>, bool)> {
    let message = Message::parse(letter).ok()?;
    let number = message.id().filter(|_| message.kind() == Kind::Request).and_then(number_of);
    Some((number, message.kind() == Kind::Notification))
}

/// Read to its end, a body gives its connection back.
async fn read_out(mut body: Lease) {
    let mut read = 0_usize;
    while let Some(Ok(frame)) = body.frame().await {
        read = read.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if read > COURTESY {
            return;
        }
    }
}

/// Requests that are posted at once. Of most servers a `POST` takes a moment; of some, as long as the call.
const AT_ONCE: usize = 256;

/// How long a notification goes ahead of what follows.
const AHEAD: Duration = Duration::from_secs(1);

/// `Accepted`, and whatever else servers write there.
const COURTESY: usize = 64 * 1024;
