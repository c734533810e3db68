//! Logins by AppRole, Kubernetes and JWT, and their roles.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::tokens::Life;
use super::{Answer, Asked, JWT, State, done, errors, nothing_there, seconds, success, writes};

/// What a login gives.
#[derive(Default)]
pub(super) struct Role {
    id: String,
    secret_ids: BTreeSet<String>,
    /// In seconds.
    ttl: u64,
    /// In seconds.
    most: u64,
    is_batch: bool,
}

impl State {
    pub(super) fn log_in(&mut self, asked: &Asked<'_>) -> Answer {
        let mount = asked.path.trim_start_matches("auth/").trim_end_matches("/login");
        let text = |name: &str| asked.text(name);
        let known = match mount {
            "approle" => self.roles.iter().find(|(path, role)| {
                path.starts_with("auth/approle/") && role.id == text("role_id") && role.secret_ids.contains(text("secret_id"))
            }),
            "kubernetes" | "jwt" => {
                let path = format!("auth/{mount}/role/{}", text("role"));
                if text("jwt") != JWT {
                    return errors(StatusCode::FORBIDDEN, "permission denied");
                }
                self.roles.get_key_value(&path)
            }
            _ => return errors(StatusCode::NOT_FOUND, &format!("no handler for route \"{}\". route entry not found.", asked.path)),
        };
        let Some((_, role)) = known else { return errors(StatusCode::BAD_REQUEST, "invalid role or secret ID") };
        let (life, is_batch) = (Life::new(self.now, role.ttl, role.most), role.is_batch);
        let auth = self.new_token(life, !is_batch);
        success(&json!({"auth": auth}))
    }

    pub(super) fn of_logins(&mut self, asked: &Asked<'_>) -> Option<Answer> {
        let (mount, role) = asked.path.strip_prefix("auth/")?.split_once("/role/")?;
        let (name, part) = role.split_once('/').map_or((role, ""), |(name, part)| (name, part));
        let path = format!("auth/{mount}/role/{name}");
        match part {
            "" if writes(asked) => {
                let id = self.name("role-");
                let role = self.roles.entry(path).or_insert_with(|| Role { id, ..Role::default() });
                role.ttl = seconds(asked.member("token_ttl")).unwrap_or(3600);
                role.most = seconds(asked.member("token_max_ttl")).filter(|most| *most > 0).unwrap_or(32 * 24 * 3600);
                role.is_batch = asked.text("token_type") == "batch";
                Some(done())
            }
            "role-id" if asked.method == Method::GET => match self.roles.get(&path) {
                Some(role) => Some(success(&json!({"data": {"role_id": role.id}}))),
                None => Some(nothing_there()),
            },
            "secret-id" if writes(asked) => {
                let secret_id = self.name("secret-");
                let Some(role) = self.roles.get_mut(&path) else { return Some(nothing_there()) };
                role.secret_ids.insert(secret_id.clone());
                let accessor = Value::from(secret_id.replace("secret-", "accessor-"));
                Some(success(
                    &json!({"data": {"secret_id": secret_id, "secret_id_accessor": accessor, "secret_id_num_uses": 0, "secret_id_ttl": 0}}),
                ))
            }
            _ => None,
        }
    }
}
