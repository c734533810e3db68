//! A real server for one test, gone with it.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use ::redis::{Client, Connection};

pub(super) struct Server {
    child: Child,
    port: u16,
    arguments: Vec<String>,
}

impl Server {
    pub(super) fn start() -> Self {
        Self::with(&[])
    }

    /// A server with more arguments of its own.
    pub(super) fn with(arguments: &[&str]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        // Between finding a free port and taking it somebody else may have taken it.
        for _ in 0..20 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
            let mut child = spawn(port, &arguments);
            if is_ready(&mut child, port) {
                return Self { child, port, arguments };
            }
        }
        panic!("no redis-server would start");
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection of the test's own, beside the store's.
    pub(super) fn connection(&self) -> Connection {
        connect(self.port).unwrap()
    }

    pub(super) fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts again where it was, without what it held.
    pub(super) fn start_again(&mut self) {
        self.child = spawn(self.port, &self.arguments);
        assert!(is_ready(&mut self.child, self.port), "redis-server does not start again");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, arguments: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound => panic!("redis-server is not installed; do: tools/setup-tests.sh"),
        _ => panic!("cannot start redis-server: {error}"),
    })
}

fn is_ready(child: &mut Child, port: u16) -> bool {
    for _ in 0..1000 {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        // A server that wants a password answers too.
        if connect(port).is_ok_and(|mut connection| !::redis::cmd("PING").exec(&mut connection).is_err_and(|error| error.is_io_error())) {
            return true;
        }
        sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

fn connect(port: u16) -> ::redis::RedisResult<Connection> {
    Client::open(format!("redis://127.0.0.1:{port}"))?.get_connection()
}
