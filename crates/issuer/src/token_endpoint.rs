//! ★ How does a grant become tokens? The steps that every grant takes; what is its own, it answers itself. (OAuth 2.1 §3.2, RFC 9068)
//!
//! 1. The form is read, strictly.
//! 2. The client proves who it is.
//! 3. If it shows a key, what it gets is bound to that.
//! 4. The grant says what was granted, and to whom.
//! 5. The access token is signed, for one resource.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use oauth::actors::Actors;
use oauth::error_code::ErrorCode;
use oauth::form_fields::Fields;
use oauth::resource::Resource;
use oauth::scope::ScopeSet;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use token::Verified;
use token::dpop::Proof;
use token::mint::MintRequest;

use crate::client::Client;
use crate::grant::GrantId;
use crate::grants;
use crate::proof;
use crate::refusal::Refusal;
use crate::server::{Inbound, Server, json};

/// One token request, by a client that has proved who it is.
pub(crate) struct Asked<'a> {
    pub(crate) server: &'a Server,
    pub(crate) inbound: &'a Inbound<'a>,
    pub(crate) fields: &'a Fields,
    pub(crate) client: &'a Client,
    /// That it has a key.
    pub(crate) proof: Option<&'a Verified<Proof>>,
}

/// What a grant comes to.
pub(crate) struct Granted {
    pub(crate) subject: String,
    pub(crate) scopes: ScopeSet,
    pub(crate) resource: Resource,
    /// What ends its access tokens when it ends.
    pub(crate) grant: Option<GrantId>,
    /// Unix seconds.
    pub(crate) signed_in_at: Option<u64>,
    pub(crate) refresh_token: Option<SecretString>,
    /// Seconds for which that is good of which it comes, a grant or another token.
    pub(crate) left: Option<u64>,
    /// Who has exchanged another token for it, and acts for the subject from now on.
    pub(crate) actors: Actors,
}

impl Granted {
    /// A token alone.
    pub(crate) fn new(subject: String, scopes: ScopeSet, resource: Resource) -> Self {
        Self { subject, scopes, resource, grant: None, signed_in_at: None, refresh_token: None, left: None, actors: Actors::default() }
    }
}

/// RFC 6749 §5.1.
#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    scope: String,
    /// RFC 8693 §2.2.1
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
}

impl Server {
    pub(crate) async fn token(&self, inbound: &Inbound<'_>) -> Result<Response<Bytes>, Refusal> {
        let fields = form(inbound)?;
        let client = self.authenticate_client(inbound, &fields).await?;
        let name = fields.value("grant_type").ok_or_else(|| Refusal::invalid_request("`grant_type` is missing"))?;
        let grant = grants::ALL
            .iter()
            .find(|grant| grant.name() == name && grant.is_offered(inbound.config))
            .ok_or_else(|| Refusal::new(ErrorCode::UnsupportedGrantType, "this grant type is not offered"))?;
        if !grant.is_for(&client) {
            return Err(Refusal::new(ErrorCode::UnauthorizedClient, "this client may not use this grant type"));
        }
        let proof = self.proof(inbound).await?;
        if client.wants_bound_tokens && proof.is_none() {
            return Err(proof::refusal("this client gets only tokens that are bound to a key, and there is no proof of one"));
        }
        let asked = Asked { server: self, inbound, fields: &fields, client: &client, proof: proof.as_ref() };
        let granted = grant.granted(&asked).await?;
        self.issue(&asked, &granted)
    }

    fn issue(&self, asked: &Asked<'_>, granted: &Granted) -> Result<Response<Bytes>, Refusal> {
        let Asked { inbound, client, proof, .. } = asked;
        let usual = inbound.config.lifetimes.access_token.as_secs();
        let lives = granted.left.map_or(usual, |left| left.min(usual));
        let request = MintRequest {
            issuer: Some(inbound.config.issuer.as_str().to_owned()),
            client_id: Some(client.id.clone()),
            scopes: granted.scopes.without_offline_access(),
            grant_id: granted.grant.map(GrantId::text),
            auth_time: granted.signed_in_at,
            actors: granted.actors.clone(),
            confirmation: proof.map(|proof| proof.thumbprint),
            ..MintRequest::new(granted.resource.as_str(), &*granted.subject, lives)
        };
        let token = SecretString::from(self.keys.signer().mint(&request, inbound.now).map_err(|error| Refusal::broken(&error))?);
        let answer = Answer {
            access_token: token.expose_secret(),
            token_type: if proof.is_some() { "DPoP" } else { "Bearer" },
            expires_in: lives,
            refresh_token: granted.refresh_token.as_ref().map(SecretString::expose_secret),
            scope: granted.scopes.to_string(),
            issued_token_type: (!granted.actors.is_empty()).then_some(grants::ACCESS_TOKEN),
        };
        Ok(json(StatusCode::OK, &answer))
    }
}

/// The form of a request that a program makes.
pub(crate) fn form(inbound: &Inbound<'_>) -> Result<Fields, Refusal> {
    let kind = inbound.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(Refusal::invalid_request("the body must be `application/x-www-form-urlencoded`"));
    }
    Fields::read(inbound.body).map_err(|invalid| Refusal::invalid_request(invalid.to_string()))
}

impl Asked<'_> {
    /// The resource that is asked for again, which must be the one that was granted (RFC 8707 §2.2).
    pub(crate) fn same_resource(&self, granted: &Resource) -> Result<(), Refusal> {
        let is_it = |asked: &str| granted.accepted_spellings().iter().any(|spelling| spelling == asked);
        if self.fields.values("resource").all(is_it) {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::InvalidTarget, "`resource` is another one than was granted"))
    }

    /// The scopes that are asked for again, which must be among those that were granted.
    pub(crate) fn narrowed(&self, granted: &ScopeSet) -> Result<ScopeSet, Refusal> {
        let Some(asked) = self.fields.value("scope") else { return Ok(granted.clone()) };
        let asked = ScopeSet::parse(asked).map_err(|invalid| Refusal::new(ErrorCode::InvalidScope, invalid.to_string()))?;
        if granted.is_superset(&asked) { Ok(asked) } else { Err(Refusal::new(ErrorCode::InvalidScope, "`scope` is more than was granted")) }
    }
}
