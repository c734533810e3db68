//! What does a person's own program show to a protected server, and how does it come by it? The client side of MCP authorization (2026-07-28), rules C1 to C19.
//!
//! An [`Account`] is one person at one server. It shows what the [`wallet`] keeps, renews it before it ends, and when the server wants something else it finds out who
//! gives tokens there (`guardian`), who we are at that place (`identity`), and sends the person there ([`visitor`]). Changes are left to the [`keeper`] of this machine where
//! there is one. Whoever makes them holds the account's lock: of many processes one logs in or renews, and the others take what it got.

mod device;
mod failure;
mod guardian;
mod identity;
pub mod keeper;
mod kept;
mod prover;
mod roads;
pub mod visitor;
pub mod wallet;
pub mod wire;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use oauth::challenge::Challenge;
use oauth::grant::{Grant as Brought, Wanted};
use oauth::scope::{Scope, ScopeSet};
use oauth::token_response::{Expected, TokenResponse};
use outbound::client::LazyClient;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use tokio::sync::Mutex;
use url::Url;

pub use self::failure::{NotSignedIn, Sort};
use self::guardian::Guardian;
pub(crate) use self::identity::Identity;
use self::keeper::{Change, Changed, Errand, Keeper};
pub use self::keeper::{Refused, SignedOut};
pub use self::kept::Summary;
use self::kept::{About, Kept};
pub(crate) use self::prover::Prover;
pub use self::roads::Road;
use self::visitor::{Destination, Visitor};
use self::wallet::{Lock, Name, Wallet};
use crate::authorization_server::Place;
use crate::code_flow::{CodeFlow, NotGranted};
use crate::connection::Grant;
use crate::missing::Cause;
use crate::slot::Clock;
use crate::token_client::{Standing, TokenClient};

/// One person at one protected server.
pub struct Account {
    server: Url,
    name: Name,
    wishes: Wishes,
    around: Around,
    held: Mutex<Held>,
}

/// What a person has said about how to log in.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// The client that the authorization server knows already.
    pub client: Option<GivenClient>,
    /// Where the document stands that describes us (client id metadata document).
    pub metadata_url: Option<String>,
    /// What to ask for, whatever the server says; empty: as it says.
    pub scopes: ScopeSet,
    /// For servers that refuse the parameter `resource` (RFC 8707), against the specification.
    pub leaves_out_resource: bool,
    /// By what right tokens are got.
    pub road: Road,
}

/// A client that was registered by hand.
#[derive(Clone, Debug)]
pub struct GivenClient {
    /// Its id.
    pub id: String,
    /// What proves that it is who it says.
    pub proof: Option<GivenProof>,
}

/// A proof of a client that was registered by hand.
#[derive(Clone, Debug)]
pub enum GivenProof {
    /// A secret that it says.
    Secret(SecretString),
    /// A private key with which it signs (`private_key_jwt`).
    Key {
        /// The key, as PEM.
        pem: SecretString,
        /// By which name the server knows it.
        key_id: Option<String>,
    },
}

/// What an account works with.
#[derive(Clone)]
pub struct Around {
    /// For everything that is fetched: the server's URL decides what its guard admits.
    pub http: LazyClient,
    /// Where tokens are kept.
    pub wallet: Arc<Wallet>,
    /// How a person is asked; `None`: nobody can be asked now.
    pub visitor: Option<Arc<dyn Visitor>>,
    /// Who makes changes for everybody on this machine; `None`: this process makes its own.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// Unix milliseconds.
    pub clock: Clock,
}

#[derive(Default)]
struct Held {
    /// Whether the wallet was looked into.
    is_read: bool,
    kept: Option<Kept>,
}

/// Which token was shown: two are the same if and only if it was the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown(Option<[u8; 32]>);

/// How often one operation has sent the person to log in (C16). Made anew for each operation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempts {
    authorizations: u8,
    renewed: bool,
    nonces: u8,
}

impl Account {
    /// The account of `profile` at `server`, as far as the wallet knows it; nothing is read yet.
    pub fn new(server: Url, profile: &str, wishes: Wishes, around: Around) -> Self {
        let name = Name::of_account(server.as_str(), profile);
        Self { server, name, wishes, around, held: Mutex::default() }
    }

    /// Adds what is kept to a request, renewed if its end is near. Without anything kept the request goes as it is: many servers want nothing.
    pub async fn show(&self, method: &Method, headers: &mut HeaderMap) -> Result<Shown, NotSignedIn> {
        let mut held = self.held.lock().await;
        if !held.is_read {
            held.kept = self.around.wallet.find(&self.name).await?;
            held.is_read = true;
        }
        if held.kept.as_ref().is_some_and(|kept| kept.grant.is_ripe(self.now(), EARLY) && kept.grant.refresh.is_some()) {
            self.change(&Change::Renew, &mut held).await?;
        }
        let Some(kept) = &held.kept else { return Ok(Shown(None)) };
        let token = kept.grant.access.expose_secret();
        let scheme = if kept.prover.is_some() { "DPoP" } else { "Bearer" };
        let mut value = HeaderValue::try_from(format!("{scheme} {token}")).map_err(|_| NotSignedIn::TokenShape)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        if let Some(prover) = &kept.prover {
            let proof = prover.proof(method.as_str(), &self.server, Some(token), self.now() / 1000);
            headers.insert(DPOP, proof.ok_or(NotSignedIn::NoRandomNumbers)?);
        }
        Ok(kept.shown())
    }

    /// Remembers what the next proof of our key has to hold (RFC 9449 §9); whether that is worth another try.
    pub async fn heed(&self, nonce: &str, attempts: &mut Attempts) -> bool {
        let held = self.held.lock().await;
        let Some(prover) = held.kept.as_ref().and_then(|kept| kept.prover.as_ref()) else { return false };
        attempts.nonces += 1;
        prover.heed(&self.server, nonce) && attempts.nonces <= MAX_NONCES
    }

    /// Gets what the server wants, after it refused what was shown: what another process has got meanwhile, else the next token, else one for which the person is
    /// asked. `Ok` means: try again.
    pub async fn mend(&self, shown: Shown, refused: Refused, attempts: &mut Attempts) -> Result<(), NotSignedIn> {
        let mut held = self.held.lock().await;
        if shown_of(held.kept.as_ref()) != shown {
            return Ok(());
        }
        let change = Change::Mend { shown, refused, attempts: *attempts };
        if let Changed::Kept(tried) = self.change(&change, &mut held).await? {
            *attempts = tried;
        }
        Ok(())
    }

    /// Logs the person in, whatever is kept.
    pub async fn sign_in(&self, challenge: Option<&Challenge>) -> Result<(), NotSignedIn> {
        let mut held = self.held.lock().await;
        self.change(&Change::SignIn(challenge.cloned()), &mut held).await.map(drop)
    }

    /// Forgets the account, and has the authorization server take its tokens back: the refresh token first, for with it goes what was given for it (RFC 7009 §2.1). That the
    /// server cannot be reached keeps nothing here.
    pub async fn sign_out(&self) -> Result<SignedOut, NotSignedIn> {
        let mut held = self.held.lock().await;
        match self.change(&Change::SignOut, &mut held).await? {
            Changed::Left(signed_out) => Ok(signed_out),
            Changed::Kept(_) => Ok(SignedOut::WasNotSignedIn),
        }
    }

    /// Makes one change here, in this process.
    pub async fn carry_out(&self, change: &Change) -> Result<Changed, NotSignedIn> {
        self.make(change).await.map(|(changed, _)| changed)
    }

    /// Has the keeper make one change, else makes it here. What is held afterwards is what is kept.
    async fn change(&self, change: &Change, held: &mut Held) -> Result<Changed, NotSignedIn> {
        let errand = Errand { server: &self.server, profile: self.name.profile(), wishes: &self.wishes, change };
        let asked = match &self.around.keeper {
            Some(keeper) => keeper.change(errand).await,
            None => None,
        };
        let (changed, kept) = match asked {
            Some(changed) => (changed?, self.around.wallet.find(&self.name).await?),
            None => self.make(change).await?,
        };
        *held = Held { is_read: true, kept };
        Ok(changed)
    }

    /// What came of it, and what is kept now.
    async fn make(&self, change: &Change) -> Result<(Changed, Option<Kept>), NotSignedIn> {
        let lock = self.around.wallet.lock(&self.name).await?;
        let mut tried = Attempts::default();
        let kept = match change {
            Change::Mend { shown, refused, attempts } => {
                tried = *attempts;
                let kept = self.around.wallet.find(&self.name).await?;
                if shown_of(kept.as_ref()) == *shown { Some(self.mended(kept.as_ref(), refused, &mut tried, &lock).await?) } else { kept }
            }
            Change::Renew => self.renewed_in_time(&lock).await?,
            Change::SignIn(challenge) => {
                let guardian = self.guardian(challenge.as_ref(), None).await?;
                let wanted = self.scopes(&guardian, challenge.as_ref(), None);
                Some(self.log_in(guardian, wanted, false, &lock).await?)
            }
            Change::SignOut => return Ok((Changed::Left(self.forget(&lock).await?), None)),
        };
        Ok((Changed::Kept(tried), kept))
    }

    async fn forget(&self, lock: &Lock) -> Result<SignedOut, NotSignedIn> {
        let found = self.around.wallet.find(&self.name).await;
        self.around.wallet.remove(&self.name, lock).await?;
        let Some(kept) = found? else { return Ok(SignedOut::WasNotSignedIn) };
        Ok(match self.take_back(&kept).await {
            Ok(true) => SignedOut::TakenBack,
            Ok(false) => SignedOut::Forgotten(None),
            Err(failure) => SignedOut::Forgotten(Some(failure)),
        })
    }

    async fn take_back(&self, kept: &Kept) -> Result<bool, NotSignedIn> {
        let client = self.client_of(kept)?;
        let Some(url) = client.endpoints().await.map_err(NotSignedIn::Server)?.revoke else { return Ok(false) };
        if let Some(refresh) = &kept.grant.refresh {
            client.revoke(&url, refresh.expose_secret(), "refresh_token").await.map_err(NotSignedIn::Server)?;
        }
        client.revoke(&url, kept.grant.access.expose_secret(), "access_token").await.map_err(NotSignedIn::Server)?;
        Ok(true)
    }

    async fn mended(&self, kept: Option<&Kept>, refused: &Refused, attempts: &mut Attempts, lock: &Lock) -> Result<Kept, NotSignedIn> {
        let guardian = self.guardian(refused.challenge.as_ref(), kept).await?;
        // What was given by another server, or for another name, is shown to nobody any more (C11).
        let kept = kept.filter(|kept| guardian.is_of(kept));
        if refused.status == StatusCode::UNAUTHORIZED
            && !attempts.renewed
            && let Some(kept) = kept
            && let Some(renewed) = self.renewed(kept, lock).await?
        {
            attempts.renewed = true;
            return Ok(renewed);
        }
        if attempts.authorizations >= MAX_AUTHORIZATIONS {
            return Err(NotSignedIn::StillRefused { times: MAX_AUTHORIZATIONS });
        }
        attempts.authorizations += 1;
        let wanted = self.scopes(&guardian, refused.challenge.as_ref(), kept);
        Box::pin(self.log_in(guardian, wanted, refused.wants_bound, lock)).await
    }

    async fn guardian(&self, challenge: Option<&Challenge>, kept: Option<&Kept>) -> Result<Guardian, NotSignedIn> {
        let http = self.around.http.client()?;
        let named = challenge.and_then(|challenge| challenge.resource_metadata.as_deref());
        let before = kept.and_then(|kept| match &kept.about.place {
            Place::Discovered(issuer) => Some(issuer),
            Place::Known(_) => None,
        });
        Box::pin(Guardian::find(http, &self.server, named, before, self.wishes.client.is_some())).await
    }

    /// What to ask for (C7, C8, C16): what the server wants now and what was asked for before, else everything that it knows, else nothing in particular.
    fn scopes(&self, guardian: &Guardian, challenge: Option<&Challenge>, kept: Option<&Kept>) -> ScopeSet {
        let challenged = challenge.map(|challenge| &challenge.scope).filter(|scopes| !scopes.is_empty());
        let said = if self.wishes.scopes.is_empty() { challenged.unwrap_or(&guardian.scopes) } else { &self.wishes.scopes };
        let before = kept.map(|kept| kept.about.asked.clone()).unwrap_or_default();
        let mut wanted = said.union(&before).union(challenged.unwrap_or(&ScopeSet::default()));
        if !wanted.is_empty() && guardian.offers_offline_access() {
            let _known_to_parse = Scope::parse("offline_access").map(|scope| wanted.insert(scope));
        }
        wanted
    }

    /// `wants_bound`: the server has said that it takes tokens which are bound to a key.
    async fn log_in(&self, guardian: Guardian, scopes: ScopeSet, wants_bound: bool, lock: &Lock) -> Result<Kept, NotSignedIn> {
        let resource = guardian.resource.clone().filter(|_| !self.wishes.leaves_out_resource);
        let wanted = Wanted { resource, audience: None, scopes };
        let prover = if guardian.binds(wants_bound) { Some(Arc::new(Prover::generate()?)) } else { None };
        let (identity, tokens) = match &self.wishes.road {
            Road::Person => self.by_person(&guardian, &wanted, prover.clone()).await?,
            Road::Device => self.by_device(&guardian, &wanted, prover.clone()).await?,
            road => self.by_right(road, &guardian, &wanted, prover.clone()).await?,
        };
        let now = self.now();
        let about = About {
            server: self.server.to_string(),
            profile: self.name.profile().to_owned(),
            place: guardian.place,
            resource: wanted.resource,
            asked: wanted.scopes,
            signed_in_at: now,
        };
        // A server that binds no tokens says so by their kind.
        let prover = prover.filter(|_| tokens.is_bound);
        let kept = Kept { about, identity, grant: Grant::of(&tokens, now), prover };
        self.around.wallet.put(&self.name, &kept, lock).await?;
        Ok(kept)
    }

    async fn by_person(
        &self,
        guardian: &Guardian,
        wanted: &Wanted,
        prover: Option<Arc<Prover>>,
    ) -> Result<(Identity, TokenResponse), NotSignedIn> {
        let visitor = self.around.visitor.as_ref().ok_or_else(|| NotSignedIn::NobodyToAsk { server: self.server.clone() })?;
        guardian.check_pkce()?;
        let http = self.around.http.client()?.clone();
        let name = Name::of_client(&guardian.name());
        let registered = identity::known(&self.wishes, guardian, &name, &self.around.wallet, self.now()).await?;
        let visit = visitor.prepare(registered.as_ref().and_then(|identity| identity.redirect_uri.as_deref())).await?;
        let identity = match registered {
            Some(identity) if identity.comes_back_to(visit.redirect_uri()) => identity,
            _ => identity::register(guardian, &http, visit.redirect_uri(), &wanted.scopes, &self.around.wallet).await?,
        };
        let client = self.client(guardian, &identity, http)?.bound_to(prover);
        let authorize_url = guardian.authorize_url()?;
        let flow = CodeFlow::new(Arc::new(client), guardian.issuer().cloned(), Some(authorize_url), wanted.clone());
        let tokens = self.granted(&flow, visit, guardian).await?;
        Ok((identity, tokens))
    }

    async fn granted(&self, flow: &CodeFlow, visit: Box<dyn visitor::Visit>, guardian: &Guardian) -> Result<TokenResponse, NotSignedIn> {
        let state = unguessable()?;
        let redirect_uri = visit.redirect_uri().to_owned();
        let sent = flow.send(&redirect_uri, &state, None).await.map_err(NotSignedIn::Server)?;
        let destination = Destination { url: sent.url, state: state.clone(), server: self.server.clone(), authority: guardian.name() };
        let answer = visit.go(destination).await?;
        if !bool::from(answer.state.expose_secret().as_bytes().ct_eq(state.as_bytes())) {
            return Err(NotSignedIn::OtherState);
        }
        flow.redeem(&answer, &sent.verifier, &redirect_uri).await.map_err(|failure| match failure {
            NotGranted::Denied(denial) => NotSignedIn::Denied(denial),
            NotGranted::WrongIssuer(wrong) => NotSignedIn::OtherIssuer(wrong),
            NotGranted::NoToken(cause) => NotSignedIn::NoToken(cause),
        })
    }

    fn client(&self, guardian: &Guardian, identity: &Identity, http: outbound::client::Client) -> Result<TokenClient, NotSignedIn> {
        let (place, metadata) = (guardian.place.clone(), guardian.metadata.clone());
        TokenClient::of_ourselves(place, metadata, identity, http, Arc::clone(&self.around.clock)).map_err(NotSignedIn::Server)
    }

    fn client_of(&self, kept: &Kept) -> Result<TokenClient, NotSignedIn> {
        let http = self.around.http.client()?.clone();
        let client = TokenClient::of_ourselves(kept.about.place.clone(), None, &kept.identity, http, Arc::clone(&self.around.clock));
        client.map(|client| client.bound_to(kept.prover.clone())).map_err(NotSignedIn::Server)
    }

    /// Before its end. Whatever goes wrong is no reason to keep from the server what is still good.
    async fn renewed_in_time(&self, lock: &Lock) -> Result<Option<Kept>, NotSignedIn> {
        let found = self.around.wallet.find(&self.name).await?;
        let Some(kept) = found.as_ref().filter(|kept| kept.grant.is_ripe(self.now(), EARLY)) else { return Ok(found) };
        let is_over = kept.grant.time_left(self.now()).is_some_and(|left| left.is_zero());
        match self.renewed(kept, lock).await {
            Ok(Some(renewed)) => return Ok(Some(renewed)),
            // The server says what it thinks of the old one, and where to go.
            Ok(None) => {}
            Err(failure) if is_over => return Err(failure),
            Err(failure) => tracing::debug!(target: "accounts", %failure, "a token could not be renewed before its end"),
        }
        Ok(found)
    }

    /// The next token; `None`: there is no way to it but the person.
    async fn renewed(&self, kept: &Kept, lock: &Lock) -> Result<Option<Kept>, NotSignedIn> {
        let Some(refresh) = &kept.grant.refresh else { return Ok(None) };
        let client = self.client_of(kept)?;
        let wanted = Wanted { resource: kept.about.resource.clone(), ..Wanted::default() };
        let asked_at = self.now();
        match client.redeem(Brought::RefreshToken { refresh_token: refresh.expose_secret() }, &wanted, Expected::AccessToken).await {
            Ok(tokens) => {
                let renewed = kept.with(kept.grant.renewed(&tokens, asked_at));
                // Kept before it is used: the old refresh token may be good no more.
                self.around.wallet.put(&self.name, &renewed, lock).await?;
                Ok(Some(renewed))
            }
            // Whatever the server means by its no, the person can be asked.
            Err(no_token)
                if matches!(no_token.standing, Standing::Over | Standing::RefusedInSilence)
                    || matches!(no_token.cause, Cause::Refused { .. }) =>
            {
                Ok(None)
            }
            Err(no_token) => Err(NotSignedIn::NoToken(no_token.cause)),
        }
    }

    fn now(&self) -> u64 {
        (self.around.clock)()
    }
}

impl Kept {
    fn shown(&self) -> Shown {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.grant.access.expose_secret().as_bytes()).as_ref());
        Shown(Some(hash))
    }
}

fn shown_of(kept: Option<&Kept>) -> Shown {
    kept.map_or(Shown(None), Kept::shown)
}

fn unguessable() -> Result<String, NotSignedIn> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| NotSignedIn::NoRandomNumbers)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// How long before its end a token is renewed, at most; a tenth of its life where that is shorter.
const EARLY: Duration = Duration::from_secs(60);
const DPOP: HeaderName = HeaderName::from_static("dpop");
/// How often one operation is tried again with another nonce.
const MAX_NONCES: u8 = 2;
/// How often one operation may send a person to log in (C16).
const MAX_AUTHORIZATIONS: u8 = 3;

#[cfg(test)]
mod tests;
