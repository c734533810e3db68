//! How do we call someone else's server? The only HTTP client, its guard, discovery and key fetching.
//!
//! The order of a fetch: [`guard::Guard::admit`] reads the URL; [`dial::Dialer::dial`] resolves the name once, checks every answer and connects
//! to the very address it checked; [`client::Client::get`] sends one request and reads a capped answer in a capped time. Redirects are
//! never followed: each would be a URL that nobody admitted.

pub mod address;
pub mod body;
pub mod client;
pub mod device_authorization;
pub mod dial;
pub mod discovery;
pub mod failure;
pub mod guard;
pub mod introspection;
pub mod jwks;
pub mod pin;
pub mod pool;
pub mod protected_resource;
pub mod registration;
pub mod revocation;
pub mod tls;
pub mod token_endpoint;
pub mod userinfo;

pub use body::read_capped;
