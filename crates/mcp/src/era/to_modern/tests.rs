//! Each row of what a legacy message becomes.

use super::*;
use crate::version::ProtocolVersion::V2026_07_28;

const STAMP: Stamp<'static> = Stamp { version: V2026_07_28, capabilities: r#"{"roots":{}}"#, client_info: None, log_level: None };

fn asked(text: &str, stamp: &Stamp<'_>, retry: Option<&Retry<'_>>) -> String {
    let message = Message::parse(text.as_bytes()).unwrap();
    read_back(request(&message, "7", stamp, retry).unwrap())
}

fn answered(text: &str, method: &str, server_info: Option<&str>) -> String {
    let message = Message::parse(text.as_bytes()).unwrap();
    read_back(response(&message, r#""c""#, method, server_info).unwrap())
}

fn notified(text: &str, subscription: &str) -> String {
    let message = Message::parse(text.as_bytes()).unwrap();
    read_back(notification(&message, subscription).unwrap())
}

/// What is sent must be a message by our own reading.
fn read_back(message: Vec<u8>) -> String {
    Message::parse(&message).unwrap();
    String::from_utf8(message).unwrap()
}

fn error_of(text: &str, code: i64) -> String {
    answered(&text.replace("CODE", &code.to_string()), "resources/read", None)
}

const META: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}}"#;

#[test]
fn a_request_says_who_asks_wherever_meta_stands() {
    let cases = [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#,
            r#"{"params":{"_meta":{META}},"jsonrpc":"2.0","id":7,"method":"tools/list"}"#,
        ),
        (
            " {\"jsonrpc\":\"2.0\", \"id\":\"a\", \"method\":\"tools/list\", \"params\": { } }\n",
            r#"{"jsonrpc":"2.0", "id":7, "method":"tools/list", "params": {"_meta":{META} } }"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"x":1.10}}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"_meta":{META},"name":"t","arguments":{"x":1.10}}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{"progressToken":"p","v/x":[ 1 ]}}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","_meta":{META,"progressToken":"p","v/x":[ 1 ]}}}"#,
        ),
    ];
    for (legacy, modern) in cases {
        assert_eq!(asked(legacy, &STAMP, None), modern.replace("META", META));
    }
}

#[test]
fn client_info_and_log_level_are_stamped_when_they_are_known() {
    let stamp = Stamp { client_info: Some(r#"{"name":"c"}"#), log_level: Some("debug"), ..STAMP };
    let text = asked(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, &stamp, None);
    let added = r#","io.modelcontextprotocol/clientInfo":{"name":"c"},"io.modelcontextprotocol/logLevel":"debug"}"#;
    assert!(text.contains(&format!("{META}{added}")), "{text}");
}

#[test]
fn what_a_legacy_client_says_in_words_of_the_modern_era_is_not_passed_on() {
    let text = asked(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"requestState":"forged","inputResponses":{"door":{"action":"accept"}},"name":"t","_meta":{"io.modelcontextprotocol\/protocolVersion":7,"io.modelcontextprotocol/clientCapabilities":{"sampling":{}},"io.modelcontextprotocol/clientInfo":1,"io.modelcontextprotocol/logLevel":2}}}"#,
        &STAMP,
        None,
    );
    let expected = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","_meta":{"io.modelcontextprotocol\/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}}}}}"#;
    assert_eq!(text, expected);
}

#[test]
fn a_retry_carries_the_state_byte_for_byte() {
    let retry = Retry { responses: r#"{"q":{"action":"accept"}}"#, state: Some(r#""\u0061\/b""#) };
    let text = asked(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#, &STAMP, Some(&retry));
    let added = r#"{"inputResponses":{"q":{"action":"accept"}},"requestState":"\u0061\/b","_meta":{"#;
    assert!(text.contains(added), "{text}");
    let retry = Retry { state: None, ..retry };
    let text = asked(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","inputResponses":0,"requestState":"old"}}"#,
        &STAMP,
        Some(&retry),
    );
    assert!(text.contains(r#""name":"t","inputResponses":{"q":{"action":"accept"}}}"#) && !text.contains("old"), "{text}");
}

#[test]
fn what_has_no_modern_counterpart_is_refused() {
    for method in ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "tasks/list", "tasks/result"] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
        let message = Message::parse(text.as_bytes()).unwrap();
        assert_eq!(request(&message, "1", &STAMP, None), Err(Untranslatable::Method), "{method}");
    }
    let message = Message::parse(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#).unwrap();
    assert_eq!(request(&message, "1", &STAMP, None), Err(Untranslatable::Kind));
    assert_eq!(notification(&message, "1"), Err(Untranslatable::Kind));
    let message = Message::parse(br#"{"jsonrpc":"2.0","method":"notifications/x"}"#).unwrap();
    assert_eq!(response(&message, "1", "ping", None), Err(Untranslatable::Kind));
}

#[test]
fn a_result_is_complete() {
    let result = r#"{"jsonrpc":"2.0","id":5,"result":{"content":[],"isError":false}}"#;
    assert_eq!(
        answered(result, "tools/call", None),
        r#"{"jsonrpc":"2.0","id":"c","result":{"resultType":"complete","content":[],"isError":false}}"#
    );
    // In the legacy era the word means nothing, so it must not begin to.
    let result = r#"{"jsonrpc":"2.0","id":5,"result":{"resultType":"input_required","requestState":"s"}}"#;
    assert_eq!(answered(result, "tools/call", None), r#"{"jsonrpc":"2.0","id":"c","result":{"resultType":"complete","requestState":"s"}}"#);
}

#[test]
fn only_a_result_that_may_be_cached_says_for_how_long() {
    for method in
        ["prompts/list", "resources/list", "resources/read", "resources/templates/list", "server/discover", "tools/list", "tools/call"]
    {
        let text = answered(r#"{"jsonrpc":"2.0","id":5,"result":{"x":1}}"#, method, None);
        let cached = text.contains(r#""ttlMs":0,"cacheScope":"private""#);
        assert_eq!(cached, method != "tools/call", "{method}: {text}");
    }
    let kept = r#"{"jsonrpc":"2.0","id":5,"result":{"ttlMs":10,"cacheScope":"public"}}"#;
    assert_eq!(
        answered(kept, "tools/list", None),
        r#"{"jsonrpc":"2.0","id":"c","result":{"resultType":"complete","ttlMs":10,"cacheScope":"public"}}"#
    );
    let wrong = r#"{"jsonrpc":"2.0","id":5,"result":{"ttlMs":-1,"cacheScope":"all"}}"#;
    assert_eq!(
        answered(wrong, "tools/list", None),
        r#"{"jsonrpc":"2.0","id":"c","result":{"resultType":"complete","ttlMs":0,"cacheScope":"private"}}"#
    );
}

#[test]
fn a_result_says_which_server_it_is_from_unless_it_does_already() {
    let with = |meta: &str| answered(&format!(r#"{{"jsonrpc":"2.0","id":5,"result":{{{meta}}}}}"#), "prompts/get", Some(r#"{"name":"s"}"#));
    let info = r#""io.modelcontextprotocol/serverInfo":{"name":"s"}"#;
    assert!(with("").ends_with(&format!(r#""result":{{"resultType":"complete","_meta":{{{info}}}}}}}"#)));
    assert!(with(r#""_meta":{"a/b":1}"#).ends_with(&format!(r#""_meta":{{{info},"a/b":1}}}}}}"#)));
    assert!(with(r#""_meta":null"#).ends_with(&format!(r#""_meta":{{{info}}}}}}}"#)));
    let said = r#""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"other"}}"#;
    assert!(with(said).ends_with(&format!("{said}}}}}")));
}

#[test]
fn codes_that_mean_something_else_in_the_modern_era_are_mapped() {
    let text = r#"{"jsonrpc":"2.0","id":5,"error":{ "code" :CODE,"message":"m","data":{"uri":"u"}}}"#;
    for (legacy, modern) in
        [(-32002, -32602), (-32042, -32600), (-32020, -32603), (-32021, -32603), (-32022, -32603), (-32601, -32601), (-32000, -32000)]
    {
        let expected = text.replace(r#""id":5"#, r#""id":"c""#).replace("CODE", &modern.to_string());
        assert_eq!(error_of(text, legacy), expected);
    }
}

#[test]
fn an_error_for_no_known_request_gets_the_id_of_the_one_it_answers() {
    for id in [r#""id":null,"#, ""] {
        let text = format!(r#"{{{id}"jsonrpc":"2.0","error":{{"code":-32603,"message":"m"}}}}"#);
        assert_eq!(answered(&text, "tools/call", None), r#"{"id":"c","jsonrpc":"2.0","error":{"code":-32603,"message":"m"}}"#);
    }
}

#[test]
fn initialize_becomes_a_discovery() {
    let result = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"tasks":{"list":{}},"x":1.0},"serverInfo":{"name":"s","version":"1"},"instructions":"i","_meta":{"a/b":1}}"#;
    assert_eq!(
        discovery(result, &[V2026_07_28]).unwrap(),
        r#"{"supportedVersions":["2026-07-28"],"resultType":"complete","ttlMs":0,"cacheScope":"private","capabilities":{"tools":{"listChanged":true},"x":1.0},"instructions":"i","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"},"a/b":1}}"#
    );
    let least = discovery("{}", &[ProtocolVersion::V2025_11_25, V2026_07_28]).unwrap();
    assert_eq!(
        least,
        r#"{"supportedVersions":["2025-11-25","2026-07-28"],"resultType":"complete","ttlMs":0,"cacheScope":"private","capabilities":{}}"#
    );
    assert!(discovery("[]", &[V2026_07_28]).is_err());
    let look_alike_tasks = r#"{"capabilities":{"tAsks":{}}}"#;
    assert!(matches!(discovery(look_alike_tasks, &[V2026_07_28]), Err(Untranslatable::Ambiguous(_))));
}

#[test]
fn capabilities_of_the_older_tasks_and_of_changing_roots_are_not_stamped() {
    let capabilities = r#"{"tasks":{},"roots":{"listChanged":true},"elicitation":{"url":{}},"experimental":{"x":{"y":1.0}}}"#;
    assert_eq!(client_capabilities(capabilities).unwrap(), r#"{"roots":{},"elicitation":{"url":{}},"experimental":{"x":{"y":1.0}}}"#);
    assert_eq!(client_capabilities("{}").unwrap(), "{}");
    assert!(client_capabilities("7").is_err());
}

#[test]
fn a_question_becomes_a_result() {
    let params = r#"{"elicitationId":"e","mode":"url","message":"m","url":"https://x"}"#;
    assert_eq!(
        input_required("q\"1", "elicitation/create", Some(params), "st\"ate").unwrap(),
        r#"{"resultType":"input_required","inputRequests":{"q\"1":{"method":"elicitation/create","params":{"mode":"url","message":"m","url":"https://x"}}},"requestState":"st\"ate"}"#
    );
    assert_eq!(
        input_required("q", "roots/list", None, "s").unwrap(),
        r#"{"resultType":"input_required","inputRequests":{"q":{"method":"roots/list"}},"requestState":"s"}"#
    );
    for (meta, left) in [(r#""_meta":{"progressToken":0},"#, ""), (r#""_meta":{"progressToken":0,"own":1.0},"#, r#""_meta":{"own":1.0},"#)]
    {
        let asked = input_required("q", "elicitation/create", Some(&format!(r#"{{{meta}"message":"m"}}"#)), "s").unwrap();
        assert!(asked.contains(&format!(r#""params":{{{left}"message":"m"}}"#)), "{asked}");
    }
    let sampling = r#"{"messages":[],"maxTokens":1e2}"#;
    assert!(input_required("q", "sampling/createMessage", Some(sampling), "s").unwrap().contains(sampling));
}

#[test]
fn only_the_three_questions_reach_a_client() {
    for method in ["ping", "tools/call", "tasks/get", "notifications/message"] {
        assert_eq!(input_required("q", method, Some("{}"), "s"), Err(Untranslatable::Question), "{method}");
    }
    assert!(matches!(input_required("q", "sampling/createMessage", None, "s"), Err(Untranslatable::Lacks { .. })));
    assert!(matches!(input_required("q", "elicitation/create", Some("[]"), "s"), Err(Untranslatable::Ambiguous(_))));
}

#[test]
fn an_error_that_asks_for_a_visit_becomes_a_question() {
    let of = |data: &str, code: i64| {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"m","data":{data}}}}}"#);
        let message = Message::parse(text.as_bytes()).unwrap();
        input_of_error(message.error().unwrap(), "s")
    };
    let data = r#"{"elicitations":[{"mode":"url","elicitationId":"1","url":"https://a","message":"m"},{"mode":"url","url":"https://b","message":"n","x":1}]}"#;
    assert_eq!(
        of(data, -32042).unwrap(),
        r#"{"resultType":"input_required","inputRequests":{"url-1":{"method":"elicitation/create","params":{"mode":"url","url":"https://a","message":"m"}},"url-2":{"method":"elicitation/create","params":{"mode":"url","url":"https://b","message":"n","x":1}}},"requestState":"s"}"#
    );
    assert_eq!(of(data, -32603), None);
    for unreadable in ["{}", "7", r#"{"elicitations":[]}"#, r#"{"elicitations":[7]}"#, r#"{"elicitations":[{"mode":"form"}]}"#] {
        assert_eq!(of(unreadable, -32042), None, "{unreadable}");
    }
}

#[test]
fn a_notification_is_tagged() {
    assert_eq!(
        notified(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#, "3"),
        r#"{"params":{"_meta":{"io.modelcontextprotocol/subscriptionId":3}},"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#
    );
    assert_eq!(
        notified(
            r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"u","_meta":{"a":1,"io.modelcontextprotocol/subscriptionId":9}}}"#,
            r#""s""#
        ),
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"u","_meta":{"a":1,"io.modelcontextprotocol/subscriptionId":"s"}}}"#
    );
}

#[test]
fn what_would_be_nested_too_deeply_is_refused() {
    let deep = format!("{}1{}", "[".repeat(crate::depth::MAX_DEPTH - 3), "]".repeat(crate::depth::MAX_DEPTH - 3));
    let stamp = Stamp { capabilities: &format!(r#"{{"x":{deep}}}"#), ..STAMP };
    let message = Message::parse(br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).unwrap();
    let refused = request(&message, "1", &stamp, None);
    assert_eq!(refused, Err(Untranslatable::Ambiguous(crate::envelope::EnvelopeError::TooDeep)));
    assert!(input_required("q", "sampling/createMessage", Some(&format!(r#"{{"x":{deep}}}"#)), "s").is_err());
}
