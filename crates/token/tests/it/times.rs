//! Is a token good from exactly its first second to exactly its last?

use serde_json::{Value, json};
use token::{ClaimName, MAX_LEEWAY_SECONDS, Part, Refusal, Trust};

use crate::support::*;

fn refusal(trust: &Trust, more: &Value) -> Option<Refusal> {
    refusal_of(trust, &claims(more))
}

fn refusal_of(trust: &Trust, claims: &str) -> Option<Refusal> {
    let key = Key::p256();
    let keys = key_set(&[key.jwk(&json!({}))]);
    judge(&key.sign(r#"{"alg":"ES256"}"#, claims), trust, &keys).err()
}

fn with_leeway(leeway_seconds: u64) -> Trust {
    Trust { leeway_seconds, ..trust() }
}

fn with_cap(max_lifetime_seconds: u64) -> Trust {
    Trust { max_lifetime_seconds: Some(max_lifetime_seconds), leeway_seconds: 30, ..trust() }
}

#[test]
fn a_token_is_refused_from_the_second_it_expires() {
    for leeway in [0, 30, 120] {
        let last_good = json!({"iat": NOW - 600, "exp": NOW - leeway + 1});
        let first_bad = json!({"iat": NOW - 600, "exp": NOW - leeway});
        assert_eq!(refusal(&with_leeway(leeway), &last_good), None, "{leeway}");
        let refused = refusal(&with_leeway(leeway), &first_bad).unwrap();
        assert!(refused.is_expired() && refused.code() == "expired", "{leeway}");
    }
}

#[test]
fn a_token_is_good_from_the_second_of_nbf() {
    for leeway in [0, 30, 120] {
        assert_eq!(refusal(&with_leeway(leeway), &json!({"nbf": NOW + leeway})), None, "{leeway}");
        assert_eq!(refusal(&with_leeway(leeway), &json!({"nbf": NOW + leeway + 1})), Some(Refusal::NotYetValid), "{leeway}");
    }
}

#[test]
fn a_token_is_not_issued_in_the_future() {
    for leeway in [0, 30, 120] {
        assert_eq!(refusal(&with_leeway(leeway), &json!({"iat": NOW + leeway})), None, "{leeway}");
        assert_eq!(refusal(&with_leeway(leeway), &json!({"iat": NOW + leeway + 1})), Some(Refusal::IssuedInFuture), "{leeway}");
    }
}

#[test]
fn the_leeway_is_never_more_than_two_minutes() {
    assert_eq!(MAX_LEEWAY_SECONDS, 120);
    let trust = with_leeway(u64::MAX);
    assert_eq!(refusal(&trust, &json!({"iat": NOW - 600, "exp": NOW - 119})), None);
    assert_eq!(refusal(&trust, &json!({"iat": NOW - 600, "exp": NOW - 120})), Some(Refusal::Expired));
    assert_eq!(refusal(&trust, &json!({"nbf": NOW + 121})), Some(Refusal::NotYetValid));
}

#[test]
fn a_token_without_exp_is_refused() {
    assert_eq!(refusal(&trust(), &json!({"exp": null})), Some(Refusal::MissingClaim(ClaimName::ExpiresAt)));
}

#[test]
fn a_time_that_is_not_a_number_of_seconds_is_refused() {
    for (name, claim) in [("exp", ClaimName::ExpiresAt), ("nbf", ClaimName::NotBefore), ("iat", ClaimName::IssuedAt)] {
        let milliseconds = NOW * 1000;
        for bad in [
            json!((NOW + 300).to_string()),
            json!([NOW + 300]),
            json!({}),
            json!(true),
            json!(-1),
            json!(-0.5),
            json!(1e300),
            json!(u64::MAX),
            json!(253_402_300_800_u64),
            json!(milliseconds),
        ] {
            assert_eq!(refusal(&trust(), &json!({name: bad})), Some(Refusal::MalformedClaim(claim)), "{name} {bad}");
        }
    }
}

#[test]
fn a_time_that_json_cannot_hold_is_refused() {
    for huge in ["1e999", "NaN", "Infinity", "-Infinity", "01", "0x10"] {
        let claims = claims(&json!({"exp": "HERE"})).replace("\"HERE\"", huge);
        assert_eq!(refusal_of(&trust(), &claims), Some(Refusal::Malformed(Part::Claims)), "{huge}");
    }
    let beyond_64_bits = claims(&json!({"exp": "HERE"})).replace("\"HERE\"", "99999999999999999999999");
    assert_eq!(refusal_of(&trust(), &beyond_64_bits), Some(Refusal::MalformedClaim(ClaimName::ExpiresAt)));
}

#[test]
fn a_fraction_of_a_second_is_dropped() {
    let trust = with_leeway(0);
    let fraction = |seconds: u64, name: &str| {
        let whole = claims(&json!({"iat": NOW - 5, name: "HERE"}));
        refusal_of(&trust, &whole.replace("\"HERE\"", &format!("{seconds}.9")))
    };
    assert_eq!(fraction(NOW + 1, "exp"), None);
    assert_eq!(fraction(NOW, "exp"), Some(Refusal::Expired));
    assert_eq!(fraction(NOW, "nbf"), None);
    assert_eq!(fraction(NOW + 1, "nbf"), Some(Refusal::NotYetValid));
}

#[test]
fn the_last_second_of_the_year_9999_is_the_last_time_there_is() {
    assert_eq!(refusal(&trust(), &json!({"exp": 253_402_300_799_u64})), None);
}

#[test]
fn a_lifetime_over_the_cap_is_refused() {
    assert_eq!(refusal(&with_cap(900), &json!({"exp": NOW + 900})), None);
    assert_eq!(refusal(&with_cap(900), &json!({"exp": NOW + 901})), Some(Refusal::LifetimeTooLong));
    assert_eq!(refusal(&with_cap(900), &json!({"iat": NOW - 600, "exp": NOW + 300})), None);
    assert_eq!(refusal(&with_cap(900), &json!({"iat": NOW - 601, "exp": NOW + 300})), Some(Refusal::LifetimeTooLong));
    assert_eq!(refusal(&trust(), &json!({"exp": NOW + 86_400 * 365})), None);
}

#[test]
fn without_iat_the_lifetime_counts_from_now_and_the_leeway_is_added() {
    assert_eq!(refusal(&with_cap(900), &json!({"iat": null, "exp": NOW + 930})), None);
    assert_eq!(refusal(&with_cap(900), &json!({"iat": null, "exp": NOW + 931})), Some(Refusal::LifetimeTooLong));
    let exact = Trust { leeway_seconds: 0, ..with_cap(900) };
    assert_eq!(refusal(&exact, &json!({"iat": null, "exp": NOW + 900})), None);
    assert_eq!(refusal(&exact, &json!({"iat": null, "exp": NOW + 901})), Some(Refusal::LifetimeTooLong));
}
