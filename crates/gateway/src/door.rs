//! The door itself: what lives as long as the process, and the table that a reload swaps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use audit::event::Event;
use audit::fingerprint::Fingerprinter;
use audit::record::{CallRecord, Decision, Outcome};
use audit::sink::Auditor;
use aws_lc_rs::hmac;
use broker::connection::{Book, BookFailure, Connection, Ended, Person};
use broker::reference::Reference;
use broker::resolve::Resolver;
use futures_util::future::join_all;
use http::{Response, StatusCode};
use outbound::client::Client;
use store::Store;
use store::revocation::Revocations;
use store::seal::InstanceKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::annex::Annex;
use crate::attention::Attention;
use crate::back::stdio::StdioBack;
use crate::body::Body;
use crate::clock::Clock;
use crate::config::{self, Config, WhenUnrecorded};
use crate::connect::Connect;
use crate::era::{Crossing, States};
use crate::exchange::UNREAD;
use crate::forge::{BuildError, Forge};
use crate::layers::authenticate::Authenticator;
use crate::layers::proofs::Proofs;
use crate::layers::rate_limit::AddressQuotas;
use crate::layers::session::Sessions;
use crate::merge::cursor::Cursors;
use crate::metrics::{Metrics, ReloadLabel};
use crate::refusal::Refusal;
use crate::routes;
use crate::table::{Server, Table};
use crate::tasks::TaskIds;
use crate::underway::Underway;

/// What the door is built on; made in one place, `claviger/wire`.
pub struct Parts {
    /// Time.
    pub clock: Clock,
    /// What outlives a request.
    pub store: Arc<dyn Store>,
    /// What was ended before its time. Only tokens of the door's own authorization server are asked about.
    pub revocations: Arc<Revocations>,
    /// The record.
    pub auditor: Arc<Auditor>,
    /// Calls other people's servers, behind the guard.
    pub client: Arc<Client>,
    /// TLS toward upstreams.
    pub tls: Arc<rustls::ClientConfig>,
    /// Resolves references into credentials.
    pub resolver: Arc<Resolver>,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// Who is asked to mend what the door cannot.
    pub attention: Arc<dyn Attention>,
    /// What else answers at the public address.
    pub annex: Option<Arc<dyn Annex>>,
}

/// A door in front of MCP servers.
pub struct Door {
    pub(crate) clock: Clock,
    pub(crate) table: ArcSwap<Table>,
    pub(crate) authenticator: Authenticator,
    pub(crate) address_quotas: AddressQuotas,
    pub(crate) sessions: Sessions,
    pub(crate) auditor: Arc<Auditor>,
    pub(crate) metrics: Arc<Metrics>,
    /// Legacy requests that have no answer yet.
    pub(crate) underway: Arc<Underway>,
    /// Tasks that must end before the process does.
    pub(crate) tasks: TaskTracker,
    /// No new work; long-lived streams end.
    pub(crate) draining: CancellationToken,
    /// Everything ends.
    pub(crate) closing: CancellationToken,
    places: Arc<Semaphore>,
    pub(crate) attention: Arc<dyn Attention>,
    instance: String,
    requests: AtomicU64,
    client: Arc<Client>,
    tls: Arc<rustls::ClientConfig>,
    resolver: Arc<Resolver>,
    /// What people have granted.
    book: Arc<Book>,
    /// For hashes of what clients show.
    client_key: hmac::Key,
    /// Seals what callers carry from a question to its answer.
    states: Arc<States>,
    /// Seals whose a task is.
    pub(crate) task_ids: Arc<TaskIds>,
    /// Seals where a merged list goes on.
    cursors: Arc<Cursors>,
    store: Arc<dyn Store>,
    /// The pages on which they do so.
    pub(crate) connect: Connect,
    pub(crate) annex: Option<Arc<dyn Annex>>,
    pub(crate) annex_quotas: AddressQuotas,
}

impl Door {
    /// Builds a door. `public_url` is what callers use, without a trailing slash.
    pub fn new(config: Config, public_url: &str, instance_key: &InstanceKey, parts: Parts) -> Result<Arc<Self>, BuildError> {
        let mut instance = [0; 4];
        aws_lc_rs::rand::fill(&mut instance).map_err(|_| BuildError::Random)?;
        let fingerprinter = Fingerprinter::new(&instance_key.derive("token-fingerprint", ""));
        let Parts { clock, store, revocations, auditor, client, tls, resolver, metrics, attention, annex } = parts;
        let book = Arc::new(Book::new(Arc::clone(&store), instance_key, Arc::new(move || clock.unix_milliseconds()))?);
        let client_key = hmac::Key::new(hmac::HMAC_SHA256, instance_key.derive("client-headers", "").as_slice());
        let states = Arc::new(States::new(instance_key)?);
        let task_ids = Arc::new(TaskIds::new(instance_key)?);
        let cursors = Arc::new(Cursors::new(instance_key)?);
        let connect = Connect::new(instance_key, Arc::clone(&store))?;
        let forge = Forge {
            clock,
            client: &client,
            tls: &tls,
            resolver: &resolver,
            metrics: &metrics,
            book: &book,
            client_key: &client_key,
            states: &states,
            task_ids: &task_ids,
            cursors: &cursors,
            store: &store,
        };
        let places = config.limits.calls_in_flight.get() as usize;
        let authenticator = Authenticator::new(clock, &config.limits, fingerprinter, revocations, Proofs::new(Arc::clone(&store)));
        let table = forge.table(config, public_url, None)?;
        Ok(Arc::new(Self {
            clock,
            table: ArcSwap::from_pointee(table),
            authenticator,
            address_quotas: AddressQuotas::new(),
            sessions: Sessions::new(instance_key, Arc::clone(&store), clock)?,
            auditor,
            underway: Arc::default(),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            closing: CancellationToken::new(),
            places: Arc::new(Semaphore::new(places)),
            instance: format!("{:08x}", u32::from_be_bytes(instance)),
            requests: AtomicU64::new(0),
            attention,
            metrics,
            client,
            tls,
            resolver,
            book,
            client_key,
            states,
            task_ids,
            cursors,
            store,
            connect,
            annex,
            annex_quotas: AddressQuotas::new(),
        }))
    }

    /// Takes a new configuration into use without dropping a call: servers that did not change keep their connections, children and
    /// sessions; calls under way end as they began. On an error the old configuration stays.
    pub fn reload(&self, mut config: Config) -> Result<(), BuildError> {
        let old = self.table.load_full();
        // The address waits for a restart, and who can reach it decides whether a link alone may say who somebody is.
        config.trusts_links &= old.config.trusts_links;
        let forge = self.forge();
        let table = forge.table(config, &old.public_url, Some(&old)).inspect_err(|_| self.reloaded("refused"))?;
        let crossings: Vec<*const Crossing> = table.endpoints().map(|server| Arc::as_ptr(&server.crossing)).collect();
        let kept: Vec<*const StdioBack> = table.servers.values().filter_map(|server| server.stdio().map(Arc::as_ptr)).collect();
        self.table.store(Arc::new(table));
        for server in old.endpoints().filter(|server| !crossings.contains(&Arc::as_ptr(&server.crossing))) {
            server.crossing.close();
        }
        self.reloaded("accepted");
        let is_gone = |server: &&Arc<Server>| server.stdio().is_some_and(|back| !kept.contains(&Arc::as_ptr(back)));
        for server in old.servers.values().filter(is_gone) {
            self.tasks.spawn(retire(Arc::clone(server), old.config.timeouts.drain, self.draining.clone()));
        }
        Ok(())
    }

    fn forge(&self) -> Forge<'_> {
        let Self { clock, client, tls, resolver, metrics, book, client_key, states, task_ids, cursors, store, .. } = self;
        Forge { clock: *clock, client, tls, resolver, metrics, book, client_key, states, task_ids, cursors, store }
    }

    /// Everything that people have granted.
    pub async fn connections(&self) -> Result<Vec<Connection>, BookFailure> {
        self.book.list().await
    }

    /// Ends a connection as an operator; what was granted is taken back where it came from, as far as that can be.
    pub async fn end_connection(&self, connection: &Connection) -> Result<Ended, BookFailure> {
        let table = self.table.load_full();
        let person = Person { issuer: connection.issuer.as_str().into(), subject: connection.subject.as_str().into() };
        let people = table.server(&connection.server).and_then(|server| server.people()).filter(|people| people.keeps(connection));
        let ended = match people {
            Some(people) => people.disconnect(&person).await?,
            // The server is gone, or goes elsewhere for its tokens now: there is nobody left to take it back.
            None if self.book.forget(connection).await? => Ended::Forgotten(None),
            None => Ended::WasNotConnected,
        };
        if ended != Ended::WasNotConnected {
            let Connection { server, issuer, subject, .. } = connection;
            let event = Event::ConnectionEnded {
                server: server.as_str().into(),
                issuer: issuer.as_str().into(),
                subject: subject.as_str().into(),
                by: "operator".into(),
            };
            if let Err(error) = self.auditor.event(self.clock.unix_milliseconds(), &event) {
                self.metrics.unrecorded.inc();
                tracing::error!(target: "door", %error, "an event could not be recorded");
            }
        }
        Ok(ended)
    }

    /// What looks after the credentials.
    pub fn resolver(&self) -> &Arc<Resolver> {
        &self.resolver
    }

    /// The references of one server; `None`: there is no such server.
    pub fn references_of(&self, server: &str) -> Option<Vec<Reference>> {
        self.table.load().config.servers.get(server).map(|server| server.upstream.references())
    }

    /// The servers that use what a reference names.
    pub fn users_of(&self, reference: &Reference) -> Vec<String> {
        let table = self.table.load();
        let uses = |server: &config::Server| server.upstream.references().iter().any(|used| used.place() == reference.place());
        table.config.servers.iter().filter(|(_, server)| uses(server)).map(|(name, _)| name.to_string()).collect()
    }

    /// Notes a reload that failed before it reached the door.
    pub fn refused_reload(&self) {
        self.reloaded("refused");
    }

    fn reloaded(&self, result: &'static str) {
        self.metrics.reloads.get_or_create(&ReloadLabel { result }).inc();
    }

    /// Stops long-lived streams, waits for calls in flight, at most as long as configured, then ends everything.
    pub async fn drain(&self) {
        self.draining.cancel();
        self.tasks.close();
        let patience = self.table.load().config.timeouts.drain;
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!(target: "door", "calls were still in flight when the time for draining ended");
        }
        self.end(CHILDREN_HAVE).await;
    }

    /// Ends everything at once.
    pub async fn stop(&self) {
        self.end(Duration::ZERO).await;
    }

    async fn end(&self, children_have: Duration) {
        self.draining.cancel();
        self.closing.cancel();
        let table = self.table.load_full();
        table.endpoints().for_each(|server| server.crossing.close());
        join_all(table.servers.values().filter_map(|server| server.stdio()).map(|back| back.shutdown(children_have))).await;
    }

    /// Whether the door can serve, and which part cannot.
    pub(crate) fn readiness(&self, table: &Table) -> Readiness {
        let mut troubles = Vec::new();
        if self.draining.is_cancelled() {
            troubles.push(("door".to_owned(), "is shutting down".to_owned()));
        }
        if let Err(reason) = self.auditor.health() {
            troubles.push(("audit".to_owned(), reason.to_string()));
        }
        for server in table.servers.values() {
            if let Some(trouble) = server.back.trouble() {
                troubles.push((format!("server {}", server.name), trouble));
            }
        }
        troubles.sort();
        Readiness { troubles }
    }

    /// Whether the door, as it is now, can serve.
    pub fn ready(&self) -> Readiness {
        self.readiness(&self.table.load())
    }

    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        if self.draining.is_cancelled() {
            return Err(Refusal::Closing);
        }
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refusal::Busy)
    }

    pub(crate) fn can_record(&self, table: &Table) -> Result<(), Refusal> {
        match table.config.when_unrecorded {
            WhenUnrecorded::Refuse if self.auditor.health().is_err() => Err(Refusal::Unrecorded),
            WhenUnrecorded::Refuse | WhenUnrecorded::Serve => Ok(()),
        }
    }

    /// Records a call for a server that is not there. The name is the caller's own text, so it stays out.
    pub(crate) fn record_stray(&self, refusal: &Refusal, status: StatusCode, address: std::net::IpAddr) {
        self.metrics.refused_at_the_gate(refusal);
        let record = CallRecord {
            method: Some(UNREAD.into()),
            status: status.as_u16(),
            outcome: Outcome::Denied,
            decision: Decision::Deny { reason: refusal.code().into() },
            address: Some(address),
            ..CallRecord::new(self.clock.unix_milliseconds(), self.next_request_id(), "")
        };
        if let Err(error) = self.auditor.record(&record) {
            self.metrics.unrecorded.inc();
            tracing::error!(target: "door", %error, "a call could not be recorded");
        }
    }

    /// How long until this Unix second, with the leeway that tokens get.
    pub(crate) fn time_until(&self, unix_seconds: u64) -> Duration {
        let seconds = unix_seconds.saturating_add(token::DEFAULT_LEEWAY_SECONDS).saturating_sub(self.clock.unix_seconds());
        Duration::from_secs(seconds.min(A_YEAR))
    }

    pub(crate) fn next_request_id(&self) -> String {
        format!("{}-{:x}", self.instance, self.requests.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn message_bytes(&self) -> usize {
        self.table.load().config.limits.message_bytes
    }
}

/// Ends a server that a reload took away, once the calls that were on their way to it have ended: each of them holds it.
async fn retire(server: Arc<Server>, patience: Duration, hurry: CancellationToken) {
    let idle = async {
        while Arc::strong_count(&server) > 1 {
            tokio::time::sleep(GLANCE).await;
        }
    };
    tokio::select! {
        () = idle => {}
        () = tokio::time::sleep(patience) => {}
        () = hurry.cancelled() => {}
    }
    if let Some(back) = server.stdio() {
        back.shutdown(CHILDREN_HAVE).await;
    }
}

/// Which parts of the door cannot serve.
#[derive(Clone, Debug)]
pub struct Readiness {
    troubles: Vec<(String, String)>,
}

impl Readiness {
    /// Whether there is nothing to complain about.
    pub fn is_ready(&self) -> bool {
        self.troubles.is_empty()
    }

    /// Part and trouble.
    pub fn troubles(&self) -> impl Iterator<Item = (&str, &str)> {
        self.troubles.iter().map(|(part, trouble)| (part.as_str(), trouble.as_str()))
    }

    /// The public answer names the parts only; the reasons stand in the log and on the admin listener.
    pub(crate) fn response(&self) -> Response<Body> {
        let parts: Vec<&str> = self.troubles.iter().map(|(part, _)| part.as_str()).collect();
        let body = serde_json::json!({ "status": if self.is_ready() { "ready" } else { "not ready" }, "not_ready": parts });
        routes::json(if self.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, body.to_string().into())
    }
}

const A_YEAR: u64 = 365 * 24 * 3600;
/// How often it is looked whether a retired server is still in use.
const GLANCE: Duration = Duration::from_millis(50);
const CHILDREN_HAVE: Duration = Duration::from_secs(5);
