//! How is a secret of Vault changed? One member of a document, the others as they were; where the engine counts versions, only if nobody else has written meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;

use http::{Method, StatusCode};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::engine::Route;
use super::server::{Answer, Question};
use super::{Secret, Vault, Versioned, Wire, object};
use crate::member::{self, with_member, without_member};
use crate::missing::Cause;
use crate::reference::{Place, Reference, VaultSecret};
use crate::source::{Changing, Listed, MAX_LISTED, PINNED, Removal, Writer, check_value};
use crate::value::Value;

impl Writer for Vault {
    fn admit<'a>(&'a self, reference: &'a Reference) -> Changing<'a, ()> {
        Box::pin(async move {
            let (secret, _) = named(reference)?;
            match self.wire()?.known_route(&secret.path).await? {
                Route::Lent => Err(MADE),
                Route::Plain | Route::Versioned { .. } => Ok(()),
            }
        })
    }

    fn put<'a>(&'a self, reference: &'a Reference, value: &'a Value) -> Changing<'a, ()> {
        Box::pin(async move {
            check_value(value)?;
            let (secret, field) = named(reference)?;
            let change = |document: Option<&str>| with_member(document.unwrap_or("{}"), field, value.expose()).map(Some);
            self.wire()?.change(secret, &change).await.map(drop)
        })
    }

    fn delete<'a>(&'a self, reference: &'a Reference) -> Changing<'a, Removal> {
        Box::pin(async move {
            let (secret, field) = named(reference)?;
            let change = |document: Option<&str>| without_member(document.ok_or(Cause::NotFound)?, field);
            self.wire()?.change(secret, &change).await
        })
    }

    fn list<'a>(&'a self, below: &'a str) -> Changing<'a, Listed> {
        Box::pin(async move { self.wire()?.list(below.trim_end_matches('/')).await })
    }
}

/// What becomes of a document; `None`: nothing is left of it.
type Change<'c> = dyn Fn(Option<&str>) -> Result<Option<Zeroizing<String>>, Cause> + Sync + 'c;

impl Wire {
    async fn change(self: &Arc<Self>, secret: &VaultSecret, change: &Change<'_>) -> Result<Removal, Cause> {
        match self.known_route(&secret.path).await? {
            Route::Lent => Err(MADE),
            Route::Plain => self.change_plain(&secret.path, change).await,
            Route::Versioned { mount, rest } => self.change_versioned(&format!("{mount}/data/{rest}"), change).await,
        }
    }

    /// The way to a path as the operator or Vault says; to write somewhere by a guess would be wrong.
    async fn known_route(self: &Arc<Self>, path: &str) -> Result<Route, Cause> {
        let route = match self.engines.sure_route(path) {
            Some(route) => Some(route),
            None => self.look_at_mount(path).await?,
        };
        route.ok_or(Cause::NotConfigured { what: UNKNOWN_MOUNT })
    }

    /// KV 1 cannot be told "only if": whoever else writes between reading and writing loses.
    async fn change_plain(self: &Arc<Self>, path: &str, change: &Change<'_>) -> Result<Removal, Cause> {
        let (answer, _) = self.ask(&Question::get(path)).await?;
        let document = match answer.status {
            StatusCode::NOT_FOUND => None,
            _ => Some(answer.of_success()?).map(|answer| kept(&answer)).transpose()?,
        };
        match change(document.as_ref().map(Value::expose))? {
            Some(document) => self.succeed(&Question::write(path, document.as_bytes().to_vec().into())).await?,
            None => self.succeed(&Question::without_body(Method::DELETE, path)).await?,
        }
        Ok(Removal::Final)
    }

    async fn change_versioned(self: &Arc<Self>, path: &str, change: &Change<'_>) -> Result<Removal, Cause> {
        let mut newest = self.newest(path).await?;
        for _ in 0..TRIES {
            let Newest { document, version } = &newest;
            let Some(document) = change(document.as_ref().map(Value::expose))? else {
                self.succeed(&Question::without_body(Method::DELETE, path)).await?;
                return Ok(Removal::Recoverable { how: "Vault keeps the versions; `vault kv undelete` brings the last one back" });
            };
            let Err(cause) = self.succeed(&Question::write(path, checked(&document, *version))).await else {
                return Ok(Removal::Recoverable { how: "Vault keeps the versions before, as many as the mount says" });
            };
            // Vault says 400 when the version is no longer the newest, and for other reasons too.
            let now = self.newest(path).await?;
            if now.version == *version {
                return Err(cause);
            }
            newest = now;
        }
        Err(Cause::Unavailable { detail: "somebody else goes on writing there".into() })
    }

    /// The newest version: its number counts even when it was deleted.
    async fn newest(self: &Arc<Self>, path: &str) -> Result<Newest, Cause> {
        let (answer, _) = self.ask(&Question::get(path)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            let version = Versioned::read(&answer).map_or(0, |deleted| deleted.metadata.version);
            return Ok(Newest { document: None, version });
        }
        let answer = answer.of_success()?;
        let Versioned { data, metadata } = Versioned::read(&answer)?;
        let data = data.filter(|_| !metadata.destroyed);
        let document = data.map(|data| object(Some(data))).transpose()?;
        Ok(Newest { document, version: metadata.version })
    }

    async fn succeed(self: &Arc<Self>, question: &Question<'_>) -> Result<(), Cause> {
        self.ask(question).await?.0.of_success().map(drop)
    }

    /// The members of all secrets at this path and below. Their names are in the documents, so each is read.
    async fn list(self: &Arc<Self>, below: &str) -> Result<Listed, Cause> {
        // It becomes part of an address.
        let no_mount = Cause::Unable { what: "list without a mount, as in `vault://secret`" };
        is_path(&format!("{below}/x")).then_some(()).ok_or(no_mount)?;
        let route = self.known_route(&format!("{below}/x")).await?;
        let mount = match &route {
            Route::Lent => return Err(Cause::Unable { what: "list: Vault makes these secrets itself" }),
            Route::Plain => None,
            Route::Versioned { mount, .. } => Some(&**mount),
        };
        let (mut folders, mut names) = (VecDeque::from([below.to_owned()]), Vec::new());
        if below.contains('/') {
            names.extend(self.members_of(below).await?);
        }
        for _ in 0..MAX_LISTED {
            let Some(folder) = folders.pop_front() else { return Ok(Listed::of(names, false)) };
            for key in self.keys(&folder, mount).await? {
                let path = format!("{folder}/{}", key.trim_end_matches('/'));
                match is_path(&path) {
                    true if key.ends_with('/') => folders.push_back(path),
                    true => names.extend(self.members_of(&path).await?),
                    // No reference can name it.
                    false => {}
                }
                if names.len() > MAX_LISTED {
                    return Ok(Listed::of(names, true));
                }
            }
        }
        Ok(Listed::of(names, !folders.is_empty()))
    }

    /// What is in a folder: secrets, and folders with a `/` at the end.
    async fn keys(self: &Arc<Self>, folder: &str, mount: Option<&str>) -> Result<Vec<String>, Cause> {
        #[derive(Deserialize)]
        struct Said {
            data: Keys,
        }
        #[derive(Deserialize)]
        struct Keys {
            keys: Vec<String>,
        }
        let path = match mount {
            Some(mount) => format!("{mount}/metadata{}", folder.strip_prefix(mount).unwrap_or_default()),
            None => folder.to_owned(),
        };
        let list = Method::from_bytes(b"LIST").map_err(|_| Cause::NotInThisBuild)?;
        let (answer, _) = self.ask(&Question::without_body(list, &path)).await?;
        match answer.of_success() {
            Ok(answer) => answer.read::<Said>().map(|said| said.data.keys),
            Err(Cause::NotFound) => Ok(Vec::new()),
            Err(cause) => Err(cause),
        }
    }

    /// The references to the members of one secret; none where it is gone, or not for us to read.
    async fn members_of(self: &Arc<Self>, path: &str) -> Result<Vec<String>, Cause> {
        match self.fetch(&VaultSecret { path: path.into(), version: None }).await {
            Ok(fetched) => {
                let names = member::names(fetched.value.expose())?;
                Ok(names.iter().filter_map(|name| member_at(path, name)).collect())
            }
            Err(Cause::NotFound | Cause::Refused { .. }) => Ok(Vec::new()),
            Err(cause) => Err(cause),
        }
    }
}

impl Vault {
    fn wire(&self) -> Result<&Arc<Wire>, Cause> {
        self.wire.as_ref().map_err(|what| Cause::NotConfigured { what })
    }
}

/// What lies at a path now.
struct Newest {
    document: Option<Value>,
    /// 0: there has never been any.
    version: u64,
}

fn named(reference: &Reference) -> Result<(&VaultSecret, &str), Cause> {
    match (reference.place(), reference.field()) {
        (Place::Vault(VaultSecret { version: Some(_), .. }), _) => Err(PINNED),
        (Place::Vault(secret), Some(field)) => Ok((secret, field)),
        _ => Err(Cause::NotInThisBuild),
    }
}

fn kept(answer: &Answer) -> Result<Value, Cause> {
    let secret: Secret<'_> = answer.read()?;
    if !secret.lease_id.is_empty() {
        return Err(Cause::Unable { what: "write to: Vault lends what is there" });
    }
    object(secret.data)
}

/// A document that is taken only if this is still the newest version.
fn checked(document: &str, version: u64) -> Zeroizing<Vec<u8>> {
    let head = format!("{{\"options\":{{\"cas\":{version}}},\"data\":");
    let mut body = Zeroizing::new(Vec::with_capacity(head.len() + document.len() + 1));
    for piece in [&*head, document, "}"] {
        body.extend_from_slice(piece.as_bytes());
    }
    body
}

/// Whether a reference could name a secret there.
fn is_path(path: &str) -> bool {
    let reference: Result<Reference, _> = format!("vault://{path}#x").parse();
    reference.is_ok_and(|reference| matches!(reference.place(), Place::Vault(secret) if *secret.path == *path && secret.version.is_none()))
}

/// The reference to a member, if there can be one.
fn member_at(path: &str, name: &str) -> Option<String> {
    let text = format!("vault://{path}#{name}");
    let reference: Reference = text.parse().ok()?;
    (reference.field() == Some(name) && reference.ttl().is_none()).then_some(text)
}

/// For as many writers at once.
const TRIES: u32 = 5;
const MADE: Cause = Cause::Unable { what: "write to: Vault makes these secrets itself, anew for each who asks" };
const UNKNOWN_MOUNT: &str = "what makes the secrets of this mount: Vault does not say, so write it under `engines` of `[secrets.vault]`, as in \
                             `engines = { \"secret\" = \"kv2\" }`";
