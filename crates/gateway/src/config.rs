//! Everything the door needs to be told, already valid. Only `claviger/config` knows files, variables and flags; it builds this.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::annex::KeysAtHand;
use broker::AuthorizationServer;
use broker::authorization_server::{Delegation, PersonalGrant, TokenGrant};
use broker::reference::{Reference, Template};
use ipnet::IpNet;
use oauth::issuer::Issuer;
use oauth::resource::{InvalidUri, Resource};
use oauth::scope::ScopeSet;
use policy::RuleSet;
use policy::quota::Rate;
use token::SharedSecret;
use tokio::io::DuplexStream;
use url::Url;

/// The whole door.
#[derive(Clone)]
pub struct Config {
    /// Where callers knock.
    pub listen: Listen,
    /// Who may come in.
    pub accept: Accept,
    /// The servers behind the door, by name.
    pub servers: BTreeMap<ServerName, Server>,
    /// The endpoint at which several of them are one, if there is one.
    pub merge: Option<Merge>,
    /// Whether whoever opens a link is taken for the person that it was made for: on a person's own machine only, where nobody else can. Elsewhere people sign in.
    pub trusts_links: bool,
    /// Inner networks that the names of issuers may lead to.
    pub allowed_networks: Vec<IpNet>,
    /// How much and how often.
    pub limits: Limits,
    /// How long.
    pub timeouts: Timeouts,
    /// Whether a call is refused when it cannot be recorded.
    pub when_unrecorded: WhenUnrecorded,
}

/// The public listener and what it is called from outside.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The address to bind; port 0 lets the system choose.
    pub address: SocketAddr,
    /// The URL that callers use, without a trailing slash; resources are built from it, never from `Host`. `None`: the bound address.
    pub public_url: Option<Url>,
    /// Host names accepted besides those of `public_url` and `address`.
    pub allowed_hosts: Vec<String>,
    /// Origins of browser clients, exactly as browsers send them. On a loopback listener, loopback origins are accepted too.
    pub allowed_origins: Vec<String>,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Certificate chain and key, as PEM files; `None`: plain http, on loopback or behind a trusted proxy only.
    pub tls: Option<Tls>,
}

/// PEM files of the listener's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Who may come in.
#[derive(Clone)]
pub enum Accept {
    /// Everybody, as one caller called `developer` (A6). The binary lets this through on loopback and outside production only.
    Bypass,
    /// Callers with a token of one of these.
    Tokens(Vec<TokenSource>),
}

/// One kind of accepted token.
#[derive(Clone)]
pub enum TokenSource {
    /// JWTs of an authorization server, found by discovery (A2).
    Issuer {
        /// The issuer, exactly as its tokens say it.
        issuer: Issuer,
        /// Further accepted `aud` values, beyond the server's resource.
        audiences: Vec<String>,
        /// The servers it is good for; `None`: all.
        servers: Option<Vec<ServerName>>,
        /// How people sign in there with a browser, if they can.
        sign_in: Option<Box<SignIn>>,
        /// How clients log in there that show the door their id and secret, if they may (A5).
        client_headers: Option<Box<ClientHeaders>>,
        /// How the issuer is asked about tokens, if it is (A3).
        introspection: Option<Box<Introspection>>,
    },
    /// JWTs of the authorization server that answers at the door's own public URL (A7): good for every server.
    Own {
        /// The public URL.
        issuer: Issuer,
        /// Its keys.
        keys: Arc<dyn KeysAtHand>,
    },
    /// HS256 tokens of one server (A4): the first secret mints, all verify.
    SharedSecret {
        /// At least one, each of 32 bytes or more.
        secrets: Vec<Arc<SharedSecret>>,
        /// The one server that these secrets are good for.
        server: ServerName,
        /// Tokens that live longer are refused.
        max_lifetime: Duration,
    },
}

/// How the issuer, as an OpenID provider, tells the door who sits at a browser.
#[derive(Clone)]
pub struct SignIn {
    /// The issuer, and who the door is there.
    pub server: AuthorizationServer,
    /// What is asked for, `openid` among it.
    pub scopes: ScopeSet,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SignIn({})", self.server)
    }
}

/// How a client that shows its id and secret gets its token.
#[derive(Clone)]
pub struct ClientHeaders {
    /// Who gives it; the door is nobody there.
    pub server: AuthorizationServer,
    /// What is asked for.
    pub scopes: ScopeSet,
}

impl fmt::Debug for ClientHeaders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ClientHeaders({})", self.server)
    }
}

/// How an issuer is asked whether a token is good (RFC 7662).
#[derive(Clone)]
pub struct Introspection {
    /// The issuer, and who the door is there.
    pub server: AuthorizationServer,
    /// Which tokens it is asked about.
    pub tokens: IntrospectedTokens,
    /// How long an answer is believed, at most.
    pub cache: Duration,
}

impl fmt::Debug for Introspection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Introspection({:?} by {})", self.tokens, self.server)
    }
}

/// Which tokens an issuer is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntrospectedTokens {
    /// All: JWTs when their signature is good, and whatever is none.
    All,
    /// JWTs whose signature is good: they may have been revoked.
    Jwt,
    /// What is no JWT.
    #[default]
    Opaque,
}

impl IntrospectedTokens {
    /// Whether tokens that nobody but the issuer can read are among them.
    pub fn are_opaque(self) -> bool {
        self != Self::Jwt
    }

    /// Whether JWTs are among them.
    pub fn are_jwts(self) -> bool {
        self != Self::Opaque
    }
}

/// A server's name: 1 to 64 of `a-z A-Z 0-9 _ . -`, as it stands in `/mcp/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerName(Arc<str>);

/// Why a text is no server name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a server's name is 1 to 64 of the characters a-z A-Z 0-9 _ . - and does not start with a dot")]
pub struct InvalidServerName;

impl ServerName {
    /// Checks and wraps a name.
    pub fn parse(text: &str) -> Result<Self, InvalidServerName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if text.is_empty() || text.len() > 64 || text.starts_with('.') || !text.bytes().all(allowed) {
            return Err(InvalidServerName);
        }
        Ok(Self(text.into()))
    }

    /// What stands for all members of `/mcp` together, in the record and the metrics: no server can be called so.
    pub(crate) fn of_all() -> Self {
        Self("*".into())
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for ServerName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// One server behind the door.
#[derive(Clone)]
pub struct Server {
    /// What it is and where.
    pub upstream: Upstream,
    /// Who may do what with it.
    pub rules: RuleSet,
    /// Which eras to expect of it.
    pub protocol: Protocol,
    /// A name for people, shown in the resource metadata.
    pub title: Option<String>,
    /// Where it answers.
    pub mount: Mount,
    /// What a call of a tool is answered for which the token lacks scopes.
    pub missing_scope: MissingScope,
    /// Whether callers may prove to have the key of their token.
    pub dpop: Dpop,
    /// A hash of everything above, so that a reload keeps what did not change.
    pub fingerprint: [u8; 32],
}

/// Where a server answers, below the public URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mount {
    /// At `/mcp/<name>`.
    #[default]
    Name,
    /// At the public URL itself: one server at most.
    Root,
}

impl Mount {
    /// The URL that callers of this server use, which is also the audience of their tokens (RFC 8707, RFC 9728).
    pub fn resource(self, public_url: &str, name: &ServerName) -> Result<Resource, InvalidUri> {
        match self {
            Self::Name => Resource::join_path(public_url, &format!("/mcp/{name}")),
            Self::Root => {
                // Without a path it is spelled as URL libraries write it, with the slash; tokens may leave that out.
                let bare = Resource::parse(public_url)?;
                if bare.path().is_empty() { Resource::join_path(public_url, "/") } else { Ok(bare) }
            }
        }
    }
}

/// Several servers as one, at `/mcp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The members, in the order of their names.
    pub servers: Vec<ServerName>,
    /// A name for people.
    pub title: Option<String>,
}

impl Merge {
    /// What people call it who were told no other name.
    pub const TITLE: &str = "All servers";

    /// Whether a server of this name can be a member: the names of its tools begin with its own and `__`, and it must be clear where that ends.
    pub fn can_hold(name: &ServerName) -> bool {
        !name.as_str().contains("__") && !name.as_str().ends_with('_')
    }

    /// The URL that its callers use.
    pub fn resource(public_url: &str) -> Result<Resource, InvalidUri> {
        Resource::join_path(public_url, "/mcp")
    }
}

/// Whether callers may prove, with each request, to have the key that their token is bound to (RFC 9449).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dpop {
    /// They may; tokens that are bound to none come as ever.
    #[default]
    Accept,
    /// They may not: tokens that are bound to a key are refused.
    Off,
    /// They have to.
    Require,
}

/// What a call of a tool is answered for which the token lacks scopes. Status and header are the same for all: clients step up by those.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingScope {
    /// The challenge, and a JSON-RPC error.
    #[default]
    Challenge,
    /// The challenge, and the failed result of a tool that says the same in words, for clients that show a body and never read a challenge.
    ChallengeAndResult,
}

/// What stands behind the door.
#[derive(Clone)]
pub enum Upstream {
    /// A server of our own, spoken to over a pipe inside the process.
    Builtin(Builtin),
    /// A Streamable HTTP server.
    Http {
        /// Its MCP endpoint.
        url: Url,
        /// Path and query of the endpoint, where they hold references.
        target: Option<Template>,
        /// Headers that the door adds, credentials among them.
        headers: Vec<(http::HeaderName, Template)>,
        /// Where its bearer token comes from.
        credential: UpstreamCredential,
    },
    /// A program that speaks MCP on its standard input and output.
    Process(Process),
    /// A server of 2024-11-05, by HTTP with SSE.
    Sse {
        /// Its event stream.
        url: Url,
        /// Path and query of the stream, where they hold references.
        target: Option<Template>,
        /// Headers that the door adds to the `GET` and to every `POST`, credentials among them.
        headers: Vec<(http::HeaderName, Template)>,
        /// How the door gets a bearer token in its own name, if it does. The stream is not of one call, so no caller's token can stand there.
        grant: Option<Box<TokenGrant>>,
    },
}

/// Where the bearer token of an HTTP server comes from.
#[derive(Clone, Default)]
pub enum UpstreamCredential {
    /// From nowhere, unless a header brings it.
    #[default]
    None,
    /// The door gets one in its own name.
    ClientCredentials(Box<TokenGrant>),
    /// The door gets one for each caller, by showing theirs to an authorization server.
    Delegated(Box<Delegation>),
    /// Each person gives the door leave to get one for them.
    Personal(Box<PersonalGrant>),
    /// It is the caller's own, where that names this audience beside the door.
    PassThrough {
        /// How the server's tokens name it.
        audience: String,
    },
}

impl UpstreamCredential {
    /// Whether the caller's own token has to come as far as the back.
    pub fn needs_callers_token(&self) -> bool {
        match self {
            Self::None | Self::ClientCredentials(_) | Self::Personal(_) => false,
            Self::Delegated(_) | Self::PassThrough { .. } => true,
        }
    }

    /// Every reference in it: to what the door proves itself with where it asks for tokens.
    pub fn references(&self) -> Vec<Reference> {
        match self {
            Self::None | Self::PassThrough { .. } => Vec::new(),
            Self::ClientCredentials(grant) => grant.server.references().collect(),
            Self::Personal(grant) => grant.server.references().collect(),
            Self::Delegated(delegation) => delegation.road.servers().flat_map(AuthorizationServer::references).collect(),
        }
    }
}

impl Upstream {
    /// Whether the caller's own token has to come as far as the back.
    pub fn needs_callers_token(&self) -> bool {
        match self {
            Self::Http { credential, .. } => credential.needs_callers_token(),
            Self::Builtin(_) | Self::Process(_) | Self::Sse { .. } => false,
        }
    }

    /// Every reference in it.
    pub fn references(&self) -> Vec<Reference> {
        match self {
            Self::Builtin(_) => Vec::new(),
            Self::Http { target, headers, credential, .. } => {
                let written = headers.iter().map(|(_, template)| template).chain(target).flat_map(Template::references);
                written.chain(credential.references()).collect()
            }
            Self::Sse { target, headers, grant, .. } => {
                let written = headers.iter().map(|(_, template)| template).chain(target).flat_map(Template::references);
                written.chain(grant.iter().flat_map(|grant| grant.server.references())).collect()
            }
            Self::Process(process) => process.arguments.iter().chain(process.environment.values()).flat_map(Template::references).collect(),
        }
    }
}

/// Starts one instance of a built-in server and hands over the other end of its pipe.
pub type Builtin = Arc<dyn Fn() -> DuplexStream + Send + Sync>;

/// A program and how it is started.
#[derive(Clone, Debug)]
pub struct Process {
    /// The program, looked up in the declared `PATH`.
    pub program: String,
    /// Its arguments; references are resolved when it starts.
    pub arguments: Vec<Template>,
    /// The environment that it gets besides the inherited few.
    pub environment: BTreeMap<String, Template>,
    /// `PATH`, `HOME`, locale and the like, as handed to every child.
    pub inherited: BTreeMap<String, String>,
    /// Where it runs; `None`: the door's own directory.
    pub directory: Option<PathBuf>,
    /// The binary whose `child-guard` command watches over the child.
    pub guard_program: PathBuf,
}

/// Which protocol eras an upstream speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Found out by asking (`server/discover`), once.
    #[default]
    Auto,
    /// Revisions up to 2025-11-25 only.
    Legacy,
    /// 2026-07-28 and later only.
    Modern,
}

/// Caps and rates.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Calls per address; `None`: no limit.
    pub per_address: Option<Rate>,
    /// Calls per subject and issuer; `None`: no limit.
    pub per_subject: Option<Rate>,
    /// Failed authentications per address.
    pub failures_per_address: Rate,
    /// Requests to the built-in authorization server per address.
    pub issuer_per_address: Rate,
    /// Largest request body, in bytes.
    pub body_bytes: usize,
    /// Largest sum of request headers, in bytes.
    pub header_bytes: usize,
    /// Largest single message from an upstream that the door has to read whole, in bytes.
    pub message_bytes: usize,
    /// Open connections at once.
    pub connections: NonZeroU32,
    /// Calls in flight at once.
    pub calls_in_flight: NonZeroU32,
    /// Open event streams per caller.
    pub streams_per_caller: NonZeroU32,
    /// Child processes per server.
    pub children: NonZeroU32,
    /// Legacy sessions per caller and server that a child holds state for.
    pub sessions_per_caller: NonZeroU32,
    /// Verified tokens kept.
    pub cached_tokens: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_address: None,
            per_subject: None,
            failures_per_address: Rate::per_minute(at_least_one(30)),
            issuer_per_address: Rate::per_minute(at_least_one(600)),
            body_bytes: 4 * 1024 * 1024,
            header_bytes: 32 * 1024,
            message_bytes: 16 * 1024 * 1024,
            connections: at_least_one(4096),
            calls_in_flight: at_least_one(1024),
            streams_per_caller: at_least_one(64),
            children: at_least_one(64),
            sessions_per_caller: at_least_one(64),
            cached_tokens: at_least_one(16_384),
        }
    }
}

/// How long the door waits.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// For a request's headers.
    pub request_headers: Duration,
    /// For a request's body.
    pub request_body: Duration,
    /// For a connection to an upstream.
    pub connect: Duration,
    /// For an upstream's first byte of an answer.
    pub call: Duration,
    /// For the answer to `server/discover` when an upstream's era is not known.
    pub probe: Duration,
    /// Before an idle child or upstream connection is closed.
    pub idle: Duration,
    /// For calls in flight when the door shuts down.
    pub drain: Duration,
    /// For a person's answer to what a server of the other era asks in the middle of a call.
    pub question: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            request_headers: Duration::from_secs(10),
            request_body: Duration::from_secs(30),
            connect: Duration::from_secs(5),
            call: Duration::from_secs(300),
            probe: Duration::from_secs(5),
            idle: Duration::from_secs(300),
            drain: Duration::from_secs(30),
            question: Duration::from_secs(600),
        }
    }
}

/// What happens to a call that cannot be recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenUnrecorded {
    /// It is served; `/ready` fails and a metric counts.
    #[default]
    Serve,
    /// It is refused with 503.
    Refuse,
}

/// Whether only this machine can reach the address.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn at_least_one(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}
