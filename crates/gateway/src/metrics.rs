//! What the door counts. Names and labels are an interface: docs/reference/metrics.md. No label ever holds what a caller sent.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use audit::record::Outcome;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::refusal::Refusal;

/// All counters of one door, for its whole life.
pub struct Metrics {
    registry: Registry,
    calls: Family<CallLabels, Counter>,
    latency: Family<ServerLabel, Histogram, fn() -> Histogram>,
    refusals: Family<RefusalLabels, Counter>,
    authentication_failures: Family<RefusalLabels, Counter>,
    rate_limited: Family<RefusalLabels, Counter>,
    pub(crate) unrecorded: Counter,
    pub(crate) connections: Gauge<i64, AtomicI64>,
    pub(crate) streams: Gauge<i64, AtomicI64>,
    pub(crate) parked_calls: Gauge<i64, AtomicI64>,
    pub(crate) parked_expired: Counter,
    pub(crate) reloads: Family<ReloadLabel, Counter>,
    credential_uses: Family<CredentialLabels, Counter>,
    credential_fetches: Family<CredentialLabels, Counter>,
    credential_rotations: Family<SourceLabel, Counter>,
    credential_fetched_at: Family<SourceLabel, Gauge<i64, AtomicI64>>,
}

/// `source`: the scheme of a reference, or `token`; never a name, of which there may be many.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CredentialLabels {
    source: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SourceLabel {
    source: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CallLabels {
    server: Arc<str>,
    method: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ServerLabel {
    server: Arc<str>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RefusalLabels {
    server: Arc<str>,
    reason: &'static str,
}

/// How a reload ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ReloadLabel {
    pub(crate) result: &'static str,
}

impl Metrics {
    /// Registers everything.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("claviger");
        let latency = Family::<ServerLabel, Histogram, fn() -> Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let metrics = Self {
            calls: Family::default(),
            latency,
            refusals: Family::default(),
            authentication_failures: Family::default(),
            rate_limited: Family::default(),
            unrecorded: Counter::default(),
            connections: Gauge::default(),
            streams: Gauge::default(),
            parked_calls: Gauge::default(),
            parked_expired: Counter::default(),
            reloads: Family::default(),
            credential_uses: Family::default(),
            credential_fetches: Family::default(),
            credential_rotations: Family::default(),
            credential_fetched_at: Family::default(),
            registry: Registry::default(),
        };
        registry.register("calls", "MCP calls by server, method and outcome", metrics.calls.clone());
        registry.register("call_duration_seconds", "Time from a call's headers to the end of its answer", metrics.latency.clone());
        registry.register("refusals", "Calls that the door refused, by reason", metrics.refusals.clone());
        registry.register("authentication_failures", "Tokens presented and found bad, by reason", metrics.authentication_failures.clone());
        registry.register("rate_limited", "Calls over a limit, by whose", metrics.rate_limited.clone());
        registry.register("unrecorded_calls", "Calls that could not be written to the audit trail", metrics.unrecorded.clone());
        registry.register("connections", "Open connections from callers", metrics.connections.clone());
        registry.register("streams", "Open event streams to callers", metrics.streams.clone());
        registry.register(
            "parked_calls",
            "Calls that wait for a person's answer, for a server of the other era",
            metrics.parked_calls.clone(),
        );
        registry.register("parked_expired", "Such calls that waited in vain", metrics.parked_expired.clone());
        registry.register("configuration_reloads", "Reloads of the configuration, by result", metrics.reloads.clone());
        registry.register(
            "credential_uses",
            "Credentials taken from memory, by where they come from and whether they were beyond their age",
            metrics.credential_uses.clone(),
        );
        registry.register("credential_fetches", "Credentials asked for at their source, by outcome", metrics.credential_fetches.clone());
        registry.register("credential_rotations", "Credentials that came with a new value", metrics.credential_rotations.clone());
        registry.register(
            "credential_fetched_timestamp_seconds",
            "When a credential was last fetched, in Unix seconds",
            metrics.credential_fetched_at.clone(),
        );
        Self { registry, ..metrics }
    }

    /// Counts the use of a credential that was kept; `in_grace`: beyond its age, because its source is away.
    pub fn credential_used(&self, credential: &str, in_grace: bool) {
        let labels = CredentialLabels { source: source_of(credential), outcome: if in_grace { "grace" } else { "kept" } };
        self.credential_uses.get_or_create(&labels).inc();
    }

    /// Counts a fetch that gave a value, at this Unix second.
    pub fn credential_fetched(&self, credential: &str, now: u64) {
        let source = source_of(credential);
        self.credential_fetches.get_or_create(&CredentialLabels { source, outcome: "ok" }).inc();
        self.credential_fetched_at.get_or_create(&SourceLabel { source }).set(i64::try_from(now).unwrap_or(i64::MAX));
    }

    /// Counts a fetch that gave none, by its stable code.
    pub fn credential_missing(&self, credential: &str, code: &'static str) {
        self.credential_fetches.get_or_create(&CredentialLabels { source: source_of(credential), outcome: code }).inc();
    }

    /// Counts a new value.
    pub fn credential_rotated(&self, credential: &str) {
        self.credential_rotations.get_or_create(&SourceLabel { source: source_of(credential) }).inc();
    }

    /// The counters of one server, looked up once.
    pub(crate) fn for_server(self: &Arc<Self>, server: &str) -> ServerMetrics {
        let label: Arc<str> = server.into();
        let latency = self.latency.get_or_create(&ServerLabel { server: Arc::clone(&label) }).clone();
        let tool_calls = self.calls.get_or_create(&CallLabels { server: Arc::clone(&label), method: "tools/call", outcome: "ok" }).clone();
        ServerMetrics { all: Arc::clone(self), server: label, latency, tool_calls }
    }

    /// Counts what was refused before it was known which server it was for.
    pub(crate) fn refused_at_the_gate(&self, refusal: &Refusal) {
        self.refusals.get_or_create(&RefusalLabels { server: "".into(), reason: refusal.code() }).inc();
    }

    /// The OpenMetrics text of all counters.
    pub fn render(&self) -> String {
        let mut output = String::new();
        // Writing to a string cannot fail; an empty page would be noticed by the scraper.
        if text::encode(&mut output, &self.registry).is_err() {
            output.clear();
        }
        output
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// One server's view of the counters.
pub(crate) struct ServerMetrics {
    all: Arc<Metrics>,
    server: Arc<str>,
    latency: Histogram,
    /// The counter of nearly every call, without a look-up.
    tool_calls: Counter,
}

impl ServerMetrics {
    pub(crate) fn call(&self, method: Option<&str>, outcome: Outcome, nanoseconds: u64) {
        self.latency.observe(Duration::from_nanos(nanoseconds).as_secs_f64());
        if method == Some("tools/call") && outcome == Outcome::Ok {
            self.tool_calls.inc();
            return;
        }
        let labels = CallLabels { server: Arc::clone(&self.server), method: known_method(method), outcome: word_for(outcome) };
        self.all.calls.get_or_create(&labels).inc();
    }

    pub(crate) fn refusal(&self, refusal: &Refusal) {
        let labels = RefusalLabels { server: Arc::clone(&self.server), reason: refusal.code() };
        if refusal.is_failed_authentication() {
            self.all.authentication_failures.get_or_create(&labels).inc();
        }
        if matches!(refusal, Refusal::RateLimited { .. } | Refusal::TooManyFailures { .. }) {
            self.all.rate_limited.get_or_create(&labels).inc();
        }
        self.all.refusals.get_or_create(&labels).inc();
    }
}

fn source_of(credential: &str) -> &'static str {
    let scheme = credential.split_once("://").map_or("token", |(scheme, _)| scheme);
    SOURCES.iter().find(|known| **known == scheme).copied().unwrap_or("token")
}

fn word_for(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Cancelled => "cancelled",
        Outcome::Denied => "denied",
        Outcome::Error => "error",
        Outcome::Ok => "ok",
    }
}

/// A method as a label: the ones that MCP knows by name, everything else as `other`, so that callers cannot make series.
fn known_method(method: Option<&str>) -> &'static str {
    method.and_then(|method| KNOWN_METHODS.iter().find(|known| **known == method)).copied().unwrap_or("other")
}

const SOURCES: [&str; 8] = ["aws-secretsmanager", "azure-keyvault", "command", "env", "file", "gcp-secretmanager", "keychain", "vault"];

const KNOWN_METHODS: [&str; 22] = [
    "completion/complete",
    "initialize",
    "logging/setLevel",
    "notifications/cancelled",
    "notifications/initialized",
    "ping",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "response",
    "server/discover",
    "session/end",
    "session/listen",
    "subscriptions/listen",
    "tasks/get",
    "tasks/cancel",
    "tools/call",
    "tools/list",
];

/// Seconds. The door itself takes tens of microseconds; upstreams anything up to minutes.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];
