//! Who are we at Google? What a file of credentials says: a service account with its key, or a token of elsewhere to exchange (workload identity federation).

use std::path::{Path, PathBuf};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use super::token::{Given, given};
use super::{Caller, bearer, secret, word_of};
use crate::missing::Cause;
use crate::slot::Clock;
use crate::source::file::read;
use crate::source::{OpenFiles, reach};
use crate::value::Value;

/// What a file of credentials holds.
pub(super) enum Account {
    External(ExternalAccount),
    Service(ServiceAccount),
}

/// A key that makes us a service account.
#[derive(Deserialize)]
pub(super) struct ServiceAccount {
    client_email: String,
    #[serde(deserialize_with = "secret")]
    private_key: SecretString,
    private_key_id: Option<String>,
    token_uri: String,
}

/// A token of somebody else's, in a file, that Google takes for ours.
#[derive(Deserialize)]
pub(super) struct ExternalAccount {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: TokenFile,
    service_account_impersonation_url: Option<String>,
}

#[derive(Deserialize)]
struct TokenFile {
    file: PathBuf,
    #[serde(default)]
    format: TokenFormat,
}

#[derive(Default, Deserialize)]
struct TokenFormat {
    /// The member of the JSON in the file; none: the file is the token.
    subject_token_field_name: Option<String>,
}

impl Account {
    /// Reads the file anew: whoever exchanges it need not tell us.
    pub(super) async fn read(path: &Path) -> Result<Self, Cause> {
        #[derive(Deserialize)]
        struct Kind {
            r#type: Box<str>,
        }
        let text = content(path.to_owned(), OpenFiles::Warn).await?;
        let unfit = |_| Cause::NotConfigured { what: UNFIT_FILE };
        let kind: Kind = serde_json::from_str(text.expose()).map_err(unfit)?;
        match &*kind.r#type {
            "external_account" => serde_json::from_str(text.expose()).map(Self::External).map_err(unfit),
            "service_account" => serde_json::from_str(text.expose()).map(Self::Service).map_err(unfit),
            _ => Err(Cause::NotConfigured { what: UNFIT_FILE }),
        }
    }

    /// Asks for a token.
    pub(super) async fn token(&self, caller: &Caller, clock: &Clock) -> Result<Given, Cause> {
        match self {
            Self::External(account) => account.token(caller, clock).await,
            Self::Service(account) => account.token(caller, clock() / 1000).await,
        }
    }
}

impl ServiceAccount {
    async fn token(&self, caller: &Caller, now: u64) -> Result<Given, Cause> {
        let assertion = self.assertion(now)?;
        post_form(caller, &self.token_uri, &[("grant_type", JWT_BEARER), ("assertion", &assertion)]).await
    }

    /// RFC 7523 §3: who we are, signed with the account's key.
    fn assertion(&self, now: u64) -> Result<Zeroizing<String>, Cause> {
        let unfit = Cause::NotConfigured { what: UNFIT_KEY };
        let key = PrivatePkcs8KeyDer::from_pem_slice(self.private_key.expose_secret().as_bytes()).map_err(|_| unfit.clone())?;
        let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(|_| unfit.clone())?;
        let head = json!({"alg": "RS256", "typ": "JWT", "kid": self.private_key_id});
        let claims = json!({
            "iss": self.client_email, "scope": SCOPE, "aud": self.token_uri, "iat": now, "exp": now.saturating_add(ASSERTION_SECONDS),
        });
        let encode = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
        let mut assertion = format!("{}.{}", encode(head.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), assertion.as_bytes(), &mut signature).map_err(|_| unfit)?;
        assertion.push('.');
        assertion.push_str(&encode(&signature));
        Ok(Zeroizing::new(assertion))
    }
}

impl ExternalAccount {
    async fn token(&self, caller: &Caller, clock: &Clock) -> Result<Given, Cause> {
        let subject = self.subject_token().await?;
        let fields = [
            ("grant_type", TOKEN_EXCHANGE),
            ("audience", &self.audience),
            ("scope", SCOPE),
            ("requested_token_type", ACCESS_TOKEN),
            ("subject_token_type", &self.subject_token_type),
            ("subject_token", subject.expose()),
        ];
        let exchanged = post_form(caller, &self.token_url, &fields).await?;
        match &self.service_account_impersonation_url {
            Some(url) => impersonate(caller, url, &exchanged.access_token, clock).await,
            None => Ok(exchanged),
        }
    }

    async fn subject_token(&self) -> Result<Value, Cause> {
        let text = content(self.credential_source.file.clone(), OpenFiles::Accept).await?;
        match &self.credential_source.format.subject_token_field_name {
            Some(member) => crate::member::member(text.expose(), member),
            None => Ok(text),
        }
    }
}

/// Trades our own token for one of the service account that we may act as.
async fn impersonate(caller: &Caller, url: &str, token: &SecretString, clock: &Clock) -> Result<Given, Cause> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Impersonated {
        #[serde(deserialize_with = "secret")]
        access_token: SecretString,
        expire_time: jiff::Timestamp,
    }
    let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer(token)?), (CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let answer = caller.call(Method::POST, url, headers, json!({"scope": [SCOPE]}).to_string().into()).await?;
    if answer.status != StatusCode::OK {
        let code = word_of(&answer.body);
        return Err(reach::answered("Google's service for acting as a service account", answer.status.as_u16(), code.as_deref()));
    }
    let answer: Impersonated = serde_json::from_slice(&answer.body)
        .map_err(|_| Cause::BadAnswer { detail: "Google's service for acting as a service account gives no token".into() })?;
    let until = u64::try_from(answer.expire_time.as_second()).unwrap_or_default();
    Ok(Given { access_token: answer.access_token, expires_in: until.saturating_sub(clock() / 1000) })
}

async fn post_form(caller: &Caller, url: &str, fields: &[(&str, &str)]) -> Result<Given, Cause> {
    // Room for all of it from the start, though every byte be escaped: growing would leave copies behind.
    let room = fields.iter().map(|(name, value)| 3 * value.len() + name.len() + 2).sum();
    let form = Zeroizing::new(Serializer::new(String::with_capacity(room)).extend_pairs(fields).finish().into_bytes());
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))]);
    let answer = caller.call(Method::POST, url, headers, Bytes::from_owner(form)).await?;
    given(answer.status, &answer.body)
}

/// A small text file.
async fn content(path: PathBuf, open_files: OpenFiles) -> Result<Value, Cause> {
    let read = tokio::task::spawn_blocking(move || read(&path, open_files)).await;
    read.unwrap_or(Err(Cause::Unavailable { detail: "reading a file of credentials was given up".into() })).map(|fetched| fetched.value)
}

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The longest that Google takes.
const ASSERTION_SECONDS: u64 = 3600;
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The only scope of Secret Manager; what we may really do is the business of IAM.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const UNFIT_FILE: &str =
    "who we are at Google: the file of credentials is neither the key of a service account nor a workload identity with a token in a file";
const UNFIT_KEY: &str = "who we are at Google: the private key in the file of credentials is no RSA key";

#[cfg(test)]
mod tests;
