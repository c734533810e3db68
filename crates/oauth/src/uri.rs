//! Is this text an absolute http(s) URI that two programs cannot read differently, and what are its parts?
//!
//! The text itself is what gets compared and sent; it is parsed only to refuse what is unsafe.
//! `url::Url` would lower-case, add slashes and drop ports, so its spelling is never kept.

use url::{Host, Url};

/// Why a text is not an acceptable absolute URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUri {
    /// Longer than 2048 bytes.
    #[error("a URL may be at most {MAX_BYTES} bytes long")]
    TooLong,
    /// A space, a control character, a quote, a backslash or a character outside ASCII.
    #[error("a URL holds only printable ASCII, without quotes, backslashes or angle brackets")]
    ForbiddenCharacter,
    /// Not `http://…` or `https://…`, or no host, or not a URL at all.
    #[error("this is not an absolute http or https URL")]
    NotAbsolute,
    /// A user name or password before the host.
    #[error("a URL here must not carry a user name or password")]
    UserInfo,
    /// A `#…` part.
    #[error("a URL here must not have a fragment (`#…`)")]
    Fragment,
    /// A path with `.` or `..` segments, or characters that must be percent-encoded.
    #[error("the path must be in its plain form, without `.` or `..` segments")]
    PathNotPlain,
}

/// The parts of an accepted URI, as slices of the text it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    /// Scheme, host and port: `https://host:port`.
    pub(crate) origin: &'a str,
    /// The path: empty, or starting with a slash.
    pub(crate) path: &'a str,
    /// The query with its question mark, or empty.
    pub(crate) query: &'a str,
    /// Whether the scheme is `https`.
    pub(crate) is_https: bool,
    /// Whether the host is `localhost` or a loopback address.
    pub(crate) is_loopback: bool,
}

/// Checks `text` and cuts it into its parts.
pub(crate) fn split(text: &str) -> Result<Parts<'_>, InvalidUri> {
    if text.len() > MAX_BYTES {
        return Err(InvalidUri::TooLong);
    }
    if !text.bytes().all(is_allowed) {
        return Err(InvalidUri::ForbiddenCharacter);
    }
    if text.contains('#') {
        return Err(InvalidUri::Fragment);
    }
    let (scheme, rest) = text.split_once("://").ok_or(InvalidUri::NotAbsolute)?;
    let is_https = scheme.eq_ignore_ascii_case("https");
    if !is_https && !scheme.eq_ignore_ascii_case("http") {
        return Err(InvalidUri::NotAbsolute);
    }
    let authority_length = rest.find(['/', '?']).unwrap_or(rest.len());
    let authority = rest.get(..authority_length).unwrap_or_default();
    if authority.is_empty() {
        return Err(InvalidUri::NotAbsolute);
    }
    if authority.contains('@') {
        return Err(InvalidUri::UserInfo);
    }
    let (origin, tail) = text.split_at(scheme.len() + "://".len() + authority_length);
    let (path, query) = tail.split_at(tail.find('?').unwrap_or(tail.len()));
    let url = Url::parse(text).map_err(|_| InvalidUri::NotAbsolute)?;
    let plain_path = if path.is_empty() { "/" } else { path };
    if url.path() != plain_path {
        return Err(InvalidUri::PathNotPlain);
    }
    let is_loopback = url.host().is_some_and(|host| is_loopback(&host));
    Ok(Parts { origin, path, query, is_https, is_loopback })
}

/// Printable ASCII without the characters that would need escaping in a header or in HTML.
fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

const MAX_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_slices_of_the_text_as_written() {
        let parts = split("https://Example.COM:443/a/b?x=1").unwrap();
        assert_eq!((parts.origin, parts.path, parts.query), ("https://Example.COM:443", "/a/b", "?x=1"));
        assert!(parts.is_https && !parts.is_loopback);
    }

    #[test]
    fn a_bare_origin_has_an_empty_path() {
        let parts = split("http://127.0.0.1:8787").unwrap();
        assert_eq!((parts.origin, parts.path, parts.query), ("http://127.0.0.1:8787", "", ""));
        assert!(parts.is_loopback && !parts.is_https);
    }

    #[test]
    fn loopback_is_a_host_and_never_a_prefix() {
        for text in ["http://localhost/", "http://[::1]:1/", "http://127.9.9.9/"] {
            assert!(split(text).unwrap().is_loopback, "{text}");
        }
        for text in ["http://localhost.evil.example/", "http://127.0.0.1.evil.example/"] {
            assert!(!split(text).unwrap().is_loopback, "{text}");
        }
    }

    #[test]
    fn unsafe_texts_are_refused_each_for_its_reason() {
        for (text, reason) in [
            ("ftp://h/", InvalidUri::NotAbsolute),
            ("https:/h/", InvalidUri::NotAbsolute),
            ("https:///path", InvalidUri::NotAbsolute),
            ("/mcp", InvalidUri::NotAbsolute),
            ("https://user@h/", InvalidUri::UserInfo),
            ("https://user:pass@h/", InvalidUri::UserInfo),
            ("https://h/#f", InvalidUri::Fragment),
            ("https://h/a b", InvalidUri::ForbiddenCharacter),
            ("https://h\\@evil/", InvalidUri::ForbiddenCharacter),
            ("https://h/\u{e9}", InvalidUri::ForbiddenCharacter),
            ("https://h/\n", InvalidUri::ForbiddenCharacter),
            ("https://h/a/../b", InvalidUri::PathNotPlain),
            ("https://h/%2e%2e/b", InvalidUri::PathNotPlain),
        ] {
            assert_eq!(split(text), Err(reason), "{text}");
        }
        let long = format!("https://h/{}", "a".repeat(MAX_BYTES));
        assert_eq!(split(&long), Err(InvalidUri::TooLong));
    }
}
