//! Where is the server, and how does one log in to it? A URL, of which nothing secret is ever shown.

use std::fmt;

use ::redis::io::tcp::TcpSettings;
use ::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};
use url::Url;

/// A server's address: `redis://`, or `rediss://` for TLS, with user, password, port and the number of a database where needed.
///
/// Debug and Display leave out user and password.
#[derive(Clone)]
pub struct Address {
    info: Box<ConnectionInfo>,
}

/// Why a text is no address of a server. Does not quote it: there may be a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// Something between a host and the end.
    #[error("the path may only be the number of a database, as in `redis://host:6379/0`")]
    Database,
    /// A query or a fragment; the library would take `#insecure` for permission not to verify certificates.
    #[error("there is something after the path")]
    Extra,
    /// No host.
    #[error("no host is named")]
    Host,
    /// Another scheme.
    #[error("the scheme is neither `redis` nor `rediss`")]
    Scheme,
    /// No URL at all.
    #[error("it is not a URL")]
    Syntax,
}

impl Address {
    /// Reads `redis[s]://[[user]:password@]host[:port][/database]`.
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        if text.len() > LONGEST {
            return Err(AddressFault::Syntax);
        }
        let url = Url::parse(text.trim()).map_err(|_| AddressFault::Syntax)?;
        if !matches!(url.scheme(), "redis" | "rediss" | "valkey" | "valkeys") {
            return Err(AddressFault::Scheme);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(AddressFault::Host);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressFault::Extra);
        }
        let database = url.path().trim_start_matches('/');
        if !database.is_empty() && database.parse::<u16>().is_err() {
            return Err(AddressFault::Database);
        }
        let info = url.into_connection_info().map_err(|_| AddressFault::Syntax)?;
        // With RESP3 a lost connection is noticed at once, and not by the next who asks.
        let login = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        Ok(Self { info: Box::new(info.set_redis_settings(login).set_tcp_settings(network())) })
    }

    pub(super) fn info(&self) -> &ConnectionInfo {
        &self.info
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.info.redis_settings().db();
        match self.info.addr() {
            ConnectionAddr::Tcp(host, port) => write!(formatter, "redis://{host}:{port}/{database}"),
            ConnectionAddr::TcpTls { host, port, .. } => write!(formatter, "rediss://{host}:{port}/{database}"),
            _ => formatter.write_str("redis"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.info.redis_settings(), other.info.redis_settings());
        self.info.addr() == other.info.addr()
            && (mine.db(), mine.username(), mine.password()) == (theirs.db(), theirs.username(), theirs.password())
    }
}

impl Eq for Address {}

/// A server that has gone without a word is noticed by what it leaves unacknowledged.
fn network() -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(UNACKNOWLEDGED);
    settings
}

const LONGEST: usize = 4096;

#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: std::time::Duration = std::time::Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::{Address, AddressFault};

    #[test]
    fn an_address_is_shown_without_its_login() {
        for (text, shown) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379/0"),
            ("redis://localhost", "redis://localhost:6379/0"),
            ("rediss://ada:s3cret@cache.example.com:6380/2", "rediss://cache.example.com:6380/2"),
            ("valkey://:p%40ss@10.0.0.1/", "redis://10.0.0.1:6379/0"),
            ("redis://[::1]:7000/15\n", "redis://::1:7000/15"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_quoted() {
        for (text, fault) in [
            ("", AddressFault::Syntax),
            (&format!("redis://{}", "s3cret".repeat(1000)), AddressFault::Syntax),
            ("s3cret", AddressFault::Syntax),
            ("127.0.0.1:6379", AddressFault::Syntax),
            ("https://s3cret@example.com", AddressFault::Scheme),
            ("unix:///s3cret", AddressFault::Scheme),
            ("redis:///0", AddressFault::Host),
            ("rediss://example.com/0#insecure", AddressFault::Extra),
            ("redis://example.com/0?s3cret=1", AddressFault::Extra),
            ("redis://example.com/s3cret", AddressFault::Database),
            ("redis://example.com/0/1", AddressFault::Database),
            ("redis://example.com/99999", AddressFault::Database),
        ] {
            let refused = Address::parse(text).unwrap_err();
            assert_eq!(refused, fault, "{text}");
            assert!(!refused.to_string().contains("s3cret"));
        }
    }

    #[test]
    fn addresses_differ_when_their_logins_do() {
        let address = |text: &str| Address::parse(text).unwrap();
        assert_eq!(address("redis://ada:one@host"), address("redis://ada:one@host:6379/0"));
        assert_ne!(address("redis://ada:one@host"), address("redis://ada:two@host"));
        assert_ne!(address("redis://host"), address("rediss://host"));
    }
}
