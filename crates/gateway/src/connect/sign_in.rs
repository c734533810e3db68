//! Who is it? The issuer of a person's tokens tells, as an OpenID provider, by the same code flow (OpenID Connect Core §3.1).

use std::sync::Arc;

use broker::code_flow::{CodeFlow, NotGranted};
use broker::connection::Person;
use oauth::authorization::Answer;
use oauth::issuer::Issuer;
use oauth::pkce::Verifier;
use secrecy::ExposeSecret as _;
use token::{Asked, Unverified, verify_id_token};

use crate::issuer_keys::IssuerKeys;

/// A way to sign in.
pub(crate) struct SignIn {
    pub(crate) issuer: Issuer,
    pub(crate) client_id: String,
    pub(crate) flow: CodeFlow,
    pub(crate) keys: Arc<IssuerKeys>,
}

/// Why nobody has signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotSignedIn {
    /// The provider gave no token.
    #[error(transparent)]
    NotGranted(#[from] NotGranted),
    /// There is no id token.
    #[error("the provider's answer has no `id_token`; is `openid` among the scopes?")]
    NoIdToken,
    /// The provider's keys cannot be had.
    #[error("the provider's keys cannot be had")]
    NoKeys,
    /// The id token is not good.
    #[error("the id token is refused")]
    Refused(#[source] token::Refusal),
}

impl SignIn {
    /// Where this issuer sends people back to, below `/connections`: its own name without the scheme, and a hyphen for all that a path segment may not hold.
    pub(crate) fn way_back(&self) -> String {
        format!("/signed-in/{}", self.issuer.segment())
    }

    /// Who has come back with this answer. `now` is Unix time in seconds.
    pub(crate) async fn person(
        &self,
        answer: &Answer,
        verifier: &Verifier,
        redirect_uri: &str,
        nonce: &str,
        now: u64,
    ) -> Result<Person, NotSignedIn> {
        let tokens = self.flow.redeem(answer, verifier, redirect_uri).await?;
        let id_token = tokens.id_token.ok_or(NotSignedIn::NoIdToken)?;
        let unverified = Unverified::parse(id_token.expose_secret()).map_err(NotSignedIn::Refused)?;
        let keys = self.keys.for_token(&unverified).await.map_err(|_| NotSignedIn::NoKeys)?;
        let access_token = Some(tokens.token.expose_secret());
        let asked = Asked { issuer: self.issuer.as_str(), client_id: &self.client_id, nonce, access_token };
        let identity = verify_id_token(&unverified, &asked, &keys, now).map_err(NotSignedIn::Refused)?;
        Ok(Person { issuer: identity.issuer.as_str().into(), subject: identity.subject.as_str().into() })
    }
}
