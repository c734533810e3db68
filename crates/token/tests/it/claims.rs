//! Is a token refused that is from another issuer, for another server, or of another kind?

use serde_json::{Value, json};
use token::{ClaimName, Claims, Part, Refusal, Trust};

use crate::support::*;

fn verdict_on(trust: &Trust, claims: &str) -> Result<Claims, Refusal> {
    let key = Key::p256();
    let keys = key_set(&[key.jwk(&json!({"kid": "a"}))]);
    judge(&key.sign(r#"{"alg":"ES256","kid":"a"}"#, claims), trust, &keys).map(token::Verified::into_inner)
}

fn verdict(more: &Value) -> Result<Claims, Refusal> {
    verdict_on(&trust(), &claims(more))
}

#[test]
fn good_claims_are_handed_on() {
    let claims = verdict(&json!({
        "client_id": "cli", "azp": "other", "scope": "files:read files:write", "jti": "t-1", "nbf": NOW - 5, "grant_id": "g-1", "roles": ["x"],
    }))
    .unwrap();
    assert_eq!(
        claims,
        Claims {
            issuer: Some(ISSUER.into()),
            subject: "alice".into(),
            audiences: vec![AUDIENCE.into()],
            client_id: Some("cli".into()),
            scopes: oauth::scope::ScopeSet::parse("files:read files:write").unwrap(),
            expires_at: NOW + 300,
            issued_at: Some(NOW),
            not_before: Some(NOW - 5),
            jwt_id: Some("t-1".into()),
            grant_id: Some("g-1".into()),
            confirmation: None,
            key_id: Some("a".into()),
        }
    );
}

#[test]
fn azp_names_the_client_when_client_id_is_absent() {
    assert_eq!(verdict(&json!({"azp": "app"})).unwrap().client_id.as_deref(), Some("app"));
    assert_eq!(verdict(&json!({})).unwrap().client_id, None);
}

#[test]
fn scopes_are_read_from_either_claim_in_either_form() {
    for more in [
        json!({"scope": "b a"}),
        json!({"scp": "a b"}),
        json!({"scp": ["b", "a"]}),
        json!({"scope": ["a", "b"]}),
        json!({"scope": "a", "scp": ["b", "a"]}),
    ] {
        assert_eq!(verdict(&more).unwrap().scopes.to_string(), "a b", "{more}");
    }
    for more in [json!({}), json!({"scope": ""}), json!({"scp": []})] {
        assert!(verdict(&more).unwrap().scopes.is_empty(), "{more}");
    }
}

#[test]
fn malformed_scopes_refuse_the_token() {
    for bad in [json!(1), json!(["a", 1]), json!({"a": true}), json!("a\"b"), json!(["a b"]), json!([""]), json!("x".repeat(129))] {
        assert_eq!(verdict(&json!({"scope": bad})), Err(Refusal::MalformedClaim(ClaimName::Scope)), "{bad}");
        assert_eq!(verdict(&json!({"scp": bad})), Err(Refusal::MalformedClaim(ClaimName::Scp)), "{bad}");
    }
}

#[test]
fn the_audience_may_be_a_string_or_a_list_that_names_this_server() {
    for good in [json!(AUDIENCE), json!([AUDIENCE]), json!(["https://other.example", AUDIENCE])] {
        assert!(verdict(&json!({"aud": good})).is_ok(), "{good}");
    }
}

#[test]
fn another_audience_is_refused_and_never_compared_loosely() {
    for other in [
        json!("https://door.example/mcp/payments"),
        json!("https://door.example/mcp/files/"),
        json!("https://door.example/mcp/file"),
        json!("https://door.example/mcp"),
        json!("https://DOOR.example/mcp/files"),
        json!("https://door.example:443/mcp/files"),
        json!("http://door.example/mcp/files"),
        json!(format!("{AUDIENCE} https://other.example")),
        json!(""),
        json!([]),
        json!(["https://other.example", ""]),
    ] {
        assert_eq!(verdict(&json!({"aud": other})), Err(Refusal::WrongAudience), "{other}");
    }
}

#[test]
fn a_missing_or_malformed_audience_is_refused() {
    assert_eq!(verdict(&json!({"aud": null})), Err(Refusal::MissingClaim(ClaimName::Audience)));
    for bad in [json!(1), json!(true), json!({"a": AUDIENCE}), json!([AUDIENCE, 1]), json!([[AUDIENCE]])] {
        assert_eq!(verdict(&json!({"aud": bad})), Err(Refusal::MalformedClaim(ClaimName::Audience)), "{bad}");
    }
}

#[test]
fn a_server_without_identifiers_accepts_no_token() {
    for audiences in [vec![], vec![String::new()]] {
        let trust = Trust { audiences, ..trust() };
        assert_eq!(verdict_on(&trust, &claims(&json!({}))), Err(Refusal::WrongAudience));
        assert_eq!(verdict_on(&trust, &claims(&json!({"aud": ""}))), Err(Refusal::WrongAudience));
    }
}

#[test]
fn any_of_the_servers_identifiers_will_do() {
    let trust = Trust { audiences: vec!["files".into(), AUDIENCE.into()], ..trust() };
    for audience in ["files", AUDIENCE] {
        assert!(verdict_on(&trust, &claims(&json!({"aud": audience}))).is_ok(), "{audience}");
    }
}

#[test]
fn the_issuer_must_be_the_same_string() {
    for other in ["https://login.example/t2", "https://login.example/t1/", "https://login.example", "HTTPS://login.example/t1"] {
        assert_eq!(verdict(&json!({"iss": other})), Err(Refusal::WrongIssuer), "{other}");
    }
}

#[test]
fn a_missing_or_malformed_issuer_is_refused() {
    assert_eq!(verdict(&json!({"iss": null})), Err(Refusal::MissingClaim(ClaimName::Issuer)));
    for bad in [json!([ISSUER]), json!([ISSUER, "https://evil.example"]), json!(1), json!({}), json!("")] {
        assert_eq!(verdict(&json!({"iss": bad})), Err(Refusal::MalformedClaim(ClaimName::Issuer)), "{bad}");
    }
}

#[test]
fn where_no_issuer_is_expected_none_may_be_named() {
    let trust = Trust { issuer: None, ..trust() };
    assert!(verdict_on(&trust, &claims(&json!({"iss": null}))).is_ok());
    assert_eq!(verdict_on(&trust, &claims(&json!({}))), Err(Refusal::WrongIssuer));
}

#[test]
fn a_subject_is_required_and_must_be_a_plain_text() {
    assert_eq!(verdict(&json!({"sub": null})), Err(Refusal::MissingClaim(ClaimName::Subject)));
    for bad in [json!(""), json!(7), json!(["alice"]), json!("a\nb"), json!("a\u{0}"), json!("a\u{1f}b"), json!("x".repeat(2049))] {
        assert_eq!(verdict(&json!({"sub": bad})), Err(Refusal::MalformedClaim(ClaimName::Subject)), "{bad}");
    }
    assert_eq!(verdict(&json!({"sub": "x".repeat(2048)})).unwrap().subject.len(), 2048);
}

#[test]
fn malformed_optional_claims_refuse_the_token() {
    for (name, claim) in [
        ("client_id", ClaimName::ClientId),
        ("azp", ClaimName::AuthorizedParty),
        ("jti", ClaimName::JwtId),
        ("grant_id", ClaimName::GrantId),
    ] {
        for bad in [json!(1), json!(""), json!(["x"]), json!("a\tb")] {
            assert_eq!(verdict(&json!({name: bad})), Err(Refusal::MalformedClaim(claim)), "{name} {bad}");
        }
    }
}

#[test]
fn an_id_token_is_not_an_access_token() {
    for name in ["nonce", "at_hash", "c_hash"] {
        assert_eq!(verdict(&json!({name: "x"})), Err(Refusal::IdToken), "{name}");
    }
}

#[test]
fn a_security_event_is_not_an_access_token() {
    let events = json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
    assert_eq!(verdict(&events), Err(Refusal::SecurityEvent));
}

#[test]
fn a_token_bound_to_its_sender_is_refused_as_a_bearer_token() {
    for cnf in [json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}), json!({"x5t#S256": "x"})] {
        assert_eq!(verdict(&json!({"cnf": cnf})), Err(Refusal::SenderConstrained), "{cnf}");
    }
}

#[test]
fn a_confirmation_that_cannot_be_read_refuses_the_token() {
    let jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    for bad in
        [json!("x"), json!([]), json!({}), json!({"jkt": ""}), json!({"jkt": 1}), json!({"jkt": [jkt]}), json!({"jkt": format!("{jkt}=")})]
    {
        assert_eq!(verdict(&json!({"cnf": bad})), Err(Refusal::MalformedClaim(ClaimName::Confirmation)), "{bad}");
    }
    for (members, expected) in [
        (format!(r#"{{"jkt":"{jkt}","jkt":"{jkt}"}}"#), Refusal::MalformedClaim(ClaimName::Confirmation)),
        ("null".to_owned(), Refusal::MalformedClaim(ClaimName::Confirmation)),
        (format!(r#"{{"jkt":"{jkt}","x5t#S256":"x"}}"#), Refusal::SenderConstrained),
    ] {
        let claims = claims(&json!({})).replacen('{', &format!(r#"{{"cnf":{members},"#), 1);
        assert_eq!(verdict_on(&trust(), &claims), Err(expected), "{members}");
    }
}

#[test]
fn a_claim_that_stands_twice_is_refused() {
    let good = claims(&json!({}));
    for (name, value) in [("sub", r#""mallory""#), ("aud", r#""x""#), ("exp", "9999999999"), ("later", "1,\"later\":2")] {
        let twice = good.replacen('{', &format!(r#"{{"{name}":{value},"#), 1);
        assert_eq!(verdict_on(&trust(), &twice), Err(Refusal::DuplicateMember(Part::Claims)), "{twice}");
    }
    let escaped = good.replacen('{', r#"{"s\u0075b":"mallory","#, 1);
    assert_eq!(verdict_on(&trust(), &escaped), Err(Refusal::DuplicateMember(Part::Claims)));
}

#[test]
fn claims_that_are_not_one_object_are_refused() {
    let good = claims(&json!({}));
    for bad in ["", "[]", "null", "\"x\"", "{", &format!("{good}{good}"), &format!("\u{feff}{good}"), &format!("[{good}]")] {
        assert_eq!(verdict_on(&trust(), bad), Err(Refusal::Malformed(Part::Claims)), "{bad}");
    }
}
