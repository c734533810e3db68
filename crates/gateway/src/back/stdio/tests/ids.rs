//! Do callers who use the same ids get their own answers, tokens and cancellations?

use serde_json::json;

use super::{World, accepted, call, call_with_progress, events_of, json_of, modern, notification};
use crate::config::Protocol;

#[tokio::test(start_paused = true)]
async fn modern_callers_with_the_same_id_get_their_own_answers() {
    let mut world = World::new(Protocol::Modern);
    let first = world.send_modern("ann", &modern(1, "resources/read", &json!({})));
    let mut child = world.child().await;
    let for_ann = child.hear().await;
    let second = world.send_modern("bob", &modern(1, "resources/read", &json!({})));
    let for_bob = child.hear().await;
    assert_ne!(for_ann["id"], for_bob["id"]);
    child.answer(&for_bob, "bob").await;
    child.answer(&for_ann, "ann").await;
    assert_eq!(json_of(first).await, json!({ "jsonrpc": "2.0", "id": 1, "result": { "for": "ann" } }));
    assert_eq!(json_of(second).await, json!({ "jsonrpc": "2.0", "id": 1, "result": { "for": "bob" } }));
    assert!(world.none_started(), "one server serves all");
}

#[tokio::test(start_paused = true)]
async fn sessions_of_one_caller_with_the_same_id_get_their_own_answers() {
    let mut world = World::new(Protocol::Auto);
    let (one, mut child) = world.open("ann", "client").await;
    let other = world.join("ann", "client").await;
    assert_ne!(one, other);
    let first = world.send("ann", &one, &call(1, "a"));
    let for_one = child.hear().await;
    let second = world.send("ann", &other, &call(1, "b"));
    let for_other = child.hear().await;
    child.answer(&for_other, "b").await;
    child.answer(&for_one, "a").await;
    assert_eq!(json_of(first).await["result"]["for"], "a");
    assert_eq!(json_of(second).await["result"]["for"], "b");
}

#[tokio::test(start_paused = true)]
async fn ids_that_are_strings_come_back_as_they_were_written() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let answering = world.send("ann", &session, &json!({ "jsonrpc": "2.0", "id": "a\"b", "method": "tools/list" }));
    let asked = child.hear().await;
    child.answer(&asked, "list").await;
    assert_eq!(json_of(answering).await["id"], "a\"b");
}

#[tokio::test(start_paused = true)]
async fn progress_comes_back_under_the_callers_own_token() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let answering = world.send("ann", &session, &call_with_progress(7, "slow", "mine"));
    let asked = child.hear().await;
    assert_eq!(asked["params"]["_meta"]["progressToken"], asked["id"], "the token goes out as our number");
    let progress = json!({ "progressToken": asked["id"], "progress": 1, "strange": [1.50, "kept"] });
    child.say(&notification("notifications/progress", &progress)).await;
    let mut events = events_of(answering).await;
    let said = events.next().await.unwrap();
    assert_eq!(said["params"], json!({ "progressToken": "mine", "progress": 1, "strange": [1.50, "kept"] }));
    child.answer(&asked, "done").await;
    assert_eq!(events.next().await.unwrap()["id"], 7);
    assert!(events.next().await.is_none(), "the stream ends after the response");
}

#[tokio::test(start_paused = true)]
async fn cancellation_names_the_request_by_our_number_and_the_request_ends() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let answering = world.send("ann", &session, &call(3, "slow"));
    let asked = child.hear().await;
    accepted(world.send("ann", &session, &notification("notifications/cancelled", &json!({ "requestId": 3, "reason": "enough" })))).await;
    let cancelled = child.hear_method("notifications/cancelled").await;
    assert_eq!(cancelled["params"], json!({ "requestId": asked["id"], "reason": "enough" }));
    assert!(matches!(answering.await.unwrap(), Err(crate::back::BackFailure::Cancelled)));
}

#[tokio::test(start_paused = true)]
async fn cancellation_of_a_foreign_request_goes_nowhere() {
    let mut world = World::new(Protocol::Auto);
    let (one, mut child) = world.open("ann", "client").await;
    let other = world.join("ann", "client").await;
    let answering = world.send("ann", &one, &call(3, "slow"));
    let asked = child.hear().await;
    for request in [json!(3), asked["id"].clone(), json!(99)] {
        accepted(world.send("ann", &other, &notification("notifications/cancelled", &json!({ "requestId": request })))).await;
    }
    // Not even the session itself may name it by our number.
    accepted(world.send("ann", &one, &notification("notifications/cancelled", &json!({ "requestId": asked["id"] })))).await;
    assert!(child.hears_nothing().await);
    child.answer(&asked, "done").await;
    assert_eq!(json_of(answering).await["id"], 3);
}

#[tokio::test(start_paused = true)]
async fn modern_caller_cannot_cancel_what_another_asked() {
    let mut world = World::new(Protocol::Modern);
    let answering = world.send_modern("ann", &modern(5, "resources/read", &json!({})));
    let mut child = world.child().await;
    let asked = child.hear().await;
    for request in [json!(5), asked["id"].clone()] {
        accepted(world.send_modern("bob", &notification("notifications/cancelled", &json!({ "requestId": request })))).await;
    }
    assert!(child.hears_nothing().await);
    accepted(world.send_modern("ann", &notification("notifications/cancelled", &json!({ "requestId": 5 })))).await;
    assert_eq!(child.hear().await["params"]["requestId"], asked["id"]);
    assert!(answering.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn cancellation_that_could_mean_two_requests_goes_nowhere() {
    let mut world = World::new(Protocol::Modern);
    let first = world.send_modern("ann", &modern(1, "resources/read", &json!({})));
    let mut child = world.child().await;
    let _one = child.hear().await;
    let second = world.send_modern("ann", &modern(1, "resources/read", &json!({})));
    let _two = child.hear().await;
    accepted(world.send_modern("ann", &notification("notifications/cancelled", &json!({ "requestId": 1 })))).await;
    assert!(child.hears_nothing().await);
    drop((first, second));
}

#[tokio::test(start_paused = true)]
async fn every_message_of_a_subscription_names_it_by_the_callers_id() {
    const KEY: &str = "io.modelcontextprotocol/subscriptionId";
    let mut world = World::new(Protocol::Modern);
    let answering = world.send_modern("ann", &modern(11, "subscriptions/listen", &json!({})));
    let mut child = world.child().await;
    let asked = child.hear().await;
    let tag = json!({ KEY: asked["id"] });
    child.say(&notification("notifications/subscriptions/acknowledged", &json!({ "_meta": tag, "notifications": {} }))).await;
    child.say(&notification("notifications/tools/list_changed", &json!({ "_meta": tag }))).await;
    child.say(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "resultType": "complete", "_meta": tag } })).await;
    let mut events = events_of(answering).await;
    assert_eq!(events.next().await.unwrap()["params"]["_meta"][KEY], 11);
    assert_eq!(events.next().await.unwrap()["params"]["_meta"][KEY], 11);
    let result = events.next().await.unwrap();
    assert_eq!((&result["id"], &result["result"]["_meta"][KEY]), (&json!(11), &json!(11)));
}

#[tokio::test(start_paused = true)]
async fn subscription_that_the_server_cancels_ends_with_the_empty_result() {
    let mut world = World::new(Protocol::Modern);
    let answering = world.send_modern("ann", &modern(11, "subscriptions/listen", &json!({})));
    let mut child = world.child().await;
    let asked = child.hear().await;
    child.say(&notification("notifications/cancelled", &json!({ "requestId": asked["id"] }))).await;
    let result = json_of(answering).await;
    assert_eq!((&result["id"], &result["result"]["resultType"]), (&json!(11), &json!("complete")));
}

#[tokio::test(start_paused = true)]
async fn message_with_newlines_inside_is_one_line() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let pretty = serde_json::to_string_pretty(&call(1, "a")).unwrap().replace('\n', "\r\n");
    let message = mcp::envelope::Message::parse(pretty.as_bytes()).unwrap();
    let (permit, who) = (super::permit(), super::key("ann"));
    let (answer, ()) = tokio::join!(world.back.send(&permit, &who, &session, &message), async {
        let line = child.lines.next_line().await.unwrap().unwrap();
        let asked: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(asked["params"], json!({ "name": "a", "arguments": {} }));
        child.answer(&asked, "done").await;
    });
    assert!(answer.is_ok());
}
