//! Whose session is it? It belongs to one issuer and subject at one server, and its id proves nothing by itself.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use serde_json::json;

use crate::support::{Plan, Puppet, Say, Seen, Session, over_http_and_stdio};

/// Every way of using a session is refused, as if there were none.
async fn is_unknown(session: &Session, what: &str) {
    for request in [session.tool("test_simple_text", json!({})), session.listen(), session.end()] {
        let answer = request.clone().send().await;
        assert_eq!(answer.status, 404, "{what}: {request:?}: {answer:?}");
        assert!(answer.message()["error"]["code"].is_i64(), "{what}");
        assert_eq!(answer.header("www-authenticate"), None, "{what}: nobody has to log in again for this");
    }
}

over_http_and_stdio! {
    async fn another_persons_session_is_unknown_and_unharmed(door: Door) {
        let session = door.caller("alice").session().await;
        is_unknown(&session.stolen_by(&door.caller("mallory")), "mallory with alice's session").await;
        assert_eq!(session.hello().await.status, 200, "a stranger's DELETE ends nothing");
    }
}

over_http_and_stdio! {
    async fn a_session_outlives_the_token_that_opened_it(door: Door) {
        let session = door.caller("alice").session().await;
        let refreshed = session.stolen_by(&door.caller_with("alice", "another scope"));
        assert_ne!(refreshed.caller.token, session.caller.token);
        assert_eq!(refreshed.hello().await.status, 200, "a refresh must not end a session");
    }
}

over_http_and_stdio! {
    async fn an_id_is_visible_ascii_and_unlike_any_other(door: Door) {
        let ids = [door.caller("alice").session().await.id, door.caller("alice").session().await.id, door.caller("bob").session().await.id];
        for id in &ids {
            assert!(id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{id}");
            assert!(id.len() >= 22, "128 bits at least: {id}");
            for bytes in [URL_SAFE_NO_PAD.decode(id), STANDARD.decode(id)].into_iter().flatten() {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                assert!(!text.contains("alice") && !text.contains("fixture"), "an id says nothing: {text}");
            }
        }
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    }
}

over_http_and_stdio! {
    async fn forged_ids_are_unknown(door: Door) {
        let session = door.caller("alice").session().await;
        let mut flipped = session.id.clone().into_bytes();
        flipped[5] = if flipped[5] == b'A' { b'B' } else { b'A' };
        let forged = [
            "1".to_owned(),
            "00000000-0000-4000-8000-000000000000".to_owned(),
            STANDARD.encode(r#"{"t":"mcp","s":[{"t":"http","s":"1"}]}"#),
            String::from_utf8(flipped).unwrap(),
            session.id[..session.id.len() - 1].to_owned(),
            format!("{}A", session.id),
            format!("{0}{0}", session.id),
            "x".repeat(5_000),
        ];
        for id in forged {
            is_unknown(&Session { id: id.clone(), ..session.clone() }, &id[..id.len().min(60)]).await;
        }
        assert_eq!(session.hello().await.status, 200);
    }
}

#[tokio::test]
async fn a_session_of_one_server_is_unknown_at_the_next() {
    let plan = Plan::both().await;
    let second = format!("[servers.second]\n{}", plan.server);
    let door = plan.section(&second).open().await;
    let session = door.caller("alice").session().await;
    let mut caller = door.holder(&door.issuer.token(&door.resource_of("second"), "alice", ""));
    caller.path = "/mcp/second".to_owned();
    is_unknown(&session.stolen_by(&caller), "another server").await;
}

#[tokio::test]
async fn the_upstreams_own_id_stays_between_the_door_and_the_upstream() {
    let puppet = Puppet::start(|seen: &Seen| match seen.message()["method"].as_str() {
        Some("initialize") => {
            Say::result(seen, r#"{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"p","version":"1"}}"#)
                .header("mcp-session-id", "upstream-session-1")
        }
        Some("notifications/initialized") => Say::nothing(202),
        _ => Say::result(seen, r#"{"content":[]}"#),
    })
    .await;
    let door = Plan::before(&puppet.url, "legacy").open().await;
    let session = door.caller("alice").session().await;
    assert_ne!(session.id, "upstream-session-1");
    session.hello().await.result();
    assert_eq!(puppet.last().header("mcp-session-id"), Some("upstream-session-1"), "the door translates");
    assert_eq!(puppet.last().header("mcp-protocol-version"), Some("2025-11-25"));
    is_unknown(&Session { id: "upstream-session-1".to_owned(), ..session.clone() }, "the upstream's own id").await;
    session.stolen_by(&door.caller("mallory")).end().send().await;
    assert_ne!(puppet.last().method, Method::DELETE, "a stranger's DELETE stays outside");
    session.end().send().await;
    assert_eq!((puppet.last().method, puppet.last().header("mcp-session-id")), (Method::DELETE, Some("upstream-session-1")));
}

#[tokio::test]
async fn a_server_without_sessions_needs_none() {
    let puppet = Puppet::start(|seen: &Seen| match seen.message()["method"].as_str() {
        Some("initialize") => {
            Say::result(seen, r#"{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"p","version":"1"}}"#)
        }
        Some("notifications/initialized") => Say::nothing(202),
        _ => Say::result(seen, r#"{"content":[]}"#),
    })
    .await;
    let door = Plan::before(&puppet.url, "legacy").open().await;
    let alice = door.caller("alice");
    let greeting = alice.initialize("2025-06-18").send().await;
    assert_eq!((greeting.status, greeting.header("mcp-session-id")), (200, None));
    let call = crate::support::request_message("tools/call", json!({"name": "any"}));
    let answer = alice.legacy(&call).header("mcp-protocol-version", "2025-06-18").send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(puppet.last().header("mcp-session-id"), None);
}

#[tokio::test]
async fn a_session_that_the_upstream_has_forgotten_is_404_so_that_the_client_begins_anew() {
    let puppet = Puppet::start(|seen: &Seen| match seen.message()["method"].as_str() {
        Some("initialize") => {
            Say::result(seen, r#"{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"p","version":"1"}}"#)
                .header("mcp-session-id", "forgotten-1")
        }
        Some("notifications/initialized") => Say::nothing(202),
        _ => Say::nothing(404),
    })
    .await;
    let door = Plan::before(&puppet.url, "legacy").open().await;
    let session = door.caller("alice").session().await;
    assert_eq!(session.hello().await.status, 404);
}

#[tokio::test]
async fn a_modern_request_ignores_a_session_id_and_never_gets_one() {
    let puppet =
        Puppet::start(|seen: &Seen| Say::result(seen, r#"{"resultType":"complete","content":[]}"#).header("mcp-session-id", "never")).await;
    let door = Plan::before(&puppet.url, "modern").open().await;
    let answer = door.caller("alice").tool("any", json!({})).header("mcp-session-id", "whatever").header("last-event-id", "7").send().await;
    assert_eq!((answer.status, answer.header("mcp-session-id")), (200, None), "{answer:?}");
    let seen = puppet.last();
    assert_eq!((seen.header("mcp-session-id"), seen.header("last-event-id")), (None, None));
}
