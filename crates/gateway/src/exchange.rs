//! What is known about one request while it travels: the material of its record, which is closed once, by a call.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use audit::record::{CallRecord, Decision, Outcome};
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use mcp::envelope::{Message, Target};
use mcp::version::ProtocolVersion;
use policy::Permit;
use tokio::sync::OwnedSemaphorePermit;

use crate::attention::Trouble;
use crate::back::BackFailure;
use crate::body::Body;
use crate::config::MissingScope;
use crate::connect::ask::Means;
use crate::door::Door;
use crate::layers::{rescue, shown, step_up};
use crate::lists::{self, Rewrite};
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::routes;
use crate::table::{Scheme, Server};
use crate::underway::Followed;

/// One request on its way.
pub(crate) struct Exchange {
    door: Arc<Door>,
    server: Arc<Server>,
    /// The server that it is about, where several are one.
    member: Option<Arc<Server>>,
    started: u64,
    address: IpAddr,
    request_id: String,
    trace_id: Option<String>,
    principal: Option<Arc<Principal>>,
    method: Option<String>,
    target: Option<String>,
    version: Option<&'static str>,
    /// The body as it came, kept for the id that every answer echoes.
    body: Bytes,
    decision: Option<Verdict>,
    bytes_in: u64,
    closed: bool,
    /// The members of a batch, each of which is a call of its own: method and target.
    members: Vec<(String, Option<String>)>,
    /// Held until the answer is complete.
    place: Option<OwnedSemaphorePermit>,
    /// A legacy request, which its caller may take back by another one.
    followed: Option<Followed>,
    /// Whether the caller's client opens URLs for its person.
    opens_urls: bool,
    /// How the caller has shown a token, if they have.
    shown: Scheme,
}

/// What was decided about it.
enum Verdict {
    Allow(Permit),
    Deny(&'static str),
}

impl Verdict {
    fn shown(&self) -> Decision<'_> {
        match self {
            Self::Allow(permit) => Decision::Allow { rule: permit.rule().into() },
            Self::Deny(reason) => Decision::Deny { reason: (*reason).into() },
        }
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) status: u16,
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
            member: None,
            address,
            trace_id,
            principal: None,
            method: None,
            target: None,
            version: None,
            body: Bytes::new(),
            decision: None,
            bytes_in: 0,
            closed: false,
            members: Vec::new(),
            place: None,
            followed: None,
            opens_urls: false,
            shown: shown::scheme(headers),
        }
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    pub(crate) fn door(&self) -> &Arc<Door> {
        &self.door
    }

    /// Cuts an answer down to what this caller may see; `None` when it cannot be read and so cannot be shown.
    pub(crate) fn rewrite(&self, rewrite: Rewrite, body: Bytes) -> Option<Bytes> {
        lists::apply(rewrite, body, &self.server, self.principal.as_deref()?, &self.door.task_ids)
    }

    pub(crate) fn caller_is(&mut self, principal: &Arc<Principal>) {
        self.principal = Some(Arc::clone(principal));
    }

    pub(crate) fn received(&mut self, body: &Bytes) {
        self.bytes_in = body.len() as u64;
        self.body = body.clone();
    }

    /// An error of the door's own, with the id of the request where that could be read.
    pub(crate) fn error(&self, code: i64, message: &str) -> Vec<u8> {
        let message_of_caller = Message::parse(&self.body).ok();
        mcp::error_code::error_response(message_of_caller.as_ref().and_then(Message::id), code, message, None)
    }

    /// The response to a refusal.
    pub(crate) fn rescue(&self, refusal: &Refusal) -> Response<Body> {
        let message = Message::parse(&self.body).ok();
        if let (Refusal::Back(BackFailure::NotConnected), Some(message), Some(principal)) = (refusal, &message, &self.principal) {
            return self.invite(message, principal);
        }
        let mut response = rescue::rescue(refusal, Some((&self.server, self.shown)), message.as_ref().and_then(Message::id));
        if let Some(explanation) = self.explanation(refusal, message.as_ref()) {
            *response.body_mut() = Body::full(explanation);
        }
        response
    }

    /// What the tool would have said, where the server's callers are to read it beside the challenge.
    fn explanation(&self, refusal: &Refusal, message: Option<&Message<'_>>) -> Option<Vec<u8>> {
        let (Refusal::InsufficientScope { needed, .. }, MissingScope::ChallengeAndResult) = (refusal, self.subject().missing_scope) else {
            return None;
        };
        let is_modern = self.version.and_then(ProtocolVersion::parse).is_some_and(ProtocolVersion::is_modern);
        step_up::failed_result(message?, needed, &self.server.challenges.metadata_url, is_modern)
    }

    /// Asks for what only the person can give: their leave.
    fn invite(&self, message: &Message<'_>, principal: &Principal) -> Response<Body> {
        let now = self.door.clock.unix_seconds();
        let invitation = self.door.connect.invitation(&self.door.table.load(), self.subject(), principal, now);
        let version = self.version.and_then(ProtocolVersion::parse);
        let means = version.map_or(Means::Error, |version| Means::of(message, version, self.opens_urls));
        routes::json(StatusCode::OK, invitation.answer(message.id(), means, version).into())
    }

    /// Notes which server it is about, and the name there; the record says the same of a call whichever way it came.
    pub(crate) fn is_about(&mut self, (member, target): (Arc<Server>, String)) {
        self.member = Some(member);
        self.target = Some(target);
    }

    /// The server whose business it is.
    fn subject(&self) -> &Arc<Server> {
        self.member.as_ref().unwrap_or(&self.server)
    }

    /// Notes whether the caller's client opens URLs for its person.
    pub(crate) fn opens_urls(&mut self, opens_urls: bool) {
        self.opens_urls = opens_urls;
    }

    /// Notes what the message asks for. The arguments are never looked at.
    pub(crate) fn concerns(&mut self, message: &Message<'_>) {
        self.method = Some(message.method().unwrap_or("response").to_owned());
        self.target = message.action_target().ok().and_then(Target::as_str).map(str::to_owned);
        if self.trace_id.is_none() {
            self.trace_id = message.meta().and_then(|meta| meta.traceparent()).and_then(trace_id);
        }
    }

    /// Notes the members of a batch.
    pub(crate) fn concerns_all(&mut self, messages: &[Message<'_>]) {
        let target = |message: &Message<'_>| message.action_target().ok().and_then(Target::as_str).map(str::to_owned);
        self.members = messages.iter().map(|message| (message.method().unwrap_or("response").to_owned(), target(message))).collect();
    }

    /// Holds a place among the calls in flight until the answer is complete.
    pub(crate) fn takes(&mut self, place: OwnedSemaphorePermit) {
        self.place = Some(place);
    }

    /// Gives the place back early: a stream that stays open for hours is counted elsewhere.
    pub(crate) fn gives_back(&mut self) {
        self.place = None;
    }

    /// Keeps an eye on whether the caller takes this request back.
    pub(crate) fn follows(&mut self, followed: Followed) {
        self.followed = Some(followed);
    }

    /// Ends when the caller's token is taken back.
    pub(crate) fn revocation(&self) -> impl Future<Output = ()> + 'static {
        let (door, principal) = (Arc::clone(&self.door), self.principal.clone());
        async move { door.authenticator.revoked(principal).await }
    }

    /// When the caller's token ends, in Unix seconds.
    pub(crate) fn authorized_until(&self) -> u64 {
        self.principal.as_ref().map_or(u64::MAX, |principal| principal.expires_at)
    }

    /// Notes a method that has no message, such as opening or ending a stream.
    pub(crate) fn concerns_method(&mut self, method: &str) {
        self.method = Some(method.to_owned());
    }

    pub(crate) fn speaks(&mut self, version: &'static str) {
        self.version = Some(version);
    }

    pub(crate) fn allowed(&mut self, permit: &Permit) {
        self.decision = Some(Verdict::Allow(permit.clone()));
    }

    pub(crate) fn refused(&mut self, refusal: &Refusal) {
        if refusal.is_denial() {
            self.decision = Some(Verdict::Deny(refusal.code()));
        }
        let subject = self.subject();
        subject.metrics.refusal(refusal);
        // What one person's own account may not do is nobody's but theirs to mend.
        if let Refusal::Back(failure) = refusal
            && subject.people().is_none()
            && let Some(trouble) = Trouble::of(failure)
        {
            subject.is_parked.store(true, Ordering::Relaxed);
            self.door.attention.needed(subject.name.as_str(), &trouble);
        }
        log_refusal(refusal, &self.request_id, &subject.name);
    }

    /// Writes the record and the metrics. Everything about the call has happened by now.
    pub(crate) fn close(mut self, end: End) {
        self.write(end);
    }

    fn write(&mut self, mut end: End) {
        self.closed = true;
        // What was taken back may still be answered, with an error that tells no more than that.
        if end.outcome == Outcome::Error && self.followed.as_ref().is_some_and(Followed::was_taken_back) {
            end.outcome = Outcome::Cancelled;
        }
        if self.members.is_empty() {
            let (method, target) = (self.method.take(), self.target.take());
            return self.write_one(method.as_deref(), target.as_deref(), end);
        }
        for (method, target) in std::mem::take(&mut self.members) {
            self.write_one(Some(&method), target.as_deref(), end);
        }
    }

    fn write_one(&self, method: Option<&str>, target: Option<&str>, end: End) {
        let nanoseconds = self.door.clock.monotonic_nanoseconds().saturating_sub(self.started);
        let subject = self.subject();
        subject.metrics.call(method, end.outcome, nanoseconds);
        let is_parked = &subject.is_parked;
        if end.outcome == Outcome::Ok && is_parked.load(Ordering::Relaxed) && is_parked.swap(false, Ordering::Relaxed) {
            self.door.attention.over(subject.name.as_str());
        }
        let principal = self.principal.as_deref();
        let record = CallRecord {
            method: Some(method.unwrap_or(UNREAD).into()),
            tool: target.map(Into::into),
            status: end.status,
            outcome: end.outcome,
            duration: Duration::from_nanos(nanoseconds),
            decision: self.decision.as_ref().map_or(Decision::Deny { reason: "undecided".into() }, Verdict::shown),
            issuer: principal.map(|principal| Cow::Borrowed(&*principal.issuer)),
            subject: principal.map(|principal| Cow::Borrowed(&*principal.subject)),
            client: principal.and_then(|principal| principal.client.as_deref()).map(Cow::Borrowed),
            token_fingerprint: principal.and_then(|principal| principal.fingerprint),
            address: Some(self.address),
            version: self.version.map(Cow::Borrowed),
            trace_id: self.trace_id.as_deref().map(Cow::Borrowed),
            bytes_in: self.bytes_in,
            bytes_out: end.bytes_out,
            ..CallRecord::new(self.door.clock.unix_milliseconds(), self.request_id.as_str(), subject.name.as_str())
        };
        if let Err(error) = self.door.auditor.record(&record) {
            self.door.metrics.unrecorded.inc();
            tracing::error!(target: "door", %error, "a call could not be recorded");
        }
    }
}

impl Drop for Exchange {
    /// A caller who hangs up before there is an answer takes the whole road with them; nobody else is left to close the record.
    fn drop(&mut self) {
        if !self.closed {
            self.write(End { status: CLIENT_CLOSED_REQUEST, outcome: Outcome::Cancelled, bytes_out: 0 });
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

/// The method of a message that could not be read.
pub(crate) const UNREAD: &str = "unknown";
/// What the record shows when there was nobody left to answer; the number that proxies use for it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

#[cfg(test)]
mod tests {
    use super::trace_id;

    #[test]
    fn a_trace_id_is_taken_from_a_well_formed_traceparent_only() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace_id(good).as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        for bad in [
            "",
            "00",
            "00-zz-00-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473\u{7f}-0-1",
        ] {
            assert_eq!(trace_id(bad), None, "{bad}");
        }
    }
}
