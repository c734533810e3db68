//! Which store do replicas share? A real `redis-server` on loopback, for one test, gone with it.

use std::io::{self, Error, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// A running server that writes nothing to the disk.
pub struct RedisServer {
    child: Child,
    address: SocketAddr,
    arguments: Vec<String>,
}

impl RedisServer {
    /// A server with more arguments of its own. Fails where `redis-server` is not installed.
    pub fn start(arguments: &[&str]) -> io::Result<Self> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        // Between finding a free port and taking it somebody else may have taken it.
        for _ in 0..ATTEMPTS {
            let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
            if let Some(child) = spawn(address, &arguments)? {
                return Ok(Self { child, address, arguments });
            }
        }
        Err(Error::other("redis-server does not start"))
    }

    /// Where it is, as a store is told.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Stops it, without a word to anybody.
    pub fn stop(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Starts it again where it was, without what it held.
    pub fn start_again(&mut self) -> io::Result<()> {
        self.child = spawn(self.address, &self.arguments)?.ok_or_else(|| Error::other("redis-server does not start again"))?;
        Ok(())
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.stop();
    }
}

/// `None` when it ended or says nothing.
fn spawn(address: SocketAddr, arguments: &[String]) -> io::Result<Option<Child>> {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--save", "", "--appendonly", "no"]).args(arguments);
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = spawned.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::new(ErrorKind::NotFound, "redis-server is not installed; do: tools/setup-tests.sh"),
        _ => error,
    })?;
    for _ in 0..GLANCES {
        if child.try_wait()?.is_some() {
            return Ok(None);
        }
        if answers(address).unwrap_or(false) {
            return Ok(Some(child));
        }
        sleep(GLANCE);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// A server that wants a password first answers too.
fn answers(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    Ok(matches!(&answer, b"+PONG\r\n" | b"-NOAUTH"))
}

const ATTEMPTS: usize = 20;
const GLANCE: Duration = Duration::from_millis(10);
const GLANCES: usize = 1000;
