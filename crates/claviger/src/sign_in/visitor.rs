//! How is a person at this terminal sent to log in? By opening their browser, by showing them the address, or by having them paste where they ended up.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use broker::account::visitor::{Awaited, Destination, TypedCode, Visit, VisitFailure, Visiting, Visitor};
use oauth::authorization::Answer;
use tokio::sync::watch;
use url::Url;
use zeroize::Zeroizing;

use super::listener::Listener;
use super::paste;
use super::storage::first_words;
use crate::voice::{self, plain};

/// How a person is asked.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Their browser is opened.
    Browser(Pause),
    /// They open the address themselves, on this machine.
    Shown(Pause),
    /// They open it elsewhere, and paste where they ended up.
    Pasted(Pause),
}

/// Whether a person is being waited for: no clock runs against the server then.
#[derive(Clone, Debug)]
pub(crate) struct Pause(Arc<watch::Sender<usize>>);

struct Guide {
    manner: Manner,
    port: Option<u16>,
    state: PathBuf,
}

struct Listening {
    listener: Listener,
    opens_browser: bool,
    pause: Pause,
    state: PathBuf,
}

struct Pasting {
    redirect_uri: String,
    pause: Pause,
    state: PathBuf,
}

impl Manner {
    /// Stops the clock: a person is waited for.
    pub(super) fn begin(&self) -> Waiting {
        let (Self::Browser(pause) | Self::Pasted(pause) | Self::Shown(pause)) = self;
        pause.begin()
    }

    /// `state`: the folder that knows where tokens are kept.
    pub(super) fn visitor(self, port: Option<u16>, state: &Path) -> Arc<dyn Visitor> {
        Arc::new(Guide { manner: self, port, state: state.to_owned() })
    }
}

impl Pause {
    /// Nobody is waited for.
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// Does work within `limit`, not counting the time that a person takes. `None`: it was not done.
    pub(crate) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        let mut waiting = self.0.subscribe();
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                () = tokio::time::sleep(limit) => {}
            }
            if *waiting.borrow_and_update() == 0 {
                return None;
            }
            // The clock begins anew when the person is back.
            tokio::select! {
                done = &mut work => return Some(done),
                _ = waiting.wait_for(|people| *people == 0) => {}
            }
        }
    }

    pub(crate) fn begin(&self) -> Waiting {
        self.0.send_modify(|people| *people += 1);
        Waiting(self.clone())
    }
}

/// A person is waited for; over when dropped.
pub(crate) struct Waiting(Pause);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.send_modify(|people| *people -= 1);
    }
}

impl Visitor for Guide {
    fn prepare<'a>(&'a self, known: Option<&'a str>) -> Visiting<'a, Box<dyn Visit>> {
        Box::pin(async move {
            let (pause, opens_browser) = match &self.manner {
                Manner::Browser(pause) => (pause.clone(), true),
                Manner::Shown(pause) => (pause.clone(), false),
                Manner::Pasted(pause) => {
                    let redirect_uri = known.map_or_else(|| paste::redirect_uri(self.port), str::to_owned);
                    return Ok(Box::new(Pasting { redirect_uri, pause: pause.clone(), state: self.state.clone() }) as Box<dyn Visit>);
                }
            };
            let listener = listen(self.port, known).await?;
            Ok(Box::new(Listening { listener, opens_browser, pause, state: self.state.clone() }) as Box<dyn Visit>)
        })
    }

    fn show(&self, code: TypedCode) -> Visiting<'_, Box<dyn Awaited>> {
        say_code(&code, &self.state);
        Box::pin(std::future::ready(Ok(Box::new(self.manner.begin()) as Box<dyn Awaited>)))
    }
}

impl Awaited for Waiting {
    fn is_awaited(&self) -> bool {
        true
    }
}

/// Listens for a browser: on this port, else where the server lets people come back, else anywhere.
pub(super) async fn listen(port: Option<u16>, known: Option<&str>) -> Result<Listener, VisitFailure> {
    let known = known.and_then(|known| Url::parse(known).ok()).and_then(|known| known.port());
    let listener = match (port, known) {
        (Some(port), _) => Listener::open(Some(port)).await,
        (None, Some(port)) => match Listener::open(Some(port)).await {
            Ok(listener) => Ok(listener),
            // Taken: another port, under another registration.
            Err(_) => Listener::open(None).await,
        },
        (None, None) => Listener::open(None).await,
    };
    listener.map_err(|error| failure("cannot listen for the browser to come back", error))
}

impl Visit for Listening {
    fn redirect_uri(&self) -> &str {
        self.listener.redirect_uri()
    }

    fn go(self: Box<Self>, to: Destination) -> Visiting<'static, Answer> {
        Box::pin(async move {
            let Self { listener, opens_browser, pause, state } = *self;
            let _waiting = pause.begin();
            say_where(&to, opens_browser, &state);
            let answer = tokio::spawn(listener.answer(to.state));
            if opens_browser {
                open(to.url).await;
            }
            let came = tokio::time::timeout(PATIENCE, answer).await.map_err(|_| nobody_came())?;
            came.map_err(|error| failure("the log-in was broken off", error))?
                .map_err(|error| failure("the browser could not come back", error))
        })
    }
}

impl Visit for Pasting {
    fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    fn go(self: Box<Self>, to: Destination) -> Visiting<'static, Answer> {
        Box::pin(async move {
            let _waiting = self.pause.begin();
            say_where(&to, false, &self.state);
            let query = pasted().await?;
            Answer::read(&query).map_err(|error| failure("what was pasted is no answer", error))
        })
    }
}

/// `state`: as above.
pub(super) fn say_code(code: &TypedCode, state: &Path) {
    if let Some(words) = first_words(state) {
        voice::talk(&words);
    }
    let (server, authority) = (plain(code.server.as_str()), plain(&code.authority));
    voice::talk(&format!(
        "log in to {server} at {authority}: on any machine, open\n  {}\nand type the code\n  {}\n",
        code.url,
        plain(&code.code)
    ));
}

/// What stands in the address that a person pastes.
pub(super) async fn pasted() -> Result<Zeroizing<String>, VisitFailure> {
    let asked = tokio::task::spawn_blocking(paste::ask).await;
    let query = asked.map_err(|error| failure("the log-in was broken off", error))?;
    query.map_err(|error| failure("cannot read what is pasted", error))?.ok_or_else(nobody_came)
}

/// `state`: at the first log-in, what a person reads includes where tokens are kept.
pub(super) fn say_where(to: &Destination, opens_browser: bool, state: &Path) {
    if let Some(words) = first_words(state) {
        voice::talk(&words);
    }
    let (server, authority) = (plain(to.server.as_str()), plain(&to.authority));
    let how = if opens_browser { "your browser opens; if it does not, open" } else { "open" };
    voice::talk(&format!("log in to {server} at {authority}: {how}\n  {}\n", to.url));
}

/// Without a shell, and nothing but http and https (C19): the account has made sure of that.
pub(crate) async fn open(url: Url) {
    let opened = tokio::task::spawn_blocking(move || {
        let options = webbrowser::BrowserOptions::new().with_suppress_output(true).to_owned();
        webbrowser::open_browser_with_options(webbrowser::Browser::Default, url.as_str(), &options)
    });
    let outcome = opened.await;
    if !matches!(outcome, Ok(Ok(()))) {
        voice::talk("no browser could be opened; open the address yourself\n");
    }
}

pub(super) fn nobody_came() -> VisitFailure {
    VisitFailure { what: format!("nobody came back within {} minutes", PATIENCE.as_secs() / 60), source: None }
}

pub(super) fn failure(what: &str, source: impl StdError + Send + Sync + 'static) -> VisitFailure {
    VisitFailure { what: what.to_owned(), source: Some(Box::new(source)) }
}

/// How long a person may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_stands_still_while_a_person_logs_in() {
        let pause = Pause::new();
        let limit = Duration::from_secs(5);
        assert!(pause.within(limit, tokio::time::sleep(Duration::from_secs(6))).await.is_none());
        let work = async {
            let waiting = pause.begin();
            tokio::time::sleep(Duration::from_secs(60)).await;
            drop(waiting);
            tokio::time::sleep(Duration::from_secs(4)).await;
        };
        assert!(pause.within(limit, work).await.is_some());
    }
}
