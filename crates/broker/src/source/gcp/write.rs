//! How is a secret of Google Secret Manager changed? A version is added, and the secret made first where there is none; removing it takes all of its versions.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Gcp, crc32c};
use crate::missing::Cause;
use crate::reference::{GcpSecret, Place};
use crate::source::texts::Texts;
use crate::source::{Changing, Listed, MAX_LISTED, MAX_PAGES, PINNED, Removal};
use crate::value::Value;

impl Gcp {
    async fn put_secret(&self, secret: &GcpSecret, text: &Value) -> Result<(), Cause> {
        let GcpSecret { project, name, .. } = secret;
        let add = format!("projects/{project}/secrets/{name}:addVersion");
        let version = version(text)?;
        let added = match self.ask(Method::POST, &add, version.clone()).await {
            Err(Cause::NotFound) => {
                let create = format!("projects/{project}/secrets?secretId={name}");
                self.ask(Method::POST, &create, Bytes::from_static(REPLICATED)).await?;
                self.ask(Method::POST, &add, version).await?
            }
            answered => answered?,
        };
        let detail = || "it is not the JSON of a version that was added".into();
        let Named { name } = serde_json::from_slice(&added).map_err(|_| Cause::BadAnswer { detail: detail() })?;
        self.is_latest(secret, name.rsplit('/').next().unwrap_or_default()).await
    }

    /// Waits until a version is the one that others get: Google gives the one before for a while.
    async fn is_latest(&self, secret: &GcpSecret, number: &str) -> Result<(), Cause> {
        let added: Option<u64> = number.parse().ok();
        for _ in 0..LOOKS {
            let latest = match self.fetch_secret(secret).await {
                Ok(latest) => latest.version.and_then(|number| number.parse().ok()),
                // Who may write and not read must take Google's word.
                Err(Cause::Refused { .. }) => return Ok(()),
                Err(_) => None,
            };
            // Somebody else may have added another since.
            if added.is_some() && added <= latest {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Cause::Unavailable { detail: format!("it is there as version {number}, and Google still gives the one before").into() })
    }

    async fn remove_secret(&self, secret: &GcpSecret) -> Result<Removal, Cause> {
        let GcpSecret { project, name, .. } = secret;
        self.ask(Method::DELETE, &format!("projects/{project}/secrets/{name}"), Bytes::new()).await?;
        Ok(Removal::Final)
    }

    async fn list_names(&self, below: &str) -> Result<Listed, Cause> {
        let (project, before) = below.split_once('/').unwrap_or((below, ""));
        // It becomes part of an address.
        let probe: Result<crate::reference::Reference, _> = format!("gcp-secretmanager://{project}/x").parse();
        probe.map_err(|_| Cause::Unable { what: "list without a project, as in `gcp-secretmanager://PROJECT`" })?;
        let (mut names, mut page) = (Vec::new(), String::new());
        for _ in 0..MAX_PAGES {
            let token = utf8_percent_encode(&page, NON_ALPHANUMERIC);
            let path = format!("projects/{project}/secrets?pageSize={PAGE}&pageToken={token}");
            let body = self.ask(Method::GET, &path, Bytes::new()).await?;
            let detail = || "it is not the JSON of a list of secrets".into();
            let Page { secrets, next_page_token } = serde_json::from_slice(&body).map_err(|_| Cause::BadAnswer { detail: detail() })?;
            let found = secrets.iter().filter_map(|secret| secret.name.rsplit_once("/secrets/")).map(|(_, name)| name);
            names.extend(found.filter(|name| name.starts_with(before)).map(|name| format!("gcp-secretmanager://{project}/{name}")));
            page = next_page_token;
            if page.is_empty() || names.len() > MAX_LISTED {
                return Ok(Listed::of(names, !page.is_empty()));
            }
        }
        Ok(Listed::of(names, true))
    }
}

impl Texts for Gcp {
    fn admit_place(&self, place: &Place) -> Result<(), Cause> {
        unpinned(place).map(drop)
    }

    fn put_text<'a>(&'a self, place: &'a Place, text: &'a Value) -> Changing<'a, ()> {
        Box::pin(async move { self.put_secret(unpinned(place)?, text).await })
    }

    fn remove_text<'a>(&'a self, place: &'a Place) -> Changing<'a, Removal> {
        Box::pin(async move { self.remove_secret(unpinned(place)?).await })
    }

    fn list_texts<'a>(&'a self, below: &'a str) -> Changing<'a, Listed> {
        Box::pin(self.list_names(below))
    }
}

fn unpinned(place: &Place) -> Result<&GcpSecret, Cause> {
    match place {
        Place::Gcp(GcpSecret { version: Some(_), .. }) => Err(PINNED),
        Place::Gcp(secret) => Ok(secret),
        _ => Err(Cause::NotInThisBuild),
    }
}

/// The body of `:addVersion`. Google holds the checksum against what arrived.
fn version(text: &Value) -> Result<Bytes, Cause> {
    #[derive(Serialize)]
    struct Added<'a> {
        payload: Payload<'a>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload<'a> {
        data: &'a str,
        data_crc32c: String,
    }
    let bytes = text.expose().as_bytes();
    let data = Zeroizing::new(BASE64_STANDARD.encode(bytes));
    // Room for all of it from the start: growing would leave copies behind.
    let mut body = Zeroizing::new(Vec::with_capacity(data.len() + 64));
    let added = Added { payload: Payload { data: &data, data_crc32c: crc32c(bytes).to_string() } };
    serde_json::to_writer(&mut *body, &added).map_err(|_| Cause::NoMemory)?;
    Ok(Bytes::from_owner(body))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    secrets: Vec<Named>,
    #[serde(default)]
    next_page_token: String,
}

#[derive(Deserialize)]
struct Named {
    /// `projects/NUMBER/secrets/NAME`, and for a version `/versions/NUMBER` behind it.
    name: String,
}

/// Some seconds at most, as a rule.
const LOOKS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(500);
/// Google chooses where it lies. Whoever may not let it makes the secret first.
const REPLICATED: &[u8] = br#"{"replication":{"automatic":{}}}"#;
/// How many names are asked for at once.
const PAGE: usize = 250;
