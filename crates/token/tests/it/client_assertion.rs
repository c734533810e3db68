//! Is a client's own assertion refused for whatever could make it another's?

use oauth::client_authentication::AssertionClaims;
use oauth::issuer::Issuer;
use serde_json::{Value, json};
use token::{
    ClaimName, ClientAssertion, KeySet, MAX_CLIENT_ASSERTION_SECONDS, Refusal, SharedSecret, Unverified, Verified, verify_client_assertion,
};

use crate::support::{Key, NOW, key_set, merge};

const CLIENT: &str = "worker";
const ISSUER: &str = "https://door.example";

fn claims(more: &Value) -> String {
    let mut claims = json!({"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "iat": NOW, "exp": NOW + 60, "jti": "j-1"});
    merge(&mut claims, more);
    claims.to_string()
}

fn judged(assertion: &str, keys: &KeySet) -> Result<ClientAssertion, Refusal> {
    let issuers = [ISSUER.to_owned(), format!("{ISSUER}/")];
    verify_client_assertion(&Unverified::parse(assertion)?, CLIENT, &issuers, keys, NOW).map(Verified::into_inner)
}

fn verdict(header: &str, more: &Value) -> Result<ClientAssertion, Refusal> {
    let key = Key::p256();
    judged(&key.sign(header, &claims(more)), &key_set(&[key.jwk(&json!({"kid": "a"}))]))
}

fn with(more: &Value) -> Result<ClientAssertion, Refusal> {
    verdict(r#"{"alg":"ES256"}"#, more)
}

#[test]
fn a_good_assertion_says_who_and_until_when() {
    let expected = ClientAssertion { client_id: CLIENT.into(), jwt_id: "j-1".into(), expires_at: NOW + 90 };
    for header in [r#"{"alg":"ES256"}"#, r#"{"alg":"ES256","kid":"a","typ":"JWT"}"#, r#"{"alg":"ES256","typ":"client-authentication+jwt"}"#]
    {
        assert_eq!(verdict(header, &json!({})), Ok(expected.clone()), "{header}");
    }
    assert_eq!(with(&json!({"iat": null})), Ok(expected));
}

#[test]
fn the_assertions_of_another_program_are_good() {
    for made in [include_str!("../client_assertion/es256.txt"), include_str!("../client_assertion/rs256.txt")] {
        let (keys, assertion) = made.trim_end().split_once('\n').unwrap();
        let keys = KeySet::from_jwks(keys.as_bytes()).unwrap().0;
        assert_eq!(judged(assertion, &keys).unwrap().expires_at, NOW + 330);
        assert_eq!(judged(assertion, &key_set(&[Key::p256().jwk(&json!({})), Key::rsa().jwk(&json!({}))])), Err(Refusal::BadSignature));
    }
}

#[test]
fn it_is_for_our_issuer_and_for_nobody_else() {
    for good in [json!(ISSUER), json!([ISSUER]), json!(format!("{ISSUER}/"))] {
        assert!(with(&json!({"aud": good})).is_ok(), "{good}");
    }
    for bad in [
        json!(format!("{ISSUER}/token")),
        json!("https://other.example"),
        json!([ISSUER, "https://other.example"]),
        json!([ISSUER, ISSUER]),
        json!([]),
        json!(""),
    ] {
        assert_eq!(with(&json!({"aud": bad})), Err(Refusal::WrongAudience), "{bad}");
    }
    assert_eq!(with(&json!({"aud": null})), Err(Refusal::MissingClaim(ClaimName::Audience)));
}

#[test]
fn issuer_and_subject_are_the_client() {
    assert_eq!(with(&json!({"iss": "other"})), Err(Refusal::WrongIssuer));
    assert_eq!(with(&json!({"iss": null})), Err(Refusal::MissingClaim(ClaimName::Issuer)));
    assert_eq!(with(&json!({"sub": "other"})), Err(Refusal::WrongClient));
    assert_eq!(with(&json!({"sub": null})), Err(Refusal::MissingClaim(ClaimName::Subject)));
}

#[test]
fn it_lives_five_minutes_at_most_and_has_a_name() {
    let longest = NOW + MAX_CLIENT_ASSERTION_SECONDS + 30;
    for (exp, expected) in [
        (json!(longest), Ok(longest + 30)),
        (json!(longest + 1), Err(Refusal::LifetimeTooLong)),
        (json!(NOW - 30), Err(Refusal::Expired)),
        (Value::Null, Err(Refusal::MissingClaim(ClaimName::ExpiresAt))),
    ] {
        assert_eq!(with(&json!({"exp": exp})).map(|assertion| assertion.expires_at), expected, "{exp}");
    }
    assert_eq!(with(&json!({"iat": NOW + 31})), Err(Refusal::IssuedInFuture));
    assert_eq!(with(&json!({"nbf": NOW + 31})), Err(Refusal::NotYetValid));
    assert_eq!(with(&json!({"jti": null})), Err(Refusal::MissingClaim(ClaimName::JwtId)));
}

#[test]
fn it_is_remembered_for_as_long_as_it_is_good() {
    let key = Key::p256();
    let (assertion, keys) = (key.sign(r#"{"alg":"ES256"}"#, &claims(&json!({}))), key_set(&[key.jwk(&json!({}))]));
    let at = |now| verify_client_assertion(&Unverified::parse(&assertion).unwrap(), CLIENT, &[ISSUER.to_owned()], &keys, now);
    let expires_at = at(NOW).unwrap().expires_at;
    assert!(at(expires_at - 1).is_ok());
    assert_eq!(at(expires_at), Err(Refusal::Expired));
}

#[test]
fn another_kind_of_token_is_none() {
    for typ in ["at+jwt", "dpop+jwt", "oauth-id-jag+jwt", "logout+jwt", ""] {
        assert_eq!(verdict(&format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#), &json!({})), Err(Refusal::WrongType), "{typ}");
    }
    assert_eq!(with(&json!({"nonce": "n"})), Err(Refusal::IdToken));
    assert_eq!(with(&json!({"events": {}})), Err(Refusal::SecurityEvent));
}

#[test]
fn it_is_signed_by_the_clients_key_and_never_with_a_secret() {
    let [key, other] = [Key::p256(), Key::p256()];
    let assertion = key.sign(r#"{"alg":"ES256"}"#, &claims(&json!({})));
    assert_eq!(judged(&assertion, &key_set(&[other.jwk(&json!({}))])), Err(Refusal::BadSignature));
    assert_eq!(judged(&assertion, &KeySet::empty()), Err(Refusal::UnknownKey));
    let secret = b"0123456789abcdef0123456789abcdef";
    let shared = Key::Hmac(secret.to_vec()).sign(r#"{"alg":"HS256"}"#, &claims(&json!({})));
    assert_eq!(judged(&shared, &KeySet::shared_secrets([SharedSecret::new(secret).unwrap()])), Err(Refusal::AlgorithmMismatch));
}

#[test]
fn what_the_door_itself_shows_to_others_is_good_here() {
    let issuer = Issuer::parse(ISSUER).unwrap();
    let claims = serde_json::to_string(&AssertionClaims::new(CLIENT, &issuer, "j-2", NOW)).unwrap();
    let key = Key::p256();
    let shown = judged(&key.sign(r#"{"alg":"ES256"}"#, &claims), &key_set(&[key.jwk(&json!({}))])).unwrap();
    assert_eq!(shown.jwt_id, "j-2");
}
