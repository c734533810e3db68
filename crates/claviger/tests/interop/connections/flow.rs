//! How does a person come to be connected? By the link that their client is given, whatever client that is.

use serde_json::{Value, json};

use super::{Scene, account_of, assert_connected, link_in, ticket_of};
use crate::support::{Client, Visitor};

/// What the calls of the scenario `account` brought: the names under which the server knows the caller.
fn accounts_seen(outcome: &Value) -> Vec<String> {
    let texts = outcome["results"].as_array().expect("results").iter().map(|result| result["text"].as_str().expect("a text"));
    texts
        .map(|text| serde_json::from_str::<Value>(text).unwrap_or_else(|_| panic!("{outcome}"))["sub"].as_str().expect("a name").to_owned())
        .collect()
}

/// The questions that the client was asked.
fn questions(outcome: &Value) -> &Vec<Value> {
    outcome["asked"].as_array().expect("questions")
}

#[test]
fn a_modern_client_asks_its_person_while_the_call_waits() {
    let scene = Scene::open();
    // The first question stops the client from connecting at all; the second is put to the call, and answered when the person is done; the third before.
    let settings = scene.asking("auto", &["accept", "accept", "go"], &["call", "disconnect", "call", "disconnect", "call"]);
    let outcome = scene.client("robot", "account", &settings);
    assert_eq!(outcome["version"], "2026-07-28", "{outcome}");
    assert_eq!(accounts_seen(&outcome), [account_of("robot"), account_of("robot"), account_of("robot")]);
    assert_eq!(questions(&outcome).len(), 3);
    for question in questions(&outcome) {
        assert_eq!(question["mode"], "url", "{question}");
        assert_eq!(question["message"], "Connect your account at The Docs to go on.");
        scene.door.keep_secret(ticket_of(question["url"].as_str().expect("a URL")));
    }
    assert!(questions(&outcome)[1].get("elicitationId").is_none(), "the modern revision knows none");
    scene.close();
}

#[test]
fn a_person_who_declines_is_told_the_link_in_words_and_not_asked_twice() {
    let scene = Scene::open();
    let settings = scene.asking("auto", &["accept", "decline"], &["call", "disconnect", "call"]);
    let outcome = scene.client("robot", "account", &settings);
    assert_eq!(questions(&outcome).len(), 2, "one for the connection, one for the call after it: {outcome}");
    let refused = &outcome["results"][1];
    assert_eq!(refused["failed"], true, "{outcome}");
    link_in(refused["text"].as_str().expect("a text"));
    scene.nobody_is_connected();
    scene.close();
}

#[test]
fn a_legacy_client_is_given_the_link_in_an_error_and_goes_on() {
    let scene = Scene::open();
    let settings = scene.asking("legacy", &["accept", "accept"], &["call", "disconnect", "call"]);
    let outcome = scene.client("robot", "account", &settings);
    assert_eq!(outcome["version"], "2025-11-25", "{outcome}");
    assert_eq!(accounts_seen(&outcome), [account_of("robot"), account_of("robot")]);
    assert_eq!(questions(&outcome).len(), 2, "one at `initialize`, one at the call: {outcome}");
    for question in questions(&outcome) {
        assert_eq!(question["mode"], "url");
        assert!(question["elicitationId"].as_str().is_some_and(|name| name.len() == 22), "{question}");
    }
    scene.close();
}

#[test]
fn a_legacy_client_whose_person_declines_has_the_error_and_its_link() {
    let scene = Scene::open();
    let settings = scene.asking("legacy", &["decline"], &[]);
    let outcome = Client::TypeScript.attempt(&scene.door.url, Some(&scene.token("robot")), "account", &settings);
    assert_eq!(outcome["error"]["code"], -32042, "{outcome}");
    link_in(outcome["error"]["message"].as_str().expect("a message"));
    scene.nobody_is_connected();
    scene.close();
}

#[test]
fn a_client_that_opens_no_urls_has_the_link_in_words() {
    let scene = Scene::open();
    let token = scene.token("robot");
    for era in ["legacy", "auto"] {
        let outcome = Client::TypeScript.attempt(&scene.door.url, Some(&token), "tour", &json!({"era": era, "tool": "whoami"}));
        link_in(outcome["error"]["message"].as_str().unwrap_or_else(|| panic!("{era}: {outcome}")));
    }
    scene.close();
}

#[test]
fn claviger_call_shows_the_link_and_works_once_it_was_followed() {
    let scene = Scene::open();
    let told = scene.call("robot").expect_err("they are not connected");
    assert!(told.contains("This needs your own account at The Docs. Open this link in a browser to connect it"), "{told}");
    scene.connect("robot");
    assert_eq!(scene.call("robot"), Ok(scene.account("robot")));
    let told = scene.call("robin").expect_err("what robot has granted is of no use to robin");
    link_in(&told);
    scene.connect("robin");
    assert_eq!(scene.call("robin"), Ok(scene.account("robin")));
    assert_eq!(scene.call("robot"), Ok(scene.account("robot")));
    let made: Vec<Value> = scene.door.events("connection.made", 2).iter().map(|event| event["subject"].clone()).collect();
    assert_eq!(made, [json!("robot"), json!("robin")]);
    let event = &scene.door.events("connection.made", 2)[0];
    assert_eq!((&event["server"], &event["issuer"]), (&json!("docs"), &json!(scene.people.url)));
    scene.close();
}

#[test]
fn what_is_granted_for_one_server_is_of_no_use_at_another() {
    let scene = Scene::open();
    scene.connect("robot");
    let notes = format!("{}/mcp/notes", scene.door.origin());
    let token = scene.door.keep_secret(&scene.people.token_of("robot", &notes, "docs:read"));
    let told = scene.door.call_with(&token, "notes", "whoami", &json!({})).expect_err("nobody has connected there");
    assert!(told.contains("This needs your own account at The Notes"), "{told}");
    assert_eq!(scene.call("robot"), Ok(scene.account("robot")));
    scene.close();
}

#[test]
fn whoever_says_no_at_the_provider_is_not_connected() {
    let mut scene = Scene::open();
    let without_an_account = scene.names("robot").replace(&account_of("robot"), "");
    let mut robot = Visitor::at_a_browser(&without_an_account, scene.door.secrets());
    let before = scene.accounts.grants();
    let page = robot.walks(&scene.link("robot"));
    assert_eq!(page.status, 200);
    assert!(page.text.contains("You said no, and nothing was changed"), "{}", page.text);
    assert_eq!(scene.accounts.grants(), before);
    scene.nobody_is_connected();
    scene.close();
}

#[test]
fn without_a_sign_in_on_the_own_machine_the_link_alone_says_who_it_is() {
    let scene = Scene::where_people("");
    let link = scene.link("robot");
    let mut browser = scene.browser("robot");
    let page = browser.walks(&link);
    assert_connected(&page);
    let was_there = |address: &str| page.responses.iter().any(|response| response.url.as_str().starts_with(address));
    assert!(was_there(&scene.accounts.url) && !was_there(&scene.people.url), "nobody had to sign in");
    assert_eq!(scene.call("robot"), Ok(scene.account("robot")));
    let page = scene.browser("robin").opens(&scene.page("/to/docs"));
    assert_eq!(page.status, 403);
    assert!(page.text.contains("Open the link that your client shows"), "without a link nobody is anybody: {}", page.text);
    scene.close();
}
