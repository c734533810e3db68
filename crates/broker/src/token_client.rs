//! How is a token got? One limited request to an authorization server, with the door's proof of who it is; what goes wrong becomes a cause without a secret in it.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use oauth::client_authentication::{self, Method};
use oauth::device_authorization::Codes;
use oauth::form::Form;
use oauth::grant::{Grant, Wanted};
use oauth::introspection::Introspection;
use oauth::issuer::Issuer;
use oauth::server_metadata::ServerMetadata;
use oauth::token_response::{ErrorCode, Expected, TokenError, TokenResponse};
use outbound::client::Client;
use outbound::device_authorization;
use outbound::discovery;
use outbound::failure::Failure;
use outbound::guard::Guard;
use outbound::introspection;
use outbound::revocation;
use outbound::tls::{InvalidRoots, Roots};
use outbound::token_endpoint::{self, Proofs, TokenFailure};
use outbound::userinfo;
use policy::quota::Rate;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use url::Url;
use zeroize::Zeroizing;

use crate::account::{Identity, Prover};
use crate::allowance::Allowance;
use crate::assertion::SigningKey;
use crate::authorization_server::{AuthorizationServer, Place, Proof};
use crate::credential::{Credential, Released, Stamp};
use crate::missing::Cause;
use crate::reference::Template;
use crate::slot::Clock;
use crate::source::Fetched;
use crate::value::Value;

/// A client of one authorization server.
pub(crate) struct TokenClient {
    name: String,
    place: Place,
    client_id: String,
    proof: Means,
    http: Client,
    allowance: Arc<Allowance>,
    rate: Rate,
    clock: Clock,
    /// The key that tokens shall be bound to.
    prover: Option<Arc<Prover>>,
    /// Held while looking: whoever waits finds the result.
    found: Mutex<Option<Found>>,
}

/// What a proof is made of.
enum Means {
    None,
    PrivateKey {
        key: Credential,
        key_id: Option<String>,
        issuer: Issuer,
    },
    Secret {
        secret: Credential,
        method: Option<Method>,
    },
    /// What the server gave us when we registered there; nobody can look it up anew.
    Registered {
        secret: SecretString,
        method: Method,
    },
    /// A key of the person's own.
    OwnKey {
        pem: SecretString,
        key_id: Option<String>,
        issuer: Issuer,
    },
}

/// A proof for one request.
enum Shown {
    Assertion(Zeroizing<String>, Stamp),
    Basic(Zeroizing<String>, Said),
    Nothing,
    Post(Said),
}

/// A secret that is said.
enum Said {
    Registered(SecretString),
    Released(Released),
}

impl Said {
    fn expose(&self) -> &str {
        match self {
            Self::Registered(secret) => secret.expose_secret(),
            Self::Released(released) => released.expose(),
        }
    }
}

/// Where the server is asked, and how.
#[derive(Clone)]
pub(crate) struct Endpoints {
    /// Where a person's browser is sent.
    pub(crate) authorize: Option<String>,
    /// Where tokens are taken back.
    pub(crate) revoke: Option<String>,
    /// Where it tells more about a person.
    pub(crate) userinfo: Option<String>,
    /// Who it is, if that is known, and whether it says so in every answer that a browser brings (RFC 9207).
    pub(crate) issuer: Option<(Issuer, bool)>,
    /// Whether it offers PKCE, and nothing but its weaker form.
    pub(crate) refuses_s256: bool,
    token: String,
    method_for_secret: Method,
    /// Where it says whether a token is good.
    introspect: Option<String>,
    introspection_method_for_secret: Method,
}

/// Why there is no token, and whether it is because what was brought is no longer good.
pub(crate) struct NoToken {
    pub(crate) cause: Cause,
    pub(crate) standing: Standing,
}

/// What the server thinks of what was brought.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The person has said no (RFC 8628 §3.5).
    Denied,
    /// It is not decided yet (RFC 8628 §3.5).
    Open(Pace),
    /// It is good no more: `invalid_grant`, and nothing else.
    Over,
    /// It was refused without a word.
    RefusedInSilence,
    /// It does not say.
    Unsaid,
}

/// How soon a device may ask again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Same,
    Slower,
}

impl From<Cause> for NoToken {
    fn from(cause: Cause) -> Self {
        Self { cause, standing: Standing::Unsaid }
    }
}

impl Standing {
    fn of(failure: &TokenFailure) -> Self {
        match failure {
            TokenFailure::Mute { .. } => Self::RefusedInSilence,
            other if is_refused_as(other, &ErrorCode::InvalidGrant) => Self::Over,
            other if is_refused_as(other, &ErrorCode::SlowDown) => Self::Open(Pace::Slower),
            TokenFailure::Refused { error, .. } if error.code.name() == DENIED => Self::Denied,
            TokenFailure::Refused { error, .. } if error.code.name() == PENDING => Self::Open(Pace::Same),
            _ => Self::Unsaid,
        }
    }
}

struct Found {
    endpoints: Endpoints,
    /// Unix milliseconds.
    at: u64,
}

impl TokenClient {
    pub(crate) fn new(
        server: &AuthorizationServer,
        client: &Client,
        allowance: Arc<Allowance>,
        clock: Clock,
        credential: impl Fn(&Template) -> Credential,
    ) -> Result<Self, InvalidRoots> {
        // The operator wrote the place, so it may be an inner one; what an issuer sends us on to is held to where the issuer is
        // and to the networks that `client` may call.
        let guard = match &server.place {
            Place::Discovered(issuer) => Guard::for_operator(issuer.as_str()).with_networks(client.guard().allowed.iter().copied()),
            Place::Known(_) => Guard::for_own_servers(),
        };
        let http = match (&server.roots, server.pin) {
            (None, None) => client.with_guard(guard),
            (Some(roots), None) => Client::new(guard, roots)?,
            (None, Some(pin)) => Client::pinned(guard, &Roots::default(), pin)?,
            (Some(roots), Some(pin)) => Client::pinned(guard, roots, pin)?,
        };
        let proof = match &server.proof {
            Proof::None => Means::None,
            Proof::PrivateKey { key, key_id, issuer } => {
                Means::PrivateKey { key: credential(key), key_id: key_id.clone(), issuer: issuer.clone() }
            }
            Proof::Secret { secret, method } => Means::Secret { secret: credential(secret), method: *method },
        };
        let (place, client_id) = (server.place.clone(), server.client_id.clone());
        Ok(Self {
            name: server.to_string(),
            place,
            client_id,
            proof,
            http,
            allowance,
            rate: server.rate,
            clock,
            prover: None,
            found: Mutex::default(),
        })
    }

    /// A client that made itself known: nothing of it stands in a configuration. `metadata` is what its issuer has just said; `None`: to be fetched when it is needed.
    pub(crate) fn of_ourselves(
        place: Place,
        metadata: Option<ServerMetadata>,
        ourselves: &Identity,
        http: Client,
        clock: Clock,
    ) -> Result<Self, Cause> {
        let found = match (&place, metadata) {
            (Place::Discovered(issuer), Some(metadata)) => Some(Found { endpoints: endpoints_of(metadata, issuer)?, at: clock() }),
            _ => None,
        };
        let proof = match (&ourselves.secret, &place) {
            (None, _) => Means::None,
            (Some(pem), Place::Discovered(issuer)) if ourselves.method == Method::PrivateKeyJwt => {
                Means::OwnKey { pem: pem.clone(), key_id: ourselves.key_id.clone(), issuer: issuer.clone() }
            }
            (Some(secret), _) => Means::Registered { secret: secret.clone(), method: ourselves.method },
        };
        let name = match &place {
            Place::Discovered(issuer) => format!("token of {} at {issuer}", ourselves.client_id),
            Place::Known(url) => format!("token of {} at {}", ourselves.client_id, outbound::failure::SafeUrl::of_url(url)),
        };
        let client_id = ourselves.client_id.clone();
        Ok(Self {
            name,
            place,
            client_id,
            proof,
            http,
            allowance: Arc::default(),
            rate: OWN_RATE,
            clock,
            prover: None,
            found: Mutex::new(found),
        })
    }

    /// The same client, whose tokens shall be bound to this key.
    pub(crate) fn bound_to(self, prover: Option<Arc<Prover>>) -> Self {
        Self { prover, ..self }
    }

    /// A token to be kept: for as long as the server says, and not beyond `end` (Unix seconds).
    pub(crate) async fn fetch(&self, grant: Grant<'_>, wanted: &Wanted, end: Option<u64>) -> Result<Fetched, Cause> {
        // Its life began at some time after we asked.
        let asked_at = self.now();
        let response = self.ask(grant, wanted, Expected::AccessToken).await?;
        let waited = Duration::from_millis(self.now().saturating_sub(asked_at));
        let lifetime = response.expires_in.unwrap_or(UNSAID).saturating_sub(waited);
        let rest = end.map_or(Duration::MAX, |end| Duration::from_millis(end.saturating_mul(1000).saturating_sub(self.now())));
        let lifetime = lifetime.min(rest);
        if lifetime.is_zero() {
            return Err(Cause::BadAnswer { detail: "the token had ended before it could be used".into() });
        }
        let value = Value::new(response.token.expose_secret()).map_err(|_| Cause::NoMemory)?;
        Ok(Fetched { value, version: None, lifetime: Some(lifetime) })
    }

    /// What the server gives for this grant.
    pub(crate) async fn ask(&self, grant: Grant<'_>, wanted: &Wanted, expected: Expected) -> Result<TokenResponse, Cause> {
        self.redeem(grant, wanted, expected).await.map_err(|no_token| no_token.cause)
    }

    /// The same, told apart whether the grant itself is over.
    pub(crate) async fn redeem(&self, grant: Grant<'_>, wanted: &Wanted, expected: Expected) -> Result<TokenResponse, NoToken> {
        self.allowance.spend(self.rate, self.now())?;
        let endpoints = self.endpoints().await?;
        let shown = self.prove(&endpoints).await?;
        let outcome = match &self.prover {
            Some(prover) if expected == Expected::AccessToken => self.ask_bound(prover, &endpoints.token, grant, wanted, &shown).await?,
            _ => {
                let body = shown.complete(grant.form(wanted), &self.client_id).encode();
                token_endpoint::ask(&self.http, &endpoints.token, body, shown.header()?, expected).await
            }
        };
        outcome.map_err(|failure| {
            let standing = Standing::of(&failure);
            NoToken { cause: self.blame(failure, &shown, grant.secret()), standing }
        })
    }

    /// Once more where the server wants a nonce in the proof, and says which.
    async fn ask_bound(
        &self,
        prover: &Prover,
        url: &str,
        grant: Grant<'_>,
        wanted: &Wanted,
        shown: &Shown,
    ) -> Result<Result<TokenResponse, TokenFailure>, Cause> {
        let place = Url::parse(url).map_err(|_| Cause::BadAnswer { detail: "the issuer's `token_endpoint` is no URL".into() })?;
        let ask = async || {
            let body = shown.complete(grant.form(wanted), &self.client_id).encode();
            let dpop = prover.proof("POST", &place, None, self.now() / 1000);
            let proofs = Proofs { authorization: shown.header()?, dpop };
            Ok(token_endpoint::ask_with_proof(&self.http, url, body, proofs, Expected::BoundToken).await)
        };
        match ask().await? {
            Err(TokenFailure::NonceWanted { nonce, .. }) if prover.heed(&place, &nonce) => ask().await,
            outcome => Ok(outcome),
        }
    }

    /// A token for another client than the door, in its own name, with what it has shown to the door (RFC 6749 §4.4).
    pub(crate) async fn ask_as(&self, client_id: &str, client_secret: &str, wanted: &Wanted) -> Result<TokenResponse, Cause> {
        self.allowance.spend(self.rate, self.now())?;
        let endpoints = self.endpoints().await?;
        let form = Grant::ClientCredentials.form(wanted);
        let basic = client_authentication::basic(client_id, client_secret);
        let (form, header) = match endpoints.method_for_secret {
            Method::ClientSecretPost => (form.with("client_id", client_id).with("client_secret", client_secret), None),
            _ => (form, Some(HeaderValue::from_str(&basic).map_err(|_| Cause::NotText)?)),
        };
        let outcome = token_endpoint::ask(&self.http, &endpoints.token, form.encode(), header, Expected::AccessToken).await;
        outcome.map_err(|failure| cause_of(failure, &[client_secret, basic.as_str()]))
    }

    /// What the server says about a token that somebody has shown (RFC 7662).
    pub(crate) async fn introspect(&self, token: &str) -> Result<Introspection, Cause> {
        self.allowance.spend(self.rate, self.now())?;
        let mut endpoints = self.endpoints().await?;
        let url = endpoints.introspect.take().ok_or_else(|| names_no("introspection_endpoint"))?;
        endpoints.method_for_secret = endpoints.introspection_method_for_secret;
        let shown = self.prove(&endpoints).await?;
        let form = Form::default().with("token", token).with("token_type_hint", "access_token");
        let body = shown.complete(form, &self.client_id).encode();
        let outcome = introspection::ask(&self.http, &url, body, shown.header()?).await;
        outcome.map_err(|failure| self.blame(failure, &shown, Some(token)))
    }

    /// Codes for a device, from `url` (RFC 8628).
    pub(crate) async fn codes(&self, url: &str, wanted: &Wanted) -> Result<Codes, Cause> {
        self.allowance.spend(self.rate, self.now())?;
        let shown = self.prove(&self.endpoints().await?).await?;
        let body = shown.complete(wanted.added_to(Form::default()), &self.client_id).encode();
        let outcome = device_authorization::ask(&self.http, url, body, shown.header()?).await;
        outcome.map_err(|failure| self.blame(failure, &shown, None))
    }

    /// Takes a token back at `url` (RFC 7009).
    pub(crate) async fn revoke(&self, url: &str, token: &str, kind: &'static str) -> Result<(), Cause> {
        self.allowance.spend(self.rate, self.now())?;
        let shown = self.prove(&self.endpoints().await?).await?;
        let form = Form::default().with("token", token).with("token_type_hint", kind);
        let body = shown.complete(form, &self.client_id).encode();
        let outcome = revocation::revoke(&self.http, url, body, shown.header()?).await;
        outcome.map_err(|failure| self.blame(failure, &shown, Some(token)))
    }

    /// What an OpenID provider tells about a person besides; `None`: it has no place for that.
    pub(crate) async fn userinfo(&self, token: &str) -> Result<Option<Bytes>, Cause> {
        let Some(url) = self.endpoints().await?.userinfo else { return Ok(None) };
        self.allowance.spend(self.rate, self.now())?;
        let fetched = userinfo::fetch(&self.http, &url, token).await;
        fetched.map(Some).map_err(|failure| cause_of(failure.into(), &[]))
    }

    /// Under which name the door is known there.
    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    fn blame(&self, failure: TokenFailure, shown: &Shown, brought: Option<&str>) -> Cause {
        if is_refused_as(&failure, &ErrorCode::InvalidClient) {
            self.refuse(shown);
        }
        let secrets: Vec<&str> = shown.secrets().into_iter().chain(brought).collect();
        cause_of(failure, &secrets)
    }

    /// A proof that was refused may have been rotated: the next request gets it anew.
    fn refuse(&self, shown: &Shown) {
        match (&self.proof, shown) {
            (Means::PrivateKey { key, .. }, Shown::Assertion(_, stamp)) => drop(key.refuse(*stamp)),
            (Means::Secret { secret, .. }, Shown::Basic(_, Said::Released(released)) | Shown::Post(Said::Released(released))) => {
                let _is_another_there = secret.refuse(released.stamp);
            }
            _ => {}
        }
    }

    async fn prove(&self, endpoints: &Endpoints) -> Result<Shown, Cause> {
        let inner = |missing: crate::Missing| missing.cause;
        match &self.proof {
            Means::None => Ok(Shown::Nothing),
            Means::PrivateKey { key, key_id, issuer } => {
                let released = key.fill().await.map_err(inner)?;
                let key = SigningKey::from_pem(released.expose())?;
                let assertion = key.assertion(&self.client_id, key_id.as_deref(), issuer, self.now() / 1000)?;
                Ok(Shown::Assertion(assertion, released.stamp))
            }
            Means::Secret { secret, method } => {
                let released = secret.fill().await.map_err(inner)?;
                Ok(self.say(Said::Released(released), method.unwrap_or(endpoints.method_for_secret)))
            }
            Means::OwnKey { pem, key_id, issuer } => {
                let key = SigningKey::from_pem(pem.expose_secret())?;
                let assertion = key.assertion(&self.client_id, key_id.as_deref(), issuer, self.now() / 1000)?;
                Ok(Shown::Assertion(assertion, Stamp::default()))
            }
            Means::Registered { secret, method } => Ok(self.say(Said::Registered(secret.clone()), *method)),
        }
    }

    fn say(&self, secret: Said, method: Method) -> Shown {
        match method {
            Method::ClientSecretPost => Shown::Post(secret),
            _ => Shown::Basic(client_authentication::basic(&self.client_id, secret.expose()), secret),
        }
    }

    /// What is known of where to ask; for an issuer, its metadata, fetched once an hour at most.
    pub(crate) async fn endpoints(&self) -> Result<Endpoints, Cause> {
        let issuer = match &self.place {
            Place::Known(url) => {
                let (token, method) = (url.as_str().to_owned(), Method::ClientSecretBasic);
                return Ok(Endpoints {
                    authorize: None,
                    revoke: None,
                    userinfo: None,
                    issuer: None,
                    refuses_s256: false,
                    // Whatever is asked for is asked for there.
                    introspect: Some(token.clone()),
                    token,
                    method_for_secret: method,
                    introspection_method_for_secret: method,
                });
            }
            Place::Discovered(issuer) => issuer,
        };
        let mut found = self.found.lock().await;
        let now = self.now();
        if let Some(found) = found.as_ref().filter(|found| now.checked_sub(found.at).is_some_and(|age| age < METADATA_FOR)) {
            return Ok(found.endpoints.clone());
        }
        let metadata = discovery::discover(&self.http, issuer).await.map_err(|failure| cause_of(failure.into(), &[]))?;
        let endpoints = endpoints_of(metadata, issuer)?;
        *found = Some(Found { endpoints: endpoints.clone(), at: now });
        Ok(endpoints)
    }

    fn now(&self) -> u64 {
        (self.clock)()
    }
}

impl fmt::Display for TokenClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Shown {
    /// The form with what of the proof belongs into it.
    fn complete<'f>(&'f self, form: Form<'f>, client_id: &'f str) -> Form<'f> {
        match self {
            // The assertion names the client; saying it twice would only invite a difference (RFC 7521 §4.2).
            Self::Assertion(assertion, _) => {
                form.with("client_assertion_type", client_authentication::ASSERTION_TYPE).with("client_assertion", assertion.as_str())
            }
            Self::Basic(..) => form,
            Self::Nothing => form.with("client_id", client_id),
            Self::Post(secret) => form.with("client_id", client_id).with("client_secret", secret.expose()),
        }
    }

    fn header(&self) -> Result<Option<HeaderValue>, Cause> {
        let Self::Basic(header, _) = self else { return Ok(None) };
        HeaderValue::from_str(header).map(Some).map_err(|_| Cause::NotText)
    }

    /// What of it nobody else may read.
    fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Assertion(assertion, _) => vec![assertion.as_str()],
            Self::Basic(header, secret) => vec![header.as_str(), secret.expose()],
            Self::Nothing => Vec::new(),
            Self::Post(secret) => vec![secret.expose()],
        }
    }
}

fn is_refused_as(failure: &TokenFailure, code: &ErrorCode) -> bool {
    matches!(failure, TokenFailure::Refused { error, .. } if error.code == *code)
}

fn endpoints_of(metadata: ServerMetadata, issuer: &Issuer) -> Result<Endpoints, Cause> {
    let at_introspection = match metadata.introspection_endpoint_auth_methods_supported.as_slice() {
        [] => &metadata.token_endpoint_auth_methods_supported,
        methods => methods,
    };
    let names_itself = metadata.authorization_response_iss_parameter_supported.unwrap_or(false);
    Ok(Endpoints {
        method_for_secret: Method::for_secret(&metadata.token_endpoint_auth_methods_supported),
        // Silence is no refusal: many servers know PKCE and do not say so.
        refuses_s256: !metadata.code_challenge_methods_supported.is_empty() && !metadata.supports_s256(),
        introspection_method_for_secret: Method::for_secret(at_introspection),
        introspect: metadata.introspection_endpoint,
        token: metadata.token_endpoint.ok_or_else(|| names_no("token_endpoint"))?,
        authorize: metadata.authorization_endpoint,
        revoke: metadata.revocation_endpoint,
        userinfo: metadata.userinfo_endpoint,
        issuer: Some((issuer.clone(), names_itself)),
    })
}

fn names_no(endpoint: &str) -> Cause {
    Cause::BadAnswer { detail: format!("the issuer's metadata names no `{endpoint}`").into() }
}

/// A failure with its causes, as far as they may be shown.
fn cause_of(failure: TokenFailure, secrets: &[&str]) -> Cause {
    let is_transient = failure.is_transient();
    let (failure, is_refusal) = match failure {
        TokenFailure::NoAnswer(Failure::TimedOut { after, .. }) => return Cause::TimedOut { after },
        TokenFailure::Refused { url, error } => (TokenFailure::Refused { url, error: discreet(error, secrets) }, true),
        other => (other, false),
    };
    let causes = std::iter::successors(Some(&failure as &dyn std::error::Error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    let detail = texts.join(": ").into();
    match (is_transient, is_refusal) {
        (true, _) => Cause::Unavailable { detail },
        (false, true) => Cause::Refused { detail },
        (false, false) => Cause::BadAnswer { detail },
    }
}

/// Some servers repeat what they were sent. Then their words are left out: a piece of a secret is secret too.
fn discreet(error: TokenError, secrets: &[&str]) -> TokenError {
    let repeats = |words: &str| secrets.iter().any(|secret| shares_a_piece(words, secret));
    match &error {
        TokenError { code: ErrorCode::Other(name), .. } if repeats(name) => {
            TokenError { code: ErrorCode::Other("hidden".into()), description: None }
        }
        TokenError { description: Some(words), .. } if repeats(words) => error.without_description(),
        _ => error,
    }
}

fn shares_a_piece(words: &str, secret: &str) -> bool {
    let length = secret.len().clamp(1, PIECE);
    words.as_bytes().windows(length).any(|piece| secret.as_bytes().windows(length).any(|other| other == piece))
}

const DENIED: &str = "access_denied";
const PENDING: &str = "authorization_pending";
/// For how long a token without `expires_in` is kept, unless it is refused before.
const UNSAID: Duration = Duration::from_secs(300);
/// How often a person's own program asks one server for tokens: a loop that logs in and is refused ends here at the latest.
const OWN_RATE: Rate = Rate::per_minute(NonZeroU32::new(30).unwrap());
/// For how many milliseconds an issuer's metadata is believed.
const METADATA_FOR: u64 = 3_600_000;
/// So many bytes in common are no chance; a shorter secret counts whole.
const PIECE: usize = 8;

#[cfg(test)]
mod tests;
