//! How does a connection come about? One name lookup, every answer checked, and the checked address is the one connected to.
//!
//! Because the name is not looked up a second time, a name server that answers differently later (DNS rebinding) gains nothing.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::{DnsName, ServerName};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Host;

use crate::failure::{Failure, SafeUrl};
use crate::guard::{Blocked, Guard, Target};

/// A connection ready for hyper, with or without TLS.
pub type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// What a lookup promises.
pub type ResolveFuture<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Turns a host name into addresses.
pub trait Resolve: Send + Sync {
    /// All addresses of `name`, best first.
    fn resolve<'a>(&'a self, name: &'a str) -> ResolveFuture<'a>;
}

/// The system's own resolver: hosts file, DNS and whatever else it is set up with.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> ResolveFuture<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Makes guarded connections. Cheap to clone.
#[derive(Clone)]
pub struct Dialer {
    guard: Arc<Guard>,
    resolver: Arc<dyn Resolve>,
    tls: Arc<ClientConfig>,
}

impl Dialer {
    /// A dialer that obeys `guard`. The ALPN list of `tls` says which protocols the connection will carry.
    pub fn new(guard: Guard, resolver: Arc<dyn Resolve>, tls: Arc<ClientConfig>) -> Self {
        Self { guard: Arc::new(guard), resolver, tls }
    }

    /// The same resolver and TLS settings under another guard.
    #[must_use]
    pub fn with_guard(&self, guard: Guard) -> Self {
        Self { guard: Arc::new(guard), resolver: Arc::clone(&self.resolver), tls: Arc::clone(&self.tls) }
    }

    /// The same guard and TLS settings with another way to look names up.
    #[must_use]
    pub fn with_resolver(&self, resolver: Arc<dyn Resolve>) -> Self {
        Self { guard: Arc::clone(&self.guard), resolver, tls: Arc::clone(&self.tls) }
    }

    /// The guard that every call obeys.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Connects to `target`. Tries its addresses in turn, at most two seconds each while others are left; put a time-out of your own
    /// around the whole.
    pub async fn dial(&self, target: &Target) -> Result<Stream, Failure> {
        let url = SafeUrl::of_url(target.url());
        let addresses = self.permitted_addresses(target, &url).await?;
        let tcp = connect(&addresses).await.map_err(|source| Failure::Connect { url: url.clone(), source })?;
        if !target.is_secure() {
            return Ok(MaybeHttpsStream::Http(TokioIo::new(tcp)));
        }
        let name = server_name(target.host()).map_err(|source| Failure::Tls { url: url.clone(), source })?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let session = connector.connect(name, TokioIo::new(TokioIo::new(tcp))).await.map_err(|source| Failure::Tls { url, source })?;
        Ok(MaybeHttpsStream::Https(TokioIo::new(session)))
    }

    /// One refused answer refuses the name: an honest name does not lead to a public place and an inner one at once.
    async fn permitted_addresses(&self, target: &Target, url: &SafeUrl) -> Result<Vec<SocketAddr>, Failure> {
        let addresses = match target.host() {
            Host::Domain(name) => self.resolver.resolve(name).await.map_err(|source| Failure::Resolve { url: url.clone(), source })?,
            Host::Ipv4(address) => vec![IpAddr::from(*address)],
            Host::Ipv6(address) => vec![IpAddr::from(*address)],
        };
        if addresses.is_empty() {
            return Err(Failure::Resolve { url: url.clone(), source: io::ErrorKind::NotFound.into() });
        }
        let blocked = |reason| Failure::Blocked { url: url.clone(), reason };
        for address in &addresses {
            self.guard.permits(*address).map_err(blocked)?;
            // `localhost` was admitted without TLS by its name; that it means this machine is known only here.
            if !target.is_secure() && !self.guard.permits_plain(*address) {
                return Err(blocked(Blocked::NotHttps));
            }
        }
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, target.port())).collect())
    }
}

async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last_error = io::Error::from(io::ErrorKind::NotFound);
    for (position, address) in addresses.iter().enumerate() {
        let attempt = TcpStream::connect(address);
        let is_last = position + 1 == addresses.len();
        let outcome = if is_last { attempt.await } else { timeout(ATTEMPT_LIMIT, attempt).await.unwrap_or_else(|late| Err(late.into())) };
        match outcome {
            Ok(tcp) => {
                // Small requests and answers: waiting for a full segment only costs time.
                tcp.set_nodelay(true)?;
                return Ok(tcp);
            }
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

fn server_name(host: &Host<String>) -> io::Result<ServerName<'static>> {
    Ok(match host {
        Host::Domain(name) => ServerName::DnsName(DnsName::try_from(name.clone()).map_err(io::Error::other)?),
        Host::Ipv4(address) => ServerName::IpAddress((*address).into()),
        Host::Ipv6(address) => ServerName::IpAddress((*address).into()),
    })
}

/// A dead first address (a black hole over IPv6, say) must not eat the whole time of a call.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(2);
