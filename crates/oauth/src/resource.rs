//! Which protected resource is this, and where is its metadata? (RFC 8707, RFC 9728 §3.1)

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::uri;
pub use crate::uri::InvalidUri;

/// The identifier of a protected resource, kept letter for letter.
///
/// Clients compare it byte by byte, so nothing is normalised: no case folding, no added slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Resource {
    text: String,
    origin_length: usize,
    path_length: usize,
}

impl Resource {
    /// Accepts an absolute http or https URI of at most 2048 bytes, without fragment and user name.
    pub fn parse(text: &str) -> Result<Self, InvalidUri> {
        let parts = uri::split(text)?;
        Ok(Self { origin_length: parts.origin.len(), path_length: parts.path.len(), text: text.to_owned() })
    }

    /// The resource at `path` (which starts with a slash) below the door's public URL.
    ///
    /// One slash at the end of `public_url` is dropped, so `https://h/` and `/mcp` give `https://h/mcp`.
    pub fn join_path(public_url: &str, path: &str) -> Result<Self, InvalidUri> {
        if !path.starts_with('/') || !uri::split(public_url)?.query.is_empty() {
            return Err(InvalidUri::NotAbsolute);
        }
        let base = public_url.strip_suffix('/').unwrap_or(public_url);
        Self::parse(&format!("{base}{path}"))
    }

    /// The identifier as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port as written, without a slash at the end.
    pub fn origin(&self) -> &str {
        self.text.get(..self.origin_length).unwrap_or_default()
    }

    /// The path as written: empty, or starting with a slash. The query is not part of it.
    pub fn path(&self) -> &str {
        self.text.get(self.origin_length..self.origin_length + self.path_length).unwrap_or_default()
    }

    /// The URL of this resource's metadata: the well-known path goes between host and path.
    pub fn metadata_url(&self) -> String {
        format!("{}{}", self.origin(), self.metadata_path())
    }

    /// The path (and query) of [`metadata_url`](Self::metadata_url), for the router.
    pub fn metadata_path(&self) -> String {
        let path_and_query = self.text.get(self.origin_length..).unwrap_or_default();
        // RFC 9728 §3.1: only the slash right after the host is dropped.
        let tail = if self.path() == "/" { path_and_query.strip_prefix('/').unwrap_or_default() } else { path_and_query };
        format!("{WELL_KNOWN}{tail}")
    }

    /// Whether a server at `url` may call itself by this name: it is that URL, or a parent of it on the same host (RFC 9728 §3.3; MCP servers name the whole host, too).
    /// A name of another origin would let one server ask for tokens of another.
    pub fn covers(&self, url: &Url) -> bool {
        let Ok(own) = Url::parse(&self.text) else { return false };
        if own.origin() != url.origin() {
            return false;
        }
        if own.query().is_some() {
            return own.query() == url.query() && own.path() == url.path();
        }
        let below = url.path().strip_prefix(own.path().trim_end_matches('/'));
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The spellings of this identifier that an audience may use: itself and, when it has no
    /// path, its twin with or without the slash. A resource with a path has one spelling only.
    pub fn accepted_spellings(&self) -> Vec<String> {
        let mut spellings = vec![self.text.clone()];
        match (self.path(), self.text.len() == self.origin_length + self.path_length) {
            ("", true) => spellings.push(format!("{}/", self.text)),
            ("/", true) => spellings.push(self.origin().to_owned()),
            _ => {}
        }
        spellings
    }
}

/// The well-known path of protected resource metadata, as it is for a resource without a path.
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl TryFrom<String> for Resource {
    type Error = InvalidUri;

    fn try_from(text: String) -> Result<Self, InvalidUri> {
        Self::parse(&text)
    }
}

impl From<Resource> for String {
    fn from(resource: Resource) -> Self {
        resource.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_covers_its_own_url_and_what_is_below_it_on_the_same_host() {
        let covers = |name: &str, url: &str| Resource::parse(name).unwrap().covers(&Url::parse(url).unwrap());
        for (name, url) in [
            ("https://h/mcp", "https://h/mcp"),
            ("https://H:443/mcp", "https://h/mcp"),
            ("https://h", "https://h/mcp"),
            ("https://h/", "https://h/mcp"),
            ("https://h/a", "https://h/a/mcp?x=1"),
            ("https://h/a?x=1", "https://h/a?x=1"),
        ] {
            assert!(covers(name, url), "{name} {url}");
        }
        for (name, url) in [
            ("https://evil/mcp", "https://h/mcp"),
            ("http://h/mcp", "https://h/mcp"),
            ("https://h:8443/mcp", "https://h/mcp"),
            ("https://h/mc", "https://h/mcp"),
            ("https://h/mcp/a", "https://h/mcp"),
            ("https://h/a?x=1", "https://h/a?x=2"),
            ("https://h/MCP", "https://h/mcp"),
        ] {
            assert!(!covers(name, url), "{name} {url}");
        }
    }

    #[test]
    fn the_identifier_is_kept_letter_for_letter() {
        for text in ["https://h", "https://h/", "https://H:443/Mcp/", "http://[::1]:1/a?b=c"] {
            assert_eq!(Resource::parse(text).unwrap().as_str(), text);
        }
        assert_ne!(Resource::parse("https://h").unwrap(), Resource::parse("https://h/").unwrap());
    }

    #[test]
    fn the_well_known_path_goes_between_host_and_path() {
        for (resource, metadata) in [
            ("https://h", "https://h/.well-known/oauth-protected-resource"),
            ("https://h/", "https://h/.well-known/oauth-protected-resource"),
            ("https://h/mcp", "https://h/.well-known/oauth-protected-resource/mcp"),
            ("https://h/mcp/", "https://h/.well-known/oauth-protected-resource/mcp/"),
            ("https://h:8/a/b?x=1", "https://h:8/.well-known/oauth-protected-resource/a/b?x=1"),
            ("https://h?x=1", "https://h/.well-known/oauth-protected-resource?x=1"),
            ("https://h/?x=1", "https://h/.well-known/oauth-protected-resource?x=1"),
        ] {
            assert_eq!(Resource::parse(resource).unwrap().metadata_url(), metadata);
        }
    }

    #[test]
    fn a_path_is_joined_below_the_public_url() {
        for (public_url, joined) in
            [("https://h", "https://h/mcp/files"), ("https://h/", "https://h/mcp/files"), ("https://h/door", "https://h/door/mcp/files")]
        {
            assert_eq!(Resource::join_path(public_url, "/mcp/files").unwrap().as_str(), joined);
        }
        assert!(Resource::join_path("https://h", "mcp").is_err());
        assert!(Resource::join_path("https://h?x", "/mcp").is_err());
        assert!(Resource::join_path("https://h/a?x=/", "/mcp").is_err());
        assert!(Resource::join_path("https://h#x", "/mcp").is_err());
    }

    #[test]
    fn only_a_pathless_resource_has_a_slash_twin() {
        let spellings = |text| Resource::parse(text).unwrap().accepted_spellings();
        assert_eq!(spellings("https://h"), ["https://h", "https://h/"]);
        assert_eq!(spellings("https://h/"), ["https://h/", "https://h"]);
        assert_eq!(spellings("https://h/mcp"), ["https://h/mcp"]);
        assert_eq!(spellings("https://h/?x"), ["https://h/?x"]);
    }

    #[test]
    fn json_is_the_plain_string() {
        let resource = Resource::parse("https://h/mcp").unwrap();
        assert_eq!(serde_json::to_string(&resource).unwrap(), r#""https://h/mcp""#);
        assert!(serde_json::from_str::<Resource>(r#""https://h/#x""#).is_err());
    }
}
