//! Health and seal, the engines of mounts, and wrapping.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::tokens::Life;
use super::{Answer, Asked, ROOT, State, done, errors, seconds, success, writes};

/// An answer that waits to be unwrapped, once.
pub(super) struct Wrapped {
    pub(super) life: Life,
    creation_path: String,
    answer: Value,
}

impl State {
    /// What is answered even while sealed.
    pub(super) fn health(&mut self, asked: &Asked<'_>) -> Option<Answer> {
        match asked.path {
            "sys/health" => {
                let status = if self.is_sealed { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
                let standby = json!({"initialized": true, "sealed": self.is_sealed, "standby": false, "version": "1.21.0"});
                Some((status, standby))
            }
            "sys/init" => Some((StatusCode::OK, json!({"initialized": true}))),
            "sys/seal-status" | "sys/unseal" => {
                if writes(asked) {
                    self.is_sealed = false;
                }
                Some((
                    StatusCode::OK,
                    json!({"type": "shamir", "initialized": true, "sealed": self.is_sealed, "t": 1, "n": 1, "progress": 0}),
                ))
            }
            _ => None,
        }
    }

    pub(super) fn of_system(&mut self, asked: &Asked<'_>) -> Option<Answer> {
        if asked.path == "sys/seal" && writes(asked) {
            self.is_sealed = true;
            return Some(done());
        }
        let path = asked.path.strip_prefix("sys/internal/ui/mounts/").filter(|_| asked.method == Method::GET)?;
        let mounts =
            [("secret/", "kv", Some("2")), ("team/kv/", "kv", Some("2")), ("kv/", "kv", Some("1")), ("database/", "database", None)];
        let known = mounts.iter().find(|(mount, _, _)| path.starts_with(mount) && (asked.token == ROOT || !self.hides_mounts));
        let Some((mount, kind, version)) = known else {
            let what = format!("preflight capability check returned 403, please ensure client's policies grant access to path \"{path}/\"");
            return Some(errors(StatusCode::FORBIDDEN, &what));
        };
        let options = version.map(|version| json!({"version": version}));
        Some(success(&json!({"data": {
            "accessor": format!("{kind}_00000000"), "config": {"default_lease_ttl": 0, "force_no_cache": false, "max_lease_ttl": 0},
            "deprecation_status": "supported", "description": "", "external_entropy_access": false, "local": false, "options": options,
            "path": mount, "plugin_version": "", "running_plugin_version": "v0.0.0+builtin", "running_sha256": "", "seal_wrap": false,
            "type": kind, "uuid": "00000000-0000-0000-0000-000000000000",
        }})))
    }

    /// Puts an answer away, for whoever has the token that stands in for it.
    pub(super) fn wrap(&mut self, path: &str, life: &str, (status, answer): Answer) -> Answer {
        if !status.is_success() {
            return (status, answer);
        }
        let Some(ttl) = seconds(&Value::from(life)) else { return errors(StatusCode::BAD_REQUEST, "invalid wrap TTL") };
        let token = self.name("hvs.wrapping-");
        self.wrapped.insert(token.clone(), Wrapped { life: Life::new(self.now, ttl, ttl), creation_path: path.to_owned(), answer });
        let info = json!({"token": token, "accessor": "", "ttl": ttl, "creation_time": "2026-01-01T00:00:00Z", "creation_path": path});
        success(&json!({"wrap_info": info}))
    }

    pub(super) fn look_at_wrapped(&self, asked: &Asked<'_>) -> Answer {
        match self.wrapped.get(wrapping_token(asked)) {
            Some(wrapped) => success(&json!({"data": {
                "creation_path": wrapped.creation_path, "creation_time": "2026-01-01T00:00:00Z", "creation_ttl": wrapped.life.usual,
            }})),
            None => unknown_wrapping(),
        }
    }

    pub(super) fn unwrap_once(&mut self, asked: &Asked<'_>) -> Answer {
        match self.wrapped.remove(wrapping_token(asked)) {
            Some(wrapped) => (StatusCode::OK, wrapped.answer),
            None => unknown_wrapping(),
        }
    }
}

/// In the body, or as the token of the request.
fn wrapping_token<'a>(asked: &'a Asked<'_>) -> &'a str {
    asked.member("token").as_str().unwrap_or(asked.token)
}

fn unknown_wrapping() -> Answer {
    errors(StatusCode::BAD_REQUEST, "wrapping token is not valid or does not exist")
}
