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
    found: Mutex<BTreeMap<Box<str>, Engine>>,
}

/// A path as its engine is asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Straight.
    Plain,
    /// Behind `data/`, which follows the mount.
    Versioned {
        /// Such as `secret/data/github`.
        path: String,
    },
}

impl Engines {
    pub(super) fn new(configured: BTreeMap<Box<str>, Engine>) -> Self {
        Self { configured, found: Mutex::default() }
    }

    /// The way to a path, if its mount is known.
    pub(super) fn route(&self, path: &str) -> Option<Route> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let (mount, engine) = longest(&self.configured, path).or_else(|| longest(&found, path))?;
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
        self.remember(mount, engine);
        Ok(route(mount, engine, path))
    }

    /// Takes in what was found out by trying.
    pub(super) fn remember(&self, mount: &str, engine: Engine) {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(mount.into(), engine);
    }

    /// Has the mount of a path looked at again: another engine may be there by now.
    pub(super) fn forget(&self, path: &str) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.retain(|mount, _| rest(mount, path).is_none());
    }
}

/// Where a mount must be guessed: one of a single segment, as most are.
pub(super) fn likely_mount(path: &str) -> &str {
    path.split_once('/').map_or(path, |(mount, _)| mount)
}

/// The way to a path of a mount.
pub(super) fn route(mount: &str, engine: Engine, path: &str) -> Route {
    match (engine, rest(mount, path)) {
        (Engine::Kv2, Some(rest)) => Route::Versioned { path: format!("{mount}/data/{rest}") },
        _ => Route::Plain,
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
