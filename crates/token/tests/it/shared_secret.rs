//! Are tokens with a shared secret good, as small scripts make them: HS256, no `kid`, no `iss`?

use serde_json::{Value, json};
use token::mint::{MintRequest, Minter, generate_secret};
use token::{ClaimName, KeySet, Refusal, SharedSecret, Trust};

use crate::support::*;

const SECRET: &[u8] = b"a5f0c3d9e1b24786a5f0c3d9e1b24786";
const OLD_SECRET: &[u8] = b"old-old-5f0c3d9e1b24786a5f0c3d9e";
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn files() -> Trust {
    Trust { max_lifetime_seconds: Some(3600), ..Trust::new(None, vec!["filesystem".into(), AUDIENCE.into()]) }
}

fn keys(secrets: &[&[u8]]) -> KeySet {
    KeySet::shared_secrets(secrets.iter().map(|secret| SharedSecret::new(secret).unwrap()))
}

fn script_claims(more: &Value) -> String {
    let mut claims = json!({"sub": "admin", "aud": "filesystem", "iat": NOW, "exp": NOW + 900});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims.to_string()
}

fn signed(secret: &[u8], header: &str, claims: &str) -> String {
    Key::Hmac(secret.to_vec()).sign(header, claims)
}

#[test]
fn a_script_token_is_accepted_with_its_audience_as_string_or_list() {
    for audience in [json!("filesystem"), json!(["filesystem"]), json!(["github", "filesystem"])] {
        let token = signed(SECRET, HEADER, &script_claims(&json!({"aud": audience})));
        let claims = judge(&token, &files(), &keys(&[SECRET])).unwrap();
        assert_eq!((claims.subject.as_str(), claims.issuer.as_deref(), claims.key_id.as_deref()), ("admin", None, None));
        assert_eq!((claims.issued_at, claims.expires_at), (Some(NOW), NOW + 900));
    }
}

#[test]
fn a_script_token_for_another_server_is_refused_even_with_the_right_secret() {
    for audience in [json!("github"), json!(["github", "memory"]), json!("filesystem2")] {
        let token = signed(SECRET, HEADER, &script_claims(&json!({"aud": audience})));
        assert_eq!(judge(&token, &files(), &keys(&[SECRET])).err(), Some(Refusal::WrongAudience), "{audience}");
    }
}

#[test]
fn a_script_token_without_exp_or_sub_is_refused() {
    let token = signed(SECRET, HEADER, &json!({"sub": "admin", "aud": "filesystem", "iat": NOW}).to_string());
    assert_eq!(judge(&token, &files(), &keys(&[SECRET])).err(), Some(Refusal::MissingClaim(ClaimName::ExpiresAt)));
    let token = signed(SECRET, HEADER, &json!({"aud": "filesystem", "exp": NOW + 9}).to_string());
    assert_eq!(judge(&token, &files(), &keys(&[SECRET])).err(), Some(Refusal::MissingClaim(ClaimName::Subject)));
}

#[test]
fn a_script_token_that_lives_too_long_is_refused() {
    let refusal = |more| judge(&signed(SECRET, HEADER, &script_claims(&more)), &files(), &keys(&[SECRET])).err();
    assert_eq!(refusal(json!({"exp": NOW + 3600})), None);
    assert_eq!(refusal(json!({"exp": NOW + 3601})), Some(Refusal::LifetimeTooLong));
}

#[test]
fn two_secrets_are_good_while_one_replaces_the_other() {
    let claims = script_claims(&json!({}));
    let (old, new) = (signed(OLD_SECRET, HEADER, &claims), signed(SECRET, HEADER, &claims));
    for both in [keys(&[SECRET, OLD_SECRET]), keys(&[OLD_SECRET, SECRET])] {
        assert!(judge(&old, &files(), &both).is_ok());
        assert!(judge(&new, &files(), &both).is_ok());
    }
    assert!(judge(&new, &files(), &keys(&[SECRET])).is_ok());
    assert_eq!(judge(&old, &files(), &keys(&[SECRET])).err(), Some(Refusal::BadSignature));
}

#[test]
fn a_kid_does_not_matter_to_secrets_and_is_not_handed_on() {
    let token = signed(SECRET, r#"{"alg":"HS256","kid":"whatever"}"#, &script_claims(&json!({})));
    assert_eq!(judge(&token, &files(), &keys(&[SECRET])).unwrap().key_id, None);
}

#[test]
fn a_secret_verifies_hs256_and_nothing_else() {
    let claims = script_claims(&json!({}));
    for name in ["HS384", "HS512", "RS256", "ES256", "EdDSA"] {
        let token = signed(SECRET, &format!(r#"{{"alg":"{name}"}}"#), &claims);
        assert_eq!(judge(&token, &files(), &keys(&[SECRET])).err(), Some(Refusal::AlgorithmMismatch), "{name}");
    }
}

#[test]
fn a_similar_secret_is_another_secret() {
    let token = signed(SECRET, HEADER, &script_claims(&json!({})));
    for other in [[SECRET, b"\n"].concat(), [b" ".as_slice(), SECRET].concat(), SECRET.to_ascii_uppercase()] {
        assert_eq!(judge(&token, &files(), &keys(&[&other])).err(), Some(Refusal::BadSignature));
    }
}

#[test]
fn a_minted_token_is_accepted_where_it_was_minted_for() {
    let secret = SharedSecret::new(generate_secret().unwrap().as_slice()).unwrap();
    let request = MintRequest {
        audiences: vec!["filesystem".into(), "github".into()],
        scopes: oauth::scope::ScopeSet::parse("files:read").unwrap(),
        client_id: Some("ci".into()),
        ..MintRequest::new("", "admin", 900)
    };
    let token = Minter::shared_secret(&secret).mint(&request, NOW).unwrap();
    let claims = judge(&token, &files(), &KeySet::shared_secrets(vec![secret])).unwrap();
    assert_eq!(claims.scopes.to_string(), "files:read");
    assert_eq!(claims.client_id.as_deref(), Some("ci"));
    assert_eq!(claims.audiences, ["filesystem", "github"]);
    assert_eq!(claims.jwt_id.as_ref().unwrap().len(), 22);
}
