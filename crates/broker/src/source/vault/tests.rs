//! The provider before a Vault in memory whose clock is ours too: every login, every engine, leases, and what happens when things end or are refused.

mod engines;
mod leases;
mod logins;
mod trouble;
mod write;

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;
use testkit::vault::{JWT, ROOT, Vault as Fake};
use tokio::net::TcpListener;

use super::*;
use crate::reference::{Kind, Reference, Template};
use crate::source::{Files, OpenFiles, Sources};

/// A Vault, a folder for what we log in with, and the time of both sides.
struct Scene {
    fake: Arc<Fake>,
    /// The way of whoever sets things up.
    root: Server,
    address: String,
    time: Arc<AtomicU64>,
    folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let time = Arc::new(AtomicU64::new(1_800_000_000_000));
        let clock = Arc::clone(&time);
        let fake = Arc::new(Fake::new(Arc::new(move || clock.load(Ordering::SeqCst))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(Arc::clone(&fake).serve(listener));
        Self { fake, root: Server::new(&address, None, None), address, time, folder: tempfile::tempdir().unwrap() }
    }

    fn clock(&self) -> Clock {
        let time = Arc::clone(&self.time);
        Arc::new(move || time.load(Ordering::SeqCst))
    }

    fn pass(&self, seconds: u64) {
        self.time.fetch_add(1000 * seconds, Ordering::SeqCst);
    }

    /// Puts a text where a login finds it.
    fn keep(&self, name: &str, text: &str) -> Template {
        fs::write(self.folder.path().join(name), text).unwrap();
        Template::parse(&format!("file://./{name}")).unwrap()
    }

    fn settings(&self, login: Method) -> Settings {
        Settings { address: self.address.clone(), namespace: None, authorities: None, login, engines: BTreeMap::new() }
    }

    fn provider(&self, settings: Settings) -> Vault {
        let files = Files::new(self.folder.path().to_owned(), OpenFiles::Accept);
        let local = Resolver::new(Sources::local([].into_iter().collect(), files), self.clock());
        Vault::new(settings, local, self.clock())
    }

    fn with_login(&self, login: Method) -> Vault {
        self.provider(self.settings(login))
    }

    fn as_root(&self) -> Vault {
        self.with_login(Method::Token(self.keep("root", ROOT)))
    }

    /// Sets something up as root, over the same API.
    async fn set_up(&self, path: &str, body: &str) -> serde_json::Value {
        let question = Question { method: http::Method::POST, path, body: body.to_owned().into(), is_secret: false };
        let answer = self.root.send(&question, Some(&ROOT.into())).await.unwrap().of_success();
        let answer = answer.unwrap_or_else(|cause| panic!("{path}: {cause}"));
        answer.read().unwrap_or_default()
    }

    /// An AppRole whose tokens live so long, and how to log in as it.
    async fn app_role(&self, ttl: &str, most: &str) -> Method {
        let (role_id, secret_id) = self.app_role_halves(ttl, most).await;
        Method::AppRole { mount: "approle".to_owned(), role_id, secret_id: Some(SecretId::Plain(self.keep("secret_id", &secret_id))) }
    }

    async fn app_role_halves(&self, ttl: &str, most: &str) -> (Template, String) {
        self.set_up("auth/approle/role/door", &format!(r#"{{"token_ttl":"{ttl}","token_max_ttl":"{most}"}}"#)).await;
        let answer = self.root.send(&Question::get("auth/approle/role/door/role-id"), Some(&ROOT.into())).await.unwrap();
        let role_id: serde_json::Value = answer.read().unwrap();
        let secret_id = self.set_up("auth/approle/role/door/secret-id", "{}").await;
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        self.fake.asked();
        (Template::parse(&text(&role_id["data"]["role_id"])).unwrap(), text(&secret_id["data"]["secret_id"]))
    }

    async fn database(&self, usual: &str, most: &str) {
        self.set_up("database/roles/readonly", &format!(r#"{{"db_name":"db","default_ttl":"{usual}","max_ttl":"{most}"}}"#)).await;
        self.fake.asked();
    }

    /// How often something was asked since the last time.
    fn times(&self, asked: &str) -> usize {
        self.fake.asked().iter().filter(|question| *question == asked).count()
    }
}

async fn fetch(vault: &Vault, reference: &str) -> Result<Fetched, Cause> {
    let reference: Reference = reference.parse().unwrap();
    vault.fetch(reference.place()).await
}

/// The value, version and lifetime.
async fn seen(vault: &Vault, reference: &str) -> Result<(String, Option<String>, Option<u64>), Cause> {
    let fetched = fetch(vault, reference).await?;
    let version = fetched.version.as_deref().map(str::to_owned);
    Ok((fetched.value.expose().to_owned(), version, fetched.lifetime.map(|lifetime| lifetime.as_secs())))
}

fn refused(cause: &Cause) -> &str {
    let Cause::Refused { detail } = cause else { panic!("not refused: {cause:?}") };
    detail
}

const CREDENTIAL: &str = "vault://database/creds/readonly#password";
