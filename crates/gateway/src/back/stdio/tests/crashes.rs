//! What becomes of calls, sessions and callers when a server ends, or says what is no message?

use std::time::Duration;

use serde_json::json;

use super::{World, accepted, call, call_with_progress, events_of, json_of, modern, notification};
use crate::back::BackFailure;
use crate::config::Protocol;

#[tokio::test(start_paused = true)]
async fn every_call_under_way_ends_with_an_error_and_the_session_lives_on() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let whole = world.send("ann", &session, &call(1, "a"));
    child.hear().await;
    let streamed = world.send("ann", &session, &call_with_progress(2, "b", "t"));
    let asked = child.hear().await;
    child.say(&notification("notifications/progress", &json!({ "progressToken": asked["id"], "progress": 1 }))).await;
    let mut events = events_of(streamed).await;
    events.next().await.unwrap();
    drop(child);
    assert!(matches!(whole.await.unwrap(), Err(BackFailure::Crashed)));
    let last = events.next().await.unwrap();
    assert_eq!((&last["id"], &last["error"]["code"]), (&json!(2), &json!(-32603)));
    assert!(events.next().await.is_none());

    let after = world.send("ann", &session, &call(3, "c"));
    let mut fresh = world.child().await;
    fresh.welcome().await;
    fresh.hear_method("notifications/initialized").await;
    let asked = fresh.hear().await;
    fresh.answer(&asked, "c").await;
    assert_eq!(json_of(after).await, json!({ "jsonrpc": "2.0", "id": 3, "result": { "for": "c" } }));
}

#[tokio::test(start_paused = true)]
async fn fresh_server_is_brought_to_where_the_old_one_was() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let mut stream = world.listen("ann", &session).await;
    for (method, params) in [("logging/setLevel", json!({ "level": "debug" })), ("resources/subscribe", json!({ "uri": "file:///a" }))] {
        let answering = world.send("ann", &session, &json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }));
        let asked = child.hear().await;
        child.answer(&asked, "").await;
        json_of(answering).await;
    }
    drop(child);
    let answering = world.send("ann", &session, &call(2, "a"));
    let mut fresh = world.child().await;
    fresh.welcome().await;
    fresh.hear_method("notifications/initialized").await;
    assert_eq!(fresh.hear_method("logging/setLevel").await["params"]["level"], "debug");
    assert_eq!(fresh.hear_method("resources/subscribe").await["params"]["uri"], "file:///a");
    let asked = fresh.hear_method("tools/call").await;
    fresh.say(&notification("notifications/resources/updated", &json!({ "uri": "file:///a" }))).await;
    fresh.answer(&asked, "a").await;
    json_of(answering).await;
    assert_eq!(stream.next().await.unwrap()["method"], "notifications/resources/updated", "the session's stream has stayed open");
}

#[tokio::test(start_paused = true)]
async fn answer_to_a_question_of_a_dead_server_does_not_reach_the_next_one() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let answering = world.send("ann", &session, &call(1, "a"));
    child.hear().await;
    child.say(&json!({ "jsonrpc": "2.0", "id": 0, "method": "roots/list" })).await;
    events_of(answering).await.next().await.unwrap();
    drop(child);
    let after = world.send("ann", &session, &call(2, "a"));
    let mut fresh = world.child().await;
    fresh.welcome().await;
    fresh.hear_method("notifications/initialized").await;
    let asked = fresh.hear().await;
    let reply = world.send("ann", &session, &json!({ "jsonrpc": "2.0", "id": 0, "result": { "roots": [] } })).await.unwrap();
    assert!(matches!(reply, Err(BackFailure::NotAsked)));
    fresh.answer(&asked, "").await;
    json_of(after).await;
    assert!(fresh.hears_nothing().await);
}

#[tokio::test(start_paused = true)]
async fn answer_to_a_question_of_a_dead_server_is_not_taken_for_one_to_the_same_id_of_the_next() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let question = |text: &str| json!({ "jsonrpc": "2.0", "id": 0, "method": "elicitation/create", "params": { "message": text } });
    let reply = |id: &serde_json::Value| json!({ "jsonrpc": "2.0", "id": id, "result": { "action": "accept" } });
    let answering = world.send("ann", &session, &call(1, "a"));
    child.hear().await;
    child.say(&question("list them?")).await;
    let old = events_of(answering).await.next().await.unwrap()["id"].take();
    drop(child);
    let answering = world.send("ann", &session, &call(2, "b"));
    let mut fresh = world.child().await;
    fresh.welcome().await;
    fresh.hear_method("notifications/initialized").await;
    fresh.hear().await;
    fresh.say(&question("delete them?")).await;
    let new = events_of(answering).await.next().await.unwrap()["id"].take();
    assert!(matches!(world.send("ann", &session, &reply(&old)).await.unwrap(), Err(BackFailure::NotAsked)));
    assert!(fresh.hears_nothing().await);
    accepted(world.send("ann", &session, &reply(&new))).await;
    assert_eq!(fresh.hear().await, reply(&json!(0)));
}

#[tokio::test(start_paused = true)]
async fn request_that_the_old_server_never_got_goes_to_the_next_one() {
    let mut world = World::new(Protocol::Auto);
    let (session, child) = world.open("ann", "client").await;
    let padding = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "x".repeat(64 * 1024) } });
    // One is being written, 64 wait behind it, and the last one has nowhere to wait.
    let lost: Vec<_> = (0..65).map(|_| world.send("ann", &session, &padding)).collect();
    tokio::time::sleep(Duration::from_millis(1)).await;
    let held_up = world.send("ann", &session, &call(2, "a"));
    tokio::time::sleep(Duration::from_millis(1)).await;
    drop(child);
    for answering in lost {
        assert!(matches!(answering.await.unwrap(), Err(BackFailure::Crashed)));
    }
    let mut fresh = world.child().await;
    fresh.welcome().await;
    fresh.hear_method("notifications/initialized").await;
    let asked = fresh.hear().await;
    fresh.answer(&asked, "a").await;
    assert_eq!(json_of(held_up).await["result"]["for"], "a");
}

#[tokio::test(start_paused = true)]
async fn legacy_server_that_never_starts_is_tried_less_and_less_and_recovers() {
    let mut world = World::new(Protocol::Auto);
    let mut retry_after = None;
    for _ in 0..10 {
        let mut opening = world.opening("ann", "client");
        let outcome = tokio::select! {
            child = world.child() => {
                drop(child);
                opening.await
            }
            refused = &mut opening => refused,
        };
        match outcome.unwrap().unwrap_err() {
            BackFailure::Crashed => {}
            BackFailure::Unavailable { retry_after: wait } => {
                retry_after = Some(wait);
                break;
            }
            other => panic!("{other}"),
        }
    }
    let wait = retry_after.expect("starts are refused in the end");
    assert!(wait > Duration::from_secs(1) && wait <= Duration::from_secs(30));
    assert!(world.back.trouble().is_some());
    let refused = world.opening("bob", "client").await.unwrap();
    assert!(matches!(refused, Err(BackFailure::Unavailable { .. })), "the next start would end no better for somebody else");

    tokio::time::sleep(wait).await;
    let (session, mut child) = world.open("ann", "client").await;
    let answering = world.send("ann", &session, &call(1, "a"));
    let asked = child.hear().await;
    child.answer(&asked, "a").await;
    json_of(answering).await;
    assert_eq!(world.back.trouble(), None);
}

#[tokio::test(start_paused = true)]
async fn modern_server_that_dies_right_after_its_start_counts_as_a_failure() {
    for protocol in [Protocol::Auto, Protocol::Modern] {
        let mut world = World::new(protocol);
        let mut crashes = 0;
        let failure = loop {
            let mut answering = world.send_modern("ann", &modern(1, "resources/read", &json!({})));
            let outcome = tokio::select! {
                child = world.child() => {
                    drop(child);
                    answering.await
                }
                refused = &mut answering => refused,
            };
            match outcome.unwrap().unwrap_err() {
                BackFailure::Crashed => crashes += 1,
                other => break other,
            }
            assert!(crashes < 10, "never refused");
        };
        let BackFailure::Unavailable { retry_after } = failure else { panic!("{failure}") };
        tokio::time::sleep(retry_after).await;
        let answering = world.send_modern("ann", &modern(1, "resources/read", &json!({})));
        let mut child = world.child().await;
        if protocol == Protocol::Auto {
            let probe = child.hear_method("server/discover").await;
            child.say(&json!({ "jsonrpc": "2.0", "id": probe["id"], "result": { "supportedVersions": ["2026-07-28"] } })).await;
        }
        let asked = child.hear().await;
        child.answer(&asked, "well").await;
        assert_eq!(json_of(answering).await["result"]["for"], "well");
        assert_eq!(world.back.trouble(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn crashing_again_and_again_at_one_callers_calls_does_not_shut_others_out() {
    let mut world = World::new(Protocol::Auto);
    let (session, child) = world.open("ann", "client").await;
    drop(child);
    let failure = loop {
        let mut answering = world.send("ann", &session, &call(1, "poison"));
        let outcome = tokio::select! {
            mut child = world.child() => {
                child.welcome().await;
                child.hear_method("notifications/initialized").await;
                child.hear().await;
                drop(child);
                answering.await
            }
            refused = &mut answering => refused,
        };
        match outcome.unwrap().unwrap_err() {
            BackFailure::Crashed => {}
            other => break other,
        }
    };
    assert!(matches!(failure, BackFailure::Unavailable { .. }), "{failure}");
    let (_session, _child) = world.open("bob", "client").await;
}

#[tokio::test(start_paused = true)]
async fn older_sessions_are_served_by_the_server_that_a_new_one_starts() {
    let mut world = World::new(Protocol::Auto);
    let (session, child) = world.open("ann", "client").await;
    drop(child);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let opening = world.opening("ann", "client");
    let mut fresh = world.child().await;
    fresh.welcome().await;
    assert!(opening.await.unwrap().unwrap().session.is_some());
    fresh.hear_method("notifications/initialized").await;
    let answering = world.send("ann", &session, &call(1, "a"));
    let asked = fresh.hear().await;
    fresh.answer(&asked, "a").await;
    assert_eq!(json_of(answering).await["result"]["for"], "a");
}

#[tokio::test(start_paused = true)]
async fn overlong_line_stops_the_server() {
    let mut world = World::with(Protocol::Auto, |limits, _| limits.message_bytes = 10_000);
    let (session, mut child) = world.open("ann", "client").await;
    let answering = world.send("ann", &session, &call(1, "a"));
    let asked = child.hear().await;
    child.say(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "text": "x".repeat(20_000) } })).await;
    assert!(matches!(answering.await.unwrap(), Err(BackFailure::TooLarge { limit: 10_000 })));
    assert!(child.is_told_to_end().await);
}

#[tokio::test(start_paused = true)]
async fn garbage_is_ignored() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let answering = world.send("ann", &session, &call(1, "a"));
    let asked = child.hear().await;
    for garbage in ["Server listening on stdio", "{\"jsonrpc\":\"1.0\"}", "[]", "null", "\u{1b}[31mred", "{\"id\":"] {
        child.say_line(garbage).await;
    }
    child.answer(&asked, "a").await;
    assert_eq!(json_of(answering).await["result"]["for"], "a");
}

#[tokio::test(start_paused = true)]
async fn answer_that_is_no_strict_message_fails_its_call_at_once() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let answering = world.send("ann", &session, &call(1, "a"));
    let asked = child.hear().await;
    child.say(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": {}, "Result": {} })).await;
    assert!(matches!(answering.await.unwrap(), Err(BackFailure::BadAnswer)));
    let after = world.send("ann", &session, &call(2, "b"));
    let asked = child.hear().await;
    child.answer(&asked, "b").await;
    assert_eq!(json_of(after).await["result"]["for"], "b");
}

#[tokio::test(start_paused = true)]
async fn caller_who_hangs_up_during_the_start_leaves_no_server_behind() {
    for modern_caller in [false, true] {
        let mut world = World::new(Protocol::Auto);
        if modern_caller {
            let answering = world.send_modern("ann", &modern(1, "resources/read", &json!({})));
            let mut child = world.child().await;
            child.hear_method("server/discover").await;
            answering.abort();
            assert!(child.is_told_to_end().await);
        } else {
            let opening = world.opening("ann", "client");
            let mut child = world.child().await;
            child.hear_method("initialize").await;
            opening.abort();
            assert!(child.is_told_to_end().await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn closing_ends_servers_and_refuses_what_comes_after() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let mut stream = world.listen("ann", &session).await;
    accepted(world.send("ann", &session, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))).await;
    world.back.shutdown(Duration::from_secs(1)).await;
    assert!(child.is_told_to_end().await);
    assert!(stream.next().await.is_none());
    assert!(matches!(world.send("ann", &session, &call(1, "a")).await.unwrap(), Err(BackFailure::SessionGone)));
    assert!(matches!(world.opening("ann", "client").await.unwrap(), Err(BackFailure::Stopping)));
    assert!(matches!(world.send_modern("ann", &modern(1, "x/y", &json!({}))).await.unwrap(), Err(BackFailure::Stopping)));
}
