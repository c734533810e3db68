//! DELETE `/mcp/<name>`: the end of a legacy session.

use http::Method;

use crate::support::{Door, Plan, over_http_and_stdio};

over_http_and_stdio! {
    async fn an_ended_session_is_gone_for_good(door: Door) {
        let session = door.caller("alice").session().await;
        assert_eq!(session.hello().await.status, 200);
        let answer = session.end().send().await;
        assert!((200..300).contains(&answer.status), "{answer:?}");
        for request in [session.tool("test_simple_text", serde_json::json!({})), session.listen(), session.end()] {
            assert_eq!(request.clone().send().await.status, 404, "{request:?}");
        }
    }
}

#[tokio::test]
async fn an_ended_session_stays_ended_after_a_restart() {
    let door = Door::open().await;
    let (ended, living) = (door.caller("alice").session().await, door.caller("alice").session().await);
    ended.end().send().await;
    let address = door.address;
    let (folder, issuer, fixture) = door.close().await;
    let mut plan = Plan::before(&fixture.as_ref().unwrap().url, "auto").issuer(issuer).argument("--listen").argument(&address.to_string());
    plan.arguments.drain(..2);
    plan.fixture = fixture;
    let _door = plan.open_again(folder).await;
    assert_eq!(ended.hello().await.status, 404);
    let answer = living.hello().await;
    assert_eq!(answer.status, 200, "a sealed session outlives the process: {answer:?}");
}

#[tokio::test]
async fn a_delete_without_a_session_is_refused() {
    let door = Door::open().await;
    let answer = door.caller("alice").bare(Method::DELETE).send().await;
    assert_eq!(answer.status, 400, "{answer:?}");
}

#[tokio::test]
async fn modern_callers_have_no_delete() {
    let door = Door::open().await;
    let answer = door.caller("alice").bare(Method::DELETE).header("mcp-protocol-version", "2026-07-28").send().await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{answer:?}");
}
