//! There and back again: what both eras can say, and what neither knows, is the same bytes as before.

use proptest::prelude::*;

use super::super::{Untranslatable, to_legacy, to_modern};
use crate::arbitrary::{any_id, any_json};
use crate::entries::entries;
use crate::envelope::Message;
use crate::method::is_cacheable;
use crate::raw::RawJson;
use crate::version::ProtocolVersion::{self, V2025_03_26, V2025_06_18, V2025_11_25, V2026_07_28};

const METHODS: [&str; 8] = [
    "tools/call",
    "tools/list",
    "prompts/get",
    "prompts/list",
    "resources/read",
    "resources/templates/list",
    "completion/complete",
    "vendor/thing",
];

/// Names that no revision defines at these places, as they are written.
const STRANGE: [&str; 6] = [r#""x-vendor""#, r#""a\u002fb\"\\""#, r#""""#, r#""{,:""#, r#""été""#, r#""arguments""#];

const INFO: &str = r#"{"name":"n","version":"1"}"#;

/// Names that mean something in one era or in both.
const WORDS: [&str; 34] = [
    "_meta",
    "resultType",
    "ttlMs",
    "cacheScope",
    "tools",
    "content",
    "structuredContent",
    "messages",
    "inputRequests",
    "requestState",
    "inputResponses",
    "elicitations",
    "elicitationId",
    "mode",
    "url",
    "message",
    "method",
    "params",
    "type",
    "uri",
    "inputSchema",
    "outputSchema",
    "properties",
    "capabilities",
    "extensions",
    "tasks",
    "roots",
    "serverInfo",
    "progressToken",
    "x-mcp-header",
    "a",
    "io.modelcontextprotocol/serverInfo",
    "io.modelcontextprotocol/subscriptionId",
    "io.modelcontextprotocol/protocolVersion",
];

/// An object written by hand: these members in this order.
fn object(members: &[(String, String)], space: &str) -> String {
    let members: Vec<String> = members.iter().map(|(name, value)| format!("{space}{name}{space}:{space}{value}{space}")).collect();
    format!("{{{space}{}}}", members.join(","))
}

/// Some strange members, and perhaps one more that is given, in any order.
fn members(more: impl Strategy<Value = Option<(String, String)>>) -> impl Strategy<Value = Vec<(String, String)>> {
    let strange = prop::sample::subsequence(STRANGE.to_vec(), 0..=3)
        .prop_flat_map(|names| (Just(names.clone()), prop::collection::vec(any_json(), names.len())))
        .prop_map(|(names, values)| names.into_iter().map(str::to_owned).zip(values).collect::<Vec<_>>());
    (strange, more)
        .prop_map(|(mut members, more)| {
            members.extend(more);
            members
        })
        .prop_shuffle()
}

fn nothing() -> impl Strategy<Value = Option<(String, String)>> {
    Just(None)
}

/// An object with `_meta`, or without; its `_meta` has a progress token, or none.
fn with_meta() -> impl Strategy<Value = String> {
    let token = prop::option::of(any_id().prop_map(|token| (r#""progressToken""#.to_owned(), token)));
    let meta = (members(token), "[ \n]{0,1}").prop_map(|(members, space)| object(&members, &space));
    let meta = prop::option::of(meta.prop_map(|meta| (r#""_\u006deta""#.to_owned(), meta)));
    (members(meta), "[ \n\t]{0,2}").prop_map(|(members, space)| object(&members, &space))
}

/// The members of an object as written; an object that holds nothing counts as absent.
fn said(object: Option<&str>) -> Vec<(String, String)> {
    let members = object.map(|object| entries(object).unwrap()).unwrap_or_default();
    let read = members.into_iter().map(|(name, value)| {
        let value = if name == "_meta" { format!("{:?}", said(Some(value.as_str()))) } else { value.as_str().to_owned() };
        (name.into_owned(), value)
    });
    read.filter(|(name, value)| name != "_meta" || value != "[]").collect()
}

fn without(mut members: Vec<(String, String)>, names: &[&str]) -> Vec<(String, String)> {
    members.retain(|(name, _)| !names.contains(&name.as_str()));
    members
}

fn sorted(mut members: Vec<(String, String)>) -> Vec<(String, String)> {
    members.sort();
    members
}

fn params_of(message: &str) -> Vec<(String, String)> {
    let message = Message::parse(message.as_bytes()).unwrap();
    said(message.params().map(|params| params.raw().as_str()))
}

fn result_of(message: &str) -> Vec<(String, String)> {
    said(Message::parse(message.as_bytes()).unwrap().result().map(RawJson::as_str))
}

fn text(message: Result<Vec<u8>, Untranslatable>) -> String {
    String::from_utf8(message.unwrap()).unwrap()
}

fn written(message: &str) -> Message<'_> {
    Message::parse(message.as_bytes()).unwrap()
}

fn any_legacy() -> impl Strategy<Value = ProtocolVersion> {
    prop::sample::select(vec![V2025_03_26, V2025_06_18, V2025_11_25])
}

proptest! {
    #[test]
    fn a_legacy_request_comes_back(
        id in any_id(), other in any_id(), params in prop::option::of(with_meta()), method in prop::sample::select(METHODS.to_vec()),
        level in prop::option::of("[a-z]{1,9}"), informed: bool, retried: bool,
    ) {
        let params_text = params.as_ref().map(|params| format!(r#","params":{params}"#)).unwrap_or_default();
        let before = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"{params_text}}}"#);
        let stamp = to_modern::Stamp {
            version: V2026_07_28,
            capabilities: "{ \"roots\":{} }",
            client_info: informed.then_some(INFO),
            log_level: level.as_deref(),
        };
        let retry = to_modern::Retry { responses: "{}", state: Some(r#""\u0073""#) };
        let modern = text(to_modern::request(&written(&before), &other, &stamp, retried.then_some(&retry)));
        let message = written(&modern);
        let meta = message.meta().unwrap();
        prop_assert_eq!(message.id().unwrap().as_str(), other.as_str());
        prop_assert_eq!(meta.protocol_version(), Some("2026-07-28"));
        prop_assert_eq!(meta.client_capabilities().unwrap().as_str(), "{ \"roots\":{} }");
        prop_assert_eq!(meta.client_info().map(RawJson::as_str), informed.then_some(INFO));
        prop_assert_eq!(meta.log_level(), level.as_deref());
        prop_assert_eq!(message.params().unwrap().request_state().map(RawJson::as_str), retried.then_some(r#""\u0073""#));
        let back = text(to_legacy::request(&message, &id, None));
        prop_assert_eq!(written(&back).id().unwrap().as_str(), id.as_str());
        prop_assert_eq!(params_of(&back), params_of(&before));
    }

    #[test]
    fn a_progress_token_is_the_only_member_that_changes(id in any_id(), token in any_id(), params in with_meta()) {
        let before = format!(r#"{{"params":{params},"jsonrpc":"2.0","id":{id},"method":"vendor/thing"}}"#);
        let message = written(&before);
        let old = message.meta().and_then(crate::envelope::Meta::progress_token);
        let there = text(to_legacy::request(&message, &id, Some(&token)));
        let there = written(&there);
        let new = there.meta().and_then(crate::envelope::Meta::progress_token);
        prop_assert_eq!(new.map(RawJson::as_str), old.map(|_| token.as_str()));
        let back = text(to_legacy::request(&there, &id, old.map(RawJson::as_str)));
        prop_assert_eq!(params_of(&back), params_of(&before));
    }

    #[test]
    fn a_legacy_result_comes_back(
        id in any_id(), other in any_id(), result in with_meta(), method in prop::sample::select(METHODS.to_vec()),
        version in any_legacy(), informed: bool,
    ) {
        let before = format!(r#"{{"id":{id},"result":{result},"jsonrpc":"2.0"}}"#);
        let modern = text(to_modern::response(&written(&before), &other, method, informed.then_some(INFO)));
        let members = result_of(&modern);
        let value = |name: &str| members.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        prop_assert_eq!(value("resultType"), Some(r#""complete""#));
        prop_assert_eq!(value("ttlMs"), is_cacheable(method).then_some("0"));
        prop_assert_eq!(value("cacheScope"), is_cacheable(method).then_some(r#""private""#));
        prop_assert_eq!(modern.contains("io.modelcontextprotocol/serverInfo"), informed);
        let back = text(to_legacy::response(&written(&modern), &id, method, version));
        prop_assert_eq!(written(&back).id().unwrap().as_str(), id.as_str());
        prop_assert_eq!(result_of(&back), result_of(&before));
    }

    #[test]
    fn a_modern_result_comes_back(
        id in any_id(), mut members in members(nothing()), method in prop::sample::select(METHODS.to_vec()), version in any_legacy(),
        content in prop::collection::vec(any_json(), 0..3), at in any::<prop::sample::Index>(),
    ) {
        let words = [
            ("resultType", r#""complete""#.to_owned()),
            ("_meta", format!(r#"{{"io.modelcontextprotocol/serverInfo":{INFO},"a/b":[1.0]}}"#)),
            ("content", format!("[{}]", content.join(" , "))),
            ("structuredContent", r#"{"x":1.10}"#.to_owned()),
        ];
        for (name, value) in words {
            members.insert(at.index(members.len() + 1), (format!("\"{name}\""), value));
        }
        if is_cacheable(method) {
            members.insert(at.index(members.len() + 1), (r#""cacheScope""#.to_owned(), r#""public""#.to_owned()));
            members.insert(0, (r#""ttlMs""#.to_owned(), "60000".to_owned()));
        }
        let before = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#, object(&members, " "));
        let legacy = text(to_legacy::response(&written(&before), &id, method, version));
        for word in ["resultType", "ttlMs", "cacheScope", "io.modelcontextprotocol"] {
            prop_assert!(!legacy.contains(word), "{}", legacy);
        }
        let back = text(to_modern::response(&written(&legacy), &id, method, None));
        let compared = ["resultType", "ttlMs", "cacheScope", "_meta"];
        prop_assert_eq!(without(result_of(&back), &compared), without(result_of(&before), &compared));
        prop_assert!(back.contains(r#""a/b":[1.0]"#));
    }

    #[test]
    fn a_list_of_tools_keeps_every_keyword(schemas in prop::collection::vec((members(nothing()), members(nothing())), 0..4), version in any_legacy()) {
        let tools: Vec<String> = schemas.into_iter().enumerate().map(|(index, (mut schema, annotations))| {
            schema.push((r#""type""#.to_owned(), r#""object""#.to_owned()));
            let schema = object(&schema, " ");
            format!(r#"{{"name":"t{index}","inputSchema":{schema},"outputSchema":{schema},"annotations":{}}}"#, object(&annotations, ""))
        }).collect();
        let before = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{}]}}}}"#, tools.join(" ,"));
        let modern = text(to_modern::response(&written(&before), "1", "tools/list", Some(INFO)));
        let back = text(to_legacy::response(&written(&modern), "1", "tools/list", version));
        prop_assert_eq!(result_of(&back), result_of(&before));
    }

    #[test]
    fn a_legacy_notification_comes_back(subscription in any_id(), params in prop::option::of(with_meta())) {
        let params = params.map(|params| format!(r#","params":{params}"#)).unwrap_or_default();
        let before = format!(r#"{{"jsonrpc":"2.0","method":"notifications/vendor"{params}}}"#);
        let modern = text(to_modern::notification(&written(&before), &subscription));
        prop_assert_eq!(written(&modern).meta().unwrap().subscription_id().unwrap().as_str(), subscription.as_str());
        let back = text(to_legacy::notification(&written(&modern)));
        prop_assert!(!back.contains("subscriptionId"));
        prop_assert_eq!(params_of(&back), params_of(&before));
        let again = text(to_modern::notification(&written(&back), &subscription));
        prop_assert_eq!(sorted(params_of(&again)), sorted(params_of(&modern)));
    }

    #[test]
    fn an_error_keeps_its_words(id in any_id(), data in any_json(), words in any::<String>(), code in -32100_i64..-32000) {
        let error = |code: i64| format!(r#"{{"data":{data},"message":{},"code":{code}}}"#, serde_json::to_string(&words).unwrap());
        let before = format!(r#"{{"jsonrpc":"2.0","id":0,"error":{}}}"#, error(code));
        for answer in [
            text(to_modern::response(&written(&before), &id, "tools/call", Some(INFO))),
            text(to_legacy::response(&written(&before), &id, "tools/call", V2025_11_25)),
        ] {
            let message = written(&answer);
            prop_assert_eq!(message.id().unwrap().as_str(), id.as_str());
            prop_assert_eq!(message.error().unwrap().raw().as_str(), error(message.error().unwrap().code()));
        }
    }

    #[test]
    fn a_question_reaches_the_client_as_it_was_asked(key in any::<String>(), state in any::<String>(), params in members(nothing()), id in any_id()) {
        let params = object(&params, " ");
        let result = to_modern::input_required(&key, "elicitation/create", Some(&params), &state).unwrap();
        let wanted = to_legacy::InputRequired::read(RawJson::trusted(&result)).unwrap().unwrap();
        prop_assert_eq!(wanted.state.unwrap().decode_string().unwrap(), state);
        let request = wanted.requests.first().unwrap();
        prop_assert_eq!(request.key.as_ref(), key.as_str());
        let asked = text(to_legacy::question(request, &id, V2025_11_25));
        prop_assert_eq!(written(&asked).params().unwrap().raw().as_str(), params.as_str());
        let answers = to_legacy::input_responses(&[(&key, &params)]);
        prop_assert_eq!(entries(&answers).unwrap(), [(key.as_str().into(), RawJson::trusted(&params))]);
    }

    #[test]
    fn discovery_and_initialize_are_each_other(mut members in members(nothing()), capabilities in members(nothing()), version in any_legacy()) {
        members.push((r#""capabilities""#.to_owned(), object(&capabilities, " ")));
        let mut before = members.clone();
        before.push((r#""serverInfo""#.to_owned(), INFO.to_owned()));
        before.insert(0, (r#""protocolVersion""#.to_owned(), format!("\"{version}\"")));
        let before = object(&before, "");
        let discovery = to_modern::discovery(&before, &[V2026_07_28]).unwrap();
        let back = to_legacy::initialize_result(&discovery, version, "unused").unwrap();
        prop_assert_eq!(sorted(said(Some(&back))), sorted(said(Some(&before))));
    }
}

/// Members that mean something in one era or in both, with values that fit and values that do not.
fn meaningful() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any_json(),
        prop::sample::select(vec![
            r#""complete""#,
            r#""input_required""#,
            r#""object""#,
            r#""resource_link""#,
            r#""url""#,
            r#""\u0061""#,
            "true",
            "null",
            "{}",
            "[]",
            "0"
        ])
        .prop_map(str::to_owned),
    ];
    let name = prop::sample::select(WORDS.to_vec());
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            4 => prop::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|members| members.into_iter().map(|(name, value)| (format!("\"{name}\""), value)).collect::<Vec<_>>())
                .prop_shuffle()
                .prop_map(|members| object(&members, "")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_is_said_is_a_message_or_is_refused(value in meaningful(), method in prop::sample::select(METHODS.to_vec()), version in any_legacy(), code in prop::sample::select(vec![-32042, -32602, -32002, -32021])) {
        let stamp = to_modern::Stamp { version: V2026_07_28, capabilities: "{}", client_info: Some(INFO), log_level: Some("info") };
        let retry = to_modern::Retry { responses: "{}", state: Some("\"s\"") };
        let texts = [
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{value}}}"#),
            format!(r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{value}}}"#),
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{value}}}"#),
            format!(r#"{{"jsonrpc":"2.0","id":null,"error":{{"code":{code},"message":"","data":{value}}}}}"#),
        ];
        for text in &texts {
            let Ok(message) = Message::parse(text.as_bytes()) else { continue };
            let outcomes = [
                to_modern::request(&message, "2", &stamp, None),
                to_modern::request(&message, "2", &stamp, Some(&retry)),
                to_modern::response(&message, "2", method, Some(INFO)),
                to_modern::notification(&message, "2"),
                to_legacy::request(&message, "2", Some("3")),
                to_legacy::response(&message, "2", method, version),
                to_legacy::notification(&message),
            ];
            for outcome in outcomes.into_iter().flatten() {
                prop_assert!(Message::parse(&outcome).is_ok(), "{}", String::from_utf8_lossy(&outcome));
            }
            if let Some(result) = message.error().and_then(|error| to_modern::input_of_error(error, "s")) {
                prop_assert!(to_legacy::InputRequired::read(RawJson::trusted(&result)).unwrap().is_some());
            }
            if let Some(Ok(Some(wanted))) = message.result().map(to_legacy::InputRequired::read) {
                for request in &wanted.requests {
                    if let Ok(question) = to_legacy::question(request, "9", version) {
                        prop_assert!(Message::parse(&question).is_ok());
                    }
                }
            }
        }
        let results = [
            to_modern::discovery(&value, &[V2026_07_28]),
            to_modern::client_capabilities(&value),
            to_modern::input_required("k", "elicitation/create", Some(&value), "s"),
            to_legacy::initialize_result(&value, version, "n"),
            to_legacy::client_capabilities(&value),
        ];
        for result in results.into_iter().flatten() {
            prop_assert!(Message::parse(format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#).as_bytes()).is_ok(), "{}", result);
            prop_assert!(entries(&result).is_some());
        }
    }
}
