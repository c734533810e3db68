//! How does a person at a terminal answer what a server asks back, and see how far it is? A form is asked field by field, an address is opened when they say so, and a bar shows
//! progress. No clock runs against the server while they think.

use std::io::{self, BufRead as _, Read as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mcp::method;
use serde_json::{Value as Json, json};
use url::Url;

use super::bar::Bar;
use super::form::{Form, content};
use crate::client::host::{Answering, Host, Progress};
use crate::config::is_local;
use crate::sign_in::{Pause, open_browser};
use crate::voice::{self, plain};

/// A person at a terminal.
pub(super) struct Terminal {
    /// Who asks.
    server: String,
    pause: Pause,
    bar: Mutex<Bar>,
    /// One question after the other.
    turn: tokio::sync::Mutex<()>,
}

/// What a person says to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Cancel,
    No,
    Yes,
}

impl Terminal {
    /// `server`: the one that is called.
    pub(super) fn new(server: &Url, pause: Pause) -> Self {
        let server = server.host_str().map_or_else(|| server.to_string(), str::to_owned);
        Self { server, pause, bar: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// Has the person open an address; whether they have.
    pub(super) async fn visit(&self, params: &Json) -> Option<&'static str> {
        let _turn = self.turn.lock().await;
        let _person = self.pause.begin();
        self.bar().wipe();
        let message = plain(params.get("message").and_then(Json::as_str).unwrap_or_default());
        let url = Url::parse(params.get("url")?.as_str()?).ok()?;
        voice::talk(&format!("{} asks you to open an address: {message}\n", plain(&self.server)));
        // Nothing but the web, and in the clear on this machine only.
        if url.scheme() != "https" && !(url.scheme() == "http" && is_local(&url)) {
            voice::warn("that address is not https, and is not opened");
            return Some("decline");
        }
        voice::talk(&format!("  at {}\n  {}\n", plain(url.host_str().unwrap_or_default()), plain(url.as_str())));
        let word = spoken(|| confirmed("open it in your browser?")).await?;
        if word == Word::Yes {
            open_browser(url).await;
        }
        Some(word.action())
    }

    /// Waits until the person is done elsewhere; whether they want to go on.
    pub(super) async fn is_done_elsewhere(&self) -> bool {
        let _turn = self.turn.lock().await;
        let _person = self.pause.begin();
        spoken(|| confirmed("done there, and call again?")).await == Some(Word::Yes)
    }

    async fn fill(&self, params: &Json) -> Option<Json> {
        let form = Form::read(params)?;
        let _turn = self.turn.lock().await;
        let _person = self.pause.begin();
        self.bar().wipe();
        voice::talk(&format!("{} asks: {}\n", plain(&self.server), form.message));
        let (word, answers) = spoken(move || filled(&form)).await?;
        Some(match word {
            Word::Yes => json!({"action": "accept", "content": content(answers)}),
            no => json!({"action": no.action()}),
        })
    }

    fn bar(&self) -> MutexGuard<'_, Bar> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host for Terminal {
    fn capabilities(&self) -> Json {
        json!({"elicitation": {"form": {}, "url": {}}})
    }

    fn answer<'a>(&'a self, method: &'a str, params: &'a Json) -> Answering<'a> {
        Box::pin(async move {
            if method != method::ELICITATION_CREATE {
                return None;
            }
            if params.get("mode").and_then(Json::as_str) == Some("url") {
                return self.visit(params).await.map(|action| json!({ "action": action }));
            }
            self.fill(params).await
        })
    }

    fn log(&self, text: &str) {
        self.bar().wipe();
        voice::talk(&format!("{}\n", plain(text.trim_end())));
    }

    fn progress(&self, progress: &Progress) {
        self.bar().draw(progress);
    }
}

impl Word {
    fn action(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::No => "decline",
            Self::Yes => "accept",
        }
    }
}

/// What a person says, on a thread that may wait for them.
async fn spoken<T: Send + 'static>(ask: impl FnOnce() -> io::Result<T> + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(ask).await.ok()?.ok()
}

/// Field by field; what comes of it is sent only when the person says so.
fn filled(form: &Form) -> io::Result<(Word, Vec<(String, Json)>)> {
    if !form.fields.is_empty() {
        voice::talk("an empty line takes what stands in brackets; Ctrl-D gives up\n");
    }
    let mut answers = Vec::new();
    for field in &form.fields {
        let mut tries = 0;
        loop {
            voice::talk(&field.invitation());
            let Some(line) = line()? else { return Ok((Word::Cancel, Vec::new())) };
            match field.judge(&line) {
                Ok(answer) => {
                    answers.extend(answer.map(|answer| (field.name.clone(), answer)));
                    break;
                }
                Err(why) => voice::talk(&format!("{why}\n")),
            }
            tries += 1;
            if tries == TRIES {
                return Ok((Word::Cancel, Vec::new()));
            }
        }
    }
    Ok((confirmed(if form.fields.is_empty() { "agree?" } else { "send this?" })?, answers))
}

/// The end of the input is no answer.
fn confirmed(question: &str) -> io::Result<Word> {
    for _ in 0..TRIES {
        voice::talk(&format!("{question} [yes/no] "));
        match line()?.as_deref().map(str::trim) {
            None => break,
            Some("yes" | "y") => return Ok(Word::Yes),
            Some("no" | "n") => return Ok(Word::No),
            Some(_) => {}
        }
    }
    Ok(Word::Cancel)
}

/// `None`: there is no more.
fn line() -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = io::stdin().lock().take(LONGEST).read_line(&mut line)?;
    if read == 0 {
        // The next words begin a line of their own.
        voice::talk("\n");
        return Ok(None);
    }
    Ok(Some(line))
}

const TRIES: usize = 5;
/// In bytes.
const LONGEST: u64 = 64 * 1024;
