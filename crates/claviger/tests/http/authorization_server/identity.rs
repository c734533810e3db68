//! Identity providers that vouch for their people (ID-JAG, MCP's enterprise-managed authorization).

use serde_json::{Value, json};

use super::{claims, error_of, form, json_of, metadata, open, plan, unique};
use crate::support::{Answer, Door, Issuer, Key, now};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const SECRET: &str = "a secret of twenty-four letters";

/// A door that trusts a provider for `agent`; people of `staff` may have `files:read`.
async fn trusting() -> (Door, Issuer) {
    let provider = Issuer::start();
    let section = format!(
        "grants = {{ staff = \"files:read\" }}\n[issuer.trusts.acme]\nissuer = {:?}\ngroups = \"groups\"\n\
         [issuer.clients.agent]\nsecret = \"${{AGENT}}\"\n[issuer.clients.public]\nredirect_uris = [\"http://127.0.0.1/cb\"]\n",
        provider.url()
    );
    let door = open(plan(&section).await.variable("AGENT", SECRET)).await;
    (door, provider)
}

fn word(door: &Door, provider: &Issuer, key: &Key, header: &Value, more: &Value) -> String {
    let mut said = json!({"iss": provider.url(), "sub": "ada", "aud": door.public_url, "client_id": "agent", "jti": unique(), "iat": now(),
        "exp": now() + 300, "resource": door.resource(), "scope": "files:read files:write", "groups": ["staff"], "auth_time": now() - 60});
    crate::support::merge(&mut said, more);
    let mut full = json!({"alg": "ES256", "typ": "oauth-id-jag+jwt", "kid": "first"});
    crate::support::merge(&mut full, header);
    key.sign(&full, &said)
}

async fn bring(door: &Door, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let mut fields = vec![("grant_type", GRANT), ("assertion", assertion), ("client_id", "agent"), ("client_secret", SECRET)];
    fields.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    fields.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    form(door, "/token", &fields).send().await
}

#[tokio::test]
async fn a_providers_word_becomes_a_token_for_its_person() {
    let (door, provider) = trusting().await;
    let about = metadata(&door).await;
    assert_eq!(about["authorization_grant_profiles_supported"], json!(["urn:ietf:params:oauth:grant-profile:id-jag"]));
    assert!(about["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT)));
    let answer = json_of(&bring(&door, &word(&door, &provider, provider.key(), &json!({}), &json!({})), &[]).await);
    let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!((&answer["scope"], answer.get("refresh_token")), (&json!("files:read"), None));
    let said = claims(token);
    assert_eq!((&said["sub"], &said["client_id"], &said["aud"]), (&json!("acme|ada"), &json!("agent"), &json!(door.resource())));
    assert_eq!(door.holder(token).tool("echo", json!({"text": "hello"})).send().await.status, 200);
    door.recorded("who vouched", |line| {
        line["event"] == "token.granted" && line["subject"] == "acme|ada" && line["by"] == "identity assertion"
    })
    .await;
    // Whoever is in no group of ours gets a token that opens nothing that asks for a scope.
    let poor = json_of(&bring(&door, &word(&door, &provider, provider.key(), &json!({}), &json!({"groups": null})), &[]).await);
    assert_eq!(door.holder(poor["access_token"].as_str().unwrap()).tool("echo", json!({"text": "x"})).send().await.status, 403);
}

#[tokio::test]
async fn a_provider_that_names_no_scope_has_not_agreed_to_all_of_them() {
    let provider = Issuer::start();
    let open_to = async |grants: &str| {
        let section = format!(
            "{grants}[issuer.trusts.acme]\nissuer = {:?}\n[issuer.clients.agent]\nsecret = \"${{AGENT}}\"\n\
             [servers.other]\nurl = \"http://127.0.0.1:9/mcp\"\nscopes = {{ \"delete\" = \"files:admin\", \"*\" = \"files:read\" }}\n",
            provider.url()
        );
        let door = open(plan(&section).await.variable("AGENT", SECRET)).await;
        let unsaid = word(&door, &provider, provider.key(), &json!({}), &json!({"scope": null, "resource": door.resource_of("other")}));
        json_of(&bring(&door, &unsaid, &[("scope", "files:read files:admin")]).await)["scope"].clone()
    };
    assert_eq!(open_to("").await, "files:read");
    assert_eq!(open_to("grants = { \"*\" = \"files:*\" }\n").await, "files:admin files:read", "where the operator has said so");
}

#[tokio::test]
async fn what_came_of_a_providers_word_can_be_taken_back() {
    let (door, provider) = trusting().await;
    let answer = json_of(&bring(&door, &word(&door, &provider, provider.key(), &json!({}), &json!({})), &[]).await);
    let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(door.holder(token).hello().await.status, 200);
    let listed: Value = serde_json::from_str(&door.claviger(&["grants", "list", "--json", "--state", "state"]).await.stdout).unwrap();
    assert_eq!((&listed[0]["subject"], &listed[0]["client"]), (&json!("acme|ada"), &json!("agent")), "{listed}");
    let ended = door.claviger(&["grants", "revoke", "--subject", "acme|ada", "--state", "state"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let answer = door.holder(token).hello().await;
    assert_eq!((answer.status, answer.challenge().param("error")), (401, Some("invalid_token")));
}

#[tokio::test]
async fn an_assertion_is_good_once() {
    let (door, provider) = trusting().await;
    let word = word(&door, &provider, provider.key(), &json!({}), &json!({}));
    let refused = (400, "invalid_target".to_owned());
    assert_eq!(error_of(&bring(&door, &word, &[("resource", "https://elsewhere.example")]).await), refused, "a mistake does not spend it");
    assert_eq!(bring(&door, &word, &[]).await.status, 200);
    assert_eq!(error_of(&bring(&door, &word, &[]).await), (400, "invalid_grant".to_owned()));
    let again = bring(&door, &word, &[("scope", "files:read")]).await;
    assert_eq!(error_of(&again), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_word_that_is_not_for_us_here_and_now_is_none() {
    let (door, provider) = trusting().await;
    let none = json!({});
    for (what, header, more) in [
        ("an id token", json!({"typ": "JWT"}), none.clone()),
        ("for another server", none.clone(), json!({"aud": "https://elsewhere.example"})),
        ("for two servers", none.clone(), json!({"aud": [door.public_url, "https://elsewhere.example"]})),
        ("for another client", none.clone(), json!({"client_id": "public"})),
        ("for no client", none.clone(), json!({"client_id": null})),
        ("too old", none.clone(), json!({"exp": now() - 600, "iat": now() - 900})),
        ("for too long", none.clone(), json!({"exp": now() + 100_000})),
        ("without a name of its own", none.clone(), json!({"jti": null})),
        ("of a stranger", none.clone(), json!({"iss": "https://elsewhere.example"})),
    ] {
        let word = word(&door, &provider, provider.key(), &header, &more);
        assert_eq!(error_of(&bring(&door, &word, &[]).await), (400, "invalid_grant".to_owned()), "{what}");
    }
    let forged = word(&door, &provider, &Key::p256(), &none, &none);
    assert_eq!(error_of(&bring(&door, &forged, &[]).await), (400, "invalid_grant".to_owned()));
    let elsewhere = word(&door, &provider, provider.key(), &none, &json!({"resource": "https://elsewhere.example/mcp"}));
    assert_eq!(error_of(&bring(&door, &elsewhere, &[]).await), (400, "invalid_target".to_owned()));
    // A client that proves nothing brings nothing, unless the operator says so.
    let public = word(&door, &provider, provider.key(), &none, &json!({"client_id": "public"}));
    let answer = bring(&door, &public, &[("client_id", "public"), ("client_secret", "")]).await;
    assert_eq!(error_of(&answer), (400, "unauthorized_client".to_owned()));
}

#[tokio::test]
async fn a_provider_may_change_its_keys_and_one_that_is_away_is_said_to_be_away() {
    let (door, mut provider) = trusting().await;
    let none = json!({});
    assert_eq!(bring(&door, &word(&door, &provider, provider.key(), &none, &none), &[]).await.status, 200);
    let fetched = provider.key_fetches();
    assert_eq!(bring(&door, &word(&door, &provider, provider.key(), &none, &none), &[]).await.status, 200);
    assert_eq!(provider.key_fetches(), fetched, "keys are kept");
    provider.go_away();
    assert_eq!(bring(&door, &word(&door, &provider, provider.key(), &none, &none), &[]).await.status, 200, "and believed while it is away");
    let (door, mut provider) = trusting().await;
    provider.go_away();
    let answer = bring(&door, &word(&door, &provider, provider.key(), &none, &none), &[]).await;
    assert_eq!(error_of(&answer), (503, "temporarily_unavailable".to_owned()));
}

#[tokio::test]
async fn without_a_provider_there_is_no_such_grant() {
    let door = open(plan("").await).await;
    let about = metadata(&door).await;
    assert_eq!(about.get("authorization_grant_profiles_supported"), None);
    assert!(!about["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT)));
}
