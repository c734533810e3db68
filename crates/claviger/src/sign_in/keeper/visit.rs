//! How does the keeper send a person? By the program that asked; the browser comes back to the keeper itself, so that it does not matter what becomes of the program.

use std::sync::Arc;

use broker::account::visitor::{Awaited, Destination, TypedCode, Visit, VisitFailure, Visiting, Visitor};
use oauth::authorization::Answer;
use tokio::sync::{Mutex, mpsc};

use super::queue::Queue;
use super::words::{Reply, Say, Sent, ShownCode, Way};
use crate::sign_in::listener::Listener;
use crate::sign_in::paste;
use crate::sign_in::visitor::{PATIENCE, failure, listen, nobody_came};

/// The program that asked.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) way: Way,
    pub(super) port: Option<u16>,
    pub(super) queue: Arc<Queue>,
    pub(super) says: mpsc::Sender<Say>,
    pub(super) replies: Arc<Mutex<mpsc::Receiver<Reply>>>,
}

struct Trip {
    caller: Caller,
    redirect_uri: String,
    /// `None`: what comes back is pasted.
    listener: Option<Listener>,
}

impl Visitor for Caller {
    fn prepare<'a>(&'a self, known: Option<&'a str>) -> Visiting<'a, Box<dyn Visit>> {
        Box::pin(async move {
            let caller = self.clone();
            let trip = match self.way {
                Way::Browser => {
                    let listener = listen(self.port, known).await?;
                    Trip { caller, redirect_uri: listener.redirect_uri().to_owned(), listener: Some(listener) }
                }
                Way::Pasted => {
                    let redirect_uri = known.map_or_else(|| paste::redirect_uri(self.port), str::to_owned);
                    Trip { caller, redirect_uri, listener: None }
                }
            };
            Ok(Box::new(trip) as Box<dyn Visit>)
        })
    }

    fn show(&self, code: TypedCode) -> Visiting<'_, Box<dyn Awaited>> {
        Box::pin(async move {
            self.says.send(Say::Show(ShownCode::of(&code))).await.map_err(|_| gone())?;
            match self.replies.lock().await.recv().await {
                Some(Reply::Shown) => Ok(Box::new(Queued(Arc::clone(&self.queue))) as Box<dyn Awaited>),
                Some(_) => Err(nobody_came()),
                None => Err(gone()),
            }
        })
    }
}

/// Somebody in this queue waits.
struct Queued(Arc<Queue>);

impl Awaited for Queued {
    fn is_awaited(&self) -> bool {
        self.0.is_waited_in()
    }
}

impl Visit for Trip {
    fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    fn go(self: Box<Self>, to: Destination) -> Visiting<'static, Answer> {
        Box::pin(async move {
            let Self { caller, listener, .. } = *self;
            // It listens before anybody is sent.
            let answer = listener.map(|listener| tokio::spawn(listener.answer(to.state.clone())));
            let _listening = answer.as_ref().map(|answer| Abort(answer.abort_handle()));
            if caller.says.send(Say::Visit(Sent::to(&to))).await.is_err() {
                return Err(gone());
            }
            let reply = caller.replies.lock().await.recv().await;
            let answer = match (reply, answer) {
                (Some(Reply::Pasted(query)), None) => {
                    return Answer::read(&query).map_err(|error| failure("what was pasted is no answer", error));
                }
                (Some(Reply::Shown), Some(answer)) => answer,
                (Some(_), _) => return Err(nobody_came()),
                (None, _) => return Err(gone()),
            };
            let _away = caller.queue.send(to);
            tokio::select! {
                came = tokio::time::timeout(PATIENCE, answer) => came
                    .map_err(|_| nobody_came())?
                    .map_err(|error| failure("the log-in was broken off", error))?
                    .map_err(|error| failure("the browser could not come back", error)),
                () = caller.queue.is_deserted() => Err(gone()),
            }
        })
    }
}

/// Ends a task.
struct Abort(tokio::task::AbortHandle);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn gone() -> VisitFailure {
    VisitFailure { what: "nobody waits for this log-in any more".to_owned(), source: None }
}
