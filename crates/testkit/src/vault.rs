//! How does Vault answer? A small one in memory that keeps to the documented shapes of its HTTP API, for what no server that can be installed here has.
//!
//! Mounts: `secret/` and `team/kv/` (KV 2), `kv/` (KV 1), `database/`; logins by AppRole, Kubernetes and JWT; leases, wrapping, namespaces, seal. It is set up
//! over the same API as a real one, so the client of other people that certifies it (hvac) sees nothing that ours does not.

mod engines;
mod logins;
mod system;
mod tokens;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::engines::{DatabaseRole, Versions};
use self::logins::Role;
use self::system::Wrapped;
use self::tokens::{Lease, Token};
use crate::body::read_capped;

/// The token that may do everything.
pub const ROOT: &str = "hvs.root-of-the-tests-only";
/// The only JWT that the logins by JWT believe.
pub const JWT: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJkb29yIn0.of-the-tests-only";

/// Unix time in milliseconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A Vault.
pub struct Vault {
    state: Mutex<State>,
    clock: Clock,
}

/// Everything that it holds. Times are Unix milliseconds.
#[derive(Default)]
struct State {
    now: u64,
    names: u64,
    is_sealed: bool,
    /// Whether the engine of a mount is kept from all but root.
    hides_mounts: bool,
    namespace: Option<String>,
    tokens: BTreeMap<String, Token>,
    leases: BTreeMap<String, Lease>,
    wrapped: BTreeMap<String, Wrapped>,
    roles: BTreeMap<String, Role>,
    database_roles: BTreeMap<String, DatabaseRole>,
    plain: BTreeMap<String, Value>,
    versioned: BTreeMap<String, Versions>,
    asked: Vec<String>,
}

/// A request as the routes see it.
struct Asked<'a> {
    method: &'a Method,
    /// Behind `/v1/`.
    path: &'a str,
    query: &'a str,
    body: Value,
    token: &'a str,
}

impl Asked<'_> {
    /// A member of the body; null where there is none.
    fn member(&self, name: &str) -> &Value {
        self.body.get(name).unwrap_or(&Value::Null)
    }

    /// A text of the body; the empty one where there is none.
    fn text(&self, name: &str) -> &str {
        self.member(name).as_str().unwrap_or_default()
    }
}

/// A status and a body.
type Answer = (StatusCode, Value);

impl Vault {
    /// An empty one.
    pub fn new(clock: Clock) -> Self {
        let mut state = State::default();
        state.tokens.insert(ROOT.to_owned(), Token::root());
        Self { state: Mutex::new(state), clock }
    }

    /// Keeps from all but root which engine a mount has, as a policy may.
    pub fn hide_mounts(&self) {
        self.state().hides_mounts = true;
    }

    /// Lives in this namespace alone.
    pub fn move_to_namespace(&self, name: &str) {
        self.state().namespace = Some(name.to_owned());
    }

    /// Forgets every token but root's, and what was lent to it.
    pub fn forget_tokens(&self) {
        self.state().forget_tokens();
    }

    /// How many tokens besides root's, and how many leases, are good at this moment.
    pub fn lent(&self) -> (usize, usize) {
        let mut state = self.state();
        state.expire();
        (state.tokens.len() - 1, state.leases.len())
    }

    /// Every question since the last time, as `METHOD path`.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state().asked)
    }

    /// Serves until the listener fails.
    ///
    /// # Errors
    ///
    /// When the listener cannot accept any more.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> std::io::Result<()> {
        loop {
            let (stream, _) = listener.accept().await?;
            let vault = Arc::clone(&self);
            tokio::spawn(async move {
                let answer = service_fn(|request| Arc::clone(&vault).answer(request));
                // A caller that hangs up in the middle is no fault.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let Some(body) = read_capped(body, LIMIT).await else { return Ok(response(errors(StatusCode::PAYLOAD_TOO_LARGE, "too large"))) };
        let body = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&body) };
        let (Ok(body), Some(path)) = (body, head.uri.path().strip_prefix("/v1/")) else {
            return Ok(response(errors(StatusCode::BAD_REQUEST, "error parsing JSON")));
        };
        let token = text_of(&head.headers, "x-vault-token");
        let asked = Asked { method: &head.method, path, query: head.uri.query().unwrap_or_default(), body, token };
        let mut state = self.state();
        Ok(response(state.answer(&asked, &head.headers)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = (self.clock)();
        state
    }
}

impl State {
    fn answer(&mut self, asked: &Asked<'_>, headers: &HeaderMap) -> Answer {
        self.asked.push(format!("{} {}", asked.method, asked.path));
        self.expire();
        // As a Vault Agent whose listener is set up with `require_request_header`.
        if text_of(headers, "x-vault-request") != "true" {
            return errors(StatusCode::PRECONDITION_FAILED, "missing 'X-Vault-Request' header");
        }
        if let Some(answer) = self.health(asked) {
            return answer;
        }
        if self.is_sealed {
            return errors(StatusCode::SERVICE_UNAVAILABLE, "Vault is sealed");
        }
        if self.namespace.as_deref().is_some_and(|name| name != text_of(headers, "x-vault-namespace").trim_matches('/')) {
            return errors(StatusCode::NOT_FOUND, &format!("no handler for route \"{}\". route entry not found.", asked.path));
        }
        let answer = self.without_a_token(asked).unwrap_or_else(|| {
            if !self.tokens.contains_key(asked.token) {
                return errors(StatusCode::FORBIDDEN, "permission denied");
            }
            self.with_a_token(asked)
        });
        match text_of(headers, "x-vault-wrap-ttl") {
            "" => answer,
            life => self.wrap(asked.path, life, answer),
        }
    }

    fn without_a_token(&mut self, asked: &Asked<'_>) -> Option<Answer> {
        let answer = match asked.path {
            "sys/wrapping/lookup" => self.look_at_wrapped(asked),
            "sys/wrapping/unwrap" => self.unwrap_once(asked),
            path if path.starts_with("auth/") && path.ends_with("/login") => self.log_in(asked),
            _ => return None,
        };
        Some(answer)
    }

    fn with_a_token(&mut self, asked: &Asked<'_>) -> Answer {
        // What a policy keeps from everybody but root.
        if asked.token != ROOT && asked.path.split('/').any(|segment| segment == "forbidden") {
            return errors(StatusCode::FORBIDDEN, "1 error occurred:\n\t* permission denied\n\n");
        }
        let answer = self.of_tokens(asked).or_else(|| self.of_leases(asked)).or_else(|| self.of_system(asked));
        let answer = answer.or_else(|| self.of_logins(asked)).or_else(|| self.of_engines(asked));
        answer.unwrap_or_else(|| errors(StatusCode::NOT_FOUND, &format!("no handler for route \"{}\". route entry not found.", asked.path)))
    }

    /// A name that was not used before.
    fn name(&mut self, before: &str) -> String {
        self.names += 1;
        format!("{before}{:024}", self.names)
    }
}

/// A success with these members instead of the usual empty ones.
fn success(members: &Value) -> Answer {
    let mut whole = json!({
        "request_id": "00000000-0000-0000-0000-000000000000", "lease_id": "", "renewable": false, "lease_duration": 0,
        "data": null, "wrap_info": null, "warnings": null, "auth": null, "mount_type": "",
    });
    if let (Some(whole), Some(members)) = (whole.as_object_mut(), members.as_object()) {
        whole.extend(members.clone());
    }
    (StatusCode::OK, whole)
}

fn done() -> Answer {
    (StatusCode::NO_CONTENT, Value::Null)
}

fn errors(status: StatusCode, what: &str) -> Answer {
    (status, json!({"errors": [what]}))
}

fn nothing_there() -> Answer {
    (StatusCode::NOT_FOUND, json!({"errors": []}))
}

fn response((status, body): Answer) -> Response<Full<Bytes>> {
    let text = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let mut response = Response::new(Full::new(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text_of<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Whether a request writes.
fn writes(asked: &Asked<'_>) -> bool {
    [Method::POST, Method::PUT].contains(asked.method)
}

/// Seconds: a number, its text, or a text such as `60s`, `5m` or `1h`.
fn seconds(value: &Value) -> Option<u64> {
    let text = match value {
        Value::Number(number) => return number.as_u64(),
        Value::String(text) => text.as_str(),
        _ => return None,
    };
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.parse().ok().map(|number: u64| number * factor)
}

const LIMIT: usize = 1024 * 1024;
