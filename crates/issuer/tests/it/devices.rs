//! Devices, as time passes. (RFC 8628)

use claviger_issuer::config::{Config, ProtectedResource};
use http::StatusCode;
use serde_json::{Value, json as value};

use crate::desk::{Browser, Desk, asked, error, json, text, tokens};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A device that has registered itself, and its two codes.
async fn begun(desk: &Desk) -> (String, Value) {
    let client = json(&desk.register_with(&value!({ "client_name": "A television", "grant_types": [GRANT] })).await);
    let client = client["client_id"].as_str().unwrap().to_owned();
    let codes = json(&desk.post_form("/device_authorization", &[("client_id", &client), ("scope", "files:write")]).await);
    (client, codes)
}

async fn poll(desk: &Desk, client: &str, codes: &Value) -> http::Response<bytes::Bytes> {
    desk.token(&[("grant_type", GRANT), ("client_id", client), ("device_code", codes["device_code"].as_str().unwrap())]).await
}

/// The page with yes and no, for whoever types the code and signs in.
async fn consent(desk: &Desk, browser: &mut Browser, codes: &Value) -> String {
    let page = browser.get(desk, "/device").await;
    let fields = [("asked", asked(&page)), ("user_code", codes["user_code"].as_str().unwrap().to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let sign_in = browser.post(desk, "/device", &fields).await;
    let page = browser.password(desk, &asked(&sign_in), "ada", crate::desk::PASSWORD).await;
    assert!(text(&page).contains("Change files") && text(&page).contains("A television"), "{}", text(&page));
    asked(&page)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_waits_for_as_long_as_it_was_told_and_no_longer() {
    let desk = Desk::open().await;
    let (client, codes) = begun(&desk).await;
    assert_eq!((&codes["expires_in"], &codes["interval"]), (&600.into(), &5.into()));
    assert_eq!(error(&poll(&desk, &client, &codes).await), "authorization_pending");
    desk.advance(4);
    assert_eq!(error(&poll(&desk, &client, &codes).await), "slow_down");
    desk.advance(5);
    assert_eq!(error(&poll(&desk, &client, &codes).await), "slow_down", "it has to wait for ten seconds now");
    desk.advance(15);
    assert_eq!(error(&poll(&desk, &client, &codes).await), "authorization_pending");
    desk.advance(600);
    assert_eq!(error(&poll(&desk, &client, &codes).await), "expired_token");
    let mut browser = Browser::default();
    let page = browser.get(&desk, "/device").await;
    let late = browser.post(&desk, "/device", &[("asked", &asked(&page)), ("user_code", codes["user_code"].as_str().unwrap())]).await;
    assert_eq!(late.status(), StatusCode::FORBIDDEN, "and people are told that nobody waits");
    desk.advance(600);
    assert_eq!(error(&poll(&desk, &client, &codes).await), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_decides_too_late_decides_nothing() {
    let desk = Desk::open().await;
    let (client, codes) = begun(&desk).await;
    let mut browser = Browser::default();
    let asked = consent(&desk, &mut browser, &codes).await;
    desk.advance(600);
    assert_eq!(browser.answer(&desk, &asked, "allow").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(error(&poll(&desk, &client, &codes).await), "expired_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_lost_their_account_since_they_agreed_grants_nothing() {
    let desk = Desk::open().await;
    let (client, codes) = begun(&desk).await;
    let mut browser = Browser::default();
    let asked = consent(&desk, &mut browser, &codes).await;
    assert_eq!(browser.answer(&desk, &asked, "allow").await.status(), StatusCode::OK);
    let app = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let code = desk.code(&app).await;
    let accounts = desk.folder.path().join("accounts.toml");
    let disabled = format!("{}disabled = true\n", std::fs::read_to_string(&accounts).unwrap());
    std::fs::write(&accounts, disabled).unwrap();
    assert_eq!(error(&poll(&desk, &client, &codes).await), "invalid_grant");
    assert_eq!(error(&desk.redeem(&app, &code).await), "invalid_grant");
    assert!(desk.server.list_grants().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_questions_at_once_begin_one_grant_on_all_replicas() {
    let desk = Desk::open().await;
    let other = desk.beside().await;
    let (client, codes) = begun(&desk).await;
    let mut browser = Browser::default();
    let asked = consent(&other, &mut browser, &codes).await;
    assert_eq!(browser.answer(&other, &asked, "allow").await.status(), StatusCode::OK);
    let (one, two) = tokio::join!(poll(&desk, &client, &codes), poll(&other, &client, &codes));
    let (good, bad) = if one.status() == StatusCode::OK { (one, two) } else { (two, one) };
    assert_eq!(error(&bad), "invalid_grant");
    let given = tokens(&good);
    assert!(desk.opens(&given.access));
    assert_eq!(given.scope, "files:write");
    assert_eq!(desk.server.list_grants().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_for_one_server() {
    let second = |config: &mut Config| {
        let other =
            ProtectedResource { resource: "http://127.0.0.1:8787/mcp/mail".to_owned().try_into().unwrap(), ..config.resources[0].clone() };
        config.resources.push(ProtectedResource { name: "mail".to_owned(), ..other });
    };
    let desk = Desk::with(second).await;
    let client = json(&desk.register_with(&value!({ "grant_types": [GRANT] })).await)["client_id"].as_str().unwrap().to_owned();
    assert_eq!(error(&desk.post_form("/device_authorization", &[("client_id", &client)]).await), "invalid_target");
    let named = [("client_id", client.as_str()), ("resource", crate::desk::RESOURCE)];
    assert_eq!(desk.post_form("/device_authorization", &named).await.status(), StatusCode::OK);
}
