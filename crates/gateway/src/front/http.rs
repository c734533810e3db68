//! The public listener: HTTP/1.1 and HTTP/2, plain or TLS, with the caps that come before any request is understood.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::config::{Limits, Listen, Timeouts, Tls};
use crate::door::Door;
use crate::routes;

/// A bound listener that does not answer yet.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    acceptor: Arc<Certificate>,
}

/// Why the door cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}")]
    Address {
        /// The configured address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Certificate and key do not make a TLS listener.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file cannot be read.
    #[error("cannot read `{}` as PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// Chain and key do not belong together, or are of no kind that TLS knows.
    #[error("the certificate and its key cannot be used together")]
    Pair(#[source] rustls::Error),
}

/// The listener's certificate, exchanged on reload; empty for plain http.
#[derive(Default)]
pub struct Certificate(ArcSwapOption<rustls::ServerConfig>);

impl Certificate {
    /// Reads the files anew; connections that are open keep what they have.
    pub fn load(&self, tls: Option<&Tls>) -> Result<(), TlsError> {
        self.0.store(tls.map(read_tls).transpose()?.map(Arc::new));
        Ok(())
    }
}

/// Binds, and reads the certificate.
pub async fn bind(listen: &Listen) -> Result<Bound, BindError> {
    let acceptor = Arc::new(Certificate::default());
    acceptor.load(listen.tls.as_ref())?;
    let failed = |source| BindError::Address { address: listen.address, source };
    let listener = TcpListener::bind(listen.address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Bound { listener, address, acceptor })
}

impl Bound {
    /// The address that was bound; with port 0 configured, the one that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate, for reloads.
    pub fn certificate(&self) -> Arc<Certificate> {
        Arc::clone(&self.acceptor)
    }

    /// Serves until the door drains, then waits until it has closed.
    pub async fn serve(self, door: Arc<Door>) {
        // The last answers are flushed before the door counts as drained.
        let _serving = door.tasks.token();
        let (limits, timeouts) = {
            let table = door.table.load();
            (table.config.limits.clone(), table.config.timeouts.clone())
        };
        let server = Arc::new(connection_settings(&limits, &timeouts));
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(limits.connections.get() as usize));
        loop {
            let (stream, peer) = tokio::select! {
                () = door.draining.cancelled() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of file descriptors, as a rule: a pause lets others finish.
                        tracing::warn!(target: "door", %error, "a connection could not be accepted");
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                tracing::warn!(target: "door", "too many connections; one was refused");
                continue;
            };
            let connection = Connection { door: Arc::clone(&door), server: Arc::clone(&server), peer };
            let tls = self.acceptor.0.load_full();
            let watcher = graceful.watcher();
            tokio::spawn(async move {
                connection.run(stream, tls, watcher, timeouts_of_handshake()).await;
                drop(place);
            });
        }
        tokio::select! {
            () = graceful.shutdown() => {}
            () = door.closing.cancelled() => {}
        }
    }
}

struct Connection {
    door: Arc<Door>,
    server: Arc<auto::Builder<TokioExecutor>>,
    peer: SocketAddr,
}

impl Connection {
    async fn run(
        self,
        stream: TcpStream,
        tls: Option<Arc<rustls::ServerConfig>>,
        watcher: hyper_util::server::graceful::Watcher,
        patience: Duration,
    ) {
        self.door.metrics.connections.inc();
        // Without it small answers wait for the peer's acknowledgement; if it cannot be had, they are only slower.
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.serve(TokioIo::new(stream), watcher).await,
            Some(config) => match tokio::time::timeout(patience, TlsAcceptor::from(config).accept(stream)).await {
                Ok(Ok(stream)) => self.serve(TokioIo::new(stream), watcher).await,
                Ok(Err(error)) => tracing::debug!(target: "door", %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(target: "door", "a TLS handshake took too long"),
            },
        }
        self.door.metrics.connections.dec();
    }

    async fn serve<S>(&self, stream: S, watcher: hyper_util::server::graceful::Watcher)
    where
        S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let peer = self.peer;
        let service = service_fn(|request| {
            let door = Arc::clone(&self.door);
            async move { Ok::<_, Infallible>(routes::answer(&door, request, peer).await) }
        });
        let connection = watcher.watch(self.server.serve_connection(stream, service));
        tokio::select! {
            outcome = connection => if let Err(error) = outcome {
                tracing::debug!(target: "door", error = %error, "a connection ended early");
            },
            () = self.door.closing.cancelled() => {}
        }
    }
}

fn connection_settings(limits: &Limits, timeouts: &Timeouts) -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.request_headers)
        .max_buf_size(limits.header_bytes.next_power_of_two().clamp(16 * 1024, 1024 * 1024) * 2)
        .half_close(false)
        // Head and body in one piece: for most answers, to copy them costs less than to write from two places.
        .writev(false);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits.header_bytes.try_into().unwrap_or(u32::MAX))
        .max_concurrent_streams(256)
        .keep_alive_interval(Some(Duration::from_secs(30)));
    server
}

fn timeouts_of_handshake() -> Duration {
    Duration::from_secs(10)
}

fn read_tls(tls: &Tls) -> Result<rustls::ServerConfig, TlsError> {
    let pem = |path: &PathBuf| {
        let path = path.clone();
        move |source| TlsError::Pem { path, source }
    };
    let chain =
        CertificateDer::pem_file_iter(&tls.certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(pem(&tls.certificate))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(pem(&tls.key))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(TlsError::Pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

const PAUSE: Duration = Duration::from_millis(50);
