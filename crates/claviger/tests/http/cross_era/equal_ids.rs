//! Every caller calls each request 1, as some real clients do, and all of them share one server: nobody sees another's answer.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::before_a_legacy_server;
use crate::support::{Answer, Caller, Door, Line, Request, Session};

before_a_legacy_server! {
    async fn modern_callers_of_a_legacy_server_get_their_own_answers(plan: Plan) {
        let door = plan.open().await;
        // Two people, each with several clients: sessions of one person may be shared, those of two may not.
        let callers = ["alice", "bob"].map(|who| door.caller(who));
        let lines = callers.iter().cycle().take(LINES).enumerate();
        let lines = lines.map(|(number, caller)| ask_again_and_again(&door, number, |arguments| caller.tool("test_echo", arguments)));
        join_all(lines).await;
        assert_eq!(answered(&door).await, CALLS);
    }
}

#[tokio::test]
async fn legacy_callers_of_a_modern_server_get_their_own_answers() {
    let door = crate::support::Plan::new(testkit::fixture::Era::Modern).await.open().await;
    let mut sessions: Vec<Session> = Vec::new();
    for number in 0..LINES {
        sessions.push(door.caller(["alice", "bob"][number % 2]).session().await);
    }
    let before = answered(&door).await;
    let lines = sessions.iter().enumerate();
    let lines = lines.map(|(number, session)| ask_again_and_again(&door, number, |arguments| session.tool("test_echo", arguments)));
    join_all(lines).await;
    assert_eq!(answered(&door).await - before, CALLS);
}

before_a_legacy_server! {
    async fn what_is_asked_in_the_middle_of_a_call_is_asked_of_its_own_caller(plan: Plan) {
        // On a pipe nothing says which of several calls a question belongs to; of one person's two, either may put it to them.
        let lines = if plan.fixture.is_some() { LINES } else { 2 };
        let door = plan.open().await;
        let callers = ["alice", "bob"].map(|who| door.caller(who));
        join_all((0..lines).map(|number| converse(&door, &callers[number % 2], number))).await;
    }
}

/// One of the connections: calls one after the other, each with its own words.
async fn ask_again_and_again(door: &Door, number: usize, request: impl Fn(Value) -> Request) {
    let mut line = Line::open(door.address).await;
    for call in 0..CALLS_OF_EACH {
        let arguments = json!({"line": number, "call": call});
        let answer = line.answer(request(arguments.clone())).await;
        assert_eq!(answer.message()["id"], 1, "{answer:?}");
        assert_eq!(answer.result()["structuredContent"], arguments, "another's answer");
    }
}

/// The question of each call holds its own words; so does the answer to what was said to it.
async fn converse(door: &Door, caller: &Caller, number: usize) {
    let mut line = Line::open(door.address).await;
    for call in 0..CONVERSATIONS {
        let words = format!("line {number} call {call}");
        let asked = line.answer(caller.tool("test_sampling", json!({"prompt": words}))).await;
        let (key, question) = only_question(&asked);
        assert_eq!(question["params"]["messages"][0]["content"]["text"], words, "another's question: {asked:?}");
        let mut params = json!({"name": "test_sampling", "arguments": {"prompt": words}});
        let said = json!({"role": "assistant", "model": "none", "content": {"type": "text", "text": format!("heard {words}")}});
        params["inputResponses"][key] = said;
        params["requestState"] = asked.result()["requestState"].clone();
        let answer = line.answer(caller.modern("tools/call", params)).await;
        assert_eq!(answer.tool_text(), format!("LLM response: heard {words}"));
    }
}

fn only_question(asked: &Answer) -> (String, Value) {
    let result = asked.result();
    assert_eq!(result["resultType"], "input_required", "{result}");
    let questions = result["inputRequests"].as_object().unwrap();
    assert_eq!(questions.len(), 1, "{result}");
    let (key, question) = questions.iter().next().unwrap();
    (key.clone(), question.clone())
}

/// How many calls the door says that it answered well.
async fn answered(door: &Door) -> u64 {
    door.metrics().await.sum("claviger_calls_total", &[r#"outcome="ok""#])
}

const CALLS: u64 = 10_000;
/// Connections at once.
const LINES: usize = 8;
const CALLS_OF_EACH: u64 = 1_250;
/// Conversations on each connection.
const CONVERSATIONS: usize = 25;
