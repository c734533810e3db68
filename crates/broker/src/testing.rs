//! A token endpoint for the tests of this crate: real sockets, and answers that the test gives.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use oauth::scope::ScopeSet;
use outbound::client::Client;
use outbound::guard::Guard;
use outbound::tls::Roots;
use policy::{Action, Caller, Permit, RuleSet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::authorization_server::{AuthorizationServer, Place, Proof};
use crate::reference::Template;
use crate::slot::Clock;

/// One request, as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) form: BTreeMap<String, String>,
}

/// A running token endpoint.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

type Mind = Arc<dyn Fn(&Asked, usize) -> (u16, String) + Send + Sync>;

impl Endpoint {
    /// Answers as `mind` says to the request and its number, from 1.
    pub(crate) async fn start(mind: impl Fn(&Asked, usize) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, mind): (Arc<Mutex<Vec<Asked>>>, Mind) = (Arc::default(), Arc::new(mind));
        let notes = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&notes), Arc::clone(&mind)));
            }
        });
        Self { url, asked }
    }

    /// One that numbers its tokens: `token-1`, `token-2`.
    pub(crate) async fn numbering(expires_in: u64) -> Self {
        Self::start(move |_, number| (200, token(&format!("token-{number}"), expires_in))).await
    }

    /// Everything that came in so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// This endpoint for the client `door`.
    pub(crate) fn server(&self, proof: Proof) -> AuthorizationServer {
        AuthorizationServer {
            place: Place::Known(format!("{}/token", self.url).parse().unwrap()),
            client_id: "door".to_owned(),
            proof,
            roots: None,
            pin: None,
            rate: "10/min".parse().unwrap(),
        }
    }
}

async fn answer(mut stream: TcpStream, notes: Arc<Mutex<Vec<Asked>>>, mind: Mind) {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.unwrap();
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").map_or(0, |length| length.parse().unwrap());
            if body.len() >= length || read == 0 {
                break (head.to_owned(), body.to_owned());
            }
        }
    };
    let form = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let asked = Asked { path, authorization: header(&head, "authorization"), form };
    let number = {
        let mut notes = notes.lock().unwrap();
        notes.push(asked.clone());
        notes.len()
    };
    let (status, body) = mind(&asked, number);
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines()
        .find_map(|line| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()))
}

/// The answer that gives this token.
pub(crate) fn token(token: &str, expires_in: u64) -> String {
    serde_json::json!({"access_token": token, "token_type": "Bearer", "expires_in": expires_in}).to_string()
}

/// A proof by a secret.
pub(crate) fn secret(template: &str) -> Proof {
    Proof::Secret { secret: Template::parse(template).unwrap(), method: None }
}

pub(crate) fn client() -> Client {
    Client::new(Guard::default(), &Roots::default()).unwrap()
}

/// A clock that stands at 12:00:00 until it is set.
#[derive(Clone)]
pub(crate) struct Watch(Arc<AtomicU64>);

impl Watch {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(NOON * 1000)))
    }

    pub(crate) fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Arc::new(move || now.load(Ordering::SeqCst))
    }

    /// Sets it so many seconds after noon.
    pub(crate) fn set(&self, seconds: u64) {
        self.0.store((NOON + seconds) * 1000, Ordering::SeqCst);
    }

    /// Lets time go by.
    pub(crate) fn pass(&self, time: std::time::Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

/// A permit, as the door's rules give it.
pub(crate) fn permit() -> Permit {
    let scopes = ScopeSet::default();
    let caller = Caller { issuer: "https://idp.example", subject: "ada", client: None, scopes: &scopes };
    RuleSet::open().decide(&caller, &Action::Tool("search")).unwrap()
}

/// 2027-01-15, in Unix seconds.
pub(crate) const NOON: u64 = 1_800_014_400;
