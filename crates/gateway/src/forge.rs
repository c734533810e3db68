//! What becomes of a configuration? A table: gates, keys, backs and credentials of every server. Nothing is called and nothing is started.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use aws_lc_rs::{digest, hmac};
use broker::connection::Book;
use broker::resolve::Resolver;
use ipnet::IpNet;
use oauth::grant::Wanted;
use oauth::issuer::Issuer;
use oauth::resource::Resource;
use oauth::scope::ScopeSet;
use outbound::client::Client;
use outbound::guard::Guard;
use outbound::pool::{InvalidUpstream, Pool, PoolLimits};
use outbound::tls::InvalidRoots;
use policy::RuleSet;
use store::Store;
use token::{KeySet, Trust, TypRule};
use tokio::sync::Mutex;
use url::Url;

use crate::back::credentials::{BearerSource, Credentials};
use crate::back::stdio::{StdioBack, Way};
use crate::back::{Back, EraBook, http as http_back};
use crate::clock::Clock;
use crate::config::{self, Accept, ClientHeaders, Config, Dpop, Merge, MissingScope, Mount, ServerName, TokenSource, UpstreamCredential};
use crate::connect::SignIn;
use crate::era::{Crossing, States};
use crate::introspections::Introspections;
use crate::issuer_keys::IssuerKeys;
use crate::layers::host_guard::HostGuard;
use crate::logins::Logins;
use crate::merge::Merged;
use crate::merge::cursor::Cursors;
use crate::metrics::Metrics;
use crate::table::{About, Callers, Challenges, Gate, Keys, Server, Table, Trusted, metadata_document};
use crate::tasks::TaskIds;

/// Makes tables of configurations, and holds what every server is made with.
pub(crate) struct Forge<'a> {
    pub(crate) clock: Clock,
    pub(crate) client: &'a Arc<Client>,
    pub(crate) tls: &'a Arc<rustls::ClientConfig>,
    pub(crate) resolver: &'a Arc<Resolver>,
    pub(crate) metrics: &'a Arc<Metrics>,
    pub(crate) book: &'a Arc<Book>,
    /// For hashes of what clients show.
    pub(crate) client_key: &'a hmac::Key,
    /// For what callers carry for the door.
    pub(crate) states: &'a Arc<States>,
    /// For whose a task is.
    pub(crate) task_ids: &'a Arc<TaskIds>,
    /// For where a merged list goes on.
    pub(crate) cursors: &'a Arc<Cursors>,
    pub(crate) store: &'a Arc<dyn Store>,
}

/// What all servers that trust an issuer share, by the issuer.
#[derive(Default)]
struct Issuers {
    keys: HashMap<String, Arc<IssuerKeys>>,
    introspections: HashMap<String, Arc<Introspections>>,
}

/// Why a configuration cannot become a door.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A resource URL cannot be made.
    #[error("server `{server}`: the public URL makes no valid resource identifier")]
    Resource {
        /// Which server.
        server: ServerName,
        /// Why.
        #[source]
        source: oauth::resource::InvalidUri,
    },
    /// An upstream URL cannot be used.
    #[error("server `{server}`: {source}")]
    Upstream {
        /// Which server.
        server: ServerName,
        /// Why.
        source: InvalidUpstream,
    },
    /// The certificates of an authorization server cannot be used.
    #[error("server `{server}`: the certificates that its authorization server is held to cannot be used")]
    Certificates {
        /// Which server.
        server: ServerName,
        /// Why.
        #[source]
        source: InvalidRoots,
    },
    /// The certificates of an issuer cannot be used.
    #[error("the certificates that the sign-in at `{issuer}` is held to cannot be used")]
    SignIn {
        /// Which issuer.
        issuer: Issuer,
        /// Why.
        #[source]
        source: InvalidRoots,
    },
    /// The certificates of an issuer that clients log in at cannot be used.
    #[error("the certificates that `client_headers` of `{issuer}` is held to cannot be used")]
    ClientHeaders {
        /// Which issuer.
        issuer: Issuer,
        /// Why.
        #[source]
        source: InvalidRoots,
    },
    /// The certificates of an issuer that is asked about tokens cannot be used.
    #[error("the certificates that `introspection` of `{issuer}` is held to cannot be used")]
    Introspection {
        /// Which issuer.
        issuer: Issuer,
        /// Why.
        #[source]
        source: InvalidRoots,
    },
    /// The metadata cannot be written as JSON.
    #[error("server `{server}`: its metadata cannot be written")]
    Metadata {
        /// Which server.
        server: ServerName,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// No random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// No sealing of sessions.
    #[error(transparent)]
    Seal(#[from] store::seal::CannotSeal),
}

impl Forge<'_> {
    /// The table of a configuration; servers that are in `old` unchanged keep their backs.
    pub(crate) fn table(&self, config: Config, public_url: &str, old: Option<&Table>) -> Result<Table, BuildError> {
        let mut issuers = Issuers::default();
        let mut servers = HashMap::new();
        for (name, server) in &config.servers {
            let built = self.server(name, server, &config, public_url, old, &mut issuers)?;
            servers.insert(name.as_str().into(), Arc::new(built));
        }
        let merged = match &config.merge {
            Some(merge) => Some(Arc::new(self.merged(merge, &servers, &config, public_url, old, &mut issuers)?)),
            None => None,
        };
        let sign_ins = self.sign_ins(&config, &mut issuers)?;
        let host_guard = HostGuard::new(&config.listen, public_url);
        let generation = old.map_or(0, |old| old.generation + 1);
        let public_path = Url::parse(public_url).map_or_else(|_| String::new(), |url| url.path().trim_end_matches('/').to_owned());
        Ok(Table { config, generation, public_url: public_url.to_owned(), public_path, host_guard, servers, merged, sign_ins })
    }

    #[expect(clippy::too_many_arguments, reason = "a server is made of all of these")]
    fn server(
        &self,
        name: &ServerName,
        server: &config::Server,
        config: &Config,
        public_url: &str,
        old: Option<&Table>,
        issuers: &mut Issuers,
    ) -> Result<Server, BuildError> {
        let resource = server.mount.resource(public_url, name).map_err(|source| BuildError::Resource { server: name.clone(), source })?;
        let about =
            About { title: server.title.clone().unwrap_or_else(|| name.to_string()), baseline: server.rules.baseline(), dpop: server.dpop };
        let document = metadata_document(&resource, config, Callers::Of(name), &about);
        let metadata = document.to_json().map_err(|source| BuildError::Metadata { server: name.clone(), source })?;
        let unchanged = old.and_then(|old| old.server(name.as_str())).filter(|old| old.fingerprint == server.fingerprint);
        let (back, crossing) = if let Some(old) = unchanged {
            (old.back.clone(), Arc::clone(&old.crossing))
        } else {
            let crossing = Crossing::new(name.as_str(), self.states, self.clock, self.metrics, config);
            (self.back(name, server, &resource, config)?, crossing)
        };
        Ok(Server {
            gate: self.gate(Callers::Of(name), &resource, config, issuers)?,
            challenges: Challenges::new(&resource, &about.baseline),
            name: name.clone(),
            mount: server.mount,
            rules: server.rules.clone(),
            missing_scope: server.missing_scope,
            url: resource.as_str().to_owned(),
            dpop: server.dpop,
            metadata: metadata.into(),
            back,
            crossing,
            needs_callers_token: server.upstream.needs_callers_token(),
            fingerprint: server.fingerprint,
            metrics: self.metrics.for_server(name.as_str()),
            is_parked: AtomicBool::new(unchanged.is_some_and(|old| old.is_parked.load(Ordering::Relaxed))),
        })
    }

    /// The endpoint at which servers are one: their rules stay theirs, so it has none of its own.
    #[expect(clippy::too_many_arguments, reason = "an endpoint is made of all of these")]
    fn merged(
        &self,
        merge: &Merge,
        servers: &HashMap<Box<str>, Arc<Server>>,
        config: &Config,
        public_url: &str,
        old: Option<&Table>,
        issuers: &mut Issuers,
    ) -> Result<Server, BuildError> {
        let name = ServerName::of_all();
        let resource = Merge::resource(public_url).map_err(|source| BuildError::Resource { server: name.clone(), source })?;
        let members: Vec<Arc<Server>> = merge.servers.iter().filter_map(|name| servers.get(name.as_str())).map(Arc::clone).collect();
        let about = About {
            title: merge.title.clone().unwrap_or_else(|| Merge::TITLE.to_owned()),
            baseline: members.iter().fold(ScopeSet::default(), |all, member| all.union(&member.rules.baseline())),
            dpop: strictest(&members),
        };
        let callers = Callers::OfAll(&merge.servers);
        let document = metadata_document(&resource, config, callers, &about);
        let metadata = document.to_json().map_err(|source| BuildError::Metadata { server: name.clone(), source })?;
        let fingerprint = fingerprint_of(&about.title, &members);
        let unchanged = old.and_then(|old| old.merged.as_ref()).filter(|old| old.fingerprint == fingerprint);
        let crossing = unchanged
            .map_or_else(|| Crossing::new(name.as_str(), self.states, self.clock, self.metrics, config), |old| Arc::clone(&old.crossing));
        Ok(Server {
            gate: self.gate(callers, &resource, config, issuers)?,
            challenges: Challenges::new(&resource, &about.baseline),
            mount: Mount::Name,
            rules: RuleSet::open(),
            missing_scope: MissingScope::default(),
            url: resource.as_str().to_owned(),
            dpop: about.dpop,
            metadata: metadata.into(),
            crossing,
            needs_callers_token: members.iter().any(|member| member.needs_callers_token),
            fingerprint,
            metrics: self.metrics.for_server(name.as_str()),
            is_parked: AtomicBool::new(false),
            back: Back::Merged(Arc::new(Merged::new(&about.title, members, self.task_ids, self.cursors, config))),
            name,
        })
    }

    fn back(&self, name: &ServerName, server: &config::Server, resource: &Resource, config: &Config) -> Result<Back, BuildError> {
        let limits = &config.limits;
        let timeouts = &config.timeouts;
        let era_book = EraBook::new(self.store, &server.fingerprint);
        let unusable = |source| BuildError::Upstream { server: name.clone(), source };
        Ok(match &server.upstream {
            config::Upstream::Http { url, target, headers, credential } => {
                let pool_limits = PoolLimits { connect_timeout: timeouts.connect, ..PoolLimits::default() };
                Back::Http(Arc::new(http_back::HttpBack {
                    pool: Pool::new(url, self.tls, pool_limits).map_err(unusable)?,
                    credentials: Credentials {
                        target: target.as_ref().map(|template| self.resolver.credential(template).in_a_url()),
                        headers: headers.iter().map(|(name, template)| (name.clone(), self.resolver.credential(template))).collect(),
                        bearer: self
                            .bearer((name, url), credential, resource, &config.allowed_networks)
                            .map_err(|source| BuildError::Certificates { server: name.clone(), source })?,
                    },
                    protocol: server.protocol,
                    limits: http_back::HttpLimits { message_bytes: limits.message_bytes, call: timeouts.call, probe: timeouts.probe },
                    eras: ArcSwapOption::empty(),
                    era_book,
                    probing: Mutex::default(),
                    unreachable: ArcSwapOption::empty(),
                }))
            }
            config::Upstream::Builtin(_) | config::Upstream::Process(_) => {
                let upstream = (server.upstream.clone(), server.protocol);
                let back = StdioBack::for_upstream(name, upstream, self.resolver, limits, timeouts, era_book);
                Back::Stdio(back.ok_or(InvalidUpstream).map_err(unusable)?)
            }
            config::Upstream::Sse { url, target, headers, grant } => {
                let client = self.client.with_guard(Guard::default().with_networks(config.allowed_networks.iter().copied()));
                let bearer = grant.as_ref().map(|grant| self.resolver.client_credentials(grant, &client)).transpose();
                let way = Way {
                    url: url.clone(),
                    pool: Pool::new(url, self.tls, PoolLimits { connect_timeout: timeouts.connect, ..PoolLimits::default() })
                        .map_err(unusable)?,
                    target: target.as_ref().map(|template| self.resolver.credential(template).in_a_url()),
                    headers: headers.iter().map(|(name, template)| (name.clone(), self.resolver.credential(template))).collect(),
                    bearer: bearer.map_err(|source| BuildError::Certificates { server: name.clone(), source })?,
                    message_bytes: limits.message_bytes,
                    call: timeouts.call,
                };
                Back::Stdio(StdioBack::over_sse(name, way, limits, timeouts))
            }
        })
    }

    fn bearer(
        &self,
        (name, url): (&ServerName, &Url),
        credential: &UpstreamCredential,
        resource: &Resource,
        networks: &[IpNet],
    ) -> Result<BearerSource, InvalidRoots> {
        let client = self.client.with_guard(Guard::default().with_networks(networks.iter().copied()));
        Ok(match credential {
            UpstreamCredential::None => BearerSource::None,
            UpstreamCredential::ClientCredentials(grant) => BearerSource::Door(self.resolver.client_credentials(grant, &client)?),
            UpstreamCredential::Delegated(delegation) => BearerSource::Caller(Box::new(self.resolver.on_behalf(delegation, &client)?)),
            UpstreamCredential::Personal(grant) => BearerSource::Person(Arc::new(self.resolver.personal(
                grant,
                (name.as_str(), &url.origin().ascii_serialization()),
                self.book,
                &client,
            )?)),
            UpstreamCredential::PassThrough { audience } => {
                BearerSource::PassedThrough { resource: resource.clone(), audience: audience.clone() }
            }
        })
    }

    fn gate(&self, callers: Callers<'_>, resource: &Resource, config: &Config, issuers: &mut Issuers) -> Result<Gate, BuildError> {
        let Accept::Tokens(sources) = &config.accept else { return Ok(Gate::Bypass) };
        let trusted = sources.iter().map(|source| self.trusted(source, callers, resource, &config.allowed_networks, issuers));
        Ok(Gate::Tokens(trusted.filter_map(Result::transpose).collect::<Result<_, _>>()?))
    }

    fn sign_ins(&self, config: &Config, issuers: &mut Issuers) -> Result<Vec<SignIn>, BuildError> {
        let Accept::Tokens(sources) = &config.accept else { return Ok(Vec::new()) };
        let networks = &config.allowed_networks;
        let mut sign_ins = Vec::new();
        for source in sources {
            let TokenSource::Issuer { issuer, sign_in: Some(sign_in), .. } = source else { continue };
            let client = self.client.with_guard(Guard::for_operator(issuer.as_str()).with_networks(networks.iter().copied()));
            let flow = self.resolver.sign_in(&sign_in.server, sign_in.scopes.clone(), &client);
            sign_ins.push(SignIn {
                flow: flow.map_err(|source| BuildError::SignIn { issuer: issuer.clone(), source })?,
                client_id: sign_in.server.client_id.clone(),
                keys: self.keys_of(issuer, networks, issuers),
                issuer: issuer.clone(),
            });
        }
        Ok(sign_ins)
    }

    fn keys_of(&self, issuer: &Issuer, networks: &[IpNet], issuers: &mut Issuers) -> Arc<IssuerKeys> {
        Arc::clone(issuers.keys.entry(issuer.as_str().to_owned()).or_insert_with(|| Arc::new(self.issuer_keys(issuer, networks))))
    }

    /// The operator wrote the issuer's URL, so it may be on this machine; what the issuer sends us on to is held to the same place
    /// and to the networks that the operator named.
    fn issuer_keys(&self, issuer: &Issuer, networks: &[IpNet]) -> IssuerKeys {
        let client = self.client.with_guard(Guard::for_operator(issuer.as_str()).with_networks(networks.iter().copied()));
        IssuerKeys::new(issuer.clone(), client, self.clock)
    }

    fn trusted(
        &self,
        source: &TokenSource,
        callers: Callers<'_>,
        resource: &Resource,
        networks: &[IpNet],
        issuers: &mut Issuers,
    ) -> Result<Option<Trusted>, BuildError> {
        match source {
            TokenSource::Issuer { issuer, audiences, servers, client_headers, introspection, .. } => {
                if !callers.are_let_in(servers.as_deref()) {
                    return Ok(None);
                }
                let keys = self.keys_of(issuer, networks, issuers);
                let audiences = resource.accepted_spellings().into_iter().chain(audiences.iter().cloned()).collect();
                let trust = Trust::new(Some(issuer.as_str().to_owned()), audiences);
                let logins = client_headers.as_ref().map(|settings| self.logins(settings, resource, networks)).transpose();
                let logins = logins.map_err(|source| BuildError::ClientHeaders { issuer: issuer.clone(), source })?;
                let introspections = introspection.as_ref().map(|settings| self.introspections(issuer, settings, networks, issuers));
                let introspections = introspections.transpose()?;
                Ok(Some(Trusted { logins, introspections, ..Trusted::new(trust, Keys::Issuer(keys)) }))
            }
            TokenSource::Own { issuer, keys } => {
                let keys = issuers
                    .keys
                    .entry(issuer.as_str().to_owned())
                    .or_insert_with(|| Arc::new(IssuerKeys::at_hand(issuer.clone(), Arc::clone(keys), self.clock)));
                let trust =
                    Trust { typ: TypRule::AccessToken, ..Trust::new(Some(issuer.as_str().to_owned()), resource.accepted_spellings()) };
                Ok(Some(Trusted { is_own: true, ..Trusted::new(trust, Keys::Issuer(Arc::clone(keys))) }))
            }
            TokenSource::SharedSecret { secrets, server, max_lifetime } if matches!(callers, Callers::Of(name) if server == name) => {
                // The bare name is what `token mint --aud` and its elders write; it is accepted for secrets that only this server has (A4).
                let audiences = resource.accepted_spellings().into_iter().chain([server.to_string()]).collect();
                let trust = Trust { max_lifetime_seconds: Some(max_lifetime.as_secs()), ..Trust::new(None, audiences) };
                let keys = Keys::Fixed(KeySet::shared_secrets(secrets.iter().cloned()));
                Ok(Some(Trusted::new(trust, keys)))
            }
            TokenSource::SharedSecret { .. } => Ok(None),
        }
    }

    fn introspections(
        &self,
        issuer: &Issuer,
        settings: &config::Introspection,
        networks: &[IpNet],
        issuers: &mut Issuers,
    ) -> Result<Arc<Introspections>, BuildError> {
        if let Some(known) = issuers.introspections.get(issuer.as_str()) {
            return Ok(Arc::clone(known));
        }
        let client = self.client.with_guard(Guard::default().with_networks(networks.iter().copied()));
        let introspector = self.resolver.introspector(&settings.server, &client);
        let introspector = introspector.map_err(|source| BuildError::Introspection { issuer: issuer.clone(), source })?;
        let made = Arc::new(Introspections::new(introspector, settings.tokens, settings.cache, self.clock));
        issuers.introspections.insert(issuer.as_str().to_owned(), Arc::clone(&made));
        Ok(made)
    }

    fn logins(&self, settings: &ClientHeaders, resource: &Resource, networks: &[IpNet]) -> Result<Logins, InvalidRoots> {
        let client = self.client.with_guard(Guard::default().with_networks(networks.iter().copied()));
        let login = self.resolver.login(&settings.server, &client)?;
        let wanted = Wanted { resource: Some(resource.clone()), scopes: settings.scopes.clone(), ..Wanted::default() };
        Ok(Logins::new(login, wanted, self.client_key.clone(), self.clock))
    }
}

/// Where one of them lets nobody in without a proof, nobody comes in to all without one.
fn strictest(members: &[Arc<Server>]) -> Dpop {
    let has = |dpop| members.iter().any(|member| member.dpop == dpop);
    match (has(Dpop::Require), has(Dpop::Accept)) {
        (true, _) => Dpop::Require,
        (false, true) => Dpop::Accept,
        (false, false) => Dpop::Off,
    }
}

/// Changes with each of them.
fn fingerprint_of(title: &str, members: &[Arc<Server>]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for member in members {
        context.update(&member.fingerprint);
    }
    context.update(title.as_bytes());
    let mut output = [0; 32];
    output.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    output
}
