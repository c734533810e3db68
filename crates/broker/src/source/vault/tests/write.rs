//! What is written to a Vault in memory: members, versions, engines, and who writes at the same time.

use futures_util::future::join_all;
use zeroize::Zeroizing;

use super::*;
use crate::source::conformance::Suite;
use crate::source::{MAX_LISTED, Removal};

#[tokio::test]
async fn vault_keeps_what_every_writer_promises() {
    let scene = Scene::new().await;
    let vault = scene.as_root();
    for mount in ["secret", "kv", "team/kv"] {
        let [first, second] = ["first", "second"].map(|name| format!("vault://{mount}/{name}#token"));
        Suite { provider: &vault, first: &first, second: &second }.run(true).await;
    }
}

async fn put(vault: &Vault, reference: &str, text: &str) -> Result<(), Cause> {
    vault.writer().unwrap().put(&reference.parse().unwrap(), &Value::new(text).unwrap()).await
}

async fn delete(vault: &Vault, reference: &str) -> Result<Removal, Cause> {
    vault.writer().unwrap().delete(&reference.parse().unwrap()).await
}

#[tokio::test]
async fn a_member_is_written_and_the_others_are_kept() {
    let scene = Scene::new().await;
    let vault = scene.as_root();
    scene.set_up("secret/data/db", r#"{"data":{"user":"ann","password":"old","port":5432}}"#).await;
    scene.set_up("kv/db", r#"{"user":"ann","password":"old","port":5432}"#).await;
    for place in ["vault://secret/db", "vault://kv/db"] {
        put(&vault, &format!("{place}#password"), "new").await.unwrap();
        let seen = seen(&vault, &format!("{place}#password")).await.unwrap();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&seen.0).unwrap(),
            serde_json::json!({"user": "ann", "password": "new", "port": 5432})
        );
    }
    assert_eq!(seen(&vault, "vault://secret/db?version=1#password").await.unwrap().1.as_deref(), Some("1"));
    let recoverable = delete(&vault, "vault://secret/db#user").await.unwrap();
    assert!(matches!(recoverable, Removal::Recoverable { .. }));
    assert_eq!(delete(&vault, "vault://kv/db#user").await.unwrap(), Removal::Final);
}

#[tokio::test]
async fn whoever_writes_at_the_same_time_loses_nothing() {
    let scene = Scene::new().await;
    let vault = scene.as_root();
    let names: Vec<String> = (0..4).map(|number| format!("vault://secret/shared#member-{number}")).collect();
    let outcomes = join_all(names.iter().map(|name| put(&vault, name, "value"))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let document = seen(&vault, "vault://secret/shared#member-0").await.unwrap().0;
    let members: BTreeMap<String, String> = serde_json::from_str(&document).unwrap();
    assert_eq!(members.len(), 4, "{members:?}");
}

#[tokio::test]
async fn a_deleted_secret_is_written_anew_behind_its_last_version() {
    let scene = Scene::new().await;
    let vault = scene.as_root();
    put(&vault, "vault://secret/a#token", "one").await.unwrap();
    delete(&vault, "vault://secret/a#token").await.unwrap();
    put(&vault, "vault://secret/a#token", "two").await.unwrap();
    assert_eq!(seen(&vault, "vault://secret/a#token").await.unwrap(), (r#"{"token":"two"}"#.to_owned(), Some("2".to_owned()), None));
}

#[tokio::test]
async fn what_vault_makes_and_what_is_a_version_are_no_places_to_write_to() {
    let scene = Scene::new().await;
    scene.database("1h", "24h").await;
    let vault = scene.as_root();
    for reference in [CREDENTIAL, "vault://secret/a?version=1#token"] {
        let cause = put(&vault, reference, "x").await.unwrap_err();
        assert!(matches!(cause, Cause::Unable { what } if what.starts_with("write to")), "{cause:?}");
        assert_eq!(delete(&vault, reference).await.unwrap_err().code(), "unable");
    }
    for (reference, code) in
        [(CREDENTIAL, Some("unable")), ("vault://secret/a?version=1#token", Some("unable")), ("vault://kv/a#token", None)]
    {
        let admitted = vault.writer().unwrap().admit(&reference.parse().unwrap()).await;
        assert_eq!(admitted.err().as_ref().map(Cause::code), code, "{reference}");
    }
    assert_eq!(scene.times("GET database/creds/readonly"), 0);
    assert_eq!(vault.writer().unwrap().list("database").await.unwrap_err().code(), "unable");
}

#[tokio::test]
async fn nothing_is_written_by_a_guess() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    scene.fake.hide_mounts();
    let login = scene.app_role("1h", "24h").await;
    let vault = scene.with_login(login.clone());
    // It can be read by a try, and that is no proof.
    seen(&vault, "vault://kv/a#token").await.unwrap();
    let Err(Cause::NotConfigured { what }) = put(&vault, "vault://kv/a#token", "2").await else { panic!("it was written") };
    assert!(what.contains("engines"), "{what}");
    let engines = [("kv".into(), Engine::Kv1)].into();
    let told = scene.provider(Settings { engines, ..scene.settings(login) });
    put(&told, "vault://kv/a#token", "2").await.unwrap();
    assert_eq!(seen(&told, "vault://kv/a#token").await.unwrap().0, r#"{"token":"2"}"#);
}

#[tokio::test]
async fn who_may_not_write_is_told_so_and_no_word_of_vaults_is_shown() {
    let scene = Scene::new().await;
    let vault = scene.with_login(scene.app_role("1h", "24h").await);
    // It may not ask about the mount there, but it knows it from elsewhere.
    put(&vault, "vault://secret/a#token", "1").await.unwrap();
    let cause = put(&vault, "vault://secret/forbidden/a#token", "hunter2").await.unwrap_err();
    assert!(matches!(cause, Cause::Refused { .. }), "{cause:?}");
    let document = Zeroizing::new(br#"{"data":{"token":"hunter2"}}"#.to_vec());
    let answer = scene.root.send(&Question::write("secret/nothing", document), Some(&ROOT.into())).await.unwrap();
    assert_eq!(answer.of_success().err(), Some(Cause::NotFound));
}

#[tokio::test]
async fn secrets_are_listed_by_their_members_and_not_without_end() {
    let scene = Scene::new().await;
    let vault = scene.as_root();
    for (path, members) in
        [("a", r#"{"token":"1","n":2}"#), ("team/b", r#"{"token":"1","o":{"x":"y"}}"#), ("team/c", r#"{"odd?name":"1"}"#)]
    {
        scene.set_up(&format!("secret/data/{path}"), &format!(r#"{{"data":{members}}}"#)).await;
        scene.set_up(&format!("kv/{path}"), members).await;
    }
    for mount in ["secret", "kv"] {
        let list = async |below: &str| {
            let listed = vault.writer().unwrap().list(below).await.unwrap();
            assert!(!listed.is_cut);
            listed.references.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let [number, token, inner] = ["a#n", "a#token", "team/b#token"].map(|name| format!("vault://{mount}/{name}"));
        assert_eq!(list(mount).await, [number.clone(), token.clone(), inner.clone()]);
        assert_eq!(list(&format!("{mount}/team/")).await, [inner]);
        assert_eq!(list(&format!("{mount}/a")).await, [number, token]);
        assert_eq!(list(&format!("{mount}/none")).await, Vec::<String>::new());
    }
    assert_eq!(vault.writer().unwrap().list("").await.unwrap_err().code(), "unable");
    for number in 0..30 {
        let members: BTreeMap<String, u32> = (0..50).map(|member| (format!("m{member}"), member)).collect();
        scene.set_up(&format!("kv/many/{number}"), &serde_json::to_string(&members).unwrap()).await;
    }
    let listed = vault.writer().unwrap().list("kv/many").await.unwrap();
    assert_eq!((listed.references.len(), listed.is_cut), (MAX_LISTED, true));
}
