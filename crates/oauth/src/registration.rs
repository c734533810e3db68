//! What does a client say of itself when it registers, and what is it told? (RFC 7591)

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client_name;
use crate::error_code::ErrorCode;
use crate::redirect::{InvalidRedirect, RedirectUri};

/// What a client says of itself, as far as we go by it. Everything in it is the client's own claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientMetadata {
    /// Where people may be sent back to; at least one.
    pub redirect_uris: Vec<RedirectUri>,
    /// Its name for people: at most 100 characters, none of them control characters.
    pub name: Option<String>,
    /// Whether it wants refresh tokens.
    pub refreshes: bool,
    /// Whether it asks for device codes (RFC 8628).
    pub uses_devices: bool,
    /// The public keys with which it proves who it is; `None`: it proves nothing.
    pub keys: Option<Value>,
}

/// Why a client is not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetadata {
    /// Not a JSON object of the members that RFC 7591 names, or larger than is read.
    #[error("the document must be a JSON object of at most {MAX_BYTES} bytes with members as RFC 7591 defines them")]
    Unreadable,
    /// Nowhere to go back to.
    #[error("`redirect_uris` must name one to {MAX_REDIRECTS} places")]
    NoRedirect,
    /// A place that is none.
    #[error("a redirect URI is not acceptable: {0}")]
    Redirect(#[from] InvalidRedirect),
    /// A name that could deceive, or that nobody could read.
    #[error("`client_name` must be at most {} characters, with none that deceives the eye", client_name::MAX_CHARACTERS)]
    Name,
    /// A grant that is not for those who register themselves.
    #[error("`grant_types` may hold `authorization_code`, `refresh_token` and the device code grant")]
    Grant,
    /// Something other than codes.
    #[error("`response_types` may hold `code` only")]
    ResponseType,
    /// Keys at a URL, or keys that are no set.
    #[error("`jwks` must be a JSON Web Key Set; `jwks_uri` is not read")]
    Keys,
}

impl InvalidMetadata {
    /// The error that stands for it.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::NoRedirect | Self::Redirect(_) => ErrorCode::InvalidRedirectUri,
            Self::Unreadable | Self::Name | Self::Grant | Self::ResponseType | Self::Keys => ErrorCode::InvalidClientMetadata,
        }
    }
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    redirect_uris: Option<Vec<String>>,
    #[serde(default)]
    client_name: Option<String>,
    #[serde(default)]
    grant_types: Option<Vec<String>>,
    #[serde(default)]
    response_types: Option<Vec<String>>,
    #[serde(default)]
    token_endpoint_auth_method: Option<String>,
    #[serde(default)]
    jwks: Option<Value>,
}

impl ClientMetadata {
    /// Reads the document of a registration. Members that we do not go by are ignored (RFC 7591 §2).
    pub fn read(document: &[u8]) -> Result<Self, InvalidMetadata> {
        if document.len() > MAX_BYTES {
            return Err(InvalidMetadata::Unreadable);
        }
        // The parser looks for UTF-8 only in what it keeps, and takes a list for an object whose members stand in their order.
        let text = std::str::from_utf8(document).map_err(|_| InvalidMetadata::Unreadable)?;
        if !text.trim_ascii_start().starts_with('{') {
            return Err(InvalidMetadata::Unreadable);
        }
        let wire: Wire = serde_json::from_str(text).map_err(|_| InvalidMetadata::Unreadable)?;
        let grants = wire.grant_types.unwrap_or_else(|| vec![AUTHORIZATION_CODE.to_owned()]);
        if grants.iter().any(|grant| ![AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE].contains(&grant.as_str())) {
            return Err(InvalidMetadata::Grant);
        }
        if wire.response_types.is_some_and(|types| types.iter().any(|kind| kind != "code")) {
            return Err(InvalidMetadata::ResponseType);
        }
        let has = |grant: &str| grants.iter().any(|named| named == grant);
        let redirects = wire.redirect_uris.unwrap_or_default();
        if redirects.len() > MAX_REDIRECTS || redirects.is_empty() && has(AUTHORIZATION_CODE) {
            return Err(InvalidMetadata::NoRedirect);
        }
        let keys = match wire.token_endpoint_auth_method.as_deref() {
            Some("private_key_jwt") => {
                Some(wire.jwks.filter(|keys| keys.get("keys").is_some_and(Value::is_array)).ok_or(InvalidMetadata::Keys)?)
            }
            // Whoever asks for a secret gets none, and is told so: a public client has PKCE.
            _ => None,
        };
        Ok(Self {
            redirect_uris: redirects.iter().map(|uri| RedirectUri::parse(uri)).collect::<Result<_, _>>()?,
            name: wire.client_name.as_deref().map(name).transpose()?.flatten(),
            refreshes: has(REFRESH_TOKEN),
            uses_devices: has(DEVICE_CODE),
            keys,
        })
    }

    /// The grants that it may use, by their names on the wire.
    pub fn grant_types(&self) -> Vec<&'static str> {
        let mut grants = Vec::new();
        if !self.redirect_uris.is_empty() {
            grants.push(AUTHORIZATION_CODE);
        }
        if self.refreshes {
            grants.push(REFRESH_TOKEN);
        }
        if self.uses_devices {
            grants.push(DEVICE_CODE);
        }
        grants
    }
}

/// What a client is told that has been registered (RFC 7591 §3.2.1). There is never a secret in it.
#[derive(Clone, Debug, Serialize)]
pub struct Registered<'r> {
    /// Its name from now on.
    pub client_id: &'r str,
    /// Unix seconds.
    pub client_id_issued_at: u64,
    /// What it called itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<&'r str>,
    /// Where people are sent back to.
    pub redirect_uris: Vec<&'r str>,
    /// What it may do.
    pub grant_types: Vec<&'static str>,
    /// What it may ask for.
    pub response_types: Vec<&'static str>,
    /// How it proves who it is.
    pub token_endpoint_auth_method: &'static str,
    /// Its keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<&'r Value>,
}

impl<'r> Registered<'r> {
    /// The answer to `metadata`.
    pub fn new(client_id: &'r str, issued_at: u64, metadata: &'r ClientMetadata) -> Self {
        Self {
            client_id,
            client_id_issued_at: issued_at,
            client_name: metadata.name.as_deref(),
            redirect_uris: metadata.redirect_uris.iter().map(RedirectUri::as_str).collect(),
            grant_types: metadata.grant_types(),
            response_types: if metadata.redirect_uris.is_empty() { Vec::new() } else { vec!["code"] },
            token_endpoint_auth_method: if metadata.keys.is_some() { "private_key_jwt" } else { "none" },
            jwks: metadata.keys.as_ref(),
        }
    }
}

/// A name for people.
pub(crate) fn name(text: &str) -> Result<Option<String>, InvalidMetadata> {
    let name = client_name::fair(text).ok_or(InvalidMetadata::Name)?;
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

/// Codes.
pub const AUTHORIZATION_CODE: &str = "authorization_code";
/// Refresh tokens.
pub const REFRESH_TOKEN: &str = "refresh_token";
/// Device codes (RFC 8628 §3.4).
pub const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The largest document that is read.
pub const MAX_BYTES: usize = 16 * 1024;
const MAX_REDIRECTS: usize = 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(document: &Value) -> Result<ClientMetadata, InvalidMetadata> {
        ClientMetadata::read(document.to_string().as_bytes())
    }

    #[test]
    fn what_real_clients_send_is_taken() {
        let metadata = read(&json!({
            "client_name": " MCP Inspector ", "redirect_uris": ["http://localhost:6274/oauth/callback"], "token_endpoint_auth_method": "client_secret_post",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "application_type": "native",
            "client_uri": "https://github.com/modelcontextprotocol/inspector", "scope": "files:read", "software_version": null,
        }))
        .unwrap();
        assert_eq!(metadata.name.as_deref(), Some("MCP Inspector"));
        assert!(metadata.refreshes && !metadata.uses_devices);
        let told = serde_json::to_value(Registered::new("id", 7, &metadata)).unwrap();
        assert_eq!(
            told,
            json!({
                "client_id": "id", "client_id_issued_at": 7, "client_name": "MCP Inspector", "redirect_uris": ["http://localhost:6274/oauth/callback"],
                "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "token_endpoint_auth_method": "none",
            })
        );
    }

    #[test]
    fn who_has_keys_proves_itself_with_them() {
        let keys = json!({"keys": []});
        let with =
            |jwks: Value| read(&json!({"redirect_uris": ["https://a/cb"], "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks}));
        let metadata = with(keys.clone()).unwrap();
        assert_eq!(Registered::new("id", 0, &metadata).token_endpoint_auth_method, "private_key_jwt");
        assert_eq!(metadata.keys, Some(keys));
        assert_eq!(with(Value::Null), Err(InvalidMetadata::Keys));
    }

    #[test]
    fn what_is_not_for_strangers_is_refused_for_its_reason() {
        let redirect = json!(["https://a/cb"]);
        for (document, reason, code) in [
            (json!({}), InvalidMetadata::NoRedirect, "invalid_redirect_uri"),
            (json!({"redirect_uris": []}), InvalidMetadata::NoRedirect, "invalid_redirect_uri"),
            (json!({"redirect_uris": vec!["https://a/cb"; 11]}), InvalidMetadata::NoRedirect, "invalid_redirect_uri"),
            (json!({"redirect_uris": ["http://a/cb"]}), InvalidMetadata::Redirect(InvalidRedirect::NotHttps), "invalid_redirect_uri"),
            (json!({"redirect_uris": ["javascript:alert(1)"]}), InvalidMetadata::Redirect(InvalidRedirect::Scheme), "invalid_redirect_uri"),
            (json!({"redirect_uris": redirect, "client_name": "a\u{202e}b"}), InvalidMetadata::Name, "invalid_client_metadata"),
            (json!({"redirect_uris": redirect, "client_name": "a\nb"}), InvalidMetadata::Name, "invalid_client_metadata"),
            (json!({"redirect_uris": redirect, "client_name": "a".repeat(101)}), InvalidMetadata::Name, "invalid_client_metadata"),
            (json!({"redirect_uris": redirect, "grant_types": ["client_credentials"]}), InvalidMetadata::Grant, "invalid_client_metadata"),
            (json!({"redirect_uris": redirect, "response_types": ["token"]}), InvalidMetadata::ResponseType, "invalid_client_metadata"),
            (json!({"redirect_uris": "https://a/cb"}), InvalidMetadata::Unreadable, "invalid_client_metadata"),
            (json!([]), InvalidMetadata::Unreadable, "invalid_client_metadata"),
        ] {
            assert_eq!(read(&document), Err(reason), "{document}");
            assert_eq!(reason.code().name(), code);
        }
        assert_eq!(ClientMetadata::read(&vec![b' '; MAX_BYTES + 1]), Err(InvalidMetadata::Unreadable));
        let not_utf8 = b"{\"redirect_uris\":[\"https://a/cb\"],\"\xe5\":1}";
        assert_eq!(ClientMetadata::read(not_utf8), Err(InvalidMetadata::Unreadable));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(document in ".{0,300}") {
            let _ = ClientMetadata::read(document.as_bytes());
        }
    }
}
