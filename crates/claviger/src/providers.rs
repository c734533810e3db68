//! How are OpenID providers asked? The authorization server's providers, over the door's own way to sign in at an issuer: with its references, its guard and its checks.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker::Resolver;
use broker::code_flow::{NotGranted, NotRenewed};
use gateway::clock::Clock;
use gateway::{Incomplete, NotSignedIn, SignIn};
use ipnet::IpNet;
use issuer::federation::{self, Away, Errand, Identity, OpenIdProvider, Promise, Provider, Renewed, Sent, SignedIn};
use oauth::authorization::Answer;
use oauth::pkce::Verifier;
use oauth::token_response::TokenResponse;
use outbound::client::Client;
use outbound::guard::Guard;
use outbound::tls::InvalidRoots;
use secrecy::SecretString;
use url::Url;

use crate::config::federation::Written;

/// What providers are asked with.
pub(crate) struct Means {
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) client: Arc<Client>,
    pub(crate) clock: Clock,
}

/// One of them.
struct Way {
    sign_in: SignIn,
    clock: Clock,
    parameters: BTreeMap<String, String>,
    groups_claim: String,
    needs: Needs,
}

/// What has to be known of somebody, and is asked for where the id token leaves it out.
#[derive(Clone, Copy)]
struct Needs {
    email: bool,
    groups: bool,
}

impl Means {
    /// A provider. `groups_count`: what somebody may grant depends on their groups.
    pub(crate) fn provider(&self, written: &Written, networks: &[IpNet], groups_count: bool) -> Result<Provider, InvalidRoots> {
        let guard = Guard::for_operator(written.issuer.as_str()).with_networks(networks.iter().copied());
        let sign_in = SignIn::new(written.issuer.clone(), &written.sign_in, &self.resolver, &self.client.with_guard(guard), self.clock)?;
        let admits = written.admits.as_ref();
        let needs = Needs {
            email: admits.is_some_and(|admits| !admits.domains.is_empty() || !admits.emails.is_empty()),
            groups: groups_count || admits.is_some_and(|admits| !admits.groups.is_empty()),
        };
        let host = Url::parse(written.issuer.as_str()).ok().and_then(|url| url.host_str().map(str::to_owned));
        let (parameters, groups_claim) = (written.parameters.clone(), written.groups_claim.clone());
        Ok(Provider {
            name: written.name.clone(),
            title: written.title.clone(),
            host: host.unwrap_or_default(),
            admits: written.admits.clone(),
            groups: written.groups.clone(),
            look_every: written.look_every,
            way: Arc::new(Way { sign_in, clock: self.clock, parameters, groups_claim, needs }),
        })
    }
}

impl Way {
    async fn sent(&self, errand: &Errand<'_>) -> Result<Sent, Away> {
        let sent = self.sign_in.send(errand.way_back, errand.state, errand.nonce).await.map_err(|cause| Away(Box::new(cause)))?;
        let mut url = sent.url;
        {
            let mut query = url.query_pairs_mut();
            query.extend_pairs(&self.parameters);
            if errand.is_anew && !self.asks_everybody_anew() {
                query.append_pair("max_age", "0");
            }
            if let Some(hint) = errand.login_hint {
                query.append_pair("login_hint", hint);
            }
        }
        Ok(Sent { url, verifier: sent.verifier })
    }

    /// Whether it is told so at every errand. Some providers know `prompt=login`, and refuse `max_age=0`.
    fn asks_everybody_anew(&self) -> bool {
        self.parameters.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|word| word == "login"))
    }

    async fn redeemed(&self, answer: &Answer, verifier: &Verifier, errand: &Errand<'_>) -> Result<SignedIn, federation::NotSignedIn> {
        let now = self.clock.unix_seconds();
        let signed_in = self.sign_in.redeem(answer, verifier, errand.way_back, errand.nonce, now).await.map_err(not_signed_in)?;
        let gateway::SignedIn { identity, tokens } = signed_in;
        // What is missing here is missing, and permits nothing.
        let identity = self.completed(&identity, &tokens).await.unwrap_or(identity);
        Ok(SignedIn { identity: self.identity(&identity), refresh_token: tokens.refresh_token })
    }

    /// The tokens are kept whatever else is wrong: the refresh token that they were got for may be good no more.
    async fn renewed(&self, refresh_token: &SecretString, nonce: &str) -> Result<Renewed, federation::NotRenewed> {
        let tokens = self.sign_in.renew(refresh_token).await.map_err(|not_renewed| match not_renewed {
            NotRenewed::Over(_) => federation::NotRenewed::Over,
            away @ NotRenewed::NoToken(_) => Away(Box::new(away)).into(),
        })?;
        let identity = self.sign_in.renewed_identity(&tokens, nonce, self.clock.unix_seconds()).await;
        let identity = match identity {
            Ok(Some(identity)) => self.completed(&identity, &tokens).await,
            Ok(None) => self.told(&tokens).await,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(target: "issuer", error, "what a provider says about somebody who was there before is refused; what it said before counts");
                None
            }
        };
        Ok(Renewed { identity: identity.as_ref().map(|identity| self.identity(identity)), refresh_token: tokens.refresh_token })
    }

    /// The identity with all that has to be known. `None`: the provider does not tell just now.
    async fn completed(&self, identity: &token::Identity, tokens: &TokenResponse) -> Option<token::Identity> {
        let lacks_email = self.needs.email && identity.email.is_none();
        let lacks_groups = self.needs.groups && identity.claim(&self.groups_claim).is_none();
        if !lacks_email && !lacks_groups {
            return Some(identity.clone());
        }
        self.sign_in.completed(identity.clone(), tokens).await.inspect_err(does_not_tell).ok()
    }

    /// What is to be known of somebody, from a provider that gives no id token at a renewal (OpenID Connect Core §12.2). `None`: nothing is, or it does not tell just now.
    async fn told(&self, tokens: &TokenResponse) -> Option<token::Identity> {
        if !self.needs.email && !self.needs.groups {
            return None;
        }
        self.sign_in.told(tokens).await.inspect_err(does_not_tell).ok().flatten()
    }

    fn identity(&self, identity: &token::Identity) -> Identity {
        let groups = identity.claim(&self.groups_claim);
        if groups.is_none() && self.needs.groups && identity.claim(&format!("/_claim_names/{}", self.groups_claim)).is_some() {
            let hint = "have the provider put only the groups of the application into its tokens";
            tracing::warn!(target: "issuer", claim = self.groups_claim, hint, "somebody is in too many groups for an id token, and counts as in none");
        }
        let first = |name: &str| identity.claim(name).and_then(|texts| texts.into_iter().next());
        Identity {
            subject: identity.subject.clone(),
            name: identity.name.clone(),
            email: identity.email.clone(),
            is_email_verified: identity.is_email_verified,
            domain: first("hd"),
            groups: groups.unwrap_or_default(),
            authenticated_at: identity.authenticated_at,
        }
    }
}

impl OpenIdProvider for Way {
    fn send<'a>(&'a self, errand: &'a Errand<'a>) -> Promise<'a, Sent, Away> {
        Box::pin(self.sent(errand))
    }

    fn redeem<'a>(
        &'a self,
        answer: &'a Answer,
        verifier: &'a Verifier,
        errand: &'a Errand<'a>,
    ) -> Promise<'a, SignedIn, federation::NotSignedIn> {
        Box::pin(self.redeemed(answer, verifier, errand))
    }

    fn renew<'a>(&'a self, refresh_token: &'a SecretString, nonce: &'a str) -> Promise<'a, Renewed, federation::NotRenewed> {
        Box::pin(self.renewed(refresh_token, nonce))
    }
}

fn does_not_tell(error: &Incomplete) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(target: "issuer", error, "a provider does not tell what its id token leaves out about somebody");
}

fn not_signed_in(reason: NotSignedIn) -> federation::NotSignedIn {
    match &reason {
        NotSignedIn::NotGranted(NotGranted::Denied(denial)) if denial.is_by_the_person() => federation::NotSignedIn::Declined,
        NotSignedIn::NotGranted(NotGranted::NoToken(cause)) if cause.is_transient() => Away(Box::new(reason)).into(),
        NotSignedIn::NoKeys => Away(Box::new(reason)).into(),
        _ => federation::NotSignedIn::Refused(Box::new(reason)),
    }
}
