//! What Vault makes and lends: renewed, replaced when it ends or is refused, and given back.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn a_credential_is_renewed_until_its_end_is_near_and_then_replaced() {
    let scene = Scene::new().await;
    scene.database("1h", "3h").await;
    let vault = scene.as_root();
    let (first, version, lifetime) = seen(&vault, CREDENTIAL).await.unwrap();
    assert_eq!(lifetime, Some(3600));
    let version = version.unwrap();
    assert!(version.starts_with("lease-") && !version.contains("database"), "{version}");
    for _ in 0..2 {
        scene.pass(3300);
        assert_eq!(seen(&vault, CREDENTIAL).await.unwrap(), (first.clone(), Some(version.clone()), Some(3600)));
    }
    // 110 minutes are over: what can be had is ten minutes more than the hour.
    scene.pass(3300);
    let (second, other_version, lifetime) = seen(&vault, CREDENTIAL).await.unwrap();
    assert_ne!((second, other_version), (first, Some(version)));
    assert_eq!(lifetime, Some(3600));
    let asked = scene.fake.asked();
    assert_eq!(asked.iter().filter(|question| *question == "GET database/creds/readonly").count(), 2);
    assert_eq!(asked.iter().filter(|question| *question == "POST sys/leases/renew").count(), 3);
    // Calls under way have their time before the old one is given back.
    assert!(!asked.iter().any(|question| question == "POST sys/leases/revoke"), "{asked:?}");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(301)).await;
    tokio::time::resume();
    let mut asked = Vec::new();
    while asked.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
        asked = scene.fake.asked();
    }
    assert_eq!(asked, ["POST sys/leases/revoke"]);
}

#[tokio::test]
async fn a_credential_that_ended_unused_is_replaced() {
    let scene = Scene::new().await;
    scene.database("1h", "24h").await;
    let vault = scene.as_root();
    let first = seen(&vault, CREDENTIAL).await.unwrap().0;
    scene.pass(3601);
    assert_ne!(seen(&vault, CREDENTIAL).await.unwrap().0, first);
    assert_eq!(scene.times("POST sys/leases/renew"), 0);
}

#[tokio::test]
async fn a_credential_that_was_refused_where_it_was_used_is_replaced() {
    let scene = Scene::new().await;
    scene.database("1h", "24h").await;
    let vault = scene.as_root();
    let first = seen(&vault, CREDENTIAL).await.unwrap().0;
    assert_eq!(seen(&vault, CREDENTIAL).await.unwrap().0, first);
    let reference: Reference = CREDENTIAL.parse().unwrap();
    vault.refuse(reference.place());
    let second = seen(&vault, CREDENTIAL).await.unwrap().0;
    assert_ne!(second, first);
    assert_eq!(seen(&vault, CREDENTIAL).await.unwrap().0, second);
}

#[tokio::test]
async fn a_refusal_finds_its_way_from_the_server_to_vault() {
    let scene = Scene::new().await;
    scene.database("1h", "24h").await;
    let resolver = Resolver::new(Sources::default().with(Kind::Vault, scene.as_root()), scene.clock());
    let credential = resolver.credential(&Template::parse_secret(CREDENTIAL).unwrap());
    let first = credential.fill().await.unwrap();
    assert!(credential.refuse(first.stamp));
    let second = credential.fill().await.unwrap();
    assert_ne!(second.expose(), first.expose());
    assert_ne!(second.stamp, first.stamp);
}

#[tokio::test]
async fn a_credential_is_used_no_longer_than_the_token_that_it_belongs_to() {
    let scene = Scene::new().await;
    scene.database("1h", "24h").await;
    let vault = scene.with_login(scene.app_role("10m", "25m").await);
    let (first, _, lifetime) = seen(&vault, CREDENTIAL).await.unwrap();
    assert_eq!(lifetime, Some(600));
    scene.pass(540);
    assert_eq!(seen(&vault, CREDENTIAL).await.unwrap(), (first.clone(), seen(&vault, CREDENTIAL).await.unwrap().1, Some(600)));
    scene.pass(540);
    assert_eq!(seen(&vault, CREDENTIAL).await.unwrap().0, first);
    scene.pass(300);
    // The token has reached its last end; the next one has a credential of its own.
    assert_ne!(seen(&vault, CREDENTIAL).await.unwrap().0, first);
}

#[tokio::test]
async fn a_credential_that_nobody_waited_for_is_found_by_the_next() {
    let scene = Scene::new().await;
    scene.database("1h", "24h").await;
    let vault = scene.as_root();
    for _ in 0..5 {
        // Given up at some point on the way.
        let _ = tokio::time::timeout(Duration::from_micros(300), seen(&vault, CREDENTIAL)).await;
    }
    seen(&vault, CREDENTIAL).await.unwrap();
    assert_eq!(scene.times("GET database/creds/readonly"), 1);
}

#[tokio::test]
async fn at_the_end_everything_is_given_back() {
    let scene = Scene::new().await;
    scene.database("1h", "24h").await;
    let vault = scene.with_login(scene.app_role("1h", "24h").await);
    seen(&vault, CREDENTIAL).await.unwrap();
    let reference: Reference = CREDENTIAL.parse().unwrap();
    vault.refuse(reference.place());
    seen(&vault, CREDENTIAL).await.unwrap();
    scene.fake.asked();
    vault.close().await;
    assert_eq!(scene.fake.asked(), ["POST sys/leases/revoke", "POST sys/leases/revoke", "POST auth/token/revoke-self"]);
    vault.close().await;
    assert_eq!(scene.fake.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_asks_when_everything_is_given_back_is_lent_nothing() {
    let scene = Scene::new().await;
    scene.database("1h", "24h").await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    for login in [scene.app_role("1h", "24h").await, Method::Token(scene.keep("root", ROOT))] {
        let vault = scene.with_login(login);
        let (one, other, ()) = tokio::join!(seen(&vault, CREDENTIAL), seen(&vault, "vault://kv/a#token"), vault.close());
        assert_eq!(scene.fake.lent(), (0, 0), "{one:?} {other:?}");
        let late = seen(&vault, CREDENTIAL).await.unwrap_err();
        assert!(late.is_transient(), "{late}");
        assert_eq!(scene.fake.lent(), (0, 0));
    }
}
