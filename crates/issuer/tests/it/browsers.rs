//! Browsers: whose form it is, what a page lets in, and that nobody inherits a session.

use http::header::{CONTENT_SECURITY_POLICY, ORIGIN, REFRESH, X_FRAME_OPTIONS};
use http::{HeaderValue, StatusCode};

use crate::desk::{Browser, Desk, PASSWORD, asked, question, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_was_made_for_another_browser_agrees_to_nothing() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let mut attacker = Browser::default();
    let theirs = attacker.sign_in(&desk, &question(&client)).await;
    let mut victim = Browser::default();
    victim.sign_in(&desk, &question(&client)).await;
    for asked in [theirs.as_str(), "", "nonsense"] {
        let answer = victim.answer(&desk, asked, "allow").await;
        assert!(!answer.headers().contains_key(REFRESH), "{asked}");
        assert_ne!(answer.status(), StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_another_site_sends_agrees_to_nothing() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    for (origin, is_ours) in [
        ("https://evil.example", false),
        ("null", false),
        ("http://127.0.0.1:8788", false),
        ("http://127.0.0.1:878", false),
        ("http://127.0.0.1:8787", true),
    ] {
        let mut browser = Browser::default();
        let consent = browser.sign_in(&desk, &question(&client)).await;
        browser.headers.insert(ORIGIN, HeaderValue::from_static(origin));
        let answer = browser.answer(&desk, &consent, "allow").await;
        assert_eq!(answer.headers().contains_key(REFRESH), is_ours, "{origin}");
    }
}

/// Whoever leaves a page open in somebody's browser has nothing of what they become there.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_inherits_nothing_and_leaves_nothing_to_whoever_was_there() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let mut browser = Browser::default();
    let page = browser.get(&desk, &question(&client)).await;
    let before = browser.clone();
    let (form, mark) = (asked(&page), browser.cookies["claviger-browser"].clone());
    browser.password(&desk, &form, "ada", PASSWORD).await;
    assert_ne!(browser.cookies["claviger-browser"], mark, "a new mark");
    let mut fixed = before.clone();
    fixed.cookies.insert("claviger-session".to_owned(), browser.cookies["claviger-session"].clone());
    let page = fixed.get(&desk, &question(&client)).await;
    assert!(text(&page).contains("type=\"password\""), "the session is of the new mark alone");
    let old = browser.answer(&desk, &form, "allow").await;
    assert_eq!(old.status(), StatusCode::FORBIDDEN, "what was asked before is of the old mark");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_calls_itself_is_text_and_nothing_else() {
    let desk = Desk::open().await;
    let name = "<script>alert(1)</script>\" onload='x'";
    let client = desk.register(name, &["http://127.0.0.1/callback"]).await;
    let mut browser = Browser::default();
    let sign_in = browser.get(&desk, &question(&client)).await;
    let consent = browser.password(&desk, &asked(&sign_in), "ada", PASSWORD).await;
    let done = browser.answer(&desk, &asked(&consent), "allow").await;
    for page in [&sign_in, &consent, &done] {
        let html = text(page);
        assert!(html.contains("&#60;script&#62;alert(1)"), "{html}");
        assert!(!html.contains("<script") && !html.contains("onload='"), "{html}");
    }
    let wrong = browser.password(&desk, &asked(&sign_in), "\"><img src=x>", "x").await;
    assert!(!text(&wrong).contains("<img"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_can_be_framed_or_bring_anything_in() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let mut browser = Browser::default();
    let sign_in = browser.get(&desk, &question(&client)).await;
    let consent = browser.password(&desk, &asked(&sign_in), "ada", PASSWORD).await;
    let done = browser.answer(&desk, &asked(&consent), "allow").await;
    let problem = browser.get(&desk, "/authorize?client_id=x").await;
    for page in [&sign_in, &consent, &done, &problem] {
        let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'")
        );
        assert_eq!(page.headers()[X_FRAME_OPTIONS], "DENY");
        assert!(!text(page).contains("src=") && !text(page).contains("style="), "{}", text(page));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consent_says_who_asks_for_what_and_where_the_answer_goes() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let mut browser = Browser::default();
    let question = crate::desk::question_with(&client, &[("scope", "files:write files:admin")]);
    let sign_in = browser.get(&desk, &question).await;
    let page = browser.password(&desk, &asked(&sign_in), "ada", PASSWORD).await;
    for piece in ["A client", "Files", "127.0.0.1:5555", "Change files", "delete_*", "files:admin", "Ada"] {
        assert!(text(&page).contains(piece), "{piece} in {}", text(&page));
    }
    browser.headers.insert("accept-language", HeaderValue::from_static("de-AT"));
    let german = browser.get(&desk, &question).await;
    assert!(text(&german).contains("<html lang=\"de\">") && text(&german).contains("Erlauben"), "{}", text(&german));
}
