//! Which answers give a token, and which do not.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn access(body: &str) -> Result<TokenResponse, InvalidTokenResponse> {
    read(body.as_bytes(), Expected::AccessToken)
}

#[test]
fn a_plain_answer_is_read_whole() {
    let answer = access(
        r#" {"access_token":"ab.c-_~+/=","token_type":"bEARER","expires_in":3600,"scope":"b a","refresh_token":"r",
            "issued_token_type":"urn:ietf:params:oauth:token-type:access_token","custom":{"a":[1]},"x":null} "#,
    )
    .unwrap();
    assert_eq!(answer.token.expose_secret(), "ab.c-_~+/=");
    assert_eq!(answer.expires_in, Some(Duration::from_secs(3600)));
    assert_eq!(answer.scopes.unwrap().to_string(), "a b");
    assert_eq!(answer.refresh_token.unwrap().expose_secret(), "r");
}

#[test]
fn what_is_optional_may_be_missing_or_null() {
    for body in
        [r#"{"access_token":"t","token_type":"Bearer"}"#, r#"{"access_token":"t","token_type":"Bearer","expires_in":null,"scope":null}"#]
    {
        let answer = access(body).unwrap();
        assert!(answer.expires_in.is_none() && answer.scopes.is_none() && answer.refresh_token.is_none(), "{body}");
    }
}

#[test]
fn a_lifetime_is_a_number_of_seconds_however_it_is_written() {
    let lifetime = |value: &str| access(&format!(r#"{{"access_token":"t","token_type":"bearer","expires_in":{value}}}"#));
    for (value, seconds) in [("60", 60), ("\"60\"", 60), ("59.9", 59), ("6e1", 60), ("18446744073709551615", A_YEAR)] {
        assert_eq!(lifetime(value).unwrap().expires_in, Some(Duration::from_secs(seconds)), "{value}");
    }
    for value in ["0", "\"0\"", "0.5"] {
        assert_eq!(lifetime(value).unwrap_err(), InvalidTokenResponse::Expired, "{value}");
    }
    for value in ["-1", "\"\"", "\" 60\"", "\"soon\"", "true", "[60]", "1e400", "-0.5"] {
        assert_eq!(lifetime(value).unwrap_err(), InvalidTokenResponse::Malformed, "{value}");
    }
}

#[test]
fn anything_but_one_object_with_each_member_once_is_refused() {
    for body in [
        "",
        "[]",
        "null",
        r#"["t","Bearer",60,null,null,null]"#,
        "<html>",
        r#"{"access_token":"a","token_type":"Bearer","access_token":"b"}"#,
        r#"{"access_token":"a","token_type":"Bearer","access\u005ftoken":"b"}"#,
        r#"{"access_token":["a"],"token_type":"Bearer"}"#,
        r#"{"access_token":"a","token_type":1}"#,
        r#"{"access_token":"a","token_type":"Bearer"} x"#,
    ] {
        assert_eq!(access(body).unwrap_err(), InvalidTokenResponse::Malformed, "{body}");
    }
    assert_eq!(
        read(b"{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"x\":\"\xff\"}", Expected::AccessToken).unwrap_err(),
        InvalidTokenResponse::Malformed
    );
    assert_eq!(access(r#"{"token_type":"Bearer"}"#).unwrap_err(), InvalidTokenResponse::NoToken);
    assert_eq!(access(r#"{"access_token":"a","token_type":"Bearer","scope":"a\"b"}"#).unwrap_err(), InvalidTokenResponse::Scope);
}

#[test]
fn a_token_that_no_header_can_carry_is_refused() {
    let shape = |token: &str| access(&json!({"access_token": token, "token_type": "Bearer"}).to_string()).map(|_| ());
    for token in ["", " a", "a b", "a\r\nX: y", "a\u{0}", "\u{e4}", "a\t", &"a".repeat(MAX_TOKEN_BYTES + 1)] {
        assert_eq!(shape(token), Err(InvalidTokenResponse::TokenShape), "{token:?}");
    }
    assert_eq!(shape(&"a".repeat(MAX_TOKEN_BYTES)), Ok(()));
}

#[test]
fn another_kind_of_token_is_refused() {
    let id_jag = r#""issued_token_type":"urn:ietf:params:oauth:token-type:id-jag""#;
    let both = |rest: &str| {
        let body = format!(r#"{{"access_token":"t",{rest}}}"#);
        [Expected::AccessToken, Expected::IdJag].map(|expected| read(body.as_bytes(), expected).map(|_| ()))
    };
    let wrong = Err(InvalidTokenResponse::WrongKind);
    assert_eq!(both(r#""token_type":"Bearer""#), [Ok(()), wrong]);
    assert_eq!(both(&format!(r#""token_type":"N_A",{id_jag}"#)), [wrong, Ok(())]);
    assert_eq!(both(&format!(r#""token_type":"Bearer",{id_jag}"#)), [wrong, wrong]);
    assert_eq!(both(r#""token_type":"N_A""#), [wrong, wrong]);
    assert_eq!(both(r#""token_type":"mac""#), [wrong, wrong]);
    assert_eq!(both(r#""scope":"a""#), [wrong, wrong]);
    let bound = Err(InvalidTokenResponse::SenderConstrained);
    assert_eq!(both(r#""token_type":"DPoP""#), [bound, bound]);
}

#[test]
fn a_body_over_the_limit_is_not_read() {
    let body = format!(r#"{{"access_token":"t","token_type":"Bearer","x":"{}"}}"#, "a".repeat(MAX_BYTES));
    assert_eq!(access(&body).unwrap_err(), InvalidTokenResponse::TooLarge);
}

#[test]
fn errors_are_told_apart_and_their_words_made_safe() {
    let error = |body: &str| TokenError::read(body.as_bytes());
    let known = error(r#"{"error":"invalid_client","error_description":"no\nsuch client","error_uri":"https://h"}"#).unwrap();
    assert_eq!((known.code.clone(), known.to_string().as_str()), (ErrorCode::InvalidClient, "invalid_client (no\u{fffd}such client)"));
    assert_eq!(known.without_description().to_string(), "invalid_client");
    assert!(error(r#"{"error":"temporarily_unavailable"}"#).unwrap().code.is_transient());
    assert!(!error(r#"{"error":"invalid_grant"}"#).unwrap().code.is_transient());
    assert_eq!(error(r#"{"error":"access_denied"}"#).unwrap().code, ErrorCode::Other("access_denied".into()));
    let long = error(&json!({"error": "x", "error_description": "y".repeat(500)}).to_string()).unwrap();
    assert_eq!(long.description.unwrap().len(), 200);
    for body in ["{}", r#"{"error":5}"#, r#"{"error":""}"#, r#"{"error":"a b"}"#, r#"{"error":{"code":1}}"#, "<html>", "[]"] {
        assert_eq!(error(body), None, "{body}");
    }
    assert_eq!(error(&json!({"error": "x".repeat(65)}).to_string()), None);
}

#[test]
fn nothing_secret_is_printed() {
    let answer = access(r#"{"access_token":"hunter2","token_type":"Bearer","refresh_token":"hunter3"}"#).unwrap();
    assert!(!format!("{answer:?}").contains("hunter"));
}

proptest! {
    #[test]
    fn no_bytes_harm_the_reader(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        for expected in [Expected::AccessToken, Expected::IdJag] {
            if let Ok(answer) = read(&body, expected) {
                prop_assert!(is_carriable(answer.token.expose_secret()));
            }
        }
        let _ = TokenError::read(&body);
    }

    #[test]
    fn every_carriable_token_comes_through(token in "[!-~]{1,200}", seconds in 1..A_YEAR) {
        let body = json!({"access_token": token, "token_type": "Bearer", "expires_in": seconds}).to_string();
        let answer = access(&body).unwrap();
        prop_assert_eq!(answer.token.expose_secret(), token.as_str());
        prop_assert_eq!(answer.expires_in, Some(Duration::from_secs(seconds)));
    }
}
