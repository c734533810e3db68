//! How does a client prove at a token endpoint who it is? (RFC 6749 §2.3.1, RFC 7523 §2.2)

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::form::push_encoded;
use crate::issuer::Issuer;

/// The ways that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// The secret in the `Authorization` header.
    ClientSecretBasic,
    /// The secret in the body.
    ClientSecretPost,
    /// Not at all: a public client says its id in the body.
    None,
    /// A JWT signed with the client's private key.
    PrivateKeyJwt,
}

impl Method {
    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::None => "none",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// How a client with a secret sends it, when the server offers these methods. No list at all means basic (RFC 8414 §2), and so does a list with neither: then
    /// the server's own refusal says more than ours could.
    pub fn for_secret(offered: &[String]) -> Self {
        let offers = |method: Self| offered.iter().any(|name| name == method.name());
        if !offers(Self::ClientSecretBasic) && offers(Self::ClientSecretPost) { Self::ClientSecretPost } else { Self::ClientSecretBasic }
    }
}

/// The value of the `Authorization` header. Both halves are form-encoded first, so that a colon in the id stays where it is.
pub fn basic(client_id: &str, client_secret: &str) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(String::with_capacity(3 * (client_id.len() + client_secret.len()) + 1));
    push_encoded(&mut plain, client_id);
    plain.push(':');
    push_encoded(&mut plain, client_secret);
    let mut header = Zeroizing::new(String::with_capacity(BASIC.len() + plain.len().div_ceil(3) * 4));
    header.push_str(BASIC);
    STANDARD.encode_string(plain.as_bytes(), &mut header);
    header
}

/// The claims of a client's own assertion. Times are Unix seconds.
#[derive(Debug, Serialize)]
pub struct AssertionClaims<'c> {
    iss: &'c str,
    sub: &'c str,
    /// The issuer, and one text: an assertion for two servers could be used by the one at the other (RFC 7523bis §4).
    aud: &'c str,
    iat: u64,
    exp: u64,
    jti: &'c str,
}

impl<'c> AssertionClaims<'c> {
    /// Good for a minute, once.
    pub fn new(client_id: &'c str, issuer: &'c Issuer, jwt_id: &'c str, now: u64) -> Self {
        let exp = now.saturating_add(ASSERTION_SECONDS);
        Self { iss: client_id, sub: client_id, aud: issuer.as_str(), iat: now, exp, jti: jwt_id }
    }
}

/// The value of `client_assertion_type`.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const BASIC: &str = "Basic ";
const ASSERTION_SECONDS: u64 = 60;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn id_and_secret_are_form_encoded_before_base64() {
        // RFC 6749 §2.3.1 has this pair.
        assert_eq!(basic("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw").as_str(), "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
        let encoded = basic("a:b", "p w%+ä");
        let plain = STANDARD.decode(encoded.strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(String::from_utf8(plain).unwrap(), "a%3Ab:p+w%25%2B%C3%A4");
    }

    #[test]
    fn a_secret_goes_the_way_that_the_server_offers() {
        let offered = |names: &[&str]| Method::for_secret(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(offered(&[]), Method::ClientSecretBasic);
        assert_eq!(offered(&["client_secret_post"]), Method::ClientSecretPost);
        assert_eq!(offered(&["client_secret_post", "client_secret_basic"]), Method::ClientSecretBasic);
        assert_eq!(offered(&["private_key_jwt"]), Method::ClientSecretBasic);
    }

    #[test]
    fn an_assertion_is_for_the_issuer_alone() {
        let issuer = Issuer::parse("https://idp.example/t/").unwrap();
        let claims = serde_json::to_value(AssertionClaims::new("door", &issuer, "x", 1000)).unwrap();
        assert_eq!(
            claims,
            serde_json::json!({"iss": "door", "sub": "door", "aud": "https://idp.example/t/", "iat": 1000, "exp": 1060, "jti": "x"})
        );
    }

    proptest! {
        #[test]
        fn the_first_colon_parts_id_and_secret(id in ".{0,30}", secret in ".{0,30}") {
            let header = basic(&id, &secret);
            let plain = String::from_utf8(STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap()).unwrap();
            let (first, second) = plain.split_once(':').unwrap();
            let decode = |text: &str| url::form_urlencoded::parse(format!("v={text}").as_bytes()).next().unwrap().1.into_owned();
            prop_assert_eq!(decode(first), id);
            prop_assert_eq!(decode(second), secret);
        }
    }
}
