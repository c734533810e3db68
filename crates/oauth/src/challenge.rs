//! What does a `WWW-Authenticate` header ask for? Writing ours, and reading other people's.
//! (RFC 6750 §3, RFC 9110 §11.6.1, RFC 9728 §5.1)

mod parse;
#[cfg(test)]
mod tests;

pub use parse::{MAX_HEADER_BYTES, ParsedChallenge, parse};

use crate::oauth_error::OauthError;
use crate::scope::ScopeSet;

/// A challenge: what a refused caller needs to know to come back with a good token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Challenge {
    /// What was wrong; `None` when nothing was presented (RFC 6750 §3.1).
    pub error: Option<OauthError>,
    /// One short sentence for the client's developer.
    pub error_description: Option<String>,
    /// The URL of the protected resource metadata.
    pub resource_metadata: Option<String>,
    /// The scopes to ask for; left out when empty.
    pub scope: ScopeSet,
}

impl Challenge {
    /// The header's value on one line; every parameter is a quoted string.
    ///
    /// Characters that a header cannot carry (control characters, non-ASCII) become `?`.
    pub fn to_header_value(&self) -> String {
        self.written("Bearer", None)
    }

    /// The same as a `DPoP` challenge, for whoever proves to have the key of a token with one of these algorithms (RFC 9449 §7.1).
    pub fn to_dpop_header_value(&self, algorithms: &[&str]) -> String {
        self.written("DPoP", Some(&algorithms.join(" ")))
    }

    fn written(&self, scheme: &str, algorithms: Option<&str>) -> String {
        let scope = (!self.scope.is_empty()).then(|| self.scope.to_string());
        let parameters = [
            ("error", self.error.map(OauthError::code)),
            ("error_description", self.error_description.as_deref()),
            ("resource_metadata", self.resource_metadata.as_deref()),
            ("scope", scope.as_deref()),
            ("algs", algorithms),
        ];
        let mut header = String::from(scheme);
        let mut separator = " ";
        for (name, value) in parameters {
            let Some(value) = value else { continue };
            header.push_str(separator);
            header.push_str(name);
            header.push('=');
            push_quoted(&mut header, value);
            separator = ", ";
        }
        header
    }
}

/// RFC 9110 §5.6.4: in a quoted string only the quote and the backslash are escaped.
fn push_quoted(header: &mut String, value: &str) {
    header.push('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => {
                header.push('\\');
                header.push(character);
            }
            ' '..='~' => header.push(character),
            _ => header.push('?'),
        }
    }
    header.push('"');
}
