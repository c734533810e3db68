//! Each row of what a modern message becomes.

use super::*;
use crate::version::ProtocolVersion::{V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28};

const META: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}},"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/logLevel":"debug""#;

fn asked(text: &str, token: Option<&str>) -> String {
    let text = text.replace("META", META);
    let message = Message::parse(text.as_bytes()).unwrap();
    read_back(request(&message, "7", token).unwrap())
}

fn answered(result: &str, method: &str, version: ProtocolVersion) -> String {
    let text = format!(r#"{{"jsonrpc":"2.0","id":5,"result":{result}}}"#);
    let message = Message::parse(text.as_bytes()).unwrap();
    let answer = read_back(response(&message, "5", method, version).unwrap());
    answer.strip_prefix(r#"{"jsonrpc":"2.0","id":5,"result":"#).unwrap().strip_suffix('}').unwrap().to_owned()
}

fn refused(result: &str, method: &str) -> Untranslatable {
    let text = format!(r#"{{"jsonrpc":"2.0","id":5,"result":{result}}}"#);
    response(&Message::parse(text.as_bytes()).unwrap(), "5", method, V2025_11_25).unwrap_err()
}

/// What is sent must be a message by our own reading.
fn read_back(message: Vec<u8>) -> String {
    Message::parse(&message).unwrap();
    String::from_utf8(message).unwrap()
}

fn put(method: &str, params: Option<&str>, id: &str, version: ProtocolVersion) -> Result<String, Untranslatable> {
    let request = InputRequest { key: "k".into(), method: method.into(), params: params.map(RawJson::trusted) };
    question(&request, id, version).map(read_back)
}

fn read(result: &str) -> Result<Option<InputRequired<'_>>, Untranslatable> {
    InputRequired::read(RawJson::trusted(result))
}

#[test]
fn a_request_loses_what_only_its_era_says() {
    let cases = [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{META}}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"inputResponses":{"a":{}},"name":"t","requestState":"s","arguments":{"x":1.10},"_meta":{META}}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","arguments":{"x":1.10}}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"traceparent":"t",META,"v/x":[ 1 ]},"name":"t"}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"_meta":{"traceparent":"t","v/x":[ 1 ]},"name":"t"}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{}}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","_meta":{}}}"#,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"vendor/x"}"#, r#"{"jsonrpc":"2.0","id":7,"method":"vendor/x"}"#),
    ];
    for (modern, legacy) in cases {
        assert_eq!(asked(modern, Some("9")), legacy);
    }
}

#[test]
fn a_progress_token_is_exchanged_and_none_is_invented() {
    for token in ["1", r#""p""#] {
        let text =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t","_meta":{{META,"progressToken":{token}}}}}}}"#);
        assert!(asked(&text, Some("99")).ends_with(r#""_meta":{"progressToken":99}}}"#));
        assert!(asked(&text, None).ends_with(&format!(r#""_meta":{{"progressToken":{token}}}}}}}"#)));
    }
    assert!(!asked(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{META}}}"#, Some("99")).contains("99"));
}

#[test]
fn what_has_no_legacy_counterpart_is_refused() {
    for method in ["server/discover", "subscriptions/listen", "tasks/update"] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
        assert_eq!(request(&Message::parse(text.as_bytes()).unwrap(), "1", None), Err(Untranslatable::Method), "{method}");
    }
    let message = Message::parse(br#"{"jsonrpc":"2.0","method":"notifications/x"}"#).unwrap();
    assert_eq!(request(&message, "1", None), Err(Untranslatable::Kind));
    assert_eq!(response(&message, "1", "ping", V2025_11_25), Err(Untranslatable::Kind));
}

#[test]
fn a_result_loses_what_only_its_era_says() {
    let info = r#""io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}"#;
    let result =
        format!(r#"{{"resultType":"complete","ttlMs":5,"cacheScope":"public","_meta":{{{info}}},"prompts":[1.0],"nextCursor":"n"}}"#);
    assert_eq!(answered(&result, "prompts/list", V2025_11_25), r#"{"prompts":[1.0],"nextCursor":"n"}"#);
    let result = format!(r#"{{"_meta":{{"a/b":1,{info}}},"x":1}}"#);
    assert_eq!(answered(&result, "resources/read", V2025_11_25), r#"{"_meta":{"a/b":1},"x":1}"#);
    assert_eq!(answered(r#"{"resultType":"complete"}"#, "vendor/x", V2025_11_25), "{}");
}

#[test]
fn what_is_no_word_of_caching_elsewhere_stays() {
    let result = r#"{"ttlMs":5,"cacheScope":"mine","completion":{"values":[]}}"#;
    assert_eq!(answered(result, "completion/complete", V2025_11_25), result);
}

#[test]
fn a_result_that_is_not_complete_is_refused() {
    for result in [r#"{"resultType":"input_required","requestState":"s"}"#, r#"{"resultType":"task"}"#, r#"{"resultType":7}"#] {
        assert_eq!(refused(result, "tools/call"), Untranslatable::Incomplete, "{result}");
    }
    assert!(matches!(refused("[]", "tools/call"), Untranslatable::Ambiguous(_)));
    assert!(matches!(refused(r#"{"resultType":"complete","ResultType":"task"}"#, "tools/call"), Untranslatable::Ambiguous(_)));
    assert!(matches!(refused(r#"{"tools":7}"#, "tools/list"), Untranslatable::List(_)));
}

#[test]
fn codes_of_the_modern_era_become_plain_ones() {
    let cases = [
        (-32020, "tools/call", "{}", -32603),
        (-32022, "tools/call", r#"{"supported":["2026-07-28"]}"#, -32603),
        (-32021, "tools/call", r#"{"requiredCapabilities":{}}"#, -32600),
        (-32602, "resources/read", r#"{"uri":"u"}"#, -32002),
        (-32602, "resources/read", "{}", -32602),
        (-32602, "tools/call", r#"{"uri":"u"}"#, -32602),
        (-32601, "tools/call", "{}", -32601),
    ];
    for (modern, method, data, legacy) in cases {
        let text = |code: i64| format!(r#"{{"jsonrpc":"2.0","id":5,"error":{{"code": {code},"message":"m","data":{data}}}}}"#);
        let before = text(modern);
        let answer = response(&Message::parse(before.as_bytes()).unwrap(), "5", method, V2025_11_25).unwrap();
        assert_eq!(read_back(answer), text(legacy));
    }
}

#[test]
fn a_tool_whose_headers_cannot_be_made_leaves_the_list() {
    let tool = |name: &str, mark: &str| format!(r#"{{"name":"{name}","inputSchema":{{"type":"object","properties":{{"a":{mark}}}}}}}"#);
    let (plain, good) = (tool("plain", r#"{"type":"number"}"#), tool("good", r#"{"type":"string","x-mcp-header":"A"}"#));
    let bad = tool("bad", r#"{"type":"number","x-mcp-header":"A"}"#);
    let escaped = tool("escaped", r#"{"type":"string","\u0078-mcp-header":""}"#);
    let list = |tools: &[&String]| format!(r#"{{"tools":[{}]}}"#, tools.iter().map(|tool| tool.as_str()).collect::<Vec<_>>().join(","));
    for version in [V2025_03_26, V2025_06_18, V2025_11_25] {
        assert_eq!(answered(&list(&[&bad, &plain, &escaped, &good]), "tools/list", version), list(&[&plain, &good]));
    }
    assert_eq!(answered(&list(&[&bad, &escaped]), "tools/list", V2025_11_25), r#"{"tools":[]}"#);
}

#[test]
fn an_output_schema_whose_root_is_no_object_goes() {
    let input = r#""inputSchema":{"type":"object","$defs":{"a":{"if":true}}}"#;
    let with = |output: &str| answered(&format!(r#"{{"tools":[{{"name":"t",{input}{output}}}]}}"#), "tools/list", V2025_11_25);
    let kept = r#","outputSchema":{"type":"object","properties":{"a":{"anyOf":[true]}},"unevaluatedProperties":false}"#;
    assert_eq!(with(kept), format!(r#"{{"tools":[{{"name":"t",{input}{kept}}}]}}"#));
    for gone in [
        r#"{"type":"array","items":{}}"#,
        r#"{"anyOf":[{"type":"object"}]}"#,
        r#"{"type":["object","null"]}"#,
        "true",
        "{}",
        r#"{"type":"object","properties":[]}"#,
    ] {
        assert_eq!(with(&format!(r#","outputSchema":{gone}"#)), format!(r#"{{"tools":[{{"name":"t",{input}}}]}}"#), "{gone}");
    }
}

#[test]
fn properties_that_are_true_or_false_are_spelled_out() {
    let schema = |yes: &str, no: &str| format!(r#"{{"type":"object","properties":{{"a": {yes} ,"b":{no},"c":{{"not":true}}}}}}"#);
    let list = |schema: &str| format!(r#"{{"tools":[{{"name":"t","inputSchema":{schema},"outputSchema":{schema}}}]}}"#);
    let before = list(&schema("true", "false"));
    assert_eq!(answered(&before, "tools/list", V2025_06_18), list(&schema("{}", r#"{"not":{}}"#)));
}

#[test]
fn structured_content_that_is_no_object_goes_and_its_text_stays() {
    let object = r#"{"content":[],"structuredContent":{"a":1.0}}"#;
    assert_eq!(answered(object, "tools/call", V2025_11_25), object);
    let array = r#"{"content":[{"type":"text","text":"[1]"}],"structuredContent":[1]}"#;
    assert_eq!(answered(array, "tools/call", V2025_11_25), r#"{"content":[{"type":"text","text":"[1]"}]}"#);
    let alone = r#"{"structuredContent":["a"],"content":[ ]}"#;
    assert_eq!(answered(alone, "tools/call", V2025_11_25), r#"{"content":[{"type":"text","text":"[\"a\"]"}]}"#);
    assert_eq!(answered(r#"{"structuredContent":null}"#, "tools/call", V2025_11_25), r#"{"content":[{"type":"text","text":"null"}]}"#);
}

#[test]
fn a_link_is_a_text_where_there_are_no_links() {
    let link = r#"{"type":"resource_link","name":"n","uri":"a:\/\/b"}"#;
    let text = r#"{"type":"text","text":"a:\/\/b"}"#;
    let call = |block: &str| format!(r#"{{"content":[{{"type":"image"}},{block}]}}"#);
    let prompt = |block: &str| format!(r#"{{"messages":[{{"role":"user","content":{block}}}]}}"#);
    assert_eq!(answered(&call(link), "tools/call", V2025_03_26), call(text));
    assert_eq!(answered(&call(link), "tools/call", V2025_06_18), call(link));
    assert_eq!(answered(&prompt(link), "prompts/get", V2025_03_26), prompt(text));
    assert_eq!(answered(&prompt(link), "prompts/get", V2025_06_18), prompt(link));
}

#[test]
fn a_discovery_becomes_the_result_of_initialize() {
    let discovery = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"extensions":{"io.modelcontextprotocol/tasks":{}}},"instructions":"i","ttlMs":1,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1","x":1.0},"a/b":1}}"#;
    assert_eq!(
        initialize_result(discovery, V2025_06_18, "f").unwrap(),
        r#"{"protocolVersion":"2025-06-18","serverInfo":{"name":"s","version":"1","x":1.0},"capabilities":{"tools":{"listChanged":true}},"instructions":"i","_meta":{"a/b":1}}"#
    );
    for nobody in [r#"{"capabilities":{}}"#, r#"{"capabilities":{},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}}}"#] {
        assert_eq!(
            initialize_result(nobody, V2025_11_25, "f\"").unwrap(),
            r#"{"protocolVersion":"2025-11-25","serverInfo":{"name":"f\"","version":"unknown"},"capabilities":{}}"#
        );
    }
    assert_eq!(initialize_result(discovery, V2026_07_28, "f"), Err(Untranslatable::Version));
    assert!(matches!(initialize_result("{}", V2025_11_25, "f"), Err(Untranslatable::Lacks { .. })));
}

#[test]
fn extensions_are_not_said_to_a_legacy_server() {
    assert_eq!(client_capabilities(r#"{"extensions":{"a/b":{}},"sampling":{}}"#).unwrap(), r#"{"sampling":{}}"#);
}

#[test]
fn what_a_server_wants_to_know_is_read_in_order() {
    let result = r#"{"resultType":"input_required","inputRequests":{"b\u0021":{"method":"roots/list"},"a":{"method":"elicitation/create","params":{"x":1.0}}},"requestState":"\u0061"}"#;
    let wanted = read(result).unwrap().unwrap();
    let read_requests: Vec<_> =
        wanted.requests.iter().map(|request| (&*request.key, &*request.method, request.params.map(RawJson::as_str))).collect();
    assert_eq!(read_requests, [("b!", "roots/list", None), ("a", "elicitation/create", Some(r#"{"x":1.0}"#))]);
    assert_eq!(wanted.state.unwrap().as_str(), r#""\u0061""#);
    let again = read(r#"{"resultType":"input_required","requestState":"s"}"#).unwrap().unwrap();
    assert!(again.requests.is_empty());
    for other in ["{}", r#"{"resultType":"complete"}"#, r#"{"resultType":"task","inputRequests":7}"#, r#"{"resultType":7}"#] {
        assert!(read(other).unwrap().is_none(), "{other}");
    }
}

#[test]
fn what_a_server_wants_to_know_must_be_clear() {
    let with = |rest: &str| format!(r#"{{"resultType":"input_required"{rest}}}"#);
    for unclear in [
        "",
        r#","requestState":7"#,
        r#","inputRequests":[]"#,
        r#","inputRequests":{"a":{}}"#,
        r#","inputRequests":{"a":{"method":"roots/list","params":[]}}"#,
        r#","inputRequests":{"a":{"method":"roots/list","Method":"x"}}"#,
        r#","inputRequests":{"a":{"method":"roots/list"},"\u0061":{"method":"roots/list"}}"#,
    ] {
        assert!(read(&with(unclear)).is_err(), "{unclear}");
    }
    let many: Vec<String> = (0..65).map(|number| format!(r#""{number}":{{"method":"roots/list"}}"#)).collect();
    assert!(read(&with(&format!(r#","inputRequests":{{{}}}"#, many.join(",")))).is_err());
}

#[test]
fn a_question_is_put_as_a_legacy_server_puts_it() {
    let form = r#"{"mode":"form","message":"m","requestedSchema":{"type":"object","properties":{}}}"#;
    let with = |params: &str| format!(r#"{{"jsonrpc":"2.0","id":3,"method":"elicitation/create","params":{params}}}"#);
    assert_eq!(put("elicitation/create", Some(form), "3", V2025_11_25).unwrap(), with(form));
    assert_eq!(put("elicitation/create", Some(form), "3", V2025_06_18).unwrap(), with(&form.replace(r#""mode":"form","#, "")));
    let url = r#"{"mode":"url","message":"m","url":"https://x"}"#;
    let named = |id: &str| url.replace(r#"{"mode""#, &format!(r#"{{"elicitationId":{id},"mode""#));
    assert_eq!(put("elicitation/create", Some(url), "3", V2025_11_25).unwrap(), with(&named(r#""3""#)));
    assert!(put("elicitation/create", Some(url), r#""q\"7""#, V2025_11_25).unwrap().contains(&named(r#""q\"7""#)));
    assert_eq!(put("roots/list", None, "3", V2025_03_26).unwrap(), r#"{"jsonrpc":"2.0","id":3,"method":"roots/list"}"#);
}

#[test]
fn what_a_client_cannot_be_asked_is_refused() {
    let url = r#"{"mode":"url","message":"m","url":"https://x"}"#;
    assert_eq!(put("elicitation/create", Some(url), "3", V2025_06_18), Err(Untranslatable::Question));
    assert_eq!(put("elicitation/create", Some("{}"), "3", V2025_03_26), Err(Untranslatable::Question));
    assert_eq!(put("elicitation/create", Some(r#"{"mode":"voice"}"#), "3", V2025_11_25), Err(Untranslatable::Question));
    assert_eq!(put("elicitation/create", Some(r#"{"mode":7}"#), "3", V2025_11_25), Err(Untranslatable::Question));
    assert_eq!(put("tools/call", Some("{}"), "3", V2025_11_25), Err(Untranslatable::Question));
    assert!(matches!(put("sampling/createMessage", None, "3", V2025_11_25), Err(Untranslatable::Lacks { .. })));
}

#[test]
fn sampling_says_one_thing_at_a_time_to_older_clients() {
    let many = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"x":1.0},{"role":"user","content":{"type":"text","text":"c"}},{"role":"user","content":[]}],"maxTokens":1}"#;
    let single = r#"{"messages":[{"role":"user","content":{"type":"text","text":"a"},"x":1.0},{"role":"user","content":{"type":"text","text":"b"},"x":1.0},{"role":"user","content":{"type":"text","text":"c"}},{"role":"user","content":{"type":"text","text":""}}],"maxTokens":1}"#;
    assert!(put("sampling/createMessage", Some(many), "3", V2025_11_25).unwrap().ends_with(&format!("{many}}}")));
    assert!(put("sampling/createMessage", Some(many), "3", V2025_06_18).unwrap().ends_with(&format!("{single}}}")));
}

#[test]
fn the_result_of_a_tool_within_sampling_is_structured_as_an_object_or_not() {
    let with = |structured: &str| {
        format!(r#"{{"messages":[{{"role":"user","content":[{{"type":"tool_result","toolUseId":"u","content":[]{structured}}}]}}]}}"#)
    };
    let put = |params: &str| put("sampling/createMessage", Some(params), "3", V2025_11_25).unwrap();
    assert!(put(&with(r#","structuredContent":[1]"#)).ends_with(&format!("{}}}", with(""))));
    let object = with(r#","structuredContent":{"a":1}"#);
    assert!(put(&object).ends_with(&format!("{object}}}")));
}

#[test]
fn answers_are_given_under_their_keys_once() {
    assert_eq!(input_responses(&[]), "{}");
    let answers = [("a\"", r#"{"action":"accept"}"#), ("b", "{ }"), ("a\"", "7")];
    assert_eq!(input_responses(&answers), r#"{"a\"":{"action":"accept"},"b":{ }}"#);
}

#[test]
fn a_notification_loses_its_tag() {
    let plain = |text: &str| read_back(notification(&Message::parse(text.as_bytes()).unwrap()).unwrap());
    assert_eq!(
        plain(
            r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}}"#
        ),
        r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#
    );
    assert_eq!(
        plain(
            r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"u","_meta":{"io.modelcontextprotocol/subscriptionId":"s","a":1}}}"#
        ),
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"u","_meta":{"a":1}}}"#
    );
    let untagged = r#"{"jsonrpc":"2.0","method":"notifications/x","params":{"_meta":{}}}"#;
    assert_eq!(plain(untagged), untagged);
    let request = Message::parse(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).unwrap();
    assert_eq!(notification(&request), Err(Untranslatable::Kind));
}
