//! Codes: who may redeem them, how often, and with what.

use http::StatusCode;
use http::header::CACHE_CONTROL;

use crate::desk::{Desk, RESOURCE, claims, error, redemption, tokens};

#[tokio::test(flavor = "multi_thread")]
async fn a_code_becomes_a_token_for_one_server() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let code = desk.code(&client).await;
    let response = desk.redeem(&client, &code).await;
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    let tokens = tokens(&response);
    assert!(desk.opens(&tokens.access));
    let claims = claims(&tokens.access);
    assert_eq!((&claims["sub"], &claims["aud"], &claims["client_id"]), (&"ada".into(), &RESOURCE.into(), &client.as_str().into()));
    assert_eq!((&claims["scope"], tokens.scope.as_str()), (&"files:read".into(), "files:read"));
    assert!(claims["jti"].is_string() && claims["grant_id"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_shown_twice_ends_what_the_first_one_got() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let code = desk.code(&client).await;
    let tokens = tokens(&desk.redeem(&client, &code).await);
    assert!(desk.opens(&tokens.access));
    let again = desk.redeem(&client, &code).await;
    assert_eq!((again.status(), error(&again).as_str()), (StatusCode::BAD_REQUEST, "invalid_grant"));
    assert!(!desk.opens(&tokens.access), "the access token has ended with its grant");
    assert_eq!(error(&desk.refresh(&client, &tokens.refresh).await), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_shows_a_code_at_the_same_time_nobody_keeps_what_came_of_it() {
    for seed in 0..100 {
        let desk = Desk::slowly(seed).await;
        let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
        let code = desk.code(&client).await;
        let (one, two) = tokio::join!(desk.redeem(&client, &code), desk.redeem(&client, &code));
        let given: Vec<_> = [&one, &two].into_iter().filter(|response| response.status() == StatusCode::OK).collect();
        assert!(given.len() <= 1, "seed {seed}");
        for response in given {
            assert!(!desk.opens(&tokens(response).access), "seed {seed}");
            let refreshed = desk.refresh(&client, &tokens(response).refresh).await;
            assert_eq!(error(&refreshed), "invalid_grant", "seed {seed}: a code that two have shown is worth nothing to either");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_a_minute() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let code = desk.code(&client).await;
    desk.advance(60);
    assert_eq!(error(&desk.redeem(&client, &code).await), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_whom_it_was_given_and_only_with_the_verifier() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let other = desk.register("Another", &["http://127.0.0.1/callback"]).await;
    let wrong = "x".repeat(43);
    let changes: [(&str, &str, &str); 5] = [
        ("client_id", &other, "invalid_grant"),
        ("code_verifier", &wrong, "invalid_grant"),
        ("code_verifier", "", "invalid_request"),
        ("redirect_uri", "http://127.0.0.1:5555/other", "invalid_grant"),
        ("redirect_uri", "", "invalid_grant"),
    ];
    for (name, value, expected) in changes {
        let code = desk.code(&client).await;
        let mut fields = redemption(&client, &code);
        fields.retain(|(field, _)| *field != name);
        if !value.is_empty() {
            fields.push((name, value));
        }
        assert_eq!(error(&desk.token(&fields).await), expected, "{name}={value}");
        assert_eq!(error(&desk.redeem(&client, &code).await), "invalid_grant", "whoever shows a code spends it: {name}={value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_for_the_server_that_was_agreed_to() {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let code = desk.code(&client).await;
    let mut fields = redemption(&client, &code);
    fields.push(("resource", "http://127.0.0.1:8787/mcp/other"));
    assert_eq!(error(&desk.token(&fields).await), "invalid_target");
    let code = desk.code(&client).await;
    let mut fields = redemption(&client, &code);
    fields.push(("resource", RESOURCE));
    assert_eq!(claims(&tokens(&desk.token(&fields).await).access)["aud"], RESOURCE);
}
