//! Which authorization server is this, and where may its metadata be? (RFC 8414 §3, OpenID Discovery)

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::uri::{self, InvalidUri};

/// An issuer identifier, kept letter for letter, because `iss` is compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Issuer {
    text: String,
    origin_length: usize,
}

impl Issuer {
    /// Accepts an https URI of at most 2048 bytes without query and fragment; http only on loopback.
    pub fn parse(text: &str) -> Result<Self, InvalidIssuer> {
        let parts = uri::split(text)?;
        if !parts.query.is_empty() {
            return Err(InvalidIssuer::Query);
        }
        if !parts.is_https && !parts.is_loopback {
            return Err(InvalidIssuer::NotHttps);
        }
        Ok(Self { origin_length: parts.origin.len(), text: text.to_owned() })
    }

    /// The identifier as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As one segment of a path, for people to recognise: what stands after the scheme, with a hyphen for every character but letters, digits and `.`, `_`, `-`. Two issuers
    /// may come to the same.
    pub fn segment(&self) -> String {
        let text = self.text.split_once("://").map_or(&*self.text, |(_, rest)| rest);
        let plain = |character: char| if character.is_ascii_alphanumeric() || "._-".contains(character) { character } else { '-' };
        text.trim_end_matches('/').chars().map(plain).collect()
    }

    /// Where its metadata may be, in the order in which to ask.
    ///
    /// With a path: RFC 8414 with the path inserted, OpenID with the path inserted, OpenID appended.
    /// The root documents of a host never describe an issuer that has a path.
    pub fn metadata_urls(&self) -> Vec<String> {
        let (origin, path) = self.text.split_at_checked(self.origin_length).unwrap_or_default();
        // One slash at the end does not count for the URL (RFC 8414 §3.1); `iss` keeps it.
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut urls = vec![
            format!("{origin}/.well-known/oauth-authorization-server{path}"),
            format!("{origin}/.well-known/openid-configuration{path}"),
        ];
        if !path.is_empty() {
            urls.push(format!("{origin}{path}/.well-known/openid-configuration"));
        }
        urls
    }
}

/// Why a text is not an issuer identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIssuer {
    /// Plain http to a host that is not loopback.
    #[error("an issuer must use https; http is accepted on loopback only")]
    NotHttps,
    /// A `?…` part.
    #[error("an issuer must not have a query (RFC 8414 §2)")]
    Query,
    /// Not an acceptable URI at all.
    #[error(transparent)]
    Uri(#[from] InvalidUri),
}

impl fmt::Display for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl TryFrom<String> for Issuer {
    type Error = InvalidIssuer;

    fn try_from(text: String) -> Result<Self, InvalidIssuer> {
        Self::parse(&text)
    }
}

impl From<Issuer> for String {
    fn from(issuer: Issuer) -> Self {
        issuer.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_recognised_and_needs_no_encoding() {
        for (issuer, segment) in [
            ("https://sso.example", "sso.example"),
            ("https://sso.example/", "sso.example"),
            ("https://login.example:8443/realms/a_b/v2.0", "login.example-8443-realms-a_b-v2.0"),
            ("http://127.0.0.1:8080", "127.0.0.1-8080"),
        ] {
            assert_eq!(Issuer::parse(issuer).unwrap().segment(), segment);
        }
    }

    #[test]
    fn an_issuer_with_a_path_is_asked_for_in_three_places_and_never_at_the_root() {
        for text in ["https://h:8443/t1", "https://h:8443/t1/"] {
            assert_eq!(
                Issuer::parse(text).unwrap().metadata_urls(),
                [
                    "https://h:8443/.well-known/oauth-authorization-server/t1",
                    "https://h:8443/.well-known/openid-configuration/t1",
                    "https://h:8443/t1/.well-known/openid-configuration",
                ]
            );
        }
    }

    #[test]
    fn an_issuer_without_a_path_is_asked_for_in_two_places() {
        for text in ["https://h", "https://h/"] {
            assert_eq!(
                Issuer::parse(text).unwrap().metadata_urls(),
                ["https://h/.well-known/oauth-authorization-server", "https://h/.well-known/openid-configuration",]
            );
        }
    }

    #[test]
    fn the_identifier_is_kept_letter_for_letter() {
        for text in ["https://h", "https://h/", "https://H:443/T1/"] {
            assert_eq!(Issuer::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn plain_http_is_accepted_on_loopback_only() {
        assert!(Issuer::parse("http://127.0.0.1:9/").is_ok());
        assert!(Issuer::parse("http://localhost:9").is_ok());
        assert_eq!(Issuer::parse("http://h/"), Err(InvalidIssuer::NotHttps));
        assert_eq!(Issuer::parse("http://localhost.evil.example"), Err(InvalidIssuer::NotHttps));
    }

    #[test]
    fn a_query_or_a_fragment_is_refused() {
        assert_eq!(Issuer::parse("https://h/?a"), Err(InvalidIssuer::Query));
        assert_eq!(Issuer::parse("https://h/#a"), Err(InvalidIssuer::Uri(InvalidUri::Fragment)));
    }
}
