//! A Vault that is not there, not itself, or not as it was told to be.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

#[tokio::test]
async fn certificates_that_cannot_be_used_are_said_to_be_so() {
    let scene = Scene::new().await;
    fs::write(scene.folder.path().join("empty.pem"), "").unwrap();
    for name in ["nowhere.pem", "empty.pem"] {
        let settings = scene.settings(Method::Token(scene.keep("root", ROOT)));
        let vault = scene.provider(Settings { authorities: Some(scene.folder.path().join(name)), ..settings });
        let Err(Cause::NotConfigured { what }) = seen(&vault, "vault://kv/a#token").await else { panic!("{name} was used") };
        assert!(what.contains("VAULT_CACERT"), "{what}");
    }
}

#[tokio::test]
async fn a_namespace_is_named_in_each_question() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    let login = scene.app_role("1h", "24h").await;
    scene.fake.move_to_namespace("team-a");
    let vault = scene.provider(Settings { namespace: Some("team-a".to_owned()), ..scene.settings(login) });
    seen(&vault, "vault://kv/a#token").await.unwrap();
    assert_eq!(seen(&scene.as_root(), "vault://kv/a#token").await, Err(Cause::NotFound));
}

#[tokio::test]
async fn a_sealed_vault_is_away_for_a_while() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    let vault = scene.as_root();
    seen(&vault, "vault://kv/a#token").await.unwrap();
    scene.set_up("sys/seal", "{}").await;
    let cause = seen(&vault, "vault://kv/a#token").await.unwrap_err();
    assert_eq!(cause, Cause::Unavailable { detail: "503 Service Unavailable: Vault is sealed".into() });
    scene.set_up("sys/unseal", r#"{"key":"00"}"#).await;
    seen(&vault, "vault://kv/a#token").await.unwrap();
}

#[tokio::test]
async fn without_configuration_it_is_said_what_to_write() {
    let vault = Vault::unknown("write it");
    assert_eq!(seen(&vault, "vault://kv/a#token").await, Err(Cause::NotConfigured { what: "write it" }));
    vault.close().await;
}

#[tokio::test]
async fn a_vault_that_is_gone_sends_elsewhere_or_talks_too_much_gives_nothing() {
    let scene = Scene::new().await;
    let answers = [
        ("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n".to_owned(), "unavailable"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n".to_owned(), "too_large"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot JSON!".to_owned(), "bad_answer"),
        ("HTTP/1.1 473 Performance Standby\r\nContent-Length: 0\r\n\r\n".to_owned(), "bad_answer"),
        (String::new(), "unavailable"),
    ];
    let login = || Method::Jwt { mount: "jwt".to_owned(), role: None, jwt: scene.keep("jwt", JWT) };
    for (answer, code) in answers {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let vault = scene.provider(Settings { address, ..scene.settings(login()) });
        assert_eq!(seen(&vault, "vault://kv/a#token").await.unwrap_err().code(), code);
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (address, code) in [(format!("http://{nobody}"), "unavailable"), ("http://192.0.2.1:8200".to_owned(), "refused")] {
        let vault = scene.provider(Settings { address, ..scene.settings(login()) });
        assert_eq!(seen(&vault, "vault://kv/a#token").await.unwrap_err().code(), code);
    }
}
