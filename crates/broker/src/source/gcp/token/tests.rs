//! How often is a token asked for? Against a metadata server on loopback that counts.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use futures_util::future::join_all;
use outbound::client::LazyClient;
use outbound::guard::Guard;
use outbound::tls::Roots;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::{Gcp, Settings};
use super::*;
use crate::reference::Reference;

/// Google on loopback: it counts the tokens that it gives, and takes only those from `good_from` on.
struct Google {
    host: String,
    given: Arc<AtomicUsize>,
    good_from: Arc<AtomicUsize>,
}

impl Google {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let google = Self { host, given: Arc::default(), good_from: Arc::default() };
        let (given, good_from) = (Arc::clone(&google.given), Arc::clone(&google.good_from));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let (status, body) = answer(&String::from_utf8(head).unwrap(), &given, &good_from);
                let text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(text.as_bytes()).await.unwrap();
            }
        });
        google
    }

    fn environment(&self) -> Environment {
        [("GCE_METADATA_HOST".to_owned(), self.host.clone())].into_iter().collect()
    }
}

fn answer(head: &str, given: &AtomicUsize, good_from: &AtomicUsize) -> (u16, String) {
    let lower = head.to_ascii_lowercase();
    if head.starts_with("GET /computeMetadata/") {
        assert!(lower.contains("metadata-flavor: google"));
        let number = given.fetch_add(1, Ordering::SeqCst);
        return (200, format!(r#"{{"access_token": "token-{number}", "expires_in": 3600}}"#));
    }
    let token = lower.lines().find_map(|line| line.strip_prefix("authorization: bearer token-")).unwrap();
    if token.parse::<usize>().unwrap() < good_from.load(Ordering::SeqCst) {
        return (401, r#"{"error": {"status": "UNAUTHENTICATED"}}"#.to_owned());
    }
    (200, r#"{"name": "projects/1/secrets/gh/versions/7", "payload": {"data": "aHVudGVyMg=="}}"#.to_owned())
}

fn client() -> LazyClient {
    LazyClient::new(Guard::for_cloud(), Roots::default())
}

#[tokio::test]
async fn many_share_one_token_until_a_minute_before_its_end() {
    let google = Google::start().await;
    let now = Arc::new(AtomicU64::new(0));
    let clock: Clock = Arc::new({
        let now = Arc::clone(&now);
        move || now.load(Ordering::SeqCst)
    });
    let tokens = Tokens::new(None, &google.environment(), Caller(client()), clock);
    let all = join_all((0..10).map(|_| tokens.token())).await;
    assert!(all.iter().all(|token| token.as_ref().unwrap().expose_secret() == "token-0"));
    now.store((3600 - 60) * 1000 - 1, Ordering::SeqCst);
    assert_eq!(tokens.token().await.unwrap().expose_secret(), "token-0");
    now.store((3600 - 60) * 1000, Ordering::SeqCst);
    assert_eq!(tokens.token().await.unwrap().expose_secret(), "token-1");
    assert_eq!(google.given.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn token_that_was_taken_back_is_exchanged_once() {
    let google = Google::start().await;
    let settings = Settings { endpoint: Some(format!("http://{}", google.host).into()), credentials: None };
    let gcp = Gcp::new(settings, &google.environment(), client(), Arc::new(|| 0));
    let reference: Reference = "gcp-secretmanager://p/gh".parse().unwrap();
    let fetch = || crate::source::Provider::fetch(&gcp, reference.place());
    assert_eq!(fetch().await.unwrap().value.expose(), "hunter2");
    google.good_from.store(1, Ordering::SeqCst);
    assert_eq!(fetch().await.unwrap().version.as_deref(), Some("7"));
    assert_eq!(google.given.load(Ordering::SeqCst), 2);
    // No token is good enough any more: that is a no, and no endless question.
    google.good_from.store(100, Ordering::SeqCst);
    assert_eq!(fetch().await.unwrap_err(), Cause::Refused { detail: "Google says UNAUTHENTICATED (401)".into() });
    assert_eq!(google.given.load(Ordering::SeqCst), 3);
}
