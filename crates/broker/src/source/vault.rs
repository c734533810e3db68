//! `vault://MOUNT/PATH#FIELD`: what HashiCorp Vault or OpenBao keeps (KV 1 and 2) or makes (dynamic secrets).
//!
//! `server` puts one question, `login` has the token, `engine` knows what a mount is, `lease` looks after what was lent, `write` changes what is kept. Whom to ask, and as whom, is the
//! operator's word alone: a reference names nothing but a path.

mod engine;
mod lease;
mod login;
mod server;
mod write;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

pub use self::engine::Engine;
use self::engine::{Engines, Route, likely_mount};
use self::lease::Leases;
use self::login::{Login, Session};
pub use self::login::{Method, SecretId};
use self::server::{Answer, Question, Server};
use crate::missing::Cause;
use crate::reference::{Place, VaultSecret};
use crate::resolve::Resolver;
use crate::slot::Clock;
use crate::source::{Closing, Fetched, Fetching, Provider, Writer};
use crate::value::Value;

/// How Vault is asked.
#[derive(Clone)]
pub struct Settings {
    /// Such as `https://vault.example.com:8200`; https, or this machine.
    pub address: String,
    /// The namespace, if there are several.
    pub namespace: Option<String>,
    /// A PEM file of certificates to trust besides the system's.
    pub authorities: Option<PathBuf>,
    /// How we come by a token.
    pub login: Method,
    /// The engines of mounts, without a slash at the end, where Vault cannot be asked.
    pub engines: BTreeMap<Box<str>, Engine>,
}

/// Asks Vault, once it is needed.
pub struct Vault {
    wire: Result<Arc<Wire>, &'static str>,
}

/// Everything between us and one Vault.
struct Wire {
    server: Server,
    login: Login,
    engines: Engines,
    leases: Leases,
    clock: Clock,
    /// Nothing more is to be lent: nobody would give it back.
    is_closed: AtomicBool,
}

impl Vault {
    /// `local` resolves what the login refers to.
    pub fn new(settings: Settings, local: Resolver, clock: Clock) -> Self {
        let Settings { address, namespace, authorities, login, engines } = settings;
        let wire = Wire {
            server: Server::new(&address, namespace.as_deref(), authorities),
            login: Login::new(login, local, Arc::clone(&clock)),
            engines: Engines::new(engines),
            leases: Leases::default(),
            clock,
            is_closed: AtomicBool::new(false),
        };
        Self { wire: Ok(Arc::new(wire)) }
    }

    /// A Vault of which too little is known, and what is to be written so that it can be asked.
    pub fn unknown(what: &'static str) -> Self {
        Self { wire: Err(what) }
    }
}

impl Provider for Vault {
    fn fetch<'a>(&'a self, place: &'a Place) -> Fetching<'a> {
        Box::pin(async move {
            let Place::Vault(secret) = place else { return Err(Cause::NotInThisBuild) };
            let wire = self.wire.as_ref().map_err(|what| Cause::NotConfigured { what })?;
            wire.fetch(secret).await
        })
    }

    fn refuse(&self, place: &Place) {
        if let (Place::Vault(secret), Ok(wire)) = (place, &self.wire) {
            wire.leases.refuse(&secret.path);
        }
    }

    fn writer(&self) -> Option<&dyn Writer> {
        Some(self)
    }

    fn close(&self) -> Closing<'_> {
        Box::pin(async move {
            if let Ok(wire) = &self.wire {
                wire.close().await;
            }
        })
    }
}

impl Wire {
    async fn fetch(self: &Arc<Self>, secret: &VaultSecret) -> Result<Fetched, Cause> {
        let route = match self.engines.route(&secret.path) {
            Some(route) => Some(route),
            None => self.look_at_mount(&secret.path).await?,
        };
        let outcome = match route {
            Some(Route::Versioned { mount, rest }) => self.versioned(&format!("{mount}/data/{rest}"), secret.version).await,
            Some(_) if secret.version.is_some() => Err(Cause::BadAnswer { detail: "this mount keeps no versions".into() }),
            Some(Route::Lent | Route::Plain) => Leases::fetch(self, &secret.path).await,
            None => self.tried(secret).await,
        };
        if matches!(outcome, Err(Cause::NotFound)) {
            self.engines.forget(&secret.path);
        }
        outcome
    }

    /// The way to a path as Vault itself says, as the `vault` command asks it. `None`: it does not say.
    async fn look_at_mount(self: &Arc<Self>, path: &str) -> Result<Option<Route>, Cause> {
        let mounts = format!("sys/internal/ui/mounts/{path}");
        let (answer, _) = self.ask(&Question::get(&mounts)).await?;
        match answer.status {
            status if status.is_success() => self.engines.learn(&answer, path).map(Some),
            StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(None),
            _ => Err(answer.refusal()),
        }
    }

    /// The value of a path of which nobody says what it is: taken for one with versions, then for one without.
    async fn tried(self: &Arc<Self>, secret: &VaultSecret) -> Result<Fetched, Cause> {
        let mount = likely_mount(&secret.path);
        let Route::Versioned { rest, .. } = engine::route(mount, Engine::Kv2, &secret.path) else { return Err(Cause::NotFound) };
        let first = match self.versioned(&format!("{mount}/data/{rest}"), secret.version).await {
            Ok(fetched) => {
                self.engines.guess(mount, Engine::Kv2);
                return Ok(fetched);
            }
            Err(cause) if cause.is_transient() || secret.version.is_some() => return Err(cause),
            Err(cause) => cause,
        };
        match Leases::fetch(self, &secret.path).await {
            Ok(fetched) => {
                self.engines.guess(mount, Engine::Kv1);
                Ok(fetched)
            }
            // A policy that speaks of the one path alone refuses the other.
            Err(Cause::Refused { .. }) if first == Cause::NotFound => Err(first),
            Err(cause) => Err(cause),
        }
    }

    /// A secret of KV 2; a version that was deleted or destroyed is none.
    async fn versioned(self: &Arc<Self>, path: &str, version: Option<u32>) -> Result<Fetched, Cause> {
        let path = version.map_or_else(|| path.to_owned(), |version| format!("{path}?version={version}"));
        let (answer, _) = self.ask(&Question::get(&path)).await?;
        let answer = answer.of_success()?;
        let Versioned { data, metadata } = Versioned::read(&answer)?;
        let data = data.filter(|_| !metadata.destroyed).ok_or(Cause::NotFound)?;
        Ok(Fetched { value: object(Some(data))?, version: Some(metadata.version.to_string().into()), lifetime: None })
    }

    /// The answer, and who asked. Our own token is never an answer: whoever may write references must not get it by one.
    async fn ask(self: &Arc<Self>, question: &Question<'_>) -> Result<(Answer, Arc<Session>), Cause> {
        let (answer, session) = self.ask_until_known(question).await?;
        let own = || Cause::Refused { detail: "what lies there is the token that the door asks with".into() };
        if answer.holds(&session.token) { Err(own()) } else { Ok((answer, session)) }
    }

    /// The answer, and who asked. When Vault forbids and no longer knows our token, once more with another.
    async fn ask_until_known(self: &Arc<Self>, question: &Question<'_>) -> Result<(Answer, Arc<Session>), Cause> {
        let session = self.login.session(self).await?;
        let answer = self.server.send(question, Some(&session.token)).await?;
        if answer.status != StatusCode::FORBIDDEN || self.login.is_good(&self.server, &session).await? {
            return Ok((answer, session));
        }
        let session = self.login.another(self, &session).await?;
        let answer = self.server.send(question, Some(&session.token)).await?;
        Ok((answer, session))
    }

    /// Ends what was lent, then the token that we logged in for. Whoever still asks gets nothing.
    async fn close(self: &Arc<Self>) {
        self.is_closed.store(true, Ordering::SeqCst);
        let leases = self.leases.take_all().await;
        if !leases.is_empty()
            && let Ok(session) = self.login.session(self).await
        {
            for id in &leases {
                self.give_back(id, &session).await;
            }
        }
        if let Some(session) = self.login.take().await
            && let Ok(question) = Question::post("auth/token/revoke-self", &[])
            && let Err(cause) = self.server.send(&question, Some(&session.token)).await.and_then(Answer::of_success)
        {
            tracing::info!(%cause, "the token for Vault could not be given back; it ends by itself");
        }
    }

    fn now(&self) -> u64 {
        (self.clock)()
    }
}

fn closed() -> Cause {
    Cause::Unavailable { detail: "what was lent is being given back".into() }
}

/// What every engine answers with. It holds secrets: no `Debug`.
#[derive(Deserialize)]
struct Secret<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    lease_id: Cow<'a, str>,
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}

/// What KV 2 has in its `data`.
#[derive(Deserialize)]
struct Versioned<'a> {
    /// Null for a version that was deleted.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    version: u64,
    #[serde(default)]
    destroyed: bool,
}

impl<'a> Versioned<'a> {
    fn read(answer: &'a Answer) -> Result<Self, Cause> {
        let secret: Secret<'a> = answer.read()?;
        let inner = secret.data.ok_or(Cause::NotFound)?.get();
        let detail = || "it is not a secret with versions".into();
        serde_json::from_str(inner).map_err(|_| Cause::BadAnswer { detail: detail() })
    }
}

/// The members of a secret, as the JSON object that they are.
fn object(data: Option<&RawValue>) -> Result<Value, Cause> {
    let data = data.map(RawValue::get).filter(|data| data.starts_with('{'));
    let data = data.ok_or_else(|| Cause::BadAnswer { detail: "there is no object of data in it".into() })?;
    Value::new(data).map_err(|_| Cause::NoMemory)
}

#[cfg(test)]
mod tests;
