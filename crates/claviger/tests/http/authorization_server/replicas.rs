//! Several doors with one store and one name: they sign with one key, and a family of refresh tokens has one line of descent.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use testkit::redis::RedisServer;

use super::{Browser, PASSWORD, VERIFIER, claims, error_of, form, json_of, plan};
use crate::support::{Answer, Door, Plan};

const CALLBACK: &str = "http://127.0.0.1:7777/cb";
const CLIENTS: &str = "[issuer.clients.app]\nredirect_uris = [\"http://127.0.0.1/cb\"]\n";

/// Two doors that a balancer in front of them would call by one name.
struct Replicas {
    one: Door,
    other: Door,
    _server: RedisServer,
}

async fn replicas() -> Replicas {
    let server = RedisServer::start(&[]).unwrap();
    let plan = async || named(plan(CLIENTS).await, &server.url());
    let one = plan().await.open().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("state")).unwrap();
    std::fs::copy(one.state().join("instance.key"), folder.path().join("state/instance.key")).unwrap();
    let other = plan().await.open_again(folder).await;
    let password = issuer::accounts::hash(&PASSWORD.to_owned().into()).unwrap();
    for door in [&one, &other] {
        std::fs::write(door.folder().join("accounts.toml"), format!("[accounts.ada]\npassword = {password:?}\n")).unwrap();
    }
    Replicas { one, other, _server: server }
}

fn named(plan: Plan, store: &str) -> Plan {
    plan.section("[store]\nurl = \"env://STORE_URL\"").variable("STORE_URL", store).argument("--public-url").argument("http://localhost:1")
}

async fn refresh(door: &Door, token: &str) -> Answer {
    form(door, "/token", &[("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", token)]).send().await
}

impl Replicas {
    async fn log_in(&self) -> serde_json::Value {
        let code = Browser::new(&self.one).allow("app", CALLBACK, &[]).await;
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("code", &*code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", CALLBACK),
        ];
        // At the other door than the one that gave the code.
        json_of(&form(&self.other, "/token", &fields).send().await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_that_a_thousand_refresh_at_once_at_two_doors_has_one_descendant() {
    let replicas = replicas().await;
    let tokens = replicas.log_in().await;
    let first = tokens["refresh_token"].as_str().unwrap_or_else(|| panic!("{tokens}"));
    let mut descendants = BTreeSet::new();
    let both = (0..1000).map(|number| refresh(if number % 2 == 0 { &replicas.one } else { &replicas.other }, first));
    for answer in join_all(both).await {
        assert_eq!(answer.status, 200, "{answer:?}");
        descendants.insert(json_of(&answer)["refresh_token"].as_str().unwrap().to_owned());
    }
    assert_eq!(descendants.len(), 1);
    let second = descendants.pop_first().unwrap();
    let third = json_of(&refresh(&replicas.other, &second).await)["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(error_of(&refresh(&replicas.one, first).await), (400, "invalid_grant".to_owned()));
    assert_eq!(
        error_of(&refresh(&replicas.one, &third).await),
        (400, "invalid_grant".to_owned()),
        "whoever used it again ended the family"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_door_has_signed_opens_the_other_until_it_is_revoked_at_either() {
    let replicas = replicas().await;
    let tokens = replicas.log_in().await;
    let access = tokens["access_token"].as_str().unwrap_or_else(|| panic!("{tokens}"));
    assert_eq!(claims(access)["iss"], "http://localhost:1");
    for door in [&replicas.one, &replicas.other] {
        assert_eq!(door.holder(access).session().await.hello().await.status, 200);
    }
    let revoked = form(&replicas.one, "/revoke", &[("client_id", "app"), ("token", access)]).send().await;
    assert_eq!(revoked.status, 200);
    assert_eq!(replicas.one.holder(access).hello().await.status, 401, "at once where it was revoked");
    while replicas.other.holder(access).hello().await.status != 401 {
        tokio::task::yield_now().await;
    }
}
