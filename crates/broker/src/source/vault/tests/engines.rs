//! What a path means: engines with and without versions, and how it is found out which one a mount has.

use super::*;

#[tokio::test]
async fn secrets_with_versions_are_read_as_they_stand() {
    let scene = Scene::new().await;
    let vault = scene.as_root();
    for value in ["one", "two", "three"] {
        scene.set_up("secret/data/github", &format!(r#"{{"data":{{"token":"{value}"}}}}"#)).await;
        scene.set_up("team/kv/data/github", &format!(r#"{{"data":{{"token":"team-{value}"}}}}"#)).await;
    }
    let version = |value: &str, number: &str| Ok((format!(r#"{{"token":"{value}"}}"#), Some(number.to_owned()), None));
    assert_eq!(seen(&vault, "vault://secret/github#token").await, version("three", "3"));
    assert_eq!(seen(&vault, "vault://secret/github?version=1#token").await, version("one", "1"));
    assert_eq!(seen(&vault, "vault://team/kv/github#token").await, version("team-three", "3"));
    assert_eq!(seen(&vault, "vault://secret/github?version=4#token").await, Err(Cause::NotFound));
    assert_eq!(seen(&vault, "vault://secret/gitlab#token").await, Err(Cause::NotFound));
    scene.set_up("secret/delete/github", r#"{"versions":[3]}"#).await;
    scene.set_up("secret/destroy/github", r#"{"versions":[2]}"#).await;
    assert_eq!(seen(&vault, "vault://secret/github#token").await, Err(Cause::NotFound));
    assert_eq!(seen(&vault, "vault://secret/github?version=2#token").await, Err(Cause::NotFound));
    assert_eq!(seen(&vault, "vault://secret/github?version=1#token").await, version("one", "1"));
}

#[tokio::test]
async fn secrets_without_versions_are_read_as_they_stand() {
    let scene = Scene::new().await;
    let vault = scene.as_root();
    scene.set_up("kv/github", r#"{"token":"one"}"#).await;
    scene.set_up("kv/short", r#"{"token":"one","ttl":"30s"}"#).await;
    assert_eq!(seen(&vault, "vault://kv/github#token").await, Ok((r#"{"token":"one"}"#.to_owned(), None, Some(2_764_800))));
    assert_eq!(seen(&vault, "vault://kv/short#token").await.unwrap().2, Some(30));
    assert_eq!(seen(&vault, "vault://kv/gitlab#token").await, Err(Cause::NotFound));
    let with_version = seen(&vault, "vault://kv/github?version=1#token").await;
    assert_eq!(with_version, Err(Cause::BadAnswer { detail: "this mount keeps no versions".into() }));
}

#[tokio::test]
async fn a_mount_is_looked_at_once() {
    let scene = Scene::new().await;
    let vault = scene.as_root();
    scene.set_up("secret/data/a", r#"{"data":{"token":"1"}}"#).await;
    scene.set_up("secret/data/b", r#"{"data":{"token":"2"}}"#).await;
    scene.fake.asked();
    for name in ["a", "b", "a"] {
        seen(&vault, &format!("vault://secret/{name}#token")).await.unwrap();
    }
    let asked = scene.fake.asked();
    assert_eq!(
        asked,
        [
            "GET auth/token/lookup-self",
            "GET sys/internal/ui/mounts/secret/a",
            "GET secret/data/a",
            "GET secret/data/b",
            "GET secret/data/a"
        ]
    );
}

#[tokio::test]
async fn where_vault_does_not_say_what_a_mount_is_it_is_tried() {
    let scene = Scene::new().await;
    scene.fake.hide_mounts();
    scene.set_up("secret/data/github", r#"{"data":{"token":"two"}}"#).await;
    scene.set_up("kv/github", r#"{"token":"one"}"#).await;
    scene.database("1h", "24h").await;
    let vault = scene.with_login(scene.app_role("1h", "24h").await);
    assert_eq!(seen(&vault, "vault://secret/github#token").await.unwrap().1.as_deref(), Some("1"));
    assert_eq!(seen(&vault, "vault://kv/github#token").await.unwrap().0, r#"{"token":"one"}"#);
    assert_eq!(seen(&vault, CREDENTIAL).await.unwrap().2, Some(3600));
    assert_eq!(seen(&vault, "vault://secret/gitlab#token").await, Err(Cause::NotFound));
    assert_eq!(seen(&vault, "vault://secret/github?version=1#token").await.unwrap().1.as_deref(), Some("1"));
    let forbidden = seen(&vault, "vault://kv/forbidden/a#token").await.unwrap_err();
    assert!(refused(&forbidden).contains("permission denied"), "{forbidden}");
}

#[tokio::test]
async fn the_operator_may_say_what_a_mount_is() {
    let scene = Scene::new().await;
    scene.fake.hide_mounts();
    scene.set_up("team/kv/data/github", r#"{"data":{"token":"two"}}"#).await;
    let login = scene.app_role("1h", "24h").await;
    let engines = BTreeMap::from([("team/kv".into(), Engine::Kv2), ("team".into(), Engine::Kv1)]);
    let vault = scene.provider(Settings { engines, ..scene.settings(login) });
    assert_eq!(seen(&vault, "vault://team/kv/github#token").await.unwrap().1.as_deref(), Some("1"));
    assert_eq!(scene.fake.asked(), ["POST auth/approle/login", "GET team/kv/data/github"]);
}
