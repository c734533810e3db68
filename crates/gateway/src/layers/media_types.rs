//! Does the caller send what we read, and read what we send? JSON comes in; JSON or an event stream goes out.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};

use crate::refusal::Refusal;

/// Refuses a POST of anything but JSON, and a caller who takes none of our answers.
pub(crate) fn json_both_ways(headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(|kind| without_parameters(kind.as_bytes()));
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case(b"application/json")) {
        return Err(Refusal::UnsupportedMediaType);
    }
    if accepts(headers, "application/json") || accepts(headers, "text/event-stream") { Ok(()) } else { Err(Refusal::NotAcceptable) }
}

/// Whether `Accept` allows the kind; no `Accept` at all allows everything (RFC 9110 §12.5.1).
pub(crate) fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let mut values = headers.get_all(ACCEPT).iter().filter(|value| value.to_str().is_ok()).peekable();
    let family = kind.split('/').next().unwrap_or_default();
    values.peek().is_none()
        || values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(without_parameters).any(|range| {
            range == b"*/*"
                || range.eq_ignore_ascii_case(kind.as_bytes())
                || range.strip_suffix(b"/*").is_some_and(|of| of.eq_ignore_ascii_case(family.as_bytes()))
        })
}

/// A media type or range without what follows it (RFC 9110 §8.3.1). Read as bytes: such texts are too short for a search to be worth its preparation.
fn without_parameters(kind: &[u8]) -> &[u8] {
    kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::{accepts, json_both_ways};
    use http::{HeaderMap, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn accept_is_read_as_rfc_9110_says() {
        for (accept, kind, expected) in [
            ("application/json, text/event-stream", "text/event-stream", true),
            ("application/json;q=0.9", "application/json", true),
            ("APPLICATION/JSON", "application/json", true),
            ("*/*", "text/event-stream", true),
            ("application/*", "application/json", true),
            ("application/*", "text/event-stream", false),
            ("text/html", "application/json", false),
            ("application/jsonx", "application/json", false),
        ] {
            assert_eq!(accepts(&headers(&[("accept", accept)]), kind), expected, "{accept} for {kind}");
        }
        assert!(accepts(&HeaderMap::new(), "application/json"));
    }

    #[test]
    fn only_json_comes_in() {
        assert!(json_both_ways(&headers(&[("content-type", "application/json; charset=utf-8")])).is_ok());
        assert!(json_both_ways(&headers(&[("content-type", "text/plain")])).is_err());
        assert!(json_both_ways(&headers(&[])).is_err());
        assert!(json_both_ways(&headers(&[("content-type", "application/json"), ("accept", "text/html")])).is_err());
    }
}
