//! What happens when a caller goes away, reads too slowly, or waits too long?

use std::time::Duration;

use serde_json::json;

use super::{World, call, call_with_progress, events_of, json_of, modern, notification};
use crate::back::BackFailure;
use crate::config::Protocol;

#[tokio::test(start_paused = true)]
async fn modern_caller_who_goes_away_cancels() {
    let mut world = World::new(Protocol::Modern);
    let waiting = world.send_modern("ann", &modern(1, "resources/read", &json!({})));
    let mut child = world.child().await;
    let asked = child.hear().await;
    waiting.abort();
    let cancelled = child.hear_method("notifications/cancelled").await;
    assert_eq!(cancelled["params"]["requestId"], asked["id"]);
}

#[tokio::test(start_paused = true)]
async fn modern_caller_who_closes_the_stream_cancels() {
    let mut world = World::new(Protocol::Modern);
    let waiting = world.send_modern("ann", &modern(1, "resources/read", &json!({ "progressToken": 9 })));
    let mut child = world.child().await;
    let asked = child.hear().await;
    child.say(&notification("notifications/progress", &json!({ "progressToken": asked["id"], "progress": 1 }))).await;
    let mut events = events_of(waiting).await;
    assert_eq!(events.next().await.unwrap()["params"]["progressToken"], 9);
    drop(events);
    let cancelled = child.hear_method("notifications/cancelled").await;
    assert_eq!(cancelled["params"]["requestId"], asked["id"]);
}

#[tokio::test(start_paused = true)]
async fn modern_caller_who_stays_to_the_end_cancels_nothing() {
    let mut world = World::new(Protocol::Modern);
    let waiting = world.send_modern("ann", &modern(1, "resources/read", &json!({})));
    let mut child = world.child().await;
    let asked = child.hear().await;
    child.answer(&asked, "done").await;
    json_of(waiting).await;
    assert!(child.hears_nothing().await);
}

#[tokio::test(start_paused = true)]
async fn legacy_caller_who_goes_away_does_not_cancel() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let waiting = world.send("ann", &session, &call(1, "slow"));
    let first = child.hear().await;
    waiting.abort();
    let streaming = world.send("ann", &session, &call_with_progress(2, "slow", "t"));
    let second = child.hear().await;
    child.say(&notification("notifications/progress", &json!({ "progressToken": second["id"], "progress": 1 }))).await;
    drop(events_of(streaming).await);
    assert!(child.hears_nothing().await);
    child.answer(&first, "late").await;
    child.answer(&second, "late").await;
    let after = world.send("ann", &session, &call(1, "quick"));
    let asked = child.hear().await;
    child.answer(&asked, "quick").await;
    assert_eq!(json_of(after).await["result"]["for"], "quick");
}

#[tokio::test(start_paused = true)]
async fn call_that_takes_too_long_fails_and_the_server_is_told() {
    let mut world = World::with(Protocol::Auto, |_, timeouts| timeouts.call = Duration::from_secs(20));
    let (session, mut child) = world.open("ann", "client").await;
    let waiting = world.send("ann", &session, &call(1, "slow"));
    let asked = child.hear().await;
    assert!(matches!(waiting.await.unwrap(), Err(BackFailure::TimedOut { .. })));
    let cancelled = child.hear_method("notifications/cancelled").await;
    assert_eq!(cancelled["params"]["requestId"], asked["id"]);
}

#[tokio::test(start_paused = true)]
async fn slow_reader_is_cut_off_and_blocks_nobody() {
    let mut world = World::new(Protocol::Modern);
    let slow = world.send_modern("ann", &modern(1, "resources/read", &json!({ "progressToken": "t" })));
    let mut child = world.child().await;
    let for_slow = child.hear().await;
    for step in 0..2000 {
        child.say(&notification("notifications/progress", &json!({ "progressToken": for_slow["id"], "progress": step }))).await;
    }
    let mut events = events_of(slow).await;
    let quick = world.send_modern("bob", &modern(1, "resources/read", &json!({})));
    // The server learns that nobody listens to the slow one any more.
    assert_eq!(child.hear().await["params"]["requestId"], for_slow["id"]);
    let asked = child.hear().await;
    child.answer(&asked, "quick").await;
    assert_eq!(json_of(quick).await["result"]["for"], "quick");

    let (mut read, mut last) = (0, None);
    while let Some(event) = events.next().await {
        read += 1;
        last = Some(event);
    }
    assert!(read < 300, "{read} messages were kept for one who does not read");
    let last = last.unwrap();
    assert_eq!((&last["id"], &last["error"]["message"]), (&json!(1), &json!("the client reads too slowly; its stream was ended")));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_slow_reader_is_bounded_in_bytes() {
    let mut world = World::new(Protocol::Modern);
    let slow = world.send_modern("ann", &modern(1, "resources/read", &json!({ "progressToken": "t" })));
    let mut child = world.child().await;
    let asked = child.hear().await;
    let padding = "x".repeat(1024 * 1024);
    for step in 0..30 {
        let params = json!({ "progressToken": asked["id"], "progress": step, "message": padding });
        child.say(&notification("notifications/progress", &params)).await;
    }
    let mut events = events_of(slow).await;
    let mut read = 0;
    while events.next().await.is_some() {
        read += 1;
    }
    assert!(read <= 12, "{read} MiB were kept for one who does not read");
}

#[tokio::test(start_paused = true)]
async fn session_stream_that_is_not_read_ends_and_keeps_the_newest() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let mut unread = world.listen("ann", &session).await;
    for number in 0..1000 {
        child.say(&notification("notifications/custom", &json!({ "number": number }))).await;
    }
    let answering = world.send("ann", &session, &call(1, "a"));
    let asked = child.hear().await;
    child.answer(&asked, "a").await;
    json_of(answering).await;
    let mut read = 0;
    while unread.next().await.is_some() {
        read += 1;
    }
    assert!(read <= 2, "the stream has ended");
    let mut events = world.listen("ann", &session).await;
    let mut newest = 0;
    for _ in 0..128 {
        newest = events.next().await.unwrap()["params"]["number"].as_u64().unwrap();
    }
    assert_eq!(newest, 999);
    assert!(events.is_silent().await);
}

#[tokio::test(start_paused = true)]
async fn server_that_does_not_read_its_input_holds_nobody_for_ever() {
    let mut world = World::new(Protocol::Auto);
    let (session, mut child) = world.open("ann", "client").await;
    let padding = "x".repeat(64 * 1024);
    let big = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": padding } });
    let calls: Vec<_> = (0..100).map(|_| world.send("ann", &session, &big)).collect();
    for answering in calls {
        assert!(matches!(answering.await.unwrap(), Err(BackFailure::TimedOut { .. })));
    }
    assert!(!child.hears_nothing().await);
}
