//! The door itself: what lives as long as the process, and the table that a reload swaps.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use audit::fingerprint::Fingerprinter;
use audit::record::{CallRecord, Decision, Outcome};
use audit::sink::Auditor;
use broker::reference::Reference;
use broker::resolve::Resolver;
use futures_util::future::join_all;
use http::{Response, StatusCode};
use ipnet::IpNet;
use oauth::issuer::Issuer;
use oauth::resource::Resource;
use outbound::client::Client;
use outbound::guard::Guard;
use outbound::pool::{InvalidUpstream, Pool, PoolLimits};
use outbound::tls::InvalidRoots;
use store::Store;
use store::seal::InstanceKey;
use token::{KeySet, Trust};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::attention::Attention;
use crate::back::credentials::{BearerSource, Credentials};
use crate::back::stdio::StdioBack;
use crate::back::{Back, http as http_back};
use crate::body::Body;
use crate::clock::Clock;
use crate::config::{self, Accept, Config, ServerName, TokenSource, UpstreamCredential, WhenUnrecorded};
use crate::exchange::UNREAD;
use crate::issuer_keys::IssuerKeys;
use crate::layers::authenticate::Authenticator;
use crate::layers::host_guard::HostGuard;
use crate::layers::rate_limit::AddressQuotas;
use crate::layers::session::Sessions;
use crate::metrics::{Metrics, ReloadLabel};
use crate::refusal::Refusal;
use crate::routes;
use crate::table::{Challenges, Gate, Keys, Server, Table, Trusted, metadata_document, resource_of};
use crate::underway::Underway;

/// What the door is built on; made in one place, `claviger/wire`.
pub struct Parts {
    /// Time.
    pub clock: Clock,
    /// What outlives a request.
    pub store: Arc<dyn Store>,
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
}

/// Why a configuration cannot become a door.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A resource URL cannot be made.
    #[error("server `{server}`: the public URL makes no valid resource identifier")]
    Resource {
        /// Which server.
        server: ServerName,
        /// Why.
        #[source]
        source: oauth::resource::InvalidUri,
    },
    /// An upstream URL cannot be used.
    #[error("server `{server}`: {source}")]
    Upstream {
        /// Which server.
        server: ServerName,
        /// Why.
        source: InvalidUpstream,
    },
    /// The certificates of an authorization server cannot be used.
    #[error("server `{server}`: the certificates that its authorization server is held to cannot be used")]
    Certificates {
        /// Which server.
        server: ServerName,
        /// Why.
        #[source]
        source: InvalidRoots,
    },
    /// The metadata cannot be written as JSON.
    #[error("server `{server}`: its metadata cannot be written")]
    Metadata {
        /// Which server.
        server: ServerName,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// No random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// No sealing of sessions.
    #[error(transparent)]
    Seal(#[from] store::seal::CannotSeal),
}

impl Door {
    /// Builds a door. `public_url` is what callers use, without a trailing slash.
    pub fn new(config: Config, public_url: &str, instance_key: &InstanceKey, parts: Parts) -> Result<Arc<Self>, BuildError> {
        let mut instance = [0; 4];
        aws_lc_rs::rand::fill(&mut instance).map_err(|_| BuildError::Random)?;
        let fingerprinter = Fingerprinter::new(&instance_key.derive("token-fingerprint", ""));
        let Parts { clock, store, auditor, client, tls, resolver, metrics, attention } = parts;
        let forge = Forge { clock, client: &client, tls: &tls, resolver: &resolver, metrics: &metrics };
        let places = config.limits.calls_in_flight.get() as usize;
        let authenticator = Authenticator::new(clock, &config.limits, fingerprinter);
        let table = forge.table(config, public_url, None)?;
        Ok(Arc::new(Self {
            clock,
            table: ArcSwap::from_pointee(table),
            authenticator,
            address_quotas: AddressQuotas::new(),
            sessions: Sessions::new(instance_key, store, clock)?,
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
        }))
    }

    /// Takes a new configuration into use without dropping a call: servers that did not change keep their connections, children and
    /// sessions; calls under way end as they began. On an error the old configuration stays.
    pub fn reload(&self, config: Config) -> Result<(), BuildError> {
        let old = self.table.load_full();
        let forge = Forge { clock: self.clock, client: &self.client, tls: &self.tls, resolver: &self.resolver, metrics: &self.metrics };
        let table = forge.table(config, &old.public_url, Some(&old)).inspect_err(|_| self.reloaded("refused"))?;
        let kept: Vec<*const StdioBack> = table.servers.values().filter_map(|server| server.stdio().map(Arc::as_ptr)).collect();
        self.table.store(Arc::new(table));
        self.reloaded("accepted");
        let is_gone = |server: &&Arc<Server>| server.stdio().is_some_and(|back| !kept.contains(&Arc::as_ptr(back)));
        for server in old.servers.values().filter(is_gone) {
            self.tasks.spawn(retire(Arc::clone(server), old.config.timeouts.drain, self.draining.clone()));
        }
        Ok(())
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

/// Makes tables.
struct Forge<'a> {
    clock: Clock,
    client: &'a Arc<Client>,
    tls: &'a Arc<rustls::ClientConfig>,
    resolver: &'a Arc<Resolver>,
    metrics: &'a Arc<Metrics>,
}

impl Forge<'_> {
    fn table(&self, config: Config, public_url: &str, old: Option<&Table>) -> Result<Table, BuildError> {
        let mut issuers: HashMap<String, Arc<IssuerKeys>> = HashMap::new();
        let mut servers = HashMap::new();
        for (name, server) in &config.servers {
            let built = self.server(name, server, &config, public_url, old, &mut issuers)?;
            servers.insert(name.as_str().into(), Arc::new(built));
        }
        let host_guard = HostGuard::new(&config.listen, public_url);
        let generation = old.map_or(0, |old| old.generation + 1);
        let public_path = Url::parse(public_url).map_or_else(|_| String::new(), |url| url.path().trim_end_matches('/').to_owned());
        Ok(Table { config, generation, public_url: public_url.to_owned(), public_path, host_guard, servers })
    }

    #[expect(clippy::too_many_arguments, reason = "a server is made of all of these")]
    fn server(
        &self,
        name: &ServerName,
        server: &config::Server,
        config: &Config,
        public_url: &str,
        old: Option<&Table>,
        issuers: &mut HashMap<String, Arc<IssuerKeys>>,
    ) -> Result<Server, BuildError> {
        let resource = resource_of(public_url, name).map_err(|source| BuildError::Resource { server: name.clone(), source })?;
        let document = metadata_document(&resource, config, name, server);
        let metadata = document.to_json().map_err(|source| BuildError::Metadata { server: name.clone(), source })?;
        let unchanged = old.and_then(|old| old.server(name.as_str())).filter(|old| old.fingerprint == server.fingerprint);
        let back = match unchanged.map(|old| old.back.shared()) {
            Some(back) => back,
            None => self.back(name, server, &resource, config)?,
        };
        Ok(Server {
            gate: self.gate(name, &resource, config, issuers),
            challenges: Challenges::new(&resource, &server.rules.baseline()),
            name: name.clone(),
            rules: server.rules.clone(),
            metadata: metadata.into(),
            back,
            needs_callers_token: server.upstream.needs_callers_token(),
            fingerprint: server.fingerprint,
            metrics: self.metrics.for_server(name.as_str()),
            is_parked: AtomicBool::new(unchanged.is_some_and(|old| old.is_parked.load(Ordering::Relaxed))),
        })
    }

    fn back(&self, name: &ServerName, server: &config::Server, resource: &Resource, config: &Config) -> Result<Back, BuildError> {
        let limits = &config.limits;
        let timeouts = &config.timeouts;
        let unusable = |source| BuildError::Upstream { server: name.clone(), source };
        Ok(match &server.upstream {
            config::Upstream::Http { url, target, headers, credential } => {
                let pool_limits = PoolLimits { connect_timeout: timeouts.connect, ..PoolLimits::default() };
                Back::Http(Arc::new(http_back::HttpBack {
                    pool: Pool::new(url, self.tls, pool_limits).map_err(unusable)?,
                    credentials: Credentials {
                        target: target.as_ref().map(|template| self.resolver.credential(template).in_a_url()),
                        headers: headers.iter().map(|(name, template)| (name.clone(), self.resolver.credential(template))).collect(),
                        bearer: self
                            .bearer(credential, resource, &config.allowed_networks)
                            .map_err(|source| BuildError::Certificates { server: name.clone(), source })?,
                    },
                    protocol: server.protocol,
                    limits: http_back::HttpLimits { message_bytes: limits.message_bytes, call: timeouts.call, probe: timeouts.probe },
                    eras: ArcSwapOption::empty(),
                    probing: Mutex::default(),
                    unreachable: ArcSwapOption::empty(),
                }))
            }
            config::Upstream::Builtin(_) | config::Upstream::Process(_) => {
                let upstream = (server.upstream.clone(), server.protocol);
                let back = StdioBack::for_upstream(name, upstream, self.resolver, limits, timeouts);
                Back::Stdio(back.ok_or(InvalidUpstream).map_err(unusable)?)
            }
        })
    }

    fn bearer(&self, credential: &UpstreamCredential, resource: &Resource, networks: &[IpNet]) -> Result<BearerSource, InvalidRoots> {
        let client = self.client.with_guard(Guard::default().with_networks(networks.iter().copied()));
        Ok(match credential {
            UpstreamCredential::None => BearerSource::None,
            UpstreamCredential::ClientCredentials(grant) => BearerSource::Door(self.resolver.client_credentials(grant, &client)?),
            UpstreamCredential::Delegated(delegation) => BearerSource::Caller(Box::new(self.resolver.on_behalf(delegation, &client)?)),
            UpstreamCredential::PassThrough { audience } => {
                BearerSource::PassedThrough { resource: resource.clone(), audience: audience.clone() }
            }
        })
    }

    fn gate(&self, name: &ServerName, resource: &Resource, config: &Config, issuers: &mut HashMap<String, Arc<IssuerKeys>>) -> Gate {
        match &config.accept {
            Accept::Bypass => Gate::Bypass,
            Accept::Tokens(sources) => Gate::Tokens(
                sources.iter().filter_map(|source| self.trusted(source, name, resource, &config.allowed_networks, issuers)).collect(),
            ),
        }
    }

    /// The operator wrote the issuer's URL, so it may be on this machine; what the issuer sends us on to is held to the same place
    /// and to the networks that the operator named.
    fn issuer_keys(&self, issuer: &Issuer, networks: &[IpNet]) -> IssuerKeys {
        let client = self.client.with_guard(Guard::for_operator(issuer.as_str()).with_networks(networks.iter().copied()));
        IssuerKeys::new(issuer.clone(), client, self.clock)
    }

    fn trusted(
        &self,
        source: &TokenSource,
        name: &ServerName,
        resource: &Resource,
        networks: &[IpNet],
        issuers: &mut HashMap<String, Arc<IssuerKeys>>,
    ) -> Option<Trusted> {
        match source {
            TokenSource::Issuer { issuer, audiences, servers } => {
                if servers.as_ref().is_some_and(|servers| !servers.contains(name)) {
                    return None;
                }
                let keys = issuers.entry(issuer.as_str().to_owned()).or_insert_with(|| Arc::new(self.issuer_keys(issuer, networks)));
                let audiences = resource.accepted_spellings().into_iter().chain(audiences.iter().cloned()).collect();
                let trust = Trust::new(Some(issuer.as_str().to_owned()), audiences);
                Some(Trusted { trust, keys: Keys::Issuer(Arc::clone(keys)) })
            }
            TokenSource::SharedSecret { secrets, server, max_lifetime } if server == name => {
                // The bare name is what `token mint --aud` and its elders write; it is accepted for secrets that only this server has (A4).
                let audiences = resource.accepted_spellings().into_iter().chain([name.to_string()]).collect();
                let trust = Trust { max_lifetime_seconds: Some(max_lifetime.as_secs()), ..Trust::new(None, audiences) };
                Some(Trusted { trust, keys: Keys::Fixed(KeySet::shared_secrets(secrets.iter().cloned())) })
            }
            TokenSource::SharedSecret { .. } => None,
        }
    }
}

const A_YEAR: u64 = 365 * 24 * 3600;
/// How often it is looked whether a retired server is still in use.
const GLANCE: Duration = Duration::from_millis(50);
const CHILDREN_HAVE: Duration = Duration::from_secs(5);
