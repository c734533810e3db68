//! What can stand under `credential` of a server?

use schemars::JsonSchema;
use serde::Deserialize;

use super::OneOrMore;

/// Where the bearer token of an HTTP server comes from: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Credential {
    /// A token in the door's own name (OAuth client credentials).
    pub(crate) client_credentials: Option<TokenGrant>,
    /// A token for each caller, in exchange for theirs (RFC 8693).
    pub(crate) exchange: Option<TokenGrant>,
    /// A token for each caller, for whom their identity provider vouches toward the server's own authorization server (ID-JAG).
    pub(crate) id_jag: Option<IdJag>,
    /// A token that each person gives the door leave to get, once, in their browser. See docs/guides/connections.md.
    pub(crate) personal: Option<PersonalGrant>,
    /// The caller's own token, only where it names this audience beside the door. Prefer `exchange`.
    pub(crate) pass_through: Option<PassThrough>,
}

/// A token of one authorization server, and what it shall be good for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TokenGrant {
    /// The token endpoint. Needed without `issuer`.
    pub(crate) token_url: Option<String>,
    /// The authorization server, whose metadata says where its token endpoint is. Needed without `token_url`, and with `private_key`.
    pub(crate) issuer: Option<String>,
    /// Who the door is there.
    pub(crate) client_id: Option<String>,
    /// A reference to the client's secret.
    pub(crate) client_secret: Option<String>,
    /// A reference to the client's private key in PEM: P-256 (ES256), RSA (RS256) or Ed25519 (EdDSA).
    pub(crate) private_key: Option<String>,
    /// The `kid` by which the server knows the private key.
    pub(crate) key_id: Option<String>,
    /// How the client proves itself. Default: what the issuer's metadata offers, else `basic`; with `private_key`, `private_key_jwt`.
    pub(crate) auth: Option<WaysToProve>,
    /// A PEM file of certificate authorities to trust there, beyond the system's.
    pub(crate) ca: Option<String>,
    /// The key that its certificate must have, as `sha256/` and the Base64 of the SHA-256 of the public key.
    pub(crate) pin: Option<String>,
    /// How often the client may ask there. Default: `10/min`.
    pub(crate) requests: Option<String>,
    /// The name of the API that the token shall be good for.
    pub(crate) audience: Option<String>,
    /// The URL of the server that the token shall be good for (RFC 8707).
    pub(crate) resource: Option<String>,
    /// The scopes to ask for. Default: none, which leaves them to the authorization server.
    pub(crate) scopes: Option<OneOrMore>,
    /// How long before its end the next token is fetched, at most; never more than a tenth of its life. Default: `5min`.
    pub(crate) early: Option<String>,
}

/// A token for each person, by the authorization code flow. The door's redirect URI there is `<public_url>/connections/back/NAME`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PersonalGrant {
    /// The authorization server, whose metadata says where everything is. Needed without `authorize_url` and `token_url`, and with `private_key`.
    pub(crate) issuer: Option<String>,
    /// Where people's browsers are sent. Needed without `issuer`.
    pub(crate) authorize_url: Option<String>,
    /// The token endpoint. Needed without `issuer`.
    pub(crate) token_url: Option<String>,
    /// Where tokens are taken back (RFC 7009). Default: where the issuer's metadata says, if it does.
    pub(crate) revocation_url: Option<String>,
    /// Who the door is there.
    pub(crate) client_id: Option<String>,
    /// A reference to the client's secret.
    pub(crate) client_secret: Option<String>,
    /// A reference to the client's private key in PEM: P-256 (ES256), RSA (RS256) or Ed25519 (EdDSA).
    pub(crate) private_key: Option<String>,
    /// The `kid` by which the server knows the private key.
    pub(crate) key_id: Option<String>,
    /// How the client proves itself. Default: what the issuer's metadata offers, else `basic`; with `private_key`, `private_key_jwt`.
    pub(crate) auth: Option<WaysToProve>,
    /// A PEM file of certificate authorities to trust there, beyond the system's.
    pub(crate) ca: Option<String>,
    /// The key that its certificate must have, as `sha256/` and the Base64 of the SHA-256 of the public key.
    pub(crate) pin: Option<String>,
    /// How often the door may ask there, for all people together. Default: `300/min`.
    pub(crate) requests: Option<String>,
    /// The name of the API that the token shall be good for.
    pub(crate) audience: Option<String>,
    /// The URL of the server that the token shall be good for (RFC 8707).
    pub(crate) resource: Option<String>,
    /// The scopes to ask for; `offline_access` among them, where the server gives refresh tokens for that. Default: none, which leaves them to the server.
    pub(crate) scopes: Option<OneOrMore>,
    /// How long before its end the next token is fetched, at most; never more than a tenth of its life. Default: `5min`.
    pub(crate) early: Option<String>,
}

/// Who the door is at the issuer, as a client that people sign in to. Its redirect URI there is `<public_url>/connections/signed-in/ISSUER`, with the issuer's name (docs/guides/connections.md).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SignIn {
    /// Who the door is there.
    pub(crate) client_id: Option<String>,
    /// A reference to the client's secret.
    pub(crate) client_secret: Option<String>,
    /// A reference to the client's private key in PEM: P-256 (ES256), RSA (RS256) or Ed25519 (EdDSA).
    pub(crate) private_key: Option<String>,
    /// The `kid` by which the issuer knows the private key.
    pub(crate) key_id: Option<String>,
    /// How the client proves itself. Default: what the issuer's metadata offers, else `basic`; with `private_key`, `private_key_jwt`.
    pub(crate) auth: Option<WaysToProve>,
    /// A PEM file of certificate authorities to trust there, beyond the system's.
    pub(crate) ca: Option<String>,
    /// Scopes to ask for besides `openid`. Default: none.
    pub(crate) scopes: Option<OneOrMore>,
}

/// Whether clients may show their id and secret.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ClientHeaders {
    /// `true`: at the token endpoint that the issuer's metadata names.
    Switch(bool),
    /// They may, and this is how their tokens are got.
    Settings(ClientHeaderSettings),
}

/// How the door gets tokens for clients that show their id and secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ClientHeaderSettings {
    /// The token endpoint. Default: where the issuer's metadata says.
    pub(crate) token_url: Option<String>,
    /// The scopes to ask for. Default: none, which leaves them to the issuer.
    pub(crate) scopes: Option<OneOrMore>,
    /// A PEM file of certificate authorities to trust there, beyond the system's.
    pub(crate) ca: Option<String>,
    /// The key that its certificate must have, as `sha256/` and the Base64 of the SHA-256 of the public key.
    pub(crate) pin: Option<String>,
    /// How often the door may ask there, for all clients of one server together. Default: `300/min`.
    pub(crate) requests: Option<String>,
}

/// How the issuer is asked about tokens, and who the door is there.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Introspection {
    /// The introspection endpoint. Default: where the issuer's metadata says.
    pub(crate) url: Option<String>,
    /// Which tokens it is asked about. Default: `opaque`.
    pub(crate) tokens: Option<IntrospectedTokens>,
    /// How long an answer is believed, and never beyond the token's own end: so long a revoked token may still be good. At most `1h`. Default: `60s`.
    pub(crate) cache: Option<String>,
    /// Who the door is there.
    pub(crate) client_id: Option<String>,
    /// A reference to the client's secret.
    pub(crate) client_secret: Option<String>,
    /// A reference to the client's private key in PEM: P-256 (ES256), RSA (RS256) or Ed25519 (EdDSA).
    pub(crate) private_key: Option<String>,
    /// The `kid` by which the issuer knows the private key.
    pub(crate) key_id: Option<String>,
    /// How the client proves itself. Default: what the issuer's metadata offers, else `basic`; with `private_key`, `private_key_jwt`.
    pub(crate) auth: Option<WaysToProve>,
    /// A PEM file of certificate authorities to trust there, beyond the system's.
    pub(crate) ca: Option<String>,
    /// The key that its certificate must have, as `sha256/` and the Base64 of the SHA-256 of the public key.
    pub(crate) pin: Option<String>,
    /// How often the door may ask there, for all callers together. Default: `6000/min`.
    pub(crate) requests: Option<String>,
}

/// Which tokens the issuer is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum IntrospectedTokens {
    /// All of its tokens; JWTs when their signature is good.
    All,
    /// JWTs whose signature is good, because they may have been revoked.
    Jwt,
    /// Tokens that are no JWTs.
    Opaque,
}

/// From the caller's identity provider to the server's authorization server.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IdJag {
    /// The callers' identity provider.
    pub(crate) provider: Option<TokenServer>,
    /// The authorization server of the server behind the door; it needs `issuer`.
    pub(crate) server: Option<TokenServer>,
    /// The URL of the server that the token shall be good for (RFC 8707).
    pub(crate) resource: Option<String>,
    /// The scopes to ask for. Default: none, which leaves them to the authorization servers.
    pub(crate) scopes: Option<OneOrMore>,
    /// How long before its end the next token is fetched, at most; never more than a tenth of its life. Default: `5min`.
    pub(crate) early: Option<String>,
}

/// An authorization server, and who the door is there.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TokenServer {
    /// The token endpoint. Needed without `issuer`.
    pub(crate) token_url: Option<String>,
    /// The authorization server, whose metadata says where its token endpoint is. Needed without `token_url`, and with `private_key`.
    pub(crate) issuer: Option<String>,
    /// Who the door is there.
    pub(crate) client_id: Option<String>,
    /// A reference to the client's secret.
    pub(crate) client_secret: Option<String>,
    /// A reference to the client's private key in PEM: P-256 (ES256), RSA (RS256) or Ed25519 (EdDSA).
    pub(crate) private_key: Option<String>,
    /// The `kid` by which the server knows the private key.
    pub(crate) key_id: Option<String>,
    /// How the client proves itself. Default: what the issuer's metadata offers, else `basic`; with `private_key`, `private_key_jwt`.
    pub(crate) auth: Option<WaysToProve>,
    /// A PEM file of certificate authorities to trust there, beyond the system's.
    pub(crate) ca: Option<String>,
    /// The key that its certificate must have, as `sha256/` and the Base64 of the SHA-256 of the public key.
    pub(crate) pin: Option<String>,
    /// How often the client may ask there. Default: `10/min`.
    pub(crate) requests: Option<String>,
}

/// Passing the caller's own token on.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PassThrough {
    /// How the tokens name the server behind the door, exactly.
    pub(crate) audience: Option<String>,
}

/// How a client proves itself at a token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WaysToProve {
    /// The secret in the `Authorization` header (`client_secret_basic`).
    Basic,
    /// Not at all: a public client.
    None,
    /// The secret in the body (`client_secret_post`).
    Post,
    /// A signed statement.
    PrivateKeyJwt,
}

impl PersonalGrant {
    /// The part that says who gives the token.
    pub(crate) fn server(&self) -> TokenServer {
        let Self { token_url, issuer, client_id, client_secret, private_key, key_id, auth, ca, pin, requests, .. } = self.clone();
        let requests = requests.or_else(|| Some("300/min".to_owned()));
        TokenServer { token_url, issuer, client_id, client_secret, private_key, key_id, auth, ca, pin, requests }
    }
}

impl SignIn {
    /// The same as an authorization server.
    pub(crate) fn server(&self, issuer: &str) -> TokenServer {
        let Self { client_id, client_secret, private_key, key_id, auth, ca, .. } = self.clone();
        let (issuer, requests) = (Some(issuer.to_owned()), Some("300/min".to_owned()));
        TokenServer { token_url: None, issuer, client_id, client_secret, private_key, key_id, auth, ca, pin: None, requests }
    }
}

impl ClientHeaders {
    /// The settings, if they are to be read at all.
    pub(crate) fn settings(&self) -> Option<ClientHeaderSettings> {
        match self {
            Self::Switch(false) => None,
            Self::Switch(true) => Some(ClientHeaderSettings::default()),
            Self::Settings(settings) => Some(settings.clone()),
        }
    }
}

impl ClientHeaderSettings {
    /// The issuer as an authorization server at which the door is nobody: who asks there is said by callers.
    pub(crate) fn server(&self, issuer: &str) -> TokenServer {
        let Self { token_url, ca, pin, requests, .. } = self.clone();
        TokenServer {
            token_url,
            issuer: Some(issuer.to_owned()),
            client_id: Some("X-Client-Id".to_owned()),
            auth: Some(WaysToProve::None),
            ca,
            pin,
            requests: requests.or_else(|| Some("300/min".to_owned())),
            ..TokenServer::default()
        }
    }
}

impl Introspection {
    /// The same as an authorization server.
    pub(crate) fn server(&self, issuer: &str) -> TokenServer {
        let Self { url, client_id, client_secret, private_key, key_id, auth, ca, pin, requests, .. } = self.clone();
        let (issuer, requests) = (Some(issuer.to_owned()), requests.or_else(|| Some("6000/min".to_owned())));
        TokenServer { token_url: url, issuer, client_id, client_secret, private_key, key_id, auth, ca, pin, requests }
    }
}

impl TokenGrant {
    /// The part that says who gives the token.
    pub(crate) fn server(&self) -> TokenServer {
        let Self { token_url, issuer, client_id, client_secret, private_key, key_id, auth, ca, pin, requests, .. } = self.clone();
        TokenServer { token_url, issuer, client_id, client_secret, private_key, key_id, auth, ca, pin, requests }
    }
}
