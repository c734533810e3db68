//! How does a client that cannot send tokens pass the door? A proxy that adds one to each request.
//!
//! Everything else goes through as it is, both ways and at once. Host and Origin stay the client's own, so that
//! the door still sees (and refuses) a rebound name.

use std::{convert::Infallible, path::PathBuf, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{Either, Full};
use hyper::{body::Incoming, client, server, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// Where the token comes from.
pub enum TokenSource {
    /// The first line of this file, read again for every request.
    File(PathBuf),
    /// This one.
    Fixed(String),
}

/// Where requests go, and with which token.
pub struct TokenProxy {
    authority: String,
    token: TokenSource,
}

impl TokenProxy {
    /// A proxy to the host and port of `to`; `None` when `to` is not an `http://` URL.
    pub fn new(to: &Uri, token: TokenSource) -> Option<Self> {
        let authority = to.authority().filter(|_| to.scheme_str() == Some("http"))?;
        let port = authority.port_u16().unwrap_or(80);
        Some(Self { authority: format!("{}:{port}", authority.host()), token })
    }

    /// Serves until the listener fails.
    ///
    /// # Errors
    ///
    /// When the listener cannot accept any more.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        let proxy = Arc::new(self);
        loop {
            let (stream, _) = listener.accept().await?;
            let _ = stream.set_nodelay(true);
            let proxy = Arc::clone(&proxy);
            tokio::spawn(async move {
                let pass_on = service_fn(|request| pass_on(Arc::clone(&proxy), request));
                // A caller that hangs up in the middle is no fault.
                let _ = server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), pass_on).await;
            });
        }
    }

    async fn forward(&self, mut request: Request<Incoming>) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
        let authorization = HeaderValue::from_str(&format!("Bearer {}", self.token.read().await?))?;
        strip_hop_by_hop(request.headers_mut());
        request.headers_mut().insert(header::AUTHORIZATION, authorization);
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse()?;
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // One connection per request: when the client leaves, the door sees it leave.
        tokio::spawn(connection);
        let mut response = sender.send_request(request).await?;
        strip_hop_by_hop(response.headers_mut());
        Ok(response)
    }
}

impl TokenSource {
    async fn read(&self) -> std::io::Result<String> {
        match self {
            Self::File(path) => {
                let text = tokio::fs::read_to_string(path).await?;
                Ok(text.lines().next().unwrap_or_default().trim().to_owned())
            }
            Self::Fixed(token) => Ok(token.clone()),
        }
    }
}

type Passed = Response<Either<Incoming, Full<Bytes>>>;

async fn pass_on(proxy: Arc<TokenProxy>, request: Request<Incoming>) -> Result<Passed, Infallible> {
    match proxy.forward(request).await {
        Ok(response) => Ok(response.map(Either::Left)),
        Err(error) => {
            let body = Full::new(Bytes::from(format!("token-proxy: {error}\n")));
            let mut response = Response::new(Either::Right(body));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            Ok(response)
        }
    }
}

/// Takes away what concerns one connection only (RFC 9110 §7.6.1).
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let fixed = [header::CONNECTION, header::TE, header::TRAILER, header::TRANSFER_ENCODING, header::UPGRADE];
    for name in named.into_iter().chain(fixed) {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_can_be_proxied() {
        let token = || TokenSource::Fixed("t".into());
        assert!(TokenProxy::new(&"https://127.0.0.1/mcp".parse().unwrap(), token()).is_none());
        assert!(TokenProxy::new(&"/mcp".parse().unwrap(), token()).is_none());
        let proxy = TokenProxy::new(&"http://localhost/mcp/x".parse().unwrap(), token()).unwrap();
        assert_eq!(proxy.authority, "localhost:80");
    }

    #[test]
    fn headers_of_the_connection_go_no_further() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive, x-private"));
        headers.insert("x-private", HeaderValue::from_static("1"));
        headers.insert(header::HOST, HeaderValue::from_static("evil.example"));
        headers.insert(header::ORIGIN, HeaderValue::from_static("http://evil.example"));
        strip_hop_by_hop(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["host", "origin"]);
    }
}
