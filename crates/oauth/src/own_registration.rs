//! What do we say when we register ourselves as a client, and who are we from then on? (RFC 7591 §3, OpenID Connect Registration §2)

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::client_authentication::Method;
use crate::registration::{AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN};

/// What a program on somebody's machine says of itself.
#[derive(Debug, Serialize)]
pub struct OwnMetadata<'m> {
    client_name: &'m str,
    redirect_uris: Vec<&'m str>,
    grant_types: [&'static str; 2],
    response_types: Vec<&'static str>,
    token_endpoint_auth_method: &'static str,
    /// Without this an OpenID provider takes us for a web server and refuses loopback redirects.
    application_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

impl<'m> OwnMetadata<'m> {
    /// A native application with one place to come back to. `scope` is what it will ask for, space-separated.
    pub fn native(client_name: &'m str, redirect_uri: &'m str, method: Method, scope: Option<String>) -> Self {
        Self {
            client_name,
            redirect_uris: vec![redirect_uri],
            grant_types: [AUTHORIZATION_CODE, REFRESH_TOKEN],
            response_types: vec!["code"],
            token_endpoint_auth_method: method.name(),
            application_type: "native",
            scope,
        }
    }

    /// A program that nobody comes back to: people type its code elsewhere (RFC 8628).
    pub fn device(client_name: &'m str, method: Method, scope: Option<String>) -> Self {
        Self {
            client_name,
            redirect_uris: Vec::new(),
            grant_types: [DEVICE_CODE, REFRESH_TOKEN],
            response_types: Vec::new(),
            token_endpoint_auth_method: method.name(),
            application_type: "native",
            scope,
        }
    }
}

/// Who we are at the server that answers.
#[derive(Debug)]
pub struct OwnIdentity {
    /// Our name there.
    pub client_id: String,
    /// What proves it, where the server gave something.
    pub secret: Option<SecretString>,
    /// How it is shown; `None`: the server does not say.
    pub method: Option<Method>,
    /// Unix seconds at which the secret ends; `None`: never.
    pub secret_ends_at: Option<u64>,
}

/// Why an answer registers nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentity {
    /// Not the JSON object that RFC 7591 describes.
    #[error("it is not the JSON object that RFC 7591 describes")]
    Malformed,
    /// The name is empty or longer than is kept.
    #[error("its `client_id` is empty or over {MAX_ID_BYTES} bytes")]
    Id,
    /// A way to prove oneself that we do not have.
    #[error("its `token_endpoint_auth_method` is none that we can use")]
    Method,
}

#[derive(Deserialize)]
struct Wire {
    client_id: String,
    client_secret: Option<String>,
    client_secret_expires_at: Option<u64>,
    token_endpoint_auth_method: Option<String>,
}

impl OwnIdentity {
    /// Reads the answer of a registration endpoint. The caller has limited its size.
    pub fn read(document: &[u8]) -> Result<Self, InvalidIdentity> {
        // What the parser says may quote the secret.
        let wire: Wire = serde_json::from_slice(document).map_err(|_| InvalidIdentity::Malformed)?;
        if wire.client_id.is_empty() || wire.client_id.len() > MAX_ID_BYTES {
            return Err(InvalidIdentity::Id);
        }
        let method = wire.token_endpoint_auth_method.as_deref().map(|name| match name {
            "client_secret_basic" => Ok(Method::ClientSecretBasic),
            "client_secret_post" => Ok(Method::ClientSecretPost),
            "none" => Ok(Method::None),
            _ => Err(InvalidIdentity::Method),
        });
        Ok(Self {
            client_id: wire.client_id,
            secret: wire.client_secret.filter(|secret| !secret.is_empty()).map(Into::into),
            method: method.transpose()?,
            // Zero means never (RFC 7591 §3.2.1).
            secret_ends_at: wire.client_secret_expires_at.filter(|&end| end != 0),
        })
    }
}

const MAX_ID_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn we_are_a_native_application_that_refreshes() {
        let said = OwnMetadata::native("Claviger", "http://127.0.0.1:1/callback", Method::None, Some("a b".to_owned()));
        assert_eq!(
            serde_json::to_string(&said).unwrap(),
            r#"{"client_name":"Claviger","redirect_uris":["http://127.0.0.1:1/callback"],"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"token_endpoint_auth_method":"none","application_type":"native","scope":"a b"}"#
        );
    }

    #[test]
    fn a_device_has_nowhere_to_come_back_to() {
        let said = OwnMetadata::device("Claviger", Method::None, None);
        assert_eq!(
            serde_json::to_string(&said).unwrap(),
            r#"{"client_name":"Claviger","redirect_uris":[],"grant_types":["urn:ietf:params:oauth:grant-type:device_code","refresh_token"],"response_types":[],"token_endpoint_auth_method":"none","application_type":"native"}"#
        );
    }

    #[test]
    fn the_answer_decides_how_the_secret_is_shown() {
        let read = |text: &str| OwnIdentity::read(text.as_bytes());
        let identity =
            read(r#"{"client_id":"c","client_secret":"s","client_secret_expires_at":0,"token_endpoint_auth_method":"client_secret_post"}"#)
                .unwrap();
        assert_eq!((identity.client_id.as_str(), identity.method, identity.secret_ends_at), ("c", Some(Method::ClientSecretPost), None));
        assert_eq!(identity.secret.unwrap().expose_secret(), "s");
        let public = read(r#"{"client_id":"c","client_secret":"","client_secret_expires_at":7}"#).unwrap();
        assert!(public.secret.is_none() && public.method.is_none());
        assert_eq!(public.secret_ends_at, Some(7));
    }

    #[test]
    fn an_answer_without_a_name_or_with_a_strange_method_registers_nobody() {
        let refused = |text: &str| OwnIdentity::read(text.as_bytes()).unwrap_err();
        assert_eq!(refused("[]"), InvalidIdentity::Malformed);
        assert_eq!(refused(r#"{"client_secret":"s"}"#), InvalidIdentity::Malformed);
        assert_eq!(refused(r#"{"client_id":""}"#), InvalidIdentity::Id);
        assert_eq!(refused(&format!(r#"{{"client_id":"{}"}}"#, "x".repeat(2049))), InvalidIdentity::Id);
        assert_eq!(refused(r#"{"client_id":"c","token_endpoint_auth_method":"tls_client_auth"}"#), InvalidIdentity::Method);
    }
}
