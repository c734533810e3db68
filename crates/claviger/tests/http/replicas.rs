//! What do doors share that have one store? What one of them ends has ended at the other, and nothing is lost when either restarts.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use testkit::fixture::Era;
use testkit::redis::RedisServer;

use crate::support::{Door, Fixture, Issuer, Plan, Session, claviger, run};

/// Two doors before the same server, for callers of the same issuer.
struct Replicas {
    one: Door,
    other: Door,
    issuer: Issuer,
    _fixture: Fixture,
}

/// A door before that server, with a store at this URL.
fn plan(fixture: &Fixture, issuer: &Issuer, store: &str) -> Plan {
    Plan::before(&fixture.url, "auto")
        .accept(&format!("[[accept]]\nissuer = {:?}\n", issuer.url()))
        .section("[store]\nurl = \"env://STORE_URL\"")
        .variable("STORE_URL", store)
}

/// A folder for one more replica of that door.
fn replica_of(door: &Door) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("state")).unwrap();
    fs::copy(door.state().join("instance.key"), folder.path().join("state/instance.key")).unwrap();
    folder
}

async fn replicas(store: &str) -> Replicas {
    let (fixture, issuer) = (Fixture::start(Era::Both).await, Issuer::start());
    let one = plan(&fixture, &issuer, store).open().await;
    let other = plan(&fixture, &issuer, store).open_again(replica_of(&one)).await;
    Replicas { one, other, issuer, _fixture: fixture }
}

impl Replicas {
    /// The same person's session, at the other door.
    fn at_the_other(&self, session: &Session) -> Session {
        session.stolen_by(&self.other.holder(&self.issuer.token(&self.other.resource(), "alice", "")))
    }

    async fn session(&self) -> Session {
        self.one.holder(&self.issuer.token(&self.one.resource(), "alice", "")).session().await
    }
}

#[tokio::test]
async fn a_session_that_is_ended_at_one_door_has_ended_at_the_other_which_used_it() {
    let server = RedisServer::start(&[]).unwrap();
    let replicas = replicas(&server.url()).await;
    let session = replicas.session().await;
    let there = replicas.at_the_other(&session);
    assert_eq!(session.hello().await.status, 200);
    assert_eq!(there.hello().await.status, 200, "a session is opened by every door that has the key");

    assert!(session.end().send().await.status < 300);
    assert_eq!(there.hello().await.status, 404);
    assert_eq!(there.end().send().await.status, 404);
}

#[tokio::test]
async fn while_the_store_is_away_a_session_is_not_believed() {
    let mut server = RedisServer::start(&[]).unwrap();
    let replicas = replicas(&server.url()).await;
    let session = replicas.session().await;
    assert_eq!(session.hello().await.status, 200);
    server.stop().unwrap();
    assert_eq!(session.hello().await.status, 503);
    server.start_again().unwrap();
    while session.hello().await.status == 503 {
        tokio::task::yield_now().await;
    }
    assert_eq!(session.hello().await.status, 200);
}

#[tokio::test]
async fn a_door_with_another_instance_key_is_told_so_and_stays_closed() {
    let server = RedisServer::start(&[]).unwrap();
    let (fixture, issuer) = (Fixture::start(Era::Both).await, Issuer::start());
    let _first = plan(&fixture, &issuer, &server.url()).open().await;
    let Err(refused) = plan(&fixture, &issuer, &server.url()).try_open().await else { panic!("it opened") };
    assert_eq!(refused.code, Some(64), "{refused:?}");
    assert!(refused.stderr.contains("belongs to doors with another instance key"), "{}", refused.stderr);

    let apart = plan(&fixture, &issuer, &server.url()).section("prefix = \"apart:\"").open().await;
    assert_eq!(apart.holder(&issuer.token(&apart.resource(), "alice", "")).session().await.hello().await.status, 200);
}

#[tokio::test]
async fn a_store_that_cannot_be_used_keeps_the_door_closed_and_its_password_unsaid() {
    let server = RedisServer::start(&["--requirepass", "correct-horse"]).unwrap();
    let (fixture, issuer) = (Fixture::start(Era::Both).await, Issuer::start());
    let with = |login: &str| plan(&fixture, &issuer, &server.url().replace("//", &format!("//{login}@")));
    let Err(refused) = with(":wrong-horse").try_open().await else { panic!("it opened") };
    assert_eq!(refused.code, Some(69), "{refused:?}");
    assert!(refused.stderr.contains("cannot use the store at `redis://127.0.0.1:"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("horse"), "{}", refused.stderr);

    let door = with(":correct-horse").open().await;
    assert_eq!(door.holder(&issuer.token(&door.resource(), "alice", "")).session().await.hello().await.status, 200);
    assert!(!format!("{}{}", door.said(), door.printed()).contains("horse"));
    assert!(!door.state().join("store.redb").exists(), "nothing is kept beside it");
}

#[tokio::test]
async fn a_store_behind_tls_is_believed_by_its_certificate_only() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let pair = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&pair).unwrap();
    fs::write(&certificate, own.pem()).unwrap();
    fs::write(&key, pair.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let tls = ["--tls-port", &port, "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate];
    let _server = RedisServer::start(&[&tls[..], &["--tls-auth-clients", "no"]].concat()).unwrap();
    let (fixture, issuer) = (Fixture::start(Era::Both).await, Issuer::start());
    let at = |host: &str| plan(&fixture, &issuer, &format!("rediss://{host}:{port}"));

    let door = at("localhost").variable("SSL_CERT_FILE", certificate).open().await;
    assert_eq!(door.holder(&issuer.token(&door.resource(), "alice", "")).session().await.hello().await.status, 200);
    for stranger in [at("localhost"), at("127.0.0.1").variable("SSL_CERT_FILE", certificate)] {
        let Err(refused) = stranger.try_open().await else { panic!("it opened") };
        assert_eq!(refused.code, Some(69), "{refused:?}");
        assert!(refused.stderr.contains("invalid peer certificate"), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn connections_are_listed_from_the_store_while_no_door_runs() {
    let server = RedisServer::start(&[]).unwrap();
    let (fixture, issuer) = (Fixture::start(Era::Both).await, Issuer::start());
    let door = plan(&fixture, &issuer, &server.url()).open().await;
    let (folder, ..) = door.close().await;
    let list = async |folder: &Path, store: &str| {
        let mut command = claviger(folder);
        command.args(["connections", "list", "--json", "-c", "claviger.toml", "--state", "state"]).env("STORE_URL", store);
        run(command).await
    };
    let listed = list(folder.path(), &server.url()).await;
    assert_eq!((listed.code, listed.stdout.trim()), (Some(0), "[]"), "{listed:?}");
    let url = server.url();
    drop(server);
    let unreachable = list(folder.path(), &url).await;
    assert_eq!(unreachable.code, Some(69), "{unreachable:?}");
}
