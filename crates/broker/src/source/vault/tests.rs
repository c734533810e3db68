//! The provider before a Vault in memory whose clock is ours too: every login, every engine, leases, and what happens when things end or are refused.

mod write;

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tempfile::TempDir;
use testkit::vault::{JWT, ROOT, Vault as Fake};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

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

#[tokio::test]
async fn secrets_with_versions_are_read_as_they_stand() {
    let scene = Scene::new().await;
    let vault = scene.as_root();
    for value in ["one", "two", "three"] {
        scene.set_up("secret/data/github", &format!(r#"{{"data":{{"token":"{value}"}}}}"#)).await;
        scene.set_up("team/kv/data/github", &format!(r#"{{"data":{{"token":"team-{value}"}}}}"#)).await;
    }
    let version = |value: &str, number: &str| Ok((format!(r#"{{"token":"{value}"}}"#), Some(number.to_owned()), None));
    assert_eq!(seen(&vault, "vault://secret/github#token").await, version("three", "3"));
    assert_eq!(seen(&vault, "vault://secret/github?version=1#token").await, version("one", "1"));
    assert_eq!(seen(&vault, "vault://team/kv/github#token").await, version("team-three", "3"));
    assert_eq!(seen(&vault, "vault://secret/github?version=4#token").await, Err(Cause::NotFound));
    assert_eq!(seen(&vault, "vault://secret/gitlab#token").await, Err(Cause::NotFound));
    scene.set_up("secret/delete/github", r#"{"versions":[3]}"#).await;
    scene.set_up("secret/destroy/github", r#"{"versions":[2]}"#).await;
    assert_eq!(seen(&vault, "vault://secret/github#token").await, Err(Cause::NotFound));
    assert_eq!(seen(&vault, "vault://secret/github?version=2#token").await, Err(Cause::NotFound));
    assert_eq!(seen(&vault, "vault://secret/github?version=1#token").await, version("one", "1"));
}

#[tokio::test]
async fn secrets_without_versions_are_read_as_they_stand() {
    let scene = Scene::new().await;
    let vault = scene.as_root();
    scene.set_up("kv/github", r#"{"token":"one"}"#).await;
    scene.set_up("kv/short", r#"{"token":"one","ttl":"30s"}"#).await;
    assert_eq!(seen(&vault, "vault://kv/github#token").await, Ok((r#"{"token":"one"}"#.to_owned(), None, Some(2_764_800))));
    assert_eq!(seen(&vault, "vault://kv/short#token").await.unwrap().2, Some(30));
    assert_eq!(seen(&vault, "vault://kv/gitlab#token").await, Err(Cause::NotFound));
    let with_version = seen(&vault, "vault://kv/github?version=1#token").await;
    assert_eq!(with_version, Err(Cause::BadAnswer { detail: "this mount keeps no versions".into() }));
}

#[tokio::test]
async fn a_mount_is_looked_at_once() {
    let scene = Scene::new().await;
    let vault = scene.as_root();
    scene.set_up("secret/data/a", r#"{"data":{"token":"1"}}"#).await;
    scene.set_up("secret/data/b", r#"{"data":{"token":"2"}}"#).await;
    scene.fake.asked();
    for name in ["a", "b", "a"] {
        seen(&vault, &format!("vault://secret/{name}#token")).await.unwrap();
    }
    let asked = scene.fake.asked();
    assert_eq!(
        asked,
        [
            "GET auth/token/lookup-self",
            "GET sys/internal/ui/mounts/secret/a",
            "GET secret/data/a",
            "GET secret/data/b",
            "GET secret/data/a"
        ]
    );
}

#[tokio::test]
async fn where_vault_does_not_say_what_a_mount_is_it_is_tried() {
    let scene = Scene::new().await;
    scene.fake.hide_mounts();
    scene.set_up("secret/data/github", r#"{"data":{"token":"two"}}"#).await;
    scene.set_up("kv/github", r#"{"token":"one"}"#).await;
    scene.database("1h", "24h").await;
    let vault = scene.with_login(scene.app_role("1h", "24h").await);
    assert_eq!(seen(&vault, "vault://secret/github#token").await.unwrap().1.as_deref(), Some("1"));
    assert_eq!(seen(&vault, "vault://kv/github#token").await.unwrap().0, r#"{"token":"one"}"#);
    assert_eq!(seen(&vault, CREDENTIAL).await.unwrap().2, Some(3600));
    assert_eq!(seen(&vault, "vault://secret/gitlab#token").await, Err(Cause::NotFound));
    assert_eq!(seen(&vault, "vault://secret/github?version=1#token").await.unwrap().1.as_deref(), Some("1"));
    let forbidden = seen(&vault, "vault://kv/forbidden/a#token").await.unwrap_err();
    assert!(refused(&forbidden).contains("permission denied"), "{forbidden}");
}

#[tokio::test]
async fn the_operator_may_say_what_a_mount_is() {
    let scene = Scene::new().await;
    scene.fake.hide_mounts();
    scene.set_up("team/kv/data/github", r#"{"data":{"token":"two"}}"#).await;
    let login = scene.app_role("1h", "24h").await;
    let engines = BTreeMap::from([("team/kv".into(), Engine::Kv2), ("team".into(), Engine::Kv1)]);
    let vault = scene.provider(Settings { engines, ..scene.settings(login) });
    assert_eq!(seen(&vault, "vault://team/kv/github#token").await.unwrap().1.as_deref(), Some("1"));
    assert_eq!(scene.fake.asked(), ["POST auth/approle/login", "GET team/kv/data/github"]);
}

#[tokio::test]
async fn a_credential_is_renewed_until_its_end_is_near_and_then_replaced() {
    let scene = Scene::new().await;
    scene.database("1h", "3h").await;
    let vault = scene.as_root();
    let (first, version, lifetime) = seen(&vault, CREDENTIAL).await.unwrap();
    assert_eq!(lifetime, Some(3600));
    let version = version.unwrap();
    assert!(version.starts_with("lease-") && !version.contains("database"), "{version}");
    for _ in 0..2 {
        scene.pass(3300);
        assert_eq!(seen(&vault, CREDENTIAL).await.unwrap(), (first.clone(), Some(version.clone()), Some(3600)));
    }
    // 110 minutes are over: what can be had is ten minutes more than the hour.
    scene.pass(3300);
    let (second, other_version, lifetime) = seen(&vault, CREDENTIAL).await.unwrap();
    assert_ne!((second, other_version), (first, Some(version)));
    assert_eq!(lifetime, Some(3600));
    let asked = scene.fake.asked();
    assert_eq!(asked.iter().filter(|question| *question == "GET database/creds/readonly").count(), 2);
    assert_eq!(asked.iter().filter(|question| *question == "POST sys/leases/renew").count(), 3);
    // Calls under way have their time before the old one is given back.
    assert!(!asked.iter().any(|question| question == "POST sys/leases/revoke"), "{asked:?}");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(301)).await;
    tokio::time::resume();
    let mut asked = Vec::new();
    while asked.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
        asked = scene.fake.asked();
    }
    assert_eq!(asked, ["POST sys/leases/revoke"]);
}

#[tokio::test]
async fn a_credential_that_ended_unused_is_replaced() {
    let scene = Scene::new().await;
    scene.database("1h", "24h").await;
    let vault = scene.as_root();
    let first = seen(&vault, CREDENTIAL).await.unwrap().0;
    scene.pass(3601);
    assert_ne!(seen(&vault, CREDENTIAL).await.unwrap().0, first);
    assert_eq!(scene.times("POST sys/leases/renew"), 0);
}

#[tokio::test]
async fn a_credential_that_was_refused_where_it_was_used_is_replaced() {
    let scene = Scene::new().await;
    scene.database("1h", "24h").await;
    let vault = scene.as_root();
    let first = seen(&vault, CREDENTIAL).await.unwrap().0;
    assert_eq!(seen(&vault, CREDENTIAL).await.unwrap().0, first);
    let reference: Reference = CREDENTIAL.parse().unwrap();
    vault.refuse(reference.place());
    let second = seen(&vault, CREDENTIAL).await.unwrap().0;
    assert_ne!(second, first);
    assert_eq!(seen(&vault, CREDENTIAL).await.unwrap().0, second);
}

#[tokio::test]
async fn a_refusal_finds_its_way_from_the_server_to_vault() {
    let scene = Scene::new().await;
    scene.database("1h", "24h").await;
    let resolver = Resolver::new(Sources::default().with(Kind::Vault, scene.as_root()), scene.clock());
    let credential = resolver.credential(&Template::parse_secret(CREDENTIAL).unwrap());
    let first = credential.fill().await.unwrap();
    assert!(credential.refuse(first.stamp));
    let second = credential.fill().await.unwrap();
    assert_ne!(second.expose(), first.expose());
    assert_ne!(second.stamp, first.stamp);
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_said_to_be_so() {
    let scene = Scene::new().await;
    fs::write(scene.folder.path().join("empty.pem"), "").unwrap();
    for name in ["nowhere.pem", "empty.pem"] {
        let settings = scene.settings(Method::Token(scene.keep("root", ROOT)));
        let vault = scene.provider(Settings { authorities: Some(scene.folder.path().join(name)), ..settings });
        let Err(Cause::NotConfigured { what }) = seen(&vault, "vault://kv/a#token").await else { panic!("{name} was used") };
        assert!(what.contains("VAULT_CACERT"), "{what}");
    }
}

#[tokio::test]
async fn a_credential_is_used_no_longer_than_the_token_that_it_belongs_to() {
    let scene = Scene::new().await;
    scene.database("1h", "24h").await;
    let vault = scene.with_login(scene.app_role("10m", "25m").await);
    let (first, _, lifetime) = seen(&vault, CREDENTIAL).await.unwrap();
    assert_eq!(lifetime, Some(600));
    scene.pass(540);
    assert_eq!(seen(&vault, CREDENTIAL).await.unwrap(), (first.clone(), seen(&vault, CREDENTIAL).await.unwrap().1, Some(600)));
    scene.pass(540);
    assert_eq!(seen(&vault, CREDENTIAL).await.unwrap().0, first);
    scene.pass(300);
    // The token has reached its last end; the next one has a credential of its own.
    assert_ne!(seen(&vault, CREDENTIAL).await.unwrap().0, first);
}

#[tokio::test]
async fn a_token_is_renewed_and_at_its_last_end_we_log_in_again() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    let vault = scene.with_login(scene.app_role("1h", "2h").await);
    let mut questions = Vec::new();
    for _ in 0..6 {
        seen(&vault, "vault://kv/a#token").await.unwrap();
        let asked = scene.fake.asked();
        questions.push(asked.iter().filter(|question| question.contains("auth/")).cloned().collect::<Vec<_>>().join(","));
        scene.pass(1860);
    }
    let (login, renewal) = ("POST auth/approle/login", "POST auth/token/renew-self");
    let both = format!("{renewal},{login}");
    assert_eq!(questions, [login, renewal, renewal, &both, renewal, renewal]);
}

#[tokio::test]
async fn a_token_that_vault_no_longer_knows_is_replaced_once() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    let vault = scene.with_login(scene.app_role("1h", "24h").await);
    seen(&vault, "vault://kv/a#token").await.unwrap();
    scene.fake.forget_tokens();
    scene.fake.asked();
    assert_eq!(seen(&vault, "vault://kv/a#token").await.unwrap().0, r#"{"token":"1"}"#);
    assert_eq!(scene.fake.asked(), ["GET kv/a", "GET auth/token/lookup-self", "POST auth/approle/login", "GET kv/a"]);
    // A good token that may not: no other login helps.
    let cause = seen(&vault, "vault://kv/forbidden/a#token").await.unwrap_err();
    assert_eq!(refused(&cause), "403 Forbidden: 1 error occurred: * permission denied");
    assert_eq!(scene.fake.asked(), ["GET kv/forbidden/a", "GET auth/token/lookup-self"]);
}

#[tokio::test]
async fn a_token_of_the_operator_is_read_again_when_it_is_no_good() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    let vault = scene.with_login(Method::Token(scene.keep("token", "hvs.wrong\n")));
    let cause = seen(&vault, "vault://kv/a#token").await.unwrap_err();
    assert_eq!(refused(&cause), "the token is no good, and there is no other where it lies");
    assert!(!format!("{cause} {cause:?}").contains("hvs."), "{cause:?}");
    let created = scene.set_up("auth/token/create", r#"{"ttl":"1h","renewable":true}"#).await;
    scene.keep("token", created["auth"]["client_token"].as_str().unwrap());
    scene.fake.asked();
    seen(&vault, "vault://kv/a#token").await.unwrap();
    scene.pass(2000);
    seen(&vault, "vault://kv/a#token").await.unwrap();
    assert_eq!(scene.times("POST auth/token/renew-self"), 1);
    // It is not ours to end.
    vault.close().await;
    assert_eq!(scene.fake.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn the_token_of_the_door_is_no_secret_to_be_had() {
    let scene = Scene::new().await;
    scene.set_up("kv/mirror", &format!(r#"{{"id":"{ROOT}"}}"#)).await;
    scene.set_up("secret/data/mirror", &format!(r#"{{"data":{{"id":"{ROOT}"}}}}"#)).await;
    for reference in ["vault://kv/mirror#id", "vault://secret/mirror#id"] {
        let cause = seen(&scene.as_root(), reference).await.unwrap_err();
        assert_eq!(refused(&cause), "what lies there is the token that the door asks with");
    }
}

#[tokio::test]
async fn what_we_log_in_with_may_be_missing_itself() {
    let scene = Scene::new().await;
    let vault = scene.with_login(Method::Token(Template::parse("file://./nowhere").unwrap()));
    let Err(Cause::LoginMissing(missing)) = seen(&vault, "vault://kv/a#token").await else { panic!("it was had") };
    assert_eq!(&*missing.credential, "file://./nowhere");
    assert_eq!(scene.fake.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_wrapped_secret_id_is_unwrapped_once_and_kept() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    let (role_id, _) = scene.app_role_halves("1h", "24h").await;
    let login =
        |place| Method::AppRole { mount: "approle".to_owned(), role_id: role_id.clone(), secret_id: Some(SecretId::Wrapped(place)) };
    let vault = scene.with_login(login(scene.keep("wrapped", &wrapped(&scene.address, "auth/approle/role/door/secret-id").await)));
    scene.fake.asked();
    seen(&vault, "vault://kv/a#token").await.unwrap();
    scene.fake.forget_tokens();
    seen(&vault, "vault://kv/a#token").await.unwrap();
    let asked = scene.fake.asked();
    assert_eq!(asked.iter().filter(|question| *question == "POST sys/wrapping/unwrap").count(), 1);
    assert_eq!(asked.iter().filter(|question| *question == "POST auth/approle/login").count(), 2);
    // Used up: somebody else could have been there first.
    let late = scene.with_login(login(Template::parse("file://./wrapped").unwrap()));
    let cause = seen(&late, "vault://kv/a#token").await.unwrap_err();
    assert!(refused(&cause).contains("wrapping token is not valid"), "{cause}");
    // Something else is in it.
    let forged = scene.with_login(login(scene.keep("forged", &wrapped(&scene.address, "auth/token/create").await)));
    let cause = seen(&forged, "vault://kv/a#token").await.unwrap_err();
    assert!(refused(&cause).contains("not made for a secret id"), "{cause}");
    assert_eq!(scene.times("POST sys/wrapping/unwrap"), 0);
}

/// What a path answers, put into a wrapping token.
async fn wrapped(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let head = "Host: vault\r\nX-Vault-Request: true\r\nX-Vault-Wrap-TTL: 60s\r\nContent-Length: 2\r\nConnection: close\r\n";
    let request = format!("POST /v1/{path} HTTP/1.1\r\n{head}X-Vault-Token: {ROOT}\r\n\r\n{{}}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let answer: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    answer["wrap_info"]["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_service_account_or_a_jwt_logs_in() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    for mount in ["kubernetes", "jwt"] {
        scene.set_up(&format!("auth/{mount}/role/door"), r#"{"token_ttl":"1h"}"#).await;
        let login = |jwt| Method::Jwt { mount: mount.to_owned(), role: Some("door".to_owned()), jwt };
        let vault = scene.with_login(login(scene.keep("jwt", &format!("{JWT}\n"))));
        seen(&vault, "vault://kv/a#token").await.unwrap();
        let stranger = scene.with_login(login(scene.keep("other", "a.b.c")));
        let cause = seen(&stranger, "vault://kv/a#token").await.unwrap_err();
        assert_eq!(refused(&cause), "403 Forbidden: permission denied");
    }
    let login = Method::Jwt { mount: "elsewhere".to_owned(), role: None, jwt: scene.keep("jwt", JWT) };
    let cause = seen(&scene.with_login(login), "vault://kv/a#token").await.unwrap_err();
    assert_eq!(refused(&cause), "there is no login at `auth/elsewhere/login`");
}

#[tokio::test]
async fn a_namespace_is_named_in_each_question() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    let login = scene.app_role("1h", "24h").await;
    scene.fake.move_to_namespace("team-a");
    let vault = scene.provider(Settings { namespace: Some("team-a".to_owned()), ..scene.settings(login) });
    seen(&vault, "vault://kv/a#token").await.unwrap();
    assert_eq!(seen(&scene.as_root(), "vault://kv/a#token").await, Err(Cause::NotFound));
}

#[tokio::test]
async fn a_sealed_vault_is_away_for_a_while() {
    let scene = Scene::new().await;
    scene.set_up("kv/a", r#"{"token":"1"}"#).await;
    let vault = scene.as_root();
    seen(&vault, "vault://kv/a#token").await.unwrap();
    scene.set_up("sys/seal", "{}").await;
    let cause = seen(&vault, "vault://kv/a#token").await.unwrap_err();
    assert_eq!(cause, Cause::Unavailable { detail: "503 Service Unavailable: Vault is sealed".into() });
    scene.set_up("sys/unseal", r#"{"key":"00"}"#).await;
    seen(&vault, "vault://kv/a#token").await.unwrap();
}

#[tokio::test]
async fn however_many_wait_there_is_one_login() {
    let scene = Scene::new().await;
    for name in 0..50 {
        scene.set_up(&format!("kv/{name}"), r#"{"token":"1"}"#).await;
    }
    let vault = scene.with_login(scene.app_role("1h", "24h").await);
    let given_up = tokio::time::timeout(Duration::ZERO, seen(&vault, "vault://kv/0#token")).await;
    assert!(given_up.is_err(), "nobody is that fast");
    let references: Vec<String> = (0..50).map(|name| format!("vault://kv/{name}#token")).collect();
    let outcomes = join_all(references.iter().map(|reference| seen(&vault, reference))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(scene.times("POST auth/approle/login"), 1);
}

#[tokio::test]
async fn a_credential_that_nobody_waited_for_is_found_by_the_next() {
    let scene = Scene::new().await;
    scene.database("1h", "24h").await;
    let vault = scene.as_root();
    for _ in 0..5 {
        // Given up at some point on the way.
        let _ = tokio::time::timeout(Duration::from_micros(300), seen(&vault, CREDENTIAL)).await;
    }
    seen(&vault, CREDENTIAL).await.unwrap();
    assert_eq!(scene.times("GET database/creds/readonly"), 1);
}

#[tokio::test]
async fn at_the_end_everything_is_given_back() {
    let scene = Scene::new().await;
    scene.database("1h", "24h").await;
    let vault = scene.with_login(scene.app_role("1h", "24h").await);
    seen(&vault, CREDENTIAL).await.unwrap();
    let reference: Reference = CREDENTIAL.parse().unwrap();
    vault.refuse(reference.place());
    seen(&vault, CREDENTIAL).await.unwrap();
    scene.fake.asked();
    vault.close().await;
    assert_eq!(scene.fake.asked(), ["POST sys/leases/revoke", "POST sys/leases/revoke", "POST auth/token/revoke-self"]);
    vault.close().await;
    assert_eq!(scene.fake.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn without_configuration_it_is_said_what_to_write() {
    let vault = Vault::unknown("write it");
    assert_eq!(seen(&vault, "vault://kv/a#token").await, Err(Cause::NotConfigured { what: "write it" }));
    vault.close().await;
}

#[tokio::test]
async fn a_vault_that_is_gone_sends_elsewhere_or_talks_too_much_gives_nothing() {
    let scene = Scene::new().await;
    let answers = [
        ("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n".to_owned(), "unavailable"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n".to_owned(), "too_large"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot JSON!".to_owned(), "bad_answer"),
        ("HTTP/1.1 473 Performance Standby\r\nContent-Length: 0\r\n\r\n".to_owned(), "bad_answer"),
        (String::new(), "unavailable"),
    ];
    let login = || Method::Jwt { mount: "jwt".to_owned(), role: None, jwt: scene.keep("jwt", JWT) };
    for (answer, code) in answers {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let vault = scene.provider(Settings { address, ..scene.settings(login()) });
        assert_eq!(seen(&vault, "vault://kv/a#token").await.unwrap_err().code(), code);
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (address, code) in [(format!("http://{nobody}"), "unavailable"), ("http://192.0.2.1:8200".to_owned(), "refused")] {
        let vault = scene.provider(Settings { address, ..scene.settings(login()) });
        assert_eq!(seen(&vault, "vault://kv/a#token").await.unwrap_err().code(), code);
    }
}
