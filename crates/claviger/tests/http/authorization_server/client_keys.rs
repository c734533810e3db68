//! Clients that prove themselves with a key (`private_key_jwt`).

use serde_json::{Value, json};

use super::{JWT_BEARER, assertion, claims, error_of, form, json_of, metadata, plan};
use crate::support::{Door, Key};

const CLIENT: &str = "[issuer.clients.robot]\nkeys = \"robot.json\"\nscopes = [\"files:read\"]\n";

/// A door that knows the key of a robot.
async fn robot() -> (Door, Key) {
    let key = Key::p256();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("robot.json"), json!({"keys": [key.jwk(&json!({"alg": "ES256"}))]}).to_string()).unwrap();
    let door = Door::of(plan(CLIENT).await, folder).await;
    (door, key)
}

async fn ask(door: &Door, assertion: &str, more: &[(&str, &str)]) -> crate::support::Answer {
    let mut fields = vec![("grant_type", "client_credentials"), ("client_assertion_type", JWT_BEARER), ("client_assertion", assertion)];
    fields.extend(more);
    form(door, "/token", &fields).send().await
}

#[tokio::test]
async fn a_client_with_a_key_signs_that_it_is_itself() {
    let (door, key) = robot().await;
    let metadata = metadata(&door).await;
    for endpoint in ["token", "revocation", "introspection"] {
        let has =
            |member: &str, value: &str| metadata[format!("{endpoint}_endpoint_auth_{member}")].as_array().unwrap().contains(&json!(value));
        assert!(has("methods_supported", "private_key_jwt") && has("signing_alg_values_supported", "ES256"), "{endpoint}: {metadata}");
    }
    for aud in [door.public_url.clone(), format!("{}/", door.public_url)] {
        let answer = json_of(&ask(&door, &assertion(&key, "robot", &door, &json!({"aud": aud})), &[]).await);
        let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
        assert_eq!(claims(token)["client_id"], "robot");
        assert_eq!(door.holder(token).tool("echo", json!({"text": "hello"})).send().await.status, 200);
        for path in ["/introspect", "/revoke"] {
            let own = assertion(&key, "robot", &door, &json!({}));
            let fields = [("token", token), ("client_assertion_type", JWT_BEARER), ("client_assertion", &own)];
            assert_eq!(form(&door, path, &fields).send().await.status, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn an_assertion_is_good_once_for_us_alone_and_by_the_right_key() {
    let (door, key) = robot().await;
    let once = assertion(&key, "robot", &door, &json!({}));
    assert_eq!(ask(&door, &once, &[]).await.status, 200);
    let refused = (401, "invalid_client".to_owned());
    assert_eq!(error_of(&ask(&door, &once, &[]).await), refused, "it was shown before");
    let wrong: [(&str, Value); 7] = [
        ("for another server", json!({"aud": "https://elsewhere.example"})),
        ("for the endpoint", json!({"aud": format!("{}/token", door.public_url)})),
        ("for two", json!({"aud": [door.public_url, "https://elsewhere.example"]})),
        ("too old", json!({"exp": 1})),
        ("for too long", json!({"exp": crate::support::now() + 4000})),
        ("about another", json!({"sub": "other"})),
        ("without a name of its own", json!({"jti": null})),
    ];
    for (what, more) in wrong {
        assert_eq!(error_of(&ask(&door, &assertion(&key, "robot", &door, &more), &[]).await), refused, "{what}");
    }
    let other = assertion(&Key::p256(), "robot", &door, &json!({}));
    assert_eq!(error_of(&ask(&door, &other, &[]).await), refused);
    assert_eq!(error_of(&ask(&door, &assertion(&key, "stranger", &door, &json!({})), &[]).await), refused);
    let fresh = assertion(&key, "robot", &door, &json!({}));
    assert_eq!(error_of(&ask(&door, &fresh, &[("client_id", "other")]).await).1, "invalid_request");
    assert_eq!(error_of(&ask(&door, &fresh, &[("client_secret", "s")]).await).1, "invalid_request");
    // Its name alone is not enough for who has a key.
    let fields = [("grant_type", "client_credentials"), ("client_id", "robot")];
    assert_eq!(error_of(&form(&door, "/token", &fields).send().await), refused);
}

#[tokio::test]
async fn a_stranger_with_a_key_is_still_a_stranger() {
    let (door, _) = robot().await;
    let key = Key::p256();
    let registration = json!({"redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [key.jwk(&json!({"alg": "ES256"}))]}});
    let registered = door.get("/register").method(http::Method::POST).header("content-type", "application/json");
    let registered = json_of(&registered.body(registration.to_string()).send().await);
    let id = registered["client_id"].as_str().unwrap();
    assert_eq!(error_of(&ask(&door, &assertion(&key, id, &door, &json!({})), &[]).await), (400, "unauthorized_client".to_owned()));
    let about = |path: &'static str| {
        let own = assertion(&key, id, &door, &json!({}));
        let fields = [("token", "x"), ("client_assertion_type", JWT_BEARER), ("client_assertion", &*own)];
        form(&door, path, &fields).send()
    };
    assert_eq!(about("/revoke").await.status, 200, "it is who it says it is");
    assert_eq!(error_of(&about("/introspect").await), (400, "unauthorized_client".to_owned()), "and may not try tokens out");
}
