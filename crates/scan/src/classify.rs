//! What is a value: a reference, a placeholder, something public, or a secret that works? Each answer has its reason.

mod placeholder;
mod random;
mod reference;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

pub(crate) use self::placeholder::{is_placeholder, is_weak};
pub(crate) use self::random::{entropy, is_random, is_uuid, random_words};
pub(crate) use self::reference::{default_of, is_reference, names_a_place};
use crate::name::{Promise, promise};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A path, an address or the name of something.
    FileOrName,
    /// It says which, not that one may.
    Identifier,
    /// It opens something.
    LiveLooking,
    /// Somebody has to fill it in.
    Placeholder,
    /// Made to be seen by anybody.
    Publishable,
    /// The secret is elsewhere.
    Reference,
    /// It opens what was never locked.
    WeakDefault,
}

/// A class, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// What the value is.
    pub class: Class,
    /// Why, in words that name no part of the value.
    pub reason: Cow<'static, str>,
}

/// Judges a value by its name and its shape.
pub(crate) fn classify(name: &str, value: &str) -> Verdict {
    let value = value.trim();
    let promise = promise(name);
    if is_reference(value) {
        return because(Class::Reference, "resolved when the server starts");
    }
    if is_placeholder(name, value) {
        return because(Class::Placeholder, "to be filled in");
    }
    if let Some(reason) = publishable(value) {
        return because(Class::Publishable, reason);
    }
    match promise {
        Promise::Public => because(Class::Publishable, "its name says that it is public"),
        Promise::Other => because(Class::FileOrName, "its name says that it stands beside a secret"),
        Promise::Nothing if is_file(value) => because(Class::FileOrName, "a path or an address"),
        Promise::Nothing => because(Class::Identifier, "nothing says that it is a secret"),
        Promise::Key | Promise::Password | Promise::Wallet => secret(promise, value),
    }
}

/// What stands under a name that promises a secret.
fn secret(promise: Promise, value: &str) -> Verdict {
    if is_file(value) {
        return because(Class::FileOrName, "a path or an address");
    }
    if value.starts_with("sha256:") || value.starts_with("sha512-") || value.starts_with("ocid1.") {
        return because(Class::Identifier, "a digest or a name");
    }
    if is_weak(value) {
        return because(Class::WeakDefault, "everybody tries it first");
    }
    match promise {
        Promise::Password if placeholder::is_human_password(value) => because(Class::LiveLooking, "a password behind the name of one"),
        _ if is_random(value) => because(Class::LiveLooking, "random characters behind the name of a secret"),
        _ => because(Class::Placeholder, "made of words"),
    }
}

fn because(class: Class, reason: &'static str) -> Verdict {
    Verdict { class, reason: Cow::Borrowed(reason) }
}

/// Keys that vendors put into web pages.
fn publishable(value: &str) -> Option<&'static str> {
    if ["pk_test_", "pk_live_", "sb_publishable_", "pk.eyJ", "phc_"].iter().any(|prefix| value.starts_with(prefix)) {
        return Some("a publishable key of its vendor");
    }
    (role_of(value).as_deref() == Some("anon")).then_some("a token with the role `anon`")
}

/// The claims of a JSON web token, unverified: nobody here lets anybody in.
pub(crate) fn claims(value: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
    let mut parts = value.split('.');
    let (header, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if !header.starts_with("eyJ") || payload.len() > LONGEST_TOKEN {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()
}

/// The role that a token names.
pub(crate) fn role_of(value: &str) -> Option<String> {
    claims(value)?.get("role")?.as_str().map(str::to_owned)
}

fn is_file(value: &str) -> bool {
    let drive = value.get(1..3).is_some_and(|rest| rest == ":\\" || rest == ":/");
    let file = ["/", "./", "../", "~/"].iter().any(|start| value.starts_with(start)) && !value.ends_with('=');
    let ending = [".json", ".pem", ".key", ".txt", ".crt", ".p12", ".yaml", ".toml"].iter().any(|ending| value.ends_with(ending));
    drive || ending || file && value.matches('/').count() >= 2 || value.contains("://")
}

const LONGEST_TOKEN: usize = 16 * 1024;

#[cfg(test)]
mod tests;
