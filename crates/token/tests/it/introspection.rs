//! Is what another server says about a token held to the same rules as a token?

use oauth::actors::Actors;
use oauth::introspection::Introspection;
use serde_json::{Value, json};
use token::mint::{MintRequest, Minter, generate_es256_key};
use token::{
    ClaimName, Claims, KeySet, MAX_UNSAID_LIFETIME_SECONDS, Presented, Refusal, Thumbprint, Trust, Unverified, Verified, dpop, introspect,
};

use crate::support::{AUDIENCE, ISSUER, Key, NOW, merge, trust};

const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

fn answer(more: &Value) -> Introspection {
    let mut answer = json!({"active": true, "iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "exp": NOW + 300, "token_type": "Bearer"});
    merge(&mut answer, more);
    Introspection::read(answer.to_string().as_bytes()).unwrap()
}

fn judged(more: &Value, trust: &Trust, presented: Presented<'_>, unsaid: Option<u64>) -> Result<Claims, Refusal> {
    Verified::from_introspection(&answer(more), trust, presented, unsaid, NOW).map(Verified::into_inner)
}

fn verdict(more: &Value) -> Result<Claims, Refusal> {
    judged(more, &trust(), Presented::AsBearer, None)
}

#[test]
fn a_good_answer_becomes_claims() {
    let claims = verdict(&json!({"client_id": "app", "scope": "b a", "iat": NOW, "nbf": NOW, "jti": "j", "grant_id": "g"})).unwrap();
    assert_eq!(
        claims,
        Claims {
            issuer: Some(ISSUER.into()),
            subject: "alice".into(),
            audiences: vec![AUDIENCE.into()],
            client_id: Some("app".into()),
            scopes: oauth::scope::ScopeSet::parse("a b").unwrap(),
            expires_at: NOW + 300,
            issued_at: Some(NOW),
            not_before: Some(NOW),
            jwt_id: Some("j".into()),
            grant_id: Some("g".into()),
            confirmation: None,
            key_id: None,
        }
    );
}

#[test]
fn an_inactive_token_is_refused_whatever_else_is_said() {
    assert_eq!(verdict(&json!({"active": false})), Err(Refusal::Inactive));
}

#[test]
fn the_audience_is_ours_and_never_taken_for_granted() {
    for good in [json!(AUDIENCE), json!(["https://other.example", AUDIENCE])] {
        assert!(verdict(&json!({"aud": good})).is_ok(), "{good}");
    }
    for (bad, expected) in [
        (Value::Null, Refusal::MissingClaim(ClaimName::Audience)),
        (json!([]), Refusal::MissingClaim(ClaimName::Audience)),
        (json!(""), Refusal::WrongAudience),
        (json!("https://other.example"), Refusal::WrongAudience),
        (json!(format!("{AUDIENCE}/")), Refusal::WrongAudience),
    ] {
        assert_eq!(verdict(&json!({"aud": bad})), Err(expected), "{bad}");
    }
    let nobody = Trust { audiences: vec![String::new()], ..trust() };
    assert_eq!(judged(&json!({"aud": ""}), &nobody, Presented::AsBearer, None), Err(Refusal::WrongAudience));
}

#[test]
fn the_issuer_is_the_one_that_was_asked_whether_it_says_so_or_not() {
    assert_eq!(verdict(&json!({"iss": null})).unwrap().issuer.as_deref(), Some(ISSUER));
    assert_eq!(verdict(&json!({"iss": "https://evil.example"})), Err(Refusal::WrongIssuer));
    assert_eq!(verdict(&json!({"iss": format!("{ISSUER}/")})), Err(Refusal::WrongIssuer));
}

#[test]
fn the_times_are_those_of_a_token() {
    for (more, expected) in [
        (json!({"exp": NOW - 30}), Refusal::Expired),
        (json!({"nbf": NOW + 31}), Refusal::NotYetValid),
        (json!({"iat": NOW + 31}), Refusal::IssuedInFuture),
        (json!({"exp": null}), Refusal::MissingClaim(ClaimName::ExpiresAt)),
    ] {
        assert_eq!(verdict(&more), Err(expected), "{more}");
    }
    let short = Trust { max_lifetime_seconds: Some(60), ..trust() };
    assert_eq!(judged(&json!({"iat": NOW}), &short, Presented::AsBearer, None), Err(Refusal::LifetimeTooLong));
}

#[test]
fn a_token_whose_end_is_not_said_is_believed_for_a_short_time() {
    let without_end = |unsaid| judged(&json!({"exp": null}), &trust(), Presented::AsBearer, unsaid).map(|claims| claims.expires_at);
    assert_eq!(without_end(Some(10)), Ok(NOW + 10));
    assert_eq!(without_end(Some(86_400)), Ok(NOW + MAX_UNSAID_LIFETIME_SECONDS));
    // What is said counts.
    assert_eq!(judged(&json!({}), &trust(), Presented::AsBearer, Some(10)).unwrap().expires_at, NOW + 300);
}

#[test]
fn only_an_access_token_is_one() {
    for good in
        [json!({"token_type": null}), json!({"token_type": "bearer"}), json!({"token_use": "access_token"}), json!({"typ": "Bearer"})]
    {
        assert!(verdict(&good).is_ok(), "{good}");
    }
    for bad in [
        json!({"token_type": "refresh_token"}),
        json!({"token_type": "mac"}),
        json!({"token_use": "refresh_token"}),
        json!({"token_use": "id"}),
        json!({"typ": "Refresh"}),
        json!({"typ": "ID"}),
        json!({"typ": "oauth-id-jag+jwt"}),
    ] {
        assert_eq!(verdict(&bad), Err(Refusal::WrongType), "{bad}");
    }
}

#[test]
fn names_are_plain_texts() {
    assert_eq!(verdict(&json!({"sub": null})), Err(Refusal::MissingClaim(ClaimName::Subject)));
    for (name, claim) in
        [("sub", ClaimName::Subject), ("client_id", ClaimName::ClientId), ("jti", ClaimName::JwtId), ("grant_id", ClaimName::GrantId)]
    {
        for bad in ["", "a\nb", &"x".repeat(2049)] {
            assert_eq!(verdict(&json!({name: bad})), Err(Refusal::MalformedClaim(claim)), "{name} {bad:?}");
        }
    }
}

#[test]
fn a_bound_token_needs_a_proof_of_its_key() {
    let key = Key::p256();
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk(&json!({}))});
    let proof = json!({"jti": "p", "htm": "POST", "htu": AUDIENCE, "iat": NOW, "ath": "PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A"});
    let asked = dpop::Asked { method: "POST", url: AUDIENCE, access_token: Some("token"), nonces: &[] };
    let proof = dpop::verify(&key.sign(&header.to_string(), &proof.to_string()), &asked, NOW).unwrap();
    let with = |more: &Value, presented: Presented<'_>| judged(more, &trust(), presented, None).map(|claims| claims.confirmation);
    let bound = json!({"token_type": "DPoP", "cnf": {"jkt": proof.thumbprint}});
    assert_eq!(with(&bound, Presented::WithProof(&proof)), Ok(Some(proof.thumbprint)));
    assert_eq!(with(&bound, Presented::AsBearer), Err(Refusal::SenderConstrained));
    assert_eq!(with(&json!({"cnf": {"jkt": JKT}}), Presented::WithProof(&proof)), Err(Refusal::WrongProof));
    assert_eq!(with(&json!({}), Presented::WithProof(&proof)), Err(Refusal::NotSenderConstrained));
    assert_eq!(with(&json!({"token_type": "DPoP"}), Presented::AsBearer), Err(Refusal::SenderConstrained));
    assert_eq!(with(&json!({"token_type": "DPoP"}), Presented::WithProof(&proof)), Err(Refusal::SenderConstrained));
    assert_eq!(with(&json!({"cnf": {"x5t#S256": "x"}}), Presented::WithProof(&proof)), Err(Refusal::SenderConstrained));
    assert_eq!(with(&json!({"cnf": {"jkt": "x"}}), Presented::AsBearer), Err(Refusal::MalformedClaim(ClaimName::Confirmation)));
}

#[test]
fn what_we_say_about_a_token_of_our_own_is_what_it_says() {
    let minter = Minter::es256_by_thumbprint(&generate_es256_key().unwrap()).unwrap();
    let keys = KeySet::from_jwks(minter.public_jwks().unwrap().as_bytes()).unwrap().0;
    let request = MintRequest {
        issuer: Some(ISSUER.into()),
        client_id: Some("app".into()),
        scopes: oauth::scope::ScopeSet::parse("b a").unwrap(),
        grant_id: Some("g".into()),
        jwt_id: Some("j".into()),
        auth_time: Some(NOW - 9),
        actors: Actors::default().and_then("first".into()).and_then("second".into()),
        ..MintRequest::new(AUDIENCE, "alice", 300)
    };
    let said = |request: &MintRequest, now: u64| {
        let token = minter.mint(request, NOW).unwrap();
        let answer = introspect(&Unverified::parse(&token).unwrap(), &trust(), &keys, now)?;
        Ok::<_, Refusal>(serde_json::from_slice::<Value>(&answer.to_json().unwrap()).unwrap())
    };
    let expected = json!({
        "active": true, "iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "client_id": "app", "scope": "a b", "token_type": "Bearer", "exp": NOW + 300,
        "iat": NOW, "auth_time": NOW - 9, "jti": "j", "grant_id": "g", "act": {"sub": "second", "act": {"sub": "first"}},
    });
    assert_eq!(said(&request, NOW), Ok(expected));
    let key = Thumbprint::parse(JKT).unwrap();
    let bound = said(&MintRequest { confirmation: Some(key), ..request.clone() }, NOW).unwrap();
    assert_eq!((&bound["token_type"], &bound["cnf"]), (&json!("DPoP"), &json!({"jkt": JKT})));
    assert_eq!(said(&request, NOW + 3600), Err(Refusal::Expired));
    assert_eq!(said(&MintRequest { audiences: vec!["https://other.example".into()], ..request }, NOW), Err(Refusal::WrongAudience));
}
