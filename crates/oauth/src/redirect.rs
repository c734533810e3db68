//! Where may a person's browser be sent back to, and is this the place that the client has named? (RFC 6749 §3.1.2, RFC 8252 §7)
//!
//! Compared letter for letter. One part may differ: the port of a program on the person's own machine, which the system chooses each time (RFC 8252 §7.3).

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// A redirect URI that may be registered, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri {
    text: String,
    kind: Kind,
}

/// What waits at a redirect URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A page on the web, by https.
    Web,
    /// A program on the person's own machine, by plain http.
    Loopback,
    /// A program that the system starts by its scheme (RFC 8252 §7.1).
    PrivateScheme,
}

impl RedirectUri {
    /// Accepts https, http on loopback, and schemes of programs, with nothing in it that two readers could read differently.
    pub fn parse(text: &str) -> Result<Self, InvalidRedirect> {
        if text.len() > MAX_BYTES {
            return Err(InvalidRedirect::TooLong);
        }
        if !text.bytes().all(is_allowed) {
            return Err(InvalidRedirect::ForbiddenCharacter);
        }
        if text.contains('#') {
            return Err(InvalidRedirect::Fragment);
        }
        let url = Url::parse(text).map_err(|_| InvalidRedirect::NotAbsolute)?;
        if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
            return Err(InvalidRedirect::UserInfo);
        }
        let kind = kind_of(&url)?;
        if kind != Kind::PrivateScheme && !is_plain(text, &url) {
            return Err(InvalidRedirect::NotPlain);
        }
        Ok(Self { text: text.to_owned(), kind })
    }

    /// The URI as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What waits there.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What people are shown: the host, or the scheme of a program.
    pub fn host(&self) -> &str {
        match self.kind {
            Kind::Web | Kind::Loopback => authority(&self.text),
            Kind::PrivateScheme => self.text.split(':').next().unwrap_or_default(),
        }
    }

    /// Whether a request may name `asked` where this was registered: the same text, or on loopback the same but for the port.
    pub fn admits(&self, asked: &Self) -> bool {
        if self.text == asked.text {
            return true;
        }
        let (Kind::Loopback, Kind::Loopback) = (self.kind, asked.kind) else { return false };
        without_port(&self.text) == without_port(&asked.text)
    }
}

/// Why a text is no redirect URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirect {
    /// Over 2048 bytes.
    #[error("a redirect URI may be at most {MAX_BYTES} bytes long")]
    TooLong,
    /// A space, a control character, a quote, a backslash or a character outside ASCII.
    #[error("a redirect URI holds only printable ASCII, without quotes, backslashes or angle brackets")]
    ForbiddenCharacter,
    /// A `#…` part.
    #[error("a redirect URI must not have a fragment (RFC 6749 §3.1.2)")]
    Fragment,
    /// No scheme, or not a URI at all.
    #[error("a redirect URI must be absolute")]
    NotAbsolute,
    /// A user name or password before the host.
    #[error("a redirect URI must not carry a user name or password")]
    UserInfo,
    /// Plain http to another machine.
    #[error("a redirect URI must use https; http is accepted on loopback only")]
    NotHttps,
    /// A scheme that a browser acts on by itself.
    #[error("this scheme starts no program")]
    Scheme,
    /// A host or path in another form than browsers would send.
    #[error("host and path must be in their plain form, without `.` or `..` segments")]
    NotPlain,
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl TryFrom<String> for RedirectUri {
    type Error = InvalidRedirect;

    fn try_from(text: String) -> Result<Self, InvalidRedirect> {
        Self::parse(&text)
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.text
    }
}

fn kind_of(url: &Url) -> Result<Kind, InvalidRedirect> {
    match url.scheme() {
        "https" => Ok(Kind::Web),
        "http" => match url.host() {
            Some(Host::Domain("localhost")) => Ok(Kind::Loopback),
            Some(Host::Ipv4(address)) if address.is_loopback() => Ok(Kind::Loopback),
            Some(Host::Ipv6(address)) if address.is_loopback() => Ok(Kind::Loopback),
            _ => Err(InvalidRedirect::NotHttps),
        },
        scheme if ACTED_ON.contains(&scheme) => Err(InvalidRedirect::Scheme),
        _ => Ok(Kind::PrivateScheme),
    }
}

/// What stands between `//` and the path, as written.
fn authority(text: &str) -> &str {
    let Some((_, rest)) = text.split_once("://") else { return "" };
    rest.split(['/', '?']).next().unwrap_or_default()
}

/// Whether a browser would send the very path and host that are written.
fn is_plain(text: &str, url: &Url) -> bool {
    let tail = text.split_once("://").and_then(|(_, rest)| rest.find(['/', '?']).and_then(|at| rest.get(at..))).unwrap_or_default();
    let path = tail.split('?').next().unwrap_or_default();
    let is_same_path = url.path() == if path.is_empty() { "/" } else { path };
    let host = url.host_str().unwrap_or_default();
    is_same_path && without_port_of(authority(text)).eq_ignore_ascii_case(host)
}

fn without_port(text: &str) -> (&str, &str, &str) {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    (scheme, without_port_of(authority), tail)
}

fn without_port_of(authority: &str) -> &str {
    let after_brackets = authority.rfind(']').unwrap_or(0);
    match authority.rfind(':') {
        Some(colon) if colon > after_brackets => authority.get(..colon).unwrap_or(authority),
        _ => authority,
    }
}

/// Printable ASCII without the characters that would need escaping in a header or in HTML.
fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
}

const MAX_BYTES: usize = 2048;

/// Schemes that browsers act on by themselves, or that leave for another protocol.
const ACTED_ON: &[&str] = &[
    "about",
    "blob",
    "chrome",
    "data",
    "file",
    "filesystem",
    "ftp",
    "javascript",
    "mailto",
    "tel",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> RedirectUri {
        RedirectUri::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_port_of_a_program_on_this_machine_may_differ_and_nothing_else() {
        for (registered, asked) in [
            ("http://127.0.0.1/callback", "http://127.0.0.1:51234/callback"),
            ("http://127.0.0.1:3334/callback", "http://127.0.0.1:51234/callback"),
            ("http://localhost/callback", "http://localhost:1/callback"),
            ("http://[::1]:9/callback?x=1", "http://[::1]:51234/callback?x=1"),
            ("http://[::1]/", "http://[::1]:51234/"),
            ("cursor://anysphere.cursor-mcp/oauth/callback", "cursor://anysphere.cursor-mcp/oauth/callback"),
        ] {
            assert!(parse(registered).admits(&parse(asked)), "{registered} {asked}");
        }
        for (registered, asked) in [
            ("http://127.0.0.1/callback", "http://localhost:51234/callback"),
            ("http://127.0.0.1/callback", "http://127.0.0.2/callback"),
            ("http://localhost/callback", "http://localhost:1/callback/"),
            ("http://localhost/callback", "http://localhost:1/Callback"),
            ("http://localhost/callback", "http://localhost:1/callback?x"),
            ("http://localhost/callback", "https://localhost:1/callback"),
            ("https://app.example/callback", "https://app.example:8443/callback"),
            ("https://app.example/callback", "https://APP.example/callback"),
            ("https://app.example/callback", "https://app.example/callback/more"),
            ("cursor://a/b", "cursor://a/c"),
        ] {
            assert!(!parse(registered).admits(&parse(asked)), "{registered} {asked}");
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused_for_its_reason() {
        for (text, reason) in [
            ("http://app.example/callback", InvalidRedirect::NotHttps),
            ("http://localhost.evil.example/callback", InvalidRedirect::NotHttps),
            ("http://127.0.0.1.evil.example/", InvalidRedirect::NotHttps),
            ("http://localhost@evil.example/", InvalidRedirect::UserInfo),
            ("https://app.example@evil.example/", InvalidRedirect::UserInfo),
            ("https://@evil.example/", InvalidRedirect::UserInfo),
            ("https://app.example/#part", InvalidRedirect::Fragment),
            ("https://app.example/a/../b", InvalidRedirect::NotPlain),
            ("https://app.example/%2e%2e/b", InvalidRedirect::NotPlain),
            ("http://2130706433/callback", InvalidRedirect::NotPlain),
            ("http://0x7f.1/callback", InvalidRedirect::NotPlain),
            ("https:app.example/callback", InvalidRedirect::NotPlain),
            ("https:///app.example/callback", InvalidRedirect::NotPlain),
            ("https://app.example\\@evil.example/", InvalidRedirect::ForbiddenCharacter),
            ("https://app.example/a b", InvalidRedirect::ForbiddenCharacter),
            ("https://app.example/\r\nLocation:x", InvalidRedirect::ForbiddenCharacter),
            ("javascript:alert(1)", InvalidRedirect::Scheme),
            ("JavaScript:alert(1)", InvalidRedirect::Scheme),
            ("data:text/html,x", InvalidRedirect::Scheme),
            ("file:///etc/passwd", InvalidRedirect::Scheme),
            ("/callback", InvalidRedirect::NotAbsolute),
            ("", InvalidRedirect::NotAbsolute),
        ] {
            assert_eq!(RedirectUri::parse(text), Err(reason), "{text}");
        }
        assert_eq!(RedirectUri::parse(&format!("https://h/{}", "a".repeat(MAX_BYTES))), Err(InvalidRedirect::TooLong));
    }

    #[test]
    fn people_are_shown_where_they_go() {
        for (text, host, kind) in [
            ("https://app.example/callback", "app.example", Kind::Web),
            ("http://127.0.0.1:9/callback", "127.0.0.1:9", Kind::Loopback),
            ("com.example.app:/callback", "com.example.app", Kind::PrivateScheme),
            ("cursor://anysphere.cursor-mcp/oauth/callback", "cursor", Kind::PrivateScheme),
        ] {
            let uri = parse(text);
            assert_eq!((uri.host(), uri.kind()), (host, kind), "{text}");
        }
    }
}
