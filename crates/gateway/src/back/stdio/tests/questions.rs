//! Who is asked when the server asks, and who may answer?

use serde_json::{Value, json};

use super::{Events, World, accepted, call, events_of, json_of, modern};
use crate::back::BackFailure;
use crate::config::Protocol;

fn question(id: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "elicitation/create", "params": { "message": "name?" } })
}

fn reply(id: impl Into<Value>) -> Value {
    let id: Value = id.into();
    json!({ "jsonrpc": "2.0", "id": id, "result": { "action": "accept" } })
}

/// The door's number for a question that a client was asked, which is otherwise as the server wrote it.
async fn number_of(events: &mut Events, id: &str) -> u64 {
    let mut asked = events.next().await.unwrap();
    let number = asked["id"].as_u64().unwrap();
    asked["id"] = id.into();
    assert_eq!(asked, question(id));
    number
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
    let number = number_of(&mut events, "q").await;
    for (who, session, id) in [("ann", &one, json!(number)), ("bob", &other, json!(number)), ("ann", &other, json!("q"))] {
        let failure = world.send(who, session, &reply(id)).await.unwrap().unwrap_err();
        assert!(matches!(failure, BackFailure::NotAsked | BackFailure::ForeignSession), "{failure}");
    }
    assert!(child.hears_nothing().await);
    accepted(world.send("ann", &other, &reply(number))).await;
    assert_eq!(child.hear().await, reply("q"));
    let again = world.send("ann", &other, &reply(number)).await.unwrap();
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
    for id in [json!("q"), json!(1), json!(0), json!("0"), json!(-1)] {
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
    let number = number_of(&mut events, "q").await;
    assert!(matches!(world.send("ann", &quiet, &reply(number)).await.unwrap(), Err(BackFailure::NotAsked)));
    accepted(world.send("ann", &listening, &reply(number))).await;
    assert_eq!(child.hear().await, reply("q"));
}

#[tokio::test(start_paused = true)]
async fn question_waits_for_a_stream_when_nobody_listens() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    child.say(&question("q")).await;
    assert!(child.hears_nothing().await);
    let mut events = world.listen("ann", &session).await;
    let number = number_of(&mut events, "q").await;
    accepted(world.send("ann", &session, &reply(number))).await;
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
    number_of(&mut events, "q").await;
    world.back.close(&super::key("ann"), &session).await.unwrap();
    let refusal = child.hear().await;
    assert_eq!((&refusal["id"], &refusal["error"]["code"]), (&json!("q"), &json!(-32603)));
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
    child.say(&super::notification("notifications/cancelled", &json!({ "requestId": "q" }))).await;
    let mut events = events_of(answering).await;
    let number = number_of(&mut events, "q").await;
    let taken_back = events.next().await.unwrap();
    assert_eq!(taken_back, super::notification("notifications/cancelled", &json!({ "requestId": number })));
    assert!(elsewhere.is_silent().await);
    assert!(matches!(world.send("ann", &session, &reply(number)).await.unwrap(), Err(BackFailure::NotAsked)));
}

#[tokio::test(start_paused = true)]
async fn question_with_the_id_of_an_open_one_is_refused() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    child.say(&question("q")).await;
    child.say(&question("q")).await;
    let refusal = child.hear().await;
    assert_eq!((&refusal["id"], &refusal["error"]["code"]), (&json!("q"), &json!(-32603)));
    let mut events = world.listen("ann", &session).await;
    number_of(&mut events, "q").await;
    assert!(events.is_silent().await);
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
