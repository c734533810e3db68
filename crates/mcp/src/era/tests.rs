//! The order of the checks, one rule at a time.

mod round_trip;

use http::{HeaderMap, HeaderValue};

use super::{Envelope, Era, Headers, classify, classify_without_message, require_method};
use crate::envelope::Message;
use crate::header;
use crate::version::ProtocolVersion;
use crate::wire_error::{HeaderFault, WireError};

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn call(params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{{params}}}}}"#)
}

fn headers<'h>(version: &'h str, method: &'h str, name: &'h str) -> Headers<'h> {
    let given = |text: &'h str| (!text.is_empty()).then_some(text);
    Headers { version: given(version), method: given(method), name: given(name) }
}

fn judged(headers: Headers<'_>, text: &str) -> Result<Envelope, WireError> {
    classify(&headers, &Message::parse(text.as_bytes()).unwrap())
}

fn header_fault(header: &'static str, fault: HeaderFault) -> WireError {
    WireError::Header { header, fault }
}

#[test]
fn a_whole_modern_request_passes() {
    let envelope = judged(headers("2026-07-28", "tools/call", "echo"), &call(&format!(r#""name":"echo",{META}"#)));
    assert_eq!(envelope, Ok(Envelope { era: Era::Modern, version: Some(ProtocolVersion::V2026_07_28) }));
}

#[test]
fn a_base64_name_and_spaces_around_values_are_understood() {
    let text = call(&format!(r#""name":"é",{META}"#));
    assert!(judged(headers(" 2026-07-28\t", " tools/call ", " =?base64?w6k=?= "), &text).is_ok());
}

#[test]
fn each_broken_modern_rule_has_its_own_answer() {
    let whole = call(&format!(r#""name":"echo",{META}"#));
    let without_capabilities = call(r#""name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#);
    let version_is_a_number =
        call(r#""name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":2026,"io.modelcontextprotocol/clientCapabilities":{}}"#);
    let future = whole.replace("2026-07-28", "2099-01-01");
    let cases = [
        // Step 3 comes before the header comparison, even with a header that is right.
        (headers("2026-07-28", "", ""), call(r#""name":"echo""#), -32602, 400),
        (headers("2026-07-28", "", ""), without_capabilities.clone(), -32602, 400),
        (headers("", "", ""), without_capabilities, -32602, 400),
        (headers("2026-07-28", "", ""), version_is_a_number, -32602, 400),
        (headers("nonsense", "", ""), call(r#""name":"echo""#), -32602, 400),
        // Step 4 comes before step 5.
        (headers("", "tools/call", "echo"), whole.clone(), -32020, 400),
        (headers("2025-11-25", "tools/call", "echo"), whole.clone(), -32020, 400),
        (headers("2026-07-28", "tools/call", "echo"), future.clone(), -32020, 400),
        // Step 5 comes before step 6.
        (headers("2099-01-01", "", ""), future, -32022, 400),
        (headers("2025-11-25", "", ""), whole.replace("2026-07-28", "2025-11-25"), -32022, 400),
        // Step 6.
        (headers("2026-07-28", "", "echo"), whole.clone(), -32020, 400),
        (headers("2026-07-28", "Tools/Call", "echo"), whole.clone(), -32020, 400),
        (headers("2026-07-28", "tools/list", "echo"), whole.clone(), -32020, 400),
        (headers("2026-07-28", "tools/call", ""), whole.clone(), -32020, 400),
        (headers("2026-07-28", "tools/call", "Echo"), whole.clone(), -32020, 400),
        (headers("2026-07-28", "tools/call", "=?base64?!?="), whole.clone(), -32020, 400),
        (headers("2026-07-28", "tools/call", "=?base64?b3RoZXI=?="), whole, -32020, 400),
        (headers("2026-07-28", "tools/call", "echo"), call(META), -32020, 400),
        // Step 1: no response from a client.
        (headers("2026-07-28", "", ""), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.to_owned(), -32600, 400),
    ];
    for (given, text, code, status) in cases {
        let error = judged(given, &text).unwrap_err();
        assert_eq!((error.code(), error.status()), (code, status), "{given:?} {text}");
    }
}

#[test]
fn a_name_that_is_missing_on_both_sides_is_left_to_the_target() {
    let text = call(META);
    assert!(judged(headers("2026-07-28", "tools/call", ""), &text).is_ok());
    assert!(Message::parse(text.as_bytes()).unwrap().action_target().is_err());
}

#[test]
fn an_unserved_version_is_answered_with_what_is_served() {
    let text = call(&META.replace("2026-07-28", "2099-01-01"));
    let error = judged(headers("2099-01-01", "", ""), &text).unwrap_err();
    assert_eq!(error.data().unwrap(), r#"{"requested":"2099-01-01","supported":["2026-07-28"]}"#);
    let body = error.response(Message::parse(text.as_bytes()).unwrap().id());
    assert_eq!(Message::parse(&body).unwrap().id().unwrap().as_str(), "1");
}

#[test]
fn an_absurd_version_is_not_echoed_whole() {
    let long = "x".repeat(100_000);
    let error = judged(headers(&long, "", ""), &call(&META.replace("2026-07-28", &long))).unwrap_err();
    assert!(error.data().unwrap().len() < 200);
}

#[test]
fn resources_and_tasks_are_named_by_their_own_member() {
    for (method, member) in [("resources/read", "uri"), ("tasks/get", "taskId"), ("prompts/get", "name")] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"{member}":"x y",{META}}}}}"#);
        assert!(judged(headers("2026-07-28", method, "x y"), &text).is_ok(), "{method}");
        assert!(judged(headers("2026-07-28", method, "y"), &text).is_err(), "{method}");
    }
}

#[test]
fn a_modern_notification_needs_only_the_version_header() {
    let text = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(judged(headers("2026-07-28", "", ""), text).unwrap().era, Era::Modern);
    assert_eq!(judged(headers("2099-01-01", "", ""), text).unwrap_err().code(), -32022);
    let wrong = judged(headers("2026-07-28", "notifications/other", ""), text);
    assert_eq!(wrong, Err(header_fault("Mcp-Method", HeaderFault::Differs)));
}

#[test]
fn a_legacy_message_takes_its_version_from_the_header() {
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let legacy = |version| Ok(Envelope { era: Era::Legacy, version });
    assert_eq!(judged(headers("", "", ""), text), legacy(None));
    assert_eq!(judged(headers("2025-06-18", "", ""), text), legacy(Some(ProtocolVersion::V2025_06_18)));
    for wrong in ["2024-11-05", "2025-01-01", "1999-12-31"] {
        let error = judged(headers(wrong, "", ""), text).unwrap_err();
        assert_eq!((error.code(), error.status()), (-32600, 400), "{wrong}");
        assert!(error.data().unwrap().contains("2025-11-25"));
    }
}

#[test]
fn the_method_does_not_choose_the_era() {
    let initialize = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{{META}}}}}"#);
    let envelope = judged(headers("2026-07-28", "initialize", ""), &initialize).unwrap();
    assert_eq!(envelope.era, Era::Modern);
    let error = require_method(envelope.era, "initialize").unwrap_err();
    assert_eq!((error.code(), error.status()), (-32601, 404));
    assert_eq!(require_method(Era::Legacy, "initialize"), Ok(()));
    assert_eq!(require_method(Era::Modern, "tools/list"), Ok(()));
    let discover = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#;
    assert_eq!(judged(headers("", "", ""), discover).unwrap().era, Era::Legacy);
}

#[test]
fn a_request_without_a_body_goes_by_its_header() {
    let era = |version| classify_without_message(&headers(version, "", ""));
    assert_eq!(era("").unwrap(), Envelope { era: Era::Legacy, version: None });
    assert_eq!(era("2025-11-25").unwrap().era, Era::Legacy);
    assert_eq!(era("2026-07-28").unwrap().era, Era::Modern);
    assert_eq!(era("2099-01-01").unwrap_err().code(), -32022);
    assert_eq!(era("2024-11-05").unwrap_err().code(), -32600);
}

#[test]
fn a_header_that_stands_twice_or_is_not_ascii_is_refused() {
    let mut map = HeaderMap::new();
    map.append(header::NAME, HeaderValue::from_static("a"));
    assert_eq!(Headers::from_map(&map).unwrap().name, Some("a"));
    map.append(header::NAME, HeaderValue::from_static("b"));
    assert_eq!(Headers::from_map(&map).unwrap_err(), header_fault("Mcp-Name", HeaderFault::Repeated));
    let mut map = HeaderMap::new();
    map.append(header::METHOD, HeaderValue::from_bytes(b"tools/\xe9").unwrap());
    assert_eq!(Headers::from_map(&map).unwrap_err(), header_fault("Mcp-Method", HeaderFault::Undecodable));
}
