//! Has this client proved who it is? (RFC 6749 §2.3, RFC 7523 §2.2)

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use oauth::error_code::ErrorCode;
use oauth::form_fields::Fields;
use secrecy::{ExposeSecret as _, SecretString};
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::client::{Client, Clients};
use crate::config::ClientProof;
use crate::refusal::Refusal;
use crate::server::{Inbound, Server};

/// What a client says of itself at an endpoint that programs call.
struct Claim {
    id: String,
    secret: Option<Zeroizing<String>>,
    /// It came in the `Authorization` header.
    is_basic: bool,
}

impl Server {
    /// The client that asks, if it has proved who it is as far as it has to.
    pub(crate) async fn authenticate_client(&self, inbound: &Inbound<'_>, fields: &Fields) -> Result<Client, Refusal> {
        let claim = claim(inbound.headers, fields)?;
        let refused = || Refusal { is_challenged: claim.is_basic, ..Refusal::invalid_client() };
        let client = Clients::find(&self.shelf, inbound.config, &claim.id).await?.ok_or_else(refused)?;
        let is_proved = match (&client.proof, &claim.secret) {
            (ClientProof::None, None) => true,
            (ClientProof::Secrets(secrets), Some(shown)) => is_one_of(secrets, shown),
            // A public client that shows a secret is not who it seems; one with keys has to use them.
            _ => false,
        };
        if is_proved { Ok(client) } else { Err(refused()) }
    }
}

fn claim(headers: &HeaderMap, fields: &Fields) -> Result<Claim, Refusal> {
    let mut presented = headers.get_all(AUTHORIZATION).iter();
    let in_body = (fields.value("client_id"), fields.value("client_secret"));
    match (presented.next(), presented.next(), in_body) {
        (Some(value), None, (id, None)) => {
            let claim = value.to_str().ok().and_then(basic).ok_or_else(|| Refusal { is_challenged: true, ..Refusal::invalid_client() })?;
            if id.is_some_and(|id| id != claim.id) {
                return Err(Refusal::invalid_request("`client_id` is another one than in the `Authorization` header"));
            }
            Ok(claim)
        }
        (None, _, (Some(id), secret)) => {
            Ok(Claim { id: id.to_owned(), secret: secret.map(|secret| Zeroizing::new(secret.to_owned())), is_basic: false })
        }
        (None, _, (None, _)) => Err(Refusal::new(ErrorCode::InvalidClient, "`client_id` is missing")),
        _ => Err(Refusal::invalid_request("the client must prove itself in one way only")),
    }
}

/// RFC 6749 §2.3.1: both halves are form-encoded.
fn basic(value: &str) -> Option<Claim> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > LONGEST {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(Claim { id: form_decoded(id).to_string(), secret: Some(form_decoded(secret)).filter(|secret| !secret.is_empty()), is_basic: true })
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
        Ok((claim.id, claim.secret.map(|secret| secret.to_string())))
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
    fn each_of_the_secrets_is_good_and_nothing_else() {
        let secrets = ["new".to_owned().into(), "old".to_owned().into()];
        assert!(is_one_of(&secrets, "new") && is_one_of(&secrets, "old"));
        assert!(!is_one_of(&secrets, "ne") && !is_one_of(&secrets, "") && !is_one_of(&[], ""));
    }
}
