//! Who is asked when the server asks, and who may answer?

use serde_json::{Value, json};

use super::{World, accepted, call, events_of, json_of, modern};
use crate::back::BackFailure;
use crate::config::Protocol;

fn question(id: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "elicitation/create", "params": { "message": "name?" } })
}

fn reply(id: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": { "action": "accept" } })
}

#[tokio::test(start_paused = true)]
async fn question_goes_to_the_newest_request_and_only_its_session_may_answer() {
    let mut world = World::new(Protocol::Auto);
    let (one, mut child) = world.open("ann", "client").await;
    let other = world.join("ann", "client").await;
    let older = world.send("ann", &one, &call(1, "a"));
    let first = child.hear().await;
    let newer = world.send("ann", &other, &call(1, "b"));
    let second = child.hear().await;
    child.say(&question("q")).await;
    let mut events = events_of(newer).await;
    assert_eq!(events.next().await.unwrap(), question("q"));
    for (who, session) in [("ann", &one), ("bob", &other)] {
        let failure = world.send(who, session, &reply("q")).await.unwrap().unwrap_err();
        assert!(matches!(failure, BackFailure::NotAsked | BackFailure::ForeignSession), "{failure}");
    }
    assert!(child.hears_nothing().await);
    accepted(world.send("ann", &other, &reply("q"))).await;
    assert_eq!(child.hear().await, reply("q"));
    let again = world.send("ann", &other, &reply("q")).await.unwrap();
    assert!(matches!(again, Err(BackFailure::NotAsked)), "a question is answered once");
    child.answer(&second, "b").await;
    child.answer(&first, "a").await;
    assert_eq!(events.next().await.unwrap()["result"]["for"], "b");
    assert_eq!(json_of(older).await["result"]["for"], "a");
}

#[tokio::test(start_paused = true)]
async fn answer_that_nobody_asked_for_never_reaches_the_server() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    for id in ["q", "1", "0"] {
        assert!(matches!(world.send("ann", &session, &reply(id)).await.unwrap(), Err(BackFailure::NotAsked)));
    }
    assert!(child.hears_nothing().await);
}

#[tokio::test(start_paused = true)]
async fn question_without_a_request_goes_to_the_session_that_listens() {
    let mut world = World::new(Protocol::Auto);
    let (quiet, mut child) = world.open("ann", "client").await;
    let listening = world.join("ann", "client").await;
    let mut events = world.listen("ann", &listening).await;
    child.say(&question("q")).await;
    assert_eq!(events.next().await.unwrap(), question("q"));
    assert!(matches!(world.send("ann", &quiet, &reply("q")).await.unwrap(), Err(BackFailure::NotAsked)));
    accepted(world.send("ann", &listening, &reply("q"))).await;
    assert_eq!(child.hear().await, reply("q"));
}

#[tokio::test(start_paused = true)]
async fn question_waits_for_a_stream_when_nobody_listens() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    child.say(&question("q")).await;
    assert!(child.hears_nothing().await);
    let mut events = world.listen("ann", &session).await;
    assert_eq!(events.next().await.unwrap(), question("q"));
    accepted(world.send("ann", &session, &reply("q"))).await;
    assert_eq!(child.hear().await, reply("q"));
}

#[tokio::test(start_paused = true)]
async fn questions_pushed_out_of_the_queue_are_answered_with_an_error() {
    let mut world = World::new(Protocol::Auto);
    let (_session, mut child) = world.open("ann", "client").await;
    for number in 0..130 {
        child.say(&question(&format!("q{number}"))).await;
    }
    for lost in ["q0", "q1"] {
        let answer = child.hear().await;
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(lost), &json!(-32603)));
    }
    assert!(child.hears_nothing().await);
}

#[tokio::test(start_paused = true)]
async fn session_that_ends_leaves_no_question_open() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let answering = world.send("ann", &session, &call(1, "a"));
    child.hear().await;
    child.say(&question("q")).await;
    let mut events = events_of(answering).await;
    assert_eq!(events.next().await.unwrap(), question("q"));
    world.back.close(&super::key("ann"), &session).await.unwrap();
    assert_eq!(child.hear().await["error"]["code"], -32603);
    assert_eq!(events.next().await.unwrap()["id"], 1, "the request ends with an error of its own");
    assert!(matches!(world.send("ann", &session, &call(2, "a")).await.unwrap(), Err(BackFailure::SessionGone)));
}

#[tokio::test(start_paused = true)]
async fn question_taken_back_is_taken_back_where_it_was_put() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let other = world.join("ann", "client").await;
    let mut elsewhere = world.listen("ann", &other).await;
    let answering = world.send("ann", &session, &call(1, "a"));
    child.hear().await;
    child.say(&question("q")).await;
    let taken_back = super::notification("notifications/cancelled", &json!({ "requestId": "q" }));
    child.say(&taken_back).await;
    let mut events = events_of(answering).await;
    assert_eq!(events.next().await.unwrap(), question("q"));
    assert_eq!(events.next().await.unwrap(), taken_back);
    assert!(elsewhere.is_silent().await);
    assert!(matches!(world.send("ann", &session, &reply("q")).await.unwrap(), Err(BackFailure::NotAsked)));
}

#[tokio::test(start_paused = true)]
async fn ping_is_answered_by_the_door_in_both_directions() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    child.say(&json!({ "jsonrpc": "2.0", "id": "p", "method": "ping" })).await;
    assert_eq!(child.hear().await, json!({ "jsonrpc": "2.0", "id": "p", "result": {} }));
    let answer = json_of(world.send("ann", &session, &json!({ "jsonrpc": "2.0", "id": 4, "method": "ping" }))).await;
    assert_eq!(answer, json!({ "jsonrpc": "2.0", "id": 4, "result": {} }));
    assert!(child.hears_nothing().await);
}

#[tokio::test(start_paused = true)]
async fn modern_server_that_asks_is_refused() {
    let mut world = World::new(Protocol::Modern);
    let answering = world.send_modern("ann", &modern(1, "resources/read", &json!({})));
    let mut child = world.child().await;
    let asked = child.hear().await;
    child.say(&question("q")).await;
    assert_eq!(child.hear().await["error"]["code"], -32601);
    child.answer(&asked, "done").await;
    assert_eq!(json_of(answering).await["id"], 1);
}
