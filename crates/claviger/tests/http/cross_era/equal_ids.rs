//! Every caller calls each request 1, as some real clients do, and all of them share one server: nobody sees another's answer.

use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::fixture::Era;

use super::before_a_legacy_server;
use crate::support::{Answer, Door, Line, Plan, Request, Session};

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

async fn legacy_callers_of_a_modern_server_get_their_own_answers(plan: Plan) {
    let door = plan.open().await;
    let opening = (0..LINES).map(|number| door.caller(["alice", "bob"][number % 2])).map(async |caller| caller.session().await);
    let sessions: Vec<Session> = join_all(opening).await;
    let before = answered(&door).await;
    let lines = sessions.iter().enumerate();
    let lines = lines.map(|(number, session)| ask_again_and_again(&door, number, |arguments| session.tool("test_echo", arguments)));
    join_all(lines).await;
    assert_eq!(answered(&door).await - before, CALLS);
}

mod legacy_callers_of_a_modern_server {
    use super::{Era, Plan};

    #[tokio::test]
    async fn over_http() {
        super::legacy_callers_of_a_modern_server_get_their_own_answers(Plan::new(Era::Modern).await).await;
    }

    #[tokio::test]
    async fn over_stdio() {
        super::legacy_callers_of_a_modern_server_get_their_own_answers(Plan::stdio("modern")).await;
    }
}

mod what_is_asked_in_the_middle_of_a_call {
    use super::{Asked, Era, Plan, converse_all};

    #[tokio::test]
    async fn is_asked_of_its_own_caller_over_http() {
        converse_all(Plan::new(Era::Legacy).await, Asked::OfTheCall).await;
    }

    /// A pipe does not say which of a person's calls a question is for; but it is never another's, and each call gets the answer to its own.
    #[tokio::test]
    async fn is_asked_of_its_own_person_over_stdio() {
        converse_all(Plan::stdio("legacy"), Asked::OfThePerson).await;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    OfTheCall,
    OfThePerson,
}

async fn converse_all(plan: Plan, asked: Asked) {
    let door = plan.open().await;
    let people = ["alice", "bob"];
    join_all((0..LINES).map(|number| converse(&door, people[number % 2], number, asked))).await;
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

/// The question of each call holds its own words, and so does what is said to it.
async fn converse(door: &Door, person: &str, number: usize, of: Asked) {
    let caller = door.caller(person);
    let mut line = Line::open(door.address).await;
    for call in 0..CONVERSATIONS {
        let words = format!("{person} at line {number}, call {call}");
        let params = json!({"name": "test_sampling", "arguments": {"prompt": words}});
        let mut answer = line.answer(caller.modern("tools/call", params.clone())).await;
        let mut rounds = 0;
        while answer.result()["resultType"] == "input_required" {
            let (key, question) = only_question(&answer);
            let asked = question["params"]["messages"][0]["content"]["text"].as_str().unwrap();
            assert!(asked.starts_with(person), "{person} was asked another's question: {asked}");
            assert!(of == Asked::OfThePerson || asked == words, "`{asked}` is not of this call, `{words}`");
            let mut again = params.clone();
            let said = json!({"type": "text", "text": format!("heard {asked}")});
            again["inputResponses"][key] = json!({"role": "assistant", "model": "none", "content": said});
            again["requestState"] = answer.result()["requestState"].clone();
            answer = line.answer(caller.modern("tools/call", again)).await;
            rounds += 1;
        }
        assert_eq!(answer.tool_text(), format!("LLM response: heard {words}"));
        assert!(rounds == 1 || of == Asked::OfThePerson, "asked {rounds} times");
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
