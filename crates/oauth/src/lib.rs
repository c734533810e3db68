//! What do the OAuth documents say? Scopes, resources, metadata, challenges, errors.
//!
//! Pure values: nothing here opens a connection, reads a clock or touches a file.

pub mod actors;
pub mod authorization;
pub mod authorization_request;
pub mod challenge;
pub mod client_authentication;
pub mod client_metadata_document;
mod client_name;
pub mod device_authorization;
pub mod error_code;
pub mod form;
pub mod form_fields;
pub mod grant;
pub mod introspection;
pub mod issuer;
pub mod oauth_error;
pub mod own_registration;
pub mod pkce;
pub mod protected_resource;
pub mod redirect;
pub mod registration;
pub mod resource;
pub mod revocation;
pub mod scope;
pub mod server_metadata;
pub mod token_response;
mod uri;
