//! Does every reader understand an accepted message as we do, and does splicing keep its bytes?
//!
//! The input is one HTTP body.

#![no_main]

use claviger_fuzz::careless::{one_reading, text};
use libfuzzer_sys::fuzz_target;
use mcp::envelope::{Body, Kind, Message, Meta, Params};
use mcp::era::{Headers, classify};
use mcp::raw::RawJson;
use mcp::splice::splice;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

fuzz_target!(|body: &[u8]| {
    match Body::parse(body) {
        Err(_) => {}
        Ok(Body::Single(message)) => {
            assert_eq!(message.raw().as_bytes(), body);
            check(&message);
        }
        Ok(Body::Batch(messages)) => {
            let parts: Vec<&RawValue> = serde_json::from_slice(body).expect("a batch is an array");
            assert!(parts.iter().map(|part| part.get()).eq(messages.iter().map(Message::raw)));
            messages.iter().for_each(check);
        }
    }
});

fn check(message: &Message<'_>) {
    let raw = message.raw();
    assert!(serde_json::from_str::<IgnoredAny>(raw).is_ok(), "accepted, and not JSON");
    assert_eq!(one_reading(raw, "jsonrpc").and_then(text).as_deref(), Some("2.0"));
    assert_eq!(one_reading(raw, "method").map(text), message.method().map(|method| Some(method.to_owned())));
    same(raw, "result", message.result());
    same(raw, "error", message.error().map(mcp::envelope::ErrorObject::raw));
    check_id(message);
    check_error(message);
    assert_eq!(one_reading(raw, "params").is_some(), message.params().is_some());
    if let Some(params) = message.params() {
        same(raw, "params", Some(params.raw()));
        check_params(params);
    }
    check_kind(message);
    check_splices(message);
    // What is asked of every message afterwards must not panic.
    let _ = message.action_target();
    let _ = classify(&Headers::default(), message);
}

fn check_id(message: &Message<'_>) {
    match one_reading(message.raw(), "id") {
        Some("null") => assert!(message.id().is_none() && message.kind() == Kind::ErrorResponse),
        found => assert_eq!(found, message.id().map(RawJson::as_str)),
    }
    if let Some(id) = message.id() {
        assert_eq!(text(&id.canonical()), text(id.as_str()), "the canonical form is another id");
    }
}

fn check_error(message: &Message<'_>) {
    let Some(error) = message.error() else { return };
    let raw = error.raw().as_str();
    assert_eq!(one_reading(raw, "code").and_then(|code| code.parse().ok()), Some(error.code()));
    assert_eq!(one_reading(raw, "message").and_then(text).as_deref(), Some(error.message()));
    same(raw, "data", error.data());
}

fn check_params(params: &Params<'_>) {
    let raw = params.raw().as_str();
    same_text(raw, "name", params.name());
    same_text(raw, "uri", params.uri());
    same_text(raw, "taskId", params.task_id());
    same_text(raw, "level", params.level());
    same_text(raw, "protocolVersion", params.protocol_version());
    same(raw, "requestId", params.request_id());
    same(raw, "progressToken", params.progress_token());
    same(raw, "arguments", params.arguments());
    same(raw, "capabilities", params.capabilities());
    same(raw, "clientInfo", params.client_info());
    same(raw, "_meta", params.meta().map(Meta::raw));
    // Not read by us, and still not to be imitated.
    one_reading(raw, "requestState");
    one_reading(raw, "inputResponses");
    if let Some(meta) = params.meta() {
        check_meta(meta);
    }
    let reference = one_reading(raw, "ref").filter(|value| value.starts_with('{'));
    assert_eq!(reference.is_some(), params.reference().is_some());
    if let (Some(raw), Some(reference)) = (reference, params.reference()) {
        same_text(raw, "type", reference.kind());
        same_text(raw, "name", reference.name());
        same_text(raw, "uri", reference.uri());
    }
    let notifications = one_reading(raw, "notifications").filter(|value| value.starts_with('{'));
    let subscriptions = notifications.and_then(|value| one_reading(value, "resourceSubscriptions"));
    let subscriptions: Option<Option<Vec<String>>> =
        subscriptions.map(|uris| serde_json::from_str(uris).expect("a list of texts, or null"));
    assert_eq!(subscriptions.flatten().unwrap_or_default(), params.resource_subscriptions());
}

fn check_meta(meta: &Meta<'_>) {
    let raw = meta.raw().as_str();
    same_text(raw, "io.modelcontextprotocol/protocolVersion", meta.protocol_version());
    same_text(raw, "io.modelcontextprotocol/logLevel", meta.log_level());
    same_text(raw, "traceparent", meta.traceparent());
    same(raw, "io.modelcontextprotocol/clientCapabilities", meta.client_capabilities());
    same(raw, "io.modelcontextprotocol/clientInfo", meta.client_info());
    same(raw, "io.modelcontextprotocol/subscriptionId", meta.subscription_id());
    same(raw, "progressToken", meta.progress_token());
    one_reading(raw, "tracestate");
    one_reading(raw, "baggage");
}

fn check_kind(message: &Message<'_>) {
    let found = (message.method().is_some(), message.id().is_some(), message.result().is_some(), message.error().is_some());
    match message.kind() {
        Kind::Request => assert_eq!(found, (true, true, false, false)),
        Kind::Notification => assert_eq!(found, (true, false, false, false)),
        Kind::Response => assert_eq!(found, (false, true, true, false)),
        Kind::ErrorResponse => assert!(matches!(found, (false, _, false, true))),
    }
}

fn check_splices(message: &Message<'_>) {
    let raw = message.raw();
    let params = message.params();
    let tokens = [message.meta().and_then(Meta::progress_token), params.and_then(Params::request_id), message.id()];
    let others = [message.meta().map(Meta::raw), params.and_then(Params::name_raw), params.and_then(Params::uri_raw), message.result()];
    for part in tokens.into_iter().chain(others).flatten() {
        let edit = message.replace(part, part.as_str()).expect("the part is of this message");
        assert_eq!(splice(raw.as_bytes(), &[edit]), raw.as_bytes());
    }
    for part in tokens.into_iter().flatten() {
        let range = message.range_of(part).expect("the part is of this message");
        let edit = message.replace(part, "4711").expect("the part is of this message");
        let changed = splice(raw.as_bytes(), &[edit]);
        assert_eq!(changed, [&raw[..range.start], "4711", &raw[range.end..]].concat().as_bytes());
        let again = Message::parse(&changed).expect("an id for an id changes nothing else");
        assert_eq!((again.kind(), again.method()), (message.kind(), message.method()));
    }
}

fn same(object: &str, wanted: &str, ours: Option<RawJson<'_>>) {
    assert_eq!(one_reading(object, wanted), ours.map(RawJson::as_str), "{wanted}");
}

fn same_text(object: &str, wanted: &str, ours: Option<&str>) {
    assert_eq!(one_reading(object, wanted).and_then(text).as_deref(), ours, "{wanted}");
}
