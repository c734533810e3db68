//! Is a token minted only from sensible wishes, and laid out as others expect it?

use super::*;
use crate::dpop::Proof;
use crate::inspect::inspect;
use crate::key_set::KeySet;
use crate::presented::Presented;
use crate::refusal::Refusal;
use crate::trust::Trust;
use crate::unverified::Unverified;
use crate::verify::{Verified, verify};

const NOW: u64 = 1_800_000_000;

fn minter() -> Minter {
    Minter::shared_secret(&SharedSecret::new(b"0123456789abcdef0123456789abcdef").unwrap())
}

fn request() -> MintRequest {
    MintRequest::new("filesystem", "admin", 900)
}

fn refusal(request: &MintRequest) -> Option<MintError> {
    minter().mint(request, NOW).err()
}

#[test]
fn one_audience_is_a_string_and_no_empty_member_is_written() {
    let request = MintRequest { jwt_id: Some("id".into()), ..request() };
    let shown = inspect(&minter().mint(&request, NOW).unwrap()).unwrap();
    assert_eq!(shown.header, "{\n  \"alg\": \"HS256\",\n  \"typ\": \"JWT\"\n}");
    assert_eq!(
        shown.claims,
        "{\n  \"sub\": \"admin\",\n  \"aud\": \"filesystem\",\n  \"iat\": 1800000000,\n  \"exp\": 1800000900,\n  \"jti\": \"id\"\n}"
    );
    assert_eq!((shown.issued_at, shown.expires_at, shown.fault), (Some(NOW), Some(NOW + 900), None));
}

#[test]
fn several_audiences_are_a_list() {
    let request = MintRequest { audiences: vec!["a".into(), "b".into()], ..request() };
    let shown = inspect(&minter().mint(&request, NOW).unwrap()).unwrap();
    assert!(shown.claims.contains("\"aud\": [\n    \"a\",\n    \"b\"\n  ]"), "{}", shown.claims);
}

#[test]
fn an_es256_token_names_its_key_and_its_type() {
    let minter = Minter::es256(&generate_es256_key().unwrap(), "k1").unwrap();
    let shown = inspect(&minter.mint(&request(), NOW).unwrap()).unwrap();
    assert_eq!(shown.header, "{\n  \"alg\": \"ES256\",\n  \"typ\": \"at+jwt\",\n  \"kid\": \"k1\"\n}");
}

#[test]
fn grant_key_actor_and_time_of_sign_in_are_written_when_there_are_any() {
    let thumbprint = Thumbprint::parse("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I").unwrap();
    let request = MintRequest {
        grant_id: Some("g".into()),
        confirmation: Some(thumbprint),
        actors: Actors::default().and_then("b".into()).and_then("c".into()),
        auth_time: Some(NOW - 60),
        ..request()
    };
    let shown = inspect(&minter().mint(&request, NOW).unwrap()).unwrap();
    let end = ",\n  \"grant_id\": \"g\",\n  \"auth_time\": 1799999940,\n  \"act\": {\n    \"sub\": \"c\",\n    \"act\": {\n      \"sub\": \"b\"\n    }\n  },\n  \"cnf\": {\n    \"jkt\": \"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I\"\n  }\n}";
    assert!(shown.claims.ends_with(end), "{}", shown.claims);
}

#[test]
fn a_bound_token_is_good_with_a_proof_of_its_key_and_not_without() {
    let minter = Minter::es256_by_thumbprint(&generate_es256_key().unwrap()).unwrap();
    let [key, other] = ["a", "b"].map(|x| Thumbprint::of_members(&[("x", x)]));
    let proof = |thumbprint| Verified::vouch(Proof { thumbprint, jwt_id: "j".into(), issued_at: NOW, is_for_a_token: true });
    let keys = KeySet::from_jwks(minter.public_jwks().unwrap().as_bytes()).unwrap().0;
    let trust = Trust::new(None, vec!["filesystem".into()]);
    let judge = |token: &str, presented: Presented<'_>| {
        verify(&Unverified::parse(token).unwrap(), &trust, &keys, presented, NOW).map(|claims| claims.confirmation)
    };
    let bound = minter.mint(&MintRequest { confirmation: Some(key), ..request() }, NOW).unwrap();
    assert_eq!(judge(&bound, Presented::WithProof(&proof(key))), Ok(Some(key)));
    assert_eq!(judge(&bound, Presented::WithProof(&proof(other))), Err(Refusal::WrongProof));
    assert_eq!(judge(&bound, Presented::AsBearer), Err(Refusal::SenderConstrained));
    let unbound = minter.mint(&request(), NOW).unwrap();
    assert_eq!(judge(&unbound, Presented::AsBearer), Ok(None));
    assert_eq!(judge(&unbound, Presented::WithProof(&proof(key))), Err(Refusal::NotSenderConstrained));
}

#[test]
fn a_key_may_be_named_by_its_thumbprint() {
    let minter = Minter::es256_by_thumbprint(&generate_es256_key().unwrap()).unwrap();
    let jwk = minter.public_jwk().unwrap();
    assert_eq!(minter.key_id(), jwk["kid"].as_str());
    assert_eq!(Thumbprint::of_jwk(&jwk.to_string()).unwrap().to_string(), minter.key_id().unwrap());
    assert_eq!(minter.thumbprint().unwrap().to_string(), minter.key_id().unwrap());
}

#[test]
fn each_token_has_its_own_random_id() {
    assert_ne!(minter().mint(&request(), NOW), minter().mint(&request(), NOW));
}

#[test]
fn a_secret_has_no_public_key() {
    let minter = minter();
    assert_eq!((minter.public_jwks(), minter.public_jwk(), minter.key_id(), minter.thumbprint()), (None, None, None, None));
}

#[test]
fn a_token_needs_an_audience() {
    for audiences in [vec![], vec![String::new()], vec!["a".into(), String::new()]] {
        assert_eq!(refusal(&MintRequest { audiences, ..request() }), Some(MintError::NoAudience));
    }
}

#[test]
fn texts_that_the_door_would_refuse_are_not_signed() {
    for bad in ["", "a\nb", "a\u{0}"] {
        assert_eq!(refusal(&MintRequest { subject: bad.into(), ..request() }), Some(MintError::BadText));
        assert_eq!(refusal(&MintRequest { client_id: Some(bad.into()), ..request() }), Some(MintError::BadText));
        assert_eq!(refusal(&MintRequest { issuer: Some(bad.into()), ..request() }), Some(MintError::BadText));
        assert_eq!(refusal(&MintRequest { actors: Actors::default().and_then(bad.into()), ..request() }), Some(MintError::BadText));
        assert_eq!(refusal(&MintRequest { jwt_id: Some(bad.into()), ..request() }), Some(MintError::BadText));
        assert_eq!(refusal(&MintRequest { grant_id: Some(bad.into()), ..request() }), Some(MintError::BadText));
    }
}

#[test]
fn a_token_lives_from_one_second_to_thirty_days() {
    for (ttl_seconds, expected) in
        [(0, Some(MintError::BadLifetime)), (1, None), (MAX_TTL_SECONDS, None), (MAX_TTL_SECONDS + 1, Some(MintError::BadLifetime))]
    {
        assert_eq!(refusal(&MintRequest { ttl_seconds, ..request() }), expected, "{ttl_seconds}");
    }
}

#[test]
fn a_token_longer_than_the_door_reads_is_not_signed() {
    let audiences = vec!["a".repeat(1000); 16];
    assert_eq!(refusal(&MintRequest { audiences, ..request() }), Some(MintError::TooLong));
}

#[test]
fn bytes_that_are_not_a_key_are_refused() {
    assert_eq!(Minter::es256(b"not a key", "k").err(), Some(MintError::NotAKey));
}

#[test]
fn generated_secrets_differ_and_are_strong_enough() {
    let (first, second) = (generate_secret().unwrap(), generate_secret().unwrap());
    assert_ne!(*first, *second);
    assert!(SharedSecret::new(first.as_slice()).is_ok());
}
