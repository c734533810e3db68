//! ★ The authorization server: which path is answered by whom, and what all of them share.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use audit::event::Event;
use audit::sink::Auditor;
use bytes::Bytes;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use oauth::error_code::ErrorCode;
use oauth::scope::ScopeSet;
use store::Store;
use store::revocation::Revocations;
use store::seal::InstanceKey;

use crate::accounts::Accounts;
use crate::browser::Browsers;
use crate::client::{Clients, Registered};
use crate::config::{Config, ProtectedResource};
use crate::device::Pace;
use crate::document::Documents;
use crate::federation::{Look, People};
use crate::grant::{Grant, GrantId, Grants, Person};
use crate::keys::Keys;
use crate::others_keys::OthersKeys;
use crate::refusal::{Failure, Refusal};
use crate::shelf::Shelf;
use crate::throttle::Turnstile;
use crate::{metadata, paths};

/// The authorization server.
pub struct Server {
    pub(crate) config: ArcSwap<Config>,
    pub(crate) clock: store::Clock,
    pub(crate) shelf: Shelf,
    pub(crate) grants: Grants,
    pub(crate) keys: Keys,
    pub(crate) browsers: Browsers,
    pub(crate) accounts: Accounts,
    pub(crate) documents: Documents,
    pub(crate) others_keys: OthersKeys,
    /// How often devices ask again.
    pub(crate) pace: Pace,
    /// Where codes of devices are typed: one after another.
    pub(crate) typing: Turnstile,
    pub(crate) people: Arc<People>,
    pub(crate) revocations: Arc<Revocations>,
    auditor: Arc<Auditor>,
    /// The path of the public URL, which a proxy may or may not take off.
    path: String,
}

/// What the authorization server is built on.
pub struct Parts {
    /// Time.
    pub clock: store::Clock,
    /// What replicas share.
    pub store: Arc<dyn Store>,
    /// What was ended before its time: the door asks these for every call.
    pub revocations: Arc<Revocations>,
    /// The record.
    pub auditor: Arc<Auditor>,
    /// What fetches what others publish.
    pub client: outbound::client::Client,
}

/// One request, as the endpoints see it.
pub(crate) struct Inbound<'r> {
    pub(crate) headers: &'r HeaderMap,
    pub(crate) path: &'r str,
    pub(crate) query: &'r str,
    pub(crate) body: &'r [u8],
    pub(crate) from: IpAddr,
    /// Unix seconds.
    pub(crate) now: u64,
    pub(crate) config: &'r Config,
}

/// What came of ending something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is over; so many grants with it.
    Now {
        /// How many grants ended.
        grants: usize,
    },
    /// There was no such thing.
    WasNotThere,
}

impl Server {
    /// Reads or makes the keys. Times that `config` gives for keys, sessions and grants hold until the next start.
    pub async fn new(config: Config, key: &InstanceKey, parts: Parts) -> Result<Arc<Self>, Failure> {
        let Parts { clock, store, revocations, auditor, client } = parts;
        let peoples = Shelf::new(Arc::clone(&store), key)?;
        let shelf = Shelf::new(store, key)?;
        let lifetimes = config.lifetimes.clone();
        let now = clock() / 1000;
        let keys = Keys::load(&shelf, lifetimes.signing_key, lifetimes.access_token + LEEWAY, now).await?;
        let issuer = config.issuer.as_str();
        let is_https = issuer.starts_with("https:");
        let path = issuer.split_once("://").and_then(|(_, rest)| Some(rest.get(rest.find('/')?..)?.to_owned())).unwrap_or_default();
        Ok(Arc::new(Self {
            clock,
            grants: Grants::new(key, lifetimes.idle_grant, lifetimes.grant),
            browsers: Browsers::new(key, is_https, lifetimes.session)?,
            accounts: Accounts::new(config.accounts.clone()),
            documents: Documents::new(client.clone()),
            others_keys: OthersKeys::new(client),
            pace: Pace::default(),
            typing: Turnstile::new(1),
            people: People::new(peoples, lifetimes.grant, lifetimes.session),
            config: ArcSwap::from_pointee(config),
            keys,
            shelf,
            revocations,
            auditor,
            path,
        }))
    }

    /// Only to look after what is kept, without a door: it serves nobody. Times are as long as they may be, so that nothing that lives is taken for dead.
    pub async fn for_records(key: &InstanceKey, parts: Parts) -> Result<Arc<Self>, Failure> {
        Self::new(Config::for_records()?, key, parts).await
    }

    /// Takes changed resources, clients and allowances into use.
    pub fn reload(&self, config: Config) {
        self.config.store(Arc::new(config));
    }

    /// Whether a path is one of this server's.
    pub fn serves(&self, path: &str) -> bool {
        self.endpoint(path).is_some()
    }

    /// Answers one request. `request` has been read whole, and is at most as long as [`BODY_BYTES`](Self::BODY_BYTES).
    pub async fn answer(&self, request: &Request<Bytes>, from: IpAddr) -> Response<Bytes> {
        let config = self.config.load_full();
        let inbound = Inbound {
            headers: request.headers(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            body: request.body(),
            from,
            now: self.now(),
            config: &config,
        };
        let Some(endpoint) = self.endpoint(request.uri().path()) else { return pages::bare(StatusCode::NOT_FOUND) };
        match (endpoint, request.method()) {
            (Endpoint::Page(page), method) => self.page(page, method, &inbound).await,
            (_, &Method::OPTIONS) => preflight(),
            (Endpoint::Metadata, &Method::GET | &Method::HEAD) => document_of(&config),
            (Endpoint::Keys, &Method::GET | &Method::HEAD) => document(self.keys.document(), KEYS_ARE_KEPT),
            (Endpoint::Token, &Method::POST) => program(self.token(&inbound).await),
            (Endpoint::DeviceAuthorization, &Method::POST) => program(self.device_authorization(&inbound).await),
            (Endpoint::Register, &Method::POST) => program(self.register(&inbound).await),
            (Endpoint::Revoke, &Method::POST) => program(self.revoke(&inbound).await),
            (Endpoint::Introspect, &Method::POST) => program(self.introspect(&inbound).await),
            _ => method_not_allowed(),
        }
    }

    /// The public keys, as a JSON Web Key Set: the same document that everybody may fetch. Reads what other replicas have done, if there may be something.
    pub async fn published_keys(&self) -> Result<String, Failure> {
        self.keys.refresh(&self.shelf, self.now()).await?;
        Ok(self.keys.document())
    }

    /// Does what has to be done from time to time: keys change on their timetable.
    pub async fn keep(&self) {
        loop {
            tokio::time::sleep(GLANCE).await;
            if let Err(error) = self.keys.refresh(&self.shelf, self.now()).await {
                tracing::error!(target: "issuer", error = &error as &dyn std::error::Error, "the signing keys could not be looked after");
            }
        }
    }

    /// Every grant that lives, with its name.
    pub async fn list_grants(&self) -> Result<Vec<(String, Grant)>, Failure> {
        let all = self.grants.all(&self.shelf, self.now()).await?;
        Ok(all.into_iter().map(|(id, grant)| (id.text(), grant)).collect())
    }

    /// Ends a grant, and every token that came of it.
    pub async fn end_grant(&self, id: &str, by: &str) -> Result<Ended, Failure> {
        let Some(id) = GrantId::parse(id) else { return Ok(Ended::WasNotThere) };
        Ok(if self.end(id, by).await? { Ended::Now { grants: 1 } } else { Ended::WasNotThere })
    }

    /// Every client that has registered itself, with its name.
    pub async fn list_clients(&self) -> Result<Vec<(String, Registered)>, Failure> {
        Clients::all(&self.shelf).await
    }

    /// Forgets a client that has registered itself, and ends everything that people have granted it.
    pub async fn end_client(&self, id: &str) -> Result<Ended, Failure> {
        let was_there = Clients::forget(&self.shelf, id).await?;
        let mut grants = 0;
        for (grant_id, _) in self.grants.all(&self.shelf, self.now()).await?.into_iter().filter(|(_, grant)| grant.client_id == id) {
            grants += usize::from(self.end(grant_id, "operator").await?);
        }
        Ok(if was_there || grants > 0 { Ended::Now { grants } } else { Ended::WasNotThere })
    }

    /// Signs with a new key from now on; its name. `forget_others`: what the old ones have signed is good no more.
    pub async fn rotate_keys(&self, forget_others: bool) -> Result<String, Failure> {
        self.keys.rotate(&self.shelf, self.now(), forget_others).await
    }

    /// Ends a grant; whether it was there. Its access tokens are good no more.
    pub(crate) async fn end(&self, id: GrantId, by: &str) -> Result<bool, Failure> {
        let ended = self.grants.end(&self.shelf, id).await?;
        if let Some(grant) = &ended {
            self.forget_tokens(id, grant).await?;
            let (grant, subject, client) = (id.text(), grant.person.subject.as_str(), grant.client_id.as_str());
            self.record(&Event::GrantEnded { grant: grant.into(), subject: subject.into(), client: client.into(), by: by.into() });
        }
        Ok(ended.is_some())
    }

    /// Whatever access tokens a grant has given are good no more.
    pub(crate) async fn forget_tokens(&self, id: GrantId, grant: &Grant) -> Result<(), Failure> {
        // They may have been given under longer lifetimes than those of today.
        let left = Duration::from_secs(grant.tokens_until.saturating_sub(self.now()));
        let lives = left.max(self.config.load().lifetimes.access_token) + LEEWAY;
        Ok(self.revocations.revoke(&id.text(), lives).await?)
    }

    /// How somebody is now, whom we have known: by their account here, or by the provider that they came from.
    pub(crate) async fn look(&self, config: &Config, person: &Person) -> Result<Look, Failure> {
        let Some(name) = &person.provider else {
            return Ok(self.accounts.person(&person.subject)?.map_or(Look::NotAdmitted, |person| Look::There(Box::new(person))));
        };
        let Some(provider) = config.provider(name) else { return Ok(Look::NotAdmitted) };
        self.people.look(provider, &person.subject, &config.allowance, self.now()).await
    }

    /// Ends everything that somebody has granted who is there no more.
    pub(crate) async fn end_all_of(&self, person: &Person, by: &str) -> Result<(), Failure> {
        for (id, _) in
            self.grants.all(&self.shelf, self.now()).await?.into_iter().filter(|(_, grant)| grant.person.subject == person.subject)
        {
            self.end(id, by).await?;
        }
        Ok(())
    }

    pub(crate) fn now(&self) -> u64 {
        (self.clock)() / 1000
    }

    pub(crate) fn record(&self, event: &Event<'_>) {
        if let Err(error) = self.auditor.event((self.clock)(), event) {
            tracing::error!(target: "issuer", %error, "an event could not be recorded");
        }
    }

    fn endpoint(&self, path: &str) -> Option<Endpoint> {
        let below = path.strip_prefix(&*self.path).filter(|rest| rest.starts_with('/')).unwrap_or(path);
        Some(match below {
            paths::AUTHORIZE => Endpoint::Page(Page::Authorize),
            paths::SIGN_IN => Endpoint::Page(Page::SignIn),
            paths::CONSENT => Endpoint::Page(Page::Consent),
            paths::SIGN_OUT => Endpoint::Page(Page::SignOut),
            paths::DEVICE => Endpoint::Page(Page::Device),
            paths::DEVICE_AUTHORIZATION => Endpoint::DeviceAuthorization,
            _ if below.starts_with(paths::BACK) => Endpoint::Page(Page::Back),
            paths::TOKEN => Endpoint::Token,
            paths::REGISTER => Endpoint::Register,
            paths::REVOKE => Endpoint::Revoke,
            paths::INTROSPECT => Endpoint::Introspect,
            paths::KEYS => Endpoint::Keys,
            paths::OPENID_METADATA => Endpoint::Metadata,
            _ => {
                // The well-known part stands before the issuer's own path (RFC 8414 §3.1).
                let after = path.strip_prefix(paths::OAUTH_METADATA).or_else(|| path.strip_prefix(paths::OPENID_METADATA))?;
                return (after == self.path).then_some(Endpoint::Metadata);
            }
        })
    }
}

impl Inbound<'_> {
    /// The server behind the door that is asked for; without a name, the only one there is.
    pub(crate) fn resource(&self, asked: Option<&oauth::resource::Resource>) -> Option<&ProtectedResource> {
        match (asked, self.config.resources.as_slice()) {
            (Some(asked), all) => {
                all.iter().find(|known| known.resource.accepted_spellings().iter().any(|spelling| spelling == asked.as_str()))
            }
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Page(Page),
    DeviceAuthorization,
    Metadata,
    Keys,
    Token,
    Register,
    Revoke,
    Introspect,
}

/// What browsers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Authorize,
    Device,
    Back,
    SignIn,
    Consent,
    SignOut,
}

impl Server {
    /// The longest body that an endpoint reads.
    pub const BODY_BYTES: usize = 64 * 1024;
}

/// What the authorization server says about itself.
fn document_of(config: &Config) -> Response<Bytes> {
    let all = config.resources.iter().flat_map(|resource| resource.scopes.keys().cloned());
    let mut scopes = all.collect::<ScopeSet>().to_vec_of_strings();
    scopes.push(OFFLINE_ACCESS.to_owned());
    match serde_json::to_string(&metadata::document(config, scopes)) {
        Ok(text) => document(text, METADATA_IS_KEPT),
        Err(_) => pages::bare(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// An answer of an endpoint that programs call.
fn program(outcome: Result<Response<Bytes>, Refusal>) -> Response<Bytes> {
    let mut response = outcome.unwrap_or_else(|refusal| refused(&refusal));
    open_to_pages(response.headers_mut());
    response
}

/// RFC 6749 §5.2.
fn refused(refusal: &Refusal) -> Response<Bytes> {
    let status = match refusal.code {
        ErrorCode::InvalidClient => StatusCode::UNAUTHORIZED,
        ErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::TemporarilyUnavailable if refusal.retry_after.is_some() => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    let mut response = json(status, &serde_json::json!({ "error": refusal.code.name(), "error_description": refusal.description }));
    if refusal.is_challenged {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"token endpoint\""));
    }
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// A JSON answer that nobody keeps (RFC 6749 §5.1).
pub(crate) fn json(status: StatusCode, body: &impl serde::Serialize) -> Response<Bytes> {
    match serde_json::to_vec(body) {
        Ok(text) => json_text(status, text),
        Err(_) => pages::bare(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The same, for what is JSON already.
pub(crate) fn json_text(status: StatusCode, text: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A public document.
fn document(text: String, kept: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    open_to_pages(response.headers_mut());
    response
}

/// Clients that run in a browser call these, from any page: nothing here goes by a cookie.
fn open_to_pages(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

fn preflight() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    open_to_pages(headers);
    headers.insert("access-control-allow-methods", HeaderValue::from_static("GET, POST, OPTIONS"));
    headers.insert(
        "access-control-allow-headers",
        HeaderValue::from_static("Authorization, Content-Type, Accept, MCP-Protocol-Version, DPoP"),
    );
    headers.insert("access-control-max-age", HeaderValue::from_static("600"));
    response
}

fn method_not_allowed() -> Response<Bytes> {
    let mut response = pages::bare(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert("allow", HeaderValue::from_static("GET, HEAD, POST, OPTIONS"));
    response
}

/// What asks for a refresh token by name (OpenID Connect Core §11).
pub(crate) const OFFLINE_ACCESS: &str = "offline_access";
const METADATA_IS_KEPT: &str = "public, max-age=300";
const KEYS_ARE_KEPT: &str = "public, max-age=300";
/// How much longer than it says a token may be taken for good.
pub(crate) const LEEWAY: Duration = Duration::from_secs(120);
/// How often it is looked whether a key is due, and what other replicas have done.
const GLANCE: Duration = Duration::from_secs(60);
