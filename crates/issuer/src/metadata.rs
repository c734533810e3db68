//! What does the authorization server say about itself? (RFC 8414 §2, OpenID Connect Discovery §3)

use oauth::server_metadata::{ID_JAG_PROFILE, ServerMetadata};
use token::dpop::ALGORITHMS;

use crate::config::{Config, Documents};
use crate::grants;
use crate::paths;

/// The document, the same at the RFC 8414 and the OpenID place.
pub(crate) fn document(config: &Config, scopes: Vec<String>) -> ServerMetadata {
    let issuer = &config.issuer;
    let at = |path: &str| Some(format!("{issuer}{path}"));
    let listed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    ServerMetadata {
        issuer: issuer.as_str().to_owned(),
        authorization_endpoint: at(paths::AUTHORIZE),
        token_endpoint: at(paths::TOKEN),
        jwks_uri: at(paths::KEYS),
        device_authorization_endpoint: at(paths::DEVICE_AUTHORIZATION),
        authorization_grant_profiles_supported: if config.trusts.is_empty() { Vec::new() } else { listed(&[ID_JAG_PROFILE]) },
        introspection_endpoint: at(paths::INTROSPECT),
        revocation_endpoint: at(paths::REVOKE),
        registration_endpoint: if config.registration { at(paths::REGISTER) } else { None },
        scopes_supported: scopes,
        response_types_supported: listed(&["code"]),
        grant_types_supported: grants::ALL.iter().filter(|grant| grant.is_offered(config)).map(|grant| grant.name().to_owned()).collect(),
        code_challenge_methods_supported: listed(&["S256"]),
        token_endpoint_auth_methods_supported: listed(&WITH_NONE),
        token_endpoint_auth_signing_alg_values_supported: listed(&ALGORITHMS),
        revocation_endpoint_auth_methods_supported: listed(&WITH_NONE),
        revocation_endpoint_auth_signing_alg_values_supported: listed(&ALGORITHMS),
        introspection_endpoint_auth_methods_supported: listed(&PROVED),
        introspection_endpoint_auth_signing_alg_values_supported: listed(&ALGORITHMS),
        dpop_signing_alg_values_supported: listed(&ALGORITHMS),
        client_id_metadata_document_supported: Some(config.documents != Documents::Off),
        authorization_response_iss_parameter_supported: Some(true),
        ..ServerMetadata::default()
    }
}

/// How clients that nobody could pass for prove who they are.
const PROVED: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
const WITH_NONE: [&str; 4] = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];
