//! What may a token do? Scopes for tools, prompts, resources and methods; one challenge names all that are needed.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{Answer, Door, Plan, Puppet, modern_message, over_http_and_stdio, request_message};

const RULES: &str = r#""test_echo" = ["echo:use", "echo:more"], "test_seen_headers" = "read", "test_wait" = false, "test_*" = "base""#;

async fn door() -> Door {
    Plan::both().await.scopes(RULES).line(r#"implies = { admin = "write", write = "read base" }"#).open().await
}

fn needs(answer: &Answer, scopes: &str, door: &Door) {
    assert_eq!(answer.status, 403, "{answer:?}");
    let challenge = answer.challenge();
    assert_eq!(challenge.param("error"), Some("insufficient_scope"));
    let named: BTreeSet<&str> = challenge.param("scope").unwrap().split(' ').collect();
    assert_eq!(named, scopes.split(' ').collect(), "all that are needed, in any order");
    let metadata = format!("{}/.well-known/oauth-protected-resource/mcp/fixture", door.public_url);
    assert_eq!(challenge.param("resource_metadata"), Some(metadata.as_str()));
    assert!(answer.message()["error"]["code"].is_i64(), "a JSON-RPC body too");
}

#[tokio::test]
async fn a_refusal_names_all_scopes_that_the_tool_needs_held_or_not() {
    let door = door().await;
    for held in ["", "echo:use", "echo:more", "base read"] {
        needs(&door.caller_with("alice", held).call("test_echo", json!({})).await, "echo:use echo:more", &door);
    }
    let answer = door.caller_with("alice", "echo:more echo:use").call("test_echo", json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_legacy_call_is_judged_the_same_way_inside_its_session() {
    let door = door().await;
    let alice = door.caller_with("alice", "base");
    let session = alice.session().await;
    assert_eq!(session.hello().await.status, 200);
    needs(&session.tool("test_echo", json!({})).send().await, "echo:use echo:more", &door);
    let stepped_up = session.stolen_by(&door.caller_with("alice", "base echo:use echo:more"));
    assert_eq!(stepped_up.tool("test_echo", json!({})).send().await.status, 200, "a new token goes on with the old session");
}

#[tokio::test]
async fn a_scope_that_implies_others_is_enough_to_the_end_of_the_chain() {
    let door = door().await;
    for (held, status) in [("read", 200), ("write", 200), ("admin", 200), ("base", 403), ("ADMIN", 403), ("administrator", 403)] {
        assert_eq!(door.caller_with("alice", held).call("test_seen_headers", json!({})).await.status, status, "{held}");
    }
}

/// Every scope that the operation needs, held or not and whatever it implies, and nothing more: the client adds what it has (protocol fact 16).
#[tokio::test]
async fn a_challenge_names_what_the_rule_says_even_where_held_scopes_imply_a_part_of_it() {
    let rules = r#""test_echo" = ["write", "audit"], "test_*" = "base""#;
    let door =
        Plan::both().await.scopes(rules).line(r#"implies = { admin = ["write", "audit"], write = "read", read = "base" }"#).open().await;
    for held in ["", "base", "read", "write", "audit", "base other"] {
        needs(&door.caller_with("alice", held).call("test_echo", json!({})).await, "write audit", &door);
    }
    for held in ["write audit", "admin", "audit write base other"] {
        assert_eq!(door.caller_with("alice", held).call("test_echo", json!({})).await.status, 200, "{held}: one authorization was enough");
    }
    needs(&door.caller_with("alice", "other").call("test_simple_text", json!({})).await, "base", &door);
}

#[tokio::test]
async fn a_tool_tells_of_missing_scopes_beside_the_challenge_where_it_is_told_to() {
    let door = Plan::both().await.scopes(RULES).line(r#"missing_scope = "challenge_and_result""#).open().await;
    let alice = door.caller_with("alice", "base read");
    let metadata = format!("{}/.well-known/oauth-protected-resource/mcp/fixture", door.public_url);
    let session = alice.session().await;
    for (call, is_modern) in [(alice.tool("test_echo", json!({})), true), (session.tool("test_echo", json!({})), false)] {
        let answer = call.send().await;
        assert_eq!((answer.status, answer.challenge().param("scope")), (403, Some("echo:more echo:use")), "{answer:?}");
        assert!(answer.asks_for_step_up(), "clients that read the header step up as ever");
        let (message, result) = (answer.message(), answer.result());
        assert_eq!((&message["id"], &result["isError"]), (&json!(1), &json!(true)));
        assert!(answer.tool_text().contains("`echo:more echo:use`"), "{message}");
        let challenge = json!({"error": "insufficient_scope", "scope": "echo:more echo:use", "resource_metadata": metadata});
        assert_eq!(result["_meta"]["claviger/insufficient_scope"], challenge);
        assert_eq!(result["resultType"].as_str(), is_modern.then_some("complete"));
    }
    let hopeless = alice.call("test_wait", json!({})).await;
    assert_eq!((hopeless.status, hopeless.asks_for_step_up()), (403, false));
    assert!(hopeless.error_code().is_some(), "what no scope cures stays an error: {hopeless:?}");
    let other = alice.modern("resources/read", json!({"uri": "test://static-text"})).send().await;
    assert!(other.status != 403 || other.error_code().is_some(), "what is no tool has no result of one: {other:?}");
}

#[tokio::test]
async fn what_no_scope_cures_is_a_plain_403() {
    let door = door().await;
    let everything = door.caller_with("alice", "admin write read base echo:use echo:more");
    for tool in ["test_wait", "greet", "no_such_tool"] {
        let answer = everything.call(tool, json!({})).await;
        assert_eq!(answer.status, 403, "{tool}: {answer:?}");
        assert!(!answer.asks_for_step_up(), "{tool}: a client would log in for ever");
        assert!(answer.message()["error"]["code"].is_i64());
    }
}

#[tokio::test]
async fn prompts_and_resources_have_scopes_of_their_own() {
    let rules = r#""prompt:test_simple_*" = "prompts", "resource:test://static-*" = "files", "*" = true"#;
    let door = Plan::both().await.scopes(rules).open().await;
    let alice = door.caller("alice");
    needs(&alice.modern("prompts/get", json!({"name": "test_simple_prompt"})).send().await, "prompts", &door);
    needs(&alice.modern("resources/read", json!({"uri": "test://static-text"})).send().await, "files", &door);
    let complete = json!({"ref": {"type": "ref/prompt", "name": "test_simple_prompt"}, "argument": {"name": "x", "value": "p"}});
    needs(&alice.modern("completion/complete", complete).send().await, "prompts", &door);
    let complete = json!({"ref": {"type": "ref/resource", "uri": "test://static-text"}, "argument": {"name": "x", "value": "p"}});
    needs(&alice.modern("completion/complete", complete).send().await, "files", &door);
    let session = alice.session().await;
    needs(&session.request("resources/subscribe", json!({"uri": "test://static-text"})).send().await, "files", &door);
    assert_eq!(alice.modern("resources/read", json!({"uri": "test://watched-resource"})).send().await.status, 200);
    let both = door.caller_with("alice", "prompts files");
    assert_eq!(both.modern("prompts/get", json!({"name": "test_simple_prompt"})).send().await.status, 200);
    assert_eq!(both.modern("resources/read", json!({"uri": "test://static-text"})).send().await.status, 200);
}

#[tokio::test]
async fn methods_can_be_closed_too() {
    let rules = r#""method:logging/setLevel" = "operate", "method:completion/*" = false, "*" = true"#;
    let door = Plan::both().await.scopes(rules).open().await;
    let session = door.caller("alice").session().await;
    needs(&session.request("logging/setLevel", json!({"level": "debug"})).send().await, "operate", &door);
    let complete = json!({"ref": {"type": "ref/prompt", "name": "test_simple_prompt"}, "argument": {"name": "x", "value": "p"}});
    let answer = session.request("completion/complete", complete).send().await;
    assert_eq!((answer.status, answer.asks_for_step_up()), (403, false));
    assert_eq!(session.hello().await.status, 200);
}

over_http_and_stdio! {
    async fn without_rules_every_good_token_may_do_everything(door: Door) {
        assert_eq!(door.caller("alice").call("test_echo", json!({})).await.status, 200);
        assert_eq!(door.caller("alice").modern("tools/list", json!({})).send().await.status, 200);
    }
}

/// The header may say an allowed tool in any disguise; the body decides, and a difference is refused.
#[tokio::test]
async fn a_denied_tool_cannot_be_smuggled_in_under_an_allowed_name() {
    let puppet = Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await;
    let door = Plan::before(&puppet.url, "modern").scopes(r#""allowed" = true, "denied" = "never""#).open().await;
    let alice = door.caller("alice");
    let call = alice.tool("denied", json!({}));
    // "allowed", in base64.
    for name in ["allowed", "=?base64?YWxsb3dlZA==?=", " allowed", "denied,allowed"] {
        let answer = call.clone().header("mcp-name", name).send().await;
        assert_eq!(answer.verdict(), (400, Some(-32020)), "{name}: {answer:?}");
    }
    for disguised in ["=?base64?ZGVuaWVk?=", "denied"] {
        assert_eq!(call.clone().header("mcp-name", disguised).send().await.status, 403, "{disguised}");
    }
    let both = alice.tool("allowed", json!({})).also("mcp-name", "denied").send().await;
    assert_eq!(both.verdict(), (400, Some(-32020)));
    let duplicate = modern_message("tools/call", json!({"name": "allowed"})).to_string().replacen(
        r#""name":"allowed""#,
        r#""name":"allowed","name":"denied""#,
        1,
    );
    assert_eq!(alice.tool("allowed", json!({})).body(duplicate).send().await.status, 400);
    let legacy = request_message("tools/call", json!({"name": "denied"})).to_string();
    assert_eq!(alice.post(legacy).header("mcp-name", "allowed").send().await.status, 403, "headers mean nothing to a legacy call");
    assert!(puppet.seen().is_empty(), "nothing of it reached the server");
    assert_eq!(alice.tool("allowed", json!({})).send().await.status, 200);
}

#[tokio::test]
async fn a_tool_named_by_nothing_or_by_something_else_than_text_is_refused() {
    let puppet = Puppet::with_result(r#"{"content":[]}"#).await;
    let door = Plan::before(&puppet.url, "modern").scopes(r#""allowed" = true"#).open().await;
    let alice = door.caller("alice");
    for params in [json!({}), json!({"name": 7}), json!({"name": null}), json!({"name": ["allowed"]})] {
        let answer = alice.modern("tools/call", params.clone()).send().await;
        assert!(answer.message()["error"]["code"].is_i64(), "{params}: {answer:?}");
    }
    assert!(puppet.seen().is_empty());
}
