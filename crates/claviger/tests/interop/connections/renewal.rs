//! How long does a connection last? As long as its refresh token, which is used once and by nobody else at that time.

use serde_json::json;

use super::{Scene, account_of, link_in};
use crate::support::eventually;

#[test]
fn calls_go_on_while_the_tokens_change_hands() {
    let mut scene = Scene::open();
    scene.accounts.hurry();
    scene.connect("robot");
    let before = scene.accounts.grants();
    let outcome = scene.client("robot", "steady", &json!({"tool": "whoami", "clients": 3, "calls": 10, "pause": 500}));
    let texts = outcome["texts"].as_array().expect("texts");
    assert_eq!(texts.len(), 30, "{outcome}");
    for text in texts {
        assert!(text.as_str().expect("a text").contains(&account_of("robot")), "{text}");
    }
    assert!(scene.accounts.grants() >= before + 2, "tokens of two seconds are renewed within five");
    assert_eq!(scene.accounts.held(), 1, "each renewal took the token of the one before");
    scene.close();
}

#[test]
fn a_grant_that_has_ended_there_is_asked_for_once_more() {
    let mut scene = Scene::open();
    scene.accounts.hurry();
    scene.connect("robot");
    assert_eq!(scene.call("robot"), Ok(scene.account("robot")));
    scene.accounts.end_grants();
    assert!(eventually(|| scene.call("robot").is_err()), "the token of two seconds ends");
    let asked = scene.accounts.grants();
    for _ in 0..3 {
        link_in(&scene.call("robot").expect_err("they are asked to connect"));
    }
    assert_eq!(scene.accounts.grants(), asked, "what has ended is not shown to the provider again");
    scene.nobody_is_connected();
    scene.connect("robot");
    assert_eq!(scene.call("robot"), Ok(scene.account("robot")));
    scene.close();
}

#[test]
fn a_provider_that_is_away_for_a_moment_ends_no_grant() {
    let mut scene = Scene::open();
    scene.accounts.hurry();
    scene.connect("robot");
    assert_eq!(scene.call("robot"), Ok(scene.account("robot")));
    scene.accounts.close();
    assert!(eventually(|| scene.call("robot").is_err()), "the token of two seconds ends");
    for _ in 0..3 {
        let told = scene.call("robot").expect_err("nobody renews it");
        assert!(!told.contains("/connections/"), "nobody is asked for what they have granted: {told}");
    }
    assert_eq!(scene.connections().len(), 1);
    scene.accounts.open();
    assert!(eventually(|| scene.call("robot") == Ok(scene.account("robot"))), "when it is back, so is the connection");
    assert_eq!(scene.accounts.held(), 1);
    assert_eq!(scene.door.events("connection.made", 1).len(), 1);
    scene.close();
}
