//! Who keeps secrets? rusty_vault, a server of other people with the API of Vault; and where it stops short, the one of testkit, in a thread of the test.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::vault::Vault;

use super::http::{Reply, exchange, try_exchange};
use super::{Running, eventually, peer};

/// rusty_vault, opened, with all that it holds on disk.
pub(crate) struct RustyVault {
    process: Running,
    folder: TempDir,
    key: String,
    /// Where it listens.
    pub(crate) address: String,
    /// The token that may do everything.
    pub(crate) root: String,
}

impl RustyVault {
    /// Starts and unseals a new one.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free").port();
        let path = folder.path().display();
        let configuration = format!(
            "storage \"file\" {{\n  path = \"{path}/data\"\n}}\n\nlistener \"tcp\" {{\n  address = \"127.0.0.1:{port}\"\n  tls_disable = \"true\"\n}}\n\n\
             api_addr = \"http://127.0.0.1:{port}\"\nlog_level = \"warn\"\npid_file = \"{path}/pid\"\n"
        );
        fs::write(folder.path().join("vault.hcl"), configuration).expect("a file can be written");
        let process = Running::start(&mut command(&folder));
        let address = format!("http://127.0.0.1:{port}");
        let mut vault = Self { process, folder, key: String::new(), address, root: String::new() };
        vault.await_listening();
        let keys = vault.send("PUT", "sys/init", &json!({"secret_shares": 1, "secret_threshold": 1}));
        vault.key = keys["keys"][0].as_str().expect("a key is text").to_owned();
        vault.root = keys["root_token"].as_str().expect("a token is text").to_owned();
        vault.unseal();
        vault
    }

    /// Writes something as root.
    pub(crate) fn write(&self, path: &str, body: &Value) -> Value {
        self.send("POST", path, body)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let reply = ask_vault(method, &self.address, path, &self.root, &body.to_string());
        assert!(matches!(reply.status, 200 | 204), "{path}: {}", reply.status);
        if reply.status == 204 { Value::Null } else { reply.json() }
    }

    /// Reads something as root.
    pub(crate) fn get(&self, path: &str) -> Value {
        ask_vault("GET", &self.address, path, &self.root, "").json()
    }

    pub(crate) fn stop(&mut self) {
        self.process.kill();
    }

    pub(crate) fn start_again(&mut self) {
        self.process = Running::start(&mut command(&self.folder));
        self.await_listening();
        self.unseal();
    }

    fn unseal(&self) {
        let status = self.send("PUT", "sys/unseal", &json!({"key": self.key}));
        assert_eq!(status["sealed"], false, "{status}");
    }

    fn await_listening(&self) {
        // It accepts connections a moment before it answers.
        let url = format!("{}/v1/sys/seal-status", self.address);
        assert!(eventually(|| try_exchange("GET", &url, &[], "").is_ok()), "rusty_vault does not listen:\n{}", self.process.said());
    }
}

/// The Vault of testkit, for as long as the test, and where it listens.
pub(crate) fn pretended_vault() -> (Arc<Vault>, String) {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        runtime.block_on(async move {
            let start = tokio::time::Instant::now();
            let vault = Vault::new(Arc::new(move || u64::try_from(start.elapsed().as_millis()).expect("tests are short")));
            let vault = Arc::new(vault);
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            let address = format!("http://{}", listener.local_addr().expect("it has an address"));
            tell.send((Arc::clone(&vault), address)).expect("the test waits");
            vault.serve(listener).await
        })
    });
    told.recv().expect("the thread says where it listens")
}

fn command(folder: &TempDir) -> Command {
    let mut command = Command::new(peer("cargo/bin/rvault"));
    command.arg("server").arg("--config").arg(folder.path().join("vault.hcl"));
    command
}

/// Asks any Vault.
pub(crate) fn ask_vault(method: &str, address: &str, path: &str, token: &str, body: &str) -> Reply {
    exchange(
        method,
        &format!("{address}/v1/{path}"),
        &[("X-Vault-Request", "true"), ("X-Vault-Token", token), ("Content-Type", "application/json")],
        body,
    )
}
