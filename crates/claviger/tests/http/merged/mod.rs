//! `/mcp`, at which several servers are one: one of each era, one of our own, one that is not there and one that says nothing.

mod absence;
mod lists;
mod news;
mod policy;
mod resources;
mod tasks;
mod tools;

use serde_json::Value;
use testkit::fixture::Era;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{Caller, Door, Plan, fixture_program};

/// An open door before `fixture` (a modern one over HTTP), `old` (a legacy child) and `files`.
struct Scene {
    door: Door,
}

impl Scene {
    async fn open() -> Self {
        Self::of(Self::plan("", "").await).await
    }

    /// The plan, with lines for the modern and for the old one.
    async fn plan(modern: &str, old: &str) -> Plan {
        let plan = Plan::new(Era::Modern).await.line(modern);
        let program = fixture_program();
        let old = format!("[servers.old]\ncommand = [{:?}, \"--stdio\", \"--era\", \"legacy\"]\n{old}", program.to_str().unwrap());
        plan.section(&old).section("[servers.files]\nbuiltin = \"filesystem\"").section("[merge]\ntitle = \"One\"")
    }

    async fn of(plan: Plan) -> Self {
        Self { door: plan.open().await }
    }

    fn resource(&self) -> String {
        format!("{}/mcp", self.door.public_url)
    }

    fn caller(&self, subject: &str) -> Caller {
        self.caller_with(subject, "")
    }

    /// Somebody with a token for all servers as one.
    fn caller_with(&self, subject: &str, scopes: &str) -> Caller {
        self.holder(&self.door.issuer.token(&self.resource(), subject, scopes))
    }

    fn holder(&self, token: &str) -> Caller {
        Caller { address: self.door.address, path: "/mcp".to_owned(), token: Some(token.to_owned()) }
    }
}

/// A server that takes connections and never says anything.
struct Mute {
    url: String,
    serving: JoinHandle<()>,
}

impl Mute {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut held = Vec::new();
            loop {
                held.push(listener.accept().await.unwrap());
            }
        });
        Self { url, serving }
    }
}

impl Drop for Mute {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn names(list: &Value, key: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
}
