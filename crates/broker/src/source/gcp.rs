//! `gcp-secretmanager://`: Google Secret Manager, asked with one GET; `write` changes what is there.
//!
//! Who we are there is found in a file of Google's making, else asked of the machine's metadata server (see `account` and `token`).

mod account;
mod token;
mod write;

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use outbound::client::{self, Call, LazyClient};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use self::token::Tokens;
use crate::missing::Cause;
use crate::reference::{GcpSecret, Place};
use crate::slot::Clock;
use crate::source::reach::{self, LIMITS, wiped};
use crate::source::{Environment, Fetched, Fetching, Provider, Writer};

/// Secrets of Google Secret Manager.
pub struct Gcp {
    endpoint: Box<str>,
    caller: Caller,
    tokens: Tokens,
}

/// What the operator says about Google.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The URL of Secret Manager, instead of Google's own.
    pub endpoint: Option<Box<str>>,
    /// The file of credentials, instead of the one that `GOOGLE_APPLICATION_CREDENTIALS` names.
    pub credentials: Option<PathBuf>,
}

impl Gcp {
    /// Asks by these settings, as whom the environment says, through a client that admits metadata services.
    pub fn new(settings: Settings, environment: &Environment, client: LazyClient, clock: Clock) -> Self {
        let caller = Caller(client);
        let endpoint = settings.endpoint.as_deref().unwrap_or(PUBLIC_ENDPOINT).trim_end_matches('/').into();
        Self { endpoint, tokens: Tokens::new(settings.credentials, environment, caller.clone(), clock), caller }
    }

    async fn fetch_secret(&self, secret: &GcpSecret) -> Result<Fetched, Cause> {
        let GcpSecret { project, name, version } = secret;
        let version = version.as_deref().unwrap_or("latest");
        let path = format!("projects/{project}/secrets/{name}/versions/{version}:access");
        self.ask(Method::GET, &path, Bytes::new()).await.and_then(|body| read(&body))
    }

    /// The body of a success.
    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, Cause> {
        let token = self.tokens.token().await?;
        let mut answer = self.ask_as(&token, &method, path, &body).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            // It was good when it came; somebody has taken it back.
            self.tokens.forget(&token).await;
            answer = self.ask_as(&*self.tokens.token().await?, &method, path, &body).await?;
        }
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            StatusCode::NOT_FOUND => Err(Cause::NotFound),
            status => Err(reach::answered("Google", status.as_u16(), word_of(&answer.body).as_deref())),
        }
    }

    async fn ask_as(&self, token: &SecretString, method: &Method, path: &str, body: &Bytes) -> Result<Answer, Cause> {
        let url = format!("{}/v1/{path}", self.endpoint);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, bearer(token)?);
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        self.caller.call(method.clone(), &url, headers, body.clone()).await
    }
}

impl Provider for Gcp {
    fn fetch<'a>(&'a self, place: &'a Place) -> Fetching<'a> {
        Box::pin(async move {
            let Place::Gcp(secret) = place else { return Err(Cause::NotInThisBuild) };
            self.fetch_secret(secret).await
        })
    }

    fn writer(&self) -> Option<&dyn Writer> {
        Some(self)
    }
}

/// Asks Google for JSON.
#[derive(Clone)]
struct Caller(LazyClient);

struct Answer {
    status: StatusCode,
    /// Wiped when let go.
    body: Bytes,
}

impl Caller {
    async fn call(&self, method: Method, url: &str, mut headers: HeaderMap, body: Bytes) -> Result<Answer, Cause> {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let client = self.0.client().map_err(|error| Cause::Unavailable { detail: reach::told(&error) })?;
        let answer = client.call(Call { method, url, headers, body }, LIMITS).await.map_err(|failure| reach::cause_of(&failure))?;
        let client::Fetched { status, body, .. } = answer;
        Ok(Answer { status, body: wiped(body) })
    }
}

/// The answer of `:access`.
#[derive(Deserialize)]
struct Accessed {
    name: String,
    payload: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    #[serde(deserialize_with = "secret")]
    data: SecretString,
    /// Google writes 64-bit numbers as texts.
    data_crc32c: Option<Box<str>>,
}

fn read(body: &[u8]) -> Result<Fetched, Cause> {
    let bad = |detail: &str| Cause::BadAnswer { detail: detail.into() };
    let Accessed { name, payload } = serde_json::from_slice(body).map_err(|_| bad("it is not the JSON of a secret's version"))?;
    let data = BASE64_STANDARD.decode(payload.data.expose_secret()).map(Zeroizing::new).map_err(|_| bad("its data is not Base64"))?;
    if payload.data_crc32c.is_some_and(|expected| expected.parse() != Ok(crc32c(&data))) {
        return Err(bad("its checksum is another"));
    }
    let fetched = std::str::from_utf8(&data).map_err(|_| Cause::NotText).and_then(Fetched::plain)?;
    let version: Option<Arc<str>> = name.rsplit_once("/versions/").map(|(_, version)| version.into());
    Ok(Fetched { version, ..fetched })
}

/// The status word of an error of Google's, such as `PERMISSION_DENIED`, or the code of its token service.
fn word_of(body: &[u8]) -> Option<Box<str>> {
    #[derive(Deserialize)]
    struct Refused {
        error: Reason,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Reason {
        Code(Box<str>),
        Status { status: Box<str> },
    }
    match serde_json::from_slice::<Refused>(body).ok()?.error {
        Reason::Code(word) | Reason::Status { status: word } => Some(word),
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Cause> {
    let text = Zeroizing::new(format!("Bearer {}", token.expose_secret()));
    let mut value = HeaderValue::from_str(&text).map_err(|_| Cause::BadAnswer { detail: "the token is none".into() })?;
    value.set_sensitive(true);
    Ok(value)
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

/// CRC-32C (Castagnoli), bit by bit: secrets are short.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (CASTAGNOLI & 0_u32.wrapping_sub(crc & 1));
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// The polynomial, its lowest power at the left.
const CASTAGNOLI: u32 = 0x82f6_3b78;
const PUBLIC_ENDPOINT: &str = "https://secretmanager.googleapis.com";

#[cfg(test)]
mod tests;
