//! Does a value only say where the secret is? Every way of writing that which a client, a shell or a vault reads.

/// Whether the whole value is resolved elsewhere: a variable, a command, an entry of a vault.
pub(crate) fn is_reference(value: &str) -> bool {
    let value = value.trim();
    if names_a_place(value) {
        return true;
    }
    if value.starts_with("projects/") && value.contains("/secrets/") {
        return true;
    }
    [("${", "}"), ("$(", ")"), ("{{", "}}"), ("{env:", "}"), ("{file:", "}"), ("%", "%"), ("`", "`"), ("#{", "}"), ("$env:", "")]
        .iter()
        .any(|(open, close)| enclosed(value, open, close))
        || bare_variable(value)
}

/// Whether the value is an address in a store, however random its parts look.
pub(crate) fn names_a_place(value: &str) -> bool {
    SCHEMES.iter().any(|scheme| value.starts_with(scheme))
}

/// The name in `${NAME:-default}`, and what stands behind `:-`, where a default is a literal.
pub(crate) fn default_of(value: &str) -> Option<(&str, &str)> {
    let from = value.find("${")?;
    let inner = value.get(from + 2..)?;
    let inner = inner.get(..inner.find('}')?)?;
    let (name, default) = inner.split_once(":-").or_else(|| inner.split_once('-'))?;
    (!default.is_empty()).then_some((name, default))
}

/// One reference, or several with nothing but separators between: what is left outside of them has to be short.
fn enclosed(value: &str, open: &str, close: &str) -> bool {
    let Some(from) = value.find(open) else { return false };
    let Some(inner) = value.get(from + open.len()..) else { return false };
    let length = if close.is_empty() { Some(inner.len()) } else { inner.find(close) };
    let Some(length) = length else { return false };
    let named = inner.get(..length).is_some_and(|inner| !inner.is_empty() && (open != "%" || inner.bytes().all(variable)));
    let outside = value.len() - (open.len() + length + close.len());
    named && (outside <= SHORT || value.get(..from).is_some_and(|before| before.ends_with(' ')))
}

fn bare_variable(value: &str) -> bool {
    value
        .strip_prefix('$')
        .is_some_and(|name| !name.is_empty() && name.bytes().all(variable) && !name.starts_with(|first: char| first.is_ascii_digit()))
}

fn variable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A few characters beside a reference hold no secret.
const SHORT: usize = 10;

const SCHEMES: &[&str] = &[
    "op://",
    "vault:",
    "vault://",
    "keychain:",
    "keychain://",
    "azurekv://",
    "akv://",
    "aws-sm://",
    "awssm://",
    "aws-secretsmanager://",
    "arn:aws:secretsmanager:",
    "arn:aws:ssm:",
    "gcp-sm://",
    "gcpsm://",
    "gcp-secretmanager://",
    "doppler://",
    "bws://",
    "bw://",
    "pass://",
    "env:",
    "env://",
    "file:",
    "file://",
    "secret://",
    "secretref:",
    "secrets://",
    "ssm:",
    "ssm://",
    "sops://",
    "lpass://",
    "infisical://",
    "@Microsoft.KeyVault(",
    "!cmd:",
    "ref+",
    "keyring:",
    "keyring://",
    "1password://",
    "azure-keyvault://",
];
