//! What do the OAuth documents say? Scopes, resources, metadata, challenges, errors.
//!
//! Pure values: nothing here opens a connection, reads a clock or touches a file.

pub mod authorization;
pub mod challenge;
pub mod client_authentication;
pub mod form;
pub mod grant;
pub mod introspection;
pub mod issuer;
pub mod oauth_error;
pub mod pkce;
pub mod protected_resource;
pub mod resource;
pub mod scope;
pub mod server_metadata;
pub mod token_response;
mod uri;
