//! HS256 tokens of a shared secret (A4): one secret for one server, an expiry always, a lifetime with a cap, an overlap while one is exchanged.

use serde_json::{Value, json};

use crate::support::{Door, Key, Plan, claviger, merge, now, run};

const OLD: &str = "the old secret, which has more than thirty-two bytes";
const NEW: &str = "the new secret, which has more than thirty-two bytes";

async fn door() -> Door {
    let accept = "[[accept]]\nshared_secret = [\"env://NEW_SECRET\", \"env://OLD_SECRET\"]\nmax_lifetime = \"1h\"\n";
    Plan::both().await.accept(accept).variable("NEW_SECRET", NEW).variable("OLD_SECRET", OLD).open().await
}

fn token(secret: &str, header: &Value, claims: &Value) -> String {
    let mut all = json!({"aud": "fixture", "sub": "admin", "iat": now(), "exp": now() + 900});
    merge(&mut all, claims);
    let mut all_header = json!({"alg": "HS256", "typ": "JWT"});
    merge(&mut all_header, header);
    Key::Hmac(secret.as_bytes().to_vec()).sign(&all_header, &all)
}

#[tokio::test]
async fn tokens_of_both_secrets_are_good_while_one_is_exchanged() {
    let door = door().await;
    for secret in [NEW, OLD] {
        let answer = door.holder(&token(secret, &json!({}), &json!({}))).hello().await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let answer = door.holder(&token("another secret, which has more than thirty-two bytes", &json!({}), &json!({}))).hello().await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn what_mcp_token_mints_is_accepted() {
    let door = door().await;
    let resource = door.resource();
    for claims in [json!({}), json!({"aud": ["fixture"]}), json!({"aud": resource}), json!({"jti": "1"}), json!({"iat": null})] {
        let answer = door.holder(&token(NEW, &json!({}), &claims)).hello().await;
        assert_eq!(answer.status, 200, "{claims}: {answer:?}");
    }
    assert_eq!(door.holder(&token(NEW, &json!({"typ": null}), &json!({}))).hello().await.status, 200);
}

#[tokio::test]
async fn an_expiry_is_required_and_a_long_life_refused() {
    let door = door().await;
    let wrong = [
        ("no expiry", json!({"exp": null})),
        ("no expiry and no issue", json!({"exp": null, "iat": null})),
        ("expired", json!({"exp": now() - 300})),
        ("over the cap", json!({"exp": now() + 3700 + 60})),
        ("over the cap without iat", json!({"exp": now() + 3700 + 60, "iat": null})),
        ("another audience", json!({"aud": "payments"})),
        ("no subject", json!({"sub": null})),
        ("an issuer's name, which no shared secret can vouch for", json!({"iss": door.issuer.url()})),
    ];
    for (what, claims) in wrong {
        let answer = door.holder(&token(NEW, &json!({}), &claims)).hello().await;
        assert_eq!((answer.status, answer.challenge().param("error")), (401, Some("invalid_token")), "{what}");
    }
    for alg in ["HS384", "HS512", "none", "ES256"] {
        assert_eq!(door.holder(&token(NEW, &json!({"alg": alg}), &json!({}))).hello().await.status, 401, "{alg}");
    }
}

#[tokio::test]
async fn token_mint_and_serve_agree_without_talking() {
    let door = Plan::both().await.accept("").scopes(r#""test_echo" = "echo", "*" = true"#).open().await;
    assert!(door.said().contains("token mint --aud fixture"), "{}", door.said());
    let minted = door
        .claviger(&["token", "mint", "--aud", "fixture", "--ttl", "900", "--sub", "admin", "--scope", "echo", "--state", "state"])
        .await;
    assert_eq!(minted.code, Some(0), "{minted:?}");
    let answer = door.holder(minted.stdout.trim()).call("test_echo", json!({"a": 1})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let line = door.recorded("the call", |line| line["tool"] == "test_echo").await;
    assert_eq!(line["subject"], "admin");
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = claviger(elsewhere.path());
    command.args(["token", "mint", "--aud", "fixture", "--ttl", "900", "--state", "other"]);
    let foreign = run(command).await;
    assert_eq!(door.holder(foreign.stdout.trim()).hello().await.status, 401, "another instance's key");
    let other_server = door.claviger(&["token", "mint", "--aud", "other", "--ttl", "900", "--state", "state"]).await;
    assert_eq!(door.holder(other_server.stdout.trim()).hello().await.status, 401, "another server's secret");
}

#[tokio::test]
async fn the_key_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let door = Plan::both().await.accept("").open().await;
    let mode = door.state().join("instance.key").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn an_issuer_and_a_secret_stand_side_by_side() {
    let accept = "[[accept]]\nissuer = \"ISSUER\"\n[[accept]]\nshared_secret = \"env://NEW_SECRET\"\n";
    let door = Plan::both().await.accept(accept).variable("NEW_SECRET", NEW).open().await;
    assert_eq!(door.caller("alice").hello().await.status, 200);
    assert_eq!(door.holder(&token(NEW, &json!({}), &json!({}))).hello().await.status, 200);
    let crossed = door.holder(&token(NEW, &json!({}), &json!({"iss": door.issuer.url(), "aud": door.resource()}))).hello().await;
    assert_eq!(crossed.status, 401, "HS256 never passes for the issuer");
}
