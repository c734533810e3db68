//! Where does a server want to be told things? The data of its `endpoint` event: a URL of the same origin, or it is not followed, for the credentials go there too.

use http::Uri;
use url::Url;

use crate::back::BackFailure;

/// Why nothing can be posted to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// It has not said where.
    #[error("none came before the stream ended")]
    Absent,
    /// What it says is nowhere.
    #[error("it is no URL")]
    Malformed,
    /// The answer to the `GET` is not of this transport.
    #[error("the answer to `GET` is no event stream; is `transport = \"sse\"` right for this server?")]
    NoStream,
    /// It points at somebody else.
    #[error("it leads to another origin than the server's own URL")]
    OtherOrigin,
    /// What it is relative to is not written down anywhere.
    #[error("it is relative to a path that holds a secret")]
    RelativeToSecret,
}

/// Path and query of the endpoint. `is_secret`: the path of `base` stands in for one that holds a secret.
pub(super) fn resolve(base: &Url, reference: &str, is_secret: bool) -> Result<Uri, BackFailure> {
    let refused = |why| Err(BackFailure::Endpoint(why));
    if reference.is_empty() || reference.len() > LONGEST {
        return refused(InvalidEndpoint::Malformed);
    }
    let Ok(url) = base.join(reference) else { return refused(InvalidEndpoint::Malformed) };
    if url.origin() != base.origin() {
        return refused(InvalidEndpoint::OtherOrigin);
    }
    if is_secret && !reference.starts_with('/') && Url::parse(reference).is_err() {
        return refused(InvalidEndpoint::RelativeToSecret);
    }
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    Uri::try_from(target).or(refused(InvalidEndpoint::Malformed))
}

/// More than any server needs for a path and a session.
const LONGEST: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(reference: &str, is_secret: bool) -> Result<String, InvalidEndpoint> {
        let base = Url::parse("https://mcp.example:8443/team/sse").unwrap();
        resolve(&base, reference, is_secret).map(|uri| uri.to_string()).map_err(|failure| match failure {
            BackFailure::Endpoint(why) => why,
            other => panic!("{other}"),
        })
    }

    #[test]
    fn an_endpoint_is_read_as_a_browser_reads_a_link() {
        for (reference, expected) in [
            ("/messages?sessionId=1", "/messages?sessionId=1"),
            ("messages/?session_id=1", "/team/messages/?session_id=1"),
            ("?session=1", "/team/sse?session=1"),
            ("https://mcp.example:8443/post#part", "/post"),
            ("//mcp.example:8443/post", "/post"),
            ("../post", "/post"),
        ] {
            assert_eq!(resolved(reference, false).as_deref(), Ok(expected), "{reference}");
        }
    }

    #[test]
    fn an_endpoint_of_another_origin_is_not_followed() {
        for foreign in [
            "https://other.example/messages",
            "http://mcp.example:8443/messages",
            "https://mcp.example/messages",
            "//169.254.169.254/latest",
            "\\\\other.example\\messages",
            "https:\\\\other.example/",
            "http://127.0.0.1:8443/",
            "file:///etc/passwd",
            "data:,x",
            "https://mcp.example:8443@other.example/",
        ] {
            assert_eq!(resolved(foreign, false), Err(InvalidEndpoint::OtherOrigin), "{foreign}");
        }
        for malformed in ["", "https://", "http://[::1/"] {
            assert_eq!(resolved(malformed, false), Err(InvalidEndpoint::Malformed), "{malformed}");
        }
        assert_eq!(resolved(&format!("/{}", "x".repeat(LONGEST)), false), Err(InvalidEndpoint::Malformed));
    }

    #[test]
    fn an_endpoint_beside_a_secret_path_has_to_be_whole() {
        assert_eq!(resolved("messages", true), Err(InvalidEndpoint::RelativeToSecret));
        assert_eq!(resolved("/messages", true).as_deref(), Ok("/messages"));
        assert_eq!(resolved("https://mcp.example:8443/messages", true).as_deref(), Ok("/messages"));
    }
}
