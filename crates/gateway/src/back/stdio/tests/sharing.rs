//! Who shares an instance with whom, how many may there be, and which pairs are impossible?

use std::num::NonZeroU32;
use std::time::Duration;

use mcp::era::Era;
use serde_json::json;

use super::{World, call, json_of, key, modern};
use crate::back::BackFailure;
use crate::back::failure::Scarce;
use crate::config::Protocol;

fn at_most(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap()
}

#[tokio::test(start_paused = true)]
async fn same_words_share_a_server_other_words_and_other_callers_do_not() {
    let mut world = World::new(Protocol::Auto);
    let (_one, _child) = world.open("ann", "editor").await;
    world.join("ann", "editor").await;
    assert!(world.none_started());
    let (_two, _second) = world.open("ann", "terminal").await;
    let (_three, _third) = world.open("bob", "editor").await;
    assert!(world.none_started());
}

#[tokio::test(start_paused = true)]
async fn trace_of_the_opening_is_not_among_its_words() {
    let mut world = World::new(Protocol::Auto);
    let opening = |trace: &str| {
        let mut message = super::initialize("editor");
        message["params"]["_meta"] = json!({ "traceparent": trace, "progressToken": 1 });
        let (back, message) = (std::sync::Arc::clone(&world.back), message.to_string());
        let opened =
            async move { back.open(&super::permit(), &key("ann"), &mcp::envelope::Message::parse(message.as_bytes()).unwrap()).await };
        tokio::spawn(opened)
    };
    let (first, second) = (opening("00-a-b-01"), opening("00-c-d-01"));
    let mut child = world.child().await;
    child.welcome().await;
    let sessions = (first.await.unwrap().unwrap().session.unwrap(), second.await.unwrap().unwrap().session.unwrap());
    assert_ne!(sessions.0, sessions.1);
    assert!(world.none_started());
}

#[tokio::test(start_paused = true)]
async fn session_of_another_principal_is_refused() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    assert!(matches!(world.send("bob", &session, &call(1, "a")).await.unwrap(), Err(BackFailure::ForeignSession)));
    assert!(matches!(world.back.listen(&key("bob"), &session).await, Err(BackFailure::ForeignSession)));
    assert!(matches!(world.back.close(&key("bob"), &session).await, Err(BackFailure::ForeignSession)));
    assert!(child.hears_nothing().await);
}

#[tokio::test(start_paused = true)]
async fn callers_who_open_at_once_in_the_same_words_share_one_server() {
    let mut world = World::new(Protocol::Auto);
    let openings: Vec<_> = (0..8).map(|_| world.opening("ann", "client")).collect();
    let mut child = world.child().await;
    child.welcome().await;
    for opening in openings {
        assert!(opening.await.unwrap().unwrap().session.is_some());
    }
    assert!(world.none_started());
}

#[tokio::test(start_paused = true)]
async fn failed_opening_does_not_spoil_the_one_that_waits_behind_it() {
    let mut world = World::with(Protocol::Auto, |_, timeouts| timeouts.idle = Duration::from_secs(60));
    let first = world.opening("ann", "client");
    let mut child = world.child().await;
    child.hear_method("initialize").await;
    let second = world.opening("ann", "client");
    tokio::task::yield_now().await;
    drop(child);
    assert!(matches!(first.await.unwrap(), Err(BackFailure::Crashed)));
    let mut child = world.child().await;
    child.welcome().await;
    let session = second.await.unwrap().unwrap().session.unwrap();
    let answering = world.send("ann", &session, &call(1, "a"));
    let asked = child.hear().await;
    child.answer(&asked, "a").await;
    json_of(answering).await;
    // It is in the table: the reaper finds it.
    assert!(
        !child.hears_nothing().await || {
            tokio::time::sleep(Duration::from_secs(90)).await;
            child.is_told_to_end().await
        }
    );
}

#[tokio::test(start_paused = true)]
async fn the_session_used_the_longest_ago_gives_way_to_a_new_one() {
    let mut world = World::with(Protocol::Auto, |limits, _| limits.sessions_per_caller = at_most(2));
    let (one, mut child) = world.open("ann", "client").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let two = world.join("ann", "client").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let answering = world.send("ann", &one, &call(1, "a"));
    let asked = child.hear().await;
    child.answer(&asked, "a").await;
    json_of(answering).await;
    world.join("ann", "client").await;
    assert!(matches!(world.send("ann", &two, &call(1, "a")).await.unwrap(), Err(BackFailure::SessionGone)));
    let answering = world.send("ann", &one, &call(1, "a"));
    let asked = child.hear().await;
    child.answer(&asked, "a").await;
    json_of(answering).await;
}

#[tokio::test(start_paused = true)]
async fn servers_are_capped_and_busy_ones_do_not_give_way() {
    let mut world = World::with(Protocol::Auto, |limits, _| limits.children = at_most(2));
    let (ann, mut anns) = world.open("ann", "client").await;
    let _busy = world.send("ann", &ann, &call(1, "slow"));
    anns.hear().await;
    let (bob, mut bobs) = world.open("bob", "client").await;
    let _busy_too = world.send("bob", &bob, &call(1, "slow"));
    bobs.hear().await;
    assert!(matches!(world.opening("eve", "client").await.unwrap(), Err(BackFailure::Busy(Scarce::Children))));
    assert!(world.none_started());
}

#[tokio::test(start_paused = true)]
async fn idle_server_gives_way_and_its_session_lives_on() {
    let mut world = World::with(Protocol::Auto, |limits, _| limits.children = at_most(1));
    let (ann, mut anns) = world.open("ann", "client").await;
    assert!(matches!(world.opening("bob", "client").await.unwrap(), Err(BackFailure::Busy(Scarce::Children))), "used a moment ago");
    tokio::time::sleep(Duration::from_secs(100)).await;
    let opening = world.opening("bob", "client");
    assert!(anns.is_told_to_end().await);
    let mut bobs = world.child().await;
    bobs.welcome().await;
    opening.await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(100)).await;
    let answering = world.send("ann", &ann, &call(1, "a"));
    let mut fresh = world.child().await;
    fresh.welcome().await;
    fresh.hear_method("notifications/initialized").await;
    let asked = fresh.hear().await;
    fresh.answer(&asked, "a").await;
    json_of(answering).await;
}

#[tokio::test(start_paused = true)]
async fn one_caller_cannot_take_all_servers() {
    let mut world = World::with(Protocol::Auto, |limits, _| limits.children = at_most(4));
    let mut children = Vec::new();
    for words in ["a", "b", "c"] {
        let (session, mut child) = world.open("ann", words).await;
        children.push(world.send("ann", &session, &call(1, "slow")));
        child.hear().await;
        children.push(tokio::spawn(async move {
            let _child = child;
            std::future::pending().await
        }));
    }
    assert!(matches!(world.opening("ann", "d").await.unwrap(), Err(BackFailure::Busy(Scarce::ChildrenOfPrincipal))));
    let (_session, _child) = world.open("bob", "client").await;
}

#[tokio::test(start_paused = true)]
async fn idle_server_is_ended_and_comes_back_with_the_next_call() {
    let mut world = World::with(Protocol::Auto, |_, timeouts| timeouts.idle = Duration::from_secs(60));
    let (session, mut child) = world.open("ann", "client").await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert!(child.is_told_to_end().await);
    let answering = world.send("ann", &session, &call(1, "a"));
    let mut fresh = world.child().await;
    fresh.welcome().await;
    fresh.hear_method("notifications/initialized").await;
    let asked = fresh.hear().await;
    fresh.answer(&asked, "back").await;
    assert_eq!(json_of(answering).await["result"]["for"], "back");
}

#[tokio::test(start_paused = true)]
async fn server_is_not_idle_while_somebody_listens_or_waits() {
    let mut world = World::with(Protocol::Auto, |_, timeouts| timeouts.idle = Duration::from_secs(60));
    let (one, mut listened) = world.open("ann", "client").await;
    let stream = world.listen("ann", &one).await;
    let (two, mut busy) = world.open("bob", "client").await;
    let waiting = world.send("bob", &two, &call(1, "slow"));
    let asked = busy.hear().await;
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert!(listened.hears_nothing().await && busy.hears_nothing().await);
    busy.answer(&asked, "").await;
    json_of(waiting).await;
    drop(stream);
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert!(listened.is_told_to_end().await && busy.is_told_to_end().await);
}

#[tokio::test(start_paused = true)]
async fn shared_modern_server_is_ended_when_idle_and_comes_back() {
    let mut world = World::with(Protocol::Modern, |_, timeouts| timeouts.idle = Duration::from_secs(60));
    for _ in 0..2 {
        let answering = world.send_modern("ann", &modern(1, "resources/read", &json!({})));
        let mut child = world.child().await;
        let asked = child.hear().await;
        child.answer(&asked, "").await;
        json_of(answering).await;
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert!(child.is_told_to_end().await);
    }
}

fn pair(failure: &BackFailure) -> (Era, Era) {
    let BackFailure::ImpossiblePair { upstream, caller, .. } = failure else { panic!("{failure}") };
    let shown = failure.outward();
    assert!(shown.contains("the modern protocol (2026-07-28)") && shown.contains("up to 2025-11-25"), "{shown}");
    (*upstream, *caller)
}

#[tokio::test(start_paused = true)]
async fn modern_client_of_a_legacy_server_is_told_of_both_eras() {
    let mut world = World::new(Protocol::Auto);
    let answering = world.send_modern("ann", &modern(1, "resources/read", &json!({})));
    let mut child = world.child().await;
    let probe = child.hear_method("server/discover").await;
    child.say(&json!({ "jsonrpc": "2.0", "id": probe["id"], "error": { "code": -32000, "message": "Server not initialized" } })).await;
    assert_eq!(pair(&answering.await.unwrap().unwrap_err()), (Era::Legacy, Era::Modern));
    assert!(child.is_told_to_end().await);
    let again = world.send_modern("ann", &modern(1, "resources/read", &json!({})));
    assert_eq!(pair(&again.await.unwrap().unwrap_err()), (Era::Legacy, Era::Modern));
    assert!(world.none_started(), "what is known is not asked again");

    let mut configured = World::new(Protocol::Legacy);
    let answering = configured.send_modern("ann", &modern(1, "resources/read", &json!({})));
    assert_eq!(pair(&answering.await.unwrap().unwrap_err()), (Era::Legacy, Era::Modern));
    assert!(configured.none_started());
}

#[tokio::test(start_paused = true)]
async fn legacy_client_of_a_modern_server_is_told_of_both_eras() {
    for refusal in [-32601, -32602, -32022] {
        let mut world = World::new(Protocol::Auto);
        let opening = world.opening("ann", "client");
        let mut child = world.child().await;
        let asked = child.hear_method("initialize").await;
        child.say(&json!({ "jsonrpc": "2.0", "id": asked["id"], "error": { "code": refusal, "message": "no" } })).await;
        let probe = child.hear_method("server/discover").await;
        child.say(&json!({ "jsonrpc": "2.0", "id": probe["id"], "result": { "supportedVersions": ["2026-07-28"] } })).await;
        assert_eq!(pair(&opening.await.unwrap().unwrap_err()), (Era::Modern, Era::Legacy));
        assert!(child.is_told_to_end().await);
    }
    let mut configured = World::new(Protocol::Modern);
    assert_eq!(pair(&configured.opening("ann", "client").await.unwrap().unwrap_err()), (Era::Modern, Era::Legacy));
    assert!(configured.none_started());
}

#[tokio::test(start_paused = true)]
async fn refusal_of_a_legacy_server_reaches_the_client_as_it_is() {
    let mut world = World::new(Protocol::Auto);
    let opening = world.opening("ann", "client");
    let mut child = world.child().await;
    let asked = child.hear_method("initialize").await;
    let error = json!({ "code": -32602, "message": "Unsupported protocol version", "data": { "supported": ["2024-11-05"] } });
    child.say(&json!({ "jsonrpc": "2.0", "id": asked["id"], "error": error })).await;
    let probe = child.hear_method("server/discover").await;
    child.say(&json!({ "jsonrpc": "2.0", "id": probe["id"], "error": { "code": -32601, "message": "Method not found" } })).await;
    let opened = opening.await.unwrap().unwrap();
    assert_eq!(opened.session, None);
    let super::Answer::Json { body, .. } = opened.answer else { panic!("not one message") };
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap()["error"], error);
}

#[tokio::test(start_paused = true)]
async fn server_too_slow_for_the_question_is_believed_when_it_answers() {
    let mut world = World::new(Protocol::Auto);
    let answering = world.send_modern("ann", &modern(1, "resources/read", &json!({})));
    let mut child = world.child().await;
    let probe = child.hear_method("server/discover").await;
    assert_eq!(pair(&answering.await.unwrap().unwrap_err()), (Era::Legacy, Era::Modern));
    tokio::time::sleep(Duration::from_secs(10)).await;
    child.say(&json!({ "jsonrpc": "2.0", "id": probe["id"], "result": { "supportedVersions": ["2026-07-28"] } })).await;
    assert!(child.is_told_to_end().await);
    let answering = world.send_modern("ann", &modern(1, "resources/read", &json!({})));
    let mut child = world.child().await;
    let asked = child.hear_method("resources/read").await;
    child.answer(&asked, "modern").await;
    assert_eq!(json_of(answering).await["result"]["for"], "modern");
}
