//! POST `/mcp/<name>`: messages in both eras, and what surrounds them.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Door, Plan, modern_message, over_http_and_stdio, request_message};

#[tokio::test]
async fn a_modern_caller_with_a_token_is_served() {
    let door = Door::open().await;
    let answer = door.caller("alice").call("test_echo", json!({"greeting": "hello"})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.result()["structuredContent"], json!({"greeting": "hello"}));
    assert_eq!(answer.message()["id"], 1);
}

#[tokio::test]
async fn a_legacy_caller_with_a_token_is_served_in_each_revision() {
    let door = Door::open().await;
    for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let session = door.caller("alice").session_of(version).await;
        assert_eq!(session.version, version);
        assert_eq!(session.tool("test_echo", json!({"n": 1})).send().await.tool_text(), r#"{"n":1}"#, "{version}");
    }
}

#[tokio::test]
async fn initialize_never_agrees_on_a_modern_version() {
    let door = Door::open().await;
    let session = door.caller("alice").session_of("2026-07-28").await;
    assert_eq!(session.version, "2025-11-25");
}

#[tokio::test]
async fn a_legacy_caller_may_leave_the_version_header_out() {
    let door = Door::open().await;
    let session = door.caller("alice").session_of("2025-03-26").await;
    let answer = session.request("tools/list", json!({})).without("mcp-protocol-version").send().await;
    assert!(answer.result()["tools"].is_array(), "{answer:?}");
}

#[tokio::test]
async fn both_eras_live_on_one_url_at_the_same_time() {
    let door = Door::open().await;
    let alice = door.caller("alice");
    let session = alice.session().await;
    assert_eq!(alice.hello().await.status, 200);
    assert_eq!(session.hello().await.status, 200);
    let answer = alice.modern("server/discover", json!({})).send().await;
    assert_eq!(answer.result()["resultType"], "complete", "{answer:?}");
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_served() {
    let door = Door::open().await;
    let answer = door.caller("alice").tool("test_echo", json!({"over": "h2"})).send_by_http2().await;
    assert_eq!(answer.result()["structuredContent"], json!({"over": "h2"}));
}

#[tokio::test]
async fn notifications_and_responses_are_accepted_without_a_body() {
    let door = Door::open().await;
    let alice = door.caller("alice");
    let session = alice.session().await;
    let answer = session.notify("notifications/roots/list_changed", json!({})).send().await;
    assert_eq!((answer.status, answer.body.len()), (202, 0));
    let mut message = modern_message("notifications/progress", json!({"progressToken": "t", "progress": 1}));
    message.as_object_mut().unwrap().remove("id");
    let answer = alice.modern_post(&message).send().await;
    assert_eq!((answer.status, answer.body.len()), (202, 0), "{answer:?}");
}

#[tokio::test]
async fn answers_are_never_kept_by_a_cache_and_streams_are_not_buffered() {
    let door = Door::open().await;
    let alice = door.caller("alice");
    let session = alice.session().await;
    let whole = alice.hello().await;
    let streamed = session.tool("test_tool_with_progress", json!({})).send().await;
    let refused = door.stranger().hello().await;
    for answer in [&whole, &streamed, &refused] {
        assert!(answer.header("cache-control").is_some_and(|value| value.contains("no-store")), "{answer:?}");
    }
    assert!(streamed.header("content-type").unwrap().starts_with("text/event-stream"));
    assert_eq!(streamed.header("x-accel-buffering"), Some("no"));
}

#[tokio::test]
async fn only_json_is_read_and_only_what_the_caller_accepts_is_sent() {
    let door = Door::open().await;
    let good = door.caller("alice").tool("test_simple_text", json!({}));
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        assert_eq!(good.clone().header("content-type", kind).send().await.status, 415, "{kind}");
    }
    assert_eq!(good.clone().without("content-type").send().await.status, 415);
    assert_eq!(good.clone().header("accept", "text/html").send().await.status, 406);
    assert_eq!(good.clone().header("content-type", "application/json; charset=utf-8").send().await.status, 200);
    assert_eq!(good.header("accept", "*/*").send().await.status, 200);
}

#[tokio::test]
async fn other_methods_are_refused_and_the_right_ones_named() {
    let door = Door::open().await;
    for method in [Method::PUT, Method::PATCH, Method::HEAD] {
        let answer = door.caller("alice").bare(method.clone()).send().await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.header("allow").unwrap().contains("POST"), "{method}");
    }
}

#[tokio::test]
async fn nothing_else_is_served_beside_the_servers() {
    let door = Door::open().await;
    for path in
        ["/", "/mcp", "/mcp/", "/mcp/nobody", "/mcp/fixture/", "/mcp/fixture/x", "/metrics", "/mcp/%66ixture", "/mcp/../mcp/fixture"]
    {
        assert_eq!(door.get(path).send().await.status, 404, "{path}");
    }
}

// Claude.ai's connector sends `"id": 1` on every request; each answer must still find its own caller.
over_http_and_stdio! {
    async fn callers_with_the_same_id_at_the_same_time_get_their_own_answers(door: Door) {
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..8 {
            let caller = door.caller(&format!("caller-{number}"));
            let arguments = json!({ "number": number, "secret_of": format!("caller-{number}") });
            let session = if number % 2 == 0 { None } else { Some(caller.session().await) };
            calls.spawn(async move {
                for _ in 0..5 {
                    let echoed = if let Some(session) = &session {
                        // Within one session ids must differ, so a legacy caller asks one thing after the other.
                        session.tool("test_echo", arguments.clone()).send().await
                    } else {
                        let (waited, echoed) = tokio::join!(
                            caller.tool("test_wait", json!({"milliseconds": 30})).send(),
                            caller.tool("test_echo", arguments.clone()).send()
                        );
                        assert_eq!((waited.tool_text().as_str(), &waited.message()["id"]), ("Waited 30 ms.", &json!(1)));
                        echoed
                    };
                    assert_eq!((&echoed.result()["structuredContent"], &echoed.message()["id"]), (&arguments, &json!(1)));
                }
            });
        }
        while let Some(outcome) = calls.join_next().await {
            outcome.unwrap();
        }
    }
}

over_http_and_stdio! {
    async fn an_id_comes_back_with_its_own_type_and_digits(door: Door) {
        for id in ["\"one\"", "\"\"", "0", "-7", "9007199254740993", "\"1\""] {
            let message = modern_message("tools/list", json!({})).to_string().replacen("\"id\":1", &format!("\"id\":{id}"), 1);
            let parsed: Value = serde_json::from_str(&message).unwrap();
            let answer = door.caller("alice").modern_post(&parsed).body(message).send().await;
            assert!(answer.text().contains(&format!("\"id\":{id}")), "{id} in {}", answer.text());
        }
    }
}

over_http_and_stdio! {
    async fn progress_reaches_the_one_who_asked_and_nobody_else(door: Door) {
        let message = |who: &str| modern_message("tools/call", json!({"name": "test_tool_with_progress", "_meta": {"progressToken": format!("token of {who}")}}));
        let (alice, bob) = (door.caller("alice"), door.caller("bob"));
        let (to_alice, to_bob) = tokio::join!(alice.modern_post(&message("alice")).send(), bob.modern_post(&message("bob")).send());
        for (who, answer) in [("alice", to_alice), ("bob", to_bob)] {
            let messages = answer.messages();
            let progress: Vec<&Value> = messages.iter().filter(|message| message["method"] == "notifications/progress").collect();
            assert_eq!(progress.len(), 3, "{messages:?}");
            assert!(progress.iter().all(|message| message["params"]["progressToken"] == format!("token of {who}")), "{progress:?}");
        }
    }
}

#[tokio::test]
async fn a_legacy_request_without_a_session_is_the_servers_to_refuse() {
    let door = Door::open().await;
    let answer = door.caller("alice").legacy(&request_message("tools/list", json!({}))).send().await;
    assert!((400..500).contains(&answer.status), "{answer:?}");
    let stdio = Plan::stdio("both").open().await;
    let answer = stdio.caller("alice").legacy(&request_message("tools/list", json!({}))).send().await;
    assert_eq!(answer.status, 400, "{answer:?}");
}
