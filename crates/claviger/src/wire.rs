//! ★ Which concrete types make up the door? The only place that names them all.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use audit::sink::{Auditor, Options};
use broker::Resolver;
use broker::history::History;
use gateway::Parts;
use gateway::clock::Clock;
use gateway::metrics::Metrics;
use issuer::Server as Issuer;
use outbound::client::Client;
use outbound::guard::Guard;
use outbound::tls::{Roots, client_config};
use store::Store;
use store::file::File;
use store::revocation::Revocations;
use store::seal::InstanceKey;

use crate::config::plan::{existing_instance_key, head_key, instance_key};
use crate::queue::Queue;
use crate::voice::{Exit, Report};
use crate::watch::Watch;

/// Makes the parts of the door that live as long as the process.
pub(crate) fn parts(state: &Path, key: &InstanceKey, resolver: Resolver, record: Options) -> Result<Parts, Report> {
    let clock = Clock::system();
    let roots = Roots::default();
    let certificates =
        |error: &dyn std::error::Error| Report::new(Exit::Configuration, "cannot read the system's certificates").caused_by(error);
    let tls = client_config(&roots).map_err(|error| certificates(&error))?;
    let client = Client::new(Guard::default(), &roots).map_err(|error| certificates(&error))?;
    let (auditor, metrics) = (Arc::new(auditor(record, clock)?), Arc::new(Metrics::new()));
    let watch = Watch { auditor: Arc::clone(&auditor), metrics: Arc::clone(&metrics), clock };
    let store = store(state, clock)?;
    let revocations = Arc::new(Revocations::new(Arc::clone(&store), Arc::new(move || clock.unix_milliseconds())));
    let resolver = resolver.observed_by(Arc::new(watch)).remembering(history(Arc::clone(&store), key));
    Ok(Parts {
        clock,
        store,
        revocations,
        auditor,
        client: Arc::new(client),
        tls: Arc::new(tls),
        resolver: Arc::new(resolver),
        metrics,
        attention: Arc::new(Queue::in_state(state, clock)),
        annex: None,
    })
}

/// The built-in authorization server, on the parts of the door.
pub(crate) async fn issuer(config: issuer::config::Config, key: &InstanceKey, parts: &Parts) -> Result<Arc<Issuer>, Report> {
    let clock = parts.clock;
    let clock: store::Clock = Arc::new(move || clock.unix_milliseconds());
    let report = || Report::new(Exit::InputOutput, "the authorization server cannot start");
    let revocations = Arc::clone(&parts.revocations);
    revocations.load().await.map_err(|error| report().caused_by(&error))?;
    let followed = Arc::clone(&revocations);
    tokio::spawn(async move { followed.follow(HEARD_EVERY).await });
    let parts = issuer::Parts { clock, store: Arc::clone(&parts.store), revocations, auditor: Arc::clone(&parts.auditor) };
    Issuer::new(config, key, parts).await.map_err(|error| report().caused_by(&error))
}

/// Does work with the authorization server of a state folder whose door is not running. It serves nobody, so it does not matter what it is called.
pub(crate) async fn with_records<T>(state: &Path, work: impl AsyncFnOnce(&Issuer) -> Result<T, issuer::Failure>) -> Result<T, Report> {
    let report = || Report::new(Exit::InputOutput, "cannot read what the authorization server keeps");
    let clock = Clock::system();
    let (key, _) = instance_key(state)?;
    let file = state.join(crate::config::numbers::RECORD_FILE);
    let auditor = Arc::new(auditor(Options { head_key: Some(head_key(&key)), ..Options::at(file) }, clock)?);
    let store = store(state, clock)?;
    let clock: store::Clock = Arc::new(move || clock.unix_milliseconds());
    let revocations = Arc::new(Revocations::new(Arc::clone(&store), Arc::clone(&clock)));
    revocations.load().await.map_err(|error| report().caused_by(&error))?;
    let parts = issuer::Parts { clock, store, revocations, auditor: Arc::clone(&auditor) };
    let outcome = async { work(&*Issuer::for_records(&key, parts).await?).await }.await.map_err(|error| report().caused_by(&error));
    auditor.close().map_err(|reason| Report::new(Exit::InputOutput, "the record of calls could not be closed").caused_by(&reason))?;
    outcome
}

/// Whether a door has kept anything there.
pub(crate) fn has_store(state: &Path) -> bool {
    state.join(STORE_FILE).exists()
}

/// What the door of this state folder has seen of secrets. `None`: there was never one, or it is running and has the store.
pub(crate) fn past(state: &Path) -> Result<Option<History>, Report> {
    let (file, clock) = (state.join(STORE_FILE), Clock::system());
    if !file.exists() {
        return Ok(None);
    }
    let Some(key) = existing_instance_key(state)? else { return Ok(None) };
    let opened = File::open(&file, Arc::new(move || clock.unix_milliseconds())).ok();
    Ok(opened.map(|store| history(Arc::new(store), &key)))
}

fn history(store: Arc<dyn Store>, key: &InstanceKey) -> History {
    History::new(store, &key.derive(HISTORY, ""))
}

/// The store of a state folder, which one process has at a time.
pub(crate) fn store(state: &Path, clock: Clock) -> Result<Arc<dyn Store>, Report> {
    let file = File::open(&state.join(STORE_FILE), Arc::new(move || clock.unix_milliseconds()));
    let file = file.map_err(|error| {
        let hint = "stop the other door, or give this one a state folder of its own with `--state`";
        Report::new(Exit::InputOutput, "cannot open the store").caused_by(&error).hint(hint)
    })?;
    Ok(Arc::new(file))
}

fn auditor(options: Options, clock: Clock) -> Result<Auditor, Report> {
    let file = options.path.clone();
    Auditor::start(options, clock.unix_milliseconds()).map_err(|error| {
        Report::new(Exit::InputOutput, format!("cannot keep the record of calls in `{}`", file.display()))
            .caused_by(&error)
            .hint("name another file under `[audit]`, or give this door a state folder of its own with `--state`")
    })
}

/// How soon a replica hears of what another one revokes.
const HEARD_EVERY: Duration = Duration::from_secs(1);
const STORE_FILE: &str = "store.redb";
/// The label under which the key of secrets' fingerprints is derived.
const HISTORY: &str = "secret history";
