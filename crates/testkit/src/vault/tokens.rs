//! Tokens and leases: what lives for a time, may be renewed up to a limit, and ends with what it belongs to.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Asked, ROOT, State, done, errors, seconds, success, writes};

/// A life. Times are Unix milliseconds.
#[derive(Clone)]
pub(super) struct Life {
    pub(super) began: u64,
    pub(super) ends: u64,
    /// What it is given without a wish, in seconds.
    pub(super) usual: u64,
    /// How long it may be in all, in seconds.
    pub(super) most: u64,
}

pub(super) struct Token {
    accessor: String,
    /// `None`: without end.
    life: Option<Life>,
    is_renewable: bool,
}

pub(super) struct Lease {
    /// The token that it ends with.
    token: String,
    life: Life,
}

impl Life {
    pub(super) fn new(now: u64, usual: u64, most: u64) -> Self {
        Self { began: now, ends: now + 1000 * usual.min(most), usual, most }
    }

    /// More life, if its limit lets it; returns what is left of it, in seconds.
    fn extend(&mut self, now: u64, wish: Option<u64>) -> u64 {
        let wish = wish.filter(|wish| *wish > 0).unwrap_or(self.usual);
        self.ends = (now + 1000 * wish).min(self.began + 1000 * self.most);
        self.left(now)
    }

    fn left(&self, now: u64) -> u64 {
        self.ends.saturating_sub(now).div_ceil(1000)
    }
}

impl Token {
    pub(super) fn root() -> Self {
        Self { accessor: "accessor-of-root".to_owned(), life: None, is_renewable: false }
    }
}

impl State {
    /// The `auth` of an answer with a new token.
    pub(super) fn new_token(&mut self, life: Life, is_renewable: bool) -> Value {
        let (id, accessor) = (self.name("hvs."), self.name("accessor-"));
        let auth = auth(&id, &accessor, life.left(self.now), is_renewable);
        self.tokens.insert(id, Token { accessor, life: Some(life), is_renewable });
        auth
    }

    /// The id of a new lease of the asking token.
    pub(super) fn new_lease(&mut self, asked: &Asked<'_>, life: Life) -> String {
        let id = self.name(&format!("{}/", asked.path));
        self.leases.insert(id.clone(), Lease { token: asked.token.to_owned(), life });
        id
    }

    pub(super) fn expire(&mut self) {
        let now = self.now;
        self.tokens.retain(|_, token| token.life.as_ref().is_none_or(|life| life.ends > now));
        let tokens = &self.tokens;
        self.leases.retain(|_, lease| lease.life.ends > now && tokens.contains_key(&lease.token));
        self.wrapped.retain(|_, wrapped| wrapped.life.ends > now);
    }

    pub(super) fn forget_tokens(&mut self) {
        self.tokens.retain(|id, _| id == ROOT);
        self.expire();
    }

    pub(super) fn of_tokens(&mut self, asked: &Asked<'_>) -> Option<Answer> {
        match asked.path {
            "auth/token/create" if writes(asked) => Some(self.create(asked)),
            "auth/token/lookup-self" => self.look_at_self(asked.token),
            "auth/token/renew-self" if writes(asked) => self.renew_self(asked),
            "auth/token/revoke-self" if writes(asked) => {
                self.tokens.remove(asked.token);
                self.expire();
                Some(done())
            }
            _ => None,
        }
    }

    fn create(&mut self, asked: &Asked<'_>) -> Answer {
        let most = seconds(asked.member("explicit_max_ttl")).filter(|most| *most > 0).unwrap_or(LONGEST);
        let life = Life::new(self.now, seconds(asked.member("ttl")).unwrap_or(LONGEST), most);
        let auth = self.new_token(life, asked.member("renewable").as_bool().unwrap_or(true));
        success(&json!({"auth": auth}))
    }

    fn look_at_self(&self, id: &str) -> Option<Answer> {
        let token = self.tokens.get(id)?;
        let ttl = token.life.as_ref().map_or(0, |life| life.left(self.now));
        Some(success(&json!({"data": {
            "accessor": token.accessor, "creation_time": 0, "creation_ttl": ttl, "display_name": "token", "entity_id": "", "explicit_max_ttl": 0,
            "id": id, "meta": null, "num_uses": 0, "orphan": true, "path": "auth/token/create", "policies": ["default"],
            "renewable": token.is_renewable, "ttl": ttl, "type": "service",
        }})))
    }

    fn renew_self(&mut self, asked: &Asked<'_>) -> Option<Answer> {
        let now = self.now;
        let token = self.tokens.get_mut(asked.token)?;
        let Some(life) = token.life.as_mut().filter(|_| token.is_renewable) else {
            return Some(errors(StatusCode::BAD_REQUEST, "lease is not renewable"));
        };
        let left = life.extend(now, seconds(asked.member("increment")));
        Some(success(&json!({"auth": auth(asked.token, &token.accessor, left, true)})))
    }

    pub(super) fn of_leases(&mut self, asked: &Asked<'_>) -> Option<Answer> {
        let now = self.now;
        let id = asked.text("lease_id");
        let unknown = || errors(StatusCode::BAD_REQUEST, "lease not found");
        let answer = match asked.path {
            "sys/leases/lookup" if writes(asked) => match self.leases.get(id) {
                Some(lease) => success(&json!({"data": {
                    "id": id, "issue_time": "2026-01-01T00:00:00Z", "expire_time": "2026-01-01T00:00:00Z", "last_renewal": null,
                    "renewable": true, "ttl": lease.life.left(now),
                }})),
                None => errors(StatusCode::BAD_REQUEST, "invalid lease"),
            },
            "sys/leases/renew" if writes(asked) => match self.leases.get_mut(id) {
                Some(lease) => {
                    let left = lease.life.extend(now, seconds(asked.member("increment")));
                    success(&json!({"lease_id": id, "renewable": true, "lease_duration": left}))
                }
                None => unknown(),
            },
            "sys/leases/revoke" if writes(asked) => match self.leases.remove(id) {
                Some(_) => done(),
                None => unknown(),
            },
            _ => return None,
        };
        Some(answer)
    }
}

fn auth(id: &str, accessor: &str, left: u64, is_renewable: bool) -> Value {
    json!({
        "client_token": id, "accessor": accessor, "policies": ["default"], "token_policies": ["default"], "metadata": null,
        "lease_duration": left, "renewable": is_renewable, "entity_id": "", "token_type": "service", "orphan": true,
        "mfa_requirement": null, "num_uses": 0,
    })
}

/// Thirty-two days, as Vault has it.
const LONGEST: u64 = 32 * 24 * 3600;
