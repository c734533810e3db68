//! Is an identity assertion taken only from the provider, for the client and for us?

use oauth::scope::ScopeSet;
use serde_json::{Value, json};
use token::dpop::{self, Proof};
use token::{
    Brought, ClaimName, IdJag, KeySet, MAX_ID_JAG_SECONDS, Refusal, SharedSecret, Thumbprint, Unverified, Verified, verify_id_jag,
};

use crate::support::{Key, NOW, key_set, merge};

const PROVIDER: &str = "https://idp.example";
const CLIENT: &str = "https://app.example/client.json";
const HEADER: &str = r#"{"alg":"ES256","typ":"oauth-id-jag+jwt"}"#;

fn claims(more: &Value) -> String {
    let mut claims = json!({
        "iss": PROVIDER, "sub": "alice", "aud": "https://door.example", "client_id": CLIENT, "iat": NOW, "exp": NOW + 300, "jti": "j-1",
        "resource": "https://door.example/mcp/files", "scope": "files:read",
    });
    merge(&mut claims, more);
    claims.to_string()
}

fn judged(assertion: &str, keys: &KeySet, proof: Option<&Verified<Proof>>) -> Result<IdJag, Refusal> {
    let issuers = ["https://door.example".to_owned()];
    let brought = Brought { provider: PROVIDER, client_id: CLIENT, issuers: &issuers, proof };
    verify_id_jag(&Unverified::parse(assertion)?, &brought, keys, NOW).map(Verified::into_inner)
}

fn verdict(header: &str, more: &Value, proof: Option<&Verified<Proof>>) -> Result<IdJag, Refusal> {
    let key = Key::p256();
    judged(&key.sign(header, &claims(more)), &key_set(&[key.jwk(&json!({}))]), proof)
}

fn with(more: &Value) -> Result<IdJag, Refusal> {
    verdict(HEADER, more, None)
}

/// A proof of a fresh key, as it comes along with a token request.
fn proof() -> Verified<Proof> {
    let key = Key::p256();
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk(&json!({}))});
    let claims = json!({"jti": "p", "htm": "POST", "htu": "https://door.example/token", "iat": NOW});
    let asked = dpop::Asked { method: "POST", url: "https://door.example/token", access_token: None, nonces: &[] };
    dpop::verify(&key.sign(&header.to_string(), &claims.to_string()), &asked, NOW).unwrap()
}

#[test]
fn a_good_assertion_says_who_for_whom_and_what() {
    let assertion = with(&json!({"auth_time": NOW - 9, "groups": ["a", "b"]})).unwrap();
    assert_eq!((assertion.issuer.as_str(), assertion.subject.as_str(), assertion.client_id.as_str()), (PROVIDER, "alice", CLIENT));
    assert_eq!(assertion.resources, ["https://door.example/mcp/files"]);
    assert_eq!(assertion.scopes, ScopeSet::parse("files:read").unwrap());
    assert_eq!((assertion.jwt_id.as_str(), assertion.expires_at, assertion.authenticated_at), ("j-1", NOW + 330, Some(NOW - 9)));
    assert_eq!(assertion.claim("groups").unwrap(), ["a", "b"]);
    assert!(!format!("{assertion:?}").contains("groups"));
}

#[test]
fn the_resource_may_be_left_to_us_and_is_never_misread() {
    assert_eq!(with(&json!({"resource": null})).unwrap().resources, [""; 0]);
    assert_eq!(with(&json!({"resource": ["https://a", "https://b"]})).unwrap().resources, ["https://a", "https://b"]);
    for bad in [json!(1), json!(""), json!(["https://a", 1]), json!({"a": 1})] {
        assert_eq!(with(&json!({"resource": bad})), Err(Refusal::MalformedClaim(ClaimName::Resource)), "{bad}");
    }
}

#[test]
fn only_an_identity_assertion_is_one() {
    assert!(verdict(r#"{"alg":"ES256","typ":"application/OAuth-Id-Jag+jwt"}"#, &json!({}), None).is_ok());
    for header in [r#"{"alg":"ES256"}"#, r#"{"alg":"ES256","typ":"JWT"}"#, r#"{"alg":"ES256","typ":"at+jwt"}"#] {
        assert_eq!(verdict(header, &json!({}), None), Err(Refusal::WrongType), "{header}");
    }
    assert_eq!(with(&json!({"nonce": "n"})), Err(Refusal::IdToken));
    assert_eq!(with(&json!({"cnf": {"x5t#S256": "x"}})), Err(Refusal::SenderConstrained));
}

#[test]
fn it_is_from_the_provider_for_us_and_for_the_client_that_brings_it() {
    for (more, expected) in [
        (json!({"iss": "https://evil.example"}), Refusal::WrongIssuer),
        (json!({"aud": "https://other.example"}), Refusal::WrongAudience),
        (json!({"aud": ["https://door.example", "https://other.example"]}), Refusal::WrongAudience),
        (json!({"client_id": "other"}), Refusal::WrongClient),
        (json!({"client_id": "other", "azp": CLIENT}), Refusal::WrongClient),
    ] {
        assert_eq!(with(&more), Err(expected), "{more}");
    }
    for (name, claim) in [
        ("iss", ClaimName::Issuer),
        ("sub", ClaimName::Subject),
        ("aud", ClaimName::Audience),
        ("client_id", ClaimName::ClientId),
        ("iat", ClaimName::IssuedAt),
        ("exp", ClaimName::ExpiresAt),
        ("jti", ClaimName::JwtId),
    ] {
        assert_eq!(with(&json!({name: null})), Err(Refusal::MissingClaim(claim)), "{name}");
    }
    assert_eq!(with(&json!({"client_id": null, "azp": CLIENT})), Err(Refusal::MissingClaim(ClaimName::ClientId)));
}

#[test]
fn it_is_good_for_an_hour_at_most() {
    let longest = NOW + MAX_ID_JAG_SECONDS + 30;
    assert_eq!(with(&json!({"exp": longest})).unwrap().expires_at, longest + 30);
    assert_eq!(with(&json!({"exp": longest + 1})), Err(Refusal::LifetimeTooLong));
    assert_eq!(with(&json!({"exp": NOW - 30})), Err(Refusal::Expired));
    assert_eq!(with(&json!({"iat": NOW + 31})), Err(Refusal::IssuedInFuture));
}

#[test]
fn one_that_is_bound_to_a_key_needs_a_proof_of_it() {
    let [proof, other] = [proof(), proof()];
    let bound = |key: Thumbprint| json!({"cnf": {"jkt": key}});
    let taken = verdict(HEADER, &bound(proof.thumbprint), Some(&proof)).unwrap();
    assert_eq!(taken.confirmation, Some(proof.thumbprint));
    assert_eq!(verdict(HEADER, &bound(proof.thumbprint), Some(&other)), Err(Refusal::WrongProof));
    assert_eq!(verdict(HEADER, &bound(proof.thumbprint), None), Err(Refusal::SenderConstrained));
    assert_eq!(verdict(HEADER, &json!({}), Some(&proof)).unwrap().confirmation, None);
}

#[test]
fn it_is_signed_by_the_provider_and_never_with_a_secret() {
    let assertion = Key::p256().sign(HEADER, &claims(&json!({})));
    assert_eq!(judged(&assertion, &key_set(&[Key::p256().jwk(&json!({}))]), None), Err(Refusal::BadSignature));
    let secret = b"0123456789abcdef0123456789abcdef";
    let shared = Key::Hmac(secret.to_vec()).sign(r#"{"alg":"HS256","typ":"oauth-id-jag+jwt"}"#, &claims(&json!({})));
    assert_eq!(judged(&shared, &KeySet::shared_secrets([SharedSecret::new(secret).unwrap()]), None), Err(Refusal::AlgorithmMismatch));
}
