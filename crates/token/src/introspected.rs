//! May a token be believed that we cannot read, because its own server says that it is good? (RFC 7662 §4)
//!
//! The server was asked over a connection that only it can answer. What it says is judged as if the token itself said so, by the same rules.

use oauth::introspection::{ActiveToken, Confirmation, Introspection};

use crate::claims::{Claims, is_nameable};
use crate::presented::Presented;
use crate::refusal::{ClaimName, Refusal};
use crate::thumbprint::Thumbprint;
use crate::trust::{Times, Trust};
use crate::verify::Verified;

impl Verified<Claims> {
    /// Judges what the server that issued a token says about it; `now` is unix seconds.
    ///
    /// An audience is demanded, for without one any token of that server, whoever it was made for, would open this door. Where the server does not say how long
    /// the token is good, it is believed for `unsaid_lifetime_seconds`, and not at all for `None`; more than [`MAX_UNSAID_LIFETIME_SECONDS`] counts as that.
    pub fn from_introspection(
        answer: &Introspection,
        trust: &Trust,
        presented: Presented<'_>,
        unsaid_lifetime_seconds: Option<u64>,
        now: u64,
    ) -> Result<Self, Refusal> {
        let Introspection::Active(token) = answer else { return Err(Refusal::Inactive) };
        check_kind(token)?;
        if token.issuer.is_some() && token.issuer != trust.issuer {
            return Err(Refusal::WrongIssuer);
        }
        if token.audiences.is_empty() {
            return Err(Refusal::MissingClaim(ClaimName::Audience));
        }
        trust.check_audiences(&token.audiences.0)?;
        let expires_at = match (token.expires_at, unsaid_lifetime_seconds) {
            (Some(expires_at), _) => expires_at,
            (None, Some(seconds)) => now.saturating_add(seconds.min(MAX_UNSAID_LIFETIME_SECONDS)),
            (None, None) => return Err(Refusal::MissingClaim(ClaimName::ExpiresAt)),
        };
        let times = Times { expires_at: Some(expires_at), issued_at: token.issued_at, not_before: token.not_before };
        trust.check_times(times, now)?;
        let confirmation = confirmation(token)?;
        presented.check(confirmation.as_ref())?;
        Ok(Self::vouch(Claims {
            issuer: trust.issuer.clone(),
            subject: plain(ClaimName::Subject, token.subject.as_ref())?.ok_or(Refusal::MissingClaim(ClaimName::Subject))?,
            audiences: token.audiences.0.clone(),
            client_id: plain(ClaimName::ClientId, token.client_id.as_ref())?,
            scopes: token.scopes.clone(),
            expires_at,
            issued_at: token.issued_at,
            not_before: token.not_before,
            jwt_id: plain(ClaimName::JwtId, token.jwt_id.as_ref())?,
            grant_id: plain(ClaimName::GrantId, token.grant_id.as_ref())?,
            confirmation,
            key_id: None,
        }))
    }
}

/// Some servers answer for refresh tokens and id tokens as well. Whichever member says what the token is, it is an access token.
fn check_kind(token: &ActiveToken) -> Result<(), Refusal> {
    let is_one_of =
        |said: Option<&String>, kinds: &[&str]| said.is_none_or(|said| kinds.iter().any(|kind| said.eq_ignore_ascii_case(kind)));
    let is_access_token = is_one_of(token.token_type.as_ref(), &["bearer", "dpop"])
        && is_one_of(token.token_use.as_ref(), &["access", "access_token"])
        && is_one_of(token.typ.as_ref(), &["at+jwt", "bearer", "dpop", "jwt"]);
    if is_access_token { Ok(()) } else { Err(Refusal::WrongType) }
}

/// What the token is bound to. One that is said to be bound must say to which key.
fn confirmation(token: &ActiveToken) -> Result<Option<Thumbprint>, Refusal> {
    let is_said_to_be_bound = token.token_type.as_deref().is_some_and(|said| said.eq_ignore_ascii_case("dpop"));
    match &token.confirmation {
        Some(Confirmation::Key(key)) => Thumbprint::parse(key).map(Some).map_err(|_| Refusal::MalformedClaim(ClaimName::Confirmation)),
        Some(Confirmation::Other) => Err(Refusal::SenderConstrained),
        None if is_said_to_be_bound => Err(Refusal::SenderConstrained),
        None => Ok(None),
    }
}

fn plain(claim: ClaimName, text: Option<&String>) -> Result<Option<String>, Refusal> {
    match text {
        Some(text) if is_nameable(text) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::MalformedClaim(claim)),
        None => Ok(None),
    }
}

/// The longest time for which a token is believed whose server does not say how long it is good: a minute.
pub const MAX_UNSAID_LIFETIME_SECONDS: u64 = 60;
