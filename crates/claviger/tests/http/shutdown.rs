//! The end: calls under way are finished, nothing new begins, a second signal ends everything, and no child is left behind.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::support::{Door, Plan, Signal, descendants, eventually, is_alive, modern_message, over_http_and_stdio};

over_http_and_stdio! {
    async fn calls_under_way_are_finished_and_the_end_is_recorded(door: Door) {
        let mut door = door;
        let (alice, session) = (door.caller("alice"), door.caller("bob").session().await);
        let modern = tokio::spawn(alice.tool("test_wait", json!({"milliseconds": 1_000})).send());
        let legacy = tokio::spawn(session.tool("test_wait", json!({"milliseconds": 1_000})).send());
        tokio::time::sleep(Duration::from_millis(300)).await;
        door.signal(Signal::TERM);
        door.says("stopping").await;
        if let Ok(stream) = alice.tool("test_simple_text", json!({})).try_open().await {
            assert_eq!(stream.status.as_u16(), 503, "nothing new begins");
        }
        assert_eq!(modern.await.unwrap().tool_text(), "Waited 1000 ms.");
        assert_eq!(legacy.await.unwrap().tool_text(), "Waited 1000 ms.");
        assert!(door.ended().await.success(), "{}", door.said());
        assert!(door.record().last().is_some_and(|line| line["event"] == "door.stopped"), "{:?}", door.record().last());
        let waited = door.recorded_calls().iter().filter(|line| line["tool"] == "test_wait" && line["outcome"] == "ok").count();
        assert_eq!(waited, 2, "calls that end while draining are recorded too");
        assert_eq!(door.verify_record().await.code, Some(0));
    }
}

over_http_and_stdio! {
    async fn streams_without_an_end_are_ended(door: Door) {
        let mut door = door;
        let session = door.caller("alice").session().await;
        let mut get = session.listening().await;
        let listen = modern_message("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
        let mut listening = door.caller("bob").modern_post(&listen).open().await;
        listening.message().await.unwrap();
        let started = Instant::now();
        door.signal(Signal::TERM);
        assert!(get.ends_within(Duration::from_secs(5)).await);
        assert!(listening.ends_within(Duration::from_secs(5)).await);
        assert!(door.ended().await.success());
        assert!(started.elapsed() < Duration::from_secs(8), "an idle stream does not hold the door open");
    }
}

#[tokio::test]
async fn an_interrupt_is_as_good_as_a_term() {
    let mut door = Door::open().await;
    door.signal(Signal::INT);
    assert!(door.ended().await.success());
    assert!(tokio::net::TcpStream::connect(door.address).await.is_err());
}

over_http_and_stdio! {
    async fn a_second_signal_ends_everything_at_once(door: Door) {
        let mut door = door;
        let waiting = tokio::spawn(door.caller("alice").tool("test_wait", json!({"milliseconds": 15_000})).try_open());
        tokio::time::sleep(Duration::from_millis(400)).await;
        door.signal(Signal::TERM);
        door.says("stopping").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!door.has_ended(), "it waits for the call");
        let started = Instant::now();
        door.signal(Signal::TERM);
        door.ended().await;
        assert!(started.elapsed() < Duration::from_millis(1_500), "at once: {:?}", started.elapsed());
        waiting.abort();
        let line = door.recorded("the call that was cut off", |line| line["tool"] == "test_wait").await;
        assert_ne!(line["outcome"], "ok", "{line}");
        assert_eq!(door.verify_record().await.code, Some(0));
    }
}

#[tokio::test]
async fn draining_has_an_end() {
    let mut door = Plan::both().await.section("[timeouts]\ndrain = \"600ms\"").open().await;
    let waiting = tokio::spawn(door.caller("alice").tool("test_wait", json!({"milliseconds": 15_000})).try_open());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let started = Instant::now();
    door.signal(Signal::TERM);
    door.ended().await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    waiting.abort();
}

#[tokio::test]
async fn no_child_outlives_the_door_however_it_ends() {
    for signal in [Signal::TERM, Signal::KILL] {
        let mut door = Plan::stdio("both").open().await;
        let session = door.caller("alice").session().await;
        assert_eq!(session.hello().await.status, 200);
        assert_eq!(door.caller("bob").hello().await.status, 200);
        let children = descendants(door.process_id());
        assert!(children.len() >= 2, "a child for the session and one for modern callers: {children:?}");
        door.signal(signal);
        door.ended().await;
        eventually("all children have ended", || (!children.iter().any(|id| is_alive(*id))).then_some(())).await;
    }
}
