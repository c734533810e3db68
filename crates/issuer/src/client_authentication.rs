//! Has this client proved who it is? (RFC 6749 §2.3, RFC 7523 §2.2)

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use oauth::error_code::ErrorCode;
use oauth::form_fields::Fields;
use secrecy::{ExposeSecret as _, SecretString};
use token::{KeySet, Unverified};
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::client::{Client, Nobody};
use crate::config::ClientProof;
use crate::once::Once;
use crate::refusal::Refusal;
use crate::server::{Inbound, Server};

/// What a client says of itself at an endpoint that programs call.
struct Claim {
    id: String,
    shown: Shown,
    /// It came in the `Authorization` header.
    is_basic: bool,
}

/// What a client shows for it.
enum Shown {
    /// What it has signed, as it came.
    Assertion(String),
    Nothing,
    Secret(Zeroizing<String>),
}

impl Server {
    /// The client that asks, if it has proved who it is as far as it has to.
    pub(crate) async fn authenticate_client(&self, inbound: &Inbound<'_>, fields: &Fields) -> Result<Client, Refusal> {
        let claim = claim(inbound.headers, fields)?;
        let refused = || Refusal { is_challenged: claim.is_basic, ..Refusal::invalid_client() };
        let client = self.client(inbound, &claim.id).await.map_err(|nobody| match nobody {
            Nobody::Failure(failure) => failure.into(),
            Nobody::Unknown | Nobody::Undescribed(_) => refused(),
        })?;
        let is_proved = match (&client.proof, &claim.shown) {
            (ClientProof::None, Shown::Nothing) => true,
            (ClientProof::Secrets(secrets), Shown::Secret(shown)) => is_one_of(secrets, shown),
            (ClientProof::Keys(_) | ClientProof::KeysAt(_), Shown::Assertion(assertion)) => {
                self.is_asserted(inbound, &client, assertion).await?
            }
            // A public client that shows a secret is not who it seems; one with keys has to use them.
            _ => false,
        };
        if is_proved { Ok(client) } else { Err(refused()) }
    }

    /// Whether a client has signed that it is itself, for us alone and just now, and nobody has shown that before.
    async fn is_asserted(&self, inbound: &Inbound<'_>, client: &Client, assertion: &str) -> Result<bool, Refusal> {
        let Ok(unverified) = Unverified::parse(assertion) else { return Ok(false) };
        let keys = match &client.proof {
            ClientProof::Keys(set) => KeySet::from_jwks(set.as_bytes()).map(|(keys, _)| Arc::new(keys)).ok(),
            ClientProof::KeysAt(address) => {
                let fetched = self.others_keys.of_client(address, &unverified, self.errand(inbound)).await;
                Some(fetched.map_err(|why| Refusal::new(ErrorCode::InvalidClient, format!("the client's keys: {why}")))?)
            }
            ClientProof::None | ClientProof::Secrets(_) => None,
        };
        let Some(keys) = keys else { return Ok(false) };
        match token::verify_client_assertion(&unverified, &client.id, &inbound.config.spellings(), &keys, inbound.now) {
            Ok(said) => Ok(self.is_first(Once::ClientAssertion, &client.id, &said.jwt_id, said.expires_at).await?),
            Err(refusal) => {
                tracing::info!(target: "issuer", client = client.id, reason = refusal.code(), "a client's assertion is not good");
                Ok(false)
            }
        }
    }
}

fn claim(headers: &HeaderMap, fields: &Fields) -> Result<Claim, Refusal> {
    let mut presented = headers.get_all(AUTHORIZATION).iter();
    let in_body = (fields.value("client_id"), fields.value("client_secret"), fields.value("client_assertion"));
    match (presented.next(), presented.next(), in_body) {
        (Some(value), None, (id, None, None)) => {
            let claim = value.to_str().ok().and_then(basic).ok_or_else(|| Refusal { is_challenged: true, ..Refusal::invalid_client() })?;
            if id.is_some_and(|id| id != claim.id) {
                return Err(Refusal::invalid_request("`client_id` is another one than in the `Authorization` header"));
            }
            Ok(claim)
        }
        (None, _, (id, None, Some(assertion))) => asserted(id, fields.value("client_assertion_type"), assertion),
        (None, _, (Some(id), secret, None)) => {
            let shown = secret.map_or(Shown::Nothing, |secret| Shown::Secret(Zeroizing::new(secret.to_owned())));
            Ok(Claim { id: id.to_owned(), shown, is_basic: false })
        }
        (None, _, (None, _, None)) => Err(Refusal::new(ErrorCode::InvalidClient, "`client_id` is missing")),
        _ => Err(Refusal::invalid_request("the client must prove itself in one way only")),
    }
}

/// RFC 7521 §4.2: the assertion says who it is, and `client_id` may say the same.
fn asserted(id: Option<&str>, kind: Option<&str>, assertion: &str) -> Result<Claim, Refusal> {
    if kind != Some(JWT_BEARER) {
        return Err(Refusal::new(ErrorCode::InvalidClient, "`client_assertion_type` is missing, or of a kind that is not known here"));
    }
    let unverified = Unverified::parse(assertion).map_err(|_| Refusal::invalid_client())?;
    let said = unverified.issuer().ok_or_else(Refusal::invalid_client)?;
    if id.is_some_and(|id| id != said) {
        return Err(Refusal::invalid_request("`client_id` is another one than in the assertion"));
    }
    Ok(Claim { id: said.to_owned(), shown: Shown::Assertion(assertion.to_owned()), is_basic: false })
}

/// RFC 6749 §2.3.1: both halves are form-encoded.
fn basic(value: &str) -> Option<Claim> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > LONGEST {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    let secret = form_decoded(secret);
    let shown = if secret.is_empty() { Shown::Nothing } else { Shown::Secret(secret) };
    Some(Claim { id: form_decoded(id).to_string(), shown, is_basic: true })
}

/// As it was before it was form-encoded. What a careless client left as it is stays as it is.
fn form_decoded(text: &str) -> Zeroizing<String> {
    let field = Zeroizing::new(format!("={}", text.replace('&', "%26")));
    Zeroizing::new(form_urlencoded::parse(field.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default())
}

/// Compared by their hashes, so that neither length nor content is told by the time that it takes.
fn is_one_of(secrets: &[SecretString], shown: &str) -> bool {
    let shown = digest::digest(&digest::SHA256, shown.as_bytes());
    let is_same = |secret: &SecretString| {
        let secret = digest::digest(&digest::SHA256, secret.expose_secret().as_bytes());
        verify_slices_are_equal(secret.as_ref(), shown.as_ref()).is_ok()
    };
    secrets.iter().fold(false, |found, secret| is_same(secret) | found)
}

/// What kind of assertion there is (RFC 7523 §8.1).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const LONGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(authorization: Option<&'static str>, body: &str) -> Result<(String, Option<String>), &'static str> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, http::HeaderValue::from_static(value));
        }
        let claim = claim(&headers, &Fields::read(body.as_bytes()).unwrap()).map_err(|refusal| refusal.code.name())?;
        let secret = match claim.shown {
            Shown::Secret(secret) => Some(secret.to_string()),
            Shown::Assertion(_) | Shown::Nothing => None,
        };
        Ok((claim.id, secret))
    }

    #[test]
    fn a_client_says_who_it_is_in_one_way() {
        let known = |id: &str, secret: Option<&str>| Ok((id.to_owned(), secret.map(str::to_owned)));
        assert_eq!(read(None, "client_id=a"), known("a", None));
        assert_eq!(read(None, "client_id=a&client_secret=s%2Bt"), known("a", Some("s+t")));
        // `a:b%3Ac` and `a%3A1:s%2Bt`
        assert_eq!(read(Some("Basic YTpiJTNBYw=="), ""), known("a", Some("b:c")));
        assert_eq!(read(Some("basic YSUzQTE6cyUyQnQ="), "client_id=a%3A1"), known("a:1", Some("s+t")));
        // `a:x&y==`
        assert_eq!(read(Some("Basic YTp4Jnk9PQ=="), ""), known("a", Some("x&y==")));
        assert_eq!(read(Some("Basic YTpi"), "client_id=b"), Err("invalid_request"));
        assert_eq!(read(Some("Basic YTpi"), "client_secret=b"), Err("invalid_request"));
        assert_eq!(read(Some("Bearer x"), ""), Err("invalid_client"));
        assert_eq!(read(Some("Basic !"), ""), Err("invalid_client"));
        assert_eq!(read(None, ""), Err("invalid_client"));
    }

    #[test]
    fn an_assertion_says_who_it_is_and_nothing_beside_it_says_otherwise() {
        // {"alg":"ES256"} . {"iss":"a"} . AA
        let signed = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhIn0.AA";
        let body =
            format!("client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={signed}");
        assert_eq!(read(None, &body), Ok(("a".to_owned(), None)));
        assert_eq!(read(None, &format!("{body}&client_id=a")), Ok(("a".to_owned(), None)));
        assert_eq!(read(None, &format!("{body}&client_id=b")), Err("invalid_request"));
        assert_eq!(read(None, &format!("{body}&client_secret=b")), Err("invalid_request"));
        assert_eq!(read(Some("Basic YTpi"), &body), Err("invalid_request"));
        assert_eq!(read(None, &format!("client_assertion={signed}")), Err("invalid_client"));
        assert_eq!(read(None, &body.replace("eyJpc3MiOiJhIn0", "e30")), Err("invalid_client"));
        assert_eq!(read(None, &body.replace(".AA", "")), Err("invalid_client"));
    }

    #[test]
    fn each_of_the_secrets_is_good_and_nothing_else() {
        let secrets = ["new".to_owned().into(), "old".to_owned().into()];
        assert!(is_one_of(&secrets, "new") && is_one_of(&secrets, "old"));
        assert!(!is_one_of(&secrets, "ne") && !is_one_of(&secrets, "") && !is_one_of(&[], ""));
    }
}
