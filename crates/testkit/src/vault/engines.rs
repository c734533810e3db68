//! The engines: KV with and without versions, and a database that makes a user for each question.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::tokens::Life;
use super::{Answer, Asked, State, done, nothing_there, seconds, success, writes};

/// What users of a database may live, in seconds.
pub(super) struct DatabaseRole {
    usual: u64,
    most: u64,
}

/// The versions of one secret, from 1.
#[derive(Default)]
pub(super) struct Versions(Vec<Version>);

struct Version {
    data: Value,
    is_deleted: bool,
    is_destroyed: bool,
}

impl State {
    pub(super) fn of_engines(&mut self, asked: &Asked<'_>) -> Option<Answer> {
        for mount in ["secret/", "team/kv/"] {
            if let Some((operation, rest)) = asked.path.strip_prefix(mount).and_then(|path| path.split_once('/')) {
                return self.versioned(asked, operation, &format!("{mount}{rest}"));
            }
            if asked.path.strip_prefix(mount) == Some("metadata") && lists(asked) {
                return Some(listed(self.versioned.keys(), mount));
            }
        }
        if lists(asked) && (asked.path == "kv" || asked.path.starts_with("kv/")) {
            return Some(listed(self.plain.keys(), asked.path));
        }
        if asked.path.starts_with("kv/") {
            return Some(self.plain(asked));
        }
        let (operation, name) = asked.path.strip_prefix("database/")?.split_once('/')?;
        match operation {
            "roles" if writes(asked) => {
                let time = |name: &str| seconds(asked.member(name)).filter(|time| *time > 0);
                let usual = time("default_ttl").unwrap_or(3600);
                let role = DatabaseRole { usual, most: time("max_ttl").unwrap_or(24 * 3600) };
                self.database_roles.insert(name.to_owned(), role);
                Some(done())
            }
            "creds" if asked.method == Method::GET => Some(self.new_user(asked, name)),
            _ => None,
        }
    }

    fn new_user(&mut self, asked: &Asked<'_>, role: &str) -> Answer {
        let Some(DatabaseRole { usual, most }) = self.database_roles.get(role) else {
            return super::errors(StatusCode::BAD_REQUEST, &format!("unknown role: {role}"));
        };
        let life = Life::new(self.now, *usual, *most);
        let duration = (life.ends - life.began) / 1000;
        let lease_id = self.new_lease(asked, life);
        let (username, password) = (self.name("v-token-"), self.name("password-"));
        success(&json!({
            "lease_id": lease_id, "renewable": true, "lease_duration": duration, "data": {"username": username, "password": password},
            "mount_type": "database",
        }))
    }

    fn plain(&mut self, asked: &Asked<'_>) -> Answer {
        if writes(asked) {
            self.plain.insert(asked.path.to_owned(), asked.body.clone());
            return done();
        }
        if asked.method == Method::DELETE {
            self.plain.remove(asked.path);
            return done();
        }
        let Some(data) = self.plain.get(asked.path) else { return nothing_there() };
        let lease_duration = seconds(&data["ttl"]).unwrap_or(2_764_800);
        success(&json!({"lease_duration": lease_duration, "data": data, "mount_type": "kv"}))
    }

    fn versioned(&mut self, asked: &Asked<'_>, operation: &str, name: &str) -> Option<Answer> {
        match operation {
            "data" if writes(asked) => {
                let versions = self.versioned.entry(name.to_owned()).or_default();
                let expected = asked.member("options")["cas"].as_u64();
                if expected.is_some_and(|expected| usize::try_from(expected) != Ok(versions.0.len())) {
                    return Some(super::errors(StatusCode::BAD_REQUEST, "check-and-set parameter did not match the current version"));
                }
                versions.0.push(Version { data: asked.member("data").clone(), is_deleted: false, is_destroyed: false });
                Some(success(&json!({"data": versions.0.last()?.metadata(versions.0.len())})))
            }
            "data" if asked.method == Method::DELETE => {
                self.versioned.get_mut(name)?.0.last_mut()?.is_deleted = true;
                Some(done())
            }
            "data" => Some(self.version(asked, name)),
            "metadata" if lists(asked) => Some(listed(self.versioned.keys(), name)),
            "delete" | "destroy" if writes(asked) => {
                let wanted = asked.member("versions").as_array().into_iter().flatten().filter_map(Value::as_u64);
                for number in wanted.filter_map(|number| usize::try_from(number).ok()) {
                    let version = self.versioned.get_mut(name)?.0.get_mut(number.checked_sub(1)?)?;
                    version.is_deleted |= operation == "delete";
                    version.is_destroyed |= operation == "destroy";
                }
                Some(done())
            }
            _ => None,
        }
    }

    fn version(&self, asked: &Asked<'_>, name: &str) -> Answer {
        let Some(Versions(versions)) = self.versioned.get(name) else { return nothing_there() };
        let wanted = asked.query.strip_prefix("version=").and_then(|number| number.parse().ok()).filter(|number| *number > 0);
        let number: usize = wanted.unwrap_or(versions.len());
        let Some(version) = number.checked_sub(1).and_then(|index| versions.get(index)) else { return nothing_there() };
        let is_gone = version.is_deleted || version.is_destroyed;
        let data = if is_gone { &Value::Null } else { &version.data };
        let (_, answer) = success(&json!({"data": {"data": data, "metadata": version.metadata(number)}, "mount_type": "kv"}));
        (if is_gone { StatusCode::NOT_FOUND } else { StatusCode::OK }, answer)
    }
}

/// Whether a request lists a folder, in either of the two ways.
fn lists(asked: &Asked<'_>) -> bool {
    asked.method.as_str() == "LIST" || (asked.method == Method::GET && asked.query == "list=true")
}

/// What is in a folder: the names there, and folders with a `/` at the end.
fn listed<'n>(paths: impl Iterator<Item = &'n String>, folder: &str) -> Answer {
    let folder = folder.trim_end_matches('/');
    let inside = paths.filter_map(|path| path.strip_prefix(folder)?.strip_prefix('/'));
    let keys: BTreeSet<&str> = inside.map(|rest| rest.find('/').and_then(|slash| rest.get(..=slash)).unwrap_or(rest)).collect();
    if keys.is_empty() { nothing_there() } else { success(&json!({"data": {"keys": keys}})) }
}

impl Version {
    fn metadata(&self, number: usize) -> Value {
        let deletion_time = if self.is_deleted { "2026-01-01T00:00:00Z" } else { "" };
        json!({
            "created_time": "2026-01-01T00:00:00Z", "custom_metadata": null, "deletion_time": deletion_time, "destroyed": self.is_destroyed,
            "version": number,
        })
    }
}
