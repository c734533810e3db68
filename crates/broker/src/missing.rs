//! Why is there no credential? Names it and the cause, never a value.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

/// A credential that cannot be had. For the operator; a caller is told only that the server behind the door cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{credential}` gives no credential")]
pub struct Missing {
    /// Which one: a reference as it was written, or the name of a token.
    pub credential: Arc<str>,
    /// Why.
    #[source]
    pub cause: Cause,
}

impl Missing {
    /// A stable name of the cause, for metrics.
    pub fn code(&self) -> &'static str {
        self.cause.code()
    }
}

/// What stood in the way.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The answer of the place is not what it should be.
    #[error("the answer there cannot be used: {detail}")]
    BadAnswer {
        /// What is wrong with it, without anything of a value.
        detail: Arc<str>,
    },
    /// A program ended without success.
    #[error("the program ended with {}", code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}")))]
    CommandFailed {
        /// Its exit code.
        code: Option<i32>,
    },
    /// There is a value, and it is the empty text.
    #[error("it is empty")]
    Empty,
    /// The JSON object has no such member.
    #[error("the JSON object there has no such member")]
    FieldAbsent,
    /// The member of the JSON object is neither text nor a number.
    #[error("the member of the JSON object there is not a text")]
    FieldNotText,
    /// What we log in with there cannot be had itself.
    #[error("we cannot log in there")]
    LoginMissing(#[source] Box<Missing>),
    /// The system keeps no secrets for us, or keeps them locked.
    #[error("the keychain cannot be used: {detail}")]
    NoKeychain {
        /// What the system says.
        detail: Arc<str>,
    },
    /// The system has no memory for it.
    #[error("there is no memory to keep it in")]
    NoMemory,
    /// A folder, a pipe or a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// It should sign what the door says about itself, and cannot.
    #[error("it is not a private key for ES256, RS256 or EdDSA in PEM")]
    NotAKey,
    /// What it takes to ask there is not in the configuration.
    #[error("it is not said how to ask there: {what}")]
    NotConfigured {
        /// What to write, and where.
        what: &'static str,
    },
    /// The person has not given the door leave to act for them there, or has taken it back.
    #[error("this person is not connected there")]
    NotConnected,
    /// There is no such secret.
    #[error("there is no such secret")]
    NotFound,
    /// This build leaves the source out.
    #[error("this build of Claviger cannot ask there")]
    NotInThisBuild,
    /// A member was asked for, and the value is no JSON object.
    #[error("the value there is not a JSON object")]
    NotJson,
    /// The variable is not in the environment.
    #[error("the variable is not set")]
    NotSet,
    /// The program could not be started.
    #[error("the program cannot be started: {0}")]
    NotStarted(io::ErrorKind),
    /// The value is not UTF-8.
    #[error("it is not UTF-8 text")]
    NotText,
    /// Every user of the machine may read or change the file.
    #[error("every user of this machine may use the file (mode {mode:03o}); do: chmod o-rw")]
    OpenToOthers {
        /// The permission bits.
        mode: u32,
    },
    /// The place knows us and says no, or does not know us.
    #[error("access is refused: {detail}")]
    Refused {
        /// What it says, without anything of a credential.
        detail: Arc<str>,
    },
    /// No answer in time.
    #[error("there was no answer within {} s", after.as_secs_f32())]
    TimedOut {
        /// How long it was waited for.
        after: Duration,
    },
    /// The value is over the limit.
    #[error("it is over {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// It was asked for too often of late.
    #[error("it was asked for too often; the next time is in {} s", retry_after.as_secs_f32().ceil())]
    TooOften {
        /// When it may be asked for again.
        retry_after: Duration,
    },
    /// The kind of place, or the way it is kept here, does not allow it.
    #[error("it is no place to {what}")]
    Unable {
        /// What was asked for, as a verb.
        what: &'static str,
    },
    /// The place cannot serve just now.
    #[error("it cannot be asked just now: {detail}")]
    Unavailable {
        /// What happened.
        detail: Arc<str>,
    },
    /// The file is not there or not ours to read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    /// The place does not let us write there.
    #[error("it cannot be written: {0}")]
    Unwritable(io::ErrorKind),
    /// A service of a keychain was named without an account, and that does not say which item is meant.
    #[error("say which account, as in `keychain://SERVICE/ACCOUNT`; {}", known(accounts))]
    WhichAccount {
        /// The accounts that the service has.
        accounts: Arc<[Box<str>]>,
    },
}

fn known(accounts: &[Box<str>]) -> String {
    if accounts.is_empty() { "the service has none yet".to_owned() } else { format!("the service has: {}", accounts.join(", ")) }
}

impl Cause {
    /// A stable name, for metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadAnswer { .. } => "bad_answer",
            Self::CommandFailed { .. } => "command_failed",
            Self::Empty => "empty",
            Self::FieldAbsent => "field_absent",
            Self::FieldNotText => "field_not_text",
            Self::LoginMissing(_) => "login_missing",
            Self::NoKeychain { .. } => "no_keychain",
            Self::NoMemory => "no_memory",
            Self::NotAFile => "not_a_file",
            Self::NotAKey => "not_a_key",
            Self::NotConfigured { .. } => "not_configured",
            Self::NotConnected => "not_connected",
            Self::NotFound => "not_found",
            Self::NotInThisBuild => "not_in_this_build",
            Self::NotJson => "not_json",
            Self::NotSet => "not_set",
            Self::NotStarted(_) => "not_started",
            Self::NotText => "not_text",
            Self::OpenToOthers { .. } => "open_to_others",
            Self::Refused { .. } => "refused",
            Self::TimedOut { .. } => "timed_out",
            Self::TooLarge { .. } => "too_large",
            Self::TooOften { .. } => "too_often",
            Self::Unable { .. } => "unable",
            Self::Unavailable { .. } => "unavailable",
            Self::Unreadable(_) => "unreadable",
            Self::Unwritable(_) => "unwritable",
            Self::WhichAccount { .. } => "which_account",
        }
    }

    /// What somebody can do about it.
    pub fn mend(&self) -> &'static str {
        match self {
            Self::BadAnswer { .. } => "look at what lies there, and whether it is what the reference means",
            Self::CommandFailed { .. } => "run the program by hand as the user of the door, and see what it says",
            Self::Empty => "put the secret there: the value is empty",
            Self::FieldAbsent | Self::FieldNotText | Self::NotJson => "correct the `#field` of the reference, or the document there",
            Self::NoKeychain { .. } => "unlock the keychain for the user of the door, or choose another store",
            Self::NoMemory => "give the machine more memory",
            Self::NotAFile | Self::Unreadable(_) => "put the file there and let the user of the door read it",
            Self::NotConfigured { what } => what,
            Self::LoginMissing(missing) => missing.cause.mend(),
            Self::NotAKey => "put a private key in PEM form there, of a kind that the configuration names",
            Self::NotConnected => "the person opens the link that their client shows them",
            Self::NotFound => "create the secret, or correct the reference",
            Self::NotInThisBuild => "use a build that can ask there, or move the secret",
            Self::NotSet => "set the variable in the environment that the door is started with",
            Self::NotStarted(_) => "install the program, or write its whole path",
            Self::Unable { .. } | Self::Unwritable(_) => "choose another place, or let the user of the door write there",
            Self::WhichAccount { .. } => "write the account too: `keychain://SERVICE/ACCOUNT`",
            Self::NotText | Self::TooLarge { .. } => "put a text of at most 64 KiB there",
            Self::OpenToOthers { .. } => "take the file from the other users of the machine: `chmod o-rw`",
            Self::Refused { .. } => "let the identity of the door read this secret",
            Self::TimedOut { .. } | Self::Unavailable { .. } => {
                "see that the place can be reached from here; the door tries again by itself"
            }
            Self::TooOften { .. } => "wait; the door tries again by itself",
        }
    }

    /// Whether it says that nothing is there, and nothing worse.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::FieldAbsent | Self::NotFound | Self::NotSet | Self::Unreadable(io::ErrorKind::NotFound))
    }

    /// Whether the same question may be answered a little later without anybody changing anything. Only such a cause lets an older value be used for a while.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::LoginMissing(missing) => missing.cause.is_transient(),
            Self::NoMemory | Self::TimedOut { .. } | Self::TooOften { .. } | Self::Unavailable { .. } => true,
            _ => false,
        }
    }
}
