//! Who asks? The part of a verified token that decisions look at.

use oauth::scope::ScopeSet;

/// A caller as the rules see one. Borrowed from the gateway's principal; nothing here is secret.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The issuer that vouches for the subject.
    pub issuer: &'a str,
    /// The subject, unique within its issuer only.
    pub subject: &'a str,
    /// The OAuth client that acts for the subject, where the token names one.
    pub client: Option<&'a str>,
    /// The scopes that the token grants.
    pub scopes: &'a ScopeSet,
}
