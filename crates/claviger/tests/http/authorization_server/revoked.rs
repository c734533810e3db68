//! A token that was taken back is good no more, at once, wherever the door has kept what it thought of it.

use std::time::Duration;

use serde_json::Value;

use super::{Browser, VERIFIER, form, json_of, open, plan};
use crate::support::Door;

const CALLBACK: &str = "http://127.0.0.1:7777/cb";
const CLIENTS: &str = "[issuer.clients.app]\nredirect_uris = [\"http://127.0.0.1/cb\"]\n";

async fn tokens(door: &Door) -> Value {
    let code = Browser::new(door).allow("app", CALLBACK, &[("resource", &door.resource()), ("scope", "files:read")]).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", &code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", CALLBACK),
    ];
    json_of(&form(door, "/token", &fields).send().await)
}

async fn take_back(door: &Door, token: &Value) {
    let answer = form(door, "/revoke", &[("client_id", "app"), ("token", token.as_str().unwrap())]).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_refused_at_once_and_its_siblings_are_not() {
    let door = open(plan(CLIENTS).await).await;
    let (first, second) = (tokens(&door).await, tokens(&door).await);
    let (mine, other) = (door.holder(first["access_token"].as_str().unwrap()), door.holder(second["access_token"].as_str().unwrap()));
    assert_eq!((mine.hello().await.status, other.hello().await.status), (200, 200), "{first} {}", door.said());
    take_back(&door, &first["access_token"]).await;
    let answer = mine.hello().await;
    assert_eq!((answer.status, answer.challenge().param("error")), (401, Some("invalid_token")), "the kept verdict is not believed");
    assert_eq!(other.hello().await.status, 200);
    let counted = door.metrics().await.0;
    assert!(counted.contains("reason=\"revoked\""), "{counted}");
}

#[tokio::test]
async fn a_grant_takes_all_its_tokens_with_it_also_those_that_the_door_has_not_seen() {
    let door = open(plan(CLIENTS).await).await;
    let (seen, unseen) = (tokens(&door).await, tokens(&door).await);
    let seen_holder = door.holder(seen["access_token"].as_str().unwrap());
    assert_eq!(seen_holder.hello().await.status, 200);
    for tokens in [&seen, &unseen] {
        take_back(&door, &tokens["refresh_token"]).await;
    }
    assert_eq!(seen_holder.hello().await.status, 401);
    assert_eq!(door.holder(unseen["access_token"].as_str().unwrap()).hello().await.status, 401);
}

#[tokio::test]
async fn open_streams_end_with_the_token_that_opened_them() {
    let door = open(plan(CLIENTS).await).await;
    let (first, second) = (tokens(&door).await, tokens(&door).await);
    let [mine, other] = [&first, &second].map(|tokens| door.holder(tokens["access_token"].as_str().unwrap()));
    let (ending, staying) = (mine.session().await, other.session().await);
    let (stream, still) = (ending.listening().await, staying.listening().await);
    take_back(&door, &first["refresh_token"]).await;
    tokio::time::timeout(Duration::from_secs(10), stream.whole()).await.expect("the stream of a revoked token ends");
    assert!(crate::support::stays_silent(still.whole(), Duration::from_millis(500)).await, "another one's goes on");
}

#[tokio::test]
async fn what_was_taken_back_stays_so_over_a_restart() {
    let door = open(plan(CLIENTS).await).await;
    let first = tokens(&door).await;
    let token = first["access_token"].as_str().unwrap().to_owned();
    assert_eq!(door.holder(&token).hello().await.status, 200);
    take_back(&door, &first["access_token"]).await;
    let address = door.address;
    let (folder, issuer, fixture) = door.close().await;
    let mut again = plan(CLIENTS).await.issuer(issuer);
    again.server = again.server.replace(&again.fixture.as_ref().unwrap().url, &fixture.as_ref().unwrap().url);
    again.arguments = ["--listen", &address.to_string(), "--admin-listen", "127.0.0.1:0"].map(str::to_owned).into();
    let door = again.open_again(folder).await;
    assert_eq!(door.holder(&token).hello().await.status, 401);
}
