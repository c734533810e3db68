//! What does a rule say? A place, a sentence, and of a secret no more than its shape.

use std::borrow::Cow;

use serde::Serialize;

use crate::document::Span;
use crate::mask::Masked;
use crate::rules::Rule;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth mending when one is there.
    Low,
    /// To be mended.
    Medium,
    /// To be mended now.
    High,
    /// Somebody may be using it already.
    Critical,
}

/// What kind of mistake it is, whatever rule saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// A program may read too much of the disk.
    BroadFilesystemRoot,
    /// A file that version control would take in, or has.
    Committable,
    /// A whole database may be read or changed.
    DatabaseAuthority,
    /// A transport that MCP has given up.
    DeprecatedTransport,
    /// A token lives too long.
    ExcessiveTtl,
    /// A secret in an environment, a header or a field.
    HardcodedSecret,
    /// Credentials may travel in the clear.
    InsecureHttp,
    /// A server that listens to everybody.
    OpenListener,
    /// A package with a published hole.
    KnownVulnerable,
    /// A package whose name is almost another's.
    LookalikePackage,
    /// Prompts go somewhere else.
    ModelEndpoint,
    /// More is allowed than is needed.
    OverbroadScope,
    /// A container that is no border.
    PrivilegedContainer,
    /// A reference or a file that does not work.
    Reference,
    /// A program that whoever changes the repository can change.
    RelativeCommand,
    /// One secret in several places.
    RepeatedSecret,
    /// A secret in the arguments of a program.
    SecretInArgs,
    /// A secret in an address.
    SecretInUrl,
    /// A program that comes from a network straight into a shell.
    ShellPipeInstall,
    /// A secret that nobody has renewed for long.
    StaleSecret,
    /// A key where a login would do.
    StaticKey,
    /// Nobody checks whom the program talks to.
    TlsVerificationDisabled,
    /// Together, servers let out what each alone keeps.
    ToxicSet,
    /// A token that does not end.
    UnendingToken,
    /// What runs tomorrow is not what runs today.
    UnpinnedPackage,
    /// A password that everybody tries first.
    WeakCredential,
    /// Others on the machine may read it.
    WorldReadable,
}

/// Something unsafe, and where it stands.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static Rule,
    /// How bad it is here.
    pub severity: Severity,
    /// What kind of mistake it is.
    pub category: Category,
    /// The bytes to underline; empty for the file as a whole.
    pub span: Span,
    /// What is wrong, in one sentence that names no secret.
    pub message: Cow<'static, str>,
    /// Of a secret: its shape.
    pub masked: Option<Masked>,
}

/// A finding before its rule has signed it.
pub(crate) struct Remark {
    pub(crate) severity: Option<Severity>,
    pub(crate) category: Category,
    pub(crate) span: Span,
    pub(crate) message: Cow<'static, str>,
    pub(crate) masked: Option<Masked>,
}

impl Remark {
    pub(crate) fn new(category: Category, span: Span, message: impl Into<Cow<'static, str>>) -> Self {
        Self { severity: None, category, span, message: message.into(), masked: None }
    }

    pub(crate) fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    pub(crate) fn by(self, rule: &'static Rule) -> Finding {
        let Self { severity, category, span, message, masked } = self;
        Finding { rule, severity: severity.unwrap_or(rule.severity), category, span, message, masked }
    }
}
