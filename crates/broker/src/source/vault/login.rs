//! Who are we to Vault? The token that the operator gave, or one that we log in for: kept in memory, renewed before its end, replaced when it is no good.
//!
//! A login is a task of its own and one at a time: whoever waits may go away, and what Vault has given is not lost (a wrapped secret id is good once).

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use tokio::sync::Mutex;

use super::server::{Answer, Question, Server};
use super::{Wire, closed};
use crate::missing::Cause;
use crate::reference::Template;
use crate::resolve::Resolver;
use crate::slot::Clock;

/// How we come by a token. Secrets are references to what this machine has.
#[derive(Clone)]
pub enum Method {
    /// By a role id and a secret id.
    AppRole {
        /// Where the method is mounted: `approle`.
        mount: String,
        /// The role id.
        role_id: Template,
        /// The secret id, if the role wants one.
        secret_id: Option<SecretId>,
    },
    /// By a JWT: of an issuer, or of a Kubernetes service account, which Vault takes in the same words.
    Jwt {
        /// Where the method is mounted: `jwt` or `kubernetes`.
        mount: String,
        /// The role; Vault may have a default one.
        role: Option<String>,
        /// The JWT, read anew for each login.
        jwt: Template,
    },
    /// By having one.
    Token(Template),
}

/// The second half of what an AppRole logs in with.
#[derive(Clone)]
pub enum SecretId {
    /// Itself.
    Plain(Template),
    /// A token that unwraps it, once.
    Wrapped(Template),
}

/// The one token that is in use.
pub(super) struct Login {
    method: Method,
    /// Resolves what the method refers to.
    local: Resolver,
    clock: Clock,
    held: Arc<Mutex<Held>>,
}

/// A token and its life. Times are Unix milliseconds.
pub(super) struct Session {
    pub(super) token: SecretString,
    /// Tells apart tokens: a lease ends with the token that it was given to.
    pub(super) number: u64,
    /// `None`: without end, or nobody tells.
    ends: Option<u64>,
    /// When to see to the next.
    due: Option<u64>,
    /// Its life when it was new.
    full: Duration,
    is_renewable: bool,
}

#[derive(Default)]
struct Held {
    session: Option<Arc<Session>>,
    count: u64,
    is_closed: bool,
    unwrapped: Option<Unwrapped>,
}

/// A secret id, and what it was wrapped in.
struct Unwrapped {
    wrapping: SecretString,
    secret_id: SecretString,
}

/// What Vault says about a token.
#[derive(Deserialize)]
struct Auth<'a> {
    client_token: &'a str,
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}

#[derive(Deserialize)]
struct LoggedIn<'a> {
    #[serde(borrow)]
    auth: Auth<'a>,
}

/// What `lookup-self` says.
#[derive(Deserialize)]
struct Looked {
    #[serde(default)]
    ttl: u64,
    #[serde(default)]
    renewable: bool,
}

impl Session {
    pub(super) fn life_left(&self, now: u64) -> Option<Duration> {
        self.ends.map(|end| Duration::from_millis(end.saturating_sub(now)))
    }

    fn is_fresh(&self, now: u64) -> bool {
        self.due.is_none_or(|due| now < due)
    }

    fn is_alive(&self, now: u64) -> bool {
        self.ends.is_none_or(|end| now < end)
    }

    /// The same token; it is seen to again after half of what is left.
    fn postponed(&self, now: u64) -> Self {
        let due = self.ends.map(|end| now.saturating_add(end.saturating_sub(now) / 2));
        Self { token: self.token.clone(), due, ..*self }
    }
}

impl Login {
    pub(super) fn new(method: Method, local: Resolver, clock: Clock) -> Self {
        Self { method, local, clock, held: Arc::default() }
    }

    /// A token that has more than half of its life before it, if one can be had; else what is left of the one there is.
    pub(super) async fn session(&self, wire: &Arc<Wire>) -> Result<Arc<Session>, Cause> {
        let mut held = Arc::clone(&self.held).lock_owned().await;
        if let Some(session) = held.session.as_ref().filter(|session| session.is_fresh((self.clock)())) {
            return Ok(Arc::clone(session));
        }
        if held.is_closed {
            return Err(closed());
        }
        let wire = Arc::clone(wire);
        to_the_end(async move { wire.login.bring_up_to_date(&wire.server, &mut held).await }).await
    }

    /// Another token than this one, which was found to be no good.
    pub(super) async fn another(&self, wire: &Arc<Wire>, bad: &Session) -> Result<Arc<Session>, Cause> {
        let mut held = Arc::clone(&self.held).lock_owned().await;
        if let Some(session) = held.session.as_ref().filter(|session| session.number != bad.number) {
            return Ok(Arc::clone(session));
        }
        if held.is_closed {
            return Err(closed());
        }
        let wire = Arc::clone(wire);
        let session = to_the_end(async move { wire.login.log_in(&wire.server, &mut held).await }).await?;
        let is_another = session.number != bad.number;
        if is_another {
            Ok(session)
        } else {
            Err(Cause::Refused { detail: "the token is no good, and there is no other where it lies".into() })
        }
    }

    /// Whether Vault still knows a token; asked where a 403 may mean the token or the policy.
    pub(super) async fn is_good(&self, server: &Server, session: &Session) -> Result<bool, Cause> {
        let answer = server.send(&Question::get(LOOKUP), Some(&session.token)).await?;
        match answer.of_success() {
            Ok(_) => Ok(true),
            Err(cause) if cause.is_transient() => Err(cause),
            Err(_) => Ok(false),
        }
    }

    /// Takes the token that we logged in for out of use, and there is no other after it; one that the operator gave is not ours to end.
    pub(super) async fn take(&self) -> Option<Arc<Session>> {
        let mut held = self.held.lock().await;
        held.is_closed = true;
        let session = held.session.take();
        if matches!(self.method, Method::Token(_)) { None } else { session }
    }

    async fn bring_up_to_date(&self, server: &Server, held: &mut Held) -> Result<Arc<Session>, Cause> {
        let now = (self.clock)();
        let Some(session) = held.session.clone().filter(|session| session.is_alive(now)) else { return self.log_in(server, held).await };
        let outcome = match self.renewed(server, &session).await {
            Ok(Some(renewed)) => Ok(held.keep(renewed)),
            Ok(None) => self.log_in(server, held).await,
            Err(cause) => Err(cause),
        };
        match outcome {
            // It is good for a while yet.
            Err(cause) if session.is_alive((self.clock)()) => {
                tracing::warn!(%cause, "the token for Vault could not be renewed; the old one is used until its end");
                Ok(held.keep(session.postponed((self.clock)())))
            }
            outcome => outcome,
        }
    }

    /// The same token with a longer life. `None`: it cannot be had, or its end is near whatever we do.
    async fn renewed(&self, server: &Server, session: &Session) -> Result<Option<Session>, Cause> {
        if !session.is_renewable {
            return Ok(None);
        }
        let answer = server.send(&Question::post(RENEW, &[])?, Some(&session.token)).await?;
        let answer = match answer.of_success() {
            Ok(answer) => answer,
            Err(cause) if cause.is_transient() => return Err(cause),
            Err(_) => return Ok(None),
        };
        let LoggedIn { auth } = answer.read()?;
        let granted = Duration::from_secs(auth.lease_duration);
        if granted < session.full / 2 {
            return Ok(None);
        }
        let renewed = self.session_of(auth.client_token, granted, auth.renewable, session.number);
        Ok(Some(Session { full: session.full, ..renewed }))
    }

    async fn log_in(&self, server: &Server, held: &mut Held) -> Result<Arc<Session>, Cause> {
        let answer = match &self.method {
            Method::AppRole { mount, role_id, secret_id } => {
                let role_id = self.resolved(role_id).await?;
                let secret_id = match secret_id {
                    None => None,
                    Some(SecretId::Plain(secret_id)) => Some(self.resolved(secret_id).await?),
                    Some(SecretId::Wrapped(wrapping)) => Some(unwrapped(server, mount, self.resolved(wrapping).await?, held).await?),
                };
                let secret_id = secret_id.as_ref().map(|secret_id| ("secret_id", secret_id.expose_secret()));
                let members: Vec<_> = [("role_id", role_id.expose_secret())].into_iter().chain(secret_id).collect();
                logged_in(server, mount, &members).await?
            }
            Method::Jwt { mount, role, jwt } => {
                let jwt = self.resolved(jwt).await?;
                let role = role.as_ref().map(|role| ("role", role.as_str()));
                let members: Vec<_> = [("jwt", jwt.expose_secret().trim())].into_iter().chain(role).collect();
                logged_in(server, mount, &members).await?
            }
            Method::Token(place) => {
                let token = self.resolved(place).await?;
                return self.given(server, held, token.expose_secret().trim()).await;
            }
        };
        let LoggedIn { auth } = answer.read()?;
        held.count += 1;
        let session = self.session_of(auth.client_token, Duration::from_secs(auth.lease_duration), auth.renewable, held.count);
        Ok(held.keep(session))
    }

    /// The token that the operator gave, with what Vault says of its life, if it may be asked.
    async fn given(&self, server: &Server, held: &mut Held, token: &str) -> Result<Arc<Session>, Cause> {
        let known = held.session.as_ref().filter(|session| is_same(session.token.expose_secret(), token));
        let number = known.map_or(held.count + 1, |session| session.number);
        let answer = server.send(&Question::get(LOOKUP), Some(&token.into())).await?;
        let looked = match answer.of_success() {
            Ok(answer) => answer.read::<Data<Looked>>()?.data,
            Err(cause) if cause.is_transient() => return Err(cause),
            Err(_) => Looked { ttl: 0, renewable: false },
        };
        held.count = number.max(held.count);
        let session = self.session_of(token, Duration::from_secs(looked.ttl), looked.renewable, number);
        Ok(held.keep(session))
    }

    /// A life of zero is one without end.
    fn session_of(&self, token: &str, life: Duration, is_renewable: bool, number: u64) -> Session {
        let life_in_milliseconds = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        let after = |part: u64| (!life.is_zero()).then(|| (self.clock)().saturating_add(part));
        let (ends, due) = (after(life_in_milliseconds), after(life_in_milliseconds / 2));
        Session { token: token.into(), number, ends, due, full: life, is_renewable }
    }

    async fn resolved(&self, template: &Template) -> Result<SecretString, Cause> {
        self.local.resolve_for_start(template).await.map_err(|missing| Cause::LoginMissing(Box::new(missing)))
    }
}

impl Held {
    fn keep(&mut self, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        self.session = Some(Arc::clone(&session));
        session
    }
}

/// The members of an answer's `data`.
#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

/// Carries on to the end, whether or not somebody waits.
async fn to_the_end(work: impl Future<Output = Result<Arc<Session>, Cause>> + Send + 'static) -> Result<Arc<Session>, Cause> {
    tokio::spawn(work).await.unwrap_or_else(|_| Err(Cause::Unavailable { detail: "the login was given up".into() }))
}

async fn logged_in(server: &Server, mount: &str, members: &[(&str, &str)]) -> Result<Answer, Cause> {
    let path = format!("auth/{mount}/login");
    match server.send(&Question::post(&path, members)?, None).await?.of_success() {
        // Of a secret, "not found" would be said; here the method is not there.
        Err(Cause::NotFound) => Err(Cause::Refused { detail: format!("there is no login at `{path}`").into() }),
        outcome => outcome,
    }
}

/// The secret id that a token wraps. First it is made sure that Vault wrapped one of this method: somebody in between could have taken it out and wrapped
/// something of his own.
async fn unwrapped(server: &Server, mount: &str, wrapping: SecretString, held: &mut Held) -> Result<SecretString, Cause> {
    #[derive(Deserialize)]
    struct Wrapping<'a> {
        creation_path: &'a str,
    }
    #[derive(Deserialize)]
    struct Inside<'a> {
        secret_id: &'a str,
    }
    if let Some(known) = held.unwrapped.as_ref().filter(|known| is_same(known.wrapping.expose_secret(), wrapping.expose_secret())) {
        return Ok(known.secret_id.clone());
    }
    let look = Question::post("sys/wrapping/lookup", &[("token", wrapping.expose_secret())])?;
    let looked = server.send(&look, None).await?.of_success()?;
    let Data { data: Wrapping { creation_path } } = looked.read()?;
    let role = creation_path.split_once(&format!("auth/{mount}/role/")).and_then(|(_, role)| role.strip_suffix("/secret-id"));
    if role.is_none_or(|role| role.is_empty() || role.contains('/')) {
        return Err(Cause::Refused { detail: "the wrapping token was not made for a secret id of this AppRole mount".into() });
    }
    let answer = server.send(&Question::post("sys/wrapping/unwrap", &[])?, Some(&wrapping)).await?.of_success()?;
    let Data { data: Inside { secret_id } } = answer.read()?;
    let secret_id = SecretString::from(secret_id);
    held.unwrapped = Some(Unwrapped { wrapping, secret_id: secret_id.clone() });
    Ok(secret_id)
}

fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

const LOOKUP: &str = "auth/token/lookup-self";
const RENEW: &str = "auth/token/renew-self";
