//! What is known about one request while it travels: the material of its record, which is closed once, by a call.

use std::net::IpAddr;
use std::sync::Arc;

use audit::record::{CallRecord, Decision, Outcome};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use mcp::envelope::{Message, Target};
use policy::Permit;

use crate::door::Door;
use crate::lists::{self, Rewrite};
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::table::Server;

/// One request on its way.
pub(crate) struct Exchange {
    door: Arc<Door>,
    server: Arc<Server>,
    started: u64,
    address: IpAddr,
    request_id: String,
    trace_id: Option<String>,
    principal: Option<Arc<Principal>>,
    method: Option<String>,
    target: Option<String>,
    version: Option<&'static str>,
    /// The raw JSON-RPC id, which every answer echoes.
    pub(crate) id: Option<String>,
    decision: Option<Decision>,
    bytes_in: u64,
}

/// How it ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) status: StatusCode,
    pub(crate) outcome: Outcome,
    pub(crate) bytes_out: u64,
}

impl Exchange {
    pub(crate) fn open(door: &Arc<Door>, server: &Arc<Server>, address: IpAddr, headers: &HeaderMap) -> Self {
        let trace_id = headers.get("traceparent").and_then(|value| value.to_str().ok()).and_then(trace_id);
        Self {
            started: door.clock.monotonic_nanoseconds(),
            request_id: door.next_request_id(),
            door: Arc::clone(door),
            server: Arc::clone(server),
            address,
            trace_id,
            principal: None,
            method: None,
            target: None,
            version: None,
            id: None,
            decision: None,
            bytes_in: 0,
        }
    }

    pub(crate) fn door(&self) -> &Arc<Door> {
        &self.door
    }

    /// Cuts an answer down to what this caller may see; `None` when it cannot be read and so cannot be shown.
    pub(crate) fn rewrite(&self, rewrite: Rewrite, body: Bytes) -> Option<Bytes> {
        lists::apply(rewrite, body, &self.server, self.principal.as_deref()?)
    }

    pub(crate) fn caller_is(&mut self, principal: &Arc<Principal>) {
        self.principal = Some(Arc::clone(principal));
    }

    pub(crate) fn received(&mut self, bytes: usize) {
        self.bytes_in = bytes as u64;
    }

    /// Notes what the message asks for. The arguments are never looked at.
    pub(crate) fn concerns(&mut self, message: &Message<'_>) {
        self.method = Some(message.method().unwrap_or("response").to_owned());
        self.id = message.id().map(|id| id.as_str().to_owned());
        self.target = match message.target() {
            Ok(Target::Prompt(name) | Target::Resource(name) | Target::Task(name) | Target::Tool(name)) => Some(name.to_owned()),
            Ok(Target::None) | Err(_) => None,
        };
        if self.trace_id.is_none() {
            self.trace_id = message.params().and_then(|params| params.meta()).and_then(|meta| meta.traceparent()).and_then(trace_id);
        }
    }

    /// Notes a method that has no message, such as opening or ending a stream.
    pub(crate) fn concerns_method(&mut self, method: &str) {
        self.method = Some(method.to_owned());
    }

    pub(crate) fn speaks(&mut self, version: &'static str) {
        self.version = Some(version);
    }

    pub(crate) fn allowed(&mut self, permit: &Permit) {
        self.decision = Some(Decision::Allow { rule: permit.rule().to_owned() });
    }

    pub(crate) fn refused(&mut self, refusal: &Refusal) {
        if refusal.is_denial() {
            let rule = match refusal {
                Refusal::InsufficientScope { rule, .. } => Some(rule.clone()),
                Refusal::NotPermitted { rule } => rule.clone(),
                _ => None,
            };
            self.decision = Some(Decision::Deny { reason: refusal.code().to_owned(), rule });
        }
        self.server.metrics.refusal(refusal);
        log_refusal(refusal, &self.request_id, &self.server.name);
    }

    /// Writes the record and the metrics. Everything about the call has happened by now.
    pub(crate) fn close(self, end: End) {
        let nanoseconds = self.door.clock.monotonic_nanoseconds().saturating_sub(self.started);
        self.server.metrics.call(self.method.as_deref(), end.outcome, nanoseconds);
        let principal = self.principal.as_deref();
        let record = CallRecord {
            unix_ms: self.door.clock.unix_milliseconds(),
            server: self.server.name.to_string(),
            method: self.method.unwrap_or_else(|| "unknown".to_owned()),
            target: self.target,
            status: end.status.as_u16(),
            outcome: end.outcome,
            duration_ms: nanoseconds as f64 / 1e6,
            subject: principal.map(|principal| principal.subject.to_string()),
            client: principal.and_then(|principal| principal.client.as_deref().map(str::to_owned)),
            issuer: principal.map(|principal| principal.issuer.to_string()),
            request_id: self.request_id,
            trace_id: self.trace_id,
            decision: self.decision,
            bytes_in: self.bytes_in,
            bytes_out: end.bytes_out,
            address: self.address.to_string(),
            token_fingerprint: principal.filter(|principal| !principal.fingerprint.is_empty()).map(|principal| principal.fingerprint.to_string()),
            version: self.version.map(str::to_owned),
        };
        if let Err(error) = self.door.auditor.record(&record) {
            self.door.metrics.unrecorded.inc();
            tracing::error!(target: "door", %error, "a call could not be recorded");
        }
    }
}

/// The operator reads the reason here; the caller gets what `layers::rescue` lets through.
fn log_refusal(refusal: &Refusal, request_id: &str, server: &crate::config::ServerName) {
    if refusal.is_denial() {
        tracing::debug!(target: "door", %server, request_id, code = refusal.code(), "refused");
    } else {
        tracing::warn!(target: "door", %server, request_id, code = refusal.code(), error = refusal as &dyn std::error::Error, "failed");
    }
}

/// The trace id of a W3C `traceparent`: `00-<32 hex>-<16 hex>-<2 hex>`.
fn trace_id(traceparent: &str) -> Option<String> {
    let id = traceparent.split('-').nth(1)?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
}
