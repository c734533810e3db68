//! OPTIONS `/mcp/<name>`: what browsers ask before they call, and which answers they may read.

use http::Method;

use crate::support::{Door, Plan, Request};

const INSPECTOR: &str = "http://localhost:6274";

fn preflight(door: &Door, origin: &str) -> Request {
    let request = Request::new(Method::OPTIONS, door.address, "/mcp/fixture").header("origin", origin);
    request.header("access-control-request-method", "POST")
}

fn names_in(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_ascii_lowercase()).collect()
}

#[tokio::test]
async fn a_preflight_needs_no_token() {
    let door = Door::open().await;
    let answer = preflight(&door, INSPECTOR).send().await;
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some(INSPECTOR));
    let methods = names_in(answer.header("access-control-allow-methods").unwrap());
    assert!(["get", "post", "delete"].iter().all(|method| methods.contains(&(*method).to_owned())), "{methods:?}");
    let headers = names_in(answer.header("access-control-allow-headers").unwrap());
    for name in [
        "authorization",
        "content-type",
        "accept",
        "mcp-protocol-version",
        "mcp-session-id",
        "last-event-id",
        "mcp-method",
        "mcp-name",
        "dpop",
    ] {
        assert!(headers.contains(&name.to_owned()), "{name} is missing in {headers:?}");
    }
}

#[tokio::test]
async fn a_preflight_allows_the_parameter_headers_that_it_asks_for() {
    let door = Door::open().await;
    let asked = "authorization, content-type, mcp-param-region, mcp-param-tenant-id";
    let answer = preflight(&door, INSPECTOR).header("access-control-request-headers", asked).send().await;
    let headers = names_in(answer.header("access-control-allow-headers").unwrap());
    for name in names_in(asked) {
        assert!(headers.contains(&name), "{name} is missing in {headers:?}");
    }
    let answer = preflight(&door, INSPECTOR).header("access-control-request-headers", "x-evil, cookie").send().await;
    let headers = names_in(answer.header("access-control-allow-headers").unwrap_or_default());
    assert!(!headers.contains(&"x-evil".to_owned()) && !headers.contains(&"cookie".to_owned()), "{headers:?}");
}

#[tokio::test]
async fn a_foreign_page_is_refused_before_anything_else() {
    let door = Plan::both().await.section("[listen]\nallowed_origins = [\"https://app.example\"]").open().await;
    for origin in ["https://evil.example", "null", "https://app.example.evil.example", "https://app.example:444", "http://app.example"] {
        let answer = preflight(&door, origin).send().await;
        assert_eq!(answer.status, 403, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
    }
    assert_eq!(preflight(&door, "https://app.example").send().await.status, 204);
}

#[tokio::test]
async fn a_page_may_read_the_headers_that_it_needs_to_come_in() {
    let door = Door::open().await;
    let alice = door.caller("alice");
    let refused = door.stranger().initialize("2025-11-25").header("origin", INSPECTOR).send().await;
    let served = alice.initialize("2025-11-25").header("origin", INSPECTOR).send().await;
    assert_eq!((refused.status, served.status), (401, 200));
    for answer in [refused, served] {
        assert_eq!(answer.header("access-control-allow-origin"), Some(INSPECTOR));
        let exposed = names_in(answer.header("access-control-expose-headers").unwrap());
        for name in ["www-authenticate", "mcp-session-id", "mcp-protocol-version"] {
            assert!(exposed.contains(&name.to_owned()), "{name} is missing in {exposed:?}");
        }
        let vary = answer.headers.get_all("vary").iter().any(|value| value.to_str().unwrap().eq_ignore_ascii_case("origin"));
        assert!(vary, "an answer that depends on Origin says so");
    }
}
