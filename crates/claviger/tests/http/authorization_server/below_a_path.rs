//! A door below a path of its host: its authorization server is an issuer with a path, which clients look for in three places (RFC 8414 §3.1, OpenID Connect Discovery §4).

use std::net::TcpListener;

use oauth::issuer::Issuer;
use outbound::client::Client;
use outbound::guard::Guard;
use outbound::tls::Roots;
use serde_json::json;

use super::{Browser, VERIFIER, claims, form, json_of, open, plan};

const CALLBACK: &str = "http://127.0.0.1:7777/cb";

#[tokio::test]
async fn a_client_finds_it_and_gets_in() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let name = format!("http://127.0.0.1:{port}/gate");
    let mut plan = plan("[issuer.clients.app]\nredirect_uris = [\"http://127.0.0.1/cb\"]\n").await;
    plan.arguments =
        ["--listen", &format!("127.0.0.1:{port}"), "--admin-listen", "127.0.0.1:0", "--public-url", &name].map(str::to_owned).into();
    let door = open(plan).await;
    let protected = json_of(&door.get("/.well-known/oauth-protected-resource/gate/mcp/fixture").send().await);
    assert!(protected["authorization_servers"].as_array().unwrap().contains(&json!(name)), "{protected}");

    let issuer = Issuer::parse(&name).unwrap();
    let client = Client::new(Guard::for_operator(&name), &Roots::default()).unwrap();
    let found = outbound::discovery::discover(&client, &issuer).await.unwrap();
    assert_eq!((&*found.issuer, found.token_endpoint), (&*name, Some(format!("{name}/token"))));
    for place in issuer.metadata_urls() {
        let document = json_of(&door.get(place.strip_prefix(&format!("http://127.0.0.1:{port}")).unwrap()).send().await);
        assert_eq!(document["jwks_uri"], format!("{name}/jwks"), "{place}");
    }

    let resource = door.resource();
    assert_eq!(resource, format!("{name}/mcp/fixture"));
    let code = Browser::new(&door).allow("app", CALLBACK, &[("resource", &resource), ("scope", "files:read")]).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", &code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", CALLBACK),
    ];
    let answer = json_of(&form(&door, "/gate/token", &fields).send().await);
    let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!((&claims(token)["iss"], &claims(token)["aud"]), (&json!(name), &json!(resource)));
    assert_eq!(door.holder(token).tool("echo", json!({"text": "hello"})).send().await.status, 200, "{}", door.said());
}
