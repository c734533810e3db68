//! What does an id token say about a person, and is it the one that came with this access token?

use serde_json::{Value, json};
use token::{Asked, ClaimName, Identity, Refusal, Unverified, Verified, verify_id_token};

use crate::support::{Key, NOW, key_set, merge};

fn judged(key: &Key, algorithm: &str, more: &Value, access_token: Option<&str>) -> Result<Identity, Refusal> {
    let mut claims = json!({"iss": "https://idp", "sub": "alice", "aud": "door", "exp": NOW + 60, "iat": NOW, "nonce": "n-1"});
    merge(&mut claims, more);
    let token = key.sign(&format!(r#"{{"alg":"{algorithm}"}}"#), &claims.to_string());
    let asked = Asked { issuer: "https://idp", client_id: "door", nonce: "n-1", access_token };
    verify_id_token(&Unverified::parse(&token)?, &asked, &key_set(&[key.jwk(&json!({"alg": algorithm}))]), NOW).map(Verified::into_inner)
}

fn with(more: &Value) -> Identity {
    judged(&Key::p256(), "ES256", more, None).unwrap()
}

#[test]
fn a_person_is_described_as_the_provider_describes_them() {
    let identity = with(&json!({
        "auth_time": NOW - 9, "sid": "s-1", "email": "alice@example.com", "email_verified": true, "name": "Alice", "preferred_username": "al",
        "groups": ["staff", "ops"], "role": "admin", "realm_access": {"roles": ["r"]},
    }));
    assert_eq!((identity.issuer.as_str(), identity.subject.as_str()), ("https://idp", "alice"));
    assert_eq!((identity.authenticated_at, identity.session_id.as_deref()), (Some(NOW - 9), Some("s-1")));
    assert_eq!((identity.email.as_deref(), identity.is_email_verified), (Some("alice@example.com"), true));
    assert_eq!((identity.name.as_deref(), identity.preferred_username.as_deref()), (Some("Alice"), Some("al")));
    assert_eq!(identity.claim("groups").unwrap(), ["staff", "ops"]);
    assert_eq!(identity.claim("role").unwrap(), ["admin"]);
    assert_eq!(identity.claim("/realm_access/roles").unwrap(), ["r"]);
    assert!(!format!("{identity:?}").contains("staff"));
}

#[test]
fn what_is_not_said_or_misshapen_is_nothing() {
    for more in [
        json!({}),
        json!({"auth_time": "x", "sid": 1, "email": "a\nb", "email_verified": 1, "name": ["A"], "preferred_username": "", "groups": [1]}),
    ] {
        let identity = with(&more);
        assert_eq!((identity.authenticated_at, &identity.session_id, identity.is_email_verified), (None, &None, false), "{more}");
        assert_eq!((&identity.email, &identity.name, &identity.preferred_username), (&None, &None, &None), "{more}");
        assert_eq!(identity.claim("groups"), None, "{more}");
    }
}

#[test]
fn an_id_token_that_names_an_access_token_came_with_that_one() {
    // OpenID Connect Core, appendix A.3, has this pair for SHA-256; the others are the left halves of `openssl dgst -sha384` and `-sha512`.
    let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    for (key, algorithm, hash) in [
        (Key::p256(), "ES256", "77QmUPtjPfzWtF2AnpK9RQ"),
        (Key::rsa(), "RS256", "77QmUPtjPfzWtF2AnpK9RQ"),
        (Key::p384(), "ES384", "jtAeDp945y1dDqU3nkIVGNZP1HjH_MFs"),
        (Key::ed25519(), "EdDSA", "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM"),
    ] {
        let more = json!({"at_hash": hash});
        assert!(judged(&key, algorithm, &more, Some(token)).is_ok(), "{algorithm}");
        assert!(judged(&key, algorithm, &more, None).is_ok(), "{algorithm}");
        assert_eq!(judged(&key, algorithm, &more, Some("other")), Err(Refusal::WrongAccessToken), "{algorithm}");
    }
    assert!(judged(&Key::p256(), "ES256", &json!({}), Some(token)).is_ok());
    let misshapen = judged(&Key::p256(), "ES256", &json!({"at_hash": 1}), Some(token));
    assert_eq!(misshapen, Err(Refusal::MalformedClaim(ClaimName::AccessTokenHash)));
}
