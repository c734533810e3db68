//! Host and Origin, judged at our own edge before anything else (DNS rebinding).

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Door, Plan};

#[tokio::test]
async fn only_our_own_hosts_are_answered() {
    let door = Plan::both().await.section("[listen]\nallowed_hosts = [\"door.internal\"]").open().await;
    let port = door.address.port();
    let good = door.caller("alice").tool("test_simple_text", json!({}));
    let own = [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        "localhost".to_owned(),
        "LOCALHOST".to_owned(),
        format!("[::1]:{port}"),
        "door.internal".to_owned(),
    ];
    for host in own {
        assert_eq!(good.clone().header("host", &host).send().await.status, 200, "{host}");
    }
    let foreign = [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:80",
        "user@localhost",
        "0.0.0.0",
        "127.0.0.2",
        "",
        "localhost.",
    ];
    for host in foreign {
        let answer = good.clone().header("host", host).send().await;
        assert!([400, 403].contains(&answer.status), "{host}: {answer:?}");
    }
    assert!([400, 403].contains(&good.clone().also("host", "localhost").send().await.status), "two hosts");
    let answer = good.without("host").send().await;
    assert!([400, 403].contains(&answer.status), "no host: {answer:?}");
}

#[tokio::test]
async fn an_absolute_target_is_judged_by_its_own_authority() {
    let door = Door::open().await;
    let token = door.issuer.token(&door.resource(), "alice", "");
    for (target, host, good) in [("http://evil.example/mcp/fixture", "localhost", false), ("http://localhost/health", "evil.example", true)]
    {
        let mut stream = TcpStream::connect(door.address).await.unwrap();
        let request = format!(
            "GET {target} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\naccept: text/event-stream\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(status == 200, good, "{target}: {answer}");
        assert!(good || [400, 403].contains(&status), "{target}: {answer}");
    }
}

#[tokio::test]
async fn only_listed_origins_and_those_of_this_machine_are_answered() {
    let door = Plan::both().await.section("[listen]\nallowed_origins = [\"https://app.example\"]").open().await;
    let good = door.caller("alice").tool("test_simple_text", json!({}));
    for origin in ["https://app.example", "http://localhost:6274", "http://127.0.0.1:3000", "http://[::1]:8080", "https://localhost"] {
        let answer = good.clone().header("origin", origin).send().await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(origin)));
    }
    let foreign = [
        "http://evil.example",
        "https://evil.example",
        "null",
        "https://app.example.evil.example",
        "https://app.example:8443",
        "http://app.example",
        "https://APP.example/",
        "http://localhost.evil.example",
        "file://",
        "chrome-extension://abcdefgh",
        "http://localhost@evil.example",
        "",
    ];
    for origin in foreign {
        let answer = good.clone().header("origin", origin).send().await;
        assert_eq!(answer.status, 403, "{origin}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
    }
    let two = good.clone().header("origin", "https://app.example").also("origin", "https://evil.example").send().await;
    assert_eq!(two.status, 403, "two origins");
}

#[tokio::test]
async fn a_foreign_page_is_turned_away_before_its_token_is_looked_at() {
    let door = Door::open().await;
    for path in ["/mcp/fixture", "/mcp/fixture/health", "/mcp/nobody"] {
        let answer = door.get(path).header("origin", "http://evil.example").send().await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (403, None), "{path}");
    }
    let metrics = door.metrics().await;
    assert_eq!(metrics.sum("claviger_refusals_total", &["reason=\"foreign_origin\""]), 3);
}
