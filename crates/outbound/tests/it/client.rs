//! What a fetch follows, reads and refuses.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use claviger_outbound::client::Limits;
use claviger_outbound::dial::{Resolve, ResolveFuture};
use claviger_outbound::failure::Failure;
use claviger_outbound::guard::{Blocked, Guard};
use http::{Response, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::server::{LIMITS, Server, json, local_client, status};

/// Answers each lookup with the next list, the last one for ever.
struct Scripted {
    answers: Vec<Vec<&'static str>>,
    lookups: AtomicUsize,
}

impl Scripted {
    fn new(answers: Vec<Vec<&'static str>>) -> Arc<Self> {
        Arc::new(Self { answers, lookups: AtomicUsize::new(0) })
    }
}

impl Resolve for Scripted {
    fn resolve<'a>(&'a self, _: &'a str) -> ResolveFuture<'a> {
        let lookup = self.lookups.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        let addresses: Vec<IpAddr> = self.answers[lookup].iter().map(|text| text.parse().unwrap()).collect();
        Box::pin(async move { Ok(addresses) })
    }
}

#[tokio::test]
async fn answer_is_read_with_its_status_and_the_kept_headers() {
    let server = Server::start(|_, _, headers| {
        assert_eq!(headers["accept"], "application/json");
        assert!(headers["host"].to_str().unwrap().starts_with("127.0.0.1:"));
        Response::builder()
            .status(404)
            .header("etag", "\"v1\"")
            .header("cache-control", "public, Max-Age=60")
            .header("set-cookie", "a=b")
            .body("gone".into())
            .unwrap()
    })
    .await;
    let fetched = local_client().get(&server.url("/a?b=c"), "application/json", LIMITS).await.unwrap();
    assert_eq!((fetched.status, fetched.body.as_ref()), (StatusCode::NOT_FOUND, b"gone".as_slice()));
    assert_eq!(fetched.max_age(), Some(Duration::from_secs(60)));
    assert_eq!(fetched.headers["etag"], "\"v1\"");
    assert!(!fetched.headers.contains_key("set-cookie"));
    assert!(matches!(fetched.success(), Err(Failure::Status { status: StatusCode::NOT_FOUND, .. })));
    assert_eq!(server.asked(), ["/a?b=c"]);
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let server = Server::start(|port, _, _| {
        Response::builder().status(302).header("location", format!("http://127.0.0.1:{port}/next")).body("".into()).unwrap()
    })
    .await;
    let failure = local_client().get(&server.url("/first"), "*/*", LIMITS).await.unwrap_err();
    assert!(matches!(failure, Failure::Redirected { status: StatusCode::FOUND, .. }), "{failure}");
    assert_eq!(server.asked(), ["/first"]);
}

#[tokio::test]
async fn body_over_the_cap_is_refused_declared_or_not() {
    let server = Server::start(|_, _, _| json("x".repeat(1025))).await;
    let failure = local_client().get(&server.url("/"), "*/*", LIMITS).await.unwrap_err();
    assert!(matches!(failure, Failure::TooLarge { limit: 1024, .. }), "{failure}");

    let url = raw_server(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        while stream.write_all(b"100\r\n").await.is_ok() {
            if stream.write_all(&[b'x'; 256]).await.is_err() || stream.write_all(b"\r\n").await.is_err() {
                break;
            }
        }
    })
    .await;
    let failure = local_client().get(&url, "*/*", LIMITS).await.unwrap_err();
    assert!(matches!(failure, Failure::TooLarge { limit: 1024, .. }), "{failure}");
}

#[tokio::test]
async fn slow_body_is_given_up() {
    let url = raw_server(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await.unwrap();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let limits = Limits { body_bytes: 1024, timeout: Duration::from_millis(200) };
    let failure = local_client().get(&url, "*/*", limits).await.unwrap_err();
    assert!(matches!(failure, Failure::TimedOut { after, .. } if after == limits.timeout), "{failure}");
    assert!(failure.is_transient());
}

#[tokio::test]
async fn silent_server_is_given_up() {
    let url = raw_server(|stream| async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(stream);
    })
    .await;
    let limits = Limits { body_bytes: 1024, timeout: Duration::from_millis(200) };
    let failure = local_client().get(&url, "*/*", limits).await.unwrap_err();
    assert!(matches!(failure, Failure::TimedOut { .. }), "{failure}");
}

#[tokio::test]
async fn body_cut_short_and_noise_are_failures() {
    for answer in ["HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "SSH-2.0-OpenSSH_9\r\n", ""] {
        let url = raw_server(move |mut stream| async move { stream.write_all(answer.as_bytes()).await.unwrap() }).await;
        let failure = local_client().get(&url, "*/*", LIMITS).await.unwrap_err();
        assert!(matches!(failure, Failure::Exchange { .. }), "{answer:?}: {failure}");
    }
}

#[tokio::test]
async fn head_over_64_kib_is_refused() {
    let url = raw_server(|mut stream| async move {
        let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(80 * 1024));
        let _ = stream.write_all(head.as_bytes()).await;
    })
    .await;
    let failure = local_client().get(&url, "*/*", LIMITS).await.unwrap_err();
    assert!(matches!(failure, Failure::Exchange { .. }), "{failure}");
}

#[tokio::test]
async fn closed_port_is_a_failure_to_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let failure = local_client().get(&url, "*/*", LIMITS).await.unwrap_err();
    assert!(matches!(failure, Failure::Connect { .. }), "{failure}");
}

#[tokio::test]
async fn refused_url_is_not_called() {
    let server = Server::start(|_, _, _| status(200)).await;
    let strict = local_client().with_guard(Guard::default());
    for url in [server.url("/"), format!("https://127.0.0.1:{}/", server.port), format!("https://[::ffff:127.0.0.1]:{}/", server.port)] {
        let failure = strict.get(&url, "*/*", LIMITS).await.unwrap_err();
        assert!(matches!(failure, Failure::Blocked { .. }), "{url}: {failure}");
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn name_with_one_inner_address_among_its_answers_is_refused() {
    for inner in ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a00:1", "fe80::1"] {
        let resolver = Scripted::new(vec![vec!["8.8.8.8", inner]]);
        let client = local_client().with_guard(Guard::default()).with_resolver(resolver);
        let failure = client.get("https://idp.example/", "*/*", LIMITS).await.unwrap_err();
        let expected: IpAddr = inner.parse().unwrap();
        assert!(matches!(failure, Failure::Blocked { reason: Blocked::Address { address, .. }, .. } if address == expected), "{failure}");
    }
}

#[tokio::test]
async fn name_that_turns_inward_at_a_later_lookup_is_refused_there() {
    let server = Server::start(|_, _, _| json("{}".to_owned())).await;
    let url = format!("http://idp.localhost:{}/", server.port);
    let resolver = Scripted::new(vec![vec!["127.0.0.1"], vec!["10.0.0.1"]]);
    let client = local_client().with_resolver(Arc::clone(&resolver) as Arc<dyn Resolve>);
    assert_eq!(client.get(&url, "*/*", LIMITS).await.unwrap().status, StatusCode::OK);
    // One fetch is one lookup: between check and call there is no second one to answer differently.
    assert_eq!(resolver.lookups.load(Ordering::SeqCst), 1);
    let failure = client.get(&url, "*/*", LIMITS).await.unwrap_err();
    assert!(matches!(failure, Failure::Blocked { reason: Blocked::Address { .. }, .. }), "{failure}");
    assert_eq!(server.asked(), ["/"]);
}

#[tokio::test]
async fn local_name_that_leads_outside_is_not_called_without_tls() {
    let client = local_client().with_resolver(Scripted::new(vec![vec!["8.8.8.8"]]));
    let failure = client.get("http://localhost:9/", "*/*", LIMITS).await.unwrap_err();
    assert!(matches!(failure, Failure::Blocked { reason: Blocked::NotHttps, .. }), "{failure}");
}

#[tokio::test]
async fn name_without_addresses_is_a_failure_to_resolve() {
    let client = local_client().with_resolver(Scripted::new(vec![vec![]]));
    let failure = client.get("https://idp.example/", "*/*", LIMITS).await.unwrap_err();
    assert!(matches!(failure, Failure::Resolve { .. }), "{failure}");
}

#[tokio::test]
async fn next_address_is_tried_when_the_first_is_closed() {
    let server = Server::start(|_, _, _| json("{}".to_owned())).await;
    let client = local_client().with_resolver(Scripted::new(vec![vec!["::1", "127.0.0.2", "127.0.0.1"]]));
    let url = format!("http://localhost:{}/", server.port);
    assert_eq!(client.get(&url, "*/*", LIMITS).await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn lifetime_follows_cache_control() {
    let rows = [
        ("max-age=300", Some(300)),
        ("public , MAX-AGE=\"300\"", Some(300)),
        ("max-age=300, no-cache", Some(0)),
        ("no-store", Some(0)),
        ("max-age=soon", None),
        ("private", None),
    ];
    for (header, seconds) in rows {
        let server = Server::start(move |_, _, _| Response::builder().header("cache-control", header).body("".into()).unwrap()).await;
        let fetched = local_client().get(&server.url("/"), "*/*", LIMITS).await.unwrap();
        assert_eq!(fetched.max_age(), seconds.map(Duration::from_secs), "{header}");
    }
}

/// A server that reads no request and writes what it likes; its URL.
async fn raw_server<F>(answer: impl Fn(tokio::net::TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    url
}
