//! A question of a legacy server waits for a modern caller who may never come back: it ends in time, is counted, and leaves nothing.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::before_a_legacy_server;
use crate::support::{Caller, Door, Line, Metrics, PATIENCE, Request, resident_kib};

before_a_legacy_server! {
    async fn a_question_that_nobody_answers_expires_and_is_counted(plan: Plan) {
        let door = plan.section(SHORT).open().await;
        let alice = door.caller("alice");
        let asked = alice.call("test_elicitation", json!({"message": "Who are you?"})).await.result();
        assert_eq!(asked["resultType"], "input_required", "{asked}");
        assert_eq!((parked(&door).await, expired(&door).await), (1, 0));
        all_expired(&door, 1).await;

        let late = answer_to(&alice, &asked).send().await;
        let refused = late.message().get("error").is_some();
        let asked_again = late.message()["result"]["resultType"] == "input_required";
        assert!(refused || asked_again, "what has expired has no answer: {late:?}");
        assert_eq!(alice.hello().await.status, 200, "the server is as it was");
    }
}

before_a_legacy_server! {
    async fn a_question_that_is_answered_is_counted_as_no_longer_parked(plan: Plan) {
        let door = plan.open().await;
        let alice = door.caller("alice");
        let asked = alice.call("test_elicitation", json!({"message": "Who are you?"})).await.result();
        assert_eq!(parked(&door).await, 1);
        let text = answer_to(&alice, &asked).send().await.tool_text();
        assert!(text.contains("alice@example.com"), "{text}");
        assert_eq!((parked(&door).await, expired(&door).await), (0, 0));
        assert!(answer_to(&alice, &asked).send().await.message().get("error").is_some(), "what is answered is answered once");
    }
}

before_a_legacy_server! {
    async fn questions_that_nobody_answers_leave_no_memory_behind(plan: Plan) {
        let door = plan.section(SHORT).open().await;
        let callers = ["alice", "bob"].map(|who| door.caller(who));
        park(&door, &callers, 1).await;
        all_expired(&door, PARKED_AT_ONCE).await;
        let before = resident_kib(&door);
        park(&door, &callers, ROUNDS).await;
        all_expired(&door, PARKED_AT_ONCE * (1 + ROUNDS)).await;
        let grown = resident_kib(&door).saturating_sub(before);
        // The allocator takes memory in steps of some MiB; 8 KiB kept for each question would show all the same.
        assert!(grown < 8 * 1024, "{} questions took {grown} KiB for good", PARKED_AT_ONCE * ROUNDS);
    }
}

/// The same call again, with what was asked for.
fn answer_to(caller: &Caller, asked: &Value) -> Request {
    let (key, _) = asked["inputRequests"].as_object().unwrap().iter().next().unwrap();
    let mut params = json!({"name": "test_elicitation", "arguments": {"message": "Who are you?"}});
    params["inputResponses"][key] = json!({"action": "accept", "content": {"username": "alice", "email": "alice@example.com"}});
    params["requestState"] = asked["requestState"].clone();
    caller.modern("tools/call", params)
}

/// Asks for questions, round after round, and leaves them alone; the next round begins when none of the last is left.
async fn park(door: &Door, callers: &[Caller; 2], rounds: u64) {
    for _ in 0..rounds {
        let all = callers.iter().cycle().take(LINES).map(async |caller| {
            let mut line = Line::open(door.address).await;
            for _ in 0..PARKED_BY_EACH {
                let asked = line.answer(caller.tool("test_elicitation", json!({"message": LONG.repeat(64)}))).await;
                assert_eq!(asked.result()["resultType"], "input_required", "{asked:?}");
            }
        });
        join_all(all).await;
        wait_until(door, "none is parked", |metrics| metrics.sum(PARKED, &[]) == 0).await;
    }
}

async fn all_expired(door: &Door, count: u64) {
    wait_until(door, "all have expired", |metrics| metrics.sum(EXPIRED, &[]) == count && metrics.sum(PARKED, &[]) == 0).await;
}

async fn wait_until(door: &Door, what: &str, is_so: impl Fn(&Metrics) -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let metrics = door.metrics().await;
        if is_so(&metrics) {
            return;
        }
        let (parked, expired) = (metrics.sum(PARKED, &[]), metrics.sum(EXPIRED, &[]));
        assert!(tokio::time::Instant::now() < deadline, "never happened: {what}; {parked} are parked, {expired} expired");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn parked(door: &Door) -> u64 {
    door.metrics().await.sum(PARKED, &[])
}

async fn expired(door: &Door) -> u64 {
    door.metrics().await.sum(EXPIRED, &[])
}

const PARKED: &str = "claviger_parked_calls";
const EXPIRED: &str = "claviger_parked_expired_total";
const SHORT: &str = "[timeouts]\nquestion = \"3s\"\ndrain = \"10s\"";
const PARKED_AT_ONCE: u64 = 128;
const PARKED_BY_EACH: u64 = 16;
const ROUNDS: u64 = 4;
/// Connections at once.
const LINES: usize = 8;
const LONG: &str = "What would you like to tell this server about yourself? ";
