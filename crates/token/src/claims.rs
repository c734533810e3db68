//! Which claims does a token make, and are they of the right shape? (RFC 7519 §4, RFC 9068 §2.2, RFC 9449 §6.1)

use oauth::scope::{Scope, ScopeSet};

use crate::json::{self, Value};
use crate::refusal::{ClaimName, Part, Refusal};
use crate::thumbprint::Thumbprint;

/// What a verified token says. Times are unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// `iss`; absent in tokens signed with a shared secret.
    pub issuer: Option<String>,
    /// `sub`: who calls. Never empty, no control characters, at most 2048 bytes.
    pub subject: String,
    /// `aud`, all of it; one of them is this server.
    pub audiences: Vec<String>,
    /// `client_id`, or `azp` when there is none: the program that calls.
    pub client_id: Option<String>,
    /// `scope` and `scp` together.
    pub scopes: ScopeSet,
    /// `exp`
    pub expires_at: u64,
    /// `iat`
    pub issued_at: Option<u64>,
    /// `nbf`
    pub not_before: Option<u64>,
    /// `jti`
    pub jwt_id: Option<String>,
    /// `grant_id`: the grant that the token stands for (Grant Management for OAuth 2.0).
    pub grant_id: Option<String>,
    /// `cnf`: the key that the token is bound to. Whoever sends it has to prove that they have it ([`Presented`](crate::Presented)).
    pub confirmation: Option<Thumbprint>,
    /// The `kid` of the key that signed; shared secrets have none.
    pub key_id: Option<String>,
}

/// The claims as the token makes them: well-shaped, and believed by nobody yet.
#[derive(Debug, Default)]
pub(crate) struct UnverifiedClaims {
    pub(crate) issuer: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) audiences: Option<Vec<String>>,
    pub(crate) expires_at: Option<u64>,
    pub(crate) issued_at: Option<u64>,
    pub(crate) not_before: Option<u64>,
    pub(crate) scopes: ScopeSet,
    pub(crate) jwt_id: Option<String>,
    pub(crate) grant_id: Option<String>,
    pub(crate) confirmation: Option<Thumbprint>,
    /// What ties an id token to the question that it answers.
    pub(crate) nonce: Option<String>,
    /// What ties an id token to the access token that came with it.
    pub(crate) access_token_hash: Option<String>,
    /// Set when a claim shows that this is not a plain bearer access token.
    pub(crate) wrong_kind: Option<Refusal>,
    client_id: Option<String>,
    authorized_party: Option<String>,
}

impl UnverifiedClaims {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Refusal> {
        let mut claims = Self::default();
        json::read_members(json, Part::Claims, |name, value| claims.take(name, value))?;
        Ok(claims)
    }

    /// `client_id`, else `azp`.
    pub(crate) fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref().or(self.authorized_party.as_deref())
    }

    /// `client_id`, and nothing else.
    pub(crate) fn own_client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// `azp`
    pub(crate) fn authorized_party(&self) -> Option<&str> {
        self.authorized_party.as_deref()
    }

    /// What is no id token either outweighs what is one.
    fn is_wrong(&mut self, kind: Refusal) {
        if kind != Refusal::IdToken || self.wrong_kind.is_none() {
            self.wrong_kind = Some(kind);
        }
    }

    fn take(&mut self, name: &str, value: Value<'_>) -> Result<(), Refusal> {
        match name {
            "iss" => self.issuer = Some(text(ClaimName::Issuer, value)?),
            "sub" => self.subject = Some(text(ClaimName::Subject, value)?),
            "aud" => self.audiences = Some(audiences(value)?),
            "exp" => self.expires_at = Some(time(ClaimName::ExpiresAt, &value)?),
            "iat" => self.issued_at = Some(time(ClaimName::IssuedAt, &value)?),
            "nbf" => self.not_before = Some(time(ClaimName::NotBefore, &value)?),
            "jti" => self.jwt_id = Some(text(ClaimName::JwtId, value)?),
            "client_id" => self.client_id = Some(text(ClaimName::ClientId, value)?),
            "grant_id" => self.grant_id = Some(text(ClaimName::GrantId, value)?),
            "azp" => self.authorized_party = Some(text(ClaimName::AuthorizedParty, value)?),
            "scope" => self.add_scopes(ClaimName::Scope, value)?,
            "scp" => self.add_scopes(ClaimName::Scp, value)?,
            "nonce" => {
                self.is_wrong(Refusal::IdToken);
                if let Value::Text(nonce) = value {
                    self.nonce = Some(nonce.into_owned());
                }
            }
            "at_hash" => {
                self.is_wrong(Refusal::IdToken);
                self.access_token_hash = Some(text(ClaimName::AccessTokenHash, value)?);
            }
            "c_hash" => self.is_wrong(Refusal::IdToken),
            "events" => self.is_wrong(Refusal::SecurityEvent),
            "cnf" => self.confirm(value)?,
            _ => {}
        }
        Ok(())
    }

    /// Of the ways to bind a token we know one, and where there is another we cannot tell whether it is kept.
    fn confirm(&mut self, value: Value<'_>) -> Result<(), Refusal> {
        let Value::Members(members) = value else { return Err(Refusal::MalformedClaim(ClaimName::Confirmation)) };
        match members.as_slice() {
            [(name, Value::Text(thumbprint))] if name == "jkt" => {
                let thumbprint = Thumbprint::parse(thumbprint).map_err(|_| Refusal::MalformedClaim(ClaimName::Confirmation))?;
                self.confirmation = Some(thumbprint);
            }
            _ if members.iter().all(|(name, _)| name == "jkt") => return Err(Refusal::MalformedClaim(ClaimName::Confirmation)),
            _ => self.is_wrong(Refusal::SenderConstrained),
        }
        Ok(())
    }

    /// Issuers write scopes as one string or as a list, under either name.
    fn add_scopes(&mut self, claim: ClaimName, value: Value<'_>) -> Result<(), Refusal> {
        let scopes = match value {
            Value::Text(list) => ScopeSet::parse(&list),
            Value::Texts(list) => list.iter().map(|scope| Scope::parse(scope)).collect(),
            Value::Members(_) | Value::Number(_) | Value::Other => return Err(Refusal::MalformedClaim(claim)),
        };
        let scopes = scopes.map_err(|_| Refusal::MalformedClaim(claim))?;
        self.scopes = self.scopes.union(&scopes);
        Ok(())
    }
}

/// Whether a text may stand for somebody: not empty, at most 2048 bytes, no control characters.
pub(crate) fn is_nameable(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT_BYTES && !text.chars().any(char::is_control)
}

fn text(claim: ClaimName, value: Value<'_>) -> Result<String, Refusal> {
    match value {
        Value::Text(text) if is_nameable(&text) => Ok(text.into_owned()),
        _ => Err(Refusal::MalformedClaim(claim)),
    }
}

fn audiences(value: Value<'_>) -> Result<Vec<String>, Refusal> {
    match value {
        Value::Text(audience) => Ok(vec![audience.into_owned()]),
        Value::Texts(audiences) => Ok(audiences.into_iter().map(String::from).collect()),
        Value::Members(_) | Value::Number(_) | Value::Other => Err(Refusal::MalformedClaim(ClaimName::Audience)),
    }
}

/// Milliseconds taken for seconds land far behind the year 9999, and are refused here.
fn time(claim: ClaimName, value: &Value<'_>) -> Result<u64, Refusal> {
    match value {
        Value::Number(seconds) if *seconds <= END_OF_YEAR_9999 => Ok(*seconds),
        _ => Err(Refusal::MalformedClaim(claim)),
    }
}

const MAX_TEXT_BYTES: usize = 2048;
const END_OF_YEAR_9999: u64 = 253_402_300_799;
