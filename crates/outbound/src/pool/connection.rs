//! One connection to an upstream, carried on by whoever waits for its answer.
//!
//! hyper means each connection to be a task of its own. Here it is polled inside the call that uses it, so that a call is not
//! handed to another task, and perhaps another core, and back. While nobody uses it, nobody polls it: that the upstream has
//! closed it is seen when it is taken up again.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use tokio::task::unconstrained;

/// An open connection. Dropped, it is closed at once.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Reads and writes, and feeds what waits for an answer; `None` once the connection has ended.
    driver: Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>,
}

impl Connection {
    /// A connection over a stream on which nothing has been said yet.
    pub(super) async fn over<S>(stream: S) -> hyper::Result<Self>
    where
        S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        // Head and body in one piece: for the short messages of MCP, to copy them costs less than to write from two places.
        let (sender, driver) = http1::Builder::new().writev(false).handshake(stream).await?;
        Ok(Self { sender, driver: Some(Box::pin(driver)) })
    }

    /// Sends a request and waits for the head of its answer. The error holds the request if no byte of it has left.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        let mut answer = pin!(unconstrained(self.sender.try_send_request(request)));
        poll_fn(|context| drive(&mut self.driver, context, |context| answer.as_mut().poll(context))).await
    }

    /// Polls something that only this connection brings about, such as the next piece of an answer.
    pub(super) fn poll_for<T>(&mut self, context: &mut Context<'_>, outcome: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        drive(&mut self.driver, context, outcome)
    }

    /// Finishes what the last answer left to do, and says whether there can be another request. Wakes nobody from now on.
    pub(super) fn rest(&mut self) -> bool {
        let Some(driver) = &mut self.driver else { return false };
        let ended = pin!(unconstrained(driver)).poll(&mut nobody()).is_ready();
        !ended && self.sender.is_ready()
    }
}

/// Polls the outcome, carries the connection on, and polls the outcome again.
///
/// Nothing but the driver can change the outcome, and the driver is polled right here: so the driver alone wakes the task, and the
/// outcome wakes nobody. (Else each hand-over between the two would wake the very task that is running.) The first of the two
/// polls tells hyper that a piece is wanted. An outcome must not spend tokio's budget, which would be a second cause to wait.
fn drive<T>(
    driver: &mut Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>,
    context: &mut Context<'_>,
    mut outcome: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    let Some(running) = driver else { return outcome(context) };
    let early = outcome(&mut nobody());
    if early.is_ready() {
        return early;
    }
    let Poll::Ready(end) = running.as_mut().poll(context) else { return outcome(&mut nobody()) };
    if let Err(error) = end {
        // Whoever waits for an answer sees the error itself.
        tracing::debug!(target: "outbound", error = &error as &dyn std::error::Error, "a connection ended");
    }
    // What the driver has not handed over comes back as it is dropped.
    *driver = None;
    outcome(context)
}

fn nobody() -> Context<'static> {
    Context::from_waker(Waker::noop())
}
