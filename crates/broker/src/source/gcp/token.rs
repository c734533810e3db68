//! With which token do we ask Google? One for all questions, fetched anew shortly before its end, by one asker at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::account::Account;
use super::{Caller, secret, word_of};
use crate::missing::Cause;
use crate::slot::Clock;
use crate::source::{Environment, reach};

/// Tokens of the account that we are.
pub(super) struct Tokens {
    source: Source,
    caller: Caller,
    clock: Clock,
    kept: Mutex<Option<Kept>>,
}

/// A token that the token service has just given.
#[derive(Deserialize)]
pub(super) struct Given {
    #[serde(deserialize_with = "secret")]
    pub(super) access_token: SecretString,
    /// Seconds.
    pub(super) expires_in: u64,
}

/// Who says who we are.
enum Source {
    /// A file of Google's making.
    File(PathBuf),
    /// The metadata server of the machine or pod, at this URL.
    Machine(String),
}

struct Kept {
    token: Arc<SecretString>,
    /// Unix milliseconds.
    until: u64,
}

impl Tokens {
    pub(super) fn new(file: Option<PathBuf>, environment: &Environment, caller: Caller, clock: Clock) -> Self {
        let variable = |name| environment.variable(name).filter(|value| !value.is_empty());
        let file = file.or_else(|| variable("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from));
        // By its address: a name could lead elsewhere, and what it says is taken without TLS.
        let named = variable("GCE_METADATA_HOST").filter(|host| *host != "metadata.google.internal");
        let machine = || Source::Machine(format!("http://{}{METADATA_TOKEN}", named.unwrap_or(METADATA_ADDRESS)));
        let source = file.map_or_else(machine, Source::File);
        Self { source, caller, clock, kept: Mutex::new(None) }
    }

    /// A token that is good for another minute at least.
    pub(super) async fn token(&self) -> Result<Arc<SecretString>, Cause> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| (self.clock)() < kept.until) {
            return Ok(Arc::clone(&kept.token));
        }
        let given = self.ask().await?;
        let life = Duration::from_secs(given.expires_in).saturating_sub(EARLY);
        let until = (self.clock)().saturating_add(u64::try_from(life.as_millis()).unwrap_or(u64::MAX));
        let token = Arc::new(given.access_token);
        *kept = Some(Kept { token: Arc::clone(&token), until });
        Ok(token)
    }

    /// Lets go of a token that is not good any more.
    pub(super) async fn forget(&self, token: &Arc<SecretString>) {
        self.kept.lock().await.take_if(|kept| Arc::ptr_eq(&kept.token, token));
    }

    async fn ask(&self) -> Result<Given, Cause> {
        match &self.source {
            Source::File(path) => Account::read(path).await?.token(&self.caller, &self.clock).await,
            Source::Machine(url) => {
                let headers = HeaderMap::from_iter([(METADATA_FLAVOR, HeaderValue::from_static("Google"))]);
                let answer = self.caller.call(Method::GET, url, headers, Bytes::new()).await?;
                given(answer.status, &answer.body)
            }
        }
    }
}

/// The token in an answer of the token service.
pub(super) fn given(status: StatusCode, body: &[u8]) -> Result<Given, Cause> {
    if status != StatusCode::OK {
        return Err(reach::answered("the token service of Google", status.as_u16(), word_of(body).as_deref()));
    }
    serde_json::from_slice(body).map_err(|_| Cause::BadAnswer { detail: "the token service of Google gives no token".into() })
}

/// So long before its end a token is not used any more.
const EARLY: Duration = Duration::from_secs(60);
const METADATA_ADDRESS: &str = "169.254.169.254";
const METADATA_FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");
const METADATA_TOKEN: &str = "/computeMetadata/v1/instance/service-accounts/default/token";

#[cfg(test)]
mod tests;
