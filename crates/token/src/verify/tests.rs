//! Do the examples of RFC 7515 appendix A verify? They have no `aud` and no `sub`, so only
//! their signatures are judged here; the rules around them are tested in `tests/it`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::algorithm::Algorithm;
use crate::id_token::{Asked, verify_id_token};
use crate::shared_secret::SharedSecret;

const A1_HEADER: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const A1_SIGNATURE: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const A1_SECRET: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const A2_HEADER: &str = "eyJhbGciOiJSUzI1NiJ9";
const A2_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const A2_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const A3_HEADER: &str = "eyJhbGciOiJFUzI1NiJ9";
const A3_KEY: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
const A3_SIGNATURE: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

fn judge(header: &str, signature: &str, keys: &KeySet) -> Result<Algorithm, Refusal> {
    let token = format!("{header}.{CLAIMS}.{signature}");
    let unverified = Unverified::parse(&token)?;
    assert_eq!((unverified.issuer(), unverified.key_id()), (Some("joe"), None));
    signing_key(&unverified, keys).map(VerificationKey::algorithm)
}

fn secret() -> KeySet {
    let secret = URL_SAFE_NO_PAD.decode(A1_SECRET).unwrap();
    KeySet::shared_secrets(vec![SharedSecret::new(&secret).unwrap()])
}

fn public(jwks: &str) -> KeySet {
    let (keys, skipped) = KeySet::from_jwks(jwks.as_bytes()).unwrap();
    assert!(skipped.is_empty());
    keys
}

#[test]
fn rfc_7515_a1_verifies_with_hmac() {
    assert_eq!(judge(A1_HEADER, A1_SIGNATURE, &secret()), Ok(Algorithm::Hs256));
}

#[test]
fn rfc_7515_a2_verifies_with_rsa() {
    let keys = public(&format!(r#"{{"keys":[{{"kty":"RSA","n":"{A2_MODULUS}","e":"AQAB"}}]}}"#));
    assert_eq!(judge(A2_HEADER, A2_SIGNATURE, &keys), Ok(Algorithm::Rs256));
}

#[test]
fn rfc_7515_a3_verifies_with_ecdsa() {
    assert_eq!(judge(A3_HEADER, A3_SIGNATURE, &public(A3_KEY)), Ok(Algorithm::Es256));
}

#[test]
fn the_signature_of_one_example_does_not_fit_another() {
    assert_eq!(judge(A3_HEADER, A1_SIGNATURE, &public(A3_KEY)), Err(Refusal::BadSignature));
    assert_eq!(judge(A1_HEADER, A3_SIGNATURE, &secret()), Err(Refusal::BadSignature));
    assert_eq!(judge(A1_HEADER, A1_SIGNATURE, &public(A3_KEY)), Err(Refusal::AlgorithmMismatch));
    assert_eq!(judge(A3_HEADER, A3_SIGNATURE, &secret()), Err(Refusal::AlgorithmMismatch));
}

#[test]
fn an_example_without_audience_is_not_accepted() {
    let token = format!("{A1_HEADER}.{CLAIMS}.{A1_SIGNATURE}");
    let trust = Trust::new(Some("joe".into()), vec!["joe".into()]);
    let verdict = verify(&Unverified::parse(&token).unwrap(), &trust, &secret(), Presented::AsBearer, 1_300_819_379);
    assert_eq!(verdict, Err(Refusal::MissingClaim(ClaimName::Audience)));
}

#[test]
fn an_id_token_is_believed_by_its_signature_alone() {
    let claims = URL_SAFE_NO_PAD.encode(r#"{"iss":"https://idp","sub":"alice","aud":"door","exp":1700000060,"nonce":"n"}"#);
    let asked = Asked { issuer: "https://idp", client_id: "door", nonce: "n", access_token: None };
    let token = format!("{A3_HEADER}.{claims}.{A3_SIGNATURE}");
    let verdict = verify_id_token(&Unverified::parse(&token).unwrap(), &asked, &public(A3_KEY), 1_700_000_000);
    assert_eq!(verdict, Err(Refusal::BadSignature));
}
