//! Which connections a pool uses again, and what it never sends twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use claviger_outbound::body::read_capped;
use claviger_outbound::pool::{Lease, Pool, PoolLimits, SendFailure};
use http::{Method, Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use url::Url;

/// An upstream on loopback that a test plays by hand: each connection comes out of `connections`.
struct Upstream {
    url: Url,
    connections: mpsc::Receiver<TcpStream>,
    accepted: Arc<AtomicUsize>,
}

impl Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/mcp?tenant=1", listener.local_addr().unwrap())).unwrap();
        let (sender, connections) = mpsc::channel(16);
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                sender.send(stream).await.unwrap();
            }
        });
        Self { url, connections, accepted }
    }

    fn pool(&self) -> Arc<Pool> {
        self.pool_with(PoolLimits::default())
    }

    fn pool_with(&self, limits: PoolLimits) -> Arc<Pool> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        Arc::new(Pool::new(&self.url, &Arc::new(tls), limits).unwrap())
    }

    async fn connection(&mut self) -> TcpStream {
        self.connections.recv().await.unwrap()
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

fn post(body: &'static str) -> Request<Full<Bytes>> {
    Request::builder().method(Method::POST).body(Full::from(body)).unwrap()
}

fn send(pool: &Arc<Pool>, body: &'static str) -> tokio::task::JoinHandle<Result<Response<Lease>, SendFailure>> {
    let pool = Arc::clone(pool);
    tokio::spawn(async move { pool.send(post(body)).await })
}

/// Reads one request, up to its body, which is known.
async fn request_with(stream: &mut TcpStream, body: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(body.as_bytes()) {
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0, "closed after {:?}", String::from_utf8_lossy(&read));
    }
    String::from_utf8(read).unwrap()
}

/// One call that is answered with `hello`, over the connection given.
async fn one_call(pool: &Arc<Pool>, stream: &mut TcpStream) {
    let answer = send(pool, "asked");
    request_with(stream, "asked").await;
    stream.write_all(HELLO).await.unwrap();
    assert_eq!(whole(answer.await.unwrap().unwrap()).await, "hello");
}

/// The same over a new connection, which is then at rest.
async fn first_call(pool: &Arc<Pool>, upstream: &mut Upstream) -> TcpStream {
    let answer = send(pool, "first");
    let mut stream = upstream.connection().await;
    request_with(&mut stream, "first").await;
    stream.write_all(HELLO).await.unwrap();
    assert_eq!(whole(answer.await.unwrap().unwrap()).await, "hello");
    stream
}

async fn whole(response: Response<Lease>) -> Bytes {
    read_capped(response.into_body(), 1024 * 1024).await.unwrap()
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 16]).await, Ok(0) | Err(_))
}

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

#[tokio::test]
async fn connection_whose_answer_was_read_is_used_again_with_the_same_target_and_host() {
    let mut upstream = Upstream::start().await;
    let pool = upstream.pool();
    let first = send(&pool, "one");
    let mut stream = upstream.connection().await;
    let request = request_with(&mut stream, "one").await;
    assert!(request.starts_with("POST /mcp?tenant=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: 127.0.0.1:{}\r\n", upstream.url.port().unwrap())), "{request}");
    stream.write_all(HELLO).await.unwrap();
    assert_eq!(whole(first.await.unwrap().unwrap()).await, "hello");
    for _ in 0..3 {
        one_call(&pool, &mut stream).await;
    }
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn answer_without_a_body_gives_its_connection_back_at_once() {
    let mut upstream = Upstream::start().await;
    let pool = upstream.pool();
    let accepted = send(&pool, "notice");
    let mut stream = upstream.connection().await;
    request_with(&mut stream, "notice").await;
    stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let held = accepted.await.unwrap().unwrap();
    assert!(held.body().is_end_stream());
    one_call(&pool, &mut stream).await;
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn connection_that_the_upstream_closed_or_spoke_on_while_idle_costs_no_request() {
    for last_words in ["", "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"] {
        let mut upstream = Upstream::start().await;
        let pool = upstream.pool();
        let mut old = first_call(&pool, &mut upstream).await;
        old.write_all(last_words.as_bytes()).await.unwrap();
        drop(old);
        // Long enough for the runtime to hear of it.
        tokio::time::sleep(Duration::from_millis(20)).await;
        first_call(&pool, &mut upstream).await;
        assert_eq!(upstream.accepted(), 2, "after {last_words:?}");
    }
}

#[tokio::test]
async fn request_that_has_left_is_never_sent_again() {
    let mut upstream = Upstream::start().await;
    let pool = upstream.pool();
    let mut stream = first_call(&pool, &mut upstream).await;
    // On the kept connection, which is the one that could tempt.
    let second = send(&pool, "two");
    request_with(&mut stream, "two").await;
    drop(stream);
    assert!(matches!(second.await.unwrap(), Err(SendFailure::Exchange(_))));
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn answer_that_is_dropped_before_its_end_closes_the_connection() {
    let mut upstream = Upstream::start().await;
    let pool = upstream.pool();
    let answer = send(&pool, "one");
    let mut stream = upstream.connection().await;
    request_with(&mut stream, "one").await;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello").await.unwrap();
    let mut body = answer.await.unwrap().unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "hello");
    drop(body);
    assert!(is_closed(&mut stream).await);
    // Nothing of the first answer is taken for the second.
    first_call(&pool, &mut upstream).await;
}

#[tokio::test]
async fn caller_who_goes_before_the_answer_closes_the_connection() {
    let mut upstream = Upstream::start().await;
    let pool = upstream.pool();
    let call = send(&pool, "one");
    let mut stream = upstream.connection().await;
    request_with(&mut stream, "one").await;
    call.abort();
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn answer_cut_short_is_an_error_and_not_an_end() {
    let mut upstream = Upstream::start().await;
    let pool = upstream.pool();
    for start in ["content-length: 10\r\n\r\nhello", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"] {
        let answer = send(&pool, "one");
        let mut stream = upstream.connection().await;
        request_with(&mut stream, "one").await;
        stream.write_all(format!("HTTP/1.1 200 OK\r\n{start}").as_bytes()).await.unwrap();
        let mut body = answer.await.unwrap().unwrap().into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "hello");
        drop(stream);
        assert!(body.frame().await.unwrap().is_err(), "{start}");
    }
}

#[tokio::test]
async fn answer_that_ends_with_its_connection_is_whole_and_the_connection_is_not_kept() {
    let mut upstream = Upstream::start().await;
    let pool = upstream.pool();
    for _ in 0..2 {
        let answer = send(&pool, "one");
        let mut stream = upstream.connection().await;
        request_with(&mut stream, "one").await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello").await.unwrap();
        drop(stream);
        assert_eq!(whole(answer.await.unwrap().unwrap()).await, "hello");
    }
    assert_eq!(upstream.accepted(), 2);
}

#[tokio::test]
async fn each_piece_of_a_stream_arrives_before_the_next_is_written_in_whatever_task_it_is_read() {
    let mut upstream = Upstream::start().await;
    let pool = upstream.pool();
    let answer = send(&pool, "one");
    let mut stream = upstream.connection().await;
    request_with(&mut stream, "one").await;
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
    let mut body = answer.await.unwrap().unwrap().into_body();
    let (pieces, mut arrived) = mpsc::channel(1);
    let reader = tokio::spawn(async move {
        while let Some(frame) = body.frame().await {
            pieces.send(frame.unwrap().into_data().unwrap()).await.unwrap();
        }
    });
    for piece in ["first", "later", "third"] {
        stream.write_all(format!("5\r\n{piece}\r\n").as_bytes()).await.unwrap();
        assert_eq!(arrived.recv().await.unwrap(), piece);
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    reader.await.unwrap();
    one_call(&pool, &mut stream).await;
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn long_answer_in_many_pieces_comes_whole_though_others_want_the_runtime_too() {
    const PIECES: usize = 20_000;
    let mut upstream = Upstream::start().await;
    let pool = upstream.pool();
    let answer = send(&pool, "one");
    let mut stream = upstream.connection().await;
    request_with(&mut stream, "one").await;
    let writer = tokio::spawn(async move {
        let mut all = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        all.extend(b"5\r\nhello\r\n".repeat(PIECES));
        all.extend(b"0\r\n\r\n");
        stream.write_all(&all).await.unwrap();
        stream
    });
    assert_eq!(whole(answer.await.unwrap().unwrap()).await.len(), PIECES * "hello".len());
    let mut stream = writer.await.unwrap();
    one_call(&pool, &mut stream).await;
}

#[tokio::test]
async fn idle_connection_is_closed_when_its_time_is_up_though_nobody_calls() {
    let mut upstream = Upstream::start().await;
    let pool = upstream.pool_with(PoolLimits { idle_timeout: Duration::from_millis(30), ..PoolLimits::default() });
    for round in 1..=2 {
        let mut stream = first_call(&pool, &mut upstream).await;
        assert!(is_closed(&mut stream).await);
        assert_eq!(upstream.accepted(), round);
    }
}

#[tokio::test]
async fn no_more_connections_are_kept_than_allowed() {
    let mut upstream = Upstream::start().await;
    let pool = upstream.pool_with(PoolLimits { max_idle: 1, ..PoolLimits::default() });
    let calls = [send(&pool, "one"), send(&pool, "one")];
    let mut streams = [upstream.connection().await, upstream.connection().await];
    for stream in &mut streams {
        request_with(stream, "one").await;
        stream.write_all(HELLO).await.unwrap();
    }
    for call in calls {
        assert_eq!(whole(call.await.unwrap().unwrap()).await, "hello");
    }
    let [mut first, mut second] = streams;
    tokio::select! {
        closed = is_closed(&mut first) => assert!(closed),
        closed = is_closed(&mut second) => assert!(closed),
    }
    assert_eq!(upstream.accepted(), 2);
}

#[tokio::test]
async fn pool_that_is_dropped_closes_what_it_kept() {
    let mut upstream = Upstream::start().await;
    let pool = upstream.pool();
    let mut stream = first_call(&pool, &mut upstream).await;
    drop(pool);
    assert!(is_closed(&mut stream).await);
}
