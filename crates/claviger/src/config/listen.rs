//! Where does the door listen, and is that safe? Addresses, names, certificates and the rules of the environment.

use std::net::{IpAddr, SocketAddr};
use std::path::Path as FilePath;

use gateway::config::{Listen, Tls, is_loopback};
use ipnet::IpNet;
use url::Url;

use super::env::{DEV_BYPASS, Surroundings};
use super::fault::{Fault, Faults};
use super::file;
use super::judge::Judge;
use super::networks::networks;
use super::server::is_local;
use super::tree::{Node, Path};
use crate::cli::ServeArguments;

/// The name of the environment that the door runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EnvironmentName(String);

impl EnvironmentName {
    /// Lowercase letters, digits, `-` and `_`, at most 64: it becomes part of a file name.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidEnvironmentName> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        if text.is_empty() || text.len() > 64 || !text.bytes().all(allowed) {
            return Err(InvalidEnvironmentName::Characters);
        }
        // `producton` would be a fine name, and would lose every rule of production.
        match super::fault::closest(text, WELL_KNOWN.into_iter()) {
            Some(meant) if meant != text => Err(InvalidEnvironmentName::Misspelt { meant }),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The name itself.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether only this machine may reach the door.
    pub(crate) fn is_development(&self) -> bool {
        self.0 == DEVELOPMENT
    }

    /// Whether people depend on it.
    pub(crate) fn is_production(&self) -> bool {
        matches!(self.0.as_str(), "production" | "prod")
    }
}

impl Default for EnvironmentName {
    fn default() -> Self {
        Self(DEVELOPMENT.to_owned())
    }
}

/// Why a text names no environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidEnvironmentName {
    /// Not 1 to 64 of the allowed characters.
    #[error("an environment's name is 1 to 64 of the characters a-z 0-9 _ -")]
    Characters,
    /// Nearly a name that has rules of its own.
    #[error("did you mean `{meant}`?")]
    Misspelt {
        /// That name.
        meant: &'static str,
    },
}

/// Both listeners.
pub(crate) struct Listeners {
    /// The door's.
    pub(crate) door: Listen,
    /// That of metrics and readiness detail.
    pub(crate) admin: Option<SocketAddr>,
}

impl Listeners {
    /// Whether nobody but people at this machine can reach the door, not even by way of a proxy.
    pub(crate) fn are_loopback(&self) -> bool {
        let Listen { address, public_url, trusted_proxies, allowed_hosts, .. } = &self.door;
        let is_reached = public_url.as_ref().is_some_and(|url| !is_local(url)) || !trusted_proxies.is_empty() || !allowed_hosts.is_empty();
        is_loopback(address.ip()) && !is_reached
    }
}

/// Reads both listeners; flags go before the file. `None` when something about them is wrong.
pub(crate) fn build(
    listen: &file::Listen,
    admin: Option<&file::Admin>,
    arguments: &ServeArguments,
    place: &Place<'_>,
    environment: &EnvironmentName,
    faults: &mut Faults,
) -> Option<Listeners> {
    let mut builder = Builder { listen, arguments, folder: place.folder, judge: Judge::new(place.root, faults) };
    let address = builder.address();
    let public_url = builder.public_url();
    let trusted_proxies = builder.trusted_proxies();
    let tls = builder.tls();
    let allowed_origins = builder.allowed_origins();
    let allowed_hosts = builder.allowed_hosts();
    let admin = builder.admin(admin);
    let door = Listen {
        address: address?,
        public_url: public_url.ok()?,
        allowed_hosts: allowed_hosts?,
        allowed_origins: allowed_origins?,
        trusted_proxies: trusted_proxies?,
        tls: tls.ok()?,
    };
    let admin = admin.ok()?;
    builder.is_safe(&door, admin, environment).then_some(Listeners { door, admin })
}

/// Where the settings were read.
#[derive(Clone, Copy)]
pub(crate) struct Place<'p> {
    /// The tree; `None`: there was no file.
    pub(crate) root: Option<&'p Node>,
    /// Where relative paths start.
    pub(crate) folder: &'p FilePath,
}

/// Whether the development bypass is asked for and allowed (A6): every listener on loopback, nothing in front, not in production.
pub(crate) fn bypass(around: &Surroundings, listeners: Option<&Listeners>, environment: &EnvironmentName, faults: &mut Faults) -> bool {
    let name = DEV_BYPASS.name;
    match around.value(DEV_BYPASS) {
        None | Some("0" | "false" | "off") => return false,
        Some("1" | "true" | "on") => {}
        Some(_) => {
            faults.push(Fault::outside(format!("`{name}` must be `1` or `0`")));
            return false;
        }
    }
    let Some(Listeners { door, admin }) = listeners else { return false };
    let mut refuse = |why: String| {
        faults.push(Fault::outside(format!("`{name}` lets everybody in without a token, and {why}")).hint(format!("unset `{name}`")));
    };
    if environment.is_production() {
        refuse(format!("the environment is `{}`", environment.as_str()));
    }
    for address in [Some(door.address), *admin].into_iter().flatten().filter(|address| !is_loopback(address.ip())) {
        refuse(format!("`{address}` can be reached from other machines"));
    }
    if !door.trusted_proxies.is_empty() {
        refuse("`listen.trusted_proxies` says that other machines come through a proxy".to_owned());
    }
    if let Some(url) = door.public_url.as_ref().filter(|url| !is_local(url)) {
        refuse(format!("`{url}` is not on this machine"));
    }
    true
}

/// Something is wrong, and a fault says what.
struct Blamed;

struct Builder<'b> {
    listen: &'b file::Listen,
    arguments: &'b ServeArguments,
    folder: &'b FilePath,
    judge: Judge<'b>,
}

impl Builder<'_> {
    fn address(&mut self) -> Option<SocketAddr> {
        match (self.arguments.listen, &self.listen.address) {
            (Some(flag), _) => Some(flag),
            (None, Some(text)) => self.socket_address(&at("address"), text),
            (None, None) => Some(DEFAULT_ADDRESS),
        }
    }

    fn admin(&mut self, admin: Option<&file::Admin>) -> Result<Option<SocketAddr>, Blamed> {
        match (self.arguments.admin_listen, admin) {
            (Some(flag), _) => Ok(Some(flag)),
            (None, Some(file::Admin { address: Some(text) })) => {
                self.socket_address(&Path::default().key("admin").key("address"), text).map(Some).ok_or(Blamed)
            }
            (None, Some(file::Admin { address: None })) => Ok(Some(DEFAULT_ADMIN_ADDRESS)),
            (None, None) => Ok(None),
        }
    }

    fn socket_address(&mut self, path: &Path, text: &str) -> Option<SocketAddr> {
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.judge.blame_with_hint(path, "an IP address and a port are expected", "write for example `127.0.0.1:8787` or `[::1]:8787`");
        }
        parsed
    }

    fn public_url(&mut self) -> Result<Option<Url>, Blamed> {
        let (path, url) = match (&self.arguments.public_url, &self.listen.public_url) {
            (Some(flag), _) => (Path::default().key("--public-url"), flag.clone()),
            (None, Some(text)) => (at("public_url"), self.judge.accept(&at("public_url"), Url::parse(text)).ok_or(Blamed)?),
            (None, None) => return Ok(None),
        };
        let what = if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            "an https URL is expected"
        } else if url.scheme() == "http" && !is_local(&url) {
            "callers send tokens there, so it must be `https://`"
        } else if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            "it holds no query, no fragment and no user name"
        } else {
            return Ok(Some(without_trailing_slash(url)));
        };
        self.judge.blame(&path, what);
        Err(Blamed)
    }

    fn trusted_proxies(&mut self) -> Option<Vec<IpNet>> {
        let everything = "this is every address there is: anybody could forge where a call comes from";
        networks(&at("trusted_proxies"), &self.listen.trusted_proxies, everything, &mut self.judge)
    }

    fn tls(&mut self) -> Result<Option<Tls>, Blamed> {
        let Some(tls) = &self.listen.tls else { return Ok(None) };
        let certificate = self.pem_file("certificate", tls.certificate.as_deref());
        let key = self.pem_file("key", tls.key.as_deref());
        Ok(Some(Tls { certificate: certificate.ok_or(Blamed)?, key: key.ok_or(Blamed)? }))
    }

    fn pem_file(&mut self, key: &str, text: Option<&str>) -> Option<std::path::PathBuf> {
        let path = at("tls").key(key);
        let Some(text) = text else {
            self.judge.blame(&at("tls"), format!("`{key}` is missing"));
            return None;
        };
        if text.contains("-----BEGIN") {
            self.judge.blame_secret(&path, "this is the PEM text itself", "put it into a file and write the file's path");
            return None;
        }
        if !text.starts_with("file://") && text.contains("://") {
            self.judge.blame(&path, "a path or a `file://` reference is expected; other references are not built in yet");
            return None;
        }
        let file = self.folder.join(text.strip_prefix("file://").unwrap_or(text));
        if file.is_file() {
            return Some(file);
        }
        self.judge.blame(&path, format!("there is no file `{}`", file.display()));
        None
    }

    fn allowed_origins(&mut self) -> Option<Vec<String>> {
        let mut origins = Vec::new();
        for (index, text) in self.listen.allowed_origins.iter().enumerate() {
            origins.push(self.origin(&at("allowed_origins").index(index), text));
        }
        for text in &self.arguments.allow_origins {
            origins.push(self.origin(&Path::default().key("--allow-origin"), text));
        }
        origins.into_iter().collect()
    }

    /// An origin exactly as browsers send it: scheme, host, port unless it is the scheme's own (RFC 6454 §6.2).
    fn origin(&mut self, path: &Path, text: &str) -> Option<String> {
        let origin = Url::parse(text).ok().filter(|url| url.host().is_some()).map(|url| url.origin().ascii_serialization());
        match origin {
            Some(origin) if origin == text => Some(origin),
            Some(origin) if origin != "null" => {
                self.judge.blame_with_hint(path, "browsers send an origin without a path and in lower case", format!("write `{origin}`"));
                None
            }
            _ => {
                self.judge.blame(path, "an origin such as `https://claude.ai` is expected");
                None
            }
        }
    }

    fn allowed_hosts(&mut self) -> Option<Vec<String>> {
        let hosts: Vec<_> = self.listen.allowed_hosts.iter().enumerate().map(|(index, text)| self.host(index, text)).collect();
        hosts.into_iter().collect()
    }

    fn host(&mut self, index: usize, text: &str) -> Option<String> {
        let is_host = text.parse::<http::uri::Authority>().is_ok_and(|authority| !authority.host().is_empty() && !text.contains('@'));
        if is_host && !text.contains('*') {
            return Some(text.to_ascii_lowercase());
        }
        self.judge.blame(&at("allowed_hosts").index(index), "a host name is expected, with a port where there is one");
        None
    }

    /// Plain http on loopback or behind a declared proxy only (G6), and nothing but loopback in development.
    fn is_safe(&mut self, door: &Listen, admin: Option<SocketAddr>, environment: &EnvironmentName) -> bool {
        let address = if self.arguments.listen.is_some() { Path::default().key("--listen") } else { at("address") };
        let mut safe = true;
        if environment.is_development() {
            let admin = admin.filter(|admin| !is_loopback(admin.ip()));
            let open = (!is_loopback(door.address.ip())).then_some((&address, door.address));
            let admin_path = if self.arguments.admin_listen.is_some() {
                Path::default().key("--admin-listen")
            } else {
                Path::default().key("admin").key("address")
            };
            for (path, address) in open.into_iter().chain(admin.map(|admin| (&admin_path, admin))) {
                let what = format!("`{address}` can be reached from other machines, and the environment is `{DEVELOPMENT}`");
                self.judge.blame_with_hint(path, what, "write `environment = \"production\"`, or say `--env production`");
                safe = false;
            }
        }
        if is_loopback(door.address.ip()) {
            return safe;
        }
        if door.tls.is_none() && door.trusted_proxies.is_empty() {
            let hint = "write `listen.tls` with a certificate and a key, or `listen.trusted_proxies` when a reverse proxy does it";
            self.judge.blame_with_hint(
                &address,
                "tokens would cross the network in the clear: there is neither a certificate nor a trusted proxy",
                hint,
            );
            safe = false;
        }
        if door.public_url.is_none() {
            let hint = "write `listen.public_url = \"https://mcp.example.com\"`, or say `--public-url`";
            self.judge.blame_with_hint(&address, "beyond loopback the door must know the URL that callers use", hint);
            safe = false;
        }
        safe
    }
}

fn at(key: &str) -> Path {
    Path::default().key("listen").key(key)
}

fn without_trailing_slash(mut url: Url) -> Url {
    let trimmed = url.path().trim_end_matches('/').to_owned();
    url.set_path(&trimmed);
    url
}

const DEVELOPMENT: &str = "development";
const WELL_KNOWN: [&str; 2] = [DEVELOPMENT, "production"];
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8787);
const DEFAULT_ADMIN_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9090);

#[cfg(test)]
mod tests;
