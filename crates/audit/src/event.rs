//! What else is worth a line? The door's starts and stops, its configuration, and the log's own history.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Something that happened to the door rather than through it.
///
/// Texts are written whole: give short ones, and nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event")]
#[non_exhaustive]
pub enum Event<'a> {
    /// Somebody read the log through Claviger.
    #[serde(rename = "audit.read")]
    AuditRead {
        /// Who, as far as is known: the operating system's user, or the subject.
        by: Cow<'a, str>,
        /// With what: the command and its filter.
        query: Cow<'a, str>,
    },
    /// A client has registered itself.
    #[serde(rename = "client.registered")]
    ClientRegistered {
        /// Its name in requests.
        client: Cow<'a, str>,
        /// What it calls itself.
        name: Cow<'a, str>,
    },
    /// A changed configuration was not taken; the one before stays.
    #[serde(rename = "config.refused")]
    ConfigRefused {
        /// How many faults it has.
        faults: usize,
        /// The first of them.
        reason: Cow<'a, str>,
    },
    /// A changed configuration was taken.
    #[serde(rename = "config.reloaded")]
    ConfigReloaded {
        /// The names of the servers now behind the door.
        servers: Vec<Cow<'a, str>>,
        /// The keys whose new values wait for a restart; left out where there are none.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        waiting: Vec<Cow<'a, str>>,
    },
    /// A person took back the leave that they had given the door, or an operator did.
    #[serde(rename = "connection.ended")]
    ConnectionEnded {
        /// The server behind the door.
        server: Cow<'a, str>,
        /// Who vouches for the person.
        issuer: Cow<'a, str>,
        /// The person.
        subject: Cow<'a, str>,
        /// `person` or `operator`.
        by: Cow<'a, str>,
    },
    /// A person gave the door leave to use their own account at a server.
    #[serde(rename = "connection.made")]
    ConnectionMade {
        /// The server behind the door.
        server: Cow<'a, str>,
        /// Who vouches for the person.
        issuer: Cow<'a, str>,
        /// The person.
        subject: Cow<'a, str>,
    },
    /// A credential cannot be had, or not any more.
    #[serde(rename = "credential.missing")]
    CredentialMissing {
        /// Its name, such as the reference to it.
        credential: Cow<'a, str>,
        /// A short, stable code for why.
        reason: Cow<'a, str>,
    },
    /// What a person had granted to a client is over, and so are the tokens that came of it.
    #[serde(rename = "grant.ended")]
    GrantEnded {
        /// The grant.
        grant: Cow<'a, str>,
        /// The person.
        subject: Cow<'a, str>,
        /// The client.
        client: Cow<'a, str>,
        /// `client`, `operator`, `provider` where the person has gone there, or what gave it away as stolen.
        by: Cow<'a, str>,
    },
    /// A person has granted something to a client.
    #[serde(rename = "grant.made")]
    GrantMade {
        /// The grant.
        grant: Cow<'a, str>,
        /// The person.
        subject: Cow<'a, str>,
        /// The client.
        client: Cow<'a, str>,
        /// What was granted.
        scopes: Cow<'a, str>,
    },
    /// A token was given for somebody whom nobody asked: their identity provider vouches for them, or another token of theirs.
    #[serde(rename = "token.granted")]
    TokenGranted {
        /// The person.
        subject: Cow<'a, str>,
        /// The client.
        client: Cow<'a, str>,
        /// What it is good for.
        resource: Cow<'a, str>,
        /// What it lets the client do.
        scopes: Cow<'a, str>,
        /// What it was given for: `identity assertion` or `exchange`.
        by: Cow<'a, str>,
    },
    /// A person has signed in.
    #[serde(rename = "sign_in.done")]
    SignedIn {
        /// The person.
        subject: Cow<'a, str>,
        /// Where: a provider's name, or nothing for a local account.
        #[serde(skip_serializing_if = "str::is_empty")]
        provider: Cow<'a, str>,
    },
    /// Somebody could not show who they are.
    #[serde(rename = "sign_in.failed")]
    SignInFailed {
        /// From where.
        address: Cow<'a, str>,
    },
    /// A credential that was missing is there again.
    #[serde(rename = "credential.recovered")]
    CredentialRecovered {
        /// Its name.
        credential: Cow<'a, str>,
    },
    /// A credential has a new value, which is used from now on.
    #[serde(rename = "rotated")]
    Rotated {
        /// Its name, such as the reference to it.
        credential: Cow<'a, str>,
        /// What its place called the value before, where it counts versions.
        #[serde(skip_serializing_if = "Option::is_none")]
        version_before: Option<Cow<'a, str>>,
        /// What it calls the new one.
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<Cow<'a, str>>,
    },
    /// Somebody took a step of a guided rotation.
    #[serde(rename = "rotation.step")]
    RotationStep {
        /// The name of the credential.
        credential: Cow<'a, str>,
        /// The step, as a short, stable word.
        step: Cow<'a, str>,
        /// Who, as far as is known: the operating system's user.
        by: Cow<'a, str>,
    },
    /// The door began to answer.
    #[serde(rename = "door.started")]
    DoorStarted {
        /// Claviger's own version.
        version: Cow<'a, str>,
        /// The address it listens on.
        listen: Cow<'a, str>,
        /// The names of the servers behind it.
        servers: Vec<Cow<'a, str>>,
    },
    /// The door stopped answering. A start without this before it means that the last run ended unasked.
    #[serde(rename = "door.stopped")]
    DoorStopped {
        /// Why, such as the signal's name.
        reason: Cow<'a, str>,
    },
}

/// Something that happened to the log itself, written by the log alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub(crate) enum ChainEvent {
    /// The first line of a file that continues another.
    #[serde(rename = "chain.carried")]
    Carried {
        /// The name of the file before, in the same folder.
        from: String,
    },
    /// Whole files were deleted because they were older than they may become.
    #[serde(rename = "chain.pruned")]
    Pruned {
        /// The name of the (last) file deleted.
        file: String,
        /// The number of the last line deleted.
        last_seq: u64,
        /// Its hash, which the first line that remains names as `previous`.
        last_hash: String,
    },
    /// At its start the writer did not find the log as the last one should have left it.
    #[serde(rename = "chain.repaired")]
    Repaired {
        /// The last whole line found, after which this one follows.
        after_seq: u64,
        /// How many bytes after it were not a whole line.
        torn_bytes: u64,
        /// The file that they were moved to.
        #[serde(skip_serializing_if = "Option::is_none")]
        kept_in: Option<String>,
        /// How many lines the head says were written, and are gone.
        lost_lines: u64,
        /// In what state the head was found.
        head: HeadState,
    },
    /// Records could not be taken because the log could not be written fast enough, or at all.
    #[serde(rename = "records.lost")]
    Lost {
        /// How many.
        count: u64,
    },
}

/// In what state a writer found the head at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadState {
    /// It names the last line, or one before it.
    Agrees,
    /// It names another line with the same number.
    Differs,
    /// It was not there, or not to be read.
    Missing,
    /// It was not made with the key of this instance.
    Unauthentic,
}

impl HeadState {
    /// The word that stands for it in a line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Differs => "differs",
            Self::Missing => "missing",
            Self::Unauthentic => "unauthentic",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_reference_names_every_event_with_its_members() {
        let reference = include_str!("../../../docs/reference/audit.md");
        let rows: Vec<&str> = reference.lines().filter(|line| line.starts_with("| `") && line.contains('.')).collect();
        for event in every_event() {
            let name = format!("| `{}` |", event["event"].as_str().unwrap());
            let row = rows.iter().find(|row| row.starts_with(&name)).unwrap_or_else(|| panic!("{name} is not in the reference"));
            for member in event.as_object().unwrap().keys().filter(|member| *member != "event") {
                assert!(row.contains(&format!("`{member}`")), "{name} lacks {member}");
            }
        }
    }

    #[test]
    fn an_event_of_the_log_is_read_as_it_was_written() {
        let event = ChainEvent::Repaired { after_seq: 7, torn_bytes: 3, kept_in: None, lost_lines: 2, head: HeadState::Differs };
        let text = serde_json::to_string(&event).unwrap();
        let expected = r#"{"event":"chain.repaired","after_seq":7,"torn_bytes":3,"lost_lines":2,"head":"differs"}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<ChainEvent>(&text).unwrap(), event);
        for state in [HeadState::Agrees, HeadState::Differs, HeadState::Missing, HeadState::Unauthentic] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }

    fn every_event() -> Vec<Value> {
        let of_the_door = [
            Event::AuditRead { by: "alice".into(), query: "tail".into() },
            Event::ClientRegistered { client: "client_1".into(), name: "Inspector".into() },
            Event::GrantEnded { grant: "g".into(), subject: "s".into(), client: "c".into(), by: "client".into() },
            Event::GrantMade { grant: "g".into(), subject: "s".into(), client: "c".into(), scopes: "files:read".into() },
            Event::TokenGranted {
                subject: "s".into(),
                client: "c".into(),
                resource: "https://door/mcp/files".into(),
                scopes: "a".into(),
                by: "exchange".into(),
            },
            Event::SignInFailed { address: "203.0.113.9".into() },
            Event::SignedIn { subject: "s".into(), provider: "google".into() },
            Event::ConfigRefused { faults: 1, reason: "unknown key".into() },
            Event::ConfigReloaded { servers: Vec::new(), waiting: vec!["listen.address".into()] },
            Event::DoorStarted { version: "0.1.0".into(), listen: "127.0.0.1:8080".into(), servers: Vec::new() },
            Event::DoorStopped { reason: "SIGTERM".into() },
            Event::ConnectionEnded { server: "mail".into(), issuer: "i".into(), subject: "s".into(), by: "person".into() },
            Event::ConnectionMade { server: "mail".into(), issuer: "i".into(), subject: "s".into() },
            Event::CredentialMissing { credential: "env://KEY".into(), reason: "not_set".into() },
            Event::CredentialRecovered { credential: "env://KEY".into() },
            Event::RotationStep { credential: "env://KEY".into(), step: "created".into(), by: "alice".into() },
            Event::Rotated { credential: "env://KEY".into(), version_before: Some("1".into()), version: Some("2".into()) },
        ];
        let of_the_log = [
            ChainEvent::Carried { from: String::new() },
            ChainEvent::Lost { count: 1 },
            ChainEvent::Pruned { file: String::new(), last_seq: 1, last_hash: String::new() },
            ChainEvent::Repaired { after_seq: 0, torn_bytes: 0, kept_in: Some(String::new()), lost_lines: 0, head: HeadState::Agrees },
        ];
        let of_the_door = of_the_door.iter().map(|event| serde_json::to_value(event).unwrap());
        of_the_door.chain(of_the_log.iter().map(|event| serde_json::to_value(event).unwrap())).collect()
    }
}
