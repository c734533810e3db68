//! Who is it? The issuer of a person's tokens tells, as an OpenID provider, by the same code flow (OpenID Connect Core §3.1).

use std::sync::Arc;

use broker::code_flow::{CodeFlow, NotGranted, NotRenewed, Sent};
use broker::connection::Person;
use broker::missing::Cause;
use broker::resolve::Resolver;
use oauth::authorization::Answer;
use oauth::issuer::Issuer;
use oauth::pkce::Verifier;
use oauth::token_response::TokenResponse;
use outbound::client::Client;
use outbound::tls::InvalidRoots;
use secrecy::{ExposeSecret as _, SecretString};
use token::{Asked, Identity, Unverified, verify_id_token, verify_renewed_id_token};

use crate::clock::Clock;
use crate::config;
use crate::issuer_keys::IssuerKeys;

/// A way to sign in.
pub struct SignIn {
    pub(crate) issuer: Issuer,
    pub(crate) client_id: String,
    pub(crate) flow: CodeFlow,
    pub(crate) keys: Arc<IssuerKeys>,
}

/// Somebody who has signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// Who, by the verified id token.
    pub identity: Identity,
    /// What came with it.
    pub tokens: TokenResponse,
}

/// Why nobody has signed in.
#[derive(Debug, thiserror::Error)]
pub enum NotSignedIn {
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
    /// A way to sign in at `issuer`, whose metadata and keys `client` may fetch.
    pub fn new(issuer: Issuer, written: &config::SignIn, resolver: &Resolver, client: &Client, clock: Clock) -> Result<Self, InvalidRoots> {
        let flow = resolver.sign_in(&written.server, written.scopes.clone(), client)?;
        let keys = Arc::new(IssuerKeys::new(issuer.clone(), client.clone(), clock));
        Ok(Self { client_id: written.server.client_id.clone(), flow, keys, issuer })
    }

    /// Where this issuer sends people back to, below `/connections`: its own name without the scheme, and a hyphen for all that a path segment may not hold.
    pub(crate) fn way_back(&self) -> String {
        format!("/signed-in/{}", self.issuer.segment())
    }

    /// Where to send a browser, as [`CodeFlow::send`] has it.
    pub async fn send(&self, redirect_uri: &str, state: &str, nonce: &str) -> Result<Sent, Cause> {
        self.flow.send(redirect_uri, state, Some(nonce)).await
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
        let identity = self.redeem(answer, verifier, redirect_uri, nonce, now).await?.identity;
        Ok(Person { issuer: identity.issuer.as_str().into(), subject: identity.subject.as_str().into() })
    }

    /// The same, and everything that came with it.
    pub async fn redeem(
        &self,
        answer: &Answer,
        verifier: &Verifier,
        redirect_uri: &str,
        nonce: &str,
        now: u64,
    ) -> Result<SignedIn, NotSignedIn> {
        let tokens = self.flow.redeem(answer, verifier, redirect_uri).await?;
        let id_token = tokens.id_token.as_ref().ok_or(NotSignedIn::NoIdToken)?;
        let unverified = Unverified::parse(id_token.expose_secret()).map_err(NotSignedIn::Refused)?;
        let keys = self.keys.for_token(&unverified).await.map_err(|_| NotSignedIn::NoKeys)?;
        let identity = verify_id_token(&unverified, &self.asked(nonce, &tokens), &keys, now).map_err(NotSignedIn::Refused)?.into_inner();
        Ok(SignedIn { identity, tokens })
    }

    /// The next tokens of somebody who signed in before. What they say about the person, [`renewed_identity`](Self::renewed_identity) reads.
    pub async fn renew(&self, refresh_token: &SecretString) -> Result<TokenResponse, NotRenewed> {
        self.flow.renew(refresh_token).await
    }

    /// Who it is that renewed tokens are of, where they say so. `nonce` is that of the sign-in.
    pub async fn renewed_identity(&self, tokens: &TokenResponse, nonce: &str, now: u64) -> Result<Option<Identity>, NotSignedIn> {
        let Some(id_token) = &tokens.id_token else { return Ok(None) };
        let unverified = Unverified::parse(id_token.expose_secret()).map_err(NotSignedIn::Refused)?;
        let keys = self.keys.for_token(&unverified).await.map_err(|_| NotSignedIn::NoKeys)?;
        let identity = verify_renewed_id_token(&unverified, &self.asked(nonce, tokens), &keys, now).map_err(NotSignedIn::Refused)?;
        Ok(Some(identity.into_inner()))
    }

    /// The identity with what the provider tells besides, if it has a place for that.
    pub async fn completed(&self, identity: Identity, tokens: &TokenResponse) -> Result<Identity, Incomplete> {
        match self.flow.userinfo(&tokens.token).await? {
            Some(userinfo) => identity.completed(&userinfo).ok_or(Incomplete::SomebodyElse),
            None => Ok(identity),
        }
    }

    /// Who it is that renewed tokens are of, where no id token came along and the provider has a place that tells.
    pub async fn told(&self, tokens: &TokenResponse) -> Result<Option<Identity>, Incomplete> {
        match self.flow.userinfo(&tokens.token).await? {
            Some(userinfo) => Identity::told(self.issuer.as_str(), &userinfo).map(Some).ok_or(Incomplete::SomebodyElse),
            None => Ok(None),
        }
    }

    fn asked<'a>(&'a self, nonce: &'a str, tokens: &'a TokenResponse) -> Asked<'a> {
        let access_token = Some(tokens.token.expose_secret());
        Asked { issuer: self.issuer.as_str(), client_id: &self.client_id, nonce, access_token }
    }
}

/// Why nothing more is known about somebody.
#[derive(Debug, thiserror::Error)]
pub enum Incomplete {
    /// The provider does not answer.
    #[error("the provider's userinfo endpoint does not answer")]
    Away(#[from] Cause),
    /// What it answers is no JSON, or not about the person whom the tokens are of.
    #[error("the provider's userinfo endpoint does not answer about the person of the tokens")]
    SomebodyElse,
}
