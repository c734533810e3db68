//! How does a page leave, so that nobody looks on or in? (MCP security, clickjacking; RFC 9700 §4.16)

use std::sync::LazyLock;

use askama::Template;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, REFRESH, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};

/// A page, as its template makes it.
pub fn page(status: StatusCode, view: &impl Template) -> Response<Bytes> {
    let Ok(html) = view.render() else { return bare(StatusCode::INTERNAL_SERVER_ERROR) };
    let mut response = bare(status);
    *response.body_mut() = html.into();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// A page from which the browser goes on to somebody else's place by itself, with a link in it for where that does not happen.
///
/// Not a redirect: browsers hold every place that a form leads to in the end against the page's policy, and nobody knows them all.
pub fn leave(view: &impl Template, to: &str) -> Response<Bytes> {
    let mut response = page(StatusCode::OK, view);
    // Where it cannot be said, the link on the page is still there.
    if let Ok(refresh) = HeaderValue::try_from(format!("0;url={to}")) {
        response.headers_mut().insert(REFRESH, refresh);
    }
    response
}

/// On to another place, which the browser asks for with GET.
pub fn redirect(to: &str) -> Response<Bytes> {
    let Ok(location) = HeaderValue::try_from(to) else { return bare(StatusCode::INTERNAL_SERVER_ERROR) };
    let mut response = bare(StatusCode::SEE_OTHER);
    response.headers_mut().insert(LOCATION, location);
    response
}

/// An answer without a body, with everything that keeps others from looking on or in.
pub fn bare(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The address of a page may hold a ticket. With `no-referrer`, browsers would hide the origin of our own forms from us, too.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    response
}

/// The one look of all pages; a template puts it in place of `style`.
pub const STYLE: &str = include_str!("../templates/style.css");

/// Lets the one style through, and nothing else. Should it ever not be writable, nothing at all.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    let policy = format!("default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
});

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Template)]
    #[template(source = "<style>{{ style|safe }}</style><p>{{ text }}</p>", ext = "html")]
    struct View<'a> {
        style: &'static str,
        text: &'a str,
    }

    #[test]
    fn nobody_can_frame_a_page_or_bring_anything_into_it() {
        let response = page(StatusCode::OK, &View { style: STYLE, text: "<script>alert(1)</script>" });
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self';", "style-src 'sha256-"] {
            assert!(policy.contains(rule), "{policy} lacks {rule}");
        }
        assert_eq!(response.headers()[REFERRER_POLICY], "same-origin");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[X_FRAME_OPTIONS], "DENY");
        let html = String::from_utf8(response.body().to_vec()).unwrap();
        let style = html.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        assert_eq!(style, STYLE, "the hash in the policy is that of the style in the page");
        assert!(html.contains("&#60;script&#62;alert(1)"), "{html}");
    }

    #[test]
    fn who_leaves_is_taken_there() {
        let left = leave(&View { style: STYLE, text: "" }, "http://127.0.0.1:9/cb?code=a&state=b");
        assert_eq!(left.headers()[REFRESH], "0;url=http://127.0.0.1:9/cb?code=a&state=b");
        assert_eq!(left.status(), StatusCode::OK);
        assert_eq!(redirect("/authorize?a").headers()[LOCATION], "/authorize?a");
        assert_eq!(redirect("/a\r\nb").status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
