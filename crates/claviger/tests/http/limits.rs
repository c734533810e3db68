//! How much, how often, how long: what is over a limit is refused cheaply, with a word about when to come back.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Answer, Door, Line, Plan, Puppet, Say, Seen, resident_kib};

fn is_too_many(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 429, "{what}: {answer:?}");
    let seconds: u64 = answer.header("retry-after").unwrap_or_else(|| panic!("{what}: no Retry-After")).parse().unwrap();
    assert!((1..=3600).contains(&seconds), "{what}: {seconds}");
    let error = &answer.message()["error"];
    assert!(error["code"].is_i64() && error["message"].is_string(), "{what}: {answer:?}");
}

#[tokio::test]
async fn the_rate_of_one_subject_is_not_shared_with_others() {
    let door = Plan::both().await.section("[limits]\nper_subject = \"5/h\"").open().await;
    let (alice, bob) = (door.caller("alice"), door.caller("bob"));
    for _ in 0..5 {
        assert_eq!(alice.hello().await.status, 200);
    }
    let refused = alice.hello().await;
    is_too_many(&refused, "the sixth call of the hour");
    assert_eq!(refused.message()["id"], 1);
    is_too_many(&door.caller_with("alice", "another").hello().await, "another token of the same subject");
    assert_eq!(bob.hello().await.status, 200);
    let metrics = door.metrics().await;
    assert_eq!(metrics.sum("claviger_rate_limited_total", &["reason=\"subject_rate\""]), 2);
    let line = door.recorded("the refused call", |line| line["status"] == 429).await;
    assert_eq!((&line["decision"], &line["reason"], &line["subject"]), (&json!("deny"), &json!("subject_rate"), &json!("alice")));
}

#[tokio::test]
async fn what_is_forbidden_or_unreadable_costs_its_caller_as_much_as_what_is_allowed() {
    let door = Plan::both().await.scopes(r#""test_*" = true"#).section("[limits]\nper_subject = \"5/h\"").open().await;
    let (alice, bob, carol) = (door.caller("alice"), door.caller("bob"), door.caller("carol"));
    for _ in 0..5 {
        assert_eq!(alice.call("forbidden", json!({})).await.status, 403);
    }
    let refused = alice.call("forbidden", json!({})).await;
    is_too_many(&refused, "the sixth knock at a forbidden tool");
    assert_eq!(refused.message()["id"], 1);
    is_too_many(&alice.hello().await, "and what she may do");
    let line = door.recorded("the refused call", |line| line["status"] == 429 && line["tool"] == "forbidden").await;
    assert_eq!((&line["outcome"], &line["reason"], &line["subject"]), (&json!("denied"), &json!("subject_rate"), &json!("alice")));
    for body in ["{", "[]", "7", r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, "nothing"] {
        assert_eq!(bob.post(body.to_owned()).send().await.status, 400, "{body}");
    }
    is_too_many(&bob.post("{".to_owned()).send().await, "the sixth message that cannot be read");
    assert_eq!(carol.hello().await.status, 200);
}

#[tokio::test]
async fn the_rate_of_an_address_counts_everybody_behind_it() {
    let door = Plan::both().await.section("[limits]\nper_address = \"6/h\"").open().await;
    for number in 0..6 {
        let answer = door.caller(&format!("caller-{number}")).hello().await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    is_too_many(&door.caller("another").hello().await, "the seventh call");
    is_too_many(&door.stranger().hello().await, "without a token");
    let forged = door
        .caller("another")
        .tool("test_simple_text", json!({}))
        .header("x-forwarded-for", "203.0.113.7")
        .header("forwarded", "for=203.0.113.7");
    is_too_many(&forged.send().await, "an address that only a header claims");
    assert_eq!(door.get("/health").send().await.status, 200, "health needs no quota");
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_callers_own_address_counts() {
    let door = Plan::both()
        .await
        .section("[listen]\ntrusted_proxies = [\"127.0.0.0/8\"]\npublic_url = \"http://localhost\"\n[limits]\nper_address = \"2/h\"")
        .open()
        .await;
    let from = |address: &'static str| door.caller("alice").tool("test_simple_text", json!({})).header("x-forwarded-for", address);
    for _ in 0..2 {
        assert_eq!(from("203.0.113.7").send().await.status, 200);
    }
    is_too_many(&from("203.0.113.7").send().await, "the same address");
    assert_eq!(from("203.0.113.8").send().await.status, 200);
    is_too_many(&from("198.51.100.1, 203.0.113.7").send().await, "what a caller puts in front is not believed");
    let line = door.recorded("the call", |line| line["status"] == 429).await;
    assert_eq!(line["address"], "203.0.113.7");
}

#[tokio::test]
async fn failed_authentications_of_an_address_are_limited() {
    let door = Plan::both().await.section("[limits]\nfailures_per_address = \"5/h\"").open().await;
    let known = door.caller("alice");
    assert_eq!(known.hello().await.status, 200);
    for number in 0..5 {
        let token =
            door.issuer.odd_token(&door.resource(), &json!({}), &json!({"aud": "https://other.example", "jti": number.to_string()}));
        assert_eq!(door.holder(&token).hello().await.status, 401, "{number}");
    }
    is_too_many(&door.holder("another.bad.token").hello().await, "the sixth failure");
    assert_eq!(known.hello().await.status, 200, "who is known already is not kept out by his neighbours");
    assert_eq!(door.stranger().hello().await.status, 401, "who presents nothing has not failed");
    let metrics = door.metrics().await;
    assert_eq!(metrics.sum("claviger_authentication_failures_total", &["reason=\"wrong_audience\""]), 5);
}

#[tokio::test]
async fn a_flood_of_forged_tokens_is_cheap_to_refuse() {
    let door = Plan::both().await.section("[limits]\nfailures_per_address = \"20/h\"").open().await;
    let resource = door.resource();
    let mut worst = 0;
    for number in 0..200 {
        let token = door.issuer.odd_token(&resource, &json!({"kid": format!("forged-{number}")}), &json!({}));
        worst = worst.max(u16::from(door.holder(&token).hello().await.status == 429));
    }
    assert_eq!(worst, 1);
    assert!(door.issuer.key_fetches() <= 2, "{} fetches", door.issuer.key_fetches());
    assert_eq!(door.get("/health").send().await.status, 200);
}

#[tokio::test]
async fn a_body_over_the_cap_is_refused_before_it_is_read() {
    let door = Plan::both().await.section("[limits]\nbody_bytes = 10000").open().await;
    let token = door.issuer.token(&door.resource(), "alice", "");
    let head =
        format!("POST /mcp/fixture HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n");
    let mut declared = TcpStream::connect(door.address).await.unwrap();
    declared.write_all(format!("{head}content-length: 4000000000\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    tokio::time::timeout(Duration::from_secs(3), declared.read_exact(&mut answer)).await.expect("an answer at once").unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");

    let mut chunked = TcpStream::connect(door.address).await.unwrap();
    chunked.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    for _ in 0..4 {
        // The door may have answered and closed already.
        let _ = chunked.write_all(chunk.as_bytes()).await;
    }
    tokio::time::timeout(Duration::from_secs(3), chunked.read_exact(&mut answer)).await.expect("an answer at once").unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
    let fits = door.caller("alice").call("test_echo", json!({"text": "x".repeat(9_000)})).await;
    assert_eq!(fits.status, 200);
}

#[tokio::test]
async fn headers_over_the_cap_are_refused() {
    let door = Plan::both().await.section("[limits]\nheader_bytes = 20000").open().await;
    let call = door.caller("alice").tool("test_simple_text", json!({}));
    let answer = call.clone().header("mcp-param-long", "x".repeat(25_000)).send().await;
    assert_eq!(answer.status, 431, "{answer:?}");
    assert_eq!(call.header("mcp-param-long", "x".repeat(16_500)).send().await.status, 200, "a long Mcp-Name is allowed");
}

#[tokio::test]
async fn a_caller_who_is_too_slow_is_let_go() {
    let door = Plan::both().await.section("[timeouts]\ndrain = \"5s\"\nrequest_headers = \"500ms\"\nrequest_body = \"500ms\"").open().await;
    let token = door.issuer.token(&door.resource(), "alice", "");
    let mut slow_head = TcpStream::connect(door.address).await.unwrap();
    slow_head.write_all(b"POST /mcp/fixture HTTP/1.1\r\nhost: localhost\r\n").await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(4), slow_head.read_to_end(&mut rest)).await.expect("the connection is closed").unwrap();

    let mut slow_body = TcpStream::connect(door.address).await.unwrap();
    let head = format!(
        "POST /mcp/fixture HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    slow_body.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    tokio::time::timeout(Duration::from_secs(4), slow_body.read_exact(&mut answer)).await.expect("an answer").unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn a_full_door_says_so() {
    let puppet = Puppet::start(|seen: &Seen| {
        // The first call waits for ever; the sender is forgotten on purpose, so that its stream stays open and silent.
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        if seen.message()["params"]["name"] == "wait" {
            std::mem::forget(sender);
            return Say::events(receiver);
        }
        Say::result(seen, r#"{"resultType":"complete","content":[]}"#)
    })
    .await;
    let door = Plan::before(&puppet.url, "modern").section("[limits]\ncalls_in_flight = 2").open().await;
    let alice = door.caller("alice");
    assert_eq!(alice.tool("x", json!({})).send().await.status, 200);
    let first = alice.tool("wait", json!({})).open().await;
    let _second = alice.tool("wait", json!({})).open().await;
    let refused = alice.tool("x", json!({})).send().await;
    assert_eq!(refused.status, 503, "two calls are in flight: {refused:?}");
    assert!(refused.header("retry-after").is_some());
    first.hang_up();
    let again = async {
        while alice.tool("x", json!({})).send().await.status != 200 {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), again).await.expect("a finished call makes room");
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let door = Plan::before(&url, "modern").section("[timeouts]\ndrain = \"5s\"\ncall = \"500ms\"").open().await;
    let answer = door.caller("alice").tool("x", json!({})).send().await;
    assert!(answer.message()["error"]["code"].is_i64(), "{answer:?}");
    let line = door.recorded("the call", |line| line["tool"] == "x").await;
    assert_eq!(line["outcome"], "error", "{line}");
}

#[tokio::test]
async fn denied_names_make_no_series() {
    let door = Plan::both().await.scopes(r#""test_simple_text" = true"#).open().await;
    let alice = door.caller("alice");
    alice.call("denied_first", json!({})).await;
    alice.modern("x/first", json!({})).send().await;
    let before = door.metrics().await.series();
    let mut line = Line::open(door.address).await;
    for number in 0..2_000 {
        assert_eq!(line.status(alice.tool(&format!("denied_{number}"), json!({}))).await, 403);
    }
    for number in 0..50 {
        alice.modern(&format!("invented/method-{number}"), json!({})).send().await;
    }
    let metrics = door.metrics().await;
    assert_eq!(metrics.series(), before, "callers cannot make series");
    assert!(!metrics.0.contains("denied_") && !metrics.0.contains("invented"));
}

#[tokio::test]
async fn many_sessions_do_not_grow_the_door_without_bound() {
    let puppet = Puppet::start(|seen: &Seen| {
        let say = Say::result(seen, r#"{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"p","version":"1"}}"#);
        say.header("mcp-session-id", "one-of-many")
    })
    .await;
    let door = Plan::before(&puppet.url, "legacy").open().await;
    let callers: Vec<_> = (0..4).map(|number| door.caller(&format!("caller-{number}"))).collect();
    let opened = async |count: usize| {
        let mut line = Line::open(door.address).await;
        for caller in callers.iter().cycle().take(count) {
            assert_eq!(line.status(caller.initialize("2025-11-25")).await, 200);
        }
    };
    opened(1_000).await;
    let before = resident_kib(&door);
    opened(2_000).await;
    let grown = resident_kib(&door).saturating_sub(before);
    // The allocator takes memory in steps of some MiB; 4 KiB kept for each session would show all the same.
    assert!(grown < 6 * 1024, "2000 sessions took {grown} KiB: a sealed session needs no memory");
}

/// One connection of a client that sends a request's headers and its body one after the other, as many do. What comes back for each.
async fn slowly(door: &Door, length: usize, body: &[u8]) -> (String, Option<String>) {
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    let head = format!(
        "POST /mcp/fixture HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: {length}\r\n\r\n",
        door.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    stream.write_all(body).await.unwrap();
    let first = one_answer(&mut stream).await.expect("the refusal comes");
    let next = format!("GET /health HTTP/1.1\r\nHost: {}\r\n\r\n", door.address);
    // A closed connection may take this, or not.
    let _ = stream.write_all(next.as_bytes()).await;
    (first, one_answer(&mut stream).await)
}

/// What the door sends next; nothing, once it has closed.
async fn one_answer(stream: &mut TcpStream) -> Option<String> {
    let mut piece = vec![0; 64 * 1024];
    let read = stream.read(&mut piece).await.unwrap_or(0);
    (read > 0).then(|| String::from_utf8_lossy(&piece[..read]).into_owned())
}

#[tokio::test]
async fn who_is_refused_before_their_body_has_come_can_go_on_on_the_same_connection() {
    let door = Plan::both().await.open().await;
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let (refused, next) = slowly(&door, body.len(), body).await;
    assert!(refused.starts_with("HTTP/1.1 401 ") && !refused.contains("connection: close"), "{refused}");
    assert!(next.is_some_and(|next| next.starts_with("HTTP/1.1 200 ")));
}

#[tokio::test]
async fn a_body_that_nobody_will_hear_ends_the_connection_and_is_told_so() {
    let door = Plan::both().await.open().await;
    let (refused, next) = slowly(&door, 1024 * 1024, b"{").await;
    assert!(refused.starts_with("HTTP/1.1 401 ") && refused.contains("connection: close"), "{refused}");
    assert_eq!(next, None);
}
