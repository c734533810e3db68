//! What does a client say of itself at the address that is its name? (draft-ietf-oauth-client-id-metadata-document)
//!
//! The address proves one thing: whoever rules over it wrote this. What the document says is still a stranger's word, so it is small, read strictly, and harmless to show.

use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::client_authentication::Method;
use crate::client_name;
use crate::scope::ScopeSet;
use crate::uri::{self, InvalidUri};

/// A client's name that is the address of its document, kept letter for letter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientIdUrl {
    text: String,
    origin_length: usize,
}

impl ClientIdUrl {
    /// Accepts an https URL of at most 2048 bytes with a path, without dot segments, fragment and user name.
    pub fn parse(text: &str) -> Result<Self, InvalidClientId> {
        let parts = uri::split(text)?;
        if !parts.is_https {
            return Err(InvalidClientId::NotHttps);
        }
        if parts.path.len() <= 1 {
            return Err(InvalidClientId::NoPath);
        }
        Ok(Self { origin_length: parts.origin.len(), text: text.to_owned() })
    }

    /// The name as written, which is the address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host and port, which people are shown: nobody but its owner can have written the document.
    pub fn host(&self) -> &str {
        let origin = self.text.get(..self.origin_length).unwrap_or_default();
        origin.split_once("://").map_or(origin, |(_, host)| host)
    }
}

/// Why a text is not the address of a client's document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClientId {
    /// It has no path: a whole host is no client.
    #[error("it must have a path")]
    NoPath,
    /// It does not begin with `https://`.
    #[error("it must use https")]
    NotHttps,
    /// Not an acceptable URI at all.
    #[error(transparent)]
    Uri(#[from] InvalidUri),
}

/// What a client says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientMetadataDocument {
    /// Its name, which is where the document was found.
    pub client_id: ClientIdUrl,
    /// Its name for people: 1 to 100 characters on one line.
    pub client_name: String,
    /// Where people may be sent back to, as written; at least one. Which of them may be used, `redirect` says.
    pub redirect_uris: Vec<String>,
    /// How it proves who it is.
    pub proof: ClientProof,
    /// `grant_types`, as written.
    pub grant_types: Vec<String>,
    /// `scope`: what it will ask for.
    pub scopes: ScopeSet,
    /// Whether it wants only tokens that are bound to a key of its own (RFC 9449 §5.2).
    pub wants_bound_tokens: bool,
    /// A picture, never fetched by us.
    pub logo_uri: Option<String>,
    /// A page about it.
    pub client_uri: Option<String>,
    /// Its terms.
    pub tos_uri: Option<String>,
    /// What it does with what it learns of people.
    pub policy_uri: Option<String>,
}

/// How a client proves who it is. There is no secret among the ways: anybody could read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientProof {
    /// By these keys, a JWK set as written.
    Keys(String),
    /// By the keys at this address.
    KeysAt(String),
    /// Not at all.
    None,
}

impl ClientMetadataDocument {
    /// Reads the document that was found at `found_at`.
    pub fn read(body: &[u8], found_at: &ClientIdUrl) -> Result<Self, InvalidDocument> {
        if body.len() > MAX_BYTES {
            return Err(InvalidDocument::TooLarge);
        }
        // The parser looks for UTF-8 only in what it keeps, and takes a list for an object.
        let text = std::str::from_utf8(body).map_err(|_| InvalidDocument::Malformed)?;
        if !text.trim_ascii_start().starts_with('{') {
            return Err(InvalidDocument::Malformed);
        }
        let wire: Wire<'_> = serde_json::from_str(text).map_err(|_| InvalidDocument::Malformed)?;
        if wire.client_id != found_at.as_str() {
            return Err(InvalidDocument::OtherClient);
        }
        if wire.client_secret.is_some() || wire.client_secret_expires_at.is_some() {
            return Err(InvalidDocument::Secret);
        }
        let redirect_uris = wire.redirect_uris;
        if redirect_uris.is_empty() || !redirect_uris.iter().all(|uri| is_plain(uri)) {
            return Err(InvalidDocument::RedirectUris);
        }
        if wire.response_types.is_some_and(|types| !types.iter().any(|kind| kind == "code")) {
            return Err(InvalidDocument::ResponseTypes);
        }
        let grant_types = wire.grant_types.unwrap_or_else(|| vec!["authorization_code".to_owned()]);
        Ok(Self {
            client_id: found_at.clone(),
            client_name: name(&wire.client_name)?,
            redirect_uris,
            proof: proof(wire.token_endpoint_auth_method.as_deref(), wire.jwks, wire.jwks_uri)?,
            grant_types: if grant_types.iter().all(|name| is_plain(name)) { grant_types } else { return Err(InvalidDocument::Malformed) },
            scopes: ScopeSet::parse(wire.scope.as_deref().unwrap_or_default()).map_err(|_| InvalidDocument::Malformed)?,
            wants_bound_tokens: wire.dpop_bound_access_tokens.unwrap_or_default(),
            logo_uri: link(wire.logo_uri, "logo_uri")?,
            client_uri: link(wire.client_uri, "client_uri")?,
            tos_uri: link(wire.tos_uri, "tos_uri")?,
            policy_uri: link(wire.policy_uri, "policy_uri")?,
        })
    }
}

/// Why a document is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDocument {
    /// Not one JSON object with at least `client_id`, `client_name` and `redirect_uris`, a member twice, or a member of the wrong kind.
    #[error("it is not a JSON object with `client_id`, `client_name` and `redirect_uris`, and whatever else RFC 7591 describes")]
    Malformed,
    /// `private_key_jwt` without keys, or with keys in two places.
    #[error("a client that proves itself by `private_key_jwt` names its keys in either `jwks` or an https `jwks_uri`")]
    Keys,
    /// A link that is no https URL.
    #[error("its `{0}` is no https URL")]
    Link(&'static str),
    /// A name that is empty, too long, or could be taken for something else.
    #[error("its `client_name` must have 1 to {} characters and none that deceives the eye", client_name::MAX_CHARACTERS)]
    Name,
    /// `client_id` is not the address where the document was found.
    #[error("its `client_id` is not the address where it was found")]
    OtherClient,
    /// A way to prove itself that needs a secret, or that is not known.
    #[error("its `token_endpoint_auth_method` must be `none` or `private_key_jwt`")]
    Proof,
    /// No redirect URI, or one with characters that no URI has.
    #[error("its `redirect_uris` must name at least one place")]
    RedirectUris,
    /// It could not do anything with a code.
    #[error("its `response_types` must hold `code`")]
    ResponseTypes,
    /// A secret that anybody can read.
    #[error("it holds a client secret, which everybody can read")]
    Secret,
    /// The document is over the limit.
    #[error("it is over {MAX_BYTES} bytes")]
    TooLarge,
}

impl fmt::Display for ClientIdUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl TryFrom<String> for ClientIdUrl {
    type Error = InvalidClientId;

    fn try_from(text: String) -> Result<Self, InvalidClientId> {
        Self::parse(&text)
    }
}

impl From<ClientIdUrl> for String {
    fn from(id: ClientIdUrl) -> Self {
        id.text
    }
}

/// The largest document that is read: 5 KiB, as the draft recommends.
pub const MAX_BYTES: usize = 5 * 1024;

#[derive(Deserialize)]
struct Wire<'d> {
    client_id: String,
    client_name: String,
    redirect_uris: Vec<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    scope: Option<String>,
    dpop_bound_access_tokens: Option<bool>,
    #[serde(borrow)]
    jwks: Option<&'d RawValue>,
    jwks_uri: Option<String>,
    logo_uri: Option<String>,
    client_uri: Option<String>,
    tos_uri: Option<String>,
    policy_uri: Option<String>,
    /// Only whether they are there; their values are never kept.
    client_secret: Option<IgnoredAny>,
    client_secret_expires_at: Option<IgnoredAny>,
}

/// RFC 7591 §2 has a secret for whoever says nothing. Here there can be none, so it means no proof at all.
fn proof(method: Option<&str>, jwks: Option<&RawValue>, jwks_uri: Option<String>) -> Result<ClientProof, InvalidDocument> {
    let is_by_key = method == Some(Method::PrivateKeyJwt.name());
    if !is_by_key {
        let is_public = method.is_none_or(|method| method == Method::None.name());
        return if is_public { Ok(ClientProof::None) } else { Err(InvalidDocument::Proof) };
    }
    match (jwks, jwks_uri) {
        (Some(keys), None) if keys.get().starts_with('{') => Ok(ClientProof::Keys(keys.get().to_owned())),
        (None, Some(address)) if is_https(&address) => Ok(ClientProof::KeysAt(address)),
        _ => Err(InvalidDocument::Keys),
    }
}

fn name(text: &str) -> Result<String, InvalidDocument> {
    let name = client_name::fair(text).filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or(InvalidDocument::Name)
}

fn link(text: Option<String>, member: &'static str) -> Result<Option<String>, InvalidDocument> {
    match text {
        Some(text) if !is_https(&text) => Err(InvalidDocument::Link(member)),
        text => Ok(text),
    }
}

fn is_https(text: &str) -> bool {
    uri::split(text).is_ok_and(|parts| parts.is_https)
}

fn is_plain(text: &str) -> bool {
    (1..=MAX_URI_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

const MAX_URI_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "https://app.example/oauth/client.json";

    fn document(more: &Value) -> String {
        let mut document = json!({"client_id": ID, "client_name": "App", "redirect_uris": ["http://127.0.0.1/callback"]});
        let members = document.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        document.to_string()
    }

    fn read(document: &str) -> Result<ClientMetadataDocument, InvalidDocument> {
        ClientMetadataDocument::read(document.as_bytes(), &ClientIdUrl::parse(ID).unwrap())
    }

    fn with(more: &Value) -> Result<ClientMetadataDocument, InvalidDocument> {
        read(&document(more))
    }

    #[test]
    fn an_address_with_a_path_is_a_name_and_kept_as_it_is() {
        for text in [ID, "https://app.example:8443/c", "HTTPS://App.Example/C?v=1", "https://app.example/@me/c"] {
            assert_eq!(ClientIdUrl::parse(text).unwrap().as_str(), text);
        }
        assert_eq!(ClientIdUrl::parse("https://app.example:8443/c").unwrap().host(), "app.example:8443");
        for (text, expected) in [
            ("http://app.example/c", InvalidClientId::NotHttps),
            ("http://127.0.0.1/c", InvalidClientId::NotHttps),
            ("https://app.example", InvalidClientId::NoPath),
            ("https://app.example/", InvalidClientId::NoPath),
            ("https://app.example/?c", InvalidClientId::NoPath),
            ("https://app.example/a/../c", InvalidClientId::Uri(InvalidUri::PathNotPlain)),
            ("https://app.example/./c", InvalidClientId::Uri(InvalidUri::PathNotPlain)),
            ("https://app.example/%2e%2e/c", InvalidClientId::Uri(InvalidUri::PathNotPlain)),
            ("https://app.example/c#f", InvalidClientId::Uri(InvalidUri::Fragment)),
            ("https://user@app.example/c", InvalidClientId::Uri(InvalidUri::UserInfo)),
            ("https://app.example/c d", InvalidClientId::Uri(InvalidUri::ForbiddenCharacter)),
            ("app", InvalidClientId::Uri(InvalidUri::NotAbsolute)),
        ] {
            assert_eq!(ClientIdUrl::parse(text), Err(expected), "{text}");
        }
        let long = format!("https://app.example/{}", "c".repeat(2048));
        assert_eq!(ClientIdUrl::parse(&long), Err(InvalidClientId::Uri(InvalidUri::TooLong)));
    }

    #[test]
    fn what_real_clients_publish_is_taken() {
        let read = with(&json!({
            "client_name": "Claude Code", "client_uri": "https://claude.ai", "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "token_endpoint_auth_method": "none",
            "logo_uri": "https://claude.ai/logo.png", "scope": "b a", "dpop_bound_access_tokens": true, "software_id": "x", "contacts": ["a@b"],
        }))
        .unwrap();
        assert_eq!((read.client_id.as_str(), read.client_name.as_str(), &read.proof), (ID, "Claude Code", &ClientProof::None));
        assert_eq!(read.redirect_uris, ["http://localhost/callback", "http://127.0.0.1/callback"]);
        assert_eq!(read.grant_types, ["authorization_code", "refresh_token"]);
        assert_eq!((read.scopes.to_string().as_str(), read.wants_bound_tokens), ("a b", true));
        assert_eq!((read.client_uri.as_deref(), read.tos_uri), (Some("https://claude.ai"), None));
        let bare = with(&json!({})).unwrap();
        assert_eq!(
            (bare.grant_types, bare.proof, bare.wants_bound_tokens),
            (vec!["authorization_code".to_owned()], ClientProof::None, false)
        );
    }

    #[test]
    fn the_document_is_of_the_client_whose_name_is_its_address() {
        for other in ["https://app.example/oauth/client.json/", "https://APP.example/oauth/client.json", "https://evil.example/c", ""] {
            assert_eq!(with(&json!({"client_id": other})), Err(InvalidDocument::OtherClient), "{other}");
        }
    }

    #[test]
    fn what_is_required_is_there_once_and_of_its_kind() {
        for more in [
            json!({"client_id": null}),
            json!({"client_name": null}),
            json!({"redirect_uris": null}),
            json!({"client_name": 1}),
            json!({"redirect_uris": "https://app.example/cb"}),
            json!({"redirect_uris": [1]}),
            json!({"scope": "a\"b"}),
            json!({"grant_types": "authorization_code"}),
            json!({"grant_types": [""]}),
            json!({"dpop_bound_access_tokens": "true"}),
        ] {
            assert_eq!(with(&more), Err(InvalidDocument::Malformed), "{more}");
        }
        let good = document(&json!({}));
        let twice = good.replacen('{', r#"{"redirect_uris":["https://evil.example/cb"],"#, 1);
        for text in ["", "[]", "null", "<html>", &twice, &format!("{good}{good}"), &format!("[{good}]")] {
            assert_eq!(read(text), Err(InvalidDocument::Malformed), "{text}");
        }
        let not_utf8 = [&good.as_bytes()[..good.len() - 1], b",\"x\":\"\xff\"}"].concat();
        assert_eq!(ClientMetadataDocument::read(&not_utf8, &ClientIdUrl::parse(ID).unwrap()), Err(InvalidDocument::Malformed));
    }

    #[test]
    fn there_is_a_place_to_go_back_to() {
        for bad in [json!([]), json!([""]), json!(["https://a/cb", "https://a/c b"]), json!(["https://a/\u{e9}"]), json!(["https://a/\n"])]
        {
            assert_eq!(with(&json!({"redirect_uris": bad})), Err(InvalidDocument::RedirectUris), "{bad}");
        }
        assert_eq!(with(&json!({"response_types": ["token"]})), Err(InvalidDocument::ResponseTypes));
    }

    #[test]
    fn a_secret_that_everybody_can_read_is_none() {
        for name in ["client_secret", "client_secret_expires_at"] {
            for value in [json!("hunter2"), json!(0), json!({})] {
                assert_eq!(with(&json!({name: value})), Err(InvalidDocument::Secret), "{name} {value}");
            }
        }
        for method in ["client_secret_basic", "client_secret_post", "client_secret_jwt", "tls_client_auth", "None", ""] {
            assert_eq!(with(&json!({"token_endpoint_auth_method": method})), Err(InvalidDocument::Proof), "{method}");
        }
    }

    #[test]
    fn keys_stand_in_one_place() {
        let by_key = |more: Value| {
            let mut all = json!({"token_endpoint_auth_method": "private_key_jwt"});
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            with(&all).map(|document| document.proof)
        };
        assert_eq!(by_key(json!({"jwks": {"keys": []}})), Ok(ClientProof::Keys(r#"{"keys":[]}"#.to_owned())));
        assert_eq!(by_key(json!({"jwks_uri": "https://app.example/keys"})), Ok(ClientProof::KeysAt("https://app.example/keys".to_owned())));
        for more in [
            json!({}),
            json!({"jwks": {"keys": []}, "jwks_uri": "https://app.example/keys"}),
            json!({"jwks": []}),
            json!({"jwks": "https://app.example/keys"}),
            json!({"jwks_uri": "http://app.example/keys"}),
            json!({"jwks_uri": "keys"}),
        ] {
            assert_eq!(by_key(more.clone()), Err(InvalidDocument::Keys), "{more}");
        }
    }

    #[test]
    fn nothing_in_it_deceives_or_harms_whoever_is_shown_it() {
        for bad in ["", "  ", "a\nb", "a\u{202e}b", "a\u{200b}b", "a\u{2066}b", "a\u{0}", "a\u{ad}b", &"x".repeat(101)] {
            assert_eq!(with(&json!({"client_name": bad})), Err(InvalidDocument::Name), "{bad:?}");
        }
        assert_eq!(with(&json!({"client_name": " Ärger & <b>Söhne</b> "})).unwrap().client_name, "Ärger & <b>Söhne</b>");
        for member in ["logo_uri", "client_uri", "tos_uri", "policy_uri"] {
            for bad in ["javascript:alert(1)", "http://app.example/", "data:image/png;base64,AA", "/logo.png", "https://a\"b/", ""] {
                assert_eq!(with(&json!({member: bad})), Err(InvalidDocument::Link(member)), "{member} {bad}");
            }
        }
    }

    #[test]
    fn a_document_of_5_kib_is_read_and_a_larger_one_is_not() {
        let good = document(&json!({}));
        let padded = |length: usize| format!("{good}{}", " ".repeat(length - good.len()));
        assert!(read(&padded(MAX_BYTES)).is_ok());
        assert_eq!(read(&padded(MAX_BYTES + 1)), Err(InvalidDocument::TooLarge));
    }

    proptest! {
        #[test]
        fn no_bytes_harm_the_reader(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(ClientMetadataDocument::read(&body, &ClientIdUrl::parse(ID).unwrap()).is_err());
        }
    }
}
