//! Which files are read, and what is signed.

use std::io::Write as _;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::prelude::BASE64_STANDARD;
use tempfile::NamedTempFile;

use super::*;

fn file(content: &serde_json::Value) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content.to_string().as_bytes()).unwrap();
    file
}

fn service_account(key: &str) -> serde_json::Value {
    json!({
        "type": "service_account", "project_id": "p", "client_email": "door@p.iam.gserviceaccount.com", "private_key": key, "private_key_id": "k1",
        "token_uri": "https://oauth2.googleapis.com/token",
    })
}

async fn read_account(content: &serde_json::Value) -> Result<Account, Cause> {
    Account::read(file(content).path()).await
}

#[tokio::test]
async fn assertion_is_signed_and_says_who_for_whom_and_until_when() {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = key.as_der().unwrap();
    let der: &[u8] = der.as_ref();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64_STANDARD.encode(der));
    let Ok(Account::Service(account)) = read_account(&service_account(&pem)).await else { panic!("not a service account") };
    let assertion = account.assertion(1_000).unwrap();
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    public.verify(signed.as_bytes(), &signature).unwrap();
    let parts: Vec<serde_json::Value> =
        signed.split('.').map(|part| serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()).collect();
    assert_eq!(parts[0], json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    assert_eq!(
        parts[1],
        json!({"iss": "door@p.iam.gserviceaccount.com", "scope": SCOPE, "aud": "https://oauth2.googleapis.com/token", "iat": 1_000, "exp": 4_600})
    );
}

#[tokio::test]
async fn key_that_is_none_is_said_without_showing_it() {
    let Ok(Account::Service(account)) = read_account(&service_account("hunter2")).await else { panic!("not a service account") };
    assert_eq!(account.assertion(0).unwrap_err(), Cause::NotConfigured { what: UNFIT_KEY });
}

#[tokio::test]
async fn token_of_elsewhere_is_read_from_its_file() {
    let external = |token: &NamedTempFile, format: serde_json::Value| {
        json!({
            "type": "external_account", "audience": "//iam.googleapis.com/x", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": "https://sts.googleapis.com/v1/token", "credential_source": {"file": token.path(), "format": format},
        })
    };
    let token = file(&json!({"token": "hunter2"}));
    let named = external(&token, json!({"type": "json", "subject_token_field_name": "token"}));
    for (content, expected) in [(named, "hunter2"), (external(&token, json!({})), r#"{"token":"hunter2"}"#)] {
        let Ok(Account::External(account)) = read_account(&content).await else { panic!("not an external account") };
        assert_eq!(account.subject_token().await.unwrap().expose(), expected);
    }
}

#[tokio::test]
async fn other_files_are_refused() {
    let by_program = json!({
        "type": "external_account", "audience": "a", "subject_token_type": "t", "token_url": "u", "credential_source": {"executable": {"command": "x"}},
    });
    for content in [json!({"type": "authorized_user"}), json!({}), json!([]), json!({"type": "service_account"}), by_program] {
        assert_eq!(read_account(&content).await.err(), Some(Cause::NotConfigured { what: UNFIT_FILE }), "{content}");
    }
    assert_eq!(Account::read(Path::new("/nonexistent")).await.err(), Some(Cause::Unreadable(std::io::ErrorKind::NotFound)));
}
