//! How does a person give leave in their browser? The authorization code flow with PKCE, as a client of somebody else's server (RFC 6749 §4.1, RFC 7636).

use std::sync::Arc;

use aws_lc_rs::rand;
use bytes::Bytes;
use oauth::authorization::{Answer, Denial, Request, WrongIssuer};
use oauth::grant::{Grant, Wanted};
use oauth::issuer::Issuer;
use oauth::pkce::Verifier;
use oauth::scope::ScopeSet;
use oauth::token_response::{Expected, TokenResponse};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use url::Url;

use crate::missing::Cause;
use crate::token_client::{Standing, TokenClient};

/// A client that sends people to one authorization server.
pub struct CodeFlow {
    client: Arc<TokenClient>,
    issuer: Option<Issuer>,
    authorize_url: Option<Url>,
    wanted: Wanted,
}

/// A person on their way.
#[derive(Debug)]
pub struct Sent {
    /// Where their browser goes.
    pub url: Url,
    /// What has to be shown with the code that they bring: to be kept where only we can read it.
    pub verifier: Verifier,
}

/// Why what a person brought gives no token.
#[derive(Debug, Error)]
pub enum NotGranted {
    /// The server, or the person, said no.
    #[error("the authorization server says no")]
    Denied(#[source] Denial),
    /// Another server answers than the one that was asked.
    #[error("the answer is not that of the server that was asked")]
    WrongIssuer(#[source] WrongIssuer),
    /// There is no token for the code.
    #[error("the authorization server gives no token for the code")]
    NoToken(#[source] Cause),
}

/// Why a refresh token gives no token.
#[derive(Debug, Error)]
pub enum NotRenewed {
    /// There is no token, which says nothing about the refresh token.
    #[error("the authorization server gives no token")]
    NoToken(#[source] Cause),
    /// It is good no more (`invalid_grant`), or was refused without a word.
    #[error("the grant is over at the authorization server")]
    Over(#[source] Cause),
}

impl CodeFlow {
    pub(crate) fn new(client: Arc<TokenClient>, issuer: Option<Issuer>, authorize_url: Option<Url>, wanted: Wanted) -> Self {
        Self { client, issuer, authorize_url, wanted }
    }

    /// Where to send a browser that shall come back to `redirect_uri` with `state`, which is to be unguessable. `nonce` is for an OpenID provider, which puts it into
    /// the id token.
    pub async fn send(&self, redirect_uri: &str, state: &str, nonce: Option<&str>) -> Result<Sent, Cause> {
        let endpoint = self.endpoint().await?;
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| Cause::Unavailable { detail: "the system gives no random numbers".into() })?;
        let verifier = Verifier::from_random(&bytes);
        let client_id = self.client.client_id();
        let request = Request { client_id, redirect_uri, state, verifier: &verifier, nonce, wanted: &self.wanted };
        Ok(Sent { url: request.url(&endpoint), verifier })
    }

    /// The token for the code that came back. The caller has made sure that `answer` belongs to whoever was sent.
    pub async fn redeem(&self, answer: &Answer, verifier: &Verifier, redirect_uri: &str) -> Result<TokenResponse, NotGranted> {
        let discovered = self.client.endpoints().await.map_err(NotGranted::NoToken)?.issuer;
        if let Some((issuer, names_itself)) = discovered.or_else(|| self.issuer.clone().map(|issuer| (issuer, false))) {
            answer.check_issuer(&issuer, names_itself).map_err(NotGranted::WrongIssuer)?;
        }
        let code = answer.outcome.as_ref().map_err(|denial| NotGranted::Denied(denial.clone()))?;
        let grant = Grant::AuthorizationCode { code: code.expose_secret(), redirect_uri, verifier };
        // Scopes and audience were said when the person was asked; the resource is said again (RFC 8707 §2.2).
        let wanted = Wanted { resource: self.wanted.resource.clone(), ..Wanted::default() };
        self.client.ask(grant, &wanted, Expected::AccessToken).await.map_err(NotGranted::NoToken)
    }

    /// The next token for a refresh token. A server that just says no to it has said enough: whoever was dismissed there must not go on here because of its brevity.
    pub async fn renew(&self, refresh_token: &SecretString) -> Result<TokenResponse, NotRenewed> {
        let grant = Grant::RefreshToken { refresh_token: refresh_token.expose_secret() };
        let wanted = Wanted { resource: self.wanted.resource.clone(), ..Wanted::default() };
        self.client.redeem(grant, &wanted, Expected::AccessToken).await.map_err(|no_token| match no_token.standing {
            Standing::Over | Standing::RefusedInSilence => NotRenewed::Over(no_token.cause),
            Standing::Denied | Standing::Open(_) | Standing::Unsaid => NotRenewed::NoToken(no_token.cause),
        })
    }

    /// What the server, as an OpenID provider, tells about the person besides the id token; `None`: it has no place for that.
    pub async fn userinfo(&self, token: &SecretString) -> Result<Option<Bytes>, Cause> {
        self.client.userinfo(token.expose_secret()).await
    }

    /// What people are asked for.
    pub fn scopes(&self) -> &ScopeSet {
        &self.wanted.scopes
    }

    /// The host to which people are sent, for them to read.
    pub async fn host(&self) -> Result<String, Cause> {
        Ok(self.endpoint().await?.host_str().unwrap_or_default().to_owned())
    }

    async fn endpoint(&self) -> Result<Url, Cause> {
        let unfit = |detail: &str| Cause::BadAnswer { detail: detail.into() };
        let endpoints = self.client.endpoints().await?;
        if endpoints.refuses_s256 {
            return Err(unfit("the issuer's metadata offers PKCE without `S256`"));
        }
        if let Some(url) = &self.authorize_url {
            return Ok(url.clone());
        }
        let text = endpoints.authorize.ok_or_else(|| unfit("the issuer's metadata names no `authorization_endpoint`"))?;
        let url = Url::parse(&text).map_err(|_| unfit("the issuer's `authorization_endpoint` is no URL"))?;
        let is_local = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_local => Ok(url),
            _ => Err(unfit("the issuer's `authorization_endpoint` is not https")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::authorization_server::Proof;
    use crate::resolve::Resolver;
    use crate::source::{Environment, Files, OpenFiles, Sources};
    use crate::testing::{Endpoint, Watch, client};

    async fn renewed(status: u16, body: &'static str) -> Result<TokenResponse, NotRenewed> {
        let endpoint = Endpoint::start(move |_, _| (status, body.to_owned())).await;
        let sources = Sources::local(Environment::default(), Files::new(Path::new("/").to_owned(), OpenFiles::Refuse));
        let resolver = Resolver::new(sources, Watch::new().clock());
        let flow = resolver.sign_in(&endpoint.server(Proof::None), ScopeSet::default(), &client()).unwrap();
        flow.renew(&SecretString::from("r-0")).await
    }

    #[tokio::test]
    async fn it_is_over_by_its_name_or_by_a_no_without_a_word() {
        for body in ["{\"error\": \"invalid_grant\"}", ""] {
            assert!(matches!(renewed(400, body).await, Err(NotRenewed::Over(_))), "{body}");
        }
        for (status, body) in [
            (400, "{\"error\": \"invalid_request\"}"),
            (400, "{\"message\": \"no\"}"),
            (400, "no"),
            (401, ""),
            (403, ""),
            (404, ""),
            (429, ""),
            (500, ""),
            (200, ""),
        ] {
            assert!(matches!(renewed(status, body).await, Err(NotRenewed::NoToken(_))), "{status} {body}");
        }
    }
}
