//! How does a person try an MCP server from a terminal? A small client in both eras.
//!
//! `http` posts one message and reads its answer; `exchange` follows that answer to its end, and `place` goes on where it broke off; `legacy` and `modern` say what each era
//! asks for around a call; `host` answers what the server asks back, `tools` knows which arguments travel in headers; this file finds out which era it is.

mod exchange;
mod failure;
pub(crate) mod host;
mod http;
mod legacy;
mod modern;
mod place;
mod tools;

pub(crate) use failure::CallFailure;
pub(crate) use http::{Content, Endpoint, Reply, Stream};
pub(crate) use modern::MAX_PAGES;
pub(crate) use place::Place;
pub(crate) use tools::KnownTools;

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::cli::Era;
use exchange::Answer;
use host::Host;
use legacy::Session;
use modern::Discovered;

/// A server that is ready for calls.
pub(crate) struct Client {
    endpoint: Arc<Endpoint>,
    host: Arc<dyn Host>,
    speech: Speech,
}

/// How the server wants to be spoken to.
enum Speech {
    Legacy(Session),
    Modern(modern::Speaker),
}

impl Client {
    /// Finds out what the server speaks, unless told, and opens a session where the era has them.
    pub(crate) async fn connect(endpoint: Endpoint, era: Era, host: Arc<dyn Host>) -> Result<Self, CallFailure> {
        let endpoint = Arc::new(endpoint);
        let speech = match era {
            Era::Legacy => Speech::Legacy(Session::open(&endpoint, &host).await?),
            Era::Modern => match modern::discover(&endpoint, &*host).await? {
                Discovered::Modern(speaker) => Speech::Modern(speaker),
                Discovered::Other(answer) => return Err(answer.unless_modern()),
            },
            Era::Auto => match modern::discover(&endpoint, &*host).await? {
                Discovered::Modern(speaker) => Speech::Modern(speaker),
                // Whatever else it said: fall back, and never key on one code (MCP 2026-07-28, versioning).
                Discovered::Other(_) => Speech::Legacy(Session::open(&endpoint, &host).await?),
            },
        };
        Ok(Self { endpoint, host, speech })
    }

    /// Whether the server says that it has this: `tools`, `resources`, `prompts` …
    pub(crate) fn offers(&self, capability: &str) -> bool {
        let capabilities = match &self.speech {
            Speech::Legacy(session) => session.capabilities(),
            Speech::Modern(speaker) => speaker.capabilities(),
        };
        capabilities.get(capability).is_some()
    }

    /// Sends one request and waits for its result, as written.
    pub(crate) async fn request(
        &mut self,
        method: &str,
        params: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Box<RawValue>, CallFailure> {
        let answer = match &mut self.speech {
            Speech::Legacy(session) => session.request(&self.endpoint, &*self.host, method, params).await?,
            Speech::Modern(speaker) => speaker.request(&self.endpoint, &*self.host, method, params).await?,
        };
        match answer {
            Answer::Error(error) => Err(CallFailure::Said(error)),
            Answer::Result(result) => Ok(result),
        }
    }

    /// Ends the session where there is one. That the server does not care is no failure.
    pub(crate) async fn close(self) {
        if let Speech::Legacy(session) = self.speech {
            session.close(&self.endpoint).await;
        }
    }
}

#[cfg(test)]
mod tests;
