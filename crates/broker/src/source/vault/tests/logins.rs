//! Who we are to Vault: every way to log in, and what happens when a token ends.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

#[tokio::test]
async fn a_token_is_renewed_and_at_its_last_end_we_log_in_again() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    let vault = scene.with_login(scene.app_role("1h", "2h").await);
    let mut questions = Vec::new();
    for _ in 0..6 {
        seen(&vault, "vault://kv/a#token").await.unwrap();
        let asked = scene.fake.asked();
        questions.push(asked.iter().filter(|question| question.contains("auth/")).cloned().collect::<Vec<_>>().join(","));
        scene.pass(1860);
    }
    let (login, renewal) = ("POST auth/approle/login", "POST auth/token/renew-self");
    let both = format!("{renewal},{login}");
    assert_eq!(questions, [login, renewal, renewal, &both, renewal, renewal]);
}

#[tokio::test]
async fn a_token_that_vault_no_longer_knows_is_replaced_once() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    let vault = scene.with_login(scene.app_role("1h", "24h").await);
    seen(&vault, "vault://kv/a#token").await.unwrap();
    scene.fake.forget_tokens();
    scene.fake.asked();
    assert_eq!(seen(&vault, "vault://kv/a#token").await.unwrap().0, r#"{"token":"1"}"#);
    assert_eq!(scene.fake.asked(), ["GET kv/a", "GET auth/token/lookup-self", "POST auth/approle/login", "GET kv/a"]);
    // A good token that may not: no other login helps.
    let cause = seen(&vault, "vault://kv/forbidden/a#token").await.unwrap_err();
    assert_eq!(refused(&cause), "403 Forbidden: 1 error occurred: * permission denied");
    assert_eq!(scene.fake.asked(), ["GET kv/forbidden/a", "GET auth/token/lookup-self"]);
}

#[tokio::test]
async fn a_token_of_the_operator_is_read_again_when_it_is_no_good() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    let vault = scene.with_login(Method::Token(scene.keep("token", "hvs.wrong\n")));
    let cause = seen(&vault, "vault://kv/a#token").await.unwrap_err();
    assert_eq!(refused(&cause), "the token is no good, and there is no other where it lies");
    assert!(!format!("{cause} {cause:?}").contains("hvs."), "{cause:?}");
    let created = scene.set_up("auth/token/create", r#"{"ttl":"1h","renewable":true}"#).await;
    scene.keep("token", created["auth"]["client_token"].as_str().unwrap());
    scene.fake.asked();
    seen(&vault, "vault://kv/a#token").await.unwrap();
    scene.pass(2000);
    seen(&vault, "vault://kv/a#token").await.unwrap();
    assert_eq!(scene.times("POST auth/token/renew-self"), 1);
    // It is not ours to end.
    vault.close().await;
    assert_eq!(scene.fake.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn the_token_of_the_door_is_no_secret_to_be_had() {
    let scene = Scene::new().await;
    scene.set_up("kv/mirror", &format!(r#"{{"id":"{ROOT}"}}"#)).await;
    scene.set_up("secret/data/mirror", &format!(r#"{{"data":{{"id":"{ROOT}"}}}}"#)).await;
    for reference in ["vault://kv/mirror#id", "vault://secret/mirror#id"] {
        let cause = seen(&scene.as_root(), reference).await.unwrap_err();
        assert_eq!(refused(&cause), "what lies there is the token that the door asks with");
    }
}

#[tokio::test]
async fn what_we_log_in_with_may_be_missing_itself() {
    let scene = Scene::new().await;
    let vault = scene.with_login(Method::Token(Template::parse("file://./nowhere").unwrap()));
    let Err(Cause::LoginMissing(missing)) = seen(&vault, "vault://kv/a#token").await else { panic!("it was had") };
    assert_eq!(&*missing.credential, "file://./nowhere");
    assert_eq!(scene.fake.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_wrapped_secret_id_is_unwrapped_once_and_kept() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    let (role_id, _) = scene.app_role_halves("1h", "24h").await;
    let login =
        |place| Method::AppRole { mount: "approle".to_owned(), role_id: role_id.clone(), secret_id: Some(SecretId::Wrapped(place)) };
    let vault = scene.with_login(login(scene.keep("wrapped", &wrapped(&scene.address, "auth/approle/role/door/secret-id").await)));
    scene.fake.asked();
    seen(&vault, "vault://kv/a#token").await.unwrap();
    scene.fake.forget_tokens();
    seen(&vault, "vault://kv/a#token").await.unwrap();
    let asked = scene.fake.asked();
    assert_eq!(asked.iter().filter(|question| *question == "POST sys/wrapping/unwrap").count(), 1);
    assert_eq!(asked.iter().filter(|question| *question == "POST auth/approle/login").count(), 2);
    // Used up: somebody else could have been there first.
    let late = scene.with_login(login(Template::parse("file://./wrapped").unwrap()));
    let cause = seen(&late, "vault://kv/a#token").await.unwrap_err();
    assert!(refused(&cause).contains("wrapping token is not valid"), "{cause}");
    // Something else is in it.
    let forged = scene.with_login(login(scene.keep("forged", &wrapped(&scene.address, "auth/token/create").await)));
    let cause = seen(&forged, "vault://kv/a#token").await.unwrap_err();
    assert!(refused(&cause).contains("not made for a secret id"), "{cause}");
    assert_eq!(scene.times("POST sys/wrapping/unwrap"), 0);
}

/// What a path answers, put into a wrapping token.
async fn wrapped(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let head = "Host: vault\r\nX-Vault-Request: true\r\nX-Vault-Wrap-TTL: 60s\r\nContent-Length: 2\r\nConnection: close\r\n";
    let request = format!("POST /v1/{path} HTTP/1.1\r\n{head}X-Vault-Token: {ROOT}\r\n\r\n{{}}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let answer: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    answer["wrap_info"]["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_service_account_or_a_jwt_logs_in() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    for mount in ["kubernetes", "jwt"] {
        scene.set_up(&format!("auth/{mount}/role/door"), r#"{"token_ttl":"1h"}"#).await;
        let login = |jwt| Method::Jwt { mount: mount.to_owned(), role: Some("door".to_owned()), jwt };
        let vault = scene.with_login(login(scene.keep("jwt", &format!("{JWT}\n"))));
        seen(&vault, "vault://kv/a#token").await.unwrap();
        let stranger = scene.with_login(login(scene.keep("other", "a.b.c")));
        let cause = seen(&stranger, "vault://kv/a#token").await.unwrap_err();
        assert_eq!(refused(&cause), "403 Forbidden: permission denied");
    }
    let login = Method::Jwt { mount: "elsewhere".to_owned(), role: None, jwt: scene.keep("jwt", JWT) };
    let cause = seen(&scene.with_login(login), "vault://kv/a#token").await.unwrap_err();
    assert_eq!(refused(&cause), "there is no login at `auth/elsewhere/login`");
}

#[tokio::test]
async fn however_many_wait_there_is_one_login() {
    let scene = Scene::new().await;
    for name in 0..50 {
        scene.set_up(&format!("kv/{name}"), r#"{"token":"1"}"#).await;
    }
    let vault = scene.with_login(scene.app_role("1h", "24h").await);
    let given_up = tokio::time::timeout(Duration::ZERO, seen(&vault, "vault://kv/0#token")).await;
    assert!(given_up.is_err(), "nobody is that fast");
    let references: Vec<String> = (0..50).map(|name| format!("vault://kv/{name}#token")).collect();
    let outcomes = join_all(references.iter().map(|reference| seen(&vault, reference))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(scene.times("POST auth/approle/login"), 1);
}
