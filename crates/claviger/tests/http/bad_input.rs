//! Whatever comes in: the right status and code, one line in the record, one count, and a door that goes on.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Caller, Door, Key, Plan, Puppet, Request, Session};

/// A knock, and what it must come to.
struct Knock {
    what: &'static str,
    request: Request,
    status: u16,
    code: Option<i64>,
}

fn knock(what: &'static str, request: Request, status: u16, code: impl Into<Option<i64>>) -> Knock {
    Knock { what, request, status, code: code.into() }
}

const BODY_CAP: usize = 100_000;

async fn door() -> Door {
    let limits = format!("[limits]\nbody_bytes = {BODY_CAP}\nfailures_per_address = \"1000/min\"");
    Plan::both().await.section(&limits).open().await
}

fn of_the_issue(door: &Door, alice: &Caller, session: &Session) -> Vec<Knock> {
    let resource = door.resource();
    let good = alice.tool("test_simple_text", json!({}));
    let token =
        |header: &Value, claims: &Value| door.holder(&door.issuer.odd_token(&resource, header, claims)).tool("test_simple_text", json!({}));
    let unsigned = Key::p256().sign(&json!({"alg": "none"}), &door.issuer.claims(&resource, "mallory", ""));
    let confused =
        Key::Hmac(Key::rsa().public_rsa_forms().remove(0)).sign(&json!({"alg": "HS256"}), &door.issuer.claims(&resource, "mallory", ""));
    let stolen = session.stolen_by(&door.caller("mallory"));
    vec![
        knock("malformed JSON", good.clone().body("{\"jsonrpc\":"), 400, -32700),
        knock("a body over the cap", good.clone().body(vec![b' '; BODY_CAP + 1]), 413, None),
        knock(
            "a batch where none is allowed",
            good.clone().body("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}]"),
            400,
            -32600,
        ),
        knock("a header that differs from the body", good.clone().header("mcp-method", "tools/list"), 400, -32020),
        knock("no version", good.clone().without("mcp-protocol-version"), 400, -32020),
        knock(
            "an unknown version",
            alice.legacy(&crate::support::request_message("tools/list", json!({}))).header("mcp-protocol-version", "1999-12-31"),
            400,
            None,
        ),
        knock(
            "an unknown server",
            Caller { path: "/mcp/nobody".to_owned(), ..alice.clone() }.tool("test_simple_text", json!({})),
            404,
            None,
        ),
        knock("a token of another audience", token(&json!({}), &json!({"aud": "https://other.example/mcp"})), 401, None),
        knock("alg none", good.clone().token(&unsigned), 401, None),
        knock("HS256 signed with the public key", good.token(&confused), 401, None),
        knock("a foreign session id", stolen.tool("test_simple_text", json!({})), 404, None),
    ]
}

#[tokio::test]
async fn each_bad_input_of_the_list_is_answered_counted_and_recorded() {
    let door = door().await;
    let alice = door.caller("alice");
    let session = alice.session().await;
    let mut missing = Vec::new();
    for Knock { what, request, status, code } in of_the_issue(&door, &alice, &session) {
        let (before, refusals) = (denied(&door).len(), door.metrics().await.sum("claviger_refusals_total", &[]));
        let answer = request.send().await;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        let error = answer.message()["error"].clone();
        assert!(error["code"].is_i64() && error["message"].is_string(), "{what}: a JSON-RPC error: {answer:?}");
        assert!(code.is_none_or(|code| error["code"] == code), "{what}: {error}");
        if door.metrics().await.sum("claviger_refusals_total", &[]) == refusals {
            missing.push(format!("{what} is not counted"));
        }
        match denied_since(&door, before).await {
            None => missing.push(format!("{what} is not recorded")),
            Some(line) => {
                assert_eq!((&line["status"], &line["outcome"]), (&json!(status), &json!("denied")), "{what}: {line}");
                assert!(line["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{what}: {line}");
            }
        }
        assert_eq!(door.get("/health").send().await.status, 200, "{what}");
        assert_eq!(alice.hello().await.status, 200, "{what}: the next caller is served");
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

fn denied(door: &Door) -> Vec<Value> {
    door.recorded_calls().into_iter().filter(|line| line["decision"] == "deny").collect()
}

async fn denied_since(door: &Door, before: usize) -> Option<Value> {
    let recorded = async {
        loop {
            match denied(door).get(before) {
                Some(line) => return line.clone(),
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(1), recorded).await.ok()
}

/// A proxy that reads a message differently from the server behind it is the attack (CVE-2026-27896 and its kin).
#[tokio::test]
async fn what_two_parsers_could_read_in_two_ways_is_refused() {
    let puppet = Puppet::with_result(r#"{"content":[]}"#).await;
    let door = Plan::before(&puppet.url, "legacy").scopes(r#""allowed" = true, "denied" = false"#).open().await;
    let alice = door.caller("alice");
    let call = |inside: &str| format!(r#"{{"jsonrpc":"2.0","id":1,{inside}}}"#);
    let malicious = [
        (call(r#""method":"tools/call","params":{"name":"allowed","name":"denied"}"#), -32600),
        (call(r#""method":"tools/call","params":{"name":"allowed","Name":"denied"}"#), -32600),
        (call(r#""method":"tools/call","params":{"name":"allowed","NAME":"denied"}"#), -32600),
        (call(r#""method":"tools/call","params":{"name":"allowed","na\u006de":"denied"}"#), -32600),
        (call(r#""method":"tools/call","params":{"name":"allowed","name\u0000":"denied"}"#), -32600),
        (call(r#""method":"tools/call","params":{"name":"allowed","name ":"denied"}"#), -32600),
        (call(r#""method":"tools/call","params":{"name":"allowed"},"params":{"name":"denied"}"#), -32600),
        (call(r#""method":"tools/call","params":{"name":"allowed"},"Params":{"name":"denied"}"#), -32600),
        (call(r#""method":"tools/call","params":{"name":"allowed"},"param\u017f":{"name":"denied"}"#), -32600),
        (call(r#""method":"tools/list","method":"tools/call","params":{"name":"denied"}"#), -32600),
        (call(r#""method":"tools/list","METHOD":"tools/call","params":{"name":"denied"}"#), -32600),
        (call(r#""method":"tools/call","params":{"name":"allowed"},"extra":1"#), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list"}"#.to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#.to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}"#.to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":{"a":1},"method":"tools/list"}"#.to_owned(), -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"tools/list"}"#.to_owned(), -32600),
        (r#"{"id":1,"method":"tools/list"}"#.to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"denied"}}"#.to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","result":{}}"#.to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#.to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}"#.to_owned(), -32600),
        (format!("\u{feff}{}", call(r#""method":"tools/list""#)), -32700),
        (format!("{} {}", call(r#""method":"tools/list""#), call(r#""method":"tools/list""#)), -32700),
        (call(r#""method":"tools/list","params":{"a":01}"#), -32700),
        (call(r#""method":"tools/list","params":{"a":NaN}"#), -32700),
        (call("\"method\":\"tools/list\",\"params\":{\"a\":\"\n\"}"), -32700),
        (call(r#""method":"tools/list",/* comment */"params":{}"#), -32700),
        (call(r#""method":"tools/list",'params':{}"#), -32700),
        (String::new(), -32700),
        ("null".to_owned(), -32600),
        ("\"text\"".to_owned(), -32600),
        (call(&format!(r#""method":"tools/list","params":{}{}"#, r#"{"a":"#.repeat(500), "}".repeat(500))), -32600),
    ];
    for (body, code) in malicious {
        let answer = alice.post(body.clone()).send().await;
        let shown = &body[..body.len().min(200)];
        assert_eq!(answer.status, 400, "{shown}: {answer:?}");
        assert!(answer.error_code() == Some(code) || (body.contains("\"text\"") || body == "null"), "{shown}: {answer:?}");
    }
    let not_utf8 = [b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"".as_slice(), b"\xc0\xae", b"\"}"].concat();
    assert_eq!(alice.post(not_utf8).send().await.verdict(), (400, Some(-32700)));
    assert!(puppet.seen().is_empty(), "nothing of it reached the server: {:?}", puppet.seen().last());
}

#[tokio::test]
async fn error_answers_say_nothing_of_what_was_sent() {
    let door = door().await;
    let alice = door.caller("alice");
    let secret = "a-very-private-argument";
    let bodies = [
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"x","arguments":{{"a":"{secret}"}},"name":"y"}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"x","arguments":{{"a":"{secret}"}}"#),
        format!("<{secret}>"),
    ];
    for body in bodies {
        let answer = alice.post(body).send().await;
        assert_eq!(answer.status, 400);
        assert!(!answer.text().contains(secret), "{answer:?}");
    }
}

#[tokio::test]
async fn a_name_made_to_hurt_does_no_harm() {
    let door = door().await;
    let alice = door.caller("alice");
    for name in ["\u{1b}[2J\u{202e}evil", "x\ny\n{\"seq\":1}", "\"},{\"", "a\u{0}b", "../../etc/passwd", "' OR 1=1 --", "\u{1f600}"] {
        let encoded = format!("=?base64?{}?=", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, name));
        let answer = alice
            .tool("x", json!({}))
            .header("mcp-name", encoded)
            .body(crate::support::modern_message("tools/call", json!({ "name": name })).to_string())
            .send()
            .await;
        assert!(answer.message()["error"]["code"].is_i64(), "{name:?}: {answer:?}");
        let line = door.recorded(name, |line| line["tool"] == name).await;
        assert!(!line.to_string().contains('\u{1b}'));
    }
    let file = std::fs::read_to_string(door.state().join("audit/mcp_calls.jsonl")).unwrap();
    assert!(!file.contains(['\u{1b}', '\u{202e}']), "a terminal that shows the record stays as it is");
    assert_eq!(door.verify_record().await.code, Some(0));
}
