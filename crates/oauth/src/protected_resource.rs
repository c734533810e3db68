//! What does a protected resource say about itself? (RFC 9728 §2)

use serde::{Deserialize, Serialize};

use crate::issuer::Issuer;
use crate::resource::Resource;
use crate::scope::ScopeSet;

/// The metadata document of one protected resource. Empty members are left out; unknown ones ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedResourceMetadata {
    /// The identifier, letter for letter the URL that clients call.
    pub resource: Resource,
    /// The issuers whose tokens are accepted, as plain strings. MCP wants at least one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_servers: Vec<Issuer>,
    /// The scopes a client should ask for first: the baseline, not the catalogue.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub scopes_supported: ScopeSet,
    /// How a token may be sent; the door knows `header` only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bearer_methods_supported: Vec<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// A page for developers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_documentation: Option<String>,
    /// The algorithms of signed answers of the resource itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_signing_alg_values_supported: Vec<String>,
    /// The algorithms accepted in DPoP proofs (RFC 9449).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// Whether only DPoP-bound tokens are accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_bound_access_tokens_required: Option<bool>,
}

impl ProtectedResourceMetadata {
    /// The usual document: tokens in the header, the baseline scopes without `offline_access`.
    pub fn new(resource: Resource, authorization_servers: Vec<Issuer>, baseline: &ScopeSet) -> Self {
        Self {
            resource,
            authorization_servers,
            scopes_supported: baseline.without_offline_access(),
            bearer_methods_supported: vec!["header".to_owned()],
            resource_name: None,
            resource_documentation: None,
            resource_signing_alg_values_supported: Vec::new(),
            dpop_signing_alg_values_supported: Vec::new(),
            dpop_bound_access_tokens_required: None,
        }
    }

    /// Reads a document. The caller has limited its size.
    pub fn from_json(document: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(document)
    }

    /// The document as JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_members_are_left_out() {
        let metadata = ProtectedResourceMetadata::new(
            Resource::parse("https://door.example/mcp/files").unwrap(),
            vec![Issuer::parse("https://login.example").unwrap()],
            &ScopeSet::default(),
        );
        assert_eq!(
            String::from_utf8(metadata.to_json().unwrap()).unwrap(),
            r#"{"resource":"https://door.example/mcp/files","authorization_servers":["https://login.example"],"bearer_methods_supported":["header"]}"#
        );
    }

    #[test]
    fn offline_access_is_never_advertised() {
        let metadata = ProtectedResourceMetadata::new(
            Resource::parse("https://door.example/mcp").unwrap(),
            Vec::new(),
            &ScopeSet::parse("files:read offline_access").unwrap(),
        );
        assert_eq!(metadata.scopes_supported.to_string(), "files:read");
    }

    #[test]
    fn a_document_is_read_back_and_unknown_members_are_ignored() {
        let document = br#"{"resource":"https://h/mcp","authorization_servers":["https://a/t"],
            "scopes_supported":["x"],"resource_name":"N","jwks_uri":"https://h/k","later":{"a":1}}"#;
        let metadata = ProtectedResourceMetadata::from_json(document).unwrap();
        assert_eq!(metadata.resource.as_str(), "https://h/mcp");
        assert_eq!(metadata.authorization_servers[0].as_str(), "https://a/t");
        assert_eq!(metadata.resource_name.as_deref(), Some("N"));
    }

    #[test]
    fn a_document_without_a_resource_or_with_issuer_objects_is_refused() {
        for document in [
            r#"{"authorization_servers":["https://a"]}"#,
            r#"{"resource":"https://h","authorization_servers":[{"issuer":"https://a"}]}"#,
            r#"{"resource":"https://h","authorization_servers":["http://a.example"]}"#,
        ] {
            assert!(ProtectedResourceMetadata::from_json(document.as_bytes()).is_err(), "{document}");
        }
    }
}
