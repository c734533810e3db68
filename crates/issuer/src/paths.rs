//! Where is what? Paths below the public URL. Clients of 2025-03-26 guess the first three, so they stand where those look.

/// Where browsers are sent.
pub(crate) const AUTHORIZE: &str = "/authorize";
/// Where codes and grants become tokens.
pub(crate) const TOKEN: &str = "/token";
/// RFC 7591.
pub(crate) const REGISTER: &str = "/register";
/// RFC 8628: where devices begin.
pub(crate) const DEVICE_AUTHORIZATION: &str = "/device_authorization";
/// Where people type a device's code: short, for they type this too.
pub(crate) const DEVICE: &str = "/device";
/// RFC 7009.
pub(crate) const REVOKE: &str = "/revoke";
/// RFC 7662.
pub(crate) const INTROSPECT: &str = "/introspect";
/// The public keys.
pub(crate) const KEYS: &str = "/jwks";
/// The form of the page on which people sign in.
pub(crate) const SIGN_IN: &str = "/authorize/sign-in";
/// The form of the page on which people agree.
pub(crate) const CONSENT: &str = "/authorize/consent";
/// The form by which people say that they are somebody else.
pub(crate) const SIGN_OUT: &str = "/authorize/sign-out";
/// Where a provider sends people back to; its name follows.
pub(crate) const BACK: &str = "/authorize/back/";
/// RFC 8414 §3: in front of the issuer's own path.
pub(crate) const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";
/// OpenID Connect Discovery §4: in front of the issuer's own path, as MCP has it, or behind.
pub(crate) const OPENID_METADATA: &str = "/.well-known/openid-configuration";
