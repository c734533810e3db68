//! Which engine answers at a path? Vault says so for each mount; where it does not, the operator or a try.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::server::Answer;
use crate::missing::Cause;

/// What makes the secrets of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Keeps what was written, without versions (KV 1).
    Kv1,
    /// Keeps what was written, in versions (KV 2).
    Kv2,
    /// Makes a credential for each question, and lends it for a time.
    Leased,
}

/// The engines of the mounts that are known.
pub(super) struct Engines {
    configured: BTreeMap<Box<str>, Engine>,
    /// What Vault said.
    told: Mutex<BTreeMap<Box<str>, Engine>>,
    /// What a try to read seemed to show. Good for reading only.
    guessed: Mutex<BTreeMap<Box<str>, Engine>>,
}

/// A path as its engine is asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Straight, to what Vault makes.
    Lent,
    /// Straight, to what was written there.
    Plain,
    /// Behind `data/`, which follows the mount.
    Versioned {
        /// Such as `secret`.
        mount: Box<str>,
        /// Such as `github`.
        rest: Box<str>,
    },
}

impl Engines {
    pub(super) fn new(configured: BTreeMap<Box<str>, Engine>) -> Self {
        Self { configured, told: Mutex::default(), guessed: Mutex::default() }
    }

    /// The way to a path for reading, if its mount is known or was guessed.
    pub(super) fn route(&self, path: &str) -> Option<Route> {
        self.sure_route(path).or_else(|| {
            let guessed = self.guessed.lock().unwrap_or_else(PoisonError::into_inner);
            longest(&guessed, path).map(|(mount, engine)| route(mount, engine, path))
        })
    }

    /// The way to a path, if the operator or Vault has said what its mount is.
    pub(super) fn sure_route(&self, path: &str) -> Option<Route> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (mount, engine) = longest(&self.configured, path).or_else(|| longest(&told, path))?;
        Some(route(mount, engine, path))
    }

    /// Takes in what Vault says about the mount of a path.
    pub(super) fn learn(&self, answer: &Answer, path: &str) -> Result<Route, Cause> {
        #[derive(Deserialize)]
        struct Said<'a> {
            #[serde(borrow)]
            data: Mount<'a>,
        }
        #[derive(Deserialize)]
        struct Mount<'a> {
            path: &'a str,
            #[serde(rename = "type")]
            kind: &'a str,
            #[serde(borrow, default)]
            options: Option<BTreeMap<&'a str, &'a str>>,
        }
        let Said { data: Mount { path: mount, kind, options } } = answer.read()?;
        let mount = mount.trim_end_matches('/');
        if rest(mount, path).is_none() {
            return Err(Cause::BadAnswer { detail: "it tells about another mount".into() });
        }
        let version = options.as_ref().and_then(|options| options.get("version")).copied();
        let engine = match (kind, version) {
            ("kv", Some("2")) => Engine::Kv2,
            ("kv" | "generic" | "cubbyhole", _) => Engine::Kv1,
            _ => Engine::Leased,
        };
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(mount.into(), engine);
        Ok(route(mount, engine, path))
    }

    /// Takes in what was found out by trying.
    pub(super) fn guess(&self, mount: &str, engine: Engine) {
        self.guessed.lock().unwrap_or_else(PoisonError::into_inner).insert(mount.into(), engine);
    }

    /// Has the mount of a path looked at again: another engine may be there by now.
    pub(super) fn forget(&self, path: &str) {
        for known in [&self.told, &self.guessed] {
            known.lock().unwrap_or_else(PoisonError::into_inner).retain(|mount, _| rest(mount, path).is_none());
        }
    }
}

/// Where a mount must be guessed: one of a single segment, as most are.
pub(super) fn likely_mount(path: &str) -> &str {
    path.split_once('/').map_or(path, |(mount, _)| mount)
}

/// The way to a path of a mount.
pub(super) fn route(mount: &str, engine: Engine, path: &str) -> Route {
    match (engine, rest(mount, path)) {
        (Engine::Kv2, Some(rest)) => Route::Versioned { mount: mount.into(), rest: rest.into() },
        (Engine::Leased, _) => Route::Lent,
        (Engine::Kv1 | Engine::Kv2, _) => Route::Plain,
    }
}

fn longest<'m>(mounts: &'m BTreeMap<Box<str>, Engine>, path: &str) -> Option<(&'m str, Engine)> {
    let below = mounts.iter().filter(|(mount, _)| rest(mount, path).is_some());
    below.max_by_key(|(mount, _)| mount.len()).map(|(mount, engine)| (&**mount, *engine))
}

/// What follows the mount; something must.
fn rest<'p>(mount: &str, path: &'p str) -> Option<&'p str> {
    path.strip_prefix(mount)?.strip_prefix('/').filter(|rest| !rest.is_empty())
}
