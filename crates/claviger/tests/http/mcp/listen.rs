//! `subscriptions/listen`: the modern stream of changes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Caller, Door, Plan, Stream, modern_message, now, over_http_and_stdio, stays_silent};

async fn listening(caller: &Caller, notifications: Value, id: &Value) -> Stream {
    let mut message = modern_message("subscriptions/listen", json!({ "notifications": notifications }));
    message["id"] = id.clone();
    let stream = caller.modern_post(&message).open().await;
    assert_eq!(stream.status.as_u16(), 200, "{:?}", stream.headers);
    stream
}

fn subscription_of(message: &Value) -> &Value {
    &message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"]
}

over_http_and_stdio! {
    async fn the_acknowledgement_comes_first_and_every_message_carries_the_callers_id(door: Door) {
        let alice = door.caller("alice");
        for id in [json!(1), json!("one")] {
            let mut stream = listening(&alice, json!({"toolsListChanged": true}), &id).await;
            let first = stream.message().await.unwrap();
            assert_eq!(first["method"], "notifications/subscriptions/acknowledged", "{first}");
            assert_eq!(subscription_of(&first), &id, "{first}");
            door.caller("bob").call("test_trigger_tool_change", json!({})).await.result();
            let change = stream.notification("notifications/tools/list_changed").await;
            assert_eq!(subscription_of(&change), &id, "{change}");
        }
    }
}

over_http_and_stdio! {
    async fn two_listeners_with_the_same_id_each_hear_what_they_asked_for(door: Door) {
        let (alice, bob) = (door.caller("alice"), door.caller("bob"));
        let mut tools = listening(&alice, json!({"toolsListChanged": true}), &json!(1)).await;
        let mut prompts = listening(&bob, json!({"promptsListChanged": true}), &json!(1)).await;
        for stream in [&mut tools, &mut prompts] {
            stream.notification("notifications/subscriptions/acknowledged").await;
        }
        alice.call("test_trigger_prompt_change", json!({})).await.result();
        let heard = prompts.message().await.unwrap();
        assert_eq!((&heard["method"], subscription_of(&heard)), (&json!("notifications/prompts/list_changed"), &json!(1)));
        assert!(stays_silent(tools.message(), Duration::from_millis(300)).await, "nobody hears what he did not ask for");
    }
}

#[tokio::test]
async fn a_subscription_to_a_resource_needs_its_scope() {
    let door = Plan::both().await.scopes(r#""resource:test://watched*" = "watch", "*" = true"#).open().await;
    let message = modern_message(
        "subscriptions/listen",
        json!({"notifications": {"resourceSubscriptions": ["test://static-text", "test://watched-resource"]}}),
    );
    let refused = door.caller("alice").modern_post(&message).send().await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(refused.challenge().param("scope"), Some("watch"));
    let mut stream = door.caller_with("alice", "watch").modern_post(&message).open().await;
    stream.notification("notifications/subscriptions/acknowledged").await;
    door.caller("bob").call("test_trigger_resource_update", json!({})).await.result();
    stream.notification("notifications/resources/updated").await;
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires() {
    let door = Door::open().await;
    // The door grants clocks some seconds; what counts is that the stream does not outlive what a new request would be granted.
    let token = door.issuer.odd_token(&door.resource(), &json!({}), &json!({"sub": "alice", "exp": now() - 27}));
    let alice = door.holder(&token);
    let mut modern = listening(&alice, json!({"toolsListChanged": true}), &json!(1)).await;
    let session = alice.session().await;
    let mut legacy = session.listening().await;
    modern.notification("notifications/subscriptions/acknowledged").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let refused = alice.hello().await;
    assert_eq!((refused.status, refused.challenge().param("error")), (401, Some("invalid_token")), "the token has expired");
    assert!(modern.ends_within(Duration::from_secs(4)).await, "subscriptions/listen outlives its token");
    assert!(legacy.ends_within(Duration::from_secs(1)).await, "the GET stream outlives its token");
}

#[tokio::test]
async fn hanging_up_ends_the_subscription_and_makes_room() {
    let door = Plan::both().await.section("[limits]\nstreams_per_caller = 1").open().await;
    let alice = door.caller("alice");
    let mut first = listening(&alice, json!({"toolsListChanged": true}), &json!(1)).await;
    first.message().await.unwrap();
    let message = modern_message("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    assert_eq!(alice.modern_post(&message).send().await.status, 503);
    first.hang_up();
    let again = async {
        while alice.modern_post(&message).open().await.status.as_u16() != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), again).await.expect("a closed stream makes room");
}
