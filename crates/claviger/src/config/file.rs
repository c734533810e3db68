//! What can stand in `claviger.toml`? The comments here are the descriptions in the JSON Schema and so in every editor.
//!
//! These are texts as a person writes them; `plan` turns them into the values that the door takes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

mod credential;
mod federation;
mod issuer;
mod scan;
mod secrets;

pub(crate) use credential::{
    ClientHeaderSettings, ClientHeaders, Credential, IdJag, IntrospectedTokens, Introspection, PassThrough, PersonalGrant, SignIn,
    TokenGrant, TokenServer, WaysToProve,
};
pub(crate) use federation::{Federation, FederationAllow, Federations};
pub(crate) use issuer::{Issuer, IssuerClient, TrustedProvider};
pub(crate) use scan::Scan;
pub(crate) use secrets::{Inventory, InventoryItem, KeychainStore, Secrets, Vault, VaultAppRole, VaultAuth, VaultEngine, VaultJwt};

/// The configuration of Claviger. No secret stands in it: where one is needed, write a reference such as `env://NAME`, `file:///run/secrets/key` or `${NAME}`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    /// The environment's name. `development`, the default, listens on loopback only; `claviger.<environment>.toml` beside this file is laid over it.
    pub(crate) environment: Option<String>,
    /// Where callers knock.
    pub(crate) listen: Listen,
    /// The listener of metrics and readiness detail; without this section there is none.
    pub(crate) admin: Option<Admin>,
    /// Who may come in. Without an entry each server takes the tokens of `claviger token mint`.
    pub(crate) accept: Vec<Accept>,
    /// The built-in authorization server.
    pub(crate) issuer: Option<Issuer>,
    /// The servers behind the door, by the name that stands in `/mcp/<name>`.
    pub(crate) servers: BTreeMap<String, Server>,
    /// The endpoint `/mcp`, at which several servers are one; without this section, or `claviger serve --merge`, there is none. See docs/guides/merged.md.
    pub(crate) merge: Option<Merge>,
    /// Where the door may go by itself.
    pub(crate) outbound: Outbound,
    /// How much and how often.
    pub(crate) limits: Limits,
    /// How long.
    pub(crate) timeouts: Timeouts,
    /// The record of calls.
    pub(crate) audit: Audit,
    /// What `claviger scan` looks for, and what a configuration must not hold for the door to start.
    pub(crate) scan: Scan,
    /// Where the secrets lie that references name.
    pub(crate) secrets: Secrets,
    /// Where the door keeps what must outlive it.
    pub(crate) store: Store,
}

/// Where callers knock.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Listen {
    /// The address to listen on, such as `0.0.0.0:8443`. Default: `127.0.0.1:8787`. Port 0 lets the system choose.
    pub(crate) address: Option<String>,
    /// The URL that callers use. Resources are built from it, never from the `Host` header. Default: the address; needed beyond loopback.
    pub(crate) public_url: Option<String>,
    /// The certificate, for https.
    pub(crate) tls: Option<Tls>,
    /// Networks of reverse proxies whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`.
    pub(crate) trusted_proxies: Vec<String>,
    /// Origins of browser clients that may call, such as `https://claude.ai`.
    pub(crate) allowed_origins: Vec<String>,
    /// Host names that callers may use besides those of `public_url` and `address`.
    pub(crate) allowed_hosts: Vec<String>,
}

/// The certificate, for https.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    /// The PEM file of the chain, the server's own certificate first. Paths start at this file's folder.
    pub(crate) certificate: Option<String>,
    /// The PEM file of the private key: a path, or a `file://` reference.
    pub(crate) key: Option<String>,
}

/// The listener of metrics and readiness detail.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Admin {
    /// The address to listen on. It asks for no token. Default: `127.0.0.1:9090`.
    pub(crate) address: Option<String>,
}

/// Who may come in: the tokens of an issuer, or those signed with a shared secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Accept {
    /// The issuer of JWT access tokens, exactly as its tokens say it; its keys are found by discovery.
    pub(crate) issuer: Option<String>,
    /// Values of `aud` to accept besides the server's own URL.
    pub(crate) audiences: Vec<String>,
    /// The servers that the issuer's tokens are good for. Default: all.
    pub(crate) servers: Option<Vec<String>>,
    /// How people sign in at the issuer with a browser, for `/connections`. See docs/guides/connections.md.
    pub(crate) sign_in: Option<SignIn>,
    /// Whether clients may show `X-Client-Id` and `X-Client-Secret` in place of a token: the door gets one from this issuer for them. Default: `false`. See
    /// docs/guides/callers.md.
    pub(crate) client_headers: Option<ClientHeaders>,
    /// How the issuer is asked whether a token is good (RFC 7662), for tokens that are no JWTs or that can be revoked. Default: it is not. See docs/guides/callers.md.
    pub(crate) introspection: Option<Introspection>,
    /// References to secrets of at least 32 bytes for HS256 tokens. The first mints, all verify.
    pub(crate) shared_secret: Option<OneOrMore>,
    /// The one server that the shared secret is good for.
    pub(crate) server: Option<String>,
    /// Tokens of the shared secret that live longer are refused. Default: `24h`.
    pub(crate) max_lifetime: Option<String>,
}

/// The endpoint `/mcp`, at which several servers are one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Merge {
    /// The servers that are part of it. Default: all.
    pub(crate) servers: Option<Vec<String>>,
    /// A name for people.
    pub(crate) title: Option<String>,
}

/// One server behind the door: a `command`, a `url` or a `builtin`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// A program that speaks MCP on its standard input and output, and its arguments.
    pub(crate) command: Option<Vec<String>>,
    /// The MCP endpoint of a Streamable HTTP server, or the event stream of an older one (`transport = "sse"`). `${REFERENCE}` may stand in its path and query, percent-encoded when it is sent.
    pub(crate) url: Option<String>,
    /// How the server at `url` is spoken to. Default: `streamable-http`.
    pub(crate) transport: Option<Transport>,
    /// A server of our own.
    pub(crate) builtin: Option<Builtin>,
    /// The folder that the built-in server shows. Default: this file's folder.
    pub(crate) root: Option<String>,
    /// The program's environment, besides `PATH`, `HOME` and locale; references are resolved when it starts. A reference under `X_VAULT` is the value of `X`, and
    /// `X_OAUTH_TTL` says for how many seconds it is kept.
    pub(crate) env: BTreeMap<String, String>,
    /// Headers that the door adds for the HTTP server, its credential among them.
    pub(crate) headers: BTreeMap<String, String>,
    /// Where the HTTP server's bearer token comes from, if it is not among the headers. See docs/guides/upstream-oauth.md.
    pub(crate) credential: Option<Credential>,
    /// The folder that the program runs in. Default: this file's folder.
    pub(crate) cwd: Option<String>,
    /// What tools, prompts and resources ask for, by pattern (`create_*`, `tool:read`, `resource:file:///*`, `method:logging/setLevel`). `true`: every
    /// caller with a good token; `false`: nobody. Without an entry every caller with a good token may do everything; with one, what no pattern matches is refused.
    pub(crate) scopes: BTreeMap<String, Demand>,
    /// Scopes that a scope includes, such as `admin = ["read", "write"]`.
    pub(crate) implies: BTreeMap<String, OneOrMore>,
    /// Which protocol eras the server speaks. Default: `auto`.
    pub(crate) protocol: Option<Protocol>,
    /// A name for people.
    pub(crate) title: Option<String>,
    /// Where it answers: `/` is the public URL itself, for one server at most. Default: `/mcp/<name>`.
    pub(crate) mount: Option<Mount>,
    /// What a call of a tool is answered whose token lacks scopes. Status 403 and the challenge are always there. Default: `challenge`.
    pub(crate) missing_scope: Option<MissingScope>,
    /// Whether callers may prove, with each request, to have the key that their token is bound to (DPoP, RFC 9449). Default: `accept`.
    pub(crate) dpop: Option<Dpop>,
}

/// Where a server answers, if not at `/mcp/<name>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum Mount {
    /// At the public URL itself.
    #[serde(rename = "/")]
    Root,
}

/// Whether callers may prove to have the key of their token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dpop {
    /// They may; tokens that are bound to no key come as ever.
    Accept,
    /// They may not, and tokens that are bound to a key are refused.
    Off,
    /// They have to: other tokens are refused.
    Require,
}

/// What a call of a tool is answered whose token lacks scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MissingScope {
    /// The challenge, with a JSON-RPC error as its body.
    Challenge,
    /// The challenge, with the failed result of a tool as its body, which names the scopes: for clients that show a body and do not read the challenge.
    ChallengeAndResult,
}

/// How an HTTP server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Transport {
    /// HTTP with SSE, of 2024-11-05, which is deprecated: one long event stream, and a `POST` for each message. Each caller has a stream of their own.
    Sse,
    /// Streamable HTTP, of every later revision.
    StreamableHttp,
}

/// The servers of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Builtin {
    /// Files of one folder, read-only.
    Filesystem,
}

/// Which protocol eras a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    /// Found out by asking, once.
    Auto,
    /// Revisions up to 2025-11-25.
    Legacy,
    /// Revision 2026-07-28 and later.
    Modern,
}

/// What a pattern asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Demand {
    /// `true`: every caller with a good token; `false`: nobody.
    Everybody(bool),
    /// Scopes, separated by spaces; all are needed.
    Text(String),
    /// Scopes; all are needed.
    List(Vec<String>),
}

/// One text, or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    More(Vec<String>),
}

/// Where the door may go by itself: to issuers, for their metadata and their keys.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Outbound {
    /// Inner networks or addresses that the names of issuers may lead to, such as `10.20.0.0/16`, by https only. Default: none, so that an issuer is at a
    /// public address, or at the address that its URL spells out. The metadata service of a cloud opens only if its address stands here by itself.
    pub(crate) allowed_networks: Vec<String>,
}

/// How much and how often. Rates are written `100/min`, with `s`, `min`, `h` or `d`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Calls per address. Default: no limit.
    pub(crate) per_address: Option<String>,
    /// Calls per subject of an issuer, refused ones included. Default: no limit.
    pub(crate) per_subject: Option<String>,
    /// Failed authentications per address. Default: `30/min`.
    pub(crate) failures_per_address: Option<String>,
    /// Requests to the built-in authorization server per address, which many people may share. Default: `600/min`.
    pub(crate) issuer_per_address: Option<String>,
    /// The largest request body, in bytes. Default: 4194304.
    #[schemars(range(min = 1))]
    pub(crate) body_bytes: Option<u32>,
    /// The largest sum of request headers, in bytes. Default: 32768.
    #[schemars(range(min = 1024))]
    pub(crate) header_bytes: Option<u32>,
    /// The largest message of a server that the door has to read whole, in bytes. Default: 16777216.
    #[schemars(range(min = 1024))]
    pub(crate) message_bytes: Option<u32>,
    /// Open connections at once. Default: 4096.
    #[schemars(range(min = 1))]
    pub(crate) connections: Option<u32>,
    /// Calls in flight at once. Default: 1024.
    #[schemars(range(min = 1))]
    pub(crate) calls_in_flight: Option<u32>,
    /// Open event streams per caller. Default: 64.
    #[schemars(range(min = 1))]
    pub(crate) streams_per_caller: Option<u32>,
    /// Child processes per server. Default: 64.
    #[schemars(range(min = 1))]
    pub(crate) children: Option<u32>,
    /// Sessions per caller and server. Default: 64.
    #[schemars(range(min = 1))]
    pub(crate) sessions_per_caller: Option<u32>,
    /// Verified tokens kept in memory. Default: 16384.
    #[schemars(range(min = 1))]
    pub(crate) cached_tokens: Option<u32>,
}

/// How long the door waits. Times are written `30s`, with `ms`, `s`, `min`, `h` or `d`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Timeouts {
    /// For a request's headers. Default: `10s`.
    pub(crate) request_headers: Option<String>,
    /// For a request's body. Default: `30s`.
    pub(crate) request_body: Option<String>,
    /// For a connection to a server. Default: `5s`.
    pub(crate) connect: Option<String>,
    /// For the first byte of a server's answer. Default: `5min`.
    pub(crate) call: Option<String>,
    /// For a server to say which era it speaks. Default: `5s`.
    pub(crate) probe: Option<String>,
    /// Before an idle child process or connection is closed. Default: `5min`.
    pub(crate) idle: Option<String>,
    /// For calls in flight when the door shuts down. Default: `30s`.
    pub(crate) drain: Option<String>,
    /// For a person's answer to what a server of the other era of MCP asks in the middle of a call. Default: `10min`.
    pub(crate) question: Option<String>,
}

/// The record of calls.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Audit {
    /// The file; paths start at the state folder. Default: `audit/mcp_calls.jsonl`.
    pub(crate) file: Option<String>,
    /// How many days old records are kept. Default: 90.
    #[schemars(range(min = 1, max = 3650))]
    pub(crate) retention_days: Option<u32>,
    /// A new file is begun when one has reached this size, in bytes. Default: 67108864.
    #[schemars(range(min = 65536))]
    pub(crate) rotate_bytes: Option<u32>,
    /// What happens to a call that cannot be recorded. Default: `serve`.
    pub(crate) on_failure: Option<OnFailure>,
}

/// Where the door keeps what must outlive it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Store {
    /// A Redis or Valkey server that replicas share, such as `redis://127.0.0.1:6379`, or `rediss://` for TLS. A password in it is a reference, or the whole is one. Default: a file in the state folder.
    pub(crate) url: Option<String>,
    /// What every key on that server begins with: the same for doors that share. Default: `claviger:`.
    pub(crate) prefix: Option<String>,
}

/// What happens to a call that cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnFailure {
    /// It is refused with 503.
    Refuse,
    /// It is served, and `/ready` fails.
    Serve,
}

impl OneOrMore {
    /// All of them, in their order.
    pub(crate) fn all(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::More(texts) => texts,
        }
    }
}
