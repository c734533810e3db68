//! What can stand under `issuer.federate`?

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{OneOrMore, TokenServer, WaysToProve};

/// One OpenID provider, or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Federations {
    /// One.
    One(Box<Federation>),
    /// Several.
    More(Vec<Federation>),
}

/// An OpenID provider at which people sign in. The door is its client; the redirect URI to register there is `<public_url>/authorize/back/NAME`, with `name` at its end. See docs/guides/federate.md.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Federation {
    /// Its name in the redirect URI and in the subjects of its people, `NAME|sub`: letters, digits, `.`, `_` and `-`. Another name makes other people of them. Default: the issuer without
    /// `https://`, with a hyphen for every other character.
    pub(crate) name: Option<String>,
    /// Its name for people. Default: `name`.
    pub(crate) title: Option<String>,
    /// The provider, exactly as its id tokens say it, to the slash at the end; where its endpoints and keys are is found by discovery.
    pub(crate) issuer: Option<String>,
    /// Who the door is there.
    pub(crate) client_id: Option<String>,
    /// A reference to the client's secret.
    pub(crate) client_secret: Option<String>,
    /// A reference to the client's private key in PEM: P-256 (ES256), RSA (RS256) or Ed25519 (EdDSA).
    pub(crate) private_key: Option<String>,
    /// The `kid` by which the provider knows the private key.
    pub(crate) key_id: Option<String>,
    /// How the client proves itself. Default: what the provider's metadata offers, else `basic`; with `private_key`, `private_key_jwt`.
    pub(crate) auth: Option<WaysToProve>,
    /// A PEM file of certificate authorities to trust there, beyond the system's.
    pub(crate) ca: Option<String>,
    /// The key that the certificate of its token endpoint must have, as `sha256/` and the Base64 of the SHA-256 of the public key.
    pub(crate) pin: Option<String>,
    /// Scopes to ask for; `openid` is among them in any case. `offline_access` makes many providers give a refresh token, by which the door learns when somebody has gone.
    /// Default: `openid profile email`.
    pub(crate) scopes: Option<OneOrMore>,
    /// What else is said when a browser is sent there, such as `access_type = "offline"`: `access_type`, `acr_values`, `connection`, `domain_hint`, `hd`, `identity_provider`, `idp`, `kc_idp_hint`, `organization`,
    /// `prompt`.
    pub(crate) parameters: BTreeMap<String, String>,
    /// The claim that lists somebody's groups; a name that begins with `/` leads to a member of a member, as in `/realm_access/roles`. Default: `groups`.
    pub(crate) groups_claim: Option<String>,
    /// What the provider's groups are called under `grants`: `"9f8e…" = "admins"`. Others count for nothing then. Default: the same.
    pub(crate) groups: Option<BTreeMap<String, OneOrMore>>,
    /// Who may come in. Default: everybody whom the provider lets in.
    pub(crate) allow: Option<FederationAllow>,
    /// After how long the provider is asked again whether somebody is still there, when a client comes for its next token. Only providers that give refresh tokens can be asked. Default: `5min`.
    pub(crate) look_every: Option<String>,
}

/// Who may come in from a provider: whoever one of these speaks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FederationAllow {
    /// Domains of e-mail addresses that the provider has verified; at Google, those of the organisations that have given the accounts.
    pub(crate) domains: Option<OneOrMore>,
    /// E-mail addresses that the provider has verified.
    pub(crate) emails: Option<OneOrMore>,
    /// Groups, as the provider calls them.
    pub(crate) groups: Option<OneOrMore>,
}

impl Federations {
    /// All of them; `None` in place of a number where there is but one.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Option<usize>, &Federation)> {
        let (one, more) = match self {
            Self::One(one) => (Some((None, &**one)), [].as_slice()),
            Self::More(all) => (None, all.as_slice()),
        };
        one.into_iter().chain(more.iter().enumerate().map(|(index, each)| (Some(index), each)))
    }
}

impl Federation {
    /// The part that says who gives the tokens.
    pub(crate) fn server(&self) -> TokenServer {
        let Self { issuer, client_id, client_secret, private_key, key_id, auth, ca, pin, .. } = self.clone();
        TokenServer {
            token_url: None,
            issuer,
            client_id,
            client_secret,
            private_key,
            key_id,
            auth,
            ca,
            pin,
            requests: Some("300/min".to_owned()),
        }
    }
}
