//! The rules are the members', the endpoint is its own: who may come in, what they may do there, and what is written about it.

use serde_json::json;

use super::{Scene, names};
use crate::support::{Caller, Key, now};

#[tokio::test]
async fn each_members_rules_decide_about_its_own_tools_by_their_own_names() {
    let plan = Scene::plan(
        r#"scopes = { "test_echo" = "echo", "test_simple_*" = true, "resource:test://static-text" = "files" }"#,
        r#"scopes = { "test_simple_text" = "old:use" }"#,
    );
    let scene = Scene::of(plan.await).await;
    let (alice, bob) = (scene.caller("alice"), scene.caller_with("bob", "old:use files"));
    let tools = |list: &serde_json::Value| {
        names(&list["tools"], "name").into_iter().filter(|name| !name.starts_with("files__")).collect::<Vec<_>>()
    };
    let seen = alice.modern("tools/list", json!({})).send().await.result();
    assert_eq!(tools(&seen), ["fixture__test_simple_text"]);
    let seen = bob.modern("tools/list", json!({})).send().await.result();
    assert_eq!(tools(&seen), ["fixture__test_simple_text", "old__test_simple_text"]);
    let session = bob.session().await;
    assert_eq!(
        tools(&session.request("tools/list", json!({})).send().await.result()),
        ["fixture__test_simple_text", "old__test_simple_text"]
    );
    let resources = names(&bob.modern("resources/list", json!({})).send().await.result()["resources"], "uri");
    assert_eq!(resources, ["claviger://fixture/test://static-text"]);
    for (name, needed) in [("old__test_simple_text", "old:use"), ("fixture__test_echo", "echo")] {
        let refused = alice.call(name, json!({})).await;
        assert_eq!((refused.status, refused.challenge().param("scope")), (403, Some(needed)), "{name}: {refused:?}");
        let metadata = format!("{}/.well-known/oauth-protected-resource/mcp", scene.door.public_url);
        assert_eq!(refused.challenge().param("resource_metadata"), Some(metadata.as_str()), "the challenge is of `/mcp`");
    }
    let hidden = bob.call("fixture__test_wait", json!({})).await;
    assert_eq!((hidden.status, hidden.asks_for_step_up()), (403, false), "{hidden:?}");
    assert_eq!(bob.call("old__test_simple_text", json!({})).await.status, 200);
    let listen = json!({"notifications": {"resourceSubscriptions": ["claviger://fixture/test://static-text"]}});
    assert_eq!(alice.modern("subscriptions/listen", listen).send().await.status, 403);
}

#[tokio::test]
async fn the_record_and_the_metrics_name_the_member_and_its_tool() {
    let scene = Scene::open().await;
    let alice = scene.caller("alice");
    alice.call("fixture__test_simple_text", json!({})).await.result();
    alice.modern("resources/read", json!({"uri": "claviger://old/test://static-text"})).send().await.result();
    alice.modern("tools/list", json!({})).send().await.result();
    alice.session().await.tool("old__test_simple_text", json!({})).send().await.result();
    for (server, method, tool) in [
        ("fixture", "tools/call", Some("test_simple_text")),
        ("old", "resources/read", Some("test://static-text")),
        ("*", "tools/list", None),
        ("old", "tools/call", Some("test_simple_text")),
    ] {
        let is_it = |line: &serde_json::Value| {
            line["event"] == "call" && line["server"] == server && line["method"] == method && line["tool"].as_str() == tool
        };
        scene.door.recorded(&format!("{method} at {server}"), is_it).await;
    }
    assert!(!scene.door.record().iter().any(|line| line["tool"].as_str().is_some_and(|tool| tool.contains("__"))));
}

#[tokio::test]
async fn a_token_for_one_server_is_none_for_all_and_the_other_way_round() {
    let scene = Scene::open().await;
    let own = scene.holder(&scene.door.issuer.token(&scene.door.resource_of("fixture"), "alice", ""));
    let refused = own.call("fixture__test_simple_text", json!({})).await;
    assert_eq!((refused.status, refused.challenge().param("error")), (401, Some("invalid_token")), "{refused:?}");
    let all = scene.caller("alice");
    assert_eq!(all.call("fixture__test_simple_text", json!({})).await.status, 200);
    let at_one = Caller { path: "/mcp/fixture".to_owned(), ..all };
    let refused = at_one.call("test_simple_text", json!({})).await;
    assert_eq!((refused.status, refused.challenge().param("error")), (401, Some("invalid_token")), "{refused:?}");
}

#[tokio::test]
async fn a_secret_of_one_server_opens_that_one_alone_and_an_issuer_of_some_not_all() {
    let secret = "a shared secret of more than thirty-two bytes";
    let plan = Scene::plan("", "").await;
    let good = plan.issuer.url();
    let accept = format!(
        "[[accept]]\nissuer = {good:?}\n[[accept]]\nshared_secret = \"env://SHARED\"\nserver = \"fixture\"\n[[accept]]\nissuer = \"https://some.example.com\"\nservers = [\"fixture\"]\n"
    );
    let scene = Scene::of(plan.accept(&accept).variable("SHARED", secret)).await;
    let document = scene.door.get("/.well-known/oauth-protected-resource/mcp").send().await.message();
    assert_eq!((&document["resource"], &document["authorization_servers"]), (&json!(scene.resource()), &json!([good])));
    assert_eq!(document["resource_name"], "One");
    for audience in [scene.resource(), "*".to_owned(), scene.door.resource(), "fixture".to_owned()] {
        let claims = json!({"aud": audience, "sub": "alice", "iat": now(), "exp": now() + 600});
        let minted = Key::Hmac(secret.as_bytes().to_vec()).sign(&json!({"alg": "HS256", "typ": "JWT"}), &claims);
        assert_eq!(scene.holder(&minted).call("fixture__test_simple_text", json!({})).await.status, 401, "{audience}");
    }
    assert_eq!(scene.caller("alice").call("fixture__test_simple_text", json!({})).await.status, 200);
}

#[tokio::test]
async fn without_a_token_nobody_comes_in_and_without_the_section_there_is_no_such_place() {
    let scene = Scene::open().await;
    let stranger = Caller { token: None, ..scene.caller("alice") };
    let refused = stranger.call("fixture__test_simple_text", json!({})).await;
    assert_eq!(refused.status, 401);
    let metadata = format!("{}/.well-known/oauth-protected-resource/mcp", scene.door.public_url);
    assert_eq!(refused.challenge().param("resource_metadata"), Some(metadata.as_str()));
    let door = crate::support::Door::open().await;
    let nowhere = Caller { path: "/mcp".to_owned(), ..door.caller("alice") };
    assert_eq!(nowhere.call("fixture__test_simple_text", json!({})).await.status, 404);
    assert_eq!(door.get("/.well-known/oauth-protected-resource/mcp").send().await.status, 404);
}
