//! May we call this URL, and this address? The guard against forged requests to inner networks (SSRF).
//!
//! A URL that somebody else wrote must be https, spelled plainly, and lead to a public address. The operator may
//! add loopback and networks of his own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderValue, Uri};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use thiserror::Error;
use url::{Host, Url};

use crate::address::{AddressClass, carried_v4};

/// What may be called. The default is the strictest: https and public addresses only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// Admits 127.0.0.0/8 and ::1, and plain http to them.
    pub allow_loopback: bool,
    /// Networks that the operator named as his own. A network wider than one address does not open a cloud metadata
    /// service.
    pub allowed: Vec<IpNet>,
    /// Addresses that speak plain http only, and are admitted by their literal with it: a cloud's metadata services.
    pub plain: Vec<IpAddr>,
}

impl Guard {
    /// The guard for calls to what the operator himself wrote: strict, but where the URL names this machine or a
    /// special address by its literal, that one is admitted. Apply it to what the server behind `url` sends us on to.
    pub fn for_operator(url: &str) -> Self {
        let mut guard = Self::default();
        match Url::parse(url).ok().as_ref().and_then(Url::host) {
            Some(Host::Domain(name)) => guard.allow_loopback = is_local_name(name),
            Some(Host::Ipv4(address)) => guard.admit_literal(address.into()),
            Some(Host::Ipv6(address)) => guard.admit_literal(address.into()),
            None => {}
        }
        guard
    }

    /// The guard for servers whose address the operator wrote and that send us nowhere else, such as a vault: any address, but plain http to this machine
    /// only, and cloud metadata services never.
    pub fn for_own_servers() -> Self {
        Self { allow_loopback: true, allowed: EVERYWHERE.to_vec(), plain: Vec::new() }
    }

    /// The guard for calls to a cloud: as for our own servers, and the metadata services that give this machine its identity, by their literal addresses.
    pub fn for_cloud() -> Self {
        let guard = Self::for_own_servers().with_networks(IDENTITY_SERVICES.map(IpNet::from));
        Self { plain: IDENTITY_SERVICES.to_vec(), ..guard }
    }

    /// This guard with more networks of the operator's own.
    #[must_use]
    pub fn with_networks(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.allowed.extend(networks);
        self
    }

    /// Reads `url` and admits or refuses it before anything is resolved. At most 2048 bytes.
    pub fn admit(&self, url: &str) -> Result<Target, Blocked> {
        if url.len() > MAX_URL_BYTES {
            return Err(Blocked::TooLong);
        }
        // The URL standard drops tabs and newlines and reads a backslash as a slash; another reader may not.
        if url.contains(|letter: char| letter.is_control() || letter.is_whitespace() || letter == '\\') {
            return Err(Blocked::OddSpelling);
        }
        let url = Url::parse(url).map_err(|_| Blocked::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Blocked::Userinfo);
        }
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(Blocked::NotHttps),
        };
        let host = url.host().ok_or(Blocked::NotAUrl)?.to_owned();
        let port = url.port_or_known_default().ok_or(Blocked::NotAUrl)?;
        self.admit_host(&host, secure)?;
        let origin_form = origin_form(&url).ok_or(Blocked::OddSpelling)?;
        let authority = authority(&url).ok_or(Blocked::NotAUrl)?;
        Ok(Target { url, host, port, secure, origin_form, authority })
    }

    /// Whether a connection to `address` is permitted. Asked for literals and for every answer of the resolver.
    pub fn permits(&self, address: IpAddr) -> Result<(), Blocked> {
        let class = AddressClass::of(address);
        let permitted = match class {
            AddressClass::Public => true,
            AddressClass::Loopback => self.allow_loopback || self.names_network_of(address),
            AddressClass::CloudMetadata => self.names_exactly(address),
            AddressClass::Translated => self.names_network_of(address) && self.permits_carried(address),
            _ => self.names_network_of(address),
        };
        if permitted { Ok(()) } else { Err(Blocked::Address { address, class }) }
    }

    fn admit_host(&self, host: &Host<String>, secure: bool) -> Result<(), Blocked> {
        match host {
            Host::Domain(name) if name.ends_with('.') => Err(Blocked::OddSpelling),
            Host::Domain(name) if !secure => {
                if self.allow_loopback && is_local_name(name) {
                    Ok(())
                } else {
                    Err(Blocked::NotHttps)
                }
            }
            Host::Domain(_) => Ok(()),
            Host::Ipv4(address) => self.admit_address((*address).into(), secure),
            Host::Ipv6(address) => self.admit_address((*address).into(), secure),
        }
    }

    fn admit_address(&self, address: IpAddr, secure: bool) -> Result<(), Blocked> {
        self.permits(address)?;
        if secure || self.permits_plain(address) { Ok(()) } else { Err(Blocked::NotHttps) }
    }

    /// Whether nobody can listen in on the way to `address`, or there is no other way.
    pub(crate) fn permits_plain(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.plain.contains(&address)
    }

    fn admit_literal(&mut self, address: IpAddr) {
        match AddressClass::of(address) {
            AddressClass::Public => {}
            AddressClass::Loopback => self.allow_loopback = true,
            _ => self.allowed.push(address.into()),
        }
    }

    /// A translator unwraps the address, so the address inside must be permitted as well.
    fn permits_carried(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(_) => false,
            IpAddr::V6(address) => carried_v4(address).is_none_or(|carried| self.permits(carried.into()).is_ok()),
        }
    }

    fn names_network_of(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.contains(&address))
    }

    fn names_exactly(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.prefix_len() == network.max_prefix_len() && network.addr() == address)
    }
}

/// A URL that a guard has admitted. Only [`Guard::admit`] makes one; a dialer demands it, so no URL is called unread.
#[derive(Clone, Debug)]
pub struct Target {
    url: Url,
    host: Host<String>,
    port: u16,
    secure: bool,
    origin_form: Uri,
    authority: HeaderValue,
}

impl Target {
    /// The URL as we read it: the one reading that is also used to call.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Name or address.
    pub fn host(&self) -> &Host<String> {
        &self.host
    }

    /// The port written, or the default of the scheme.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection uses TLS. Without it only loopback and the guard's plain addresses are dialled.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Path and query, as the request line of HTTP/1.1 wants it (RFC 9112 §3.2.1).
    pub fn origin_form(&self) -> &Uri {
        &self.origin_form
    }

    /// Host, and port where it is not the default: the value of the `Host` header.
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }
}

/// Why a URL or an address was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Blocked {
    /// The address is not public, and the operator did not name its network.
    #[error("{address} is {class}")]
    Address {
        /// The address that was about to be called.
        address: IpAddr,
        /// Its kind.
        class: AddressClass,
    },
    /// No URL, or one without a host.
    #[error("it is not a URL with a host")]
    NotAUrl,
    /// Neither https, nor http to an admitted loopback or plain address.
    #[error("it is not https")]
    NotHttps,
    /// White space, control characters, a backslash, or a host that ends in a dot: read differently by different
    /// readers.
    #[error("it is spelled in a way that readers differ on")]
    OddSpelling,
    /// Longer than 2048 bytes.
    #[error("it is longer than {MAX_URL_BYTES} bytes")]
    TooLong,
    /// A user name or password in it.
    #[error("it carries a user name or password")]
    Userinfo,
}

/// RFC 6761 §6.3: `localhost` and names below it mean this machine. What they resolve to is still checked.
fn is_local_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

fn origin_form(url: &Url) -> Option<Uri> {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()).parse().ok(),
        None => url.path().parse().ok(),
    }
}

fn authority(url: &Url) -> Option<HeaderValue> {
    let host = url.host_str()?;
    match url.port() {
        Some(port) => HeaderValue::from_str(&format!("{host}:{port}")).ok(),
        None => HeaderValue::from_str(host).ok(),
    }
}

const EVERYWHERE: [IpNet; 2] =
    [IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)), IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0))];
/// Metadata services that a cloud's own library asks for the identity of this machine or pod: AWS, Azure and Google at the first; ECS; EKS; and AWS over IPv6.
const IDENTITY_SERVICES: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0023)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)),
];
const MAX_URL_BYTES: usize = 2048;

#[cfg(test)]
mod tests;
