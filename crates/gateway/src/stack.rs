//! ★ The layers of a request, in order, one line each. Reading [`road`] is reading the product.

mod batch;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use audit::record::Outcome;
use broker::connection::PerPerson;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use mcp::envelope::{Body as Envelopes, Kind, Message, Meta, Params};
use mcp::era::{self, Era, Headers};
use mcp::header;
use mcp::method;
use mcp::version::ProtocolVersion;
use policy::Permit;
use tokio::sync::OwnedSemaphorePermit;

use crate::back::http as back_http;
use crate::back::{Back, BackFailure, Mandate, Outgoing, Reply};
use crate::body::Body;
use crate::connect::{self, ask};
use crate::door::Door;
use crate::era::agent::Agent;
use crate::era::{DeclaredClient, legacy_caller, modern_caller};
use crate::exchange::{End, Exchange};
use crate::layers::media_types::{accepts, json_both_ways};
use crate::layers::session::Session;
use crate::layers::{authorize, body_limit, rate_limit};
use crate::lists::{self, Rewrite};
use crate::principal::{CallerToken, Principal};
use crate::refusal::Refusal;
use crate::relay::{self, Homeward};
use crate::table::{Server, Table};
use crate::tasks::{self, NoSuchTask, Tasks};
use crate::underway::Conversation;

/// One request for `/mcp/<name>`: always answered, always recorded.
pub(crate) async fn answer(
    door: &Arc<Door>,
    table: &Table,
    server: &Arc<Server>,
    request: &mut Request<Incoming>,
    address: IpAddr,
) -> Response<Body> {
    let mut exchange = Exchange::open(door, server, address, request.headers());
    let request_id = HeaderValue::try_from(exchange.request_id());
    let outcome = road(door, table, server, request, address, &mut exchange).await;
    let mut response = way_home(outcome, exchange);
    if let Ok(request_id) = request_id {
        response.headers_mut().insert(REQUEST_ID, request_id);
    }
    response
}

fn way_home(outcome: Result<Homeward, Refusal>, exchange: Exchange) -> Response<Body> {
    let refused = match outcome {
        Ok(homeward) => match relay::respond(homeward, exchange) {
            Ok(response) => return response,
            Err(refused) => *refused,
        },
        Err(refusal) => (refusal, exchange),
    };
    let (refusal, mut exchange) = refused;
    exchange.refused(&refusal);
    let response = exchange.rescue(&refusal);
    let outcome = match &refusal {
        Refusal::Back(BackFailure::Cancelled) => Outcome::Cancelled,
        denial if denial.is_denial() => Outcome::Denied,
        _ => Outcome::Error,
    };
    let bytes_out = http_body::Body::size_hint(response.body()).exact().unwrap_or_default();
    exchange.close(End { status: response.status().as_u16(), outcome, bytes_out });
    response
}

async fn road(
    door: &Arc<Door>,
    table: &Table,
    server: &Arc<Server>,
    request: &mut Request<Incoming>,
    address: IpAddr,
    exchange: &mut Exchange,
) -> Result<Homeward, Refusal> {
    let limits = &table.config.limits;
    body_limit::headers_within(request.headers(), limits.header_bytes)?;
    door.address_quotas.spend(address, limits.per_address, door.clock.monotonic_nanoseconds())?;
    exchange.takes(door.place()?);
    door.can_record(table)?;
    let (principal, token) = door.authenticator.authenticate(request, server, table.generation, address).await?;
    exchange.caller_is(&principal);
    let call = Call { door, table, server, principal, token: token.map(Arc::new) };
    match *request.method() {
        Method::POST => call.post(request, exchange).await,
        Method::GET => call.listen(request.headers(), exchange).await,
        Method::DELETE => call.end(request.headers(), exchange).await,
        _ => Err(Refusal::MethodNotAllowed { allow: ALLOWED }),
    }
}

/// A caller who is in, at one server.
struct Call<'a> {
    door: &'a Arc<Door>,
    table: &'a Table,
    server: &'a Arc<Server>,
    principal: Arc<Principal>,
    /// Their own token, where the server is to get one for it.
    token: Option<Arc<CallerToken>>,
}

impl Call<'_> {
    async fn post(&self, request: &mut Request<Incoming>, exchange: &mut Exchange) -> Result<Homeward, Refusal> {
        json_both_ways(request.headers())?;
        let body = body_limit::read(request, self.table.config.limits.body_bytes, self.table.config.timeouts.request_body).await?;
        let headers = request.headers();
        exchange.received(&body);
        let envelopes = Envelopes::parse(&body);
        let calls = match &envelopes {
            Ok(Envelopes::Single(message)) => {
                exchange.concerns(message);
                1
            }
            Ok(Envelopes::Batch(messages)) => {
                exchange.concerns_all(messages);
                messages.len()
            }
            Err(_) => 1,
        };
        self.spend(calls)?;
        match envelopes? {
            Envelopes::Single(message) => self.single(&message, &body, headers, exchange).await,
            Envelopes::Batch(messages) => Box::pin(self.batch(&messages, &body, headers, exchange)).await,
        }
    }

    /// Before anything is decided: what is forbidden or unreadable costs its caller as much as what is allowed.
    fn spend(&self, calls: usize) -> Result<(), Refusal> {
        let now = self.door.clock.monotonic_nanoseconds();
        (0..calls).try_for_each(|_| rate_limit::spend(&self.principal, self.table.config.limits.per_subject, now))
    }

    async fn single(&self, message: &Message<'_>, body: &Bytes, headers: &HeaderMap, exchange: &mut Exchange) -> Result<Homeward, Refusal> {
        let wire = Headers::from_map(headers).and_then(|headers| era::classify(&headers, message)).map_err(Refusal::Wire)?;
        if let Some(version) = wire.version {
            exchange.speaks(version.as_str());
        }
        if let Some(method) = message.method() {
            era::require_method(wire.era, method).map_err(Refusal::Wire)?;
        }
        if wire.era == Era::Modern && tasks::are_undeclared(message) {
            return Err(Refusal::TasksUndeclared);
        }
        let subject = authorize::subject(self.server, &self.principal, message)?;
        let about = subject.as_ref().map_or_else(|| Arc::clone(self.server), |(member, _)| Arc::clone(member));
        if let Some(subject) = subject {
            exchange.is_about(subject);
        }
        let permit = authorize::authorize(self.server, &self.principal, message)?;
        exchange.allowed(&permit);
        let inward = self.inward(message, wire.era)?;
        match &inward {
            None => self.carry(message, body, headers, &Judgement { wire, permit, about }, exchange).await,
            Some(body) => {
                let message = Message::parse(body).map_err(Refusal::Envelope)?;
                self.carry(&message, body, headers, &Judgement { wire, permit, about }, exchange).await
            }
        }
    }

    /// The message with the server's own ids of tasks in the places of the caller's. Tasks of the legacy era belong to their sessions.
    fn inward(&self, message: &Message<'_>, era: Era) -> Result<Option<Bytes>, Refusal> {
        if era == Era::Legacy || matches!(self.server.back, Back::Merged(_)) {
            return Ok(None);
        }
        let tasks = Tasks { ids: &self.door.task_ids, server: self.server.name.as_str(), caller: &self.principal.key };
        tasks.inward(message).map_err(|NoSuchTask| Refusal::UnknownTarget)
    }

    async fn carry(
        &self,
        message: &Message<'_>,
        body: &Bytes,
        headers: &HeaderMap,
        judgement: &Judgement,
        exchange: &mut Exchange,
    ) -> Result<Homeward, Refusal> {
        let Judgement { wire, permit, about } = judgement;
        let session = match wire.era {
            Era::Legacy if message.method() != Some("initialize") => self.session(headers).await?,
            Era::Legacy | Era::Modern => None,
        };
        let version =
            wire.version.or(session.as_deref().map(|session| session.version)).or_else(|| asked_version(message)).unwrap_or(ASSUMED);
        exchange.speaks(version.as_str());
        if wire.era == Era::Legacy {
            self.follow(message, session.as_deref(), exchange);
        }
        let rewrite = lists::rewrite_for(self.server, message);
        let people = about.people();
        if people.is_some() {
            exchange.opens_urls(opens_urls(message, version, session.as_deref()));
        }
        let without_our_answer = people.and_then(|_| ask::without_our_answer(body, message));
        let outgoing = Outgoing {
            body: without_our_answer.as_ref().unwrap_or(body),
            message,
            version,
            version_declared: wire.version.is_some(),
            session: session.as_deref(),
            mandate: self.mandate(permit),
            headers,
        };
        let people = people.map(|people| (people, self.door.clock.unix_milliseconds()));
        let passed = match (self.pass(&outgoing, rewrite.is_some()).await, people) {
            (Err(BackFailure::NotConnected), Some((people, asked_at))) if ask::says_yes(message) => {
                Box::pin(self.wait_for(people, asked_at, exchange)).await?;
                self.pass(&outgoing, rewrite.is_some()).await
            }
            (outcome, _) => outcome,
        };
        let Passed { reply, client } = passed?;
        let session = if outgoing.opens_session() { self.open_session(&reply, client, message, exchange) } else { None };
        let stream_place = if message.method() == Some("subscriptions/listen") { Some(self.stream_place()?) } else { None };
        Ok(Homeward { reply, session, rewrite, stream_place })
    }

    /// To the server in the caller's own era, or across to the other.
    async fn pass(&self, outgoing: &Outgoing<'_>, whole: bool) -> Result<Passed, BackFailure> {
        if outgoing.session.is_some_and(|session| session.client.is_some()) {
            return Box::pin(self.cross(outgoing)).await;
        }
        match self.server.back.pass(outgoing, whole).await {
            Err(BackFailure::ImpossiblePair { .. }) => Box::pin(self.cross(outgoing)).await,
            outcome => outcome.map(|reply| Passed { reply, client: None }),
        }
    }

    async fn cross(&self, outgoing: &Outgoing<'_>) -> Result<Passed, BackFailure> {
        let crossing = &self.server.crossing;
        let agent = self.agent(outgoing.mandate.permit, outgoing.headers);
        let (reply, client) = if outgoing.version.is_modern() {
            (modern_caller::carry(crossing, agent, outgoing.body, outgoing.headers).await?, None)
        } else if outgoing.opens_session() {
            let client = DeclaredClient::of(outgoing.message);
            (legacy_caller::open(crossing, agent, outgoing.body, &client).await?, Some(client))
        } else {
            let caller = crossing.caller(outgoing.session);
            (legacy_caller::carry(crossing, agent, outgoing.body, caller, outgoing.version).await?, None)
        };
        Ok(Passed { reply, client })
    }

    fn agent(&self, permit: &Permit, headers: &HeaderMap) -> Agent {
        Agent {
            back: self.server.back.clone(),
            principal: Arc::clone(&self.principal),
            token: self.token.clone(),
            permit: permit.clone(),
            headers: back_http::trace_of(headers),
        }
    }

    /// GET: the stream on which a legacy server speaks first.
    async fn listen(&self, headers: &HeaderMap, exchange: &mut Exchange) -> Result<Homeward, Refusal> {
        exchange.concerns_method("session/listen");
        legacy_only(headers)?;
        if !accepts(headers, "text/event-stream") {
            return Err(Refusal::NotAcceptable);
        }
        let permit = authorize::authorize_method(self.server, &self.principal, "session/listen")?;
        exchange.allowed(&permit);
        let session = self.session(headers).await?;
        let place = self.stream_place()?;
        let crossing = &self.server.crossing;
        let reply = if session.as_deref().is_some_and(|session| session.client.is_some()) {
            legacy_caller::listen(crossing, self.agent(&permit, headers), crossing.caller(session.as_deref()))
        } else {
            self.server.back.listen(session.as_deref(), headers, self.mandate(&permit)).await?
        };
        // A resumed stream may bring the answer to a list that was asked on another one.
        let rewrite = (!self.server.rules.hides_nothing()).then_some(Rewrite::AnyList);
        Ok(Homeward { reply, session: None, rewrite, stream_place: Some(place) })
    }

    /// DELETE: ends a legacy session, here first, so that its id is dead whatever the upstream says.
    async fn end(&self, headers: &HeaderMap, exchange: &mut Exchange) -> Result<Homeward, Refusal> {
        exchange.concerns_method("session/end");
        legacy_only(headers)?;
        let permit = authorize::authorize_method(self.server, &self.principal, "session/end")?;
        exchange.allowed(&permit);
        let session = self.session(headers).await?.ok_or(Refusal::SessionMissing)?;
        if let Some(id) = header_text(headers, &header::SESSION_ID) {
            self.door.sessions.end(self.server.name.as_str(), &self.principal.key, id).await;
        }
        let reply = if session.client.is_some() {
            self.server.crossing.end(&session);
            ENDED
        } else {
            self.server.back.end(&session, self.mandate(&permit)).await?
        };
        Ok(Homeward { reply, session: None, rewrite: None, stream_place: None })
    }

    /// Waits for a person who has gone to connect. As with streams, so many at once for each caller, and none of them counts among the calls in flight.
    async fn wait_for(&self, people: &PerPerson, since: u64, exchange: &mut Exchange) -> Result<(), Refusal> {
        let _waiting = self.stream_place()?;
        exchange.gives_back();
        people.arrival(&connect::person(&self.principal), since, self.table.config.timeouts.call.min(PATIENCE)).await;
        exchange.takes(self.door.place()?);
        Ok(())
    }

    fn mandate<'m>(&'m self, permit: &'m Permit) -> Mandate<'m> {
        Mandate { principal: &self.principal, token: self.token.as_ref(), permit }
    }

    /// The caller's session, if the request names one.
    async fn session(&self, headers: &HeaderMap) -> Result<Option<Arc<Session>>, Refusal> {
        match header_text(headers, &header::SESSION_ID) {
            Some(id) => self.door.sessions.open(self.server.name.as_str(), &self.principal.key, id).await.map(Some),
            None if matches!(self.server.back, Back::Stdio(_)) => Err(Refusal::SessionMissing),
            None => Ok(None),
        }
    }

    /// Follows a legacy request until it is answered, or notes which one is taken back: before the server hears of either.
    fn follow(&self, message: &Message<'_>, session: Option<&Session>, exchange: &mut Exchange) {
        match (message.kind(), message.id()) {
            (Kind::Request, Some(id)) => exchange.follows(self.door.underway.follow(self.conversation(session), id)),
            _ => self.take_back(message, session),
        }
    }

    fn take_back(&self, message: &Message<'_>, session: Option<&Session>) {
        let is_cancellation = message.kind() == Kind::Notification && message.method() == Some(method::NOTIFICATIONS_CANCELLED);
        if let Some(id) = message.params().and_then(Params::request_id).filter(|_| is_cancellation) {
            self.door.underway.take_back(self.conversation(session), id);
        }
    }

    fn conversation<'a>(&'a self, session: Option<&'a Session>) -> Conversation<'a> {
        let session = session.map(|session| session.upstream.as_str());
        Conversation { server: self.server.name.as_str(), caller: &self.principal.key, session }
    }

    /// Long-lived streams are counted per caller.
    fn stream_place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.principal.standing.streams).try_acquire_owned().map_err(|_| Refusal::Busy)
    }

    /// The public id for the session that `initialize` opened, if the upstream keeps one.
    fn open_session(
        &self,
        reply: &Reply,
        client: Option<DeclaredClient>,
        message: &Message<'_>,
        exchange: &mut Exchange,
    ) -> Option<String> {
        if reply.is_error() {
            return None;
        }
        let agreed = match reply {
            Reply::Json { body, .. } => {
                Message::parse(body).ok().and_then(|answer| answer.result().and_then(|result| agreed_version(result.as_str())))
            }
            _ => None,
        };
        let version = agreed.or_else(|| asked_version(message)).unwrap_or(ASSUMED);
        exchange.speaks(version.as_str());
        let session = Session {
            upstream: reply.session()?.to_owned(),
            version,
            opened_at: self.door.clock.unix_seconds(),
            opens_urls: opens_urls(message, version, None),
            client,
        };
        self.door.sessions.seal(self.server.name.as_str(), &self.principal.key, &session)
    }
}

/// What is settled about a message before it goes on.
struct Judgement {
    wire: era::Envelope,
    permit: Permit,
    /// The server whose business it is.
    about: Arc<Server>,
}

/// What a server answered, and what its caller declared where the door keeps their session.
struct Passed {
    reply: Reply,
    client: Option<DeclaredClient>,
}

/// Whether the caller's client opens URLs for its person: a modern one says so with each message, a legacy one when it opens its session.
fn opens_urls(message: &Message<'_>, version: ProtocolVersion, session: Option<&Session>) -> bool {
    if version.is_modern() {
        return message.meta().and_then(Meta::client_capabilities).is_some_and(ask::opens_urls);
    }
    let declared = || message.params().and_then(Params::capabilities).is_some_and(ask::opens_urls);
    version >= ProtocolVersion::V2025_11_25 && session.map_or_else(declared, |session| session.opens_urls)
}

/// What `initialize` asks for. Nothing is agreed on yet, but this is what the caller's client understands.
fn asked_version(message: &Message<'_>) -> Option<ProtocolVersion> {
    let asked = message.params().filter(|_| message.method() == Some("initialize"))?.protocol_version()?;
    ProtocolVersion::parse(asked).filter(|version| !version.is_modern())
}

fn agreed_version(result: &str) -> Option<ProtocolVersion> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Agreed {
        protocol_version: String,
    }
    ProtocolVersion::parse(&serde_json::from_str::<Agreed>(result).ok()?.protocol_version)
}

/// Modern requests are POSTs only (2026-07-28, Streamable HTTP).
fn legacy_only(headers: &HeaderMap) -> Result<(), Refusal> {
    let wire = Headers::from_map(headers).and_then(|headers| era::classify_without_message(&headers)).map_err(Refusal::Wire)?;
    match wire.era {
        Era::Legacy => Ok(()),
        Era::Modern => Err(Refusal::MethodNotAllowed { allow: "POST" }),
    }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The answer to a DELETE.
const ENDED: Reply = Reply::Accepted { status: StatusCode::OK, session: None };
/// What a legacy caller without a version header and without a session speaks (2025-06-18, transports).
const ASSUMED: ProtocolVersion = ProtocolVersion::V2025_03_26;
/// For a person who is connecting just now. A client that waits longer asks again.
const PATIENCE: Duration = Duration::from_secs(90);
/// Under this name the caller can tell the operator which line of the record is meant.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ALLOWED: &str = "GET, POST, DELETE, OPTIONS";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_initializes_is_taken_at_the_revision_that_they_ask_for() {
        let asked = |method: &str, version: &str| {
            let params = format!(r#"{{"protocolVersion":"{version}","capabilities":{{"elicitation":{{"url":{{}}}}}}}}"#);
            let message = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
            let message = Message::parse(message.as_bytes()).unwrap();
            let version = asked_version(&message);
            (version, version.is_some_and(|version| opens_urls(&message, version, None)))
        };
        assert_eq!(asked("initialize", "2025-11-25"), (Some(ProtocolVersion::V2025_11_25), true));
        assert_eq!(asked("initialize", "2025-06-18"), (Some(ProtocolVersion::V2025_06_18), false), "it knows no URLs to open");
        assert_eq!(asked("initialize", "2026-07-28"), (None, false), "the modern revision has no `initialize`");
        assert_eq!(asked("initialize", "tomorrow"), (None, false));
        assert_eq!(asked("tools/call", "2025-11-25"), (None, false));
    }
}
