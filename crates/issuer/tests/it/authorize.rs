//! The client's question: to whom an answer may go, and what becomes of a wrong one.

use bytes::Bytes;
use claviger_issuer::config::{Allowance, Config};
use http::header::{LOCATION, REFRESH, SET_COOKIE};
use http::{Response, StatusCode};

use crate::desk::{BASE, Browser, CALLBACK, Desk, PASSWORD, asked, back, config, question, question_with, text, tokens};

fn goes_nowhere(response: &Response<Bytes>) {
    assert!(!response.headers().contains_key(LOCATION) && !response.headers().contains_key(REFRESH), "{response:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_names_who_gives_it_and_brings_back_the_state() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let mut browser = Browser::default();
    let consent = browser.sign_in(&desk, &question(&client)).await;
    let answer = back(&browser.answer(&desk, &consent, "allow").await);
    assert_eq!((answer["state"].as_str(), answer["iss"].as_str()), ("s&1", BASE));
    let mut browser = Browser::default();
    let consent = browser.sign_in(&desk, &question(&client)).await;
    let answer = back(&browser.answer(&desk, &consent, "deny").await);
    assert_eq!((answer["error"].as_str(), answer["state"].as_str(), answer["iss"].as_str()), ("access_denied", "s&1", BASE));
    assert!(!answer.contains_key("code"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_a_place_that_the_client_has_not_named() {
    let desk = Desk::open().await;
    let local = desk.register("A client", &["http://localhost/callback"]).await;
    let web = desk.register("A client", &["https://app.example/callback"]).await;
    for (client, redirect) in [
        (&local, "http://localhost.evil.example/callback"),
        (&local, "http://localhost@evil.example/callback"),
        (&local, "http://evil.example@localhost/callback"),
        (&local, "http://127.0.0.1:5555/callback"),
        (&local, "http://localhost:5555/callback/"),
        (&local, "http://localhost:5555/Callback"),
        (&local, "http://localhost:5555/callback?more=1"),
        (&local, "http://localhost:5555/callback#part"),
        (&local, "https://localhost:5555/callback"),
        (&web, "https://app.example/callback/../evil"),
        (&web, "https://app.example:8443/callback"),
        (&web, "https://APP.example/callback"),
        (&web, "https://app.example.evil.example/callback"),
        (&web, "http://app.example/callback"),
        (&web, "javascript:alert(1)"),
    ] {
        let page = Browser::default().get(&desk, &question_with(client, &[("redirect_uri", redirect)])).await;
        assert_eq!(page.status(), StatusCode::BAD_REQUEST, "{redirect}");
        goes_nowhere(&page);
        assert!(!text(&page).contains("evil.example"), "{redirect}");
    }
    let page = Browser::default().get(&desk, &question_with("client_0000000000000000000000", &[])).await;
    assert_eq!(page.status(), StatusCode::BAD_REQUEST);
    goes_nowhere(&page);
    let page = Browser::default().get(&desk, &format!("{}&client_id={web}", question(&local))).await;
    assert_eq!(page.status(), StatusCode::BAD_REQUEST);
    goes_nowhere(&page);
}

#[tokio::test(flavor = "multi_thread")]
async fn pkce_cannot_be_left_out_or_weakened() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    for changes in [
        &[("code_challenge", "")][..],
        &[("code_challenge_method", "")],
        &[("code_challenge_method", "plain")],
        &[("code_challenge", ""), ("code_challenge_method", "")],
    ] {
        let page = Browser::default().get(&desk, &question_with(&client, changes)).await;
        let to = page.headers()[LOCATION].to_str().unwrap();
        assert!(to.starts_with(&format!("{CALLBACK}?error=invalid_request&")), "{to}");
        assert!(to.contains("&state=s%261&iss=http%3A%2F%2F127.0.0.1%3A8787"), "{to}");
    }
}

/// Anybody can register a place on the web, and would use this address to lead people there.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_have_people_sent_on_by_a_wrong_question() {
    let desk = Desk::open().await;
    let client = desk.register("Bank", &["https://evil.example/phish"]).await;
    for changes in [&[("response_type", "token")][..], &[("scope", "\"")], &[("prompt", "none")], &[("resource", "https://other/mcp")]] {
        let changes = [changes, &[("redirect_uri", "https://evil.example/phish")]].concat();
        let page = Browser::default().get(&desk, &question_with(&client, &changes)).await;
        assert_eq!(page.status(), StatusCode::BAD_REQUEST, "{changes:?}");
        goes_nowhere(&page);
        assert!(text(&page).contains("evil.example"), "the person sees where the link leads");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_have_a_program_started_by_a_wrong_question() {
    let desk = Desk::open().await;
    let client = desk.register("Office", &["ms-office:open"]).await;
    let page = Browser::default().get(&desk, &question_with(&client, &[("redirect_uri", "ms-office:open"), ("prompt", "none")])).await;
    assert_eq!(page.status(), StatusCode::BAD_REQUEST);
    goes_nowhere(&page);
    assert!(text(&page).contains("ms-office"), "the person sees what the link starts");
    let local = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let told = Browser::default().get(&desk, &question_with(&local, &[("prompt", "none")])).await;
    assert!(told.headers()[LOCATION].to_str().unwrap().starts_with(CALLBACK), "a program on the person's own machine is told at once");
}

/// Browsers send no `SameSite=Lax` cookie with a form of another site.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_comes_as_a_form_is_asked_by_a_link_and_signs_nobody_out() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let mut ada = Browser::default();
    ada.sign_in(&desk, &question(&client)).await;
    let question = question(&client);
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(question.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    let sent_on = Browser::default().post(&desk, "/authorize", &fields).await;
    assert_eq!((sent_on.status(), sent_on.headers().get(SET_COOKIE)), (StatusCode::SEE_OTHER, None));
    assert_eq!(sent_on.headers()[LOCATION].to_str().unwrap(), format!("{BASE}{question}"));
    assert!(back(&ada.answer(&desk, &asked(&ada.clone().get(&desk, &question).await), "allow").await).contains_key("code"));
    let nonsense = Browser::default().post(&desk, "/authorize", &[("response_type", "code")]).await;
    assert_eq!(nonsense.status(), StatusCode::BAD_REQUEST);
    goes_nowhere(&nonsense);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_agrees_to_more_than_they_were_shown() {
    let allowance = |patterns: &[&str]| {
        let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        Allowance { by_group: Some([("*".to_owned(), patterns)].into()) }
    };
    let desk = Desk::with(|config| config.allowance = allowance(&["files:read"])).await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let mut browser = Browser::default();
    let page = browser.get(&desk, &question_with(&client, &[("scope", "files:read files:write")])).await;
    let consent = browser.password(&desk, &asked(&page), "ada", PASSWORD).await;
    assert!(!text(&consent).contains("Change files"), "{}", text(&consent));
    desk.server.reload(Config { allowance: allowance(&["files:*"]), ..config(&desk.folder) });
    let code = back(&browser.answer(&desk, &asked(&consent), "allow").await)["code"].clone();
    assert_eq!(tokens(&desk.redeem(&client, &code).await).scope, "files:read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_what_there_is_of_what_it_asks_for() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    for (scope, expected) in [
        ("", "files:read"),
        ("openid profile email", "files:read"),
        ("files:write unknown", "files:write"),
        ("files:read files:write offline_access", "files:read files:write offline_access"),
        ("offline_access", "files:read offline_access"),
    ] {
        let mut browser = Browser::default();
        let consent = browser.sign_in(&desk, &question_with(&client, &[("scope", scope)])).await;
        let code = back(&browser.answer(&desk, &consent, "allow").await)["code"].clone();
        assert_eq!(tokens(&desk.redeem(&client, &code).await).scope, expected, "{scope}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_grant_only_what_their_groups_may() {
    let by_group = [("*".to_owned(), vec!["files:read".to_owned()]), ("admins".to_owned(), vec!["*".to_owned()])];
    let desk = Desk::with(|config| config.allowance = claviger_issuer::config::Allowance { by_group: Some(by_group.into()) }).await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let mut browser = Browser::default();
    let consent = browser.sign_in(&desk, &question_with(&client, &[("scope", "files:read files:admin")])).await;
    let code = back(&browser.answer(&desk, &consent, "allow").await)["code"].clone();
    let first = tokens(&desk.redeem(&client, &code).await);
    assert_eq!(first.scope, "files:read");
    let accounts = desk.folder.path().join("accounts.toml");
    let text = std::fs::read_to_string(&accounts).unwrap();
    std::fs::write(&accounts, text.replace("'staff'", "'admins'")).unwrap();
    let mut browser = Browser::default();
    let consent = browser.sign_in(&desk, &question_with(&client, &[("scope", "files:read files:admin")])).await;
    let code = back(&browser.answer(&desk, &consent, "allow").await)["code"].clone();
    assert_eq!(tokens(&desk.redeem(&client, &code).await).scope, "files:admin files:read");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_where_the_client_forbids_it() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let mut browser = Browser::default();
    let never = question_with(&client, &[("prompt", "none")]);
    let page = browser.get(&desk, &never).await;
    assert!(page.headers()[LOCATION].to_str().unwrap().contains("error=login_required"));
    browser.sign_in(&desk, &question(&client)).await;
    let page = browser.get(&desk, &never).await;
    assert!(page.headers()[LOCATION].to_str().unwrap().contains("error=interaction_required"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_signed_in_is_known_and_can_say_that_it_is_not_them() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let mut browser = Browser::default();
    browser.sign_in(&desk, &question(&client)).await;
    let consent = browser.get(&desk, &question(&client)).await;
    assert!(text(&consent).contains("value=\"allow\""));
    let again = browser.get(&desk, &question_with(&client, &[("prompt", "login")])).await;
    assert!(text(&again).contains("type=\"password\""), "a client may ask for a fresh sign-in");
    let out = browser.post(&desk, "/authorize/sign-out", &[("asked", &asked(&consent))]).await;
    assert!(text(&out).contains("type=\"password\""));
    let page = browser.get(&desk, &question(&client)).await;
    assert!(text(&page).contains("type=\"password\""));
    desk.log_in(&client).await;
    let mut browser = Browser::default();
    browser.sign_in(&desk, &question(&client)).await;
    desk.advance(8 * 3600);
    let page = browser.get(&desk, &question(&client)).await;
    assert!(text(&page).contains("type=\"password\""), "a session ends");
}
