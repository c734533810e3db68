//! What does a reload leave as it is? The settings that are built in once, when the door opens; a changed one waits for a restart.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use audit::sink::OnFull;
use gateway::config::{Limits, Listen, Timeouts};

use super::file;
use super::plan::Plan;
use super::store::Place;

/// How the record was opened.
struct Record {
    file: PathBuf,
    on_full: OnFull,
    retention_days: Option<NonZeroU32>,
    rotate_bytes: u64,
}

/// The settings that the door was opened with, as far as it keeps them until it ends.
pub(crate) struct Fixed {
    listen: Listen,
    admin: Option<SocketAddr>,
    limits: Limits,
    timeouts: Timeouts,
    record: Record,
    secrets: file::Secrets,
    issuer: Option<file::Issuer>,
    store: Place,
    is_production: bool,
}

impl Fixed {
    /// Those of the plan that the door is opened with.
    pub(crate) fn of(plan: &Plan) -> Self {
        Self {
            listen: plan.gateway.listen.clone(),
            admin: plan.admin,
            limits: plan.gateway.limits.clone(),
            timeouts: plan.gateway.timeouts.clone(),
            record: Record::of(plan),
            secrets: plan.secrets.clone(),
            issuer: section(plan).cloned(),
            store: plan.store.clone(),
            is_production: plan.environment.is_production(),
        }
    }

    /// Whether the listener speaks TLS; that it does or does not is not changed while callers are connected.
    pub(crate) fn has_tls(&self) -> bool {
        self.listen.tls.is_some()
    }

    /// The keys whose values in this plan wait for a restart.
    pub(crate) fn waiting(&self, plan: &Plan) -> Vec<&'static str> {
        let (listen, record) = (&plan.gateway.listen, Record::of(plan));
        let own = [
            ("admin.address", self.admin != plan.admin),
            ("audit.file", self.record.file != record.file),
            ("audit.on_failure", self.record.on_full != record.on_full),
            ("audit.retention_days", self.record.retention_days != record.retention_days),
            ("audit.rotate_bytes", self.record.rotate_bytes != record.rotate_bytes),
            // Whether a file that others can read may hold a credential.
            ("environment", self.is_production != plan.environment.is_production()),
            ("listen.address", self.listen.address != listen.address),
            ("listen.public_url", self.listen.public_url != listen.public_url),
            ("listen.tls", self.has_tls() != listen.tls.is_some()),
            ("store", self.store != plan.store),
        ];
        let limits = self.limits_waiting(&plan.gateway.limits);
        let timeouts = self.timeouts_waiting(&plan.gateway.timeouts);
        let secrets = self.secrets_waiting(&plan.secrets);
        let issuer = self.issuer_waiting(section(plan));
        own.into_iter()
            .chain(issuer)
            .chain(limits)
            .chain(secrets)
            .chain(timeouts)
            .filter(|(_, is_changed)| *is_changed)
            .map(|(key, _)| key)
            .collect()
    }

    /// Servers that stay keep what they were made with: their connections, their children, and the caps on both.
    fn limits_waiting(&self, new: &Limits) -> [(&'static str, bool); 9] {
        let old = &self.limits;
        [
            ("limits.cached_tokens", old.cached_tokens != new.cached_tokens),
            ("limits.calls_in_flight", old.calls_in_flight != new.calls_in_flight),
            ("limits.children", old.children != new.children),
            ("limits.connections", old.connections != new.connections),
            ("limits.failures_per_address", old.failures_per_address != new.failures_per_address),
            // Fewer bytes count at once; for more the listener would have to make room.
            ("limits.header_bytes", old.header_bytes < new.header_bytes),
            ("limits.message_bytes", old.message_bytes != new.message_bytes),
            ("limits.sessions_per_caller", old.sessions_per_caller != new.sessions_per_caller),
            ("limits.streams_per_caller", old.streams_per_caller != new.streams_per_caller),
        ]
    }

    /// The authorization server keeps what it was made with; resources, clients, grants, words and the lives of access tokens count at once.
    fn issuer_waiting(&self, new: Option<&file::Issuer>) -> [(&'static str, bool); 6] {
        let differs = |of: fn(&file::Issuer) -> &Option<String>| match (&self.issuer, new) {
            (Some(old), Some(new)) => of(old) != of(new),
            _ => false,
        };
        [
            ("issuer.enabled", self.issuer.is_some() != new.is_some()),
            ("issuer.accounts", differs(|section| &section.accounts)),
            ("issuer.grant", differs(|section| &section.grant)),
            ("issuer.idle_grant", differs(|section| &section.idle_grant)),
            ("issuer.session", differs(|section| &section.session)),
            ("issuer.signing_key", differs(|section| &section.signing_key)),
        ]
    }

    /// The door keeps the sources that it has, with what they are logged in to and have been lent. `secrets.inventory` is for people and read when they ask.
    fn secrets_waiting(&self, new: &file::Secrets) -> [(&'static str, bool); 6] {
        let old = &self.secrets;
        [
            ("secrets.aws", old.aws != new.aws),
            ("secrets.azure", old.azure != new.azure),
            ("secrets.gcp", old.gcp != new.gcp),
            ("secrets.keychain", old.keychain != new.keychain),
            ("secrets.vault", old.vault != new.vault),
            ("secrets.webhook", old.webhook != new.webhook),
        ]
    }

    fn timeouts_waiting(&self, new: &Timeouts) -> [(&'static str, bool); 6] {
        let old = &self.timeouts;
        [
            ("timeouts.call", old.call != new.call),
            ("timeouts.connect", old.connect != new.connect),
            ("timeouts.idle", old.idle != new.idle),
            ("timeouts.probe", old.probe != new.probe),
            ("timeouts.question", old.question != new.question),
            ("timeouts.request_headers", old.request_headers != new.request_headers),
        ]
    }
}

fn section(plan: &Plan) -> Option<&file::Issuer> {
    plan.issuer.as_ref().map(super::issuer::Ready::section)
}

impl Record {
    fn of(plan: &Plan) -> Self {
        let audit::sink::Options { path, on_full, retention_days, rotate_bytes, .. } = &plan.record;
        Self { file: path.clone(), on_full: *on_full, retention_days: *retention_days, rotate_bytes: *rotate_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Folder;
    use super::Fixed;

    fn waiting(before: &str, after: &str) -> Vec<&'static str> {
        let state = tempfile::tempdir().unwrap();
        let plan = |text: &str| {
            let text = format!("{text}\n[servers.git]\nurl = \"http://127.0.0.1:1/mcp\"\n");
            let folder = Folder::with(&[("claviger.toml", &text), ("webhook", "a secret of thirty-two bytes or more")]);
            folder.plan(&["--state", state.path().to_str().unwrap()]).unwrap()
        };
        Fixed::of(&plan(before)).waiting(&plan(after))
    }

    #[test]
    fn what_a_reload_takes_waits_for_nothing() {
        let taken = "[listen]\nallowed_hosts = [\"a\"]\n[limits]\nper_address = \"1/s\"\nper_subject = \"1/s\"\nbody_bytes = 9\n\
                     header_bytes = 2000\n[secrets.inventory.\"env://A\"]\nowner = \"ada\"\n[timeouts]\nrequest_body = \"1s\"\ndrain = \"1s\"\n";
        assert_eq!(waiting("", taken), [""; 0]);
    }

    #[test]
    fn every_setting_that_is_built_in_once_is_named_as_the_file_names_it() {
        for (text, keys) in [
            ("[listen]\naddress = \"127.0.0.1:1\"", &["listen.address"][..]),
            ("[listen]\npublic_url = \"https://mcp.example.com\"", &["listen.public_url"]),
            ("[admin]", &["admin.address"]),
            ("environment = \"production\"", &["environment"]),
            (
                "[audit]\nfile = \"a\"\non_failure = \"refuse\"\nretention_days = 1\nrotate_bytes = 65536",
                &["audit.file", "audit.on_failure", "audit.retention_days", "audit.rotate_bytes"],
            ),
            (
                "[limits]\ncached_tokens = 1\ncalls_in_flight = 1\nchildren = 1\nconnections = 1\nfailures_per_address = \"1/s\"",
                &["limits.cached_tokens", "limits.calls_in_flight", "limits.children", "limits.connections", "limits.failures_per_address"],
            ),
            (
                "[limits]\nheader_bytes = 99999\nmessage_bytes = 9999\nsessions_per_caller = 1\nstreams_per_caller = 1",
                &["limits.header_bytes", "limits.message_bytes", "limits.sessions_per_caller", "limits.streams_per_caller"],
            ),
            (
                "[secrets]\naws.region = \"eu-central-1\"\nazure.suffix = \"vault.azure.cn\"\ngcp.credentials = \"a\"\nkeychain.store = \"file\"\n\
                 vault.address = \"https://vault.example.com\"\nwebhook = \"file://./webhook\"",
                &["secrets.aws", "secrets.azure", "secrets.gcp", "secrets.keychain", "secrets.vault", "secrets.webhook"],
            ),
            ("[store]\nurl = \"redis://127.0.0.1:1\"\nprefix = \"ours:\"", &["store"]),
            (
                "[timeouts]\ncall = \"1s\"\nconnect = \"1s\"\nidle = \"1s\"\nprobe = \"1s\"\nrequest_headers = \"1s\"",
                &["timeouts.call", "timeouts.connect", "timeouts.idle", "timeouts.probe", "timeouts.request_headers"],
            ),
        ] {
            assert_eq!(waiting("", text), keys, "{text}");
            assert_eq!(waiting(text, text), [""; 0], "{text}");
        }
    }
}
