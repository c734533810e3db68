//! GET `/mcp/<name>`: the stream on which a legacy server speaks first, and where it is resumed.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::support::{Door, Plan, over_http_and_stdio};

over_http_and_stdio! {
    async fn changes_arrive_on_the_get_stream_at_once(door: Door) {
        let session = door.caller("alice").session().await;
        let mut stream = session.listening().await;
        assert!(stream.headers["content-type"].to_str().unwrap().starts_with("text/event-stream"));
        session.tool("test_trigger_tool_change", json!({})).send().await.result();
        stream.notification("notifications/tools/list_changed").await;
    }
}

over_http_and_stdio! {
    async fn only_subscribed_resources_are_announced_and_only_to_their_subscriber(door: Door) {
        let (alice, bob) = (door.caller("alice").session().await, door.caller("bob").session().await);
        alice.request("resources/subscribe", json!({"uri": "test://watched-resource"})).send().await.result();
        let (mut to_alice, mut to_bob) = (alice.listening().await, bob.listening().await);
        for session in [&alice, &bob] {
            session.tool("test_trigger_resource_update", json!({})).send().await.result();
            session.tool("test_trigger_prompt_change", json!({})).send().await.result();
        }
        let first = to_alice.message().await.unwrap();
        assert_eq!(first["method"], "notifications/resources/updated", "{first}");
        let first = to_bob.message().await.unwrap();
        assert_eq!(first["method"], "notifications/prompts/list_changed", "{first}");
    }
}

#[tokio::test]
async fn a_cut_stream_is_resumed_with_the_last_event_id() {
    let door = Door::open().await;
    let session = door.caller("alice").session().await;
    let mut stream = session.tool("test_reconnection", json!({})).open().await;
    let mut last = None;
    while let Some(event) = stream.event().await {
        assert!(event.data.as_deref().is_none_or(str::is_empty), "the answer came before the cut: {event:?}");
        last = event.id.or(last);
    }
    let last = last.expect("an event id to come back with");
    let mut resumed = session.listen().header("last-event-id", &last).open().await;
    assert_eq!(resumed.status.as_u16(), 200);
    assert_eq!(resumed.response().await["result"]["content"][0]["text"], "Welcome back.");
}

#[tokio::test]
async fn modern_callers_have_no_get() {
    let door = Door::open().await;
    let get = door.caller("alice").bare(Method::GET).header("accept", "text/event-stream").header("mcp-protocol-version", "2026-07-28");
    let answer = get.send().await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{answer:?}");
}

#[tokio::test]
async fn a_stream_needs_an_accept_and_a_token() {
    let door = Door::open().await;
    let session = door.caller("alice").session().await;
    assert_eq!(session.listen().header("accept", "application/json").send().await.status, 406);
    assert_eq!(session.stolen_by(&door.stranger()).listen().send().await.status, 401);
}

#[tokio::test]
async fn one_caller_can_hold_only_so_many_streams() {
    let door = Plan::both().await.section("[limits]\nstreams_per_caller = 2").open().await;
    let alice = door.caller("alice");
    let sessions = [alice.session().await, alice.session().await, alice.session().await];
    let first = sessions[0].listening().await;
    let _second = sessions[1].listening().await;
    let refused = sessions[2].listen().send().await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(door.caller("bob").session().await.listening().await.status.as_u16(), 200, "another caller has streams of his own");
    first.hang_up();
    let again = async {
        while sessions[2].listen().open().await.status.as_u16() != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), again).await.expect("a closed stream makes room");
}
