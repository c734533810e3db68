//! What the strict reading accepts, what it gives, and that splicing touches nothing else.

use proptest::prelude::*;

use super::{Body, EnvelopeError, Kind, MAX_BATCH, Message, Place, Target};
use crate::arbitrary::{any_id, any_json};
use crate::splice::splice;
use crate::wire_error::WireError;

fn refusal(text: &str) -> EnvelopeError {
    Message::parse(text.as_bytes()).unwrap_err()
}

#[test]
fn a_tool_call_gives_its_parts() {
    let text = r#" {"jsonrpc":"2.0","id":"a1","method":"tools/call","params":{"arguments":{"x":1.10},"name":"ec\u0068o","_meta":{"progressToken":7,"traceparent":"00-x","io.modelcontextprotocol/logLevel":"info"}}} "#;
    let message = Message::parse(text.as_bytes()).unwrap();
    assert_eq!(message.kind(), Kind::Request);
    assert_eq!(message.id().unwrap().as_str(), "\"a1\"");
    assert_eq!(message.method(), Some("tools/call"));
    assert_eq!(message.action_target(), Ok(Target::Tool("echo")));
    assert_eq!(message.raw(), text);
    let params = message.params().unwrap();
    assert_eq!(params.name_raw().unwrap().as_str(), r#""ec\u0068o""#);
    assert_eq!(params.arguments().unwrap().as_str(), r#"{"x":1.10}"#);
    assert!(params.raw().as_str().starts_with("{\"arguments\"") && params.raw().as_str().ends_with("}}"));
    let meta = message.meta().unwrap();
    assert_eq!(meta.progress_token().unwrap().as_str(), "7");
    assert_eq!((meta.traceparent(), meta.log_level()), (Some("00-x"), Some("info")));
    assert!(!meta.has_protocol_version());
}

#[test]
fn the_four_kinds_are_told_apart() {
    for (text, kind) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, Kind::Request),
        (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, Kind::Notification),
        (r#"{"jsonrpc":"2.0","id":1,"result":null}"#, Kind::Response),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m"}}"#, Kind::ErrorResponse),
        (r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"m","data":[]}}"#, Kind::ErrorResponse),
        (r#"{"jsonrpc":"2.0","error":{"code":-1,"message":"m"}}"#, Kind::ErrorResponse),
    ] {
        assert_eq!(Message::parse(text.as_bytes()).unwrap().kind(), kind, "{text}");
    }
}

#[test]
fn shapes_that_are_no_message_are_refused() {
    let cases = [
        (r#"{"jsonrpc":"2.0","id":1}"#, EnvelopeError::Unknowable),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, EnvelopeError::Contradiction),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""},"result":{}}"#, EnvelopeError::Contradiction),
        (r#"{"jsonrpc":"2.0","id":1,"params":{},"result":{}}"#, EnvelopeError::ParamsInResponse),
        (r#"{"jsonrpc":"2.0","result":{}}"#, EnvelopeError::ResultWithoutId),
        (r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"x"}}"#, EnvelopeError::RequestWithoutId),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, EnvelopeError::Method),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, EnvelopeError::NotAnObject(Place::Params)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#, EnvelopeError::NotAnObject(Place::Params)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":7}}"#, EnvelopeError::NotAnObject(Place::Meta)),
        (r#"{"jsonrpc":"2.0","id":1,"error":"no"}"#, EnvelopeError::NotAnObject(Place::Error)),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"m"}}"#, EnvelopeError::ErrorWithoutCode),
        (r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, EnvelopeError::Version),
        (r#"{"id":1,"method":"ping"}"#, EnvelopeError::Version),
        ("7", EnvelopeError::NotAnObject(Place::Envelope)),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["a",1]}}}"#,
            EnvelopeError::ResourceSubscriptions,
        ),
    ];
    for (text, error) in cases {
        assert_eq!(refusal(text), error, "{text}");
    }
}

#[test]
fn an_id_that_is_too_long_is_refused() {
    let text = |length| format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "x".repeat(length));
    assert!(Message::parse(text(510).as_bytes()).is_ok());
    assert_eq!(refusal(&text(511)), EnvelopeError::Id);
}

#[test]
fn endless_members_are_refused() {
    let members: Vec<String> = (0..300).map(|number| format!("\"m{number}\":0")).collect();
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x/y","params":{{{}}}}}"#, members.join(","));
    assert_eq!(refusal(&text), EnvelopeError::TooManyMembers(Place::Params));
}

#[test]
fn what_is_not_json_is_a_parse_error_and_the_rest_an_invalid_request() {
    assert_eq!(refusal("{").code(), -32700);
    assert_eq!(refusal("").code(), -32700);
    assert_eq!(refusal("\u{feff}{}").code(), -32700);
    assert_eq!(refusal("{} {}").code(), -32700);
    assert_eq!(Message::parse(b"\xff").unwrap_err().code(), -32700);
    assert_eq!(refusal("{}").code(), -32600);
}

#[test]
fn a_refused_name_is_shown_short_and_escaped() {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","\u0007{}":1}}"#, "z".repeat(500));
    let shown = refusal(&text).to_string();
    assert!(shown.contains("\\u{7}zzz") && shown.len() < 160, "{shown}");
}

#[test]
fn every_method_that_acts_on_something_has_a_target() {
    for (method, params, target) in [
        ("tools/call", r#"{"name":"t"}"#, Target::Tool("t")),
        ("prompts/get", r#"{"name":"p"}"#, Target::Prompt("p")),
        ("resources/read", r#"{"uri":"u"}"#, Target::Resource("u")),
        ("resources/subscribe", r#"{"uri":"u"}"#, Target::Resource("u")),
        ("resources/unsubscribe", r#"{"uri":"u"}"#, Target::Resource("u")),
        ("tasks/get", r#"{"taskId":"k"}"#, Target::Task("k")),
        ("tasks/update", r#"{"taskId":"k"}"#, Target::Task("k")),
        ("tasks/cancel", r#"{"taskId":"k"}"#, Target::Task("k")),
        ("tasks/result", r#"{"taskId":"k"}"#, Target::Task("k")),
        ("completion/complete", r#"{"ref":{"type":"ref/prompt","name":"p"}}"#, Target::Prompt("p")),
        ("completion/complete", r#"{"ref":{"type":"ref/resource","uri":"u"}}"#, Target::Resource("u")),
        ("tools/list", "{}", Target::None),
        ("vendor/thing", r#"{"name":"t","ref":"x","notifications":1}"#, Target::None),
    ] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        assert_eq!(Message::parse(text.as_bytes()).unwrap().action_target(), Ok(target), "{text}");
    }
}

#[test]
fn a_target_that_is_missing_or_no_string_is_invalid_params() {
    for (method, params, member) in [
        ("tools/call", "{}", "name"),
        ("tools/call", r#"{"name":7}"#, "name"),
        ("prompts/get", r#"{"uri":"x"}"#, "name"),
        ("resources/read", r#"{"name":"x"}"#, "uri"),
        ("tasks/cancel", r#"{"taskId":["x"]}"#, "taskId"),
        ("completion/complete", "{}", "ref"),
        ("completion/complete", r#"{"ref":{"type":"ref/tool","name":"x"}}"#, "ref.type"),
        ("completion/complete", r#"{"ref":{"type":"ref/prompt"}}"#, "ref.name"),
        ("completion/complete", r#"{"ref":{"type":"ref/resource"}}"#, "ref.uri"),
    ] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let message = Message::parse(text.as_bytes()).unwrap();
        let error = message.action_target().unwrap_err();
        assert_eq!(error, WireError::MissingParam { member }, "{text}");
        assert_eq!(error.code(), -32602);
    }
    let bare = Message::parse(br#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#).unwrap();
    assert_eq!(bare.action_target(), Err(WireError::MissingParam { member: "name" }));
}

#[test]
fn subscriptions_and_log_levels_are_read() {
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a:\/\/b","c"]}}}"#;
    let message = Message::parse(text.as_bytes()).unwrap();
    assert_eq!(message.params().unwrap().resource_subscriptions(), ["a://b", "c"]);
    let text = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":12,"level":"debug"}}"#;
    let message = Message::parse(text.as_bytes()).unwrap();
    assert_eq!(message.params().unwrap().request_id().unwrap().as_str(), "12");
    assert_eq!(message.params().unwrap().level(), Some("debug"));
}

#[test]
fn a_batch_is_read_message_by_message() {
    let text = br#" [{"jsonrpc":"2.0","id":1,"method":"ping"}, {"jsonrpc":"2.0","method":"notifications/initialized"}] "#;
    let Body::Batch(messages) = Body::parse(text).unwrap() else { panic!("a batch") };
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].raw(), r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    assert!(matches!(Body::parse(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#), Ok(Body::Single(_))));
}

#[test]
fn batches_have_limits() {
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let batch = |count| format!("[{}]", vec![ping; count].join(","));
    assert!(Body::parse(batch(MAX_BATCH).as_bytes()).is_ok());
    assert_eq!(Body::parse(batch(MAX_BATCH + 1).as_bytes()).unwrap_err(), EnvelopeError::TooLongBatch);
    assert_eq!(Body::parse(b"[ ]").unwrap_err(), EnvelopeError::EmptyBatch);
    let initialize = ping.replace("ping", "initialize");
    assert_eq!(Body::parse(format!("[{initialize}]").as_bytes()).unwrap_err(), EnvelopeError::InitializeInBatch);
    assert!(matches!(Body::parse(format!("{} x", batch(1)).as_bytes()), Err(EnvelopeError::Malformed { .. })));
}

proptest! {
    #[test]
    fn splicing_the_id_keeps_every_other_byte(id in any_id(), arguments in any_json(), space in "[ \n\t]{0,3}", id_last: bool) {
        let rest = format!("\"params\":{{\"name\":\"t\",\"arguments\":{arguments}}},\"method\":\"tools/call\"");
        let head = format!("{space}{{\"jsonrpc\":{space}\"2.0\",");
        let (before, after) = if id_last {
            (format!("{head}{rest},\"id\" : "), format!("{space}}}{space}"))
        } else {
            (format!("{head}\"id\":{space}"), format!("{space},{rest}}}"))
        };
        let text = format!("{before}{id}{after}");
        let message = Message::parse(text.as_bytes()).unwrap();
        let edit = message.replace(message.id().unwrap(), "4711").unwrap();
        let changed = splice(text.as_bytes(), &[edit]);
        prop_assert_eq!(String::from_utf8(changed.clone()).unwrap(), format!("{before}4711{after}"));
        let again = Message::parse(&changed).unwrap();
        let back = again.replace(again.id().unwrap(), id.as_str()).unwrap();
        prop_assert_eq!(splice(&changed, &[back]), text.as_bytes());
    }

    #[test]
    fn opaque_values_pass_unread(arguments in any_json(), extra in any_json()) {
        let text = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{{\"name\":\"t\",\"arguments\":{arguments},\"x-vendor\":{extra}}}}}");
        let message = Message::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(message.params().unwrap().arguments().unwrap().as_str(), arguments.as_str());
    }

    #[test]
    fn any_bytes_are_read_or_refused_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Body::parse(&bytes);
    }

    #[test]
    fn what_is_accepted_is_what_a_plain_parser_reads(name in "[a-zA-Z\\\\u0-9 ſK]{0,6}", value in any_json()) {
        let text = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{{\"name\":\"t\",\"{name}\":{value}}}}}");
        if let Ok(message) = Message::parse(text.as_bytes()) {
            let plain: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            // A parser that cannot hold what we passed over refuses; one that can reads the same name.
            prop_assert!(plain.is_null() || plain["params"]["name"] == message.params().unwrap().name().unwrap_or_default());
        }
    }
}
