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
use store::file::File;
use store::redis::{Address, Redis};
use store::revocation::Revocations;
use store::seal::InstanceKey;
use store::{Failure, Store};

use crate::config::numbers::RECORD_FILE;
use crate::config::plan::{existing_instance_key, head_key};
use crate::config::store::{Place, Store as StorePlan};
use crate::queue::Queue;
use crate::voice::{Exit, Report};
use crate::watch::Watch;

/// Makes the parts of the door that live as long as the process.
pub(crate) async fn parts(place: &Place, state: &Path, key: &InstanceKey, resolver: Resolver, record: Options) -> Result<Parts, Report> {
    let clock = Clock::system();
    let roots = Roots::default();
    let certificates =
        |error: &dyn std::error::Error| Report::new(Exit::Configuration, "cannot read the system's certificates").caused_by(error);
    let tls = client_config(&roots).map_err(|error| certificates(&error))?;
    let client = Client::new(Guard::default(), &roots).map_err(|error| certificates(&error))?;
    let (auditor, metrics) = (Arc::new(auditor(record, clock)?), Arc::new(Metrics::new()));
    let watch = Watch { auditor: Arc::clone(&auditor), metrics: Arc::clone(&metrics), clock };
    let store = open(place, state, key).await?;
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
    let parts = issuer::Parts {
        clock,
        store: Arc::clone(&parts.store),
        revocations,
        auditor: Arc::clone(&parts.auditor),
        client: Client::clone(&parts.client),
    };
    Issuer::new(config, key, parts).await.map_err(|error| report().caused_by(&error))
}

/// Does work with what the authorization server of a state folder keeps, while its door is not running. `None`: there is nothing.
pub(crate) async fn with_records<T>(
    place: &Place,
    state: &Path,
    work: impl AsyncFnOnce(&Issuer) -> Result<T, issuer::Failure>,
) -> Result<Option<T>, Report> {
    let report = || Report::new(Exit::InputOutput, "cannot read what the authorization server keeps");
    // Where there is no key yet, nothing of its is kept anywhere.
    let Some(key) = existing_instance_key(state)? else { return Ok(None) };
    let record = Options { head_key: Some(head_key(&key)), ..Options::at(state.join(RECORD_FILE)) };
    let auditor = Arc::new(auditor(record, Clock::system())?);
    let store = open(place, state, &key).await?;
    let revocations = Arc::new(Revocations::new(Arc::clone(&store), clock()));
    revocations.load().await.map_err(|error| report().caused_by(&error))?;
    // Nothing is fetched here, but there is no server without something to fetch with.
    let client = Client::new(Guard::default(), &Roots::default()).map_err(|error| report().caused_by(&error))?;
    let parts = issuer::Parts { clock: clock(), store, revocations, auditor: Arc::clone(&auditor), client };
    let outcome = async { work(&*Issuer::for_records(&key, parts).await?).await }.await.map_err(|error| report().caused_by(&error));
    auditor.close().map_err(|reason| Report::new(Exit::InputOutput, "the record of calls could not be closed").caused_by(&reason))?;
    outcome.map(Some)
}

/// Whether a door may have kept anything there.
pub(crate) fn may_hold(place: &StorePlan, state: &Path) -> bool {
    place.is_shared() || state.join(STORE_FILE).exists()
}

/// What a door has seen of secrets. `None`: there was never one, or it is running and has the state folder's store.
pub(crate) async fn past(place: &Place, state: &Path) -> Result<Option<History>, Report> {
    let Some(key) = existing_instance_key(state)? else { return Ok(None) };
    let store = match place {
        Place::Server { .. } => open(place, state, &key).await?,
        Place::StateFolder if !state.join(STORE_FILE).exists() => return Ok(None),
        Place::StateFolder => match File::open(&state.join(STORE_FILE), clock()) {
            Ok(file) => Arc::new(file),
            Err(_) => return Ok(None),
        },
    };
    Ok(Some(history(store, &key)))
}

fn history(store: Arc<dyn Store>, key: &InstanceKey) -> History {
    History::new(store, &key.derive(HISTORY, ""))
}

/// The store: on the server that replicas share, or in the state folder, where one process has it at a time.
pub(crate) async fn open(place: &Place, state: &Path, key: &InstanceKey) -> Result<Arc<dyn Store>, Report> {
    match place {
        Place::Server { address, prefix } => Ok(Arc::new(on_server(address, prefix, key).await?)),
        Place::StateFolder => Ok(Arc::new(in_folder(state)?)),
    }
}

fn in_folder(state: &Path) -> Result<File, Report> {
    File::open(&state.join(STORE_FILE), clock()).map_err(|error| {
        let hint = "stop the other door, or give this one a state folder of its own with `--state`";
        Report::new(Exit::InputOutput, "cannot open the store").caused_by(&error).hint(hint)
    })
}

async fn on_server(address: &Address, prefix: &str, key: &InstanceKey) -> Result<Redis, Report> {
    let unusable =
        |failure: &Failure| Report::new(Exit::Unavailable, format!("cannot use the store at `{address}`")).caused_by(failure).hint(SERVER);
    let store = Redis::connect(address, prefix).await.map_err(|failure| unusable(&failure))?;
    // A door with another key could open nothing of what the others keep there, and would take it for forged.
    let mine = key.derive(COMMON_KEY, "");
    let is_first = store.compare_and_swap(COMMON_KEY, None, Some(mine.as_slice()), None).await.map_err(|failure| unusable(&failure))?;
    let found = store.get(COMMON_KEY).await.map_err(|failure| unusable(&failure))?;
    if !is_first && found.as_deref() != Some(mine.as_slice()) {
        return Err(Report::new(Exit::Configuration, format!("the store at `{address}` belongs to doors with another instance key")).hint(
            "give every replica the same `instance.key` in its state folder; doors that are to share nothing need a `store.prefix` each",
        ));
    }
    Ok(store)
}

fn clock() -> store::Clock {
    let clock = Clock::system();
    Arc::new(move || clock.unix_milliseconds())
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
/// The label of what shows that doors have the same instance key, and where it is kept.
const COMMON_KEY: &str = "instance-key";
const SERVER: &str = "see that the server runs, and that `store.url` under `[store]` names it; docs/guides/replicas.md says what it needs";
