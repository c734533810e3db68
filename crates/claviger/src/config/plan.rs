//! What does the door start from? The judged configuration with its secrets, fetched here and nowhere else.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use audit::HeadKey;
use audit::sink::{OnFull, Options};
use broker::reference::Template;
use broker::resolve::Resolver;
use gateway::config::{self as door, Config, ServerName, TokenSource, WhenUnrecorded};
use secrecy::{ExposeSecret as _, SecretString};
use store::seal::{InstanceKey, KeyFileFailure, Origin};
use token::{SharedSecret, WeakSecret};

use super::accept::{self, Accept, Entry};
use super::draft::{self, Draft};
use super::env::Surroundings;
use super::fault::Faults;
use super::file;
use super::issuer;
use super::judge::Judge;
use super::listen::EnvironmentName;
use super::numbers::Record;
use super::store::Place;
use crate::cli::ServeArguments;
use crate::mend::{caused_by_missing, mend};
use crate::voice::{Exit, Report};

/// Makes plans from the same flags and surroundings, at start and at each reload.
pub(crate) struct Planner {
    arguments: ServeArguments,
    around: Surroundings,
}

/// Everything that the running door needs to be told.
pub(crate) struct Plan {
    /// The gateway's part.
    pub(crate) gateway: Config,
    /// The built-in authorization server, if there is one.
    pub(crate) issuer: Option<issuer::Ready>,
    /// The listener of metrics and readiness detail.
    pub(crate) admin: Option<SocketAddr>,
    /// The environment.
    pub(crate) environment: EnvironmentName,
    /// The state folder.
    pub(crate) state: PathBuf,
    /// The root of this instance's cryptography, and whether it was made just now.
    pub(crate) instance_key: (InstanceKey, Origin),
    /// How the record of calls is kept.
    pub(crate) record: Options,
    /// Where everything else is kept.
    pub(crate) store: Place,
    /// The secret of those who may have secrets fetched anew from outside.
    pub(crate) webhook: Option<SecretString>,
    /// What resolves the references of the servers.
    pub(crate) resolver: Resolver,
    /// `[secrets]`, by which it was made.
    pub(crate) secrets: file::Secrets,
    /// Whether the tokens of `claviger token mint` are accepted, for want of any `[[accept]]`.
    pub(crate) accepts_minted: bool,
    /// Files whose change asks for a reload; some may not exist yet.
    pub(crate) watch: Vec<PathBuf>,
    /// What a person should know.
    pub(crate) notices: Vec<String>,
    /// The secrets that are written out and used all the same.
    pub(crate) exposed: Vec<String>,
}

impl Planner {
    /// Keeps flags and surroundings.
    pub(crate) fn new(arguments: ServeArguments, around: Surroundings) -> Self {
        Self { arguments, around }
    }

    /// What the process found around it.
    pub(crate) fn around(&self) -> &Surroundings {
        &self.around
    }

    /// Judges everything; no secret is fetched yet.
    pub(crate) fn draft(&self) -> Result<Draft, Report> {
        draft::draft(&self.arguments, &self.around)
    }
}

/// Fetches what the file's `[[accept]]` entries refer to, and makes nothing.
pub(crate) async fn check(draft: &Draft, resolver: &Resolver) -> Result<(), Report> {
    match &draft.accept {
        Accept::Entries(entries) => token_sources(draft, entries, resolver).await.map(drop),
        Accept::Bypass | Accept::Minted => Ok(()),
    }
}

impl Plan {
    /// Fetches the secrets, and makes the instance key where there is none.
    pub(crate) async fn of(draft: Draft, resolver: Resolver) -> Result<Self, Report> {
        let sources = match &draft.accept {
            Accept::Entries(entries) => token_sources(&draft, entries, &resolver).await?,
            Accept::Bypass | Accept::Minted => Vec::new(),
        };
        let webhook = match &draft.secrets.webhook {
            Some(template) => Some(webhook(template, &resolver).await?),
            None => None,
        };
        let issuer = match draft.issuer.clone() {
            Some(written) => Some(written.ready(&resolver, draft.root.as_ref(), &draft.sources).await?),
            None => None,
        };
        let store = draft.store.place(&resolver).await?;
        let instance_key = instance_key(&draft.state)?;
        let accept = match &draft.accept {
            Accept::Bypass => door::Accept::Bypass,
            Accept::Entries(_) => door::Accept::Tokens(sources),
            Accept::Minted => door::Accept::Tokens(minted_sources(&instance_key.0, draft.servers.keys())?),
        };
        let gateway = Config {
            listen: draft.listeners.door,
            accept,
            trusts_links: draft.trusts_links,
            servers: draft.servers,
            merge: draft.merge,
            allowed_networks: draft.allowed_networks,
            limits: draft.limits,
            timeouts: draft.timeouts,
            when_unrecorded: draft.record.when_unrecorded,
        };
        let record = record(draft.record, &instance_key.0);
        Ok(Self {
            gateway,
            issuer,
            admin: draft.listeners.admin,
            environment: draft.environment,
            state: draft.state,
            instance_key,
            record,
            store,
            webhook,
            resolver,
            secrets: draft.secrets.written,
            accepts_minted: matches!(draft.accept, Accept::Minted),
            watch: draft.watch,
            notices: draft.notices,
            exposed: draft.exposed,
        })
    }
}

/// Short secrets can be guessed.
async fn webhook(template: &Template, resolver: &Resolver) -> Result<SecretString, Report> {
    let report = || Report::new(Exit::Configuration, "`secrets.webhook`: there is no secret to know the webhook by");
    let secret = resolver.resolve_for_start(template).await.map_err(|missing| caused_by_missing(report(), &missing))?;
    SharedSecret::new(secret.expose_secret().as_bytes()).map_err(|error| report().caused_by(&error))?;
    Ok(secret)
}

fn record(written: Record, key: &InstanceKey) -> Options {
    Options {
        rotate_bytes: written.rotate_bytes,
        retention_days: NonZeroU32::new(written.retention_days),
        head_key: Some(head_key(key)),
        // A door that refuses what it cannot record does not let callers wait for the disk either.
        on_full: if written.when_unrecorded == WhenUnrecorded::Refuse { OnFull::Refuse } else { OnFull::Block },
        ..Options::at(written.file)
    }
}

/// The instance key of the state folder; made where there is none.
pub(crate) fn instance_key(state: &FilePath) -> Result<(InstanceKey, Origin), Report> {
    InstanceKey::load_or_create(&state.join(INSTANCE_KEY_FILE)).map_err(|error| {
        let exit = if matches!(error, KeyFileFailure::TooOpen { .. }) { Exit::Configuration } else { Exit::InputOutput };
        Report::new(exit, format!("cannot use the state folder `{}`", state.display())).caused_by(&error)
    })
}

/// The key that authenticates the head of the record.
pub(crate) fn head_key(key: &InstanceKey) -> HeadKey {
    HeadKey::new(&key.derive(RECORD_HEAD, ""))
}

/// As [`instance_key`], where there is one already.
pub(crate) fn existing_instance_key(state: &FilePath) -> Result<Option<InstanceKey>, Report> {
    if !state.join(INSTANCE_KEY_FILE).exists() {
        return Ok(None);
    }
    instance_key(state).map(|(key, _)| Some(key))
}

/// As [`head_key`], of a state folder that has an instance key already.
pub(crate) fn existing_head_key(state: &FilePath) -> Result<Option<HeadKey>, Report> {
    Ok(existing_instance_key(state)?.map(|key| head_key(&key)))
}

/// The key of the fingerprints of secrets that `scan` finds, when there is an instance key.
pub(crate) fn existing_scan_key(state: &FilePath) -> Result<Option<zeroize::Zeroizing<[u8; 32]>>, Report> {
    Ok(existing_instance_key(state)?.map(|key| key.derive(SCANNED, "")))
}

/// The secret of one server when the file names none: derived from the instance key, so that `token mint` and `serve` agree without talking.
pub(crate) fn minting_secret(key: &InstanceKey, server: &str) -> Result<SharedSecret, WeakSecret> {
    SharedSecret::new(key.derive(MINTING, server).as_slice())
}

fn minted_sources<'s>(key: &InstanceKey, servers: impl Iterator<Item = &'s ServerName>) -> Result<Vec<TokenSource>, Report> {
    let source = |server: &ServerName| {
        let secret = minting_secret(key, server.as_str())?;
        Ok(TokenSource::SharedSecret {
            secrets: vec![Arc::new(secret)],
            server: server.clone(),
            max_lifetime: accept::DEFAULT_MAX_LIFETIME,
        })
    };
    servers
        .map(source)
        .collect::<Result<_, WeakSecret>>()
        .map_err(|error| Report::new(Exit::Internal, "cannot derive a server's secret").caused_by(&error))
}

/// Fetches the shared secrets; every missing, weak or shared one is a fault at its place.
async fn token_sources(draft: &Draft, entries: &[Entry], resolver: &Resolver) -> Result<Vec<TokenSource>, Report> {
    let mut faults = Faults::default();
    let mut fetched: Vec<(SecretString, &ServerName)> = Vec::new();
    let mut sources = Vec::new();
    for entry in entries {
        match entry {
            Entry::Issuer { issuer, audiences, servers, sign_in, client_headers, introspection } => sources.push(TokenSource::Issuer {
                issuer: issuer.clone(),
                audiences: audiences.clone(),
                servers: servers.clone(),
                sign_in: sign_in.clone(),
                client_headers: client_headers.clone(),
                introspection: introspection.clone(),
            }),
            Entry::SharedSecret { secrets, server, max_lifetime } => {
                let mut good = Vec::new();
                for (template, path) in secrets {
                    let mut judge = Judge::new(draft.root.as_ref(), &mut faults);
                    let Some(value) = judge.accept_or_mend(path, resolver.resolve_for_start(template).await, mend) else { continue };
                    let Some(secret) = judge.accept(path, SharedSecret::new(value.expose_secret().as_bytes())) else { continue };
                    let other = fetched.iter().find(|(known, other)| *other != server && known.expose_secret() == value.expose_secret());
                    if let Some((_, other)) = other {
                        judge.blame_with_hint(
                            path,
                            format!("the server `{other}` has the same secret"),
                            "give each server a secret of its own",
                        );
                    }
                    fetched.push((value, server));
                    good.push(Arc::new(secret));
                }
                sources.push(TokenSource::SharedSecret { secrets: good, server: server.clone(), max_lifetime: *max_lifetime });
            }
        }
    }
    if faults.is_empty() { Ok(sources) } else { Err(faults.into_report(&draft.sources)) }
}

/// The instance key's place in the state folder.
pub(crate) const INSTANCE_KEY_FILE: &str = "instance.key";
/// The label under which the key of the record's head is derived.
const RECORD_HEAD: &str = "audit head";
/// The label under which minting secrets are derived.
const MINTING: &str = "token";
/// The label under which the key of the fingerprints of `scan` is derived.
const SCANNED: &str = "scan fingerprints";

#[cfg(test)]
mod tests;
