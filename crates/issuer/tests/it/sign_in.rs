//! Passwords: guessed slowly or not at all, and an account that there is looks like one that there is not.

use http::StatusCode;

use crate::desk::{Browser, Desk, PASSWORD, asked, question, text};

async fn page(desk: &Desk) -> (Browser, String) {
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let mut browser = Browser::default();
    let page = browser.get(desk, &question(&client)).await;
    (browser, asked(&page))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_account_look_the_same() {
    let desk = Desk::open().await;
    let (mut browser, form) = page(&desk).await;
    let wrong = browser.password(&desk, &form, "ada", "wrong").await;
    let unknown = browser.password(&desk, &form, "bob", "wrong").await;
    assert_eq!((wrong.status(), unknown.status()), (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN));
    assert_eq!(text(&wrong).replace("value=\"ada\"", "value=\"bob\""), text(&unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_what_the_old_one_began() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let mut browser = Browser::default();
    let consent = browser.sign_in(&desk, &question(&client)).await;
    let accounts = desk.folder.path().join("accounts.toml");
    let hash = claviger_issuer::accounts::hash(&"another one".to_owned().into()).unwrap();
    std::fs::write(&accounts, format!("[accounts.ada]\npassword = '{hash}'\nname = 'Ada'\n")).unwrap();
    assert_eq!(browser.answer(&desk, &consent, "allow").await.status(), StatusCode::FORBIDDEN);
    assert!(text(&browser.get(&desk, &question(&client)).await).contains("type=\"password\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_stopped_and_the_right_password_does_not_tell() {
    let desk = Desk::open().await;
    let (mut browser, form) = page(&desk).await;
    for _ in 0..5 {
        assert_eq!(browser.password(&desk, &form, "ada", "wrong").await.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(browser.password(&desk, &form, "ada", "wrong").await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(browser.password(&desk, &form, "ada", PASSWORD).await.status(), StatusCode::TOO_MANY_REQUESTS);
    desk.advance(901);
    assert_eq!(browser.password(&desk, &form, "ada", PASSWORD).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_that_come_all_at_once_are_counted_like_any_others() {
    let desk = Desk::open().await;
    let (browser, form) = page(&desk).await;
    let guesses = (0..30).map(|_| {
        let mut browser = browser.clone();
        let (desk, form) = (&desk, &form);
        async move { browser.password(desk, form, "ada", "wrong").await.status() }
    });
    let answers = futures_util::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|status| **status == StatusCode::FORBIDDEN).count();
    // Two places: one guess may be under way while the fifth is counted.
    assert!((5..=6).contains(&looked_at), "{looked_at} passwords were looked at");
    assert_eq!(answers.len() - looked_at, answers.iter().filter(|status| **status == StatusCode::TOO_MANY_REQUESTS).count());
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_at_many_accounts_is_stopped_too() {
    let desk = Desk::open().await;
    let (mut browser, form) = page(&desk).await;
    for number in 0..20 {
        let status = browser.password(&desk, &form, &format!("user{number}"), "wrong").await.status();
        assert_eq!(status, StatusCode::FORBIDDEN, "{number}");
    }
    assert_eq!(browser.password(&desk, &form, "ada", PASSWORD).await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_disabled_is_none() {
    let desk = Desk::open().await;
    let (mut browser, form) = page(&desk).await;
    let accounts = desk.folder.path().join("accounts.toml");
    let text = std::fs::read_to_string(&accounts).unwrap();
    std::fs::write(&accounts, format!("{text}disabled = true\n")).unwrap();
    assert_eq!(browser.password(&desk, &form, "ada", PASSWORD).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_account_people_are_told_who_can_help() {
    let desk = Desk::open().await;
    std::fs::write(desk.folder.path().join("accounts.toml"), "").unwrap();
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let page = Browser::default().get(&desk, &question(&client)).await;
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(&page).contains("claviger accounts add"));
}
