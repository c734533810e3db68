//! Clients whose name is the address of their description.

use serde_json::{Value, json};

use super::browser::authorize;
use super::{Browser, JWT_BEARER, VERIFIER, assertion, error_of, form, https, json_of, metadata, open, plan};
use crate::support::{Door, Key, Plan, Puppet, Say, merge};

const CALLBACK: &str = "http://127.0.0.1:7777/cb";

/// A server of descriptions at `localhost`, and a door that may go there.
async fn publisher(section: &str, networks: &str) -> (Puppet, Door) {
    publisher_of(json!({"keys": []}), section, networks).await
}

/// The same, which publishes these keys.
async fn publisher_of(keys: Value, section: &str, networks: &str) -> (Puppet, Door) {
    let (server, pem) = https(move |seen| {
        let host = seen.header("host").unwrap();
        let id = format!("https://{host}{}", seen.target);
        let good = json!({"client_id": id, "client_name": "An editor", "redirect_uris": ["http://127.0.0.1/cb"], "grant_types": ["authorization_code", "refresh_token"]});
        match seen.target.as_str() {
            "/app.json" => Say::json(good.to_string()).header("cache-control", "max-age=3600"),
            "/keyed.json" => {
                let mut keyed = good;
                let more = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": format!("https://{host}/jwks.json")});
                merge(&mut keyed, &more);
                Say::json(keyed.to_string())
            }
            "/jwks.json" => Say::json(keys.to_string()),
            "/other.json" => Say::json(good.to_string().replace("other.json", "app.json")),
            "/secret.json" => Say::json(good.to_string().replace("\"client_name\"", "\"client_secret\":\"s\",\"client_name\"")),
            "/large.json" => Say::json(format!("{good}{}", " ".repeat(5 * 1024))),
            "/moved.json" => Say::nothing(302).header("location", format!("https://{host}/app.json")),
            "/scheme.json" => Say::json(good.to_string().replace("http://127.0.0.1/cb", "javascript:alert(1)")),
            "/text.json" => Say::nothing(200).header("content-type", "text/plain").body(good.to_string()),
            // Of two, each reader takes another.
            "/both.json" => Say::json(good.to_string()).header("content-type", "text/plain"),
            _ => Say::nothing(404),
        }
    })
    .await;
    // The door reads it with the first certificate that it has to check.
    let ca = format!("{}/ca-{}.pem", env!("CARGO_TARGET_TMPDIR"), super::unique());
    std::fs::write(&ca, pem).unwrap();
    let plan: Plan = plan(section).await.section(&format!("[outbound]\nallowed_networks = [{networks}]")).variable("SSL_CERT_FILE", &ca);
    let door = open(plan).await;
    (server, door)
}

const LOOPBACK: &str = r#""127.0.0.0/8", "::1""#;

fn id(server: &Puppet, path: &str) -> String {
    server.url.replace("/mcp", path)
}

#[tokio::test]
async fn a_client_goes_by_the_address_of_its_description_and_people_see_whose_it_is() {
    let (server, door) = publisher("", LOOPBACK).await;
    assert_eq!(metadata(&door).await["client_id_metadata_document_supported"], true);
    let id = id(&server, "/app.json");
    let mut browser = Browser::new(&door);
    let page = browser.get(&authorize(&id, CALLBACK, &[])).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let consent = browser.sign_in(&page).await;
    let host = id.split('/').nth(2).unwrap();
    assert!(consent.text().contains(&format!("Verified: this is the app of {host}")), "{}", consent.text());
    assert!(consent.text().contains("An editor") && !consent.text().contains("chose this name itself"));
    let code = browser.allow(&id, CALLBACK, &[]).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", &id),
        ("code", &code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", CALLBACK),
    ];
    let answer = json_of(&form(&door, "/token", &fields).send().await);
    let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(door.holder(token).tool("echo", json!({"text": "hello"})).send().await.status, 200);
    let fields = [("grant_type", "refresh_token"), ("client_id", &*id), ("refresh_token", answer["refresh_token"].as_str().unwrap())];
    assert_eq!(form(&door, "/token", &fields).send().await.status, 200);
    assert_eq!(server.seen().len(), 1, "it was fetched once");
    // A place that it has not named.
    let page = browser.get(&authorize(&id, "http://127.0.0.1:7777/elsewhere", &[])).await;
    assert_eq!((page.status, page.header("location")), (400, None));
}

#[tokio::test]
async fn what_is_no_description_of_that_client_is_refused_and_not_fetched_in_a_loop() {
    let (server, door) = publisher("", LOOPBACK).await;
    let mut browser = Browser::new(&door);
    let paths = ["/other.json", "/secret.json", "/large.json", "/moved.json", "/scheme.json", "/text.json", "/both.json", "/absent.json"];
    for path in paths {
        for _ in 0..3 {
            let page = browser.get(&authorize(&id(&server, path), CALLBACK, &[])).await;
            assert_eq!((page.status, page.header("location")), (400, None), "{path}");
            assert!(page.text().contains("description cannot be used"), "{path}: {}", page.text());
        }
    }
    let seen: Vec<_> = server.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(seen, paths, "each was asked for once, and no redirect was followed");
}

#[tokio::test]
async fn a_stranger_has_a_measure_of_what_is_fetched() {
    let (server, door) = publisher("", LOOPBACK).await;
    let mut browser = Browser::new(&door);
    for number in 0..25 {
        browser.get(&authorize(&id(&server, &format!("/{number}.json")), CALLBACK, &[])).await;
    }
    assert_eq!(server.seen().len(), 20);
}

#[tokio::test]
async fn nobody_sends_the_door_into_the_network_behind_it() {
    let (server, door) = publisher("", r#""10.1.2.3""#).await;
    let mut browser = Browser::new(&door);
    let port = id(&server, "").rsplit_once(':').unwrap().1.to_owned();
    for host in ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "0.0.0.0"] {
        let page = browser.get(&authorize(&format!("https://{host}:{port}/app.json"), CALLBACK, &[])).await;
        assert_eq!(page.status, 400, "{host}");
        assert!(!page.text().contains("loopback") && !page.text().contains("address that"), "strangers are not told why: {}", page.text());
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn the_operator_says_whose_descriptions_are_taken() {
    for (section, expected) in
        [("documents = \"off\"", 400), ("documents = [\"claude.ai\", \"*.localhost\"]", 400), ("documents = \"localhost\"", 200)]
    {
        let (server, door) = publisher(section, LOOPBACK).await;
        let page = Browser::new(&door).get(&authorize(&id(&server, "/app.json"), CALLBACK, &[])).await;
        assert_eq!(page.status, expected, "{section}");
        assert_eq!(server.seen().len(), usize::from(expected == 200), "{section}");
        assert_eq!(metadata(&door).await["client_id_metadata_document_supported"], section != "documents = \"off\"");
    }
}

#[tokio::test]
async fn a_client_that_cannot_be_described_is_no_client_at_the_token_endpoint() {
    let (server, door) = publisher("", LOOPBACK).await;
    let id = id(&server, "/absent.json");
    let fields = [("grant_type", "refresh_token"), ("client_id", &*id), ("refresh_token", "x")];
    assert_eq!(error_of(&form(&door, "/token", &fields).send().await), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn a_client_proves_itself_with_the_keys_that_its_description_leads_to() {
    let key = Key::p256();
    let (server, door) = publisher_of(json!({"keys": [key.jwk(&json!({"alg": "ES256"}))]}), "", LOOPBACK).await;
    let id = id(&server, "/keyed.json");
    let code = Browser::new(&door).allow(&id, CALLBACK, &[]).await;
    let redeem = async |assertion: Option<String>| {
        let mut fields =
            vec![("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER), ("redirect_uri", CALLBACK)];
        match &assertion {
            Some(assertion) => fields.extend([("client_assertion_type", JWT_BEARER), ("client_assertion", assertion.as_str())]),
            None => fields.push(("client_id", &id)),
        }
        form(&door, "/token", &fields).send().await
    };
    let refused = (401, "invalid_client".to_owned());
    assert_eq!(error_of(&redeem(None).await), refused, "its name alone is not enough");
    assert_eq!(error_of(&redeem(Some(assertion(&Key::p256(), &id, &door, &json!({})))).await), refused);
    assert_eq!(redeem(Some(assertion(&key, &id, &door, &json!({})))).await.status, 200);
    let seen: Vec<_> = server.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(seen, ["/keyed.json", "/jwks.json"], "each was fetched once");
}
