//! What does the authorization server say about itself? (RFC 8414 §2, OpenID Connect Discovery §3)

use oauth::issuer::Issuer;
use oauth::server_metadata::ServerMetadata;

use crate::grants;
use crate::paths;

/// The document, the same at the RFC 8414 and the OpenID place.
pub(crate) fn document(issuer: &Issuer, scopes: Vec<String>, registration: bool) -> ServerMetadata {
    let at = |path: &str| Some(format!("{issuer}{path}"));
    let listed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    ServerMetadata {
        issuer: issuer.as_str().to_owned(),
        authorization_endpoint: at(paths::AUTHORIZE),
        token_endpoint: at(paths::TOKEN),
        jwks_uri: at(paths::KEYS),
        introspection_endpoint: at(paths::INTROSPECT),
        revocation_endpoint: at(paths::REVOKE),
        registration_endpoint: if registration { at(paths::REGISTER) } else { None },
        scopes_supported: scopes,
        response_types_supported: listed(&["code"]),
        grant_types_supported: grants::ALL.iter().map(|grant| grant.name().to_owned()).collect(),
        code_challenge_methods_supported: listed(&["S256"]),
        token_endpoint_auth_methods_supported: listed(&["none", "client_secret_basic", "client_secret_post"]),
        introspection_endpoint_auth_methods_supported: listed(&["client_secret_basic", "client_secret_post"]),
        authorization_response_iss_parameter_supported: Some(true),
        ..ServerMetadata::default()
    }
}
