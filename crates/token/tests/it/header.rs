//! Is a header refused when it is malformed, unsigned, ambiguous, or brings its own key?

use serde_json::json;
use token::{Algorithm, HeaderName, MAX_HEADER_BYTES, MAX_TOKEN_BYTES, Part, Refusal, TypRule, Unverified};

use crate::support::*;

/// What becomes of a well-signed token with this header.
fn refusal(header: &str) -> Option<Refusal> {
    refusal_under(TypRule::default(), header)
}

fn refusal_under(typ: TypRule, header: &str) -> Option<Refusal> {
    let key = Key::p256();
    let keys = key_set(&[key.jwk(&json!({"kid": "a"}))]);
    let token = key.sign(header, &claims(&json!({})));
    judge(&token, &token::Trust { typ, ..trust() }, &keys).err()
}

#[test]
fn a_good_header_is_accepted_and_read() {
    assert_eq!(refusal(r#"{"alg":"ES256","kid":"a","typ":"at+jwt"}"#), None);
    let token = Key::p256().sign(r#"{"alg":"ES256","kid":"a","typ":"at+jwt"}"#, &claims(&json!({})));
    let unverified = Unverified::parse(&token).unwrap();
    assert_eq!(unverified.algorithm(), Algorithm::Es256);
    assert_eq!(unverified.key_id(), Some("a"));
    assert_eq!(unverified.typ(), Some("at+jwt"));
    assert_eq!(unverified.issuer(), Some(ISSUER));
}

#[test]
fn an_unsigned_token_is_refused_in_every_spelling_of_none() {
    let key = Key::p256();
    let keys = key_set(&[key.jwk(&json!({}))]);
    for name in ["none", "None", "NONE", "nOnE"] {
        let header = encode(&format!(r#"{{"alg":"{name}"}}"#));
        let claims = encode(&claims(&json!({})));
        for signature in ["", "AA", "bm9uZQ"] {
            let token = format!("{header}.{claims}.{signature}");
            assert_eq!(judge(&token, &trust(), &keys).err(), Some(Refusal::AlgorithmNone), "{token}");
        }
    }
}

#[test]
fn a_signature_that_was_cut_off_is_refused() {
    let key = Key::p256();
    let keys = key_set(&[key.jwk(&json!({}))]);
    let token = key.sign(r#"{"alg":"ES256"}"#, &claims(&json!({})));
    let unsigned = token.rsplit_once('.').unwrap().0;
    assert_eq!(judge(&format!("{unsigned}."), &trust(), &keys).err(), Some(Refusal::Malformed(Part::Signature)));
    assert_eq!(judge(unsigned, &trust(), &keys).err(), Some(Refusal::Malformed(Part::Token)));
}

#[test]
fn an_unknown_algorithm_is_refused() {
    for name in ["ES512", "ES256K", "RS1", "es256", "", "HS256 ", "A128KW"] {
        assert_eq!(refusal(&format!(r#"{{"alg":"{name}","kid":"a"}}"#)), Some(Refusal::UnsupportedAlgorithm), "{name}");
    }
}

#[test]
fn a_header_that_is_not_one_strict_object_is_refused() {
    for header in [
        "",
        "[]",
        "null",
        "{",
        r#""ES256""#,
        r#"{"kid":"a"}"#,
        r#"{"alg":1}"#,
        r#"{"alg":null}"#,
        r#"{"alg":["ES256"]}"#,
        r#"{"alg":"ES256","kid":1}"#,
        r#"{"alg":"ES256","kid":"a\u0000"}"#,
        r#"{"alg":"ES256","typ":{}}"#,
        r#"{"alg":"ES256","kid":"a"}{}"#,
        "\u{feff}{\"alg\":\"ES256\",\"kid\":\"a\"}",
    ] {
        assert_eq!(refusal(header), Some(Refusal::Malformed(Part::Header)), "{header}");
    }
}

#[test]
fn a_header_member_that_stands_twice_is_refused() {
    for header in [
        r#"{"alg":"none","alg":"ES256","kid":"a"}"#,
        r#"{"alg":"ES256","kid":"a","kid":"b"}"#,
        r#"{"alg":"ES256","kid":"a","\u0061lg":"none"}"#,
        r#"{"alg":"ES256","kid":"a","x":1,"x":1}"#,
    ] {
        assert_eq!(refusal(header), Some(Refusal::DuplicateMember(Part::Header)), "{header}");
    }
}

#[test]
fn critical_extensions_are_refused() {
    for crit in [r#"["exp"]"#, r#"["b64"]"#, "[]", "null", "true"] {
        assert_eq!(refusal(&format!(r#"{{"alg":"ES256","kid":"a","crit":{crit}}}"#)), Some(Refusal::CriticalHeader), "{crit}");
    }
}

#[test]
fn a_header_that_brings_its_own_key_or_changes_the_reading_is_refused() {
    let own_key = Key::p256().jwk(&json!({})).to_string();
    for (member, name) in [
        (r#""jku":"https://evil.example/keys""#.to_owned(), HeaderName::Jku),
        (format!(r#""jwk":{own_key}"#), HeaderName::Jwk),
        (r#""x5u":"https://evil.example/cert""#.to_owned(), HeaderName::X5u),
        (r#""x5c":["MIIB"]"#.to_owned(), HeaderName::X5c),
        (r#""b64":false"#.to_owned(), HeaderName::B64),
        (r#""zip":"DEF""#.to_owned(), HeaderName::Zip),
        (r#""enc":"A256GCM""#.to_owned(), HeaderName::Enc),
    ] {
        let header = format!(r#"{{"alg":"ES256","kid":"a",{member}}}"#);
        assert_eq!(refusal(&header), Some(Refusal::ForbiddenHeader(name)), "{header}");
    }
}

#[test]
fn harmless_unknown_members_are_ignored() {
    assert_eq!(refusal(r#"{"alg":"ES256","kid":"a","x5t":"abc","nonce":"n","ver":{"a":[1]}}"#), None);
}

#[test]
fn the_types_of_access_tokens_are_accepted_by_the_rule() {
    use TypRule::{AccessToken, AccessTokenOrJwt, AccessTokenOrJwtOrAbsent};
    let with = |typ: &str| format!(r#"{{"alg":"ES256","kid":"a","typ":"{typ}"}}"#);
    let absent = r#"{"alg":"ES256","kid":"a"}"#;
    for rule in [AccessToken, AccessTokenOrJwt, AccessTokenOrJwtOrAbsent] {
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert_eq!(refusal_under(rule, &with(typ)), None, "{rule:?} {typ}");
        }
    }
    for typ in ["JWT", "jwt", "application/jwt"] {
        assert_eq!(refusal_under(AccessToken, &with(typ)), Some(Refusal::WrongType), "{typ}");
        assert_eq!(refusal_under(AccessTokenOrJwt, &with(typ)), None, "{typ}");
        assert_eq!(refusal_under(AccessTokenOrJwtOrAbsent, &with(typ)), None, "{typ}");
    }
    assert_eq!(refusal_under(AccessToken, absent), Some(Refusal::WrongType));
    assert_eq!(refusal_under(AccessTokenOrJwt, absent), Some(Refusal::WrongType));
    assert_eq!(refusal_under(AccessTokenOrJwtOrAbsent, absent), None);
}

#[test]
fn the_types_of_other_tokens_are_refused_by_every_rule() {
    for typ in
        ["dpop+jwt", "oauth-id-jag+jwt", "logout+jwt", "secevent+jwt", "id_token+jwt", "application/logout+jwt", "", "JOSE", "at+jwt "]
    {
        for rule in [TypRule::AccessToken, TypRule::AccessTokenOrJwt, TypRule::AccessTokenOrJwtOrAbsent] {
            let header = format!(r#"{{"alg":"ES256","kid":"a","typ":"{typ}"}}"#);
            assert_eq!(refusal_under(rule, &header), Some(Refusal::WrongType), "{rule:?} {typ}");
        }
    }
}

#[test]
fn a_header_of_1_kib_is_read_and_a_longer_one_is_not() {
    let header = |length: usize| {
        let start = r#"{"alg":"ES256","kid":"a","pad":""#;
        format!("{start}{}\"}}", "x".repeat(length - start.len() - 2))
    };
    assert_eq!(refusal(&header(MAX_HEADER_BYTES)), None);
    assert_eq!(refusal(&header(MAX_HEADER_BYTES + 1)), Some(Refusal::TooLong(Part::Header)));
}

#[test]
fn a_token_of_16_kib_is_read_and_a_longer_one_is_not() {
    let key = Key::p256();
    let keys = key_set(&[key.jwk(&json!({}))]);
    let sized = |pad: usize| key.sign(r#"{"alg":"ES256"}"#, &claims(&json!({"pad": "x".repeat(pad)})));
    let pad = (11_900..12_300).take_while(|pad| sized(*pad).len() <= MAX_TOKEN_BYTES).last().unwrap();
    assert!(sized(pad).len() > MAX_TOKEN_BYTES - 4);
    assert!(judge(&sized(pad), &trust(), &keys).is_ok());
    assert_eq!(judge(&sized(pad + 3), &trust(), &keys).err(), Some(Refusal::TooLong(Part::Token)));
}

#[test]
fn a_token_that_is_not_three_parts_of_strict_base64url_is_refused() {
    let key = Key::p256();
    let keys = key_set(&[key.jwk(&json!({}))]);
    let token = key.sign(r#"{"alg":"ES256"}"#, &claims(&json!({})));
    let (header, rest) = token.split_once('.').unwrap();
    let refusal = |token: String| judge(&token, &trust(), &keys).err();
    assert_eq!(refusal(String::new()), Some(Refusal::Malformed(Part::Token)));
    assert_eq!(refusal("opaque-token".into()), Some(Refusal::Malformed(Part::Token)));
    assert_eq!(refusal(format!("{token}.x")), Some(Refusal::Malformed(Part::Token)));
    assert_eq!(refusal(format!("{token}.x.y")), Some(Refusal::Malformed(Part::Token)));
    assert_eq!(refusal("..".into()), Some(Refusal::Malformed(Part::Header)));
    for padded in [format!("{header}=.{rest}"), format!(" {token}"), format!("{header}\n.{rest}"), format!("\u{e9}{token}")] {
        assert_eq!(refusal(padded.clone()), Some(Refusal::Malformed(Part::Header)), "{padded}");
    }
    for tail in ["=", "==", " ", "\n", "+", "A"] {
        assert_eq!(refusal(format!("{token}{tail}")), Some(Refusal::BadSignature), "{tail:?}");
    }
}
