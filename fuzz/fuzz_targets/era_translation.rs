//! Does a message that is put in the words of the other era keep all else that it says, and have one reading?
//!
//! The input is the method that is answered on a line, then a message.

#![no_main]

use claviger_fuzz::careless::{members, one_reading, text};
use libfuzzer_sys::fuzz_target;
use mcp::envelope::{Kind, Message, Meta};
use mcp::era::Untranslatable;
use mcp::era::to_legacy::{self, InputRequired};
use mcp::era::to_modern::{self, Retry, Stamp};
use mcp::method::is_cacheable;
use mcp::raw::RawJson;
use mcp::version::{LEGACY, ProtocolVersion};

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let Some((method, body)) = input.split_once('\n') else { return };
    let Ok(message) = Message::parse(body.as_bytes()) else { return };
    match message.kind() {
        Kind::Request => check_request(&message),
        Kind::Notification => check_notification(&message),
        Kind::Response => check_result(&message, method),
        Kind::ErrorResponse => check_error(&message, method),
    }
});

fn check_request(message: &Message<'_>) {
    for retry in [None, Some(RETRY)] {
        let Ok(modern) = sent(to_modern::request(message, "4711", &STAMP, retry.as_ref())) else { continue };
        let again = to_modern::request(&read(&modern), "4711", &STAMP, retry.as_ref());
        assert_eq!(sent(again).as_ref(), Ok(&modern), "a second time there is nothing to do");
        let params = one_reading(&modern, "params").expect("a modern request has params");
        let meta = one_reading(params, "_meta").expect("a modern request has _meta");
        assert_eq!(one_reading(meta, VERSION), Some(r#""2026-07-28""#));
        assert_eq!(one_reading(meta, CAPABILITIES), Some(STAMP.capabilities));
        assert_eq!(one_reading(meta, CLIENT_INFO), STAMP.client_info);
        assert_eq!(one_reading(meta, LOG_LEVEL), Some(r#""info""#));
        assert_eq!(one_reading(params, "requestState"), retry.as_ref().and_then(|retry| retry.state));
        assert_eq!(one_reading(params, "inputResponses"), retry.as_ref().map(|retry| retry.responses));
        assert_eq!(said(&modern), said(message.raw()));
        let back = sent(to_legacy::request(&read(&modern), "1", None));
        // The legacy era has some methods less.
        assert!(back.is_err() || back.is_ok_and(|back| said(&back) == said(message.raw()) && is_legacy(&back)));
    }
    if let Ok(legacy) = sent(to_legacy::request(message, "1", Some("4711"))) {
        assert!(is_legacy(&legacy));
        let again = to_legacy::request(&read(&legacy), "1", Some("4711"));
        assert_eq!(sent(again).as_ref(), Ok(&legacy), "a second time there is nothing to do");
        let token = read(&legacy).meta().and_then(Meta::progress_token).map(|token| token.as_str().to_owned());
        assert_eq!(token.is_some(), message.meta().and_then(Meta::progress_token).is_some());
        assert!(token.is_none_or(|token| token == "4711"));
    }
}

fn check_notification(message: &Message<'_>) {
    if let Ok(modern) = sent(to_modern::notification(message, "4711")) {
        let tag = read(&modern).meta().and_then(Meta::subscription_id).map(|tag| tag.as_str().to_owned());
        assert_eq!(tag.as_deref(), Some("4711"));
        let plain = sent(to_legacy::notification(&read(&modern))).expect("what is tagged can be freed of it");
        assert!(read(&plain).meta().is_none_or(|meta| meta.subscription_id().is_none()));
        assert_eq!(sent(to_legacy::notification(message)).map(|plain| said(&plain)), Ok(said(&plain)));
    }
}

fn check_result(message: &Message<'_>, method: &str) {
    let result = message.result().expect("a response has a result");
    if let Ok(modern) = sent(to_modern::response(message, "4711", method, STAMP.client_info)) {
        let now = one_reading(&modern, "result").expect("a response has a result");
        assert_eq!(one_reading(now, "resultType"), Some(r#""complete""#));
        assert!(one_reading(one_reading(now, "_meta").expect("the server is named"), SERVER_INFO).is_some());
        assert_eq!(others(now), others(result.as_str()));
        assert_eq!(sent(to_modern::response(&read(&modern), "4711", method, STAMP.client_info)), Ok(modern), "nothing to do");
    }
    for version in LEGACY {
        let Ok(legacy) = sent(to_legacy::response(message, "4711", method, version)) else { continue };
        let now = one_reading(&legacy, "result").expect("a response has a result");
        assert_eq!(one_reading(now, "resultType"), None);
        assert!(!is_cacheable(method) || (one_reading(now, "ttlMs"), one_reading(now, "cacheScope")) == (None, None));
        match method {
            "tools/list" => check_tools(result.as_str(), now),
            "tools/call" => assert!(one_reading(now, "structuredContent").is_none_or(|value| value.starts_with('{'))),
            "prompts/get" => {}
            _ => assert_eq!(others(now), others(result.as_str())),
        }
        let again = to_legacy::response(&read(&legacy), "4711", method, version);
        assert_eq!(sent(again).as_ref(), Ok(&legacy), "a second time there is nothing to do");
        check_discovery(result.as_str(), version);
    }
    if let Ok(Some(wanted)) = InputRequired::read(result) {
        for request in &wanted.requests {
            let asked = LEGACY.into_iter().filter_map(|version| to_legacy::question(request, "7", version).ok());
            asked.for_each(|question| assert_eq!(read(text_of(&question)).method(), Some(&*request.method)));
            let params = request.params.map(RawJson::as_str);
            if let Ok(result) = to_modern::input_required(&request.key, &request.method, params, "state") {
                assert_eq!(one_reading(&result, "requestState"), Some(r#""state""#));
            }
        }
    }
}

/// The tools that stay are those that were, in their order, and each has the schema that a legacy client demands.
fn check_tools(before: &str, now: &str) {
    let mut were = items(before, "tools").into_iter();
    for tool in items(now, "tools") {
        let strip = |tool: &str| {
            let members = members(tool).expect("a tool that stays is an object");
            members
                .into_iter()
                .filter(|(name, _)| !name.ends_with("Schema"))
                .map(|(name, value)| (name, value.to_owned()))
                .collect::<Vec<_>>()
        };
        let stripped = strip(tool);
        assert!(were.any(|tool| members(tool).is_some() && strip(tool) == stripped), "a tool that was not there, or not here");
        if let Some(schema) = one_reading(tool, "outputSchema") {
            assert!(
                members(schema).is_some_and(|keywords| keywords
                    .iter()
                    .any(|(name, value)| name == "type" && text(value).as_deref() == Some("object")))
            );
        }
    }
}

fn check_discovery(result: &str, version: ProtocolVersion) {
    if let Ok(initialize) = to_legacy::initialize_result(result, version, "fallback") {
        assert_eq!(one_reading(&initialize, "protocolVersion").and_then(text).as_deref(), Some(version.as_str()));
        assert!(one_reading(&initialize, "serverInfo").is_some());
        let capabilities = one_reading(&initialize, "capabilities").expect("there are capabilities");
        assert_eq!(one_reading(capabilities, "extensions"), None);
        // A word that only resembles one of the other era's is refused.
        if let Ok(discovery) = to_modern::discovery(&initialize, &[ProtocolVersion::V2026_07_28]) {
            assert_eq!(one_reading(&discovery, "supportedVersions"), Some(r#"["2026-07-28"]"#));
        }
    }
    let said = [to_modern::client_capabilities(result), to_legacy::client_capabilities(result), to_modern::discovery(result, &LEGACY)];
    said.iter().flatten().for_each(|object| assert!(members(object).is_some()));
}

fn check_error(message: &Message<'_>, method: &str) {
    let error = message.error().expect("an error response has an error");
    let answers = [to_modern::response(message, "4711", method, None), to_legacy::response(message, "4711", method, LEGACY[2])];
    for answer in answers.map(|answer| sent(answer).expect("an error can always be said")) {
        let now = read(&answer);
        assert_eq!(now.id().map(RawJson::as_str), Some("4711"));
        let now = now.error().expect("it is an error still");
        assert_eq!((now.message(), now.data()), (error.message(), error.data()));
    }
    if let Some(result) = to_modern::input_of_error(error, "state") {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
        let result = read(&body).result().expect("it is a result");
        let wanted = InputRequired::read(result);
        // It may ask more than we would carry.
        assert!(wanted.is_err() || wanted.is_ok_and(|wanted| wanted.is_some_and(|wanted| !wanted.requests.is_empty())));
    }
}

/// What was made, which must be a message.
fn sent(made: Result<Vec<u8>, Untranslatable>) -> Result<String, Untranslatable> {
    made.map(|message| {
        let message = text_of(&message).to_owned();
        read(&message);
        message
    })
}

fn read(message: &str) -> Message<'_> {
    Message::parse(message.as_bytes()).expect("what we make is a message")
}

fn text_of(message: &[u8]) -> &str {
    std::str::from_utf8(message).expect("UTF-8 stays UTF-8")
}

/// What a request says in words of both eras, or of none, as written.
fn said(message: &str) -> Vec<(String, String)> {
    let Some(params) = one_reading(message, "params") else { return Vec::new() };
    let mut said = Vec::new();
    for (name, value) in members(params).expect("params are an object") {
        let inner = if name == "_meta" { members(value).expect("_meta is an object") } else { Vec::new() };
        said.extend(
            inner.iter().filter(|(name, _)| !STAMPS.contains(&name.as_str())).map(|(name, value)| (name.clone(), (*value).to_owned())),
        );
        if !["_meta", "inputResponses", "requestState"].contains(&name.as_str()) {
            said.push((name, value.to_owned()));
        }
    }
    said
}

fn is_legacy(message: &str) -> bool {
    let Some(params) = one_reading(message, "params") else { return true };
    let meta = one_reading(params, "_meta").unwrap_or("{}");
    let words = [VERSION, CAPABILITIES, CLIENT_INFO, LOG_LEVEL];
    one_reading(params, "inputResponses").or(one_reading(params, "requestState")).is_none()
        && words.into_iter().all(|word| one_reading(meta, word).is_none())
}

/// The members of a result that have no meaning in one era alone, as written.
fn others(result: &str) -> Vec<(String, &str)> {
    let words = ["resultType", "ttlMs", "cacheScope", "_meta"];
    members(result).expect("a result is an object").into_iter().filter(|(name, _)| !words.contains(&name.as_str())).collect()
}

fn items<'a>(result: &'a str, member: &str) -> Vec<&'a str> {
    let list = one_reading(result, member).unwrap_or("[]");
    let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(list).expect("a list that was translated is an array");
    items.into_iter().map(serde_json::value::RawValue::get).collect()
}

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
const STAMPS: [&str; 5] = [VERSION, CAPABILITIES, CLIENT_INFO, LOG_LEVEL, "io.modelcontextprotocol/subscriptionId"];

const STAMP: Stamp<'static> = Stamp {
    version: ProtocolVersion::V2026_07_28,
    capabilities: r#"{"roots":{}}"#,
    client_info: Some(r#"{"name":"n","version":"1"}"#),
    log_level: Some("info"),
};

const RETRY: Retry<'static> = Retry { responses: r#"{"k":{}}"#, state: Some(r#""\u0073""#) };
