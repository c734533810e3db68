//! Which servers are behind the door, and what does each demand? Built from the configuration, swapped whole on reload.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use broker::connection::{PerPerson, Person};
use bytes::Bytes;
use http::HeaderValue;
use oauth::challenge::Challenge;
use oauth::issuer::Issuer;
use oauth::oauth_error::OauthError;
use oauth::protected_resource::ProtectedResourceMetadata;
use oauth::resource::Resource;
use oauth::scope::ScopeSet;
use policy::RuleSet;
use token::{KeySet, Trust, dpop};

use crate::back::Back;
use crate::back::stdio::StdioBack;
use crate::config::{self, Dpop, MissingScope, Mount, ServerName, TokenSource};
use crate::connect::SignIn;
use crate::era::Crossing;
use crate::introspections::Introspections;
use crate::issuer_keys::IssuerKeys;
use crate::layers::host_guard::HostGuard;
use crate::layers::shown::ClientHeadersAre;
use crate::logins::Logins;
use crate::metrics::ServerMetrics;

/// One generation of the door's configuration, ready for use.
pub(crate) struct Table {
    pub(crate) config: config::Config,
    /// Counts up with every reload; what was judged under an older one is judged again.
    pub(crate) generation: u64,
    pub(crate) public_url: String,
    /// The public URL's path, without a trailing slash; empty for nearly all.
    pub(crate) public_path: String,
    pub(crate) host_guard: HostGuard,
    pub(crate) servers: HashMap<Box<str>, Arc<Server>>,
    /// Where several of them are one.
    pub(crate) merged: Option<Arc<Server>>,
    /// Where people can sign in.
    pub(crate) sign_ins: Vec<SignIn>,
}

/// One server behind the door.
pub(crate) struct Server {
    pub(crate) name: ServerName,
    pub(crate) mount: Mount,
    pub(crate) rules: RuleSet,
    pub(crate) gate: Gate,
    pub(crate) metadata: Bytes,
    pub(crate) challenges: Challenges,
    pub(crate) missing_scope: MissingScope,
    /// The URL that callers use, for which proofs are made.
    pub(crate) url: String,
    pub(crate) dpop: Dpop,
    pub(crate) back: Back,
    /// What is kept for callers of the other era.
    pub(crate) crossing: Arc<Crossing>,
    /// Whether the caller's own token has to come as far as the back.
    pub(crate) needs_callers_token: bool,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) metrics: ServerMetrics,
    /// Whether the last call failed by the door's own credential.
    pub(crate) is_parked: AtomicBool,
}

impl Server {
    /// The children's keeper, if the server is one that has children.
    pub(crate) fn stdio(&self) -> Option<&Arc<StdioBack>> {
        match &self.back {
            Back::Http(_) | Back::Merged(_) => None,
            Back::Stdio(back) => Some(back),
        }
    }

    /// What people have granted, if the server is one that each uses with an account of their own.
    pub(crate) fn people(&self) -> Option<&Arc<PerPerson>> {
        match &self.back {
            Back::Http(back) => back.credentials.people(),
            Back::Merged(_) | Back::Stdio(_) => None,
        }
    }

    /// Whether a client's id and secret are read here at all.
    pub(crate) fn client_headers(&self) -> ClientHeadersAre {
        match &self.gate {
            Gate::Tokens(trusted) if trusted.iter().any(|trusted| trusted.logins.is_some()) => ClientHeadersAre::Taken,
            Gate::Bypass | Gate::Tokens(_) => ClientHeadersAre::Ignored,
        }
    }

    /// Whether tokens of this person could be accepted.
    pub(crate) fn admits(&self, person: &Person) -> bool {
        match &self.gate {
            Gate::Bypass => true,
            Gate::Tokens(trusted) => {
                trusted.iter().any(|trusted| trusted.trust.issuer.as_deref().is_none_or(|issuer| issuer == &*person.issuer))
            }
        }
    }
}

/// How callers of one server are let in.
pub(crate) enum Gate {
    /// Everybody, as one caller (A6).
    Bypass,
    /// Callers with a token that one of these trusts; told apart by `iss`.
    Tokens(Vec<Trusted>),
}

/// One issuer, or the shared secrets, as one server trusts them.
pub(crate) struct Trusted {
    pub(crate) trust: Trust,
    pub(crate) keys: Keys,
    /// Clients that show their id and secret, where that is allowed.
    pub(crate) logins: Option<Logins>,
    /// The issuer itself, where it is asked about tokens.
    pub(crate) introspections: Option<Arc<Introspections>>,
    /// Whether it is the door's own authorization server, whose tokens may be revoked at any time.
    pub(crate) is_own: bool,
}

impl Trusted {
    pub(crate) fn new(trust: Trust, keys: Keys) -> Self {
        Self { trust, keys, logins: None, introspections: None, is_own: false }
    }
}

/// Where the keys come from.
pub(crate) enum Keys {
    Fixed(KeySet),
    Issuer(Arc<IssuerKeys>),
}

/// The `WWW-Authenticate` values of one server, made once for each way to show a token.
pub(crate) struct Challenges {
    pub(crate) bearer: Spoken,
    pub(crate) dpop: Spoken,
    pub(crate) metadata_url: String,
}

/// The challenges of one scheme.
pub(crate) struct Spoken {
    pub(crate) welcome: HeaderValue,
    pub(crate) invalid: HeaderValue,
    pub(crate) expired: HeaderValue,
    pub(crate) malformed: HeaderValue,
    pub(crate) unproven: HeaderValue,
}

/// How a token is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Bearer,
    Dpop,
}

impl Challenges {
    pub(crate) fn new(resource: &Resource, baseline: &ScopeSet) -> Self {
        let metadata_url = resource.metadata_url();
        let scope = baseline.without_offline_access();
        let of = |scheme| Spoken::new(scheme, &metadata_url, &scope);
        Self { bearer: of(Scheme::Bearer), dpop: of(Scheme::Dpop), metadata_url }
    }

    pub(crate) fn of(&self, scheme: Scheme) -> &Spoken {
        match scheme {
            Scheme::Bearer => &self.bearer,
            Scheme::Dpop => &self.dpop,
        }
    }

    pub(crate) fn insufficient(&self, scheme: Scheme, needed: &ScopeSet) -> HeaderValue {
        let challenge = Challenge {
            resource_metadata: Some(self.metadata_url.clone()),
            scope: needed.clone(),
            error: Some(OauthError::InsufficientScope),
            error_description: Some("the operation needs more scopes than the access token grants".to_owned()),
        };
        header(scheme, &challenge)
    }
}

impl Spoken {
    fn new(scheme: Scheme, metadata_url: &str, scope: &ScopeSet) -> Self {
        let with = |error: Option<OauthError>, description: Option<&str>| {
            let challenge = Challenge {
                resource_metadata: Some(metadata_url.to_owned()),
                scope: scope.clone(),
                error,
                error_description: description.map(str::to_owned),
            };
            header(scheme, &challenge)
        };
        Self {
            welcome: with(None, None),
            invalid: with(Some(OauthError::InvalidToken), Some("the access token is not good for this server")),
            expired: with(Some(OauthError::InvalidToken), Some("the access token has expired")),
            malformed: with(Some(OauthError::InvalidRequest), Some("the request does not show in exactly one way who calls")),
            unproven: with(Some(OauthError::InvalidDpopProof), Some("the proof is missing or not good for this request")),
        }
    }
}

/// Scopes, URLs and our own words hold nothing that a header may not; should that ever be wrong, the bare scheme is still a valid challenge.
fn header(scheme: Scheme, challenge: &Challenge) -> HeaderValue {
    let (written, bare) = match scheme {
        Scheme::Bearer => (challenge.to_header_value(), "Bearer"),
        Scheme::Dpop => (challenge.to_dpop_header_value(&dpop::ALGORITHMS), "DPoP"),
    };
    HeaderValue::try_from(written).unwrap_or(HeaderValue::from_static(bare))
}

impl Table {
    pub(crate) fn server(&self, name: &str) -> Option<&Arc<Server>> {
        self.servers.get(name)
    }

    /// Whatever has callers: the servers, and all of them as one.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &Arc<Server>> {
        self.servers.values().chain(&self.merged)
    }

    /// The server at the public URL itself, if one is there.
    pub(crate) fn root(&self) -> Option<&Arc<Server>> {
        self.servers.values().find(|server| server.mount == Mount::Root)
    }

    /// A server as people call it.
    pub(crate) fn title(&self, server: &Server) -> String {
        let title = self.config.servers.get(server.name.as_str()).and_then(|server| server.title.clone());
        title.unwrap_or_else(|| server.name.to_string())
    }
}

/// Whose callers are meant: those of one server, or of all that are one.
#[derive(Clone, Copy)]
pub(crate) enum Callers<'a> {
    Of(&'a ServerName),
    OfAll(&'a [ServerName]),
}

impl Callers<'_> {
    /// Whether tokens may let them in that are good for these servers; `None`: for every server.
    pub(crate) fn are_let_in(self, servers: Option<&[ServerName]>) -> bool {
        let Some(servers) = servers else { return true };
        match self {
            Self::Of(name) => servers.contains(name),
            Self::OfAll(names) => names.iter().all(|name| servers.contains(name)),
        }
    }
}

/// What an endpoint says of itself.
pub(crate) struct About {
    pub(crate) title: String,
    pub(crate) baseline: ScopeSet,
    pub(crate) dpop: Dpop,
}

/// The RFC 9728 document of one endpoint.
pub(crate) fn metadata_document(
    resource: &Resource,
    config: &config::Config,
    callers: Callers<'_>,
    about: &About,
) -> ProtectedResourceMetadata {
    let issuers = match &config.accept {
        config::Accept::Bypass => Vec::new(),
        config::Accept::Tokens(sources) => sources.iter().filter_map(|source| issuer_for(source, callers)).collect(),
    };
    // Shared secrets bind tokens to nobody.
    let has_issuers = !issuers.is_empty();
    let mut metadata = ProtectedResourceMetadata::new(resource.clone(), issuers, &about.baseline);
    if has_issuers && about.dpop != Dpop::Off {
        metadata.dpop_signing_alg_values_supported = dpop::ALGORITHMS.map(str::to_owned).into();
        metadata.dpop_bound_access_tokens_required = (about.dpop == Dpop::Require).then_some(true);
    }
    metadata.resource_name = Some(about.title.clone());
    metadata
}

fn issuer_for(source: &TokenSource, callers: Callers<'_>) -> Option<Issuer> {
    match source {
        TokenSource::Issuer { issuer, servers, .. } if callers.are_let_in(servers.as_deref()) => Some(issuer.clone()),
        TokenSource::Own { issuer, .. } => Some(issuer.clone()),
        TokenSource::Issuer { .. } | TokenSource::SharedSecret { .. } => None,
    }
}
