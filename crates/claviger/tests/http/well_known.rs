//! `/.well-known/oauth-protected-resource`: how a client that was refused finds its way in (RFC 9728).

use http::Method;
use serde_json::{Value, json};

use crate::support::{Door, Plan, Request};

const ROOT: &str = "/.well-known/oauth-protected-resource";
const INSERTED: &str = "/.well-known/oauth-protected-resource/mcp/fixture";

#[tokio::test]
async fn the_metadata_stands_at_the_path_inserted_url_and_names_exactly_the_resource() {
    let door = Plan::both().await.scopes(r#""*" = "base", "test_echo" = "echo""#).line("title = \"The fixture\"").open().await;
    let answer = door.get(INSERTED).send().await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let document = answer.message();
    assert_eq!(document["resource"], door.resource());
    assert_eq!(document["authorization_servers"], json!([door.issuer.url()]), "an array of strings");
    assert_eq!(document["scopes_supported"], json!(["base"]), "the baseline, not the catalogue");
    assert_eq!(document["bearer_methods_supported"], json!(["header"]));
    assert_eq!(document["resource_name"], "The fixture");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    for (name, value) in document.as_object().unwrap() {
        assert!(!value.is_null() && value != &json!([]) && value != &json!(""), "{name} is empty");
    }
}

#[tokio::test]
async fn a_challenge_leads_to_the_metadata_and_the_metadata_to_the_same_resource() {
    let door = Door::open().await;
    let refused = door.stranger().hello().await;
    let url = refused.challenge().param("resource_metadata").unwrap().to_owned();
    assert_eq!(url, format!("{}{INSERTED}", door.public_url));
    let document = door.get(url.strip_prefix(&door.public_url).unwrap()).send().await.message();
    assert_eq!(document["resource"], format!("{}/mcp/fixture", door.public_url));
}

#[tokio::test]
async fn the_root_form_speaks_for_the_only_server() {
    let door = Door::open().await;
    assert_eq!(door.get(ROOT).send().await.message()["resource"], door.resource());
}

#[tokio::test]
async fn the_root_form_is_silent_when_it_would_have_to_choose() {
    let plan = Plan::both().await;
    let second = format!("[servers.second]\n{}", plan.server);
    let door = plan.section(&second).open().await;
    assert_eq!(door.get(ROOT).send().await.status, 404);
    for server in ["fixture", "second"] {
        let document = door.get(&format!("{ROOT}/mcp/{server}")).send().await.message();
        assert_eq!(document["resource"], door.resource_of(server));
    }
    assert_eq!(door.get(&format!("{ROOT}/mcp/third")).send().await.status, 404);
}

#[tokio::test]
async fn resources_are_built_from_the_public_url_and_never_from_host() {
    let door = Plan::both().await.argument("--public-url").argument("https://mcp.example.com/door").open().await;
    for host in ["mcp.example.com", "localhost", "127.0.0.1"] {
        let document = door.get(INSERTED).header("host", host).send().await.message();
        assert_eq!(document["resource"], "https://mcp.example.com/door/mcp/fixture", "{host}");
        let refused = door.stranger().tool("test_simple_text", json!({})).header("host", host).send().await;
        let metadata = "https://mcp.example.com/.well-known/oauth-protected-resource/door/mcp/fixture";
        assert_eq!(refused.challenge().param("resource_metadata"), Some(metadata), "{host}");
    }
    let forwarded = door.get(INSERTED).header("x-forwarded-host", "evil.example").header("forwarded", "host=evil.example").send().await;
    assert!(!forwarded.text().contains("evil"));
}

#[tokio::test]
async fn a_public_url_with_a_path_serves_the_metadata_where_the_challenge_says() {
    let door = Plan::both().await.argument("--public-url").argument("https://mcp.example.com/door").open().await;
    let answer = door.get("/.well-known/oauth-protected-resource/door/mcp/fixture").header("host", "mcp.example.com").send().await;
    assert_eq!(answer.status, 200, "a proxy that keeps the path asks here: {answer:?}");
}

#[tokio::test]
async fn head_and_options_need_no_token_and_other_methods_are_refused() {
    let door = Door::open().await;
    let request = |method: Method| Request::new(method, door.address, INSERTED);
    let head = request(Method::HEAD).send().await;
    assert_eq!((head.status, head.body.len(), head.header("content-type")), (200, 0, Some("application/json")));
    let options =
        request(Method::OPTIONS).header("origin", "http://localhost:6274").header("access-control-request-method", "GET").send().await;
    assert_eq!((options.status, options.header("access-control-allow-origin")), (204, Some("*")));
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let refused = request(method.clone()).send().await;
        assert_eq!(refused.status, 405, "{method}");
        assert!(refused.header("allow").unwrap().contains("GET"), "{method}");
    }
}

#[tokio::test]
async fn any_page_may_read_the_metadata() {
    let door = Door::open().await;
    let answer = door.get(INSERTED).header("origin", "https://anything.example").send().await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")), "it is public by design (RFC 9728)");
}

#[tokio::test]
async fn offline_access_is_never_asked_for() {
    let door = Plan::both().await.scopes(r#""*" = "base offline_access""#).open().await;
    let document = door.get(INSERTED).send().await.message();
    assert_eq!(document["scopes_supported"], json!(["base"]));
    assert_eq!(door.stranger().hello().await.challenge().param("scope"), Some("base"));
}

#[tokio::test]
async fn the_door_never_poses_as_an_authorization_server() {
    let door = Door::open().await;
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/authorize", "/token", "/register"] {
        assert_eq!(door.get(path).send().await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_server_without_an_issuer_names_none() {
    let secret = "a shared secret of more than thirty-two bytes";
    let door = Plan::both().await.accept("[[accept]]\nshared_secret = \"env://SHARED\"\n").variable("SHARED", secret).open().await;
    let document = door.get(INSERTED).send().await.message();
    assert_eq!(document["resource"], door.resource());
    assert_eq!(document.get("authorization_servers"), None::<&Value>, "an empty list would be wrong (RFC 9728 §2)");
}
