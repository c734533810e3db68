//! Who hears what a server says without being asked?

use serde_json::json;

use super::{World, accepted, call, events_of, json_of, modern, notification};
use crate::config::Protocol;

#[tokio::test(start_paused = true)]
async fn changed_lists_are_told_to_every_session_of_that_server_and_to_no_other() {
    let mut world = World::new(Protocol::Auto);
    let (one, mut child) = world.open("ann", "client").await;
    let other = world.join("ann", "client").await;
    let (stranger, _her_child) = world.open("bob", "client").await;
    let mut first = world.listen("ann", &one).await;
    let mut foreign = world.listen("bob", &stranger).await;
    let changed = notification("notifications/tools/list_changed", &json!({}));
    child.say(&changed).await;
    assert_eq!(first.next().await.unwrap(), changed);
    assert_eq!(world.listen("ann", &other).await.next().await.unwrap(), changed, "kept until the session listens");
    assert!(foreign.is_silent().await);
}

#[tokio::test(start_paused = true)]
async fn updated_resources_are_told_to_subscribers_only() {
    let mut world = World::new(Protocol::Auto);
    let (one, mut child) = world.open("ann", "client").await;
    let other = world.join("ann", "client").await;
    let mut subscriber = world.listen("ann", &one).await;
    let mut bystander = world.listen("ann", &other).await;
    let subscribe = |method: &str| json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "uri": "file:///a" } });
    let answering = world.send("ann", &one, &subscribe("resources/subscribe"));
    let asked = child.hear().await;
    child.answer(&asked, "").await;
    json_of(answering).await;
    let updated = |uri: &str| notification("notifications/resources/updated", &json!({ "uri": uri }));
    child.say(&updated("file:///a")).await;
    child.say(&updated("file:///a/part")).await;
    child.say(&updated("file:///b")).await;
    assert_eq!(subscriber.next().await.unwrap(), updated("file:///a"));
    assert_eq!(subscriber.next().await.unwrap(), updated("file:///a/part"));
    assert!(subscriber.is_silent().await);
    assert!(bystander.is_silent().await);
}

#[tokio::test(start_paused = true)]
async fn server_forgets_a_subscription_when_the_last_session_does() {
    let mut world = World::new(Protocol::Auto);
    let (one, mut child) = world.open("ann", "client").await;
    let other = world.join("ann", "client").await;
    let request = |method: &str| json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "uri": "file:///a" } });
    for session in [&one, &other] {
        let answering = world.send("ann", session, &request("resources/subscribe"));
        let asked = child.hear_method("resources/subscribe").await;
        child.answer(&asked, "").await;
        json_of(answering).await;
    }
    assert_eq!(json_of(world.send("ann", &one, &request("resources/unsubscribe"))).await["result"], json!({}));
    assert!(child.hears_nothing().await, "the other session still watches");
    let answering = world.send("ann", &other, &request("resources/unsubscribe"));
    let asked = child.hear_method("resources/unsubscribe").await;
    child.answer(&asked, "").await;
    json_of(answering).await;
}

#[tokio::test(start_paused = true)]
async fn log_lines_go_to_the_one_request_under_way_else_to_the_sessions() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let mut stream = world.listen("ann", &session).await;
    let line = |text: &str| notification("notifications/message", &json!({ "level": "info", "data": text }));
    child.say(&line("idle")).await;
    assert_eq!(stream.next().await.unwrap(), line("idle"));
    let answering = world.send("ann", &session, &call(1, "a"));
    let asked = child.hear().await;
    child.say(&line("busy")).await;
    assert_eq!(events_of(answering).await.next().await.unwrap(), line("busy"));
    assert!(stream.is_silent().await);
    child.answer(&asked, "").await;
}

#[tokio::test(start_paused = true)]
async fn log_lines_of_the_shared_server_never_reach_another_principal() {
    let level = json!({ "io.modelcontextprotocol/logLevel": "debug" });
    let mut world = World::new(Protocol::Modern);
    let anns = world.send_modern("ann", &modern(1, "resources/read", &level));
    let mut child = world.child().await;
    let for_ann = child.hear().await;
    let bobs = world.send_modern("bob", &modern(1, "resources/read", &json!({})));
    let for_bob = child.hear().await;
    let line = notification("notifications/message", &json!({ "level": "info", "data": "bob's secret" }));
    child.say(&line).await;
    child.answer(&for_bob, "bob").await;
    assert_eq!(json_of(bobs).await["result"]["for"], "bob");
    child.answer(&for_ann, "ann").await;
    assert_eq!(json_of(anns).await["result"]["for"], "ann", "one message: the log line was not passed on");

    // Alone, whoever asked for log lines gets them, and whoever did not does not.
    let alone = world.send_modern("ann", &modern(2, "resources/read", &level));
    let asked = child.hear().await;
    child.say(&line).await;
    let mut events = events_of(alone).await;
    assert_eq!(events.next().await.unwrap(), line);
    child.answer(&asked, "").await;
    assert_eq!(events.next().await.unwrap()["id"], 2);
    let unasked = world.send_modern("ann", &modern(3, "resources/read", &json!({})));
    let asked = child.hear().await;
    child.say(&line).await;
    child.answer(&asked, "quiet").await;
    assert_eq!(json_of(unasked).await["result"]["for"], "quiet");
}

#[tokio::test(start_paused = true)]
async fn server_is_told_once_that_it_is_initialized() {
    let mut world = World::new(Protocol::Auto);
    let (one, mut child) = world.open("ann", "client").await;
    let other = world.join("ann", "client").await;
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    accepted(world.send("ann", &one, &initialized)).await;
    accepted(world.send("ann", &other, &initialized)).await;
    child.hear_method("notifications/initialized").await;
    assert!(child.hears_nothing().await);
}

#[tokio::test(start_paused = true)]
async fn batch_of_a_server_is_read_like_its_members() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let mut stream = world.listen("ann", &session).await;
    let answering = world.send("ann", &session, &call(1, "a"));
    let asked = child.hear().await;
    let changed = notification("notifications/tools/list_changed", &json!({}));
    child.say(&json!([changed, { "jsonrpc": "2.0", "id": asked["id"], "result": {} }])).await;
    assert_eq!(json_of(answering).await["id"], 1);
    assert_eq!(stream.next().await.unwrap(), changed);
}

#[tokio::test(start_paused = true)]
async fn newer_stream_of_a_session_takes_over_from_the_older() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let mut older = world.listen("ann", &session).await;
    let mut newer = world.listen("ann", &session).await;
    let changed = notification("notifications/prompts/list_changed", &json!({}));
    child.say(&changed).await;
    assert_eq!(newer.next().await.unwrap(), changed);
    assert!(older.next().await.is_none());
}
