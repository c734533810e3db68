//! Devices without a browser (RFC 8628).

use serde_json::{Value, json};

use super::browser::asked;
use super::{Browser, error_of, form, json_of, metadata, open, plan};
use crate::support::{Answer, Door};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const CLIENTS: &str = "[issuer.clients.tv]\nname = \"A television\"\ndevices = true\nscopes = [\"files:read\"]\nsecret = \"${TV}\"\n";
const SECRET: &str = "a secret of twenty-four letters";

async fn door() -> Door {
    open(plan(CLIENTS).await.variable("TV", SECRET)).await
}

async fn begin(door: &Door) -> Value {
    let fields = [("client_id", "tv"), ("client_secret", SECRET), ("scope", "files:read offline_access")];
    let answer = form(door, "/device_authorization", &fields).send().await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{answer:?}");
    json_of(&answer)
}

async fn poll(door: &Door, code: &Value) -> Answer {
    let fields = [("grant_type", GRANT), ("client_id", "tv"), ("client_secret", SECRET), ("device_code", code.as_str().unwrap())];
    form(door, "/token", &fields).send().await
}

/// A person who types this; the page that comes of it.
async fn typed(browser: &mut Browser<'_>, code: &str) -> Answer {
    let page = browser.get("/device").await;
    browser.submit("/device", &[("asked", &asked(&page)), ("user_code", code)]).await
}

#[tokio::test]
async fn a_person_lets_a_device_in_from_another_machine() {
    let door = door().await;
    let about = metadata(&door).await;
    assert_eq!(about["device_authorization_endpoint"], format!("{}/device_authorization", door.public_url));
    assert!(about["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT)));
    let codes = begin(&door).await;
    assert_eq!((&codes["verification_uri"], &codes["interval"]), (&json!(format!("{}/device", door.public_url)), &json!(5)));
    assert_eq!(error_of(&poll(&door, &codes["device_code"]).await), (400, "authorization_pending".to_owned()));
    assert_eq!(error_of(&poll(&door, &codes["device_code"]).await), (400, "slow_down".to_owned()), "it did not wait");
    let mut browser = Browser::new(&door);
    let user_code = codes["user_code"].as_str().unwrap();
    let filled = browser.get(&format!("/device?user_code={user_code}")).await;
    assert!(
        filled.text().contains(&format!("value=\"{user_code}\"")) && filled.text().contains("Nobody has a good reason to send you one")
    );
    let page = typed(&mut browser, &user_code.to_lowercase().replace('-', " ")).await;
    let consent = browser.sign_in(&page).await;
    assert!(consent.text().contains("A television") && consent.text().contains("Nobody has a good reason"), "{}", consent.text());
    let done = browser.answer(&consent, "allow").await;
    assert_eq!((done.status, done.header("refresh")), (200, None), "nobody is sent anywhere");
    let answer = json_of(&poll(&door, &codes["device_code"]).await);
    let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert!(answer["refresh_token"].is_string());
    assert_eq!(door.holder(token).tool("echo", json!({"text": "hello"})).send().await.status, 200);
    assert_eq!(error_of(&poll(&door, &codes["device_code"]).await), (400, "invalid_grant".to_owned()), "a code is good once");
    assert_eq!(typed(&mut browser, user_code).await.status, 403, "and so is the one that people type");
}

#[tokio::test]
async fn a_person_says_no_and_the_device_hears_it() {
    let door = door().await;
    let codes = begin(&door).await;
    let mut browser = Browser::new(&door);
    let page = typed(&mut browser, codes["user_code"].as_str().unwrap()).await;
    let consent = browser.sign_in(&page).await;
    assert_eq!(browser.answer(&consent, "deny").await.status, 200);
    assert_eq!(error_of(&poll(&door, &codes["device_code"]).await), (400, "access_denied".to_owned()));
    // What is said is said.
    assert_eq!(browser.answer(&consent, "allow").await.status, 403);
    assert_eq!(error_of(&poll(&door, &codes["device_code"]).await), (400, "access_denied".to_owned()));
}

#[tokio::test]
async fn codes_are_not_guessed() {
    let door = door().await;
    let codes = begin(&door).await;
    let mut browser = Browser::new(&door);
    assert_eq!(typed(&mut browser, "that is no code").await.status, 403);
    for letter in ["B", "C", "D", "F", "G"] {
        assert_eq!(typed(&mut browser, &letter.repeat(8)).await.status, 403);
    }
    // From now on not even the right one helps, nor another browser at the same address.
    let right = codes["user_code"].as_str().unwrap();
    assert_eq!(typed(&mut browser, right).await.status, 429);
    assert_eq!(typed(&mut Browser::new(&door), right).await.status, 429);
}

#[tokio::test]
async fn a_page_of_one_browser_is_of_no_use_to_another_and_a_code_to_no_other_client() {
    let door = door().await;
    let codes = begin(&door).await;
    let (mut mine, mut theirs) = (Browser::new(&door), Browser::new(&door));
    let page = mine.get("/device").await;
    theirs.get("/device").await;
    let code = codes["user_code"].as_str().unwrap();
    assert_eq!(theirs.submit("/device", &[("asked", &asked(&page)), ("user_code", code)]).await.status, 403);
    let consent = typed(&mut mine, code).await;
    let consent = mine.sign_in(&consent).await;
    assert_eq!(theirs.answer(&consent, "allow").await.status, 403);
    let registration = json!({"client_name": "x", "grant_types": [GRANT]}).to_string();
    let other = door.get("/register").method(http::Method::POST).header("content-type", "application/json").body(registration).send().await;
    let other = json_of(&other)["client_id"].as_str().unwrap().to_owned();
    let fields = [("grant_type", GRANT), ("client_id", &other), ("device_code", codes["device_code"].as_str().unwrap())];
    assert_eq!(error_of(&form(&door, "/token", &fields).send().await), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_client_that_has_not_said_that_it_runs_on_devices_gets_no_codes() {
    let door = door().await;
    let registration = json!({"client_name": "x", "redirect_uris": ["http://127.0.0.1/cb"]}).to_string();
    let other = door.get("/register").method(http::Method::POST).header("content-type", "application/json").body(registration).send().await;
    let other = json_of(&other)["client_id"].as_str().unwrap().to_owned();
    let answer = form(&door, "/device_authorization", &[("client_id", &other)]).send().await;
    assert_eq!(error_of(&answer), (400, "unauthorized_client".to_owned()));
}
