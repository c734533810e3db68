//! Does this request mean us? Host and Origin are checked at our own edge (DNS rebinding; protocol.md fact 12).

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Uri};
use url::Url;

use crate::config::{Listen, is_loopback};
use crate::refusal::Refusal;

/// The hosts and origins of one configuration.
#[derive(Debug)]
pub(crate) struct HostGuard {
    hosts: Vec<String>,
    origins: Vec<String>,
    loopback: bool,
}

impl HostGuard {
    pub(crate) fn new(listen: &Listen, public_url: &str) -> Self {
        let mut hosts: Vec<String> = listen.allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        if let Some(host) = Url::parse(public_url).ok().as_ref().and_then(Url::host_str) {
            hosts.push(host.to_ascii_lowercase());
        }
        let loopback = is_loopback(listen.address.ip());
        if loopback {
            hosts.extend(LOOPBACK_HOSTS.map(str::to_owned));
        } else if !listen.address.ip().is_unspecified() {
            hosts.push(bracketed(listen.address.ip()));
        }
        let origins = listen
            .allowed_origins
            .iter()
            .cloned()
            .chain(Url::parse(public_url).ok().map(|url| url.origin().ascii_serialization()))
            .collect();
        Self { hosts, origins, loopback }
    }

    /// Refuses a foreign `Host` or `Origin`. Requests without an `Origin` are no browser's and pass.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        self.check_host(uri, headers)?;
        self.check_origin(headers)
    }

    /// Refuses a foreign `Host`.
    pub(crate) fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        if headers.get_all(HOST).iter().nth(1).is_some() {
            return Err(Refusal::ForeignHost);
        }
        // HTTP/2 has `:authority`, which hyper hands over in the URI; HTTP/1.1 has `Host`.
        let authority = uri.authority().map(http::uri::Authority::as_str).or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()));
        if !authority.and_then(host_of).is_some_and(|host| self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))) {
            return Err(Refusal::ForeignHost);
        }
        Ok(())
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Ok(()),
            (Some(origin), None) if origin.to_str().is_ok_and(|origin| self.allows_origin(origin)) => Ok(()),
            (Some(_), _) => Err(Refusal::ForeignOrigin),
        }
    }

    /// Whether a browser page of this origin may call.
    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|known| known == origin) || (self.loopback && is_loopback_origin(origin))
    }
}

/// The host without its port: `[::1]:8080` → `[::1]`.
fn host_of(authority: &str) -> Option<&str> {
    if authority.contains('@') {
        return None;
    }
    match authority.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')?;
            authority.get(..end + 2)
        }
        None => authority.split(':').next(),
    }
}

fn is_loopback_origin(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.origin().ascii_serialization() == origin
            && url.host_str().is_some_and(|host| LOOPBACK_HOSTS.contains(&host))
    })
}

fn bracketed(address: std::net::IpAddr) -> String {
    match address {
        std::net::IpAddr::V4(address) => address.to_string(),
        std::net::IpAddr::V6(address) => format!("[{address}]"),
    }
}

const LOOPBACK_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

#[cfg(test)]
mod tests {
    use super::HostGuard;
    use crate::config::Listen;
    use http::{HeaderMap, HeaderValue, Uri};

    fn listen(address: &str) -> Listen {
        Listen {
            address: address.parse().unwrap(),
            public_url: None,
            allowed_hosts: vec!["inside.example".into()],
            allowed_origins: vec!["https://claude.ai".into()],
            trusted_proxies: Vec::new(),
            tls: None,
        }
    }

    fn passes(guard: &HostGuard, host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            headers.insert("origin", HeaderValue::from_str(origin).unwrap());
        }
        guard.check(&Uri::from_static("/mcp/x"), &headers).is_ok()
    }

    #[test]
    fn a_loopback_door_answers_to_loopback_names_and_pages_only() {
        let guard = HostGuard::new(&listen("127.0.0.1:8787"), "http://127.0.0.1:8787");
        for host in ["127.0.0.1:8787", "localhost", "LOCALHOST:1", "[::1]:8787", "inside.example"] {
            assert!(passes(&guard, host, None), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.", "user@localhost", "", "[::1", "0.0.0.0"] {
            assert!(!passes(&guard, host, None), "{host}");
        }
        for origin in ["http://localhost:6274", "https://claude.ai", "http://127.0.0.1:8787", "http://[::1]:3000"] {
            assert!(passes(&guard, "localhost", Some(origin)), "{origin}");
        }
        for origin in
            ["http://evil.example", "null", "http://localhost.evil.example", "https://claude.ai.evil", "http://localhost/", "file://"]
        {
            assert!(!passes(&guard, "localhost", Some(origin)), "{origin}");
        }
    }

    #[test]
    fn a_public_door_does_not_answer_to_loopback_names() {
        let guard = HostGuard::new(&listen("0.0.0.0:8443"), "https://mcp.example.com");
        assert!(passes(&guard, "mcp.example.com", None));
        assert!(passes(&guard, "mcp.example.com:443", Some("https://mcp.example.com")));
        assert!(!passes(&guard, "localhost", None));
        assert!(!passes(&guard, "mcp.example.com", Some("http://localhost:3000")));
    }

    #[test]
    fn two_hosts_are_none() {
        let guard = HostGuard::new(&listen("127.0.0.1:8787"), "http://127.0.0.1:8787");
        let mut headers = HeaderMap::new();
        headers.append("host", HeaderValue::from_static("localhost"));
        headers.append("host", HeaderValue::from_static("localhost"));
        assert!(guard.check(&Uri::from_static("/"), &headers).is_err());
    }
}
