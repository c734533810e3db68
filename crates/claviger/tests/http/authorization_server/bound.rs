//! Tokens that are bound to a key (DPoP).

use serde_json::{Value, json};

use super::{Browser, VERIFIER, claims, error_of, form, json_of, metadata, open, plan, proof};
use crate::support::{Answer, Door, Key};

const CLIENTS: &str = "[issuer.clients.app]\nredirect_uris = [\"http://127.0.0.1/cb\"]\n\
    [issuer.clients.strict]\nredirect_uris = [\"http://127.0.0.1/cb\"]\nbound_tokens = true\n\
    [issuer.clients.asker]\nsecret = \"${ASKER}\"\n";
const CALLBACK: &str = "http://127.0.0.1:7777/cb";

async fn door() -> Door {
    open(plan(CLIENTS).await.variable("ASKER", "a secret of twenty-four letters")).await
}

async fn redeem(door: &Door, client: &str, code: &str, proofs: &[&str]) -> Answer {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", CALLBACK),
    ];
    with_proofs(form(door, "/token", &fields), proofs).await
}

async fn refresh(door: &Door, token: &Value, proofs: &[&str]) -> Answer {
    let fields = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", token.as_str().unwrap())];
    with_proofs(form(door, "/token", &fields), proofs).await
}

async fn with_proofs(mut request: crate::support::Request, proofs: &[&str]) -> Answer {
    for proof in proofs {
        request = request.also("dpop", proof);
    }
    request.send().await
}

#[tokio::test]
async fn what_a_public_client_gets_is_bound_to_the_key_that_it_shows() {
    let door = door().await;
    assert!(metadata(&door).await["dpop_signing_alg_values_supported"].as_array().unwrap().contains(&json!("ES256")));
    let key = Key::p256();
    let thumbprint = token::Thumbprint::of_jwk(&key.jwk(&json!({})).to_string()).unwrap().to_string();
    let code = Browser::new(&door).allow("app", CALLBACK, &[("dpop_jkt", &thumbprint)]).await;
    let answer = json_of(&redeem(&door, "app", &code, &[&proof(&key, &door, &json!({}))]).await);
    assert_eq!(answer["token_type"], "DPoP", "{answer}");
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(claims(token)["cnf"]["jkt"], thumbprint);
    assert_eq!(door.holder(token).tool("echo", json!({"text": "x"})).send().await.status, 401, "it is no bearer token");
    let fields = [("token", token), ("client_id", "asker"), ("client_secret", "a secret of twenty-four letters")];
    let about = json_of(&form(&door, "/introspect", &fields).send().await);
    assert_eq!((&about["active"], &about["token_type"], &about["cnf"]["jkt"]), (&json!(true), &json!("DPoP"), &json!(thumbprint)));
    // The refresh token is of no use without the key.
    let refused = (400, "invalid_grant".to_owned());
    assert_eq!(error_of(&refresh(&door, &answer["refresh_token"], &[]).await), refused);
    let stolen = proof(&Key::p256(), &door, &json!({}));
    assert_eq!(error_of(&refresh(&door, &answer["refresh_token"], &[&stolen]).await), refused);
    let next = json_of(&refresh(&door, &answer["refresh_token"], &[&proof(&key, &door, &json!({}))]).await);
    assert_eq!(next["token_type"], "DPoP", "{next}");
}

#[tokio::test]
async fn a_code_for_one_key_is_of_no_use_to_another() {
    let door = door().await;
    let (key, other) = (Key::p256(), Key::p256());
    let thumbprint = token::Thumbprint::of_jwk(&key.jwk(&json!({})).to_string()).unwrap().to_string();
    let mut browser = Browser::new(&door);
    for proofs in [vec![], vec![proof(&other, &door, &json!({}))]] {
        let code = browser.allow("app", CALLBACK, &[("dpop_jkt", &thumbprint)]).await;
        let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
        assert_eq!(error_of(&redeem(&door, "app", &code, &proofs).await), (400, "invalid_grant".to_owned()));
    }
}

#[tokio::test]
async fn a_proof_is_for_this_request_and_good_once() {
    let door = door().await;
    let key = Key::p256();
    let mut browser = Browser::new(&door);
    let once = proof(&key, &door, &json!({}));
    let code = browser.allow("app", CALLBACK, &[]).await;
    assert_eq!(redeem(&door, "app", &code, &[&once]).await.status, 200);
    let wrong = [
        ("again", once.clone()),
        ("another method", proof(&key, &door, &json!({"htm": "GET"}))),
        ("another address", proof(&key, &door, &json!({"htu": "https://elsewhere.example/token"}))),
        ("another endpoint", proof(&key, &door, &json!({"htu": format!("{}/revoke", door.public_url)}))),
        ("too old", proof(&key, &door, &json!({"iat": crate::support::now() - 600}))),
        ("without a name", proof(&key, &door, &json!({"jti": null}))),
        ("no proof at all", "nonsense".to_owned()),
    ];
    let refused = (400, "invalid_dpop_proof".to_owned());
    for (what, proof) in wrong {
        let code = browser.allow("app", CALLBACK, &[]).await;
        assert_eq!(error_of(&redeem(&door, "app", &code, &[&proof]).await), refused, "{what}");
        // Whoever made a mistake with the proof still has the code.
        assert_eq!(redeem(&door, "app", &code, &[]).await.status, 200, "{what}");
    }
    let code = browser.allow("app", CALLBACK, &[]).await;
    let two = [proof(&key, &door, &json!({})), proof(&key, &door, &json!({}))];
    assert_eq!(error_of(&redeem(&door, "app", &code, &[&two[0], &two[1]]).await), refused);
    // The address is the one that the operator has written, whatever the request says.
    let elsewhere = proof(&key, &door, &json!({"htu": format!("http://localhost:{}/token", door.address.port())}));
    assert_eq!(error_of(&redeem(&door, "app", &code, &[&elsewhere]).await), refused);
}

#[tokio::test]
async fn a_client_that_wants_bound_tokens_gets_no_others() {
    let door = door().await;
    let code = Browser::new(&door).allow("strict", CALLBACK, &[]).await;
    assert_eq!(error_of(&redeem(&door, "strict", &code, &[]).await), (400, "invalid_dpop_proof".to_owned()));
    assert_eq!(json_of(&redeem(&door, "strict", &code, &[&proof(&Key::p256(), &door, &json!({}))]).await)["token_type"], "DPoP");
}
