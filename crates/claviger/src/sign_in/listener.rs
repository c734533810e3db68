//! Where does a person's browser come back to? A small HTTP server on loopback that takes one answer, and nothing else (RFC 8252 §7.3).

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use oauth::authorization::Answer;
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use super::page::Back;

/// A port that somebody can come back to.
pub(super) struct Listener {
    socket: TcpListener,
    redirect_uri: String,
}

/// One answer, taken by whoever comes first with the right state.
struct Desk {
    state: String,
    taken: Mutex<Option<oneshot::Sender<Answer>>>,
}

impl Listener {
    /// Listens on this port of loopback, or on one that the system chooses.
    pub(super) async fn open(port: Option<u16>) -> io::Result<Self> {
        let socket = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)))).await?;
        let redirect_uri = format!("http://127.0.0.1:{}{PATH}", socket.local_addr()?.port());
        Ok(Self { socket, redirect_uri })
    }

    /// Where to come back to.
    pub(super) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Waits for the answer that repeats `state`. Everybody else is shown that this leads nowhere.
    pub(super) async fn answer(self, state: String) -> io::Result<Answer> {
        let (sender, mut answer) = oneshot::channel();
        let desk = Arc::new(Desk { state, taken: Mutex::new(Some(sender)) });
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
            tokio::select! {
                answer = &mut answer => {
                    // Whoever brought it is to see the page that says so.
                    let _late = tokio::time::timeout(FAREWELL, async { while connections.join_next().await.is_some() {} }).await;
                    return answer.map_err(io::Error::other);
                }
                accepted = self.socket.accept() => {
                    let (stream, _) = accepted?;
                    let desk = Arc::clone(&desk);
                    connections.spawn(async move {
                        let _place = place;
                        let service = service_fn(move |request| std::future::ready(Ok::<_, Infallible>(desk.receive(&request))));
                        let mut server = http1::Builder::new();
                        server.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false).max_buf_size(MAX_HEAD_BYTES);
                        // Whoever hangs up early has the page or does not want it.
                        let _gone = server.serve_connection(TokioIo::new(stream), service).await;
                    });
                }
            }
        }
    }
}

impl Desk {
    fn receive(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        self.judge(request).page(request.headers()).map(Full::new)
    }

    fn judge<B>(&self, request: &Request<B>) -> Back {
        if request.method() != Method::GET || request.uri().path() != PATH {
            return Back::NoSuchPage;
        }
        let Ok(answer) = Answer::read(request.uri().query().unwrap_or_default()) else { return Back::Strange };
        if !bool::from(answer.state.expose_secret().as_bytes().ct_eq(self.state.as_bytes())) {
            return Back::Strange;
        }
        let back = if answer.outcome.is_ok() { Back::Done } else { Back::Denied };
        match self.taken.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(sender) => sender.send(answer).map_or(Back::Strange, |()| back),
            None => Back::Strange,
        }
    }
}

/// Where browsers come back to.
pub(super) const PATH: &str = "/callback";
const MAX_CONNECTIONS: usize = 16;
const MAX_HEAD_BYTES: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);
const FAREWELL: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_who_brings_the_right_state_is_heard() {
        let (sender, mut answer) = oneshot::channel();
        let desk = Desk { state: "right".to_owned(), taken: Mutex::new(Some(sender)) };
        let judged = |path: &str| desk.judge(&Request::get(path).body(()).unwrap());
        assert_eq!(judged("/"), Back::NoSuchPage);
        assert_eq!(judged("/callback"), Back::Strange);
        assert_eq!(judged("/callback?code=stolen&state=wrong"), Back::Strange);
        assert!(answer.try_recv().is_err());
        assert_eq!(judged("/callback?code=mine&state=right"), Back::Done);
        assert_eq!(judged("/callback?code=second&state=right"), Back::Strange);
        assert_eq!(answer.try_recv().unwrap().outcome.unwrap().expose_secret(), "mine");
    }

    #[test]
    fn a_no_is_heard_too() {
        let (sender, mut answer) = oneshot::channel();
        let desk = Desk { state: "s".to_owned(), taken: Mutex::new(Some(sender)) };
        assert_eq!(desk.judge(&Request::get("/callback?error=access_denied&state=s").body(()).unwrap()), Back::Denied);
        assert!(answer.try_recv().unwrap().outcome.is_err());
        assert_eq!(desk.judge(&Request::post("/callback?code=x&state=s").body(()).unwrap()), Back::NoSuchPage);
    }
}
