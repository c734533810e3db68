//! What does an authorization server say about itself, and is it the one we asked? (RFC 8414 §2)

use serde::{Deserialize, Deserializer, Serialize};

use crate::issuer::Issuer;

/// The members of authorization server (or OpenID provider) metadata that we read or serve.
///
/// Unknown members are ignored; `null` counts as absent, because some servers send it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerMetadata {
    /// The issuer, to be compared with [`check_issuer`](Self::check_issuer) before anything else is used.
    pub issuer: String,
    /// Where a browser is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    /// Where codes and grants become tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// Where the public keys are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// RFC 7662.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<String>,
    /// RFC 7009.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// Where an OpenID provider tells more about a person than in the id token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_endpoint: Option<String>,
    /// RFC 7591.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<String>,
    /// RFC 8628.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    /// A page for developers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_documentation: Option<String>,
    /// Languages of the pages that people see (BCP 47).
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub ui_locales_supported: Vec<String>,
    /// Scopes a client may ask for.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// For example `code`.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub response_types_supported: Vec<String>,
    /// For example `authorization_code`.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub grant_types_supported: Vec<String>,
    /// PKCE methods; MCP clients refuse a server that does not list `S256`.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub code_challenge_methods_supported: Vec<String>,
    /// How a client may authenticate at the token endpoint; empty means `client_secret_basic`.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// The algorithms of a client's own assertions; needed where `private_key_jwt` is offered.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// How a resource server may authenticate at the introspection endpoint.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// The algorithms of a resource server's own assertions there.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// How a client may authenticate at the revocation endpoint.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// The algorithms of a client's own assertions there.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// The algorithms accepted in DPoP proofs (RFC 9449 §5.1).
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// Which assertions of others are taken for a grant, for example [`ID_JAG_PROFILE`].
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub authorization_grant_profiles_supported: Vec<String>,
    /// The resources that tokens are issued for (RFC 9728 §4).
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub protected_resources: Vec<String>,
    /// Whether a person has the same `sub` for every client; OpenID clients want to be told.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub subject_types_supported: Vec<String>,
    /// The algorithms of id tokens; OpenID clients want to be told.
    #[serde(default, deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// Whether an https URL may be a client id (Client ID Metadata Documents).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id_metadata_document_supported: Option<bool>,
    /// Whether authorization responses carry `iss` (RFC 9207).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_response_iss_parameter_supported: Option<bool>,
}

impl ServerMetadata {
    /// Reads a document. The caller has limited its size.
    pub fn from_json(document: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(document)
    }

    /// The document must name exactly the issuer whose URL it was fetched from (RFC 8414 §3.3).
    ///
    /// Without this check one server could speak for another.
    pub fn check_issuer(&self, expected: &Issuer) -> Result<(), IssuerMismatch> {
        if self.issuer == expected.as_str() {
            return Ok(());
        }
        Err(IssuerMismatch { expected: expected.clone(), found: shortened(&self.issuer) })
    }

    /// Whether PKCE with S256 is offered (MCP requires it).
    pub fn supports_s256(&self) -> bool {
        self.code_challenge_methods_supported.iter().any(|method| method == "S256")
    }
}

/// The metadata is of another issuer than the one that was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the metadata of {expected} names another issuer: `{found}`")]
pub struct IssuerMismatch {
    /// The issuer that was asked.
    pub expected: Issuer,
    /// What the document said: at most 200 characters, control characters replaced.
    pub found: String,
}

fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A stranger's text, made safe for one line of a log.
pub(crate) fn shortened(text: &str) -> String {
    let replaced = |character: char| if character.is_control() { '\u{fffd}' } else { character };
    text.chars().take(MAX_SHOWN_CHARACTERS).map(replaced).collect()
}

/// Says in `authorization_grant_profiles_supported` that identity assertions are taken (draft-ietf-oauth-identity-assertion-authz-grant §7.2).
pub const ID_JAG_PROFILE: &str = "urn:ietf:params:oauth:grant-profile:id-jag";

const MAX_SHOWN_CHARACTERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_must_be_the_same_string() {
        let metadata = ServerMetadata::from_json(br#"{"issuer":"https://h/t1"}"#).unwrap();
        assert_eq!(metadata.check_issuer(&Issuer::parse("https://h/t1").unwrap()), Ok(()));
        for other in ["https://h/t1/", "https://H/t1", "https://h:443/t1", "https://h"] {
            let expected = Issuer::parse(other).unwrap();
            assert!(metadata.check_issuer(&expected).is_err(), "{other}");
        }
    }

    #[test]
    fn a_mismatch_shows_a_bounded_and_harmless_text() {
        let metadata = ServerMetadata { issuer: format!("\n{}", "x".repeat(500)), ..Default::default() };
        let mismatch = metadata.check_issuer(&Issuer::parse("https://h").unwrap()).unwrap_err();
        assert_eq!(mismatch.found.chars().count(), 200);
        assert!(!mismatch.to_string().contains('\n'));
    }

    #[test]
    fn unknown_members_and_nulls_do_no_harm() {
        let metadata = ServerMetadata::from_json(
            br#"{"issuer":"https://h","jwks_uri":null,"scopes_supported":null,
                "code_challenge_methods_supported":["plain","S256"],"mtls_endpoint_aliases":{"a":1}}"#,
        )
        .unwrap();
        assert_eq!(metadata.jwks_uri, None);
        assert!(metadata.scopes_supported.is_empty());
        assert!(metadata.supports_s256());
        assert!(!ServerMetadata::default().supports_s256());
    }

    #[test]
    fn what_is_not_said_is_not_written_and_what_is_written_is_read_back() {
        let written = |metadata: &ServerMetadata| serde_json::to_string(metadata).unwrap();
        let bare = ServerMetadata { issuer: "https://h".to_owned(), ..Default::default() };
        assert_eq!(written(&bare), r#"{"issuer":"https://h"}"#);
        let full = ServerMetadata {
            device_authorization_endpoint: Some("https://h/device".to_owned()),
            authorization_grant_profiles_supported: vec![ID_JAG_PROFILE.to_owned()],
            dpop_signing_alg_values_supported: vec!["ES256".to_owned()],
            ..bare
        };
        assert_eq!(
            written(&full),
            r#"{"issuer":"https://h","device_authorization_endpoint":"https://h/device","dpop_signing_alg_values_supported":["ES256"],"authorization_grant_profiles_supported":["urn:ietf:params:oauth:grant-profile:id-jag"]}"#
        );
        assert_eq!(ServerMetadata::from_json(written(&full).as_bytes()).unwrap(), full);
    }

    #[test]
    fn a_document_without_an_issuer_is_refused() {
        assert!(ServerMetadata::from_json(br#"{"token_endpoint":"https://h/t"}"#).is_err());
        assert!(ServerMetadata::from_json(br#"{"issuer":["https://h"]}"#).is_err());
    }
}
