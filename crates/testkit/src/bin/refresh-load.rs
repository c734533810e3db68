//! How many refreshes a second does an authorization server answer? Signs in once on its pages, takes a grant for each connection, and then refreshes each of them, one after
//! another, as fast as it is answered.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Parser;
use http::header::{CONTENT_TYPE, COOKIE, HOST, REFRESH, SET_COOKIE};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Loads a token endpoint with refreshes.
#[derive(Parser)]
struct Arguments {
    /// The door, such as `127.0.0.1:8787`
    #[arg(long)]
    to: String,
    /// The account to sign in with
    #[arg(long)]
    account: String,
    /// Its password
    #[arg(long, env = "PASSWORD")]
    password: String,
    /// How many families of tokens, each on a connection of its own
    #[arg(long, default_value_t = 64)]
    families: usize,
    /// For how long
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(report) => {
            show(&report);
            ExitCode::SUCCESS
        }
        Err(error) => {
            show(&format!("refresh-load: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "what this program has to say is its output")]
fn show(text: &str) {
    println!("{text}");
}

async fn run(arguments: Arguments) -> Result<String, Failure> {
    let mut browser = Browser { line: Line::open(&arguments.to).await?, cookies: BTreeMap::new() };
    let client = browser.register().await?;
    let mut families = Vec::new();
    for number in 0..arguments.families {
        let code = browser.agree(&client, &arguments, number == 0).await?;
        let mut line = Line::open(&arguments.to).await?;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &client),
            ("code", &code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", CALLBACK),
        ];
        let token = refresh_token(&line.form("/token", &form, None).await?)?;
        families.push((line, token));
    }
    let until = tick() + Duration::from_secs(arguments.seconds);
    let tasks: Vec<_> = families.into_iter().map(|(line, token)| tokio::spawn(go_on(line, client.clone(), token, until))).collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    let rate = times.len() as u64 / arguments.seconds;
    Ok(format!("{rate} refreshes a second; p50 {:?}, p95 {:?}, p99 {:?}", at(50), at(95), at(99)))
}

async fn go_on(mut line: Line, client: String, mut token: String, until: Instant) -> Result<Vec<Duration>, Failure> {
    let mut times = Vec::new();
    while tick() < until {
        let began = tick();
        let form = [("grant_type", "refresh_token"), ("client_id", &*client), ("refresh_token", &*token)];
        token = refresh_token(&line.form("/token", &form, None).await?)?;
        times.push(began.elapsed());
    }
    Ok(times)
}

#[expect(clippy::disallowed_methods, reason = "this is a stopwatch")]
fn tick() -> Instant {
    Instant::now()
}

/// One connection.
struct Line {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Line {
    async fn open(to: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, host: to.to_owned() })
    }

    async fn send(&mut self, method: Method, path: &str, kind: &str, body: String, cookies: Option<String>) -> Result<Answer, Failure> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host).header(CONTENT_TYPE, kind);
        if let Some(cookies) = cookies {
            request = request.header(COOKIE, cookies);
        }
        self.sender.ready().await?;
        let (parts, body) = self.sender.send_request(request.body(Full::new(body.into()))?).await?.into_parts();
        #[expect(clippy::disallowed_methods, reason = "the door that is measured is our own")]
        let body = body.collect().await?.to_bytes();
        Ok(Response::from_parts(parts, String::from_utf8(body.to_vec())?))
    }

    async fn form(&mut self, path: &str, fields: &[(&str, &str)], cookies: Option<String>) -> Result<Answer, Failure> {
        let body = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&");
        self.send(Method::POST, path, "application/x-www-form-urlencoded", body, cookies).await
    }
}

type Answer = Response<String>;

/// Somebody at a browser.
struct Browser {
    line: Line,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    async fn register(&mut self) -> Result<String, Failure> {
        let document = format!(r#"{{"redirect_uris":["{CALLBACK}"],"grant_types":["authorization_code","refresh_token"]}}"#);
        let answer = self.line.send(Method::POST, "/register", "application/json", document, None).await?;
        member(&answer, "client_id")
    }

    async fn agree(&mut self, client: &str, who: &Arguments, is_first: bool) -> Result<String, Failure> {
        let question = format!(
            "/authorize?response_type=code&client_id={client}&redirect_uri={}&code_challenge={CHALLENGE}&code_challenge_method=S256",
            encoded(CALLBACK)
        );
        let cookies = self.cookies();
        let mut page = self.line.send(Method::GET, &question, "text/plain", String::new(), cookies).await?;
        self.keep(&page);
        if is_first {
            let fields = [("asked", asked(&page)?), ("username", who.account.clone()), ("password", who.password.clone())];
            page = self.submit("/authorize/sign-in", &fields).await?;
        }
        let done = self.submit("/authorize/consent", &[("asked", asked(&page)?), ("answer", "allow".to_owned())]).await?;
        let to = done.headers().get(REFRESH).ok_or("nobody agreed")?.to_str()?;
        let code = to.split(['?', '&']).find_map(|pair| pair.strip_prefix("code=")).ok_or("there is no code")?;
        Ok(code.to_owned())
    }

    async fn submit(&mut self, path: &str, fields: &[(&str, String)]) -> Result<Answer, Failure> {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let cookies = self.cookies();
        let answer = self.line.form(path, &fields, cookies).await?;
        self.keep(&answer);
        Ok(answer)
    }

    fn cookies(&self) -> Option<String> {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().ok().and_then(|cookie| cookie.split(';').next()?.split_once('='));
            if let Some((name, value)) = pair {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

fn asked(page: &Answer) -> Result<String, Failure> {
    let (_, rest) = page.body().split_once("name=\"asked\" value=\"").ok_or_else(|| format!("no form in {}", page.body()))?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

fn refresh_token(answer: &Answer) -> Result<String, Failure> {
    member(answer, "refresh_token")
}

fn member(answer: &Answer, name: &str) -> Result<String, Failure> {
    let document: serde_json::Value = serde_json::from_str(answer.body())?;
    let found = document.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    found.ok_or_else(|| format!("{}: {}", answer.status(), answer.body()).into())
}

/// Everything but letters and digits.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(byte).collect()
}

const CALLBACK: &str = "http://127.0.0.1/callback";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
