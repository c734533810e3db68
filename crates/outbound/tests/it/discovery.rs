//! In which order the metadata is looked for, and whose is believed.

use claviger_outbound::discovery::discover;
use claviger_outbound::failure::Failure;
use oauth::issuer::Issuer;

use crate::server::{Answer, Server, json, local_client, status};

/// Metadata that names the issuer `http://127.0.0.1:port` and `suffix`.
fn metadata(port: u16, suffix: &str) -> Answer {
    let base = format!("http://127.0.0.1:{port}");
    json(format!(r#"{{"issuer":"{base}{suffix}","token_endpoint":"{base}/token","jwks_uri":"{base}/keys","unknown":[1]}}"#))
}

fn issuer(server: &Server, suffix: &str) -> Issuer {
    Issuer::parse(&server.url(suffix)).unwrap()
}

fn attempts(failure: Failure) -> Vec<Failure> {
    match failure {
        Failure::Undiscovered { attempts, .. } => attempts,
        other => panic!("not a failed discovery: {other}"),
    }
}

const RFC_8414: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn first_place_that_answers_is_the_only_one_asked() {
    let server = Server::start(|port, _, _| metadata(port, "/t1")).await;
    let found = discover(&local_client(), &issuer(&server, "/t1")).await.unwrap();
    assert_eq!(found.jwks_uri, Some(server.url("/keys")));
    assert_eq!(server.asked(), [format!("{RFC_8414}/t1")]);
}

#[tokio::test]
async fn issuer_with_a_path_is_looked_for_in_three_places_and_never_at_the_root() {
    let server =
        Server::start(|port, path, _| if path == "/t1/.well-known/openid-configuration" { metadata(port, "/t1") } else { status(404) })
            .await;
    discover(&local_client(), &issuer(&server, "/t1")).await.unwrap();
    assert_eq!(server.asked(), [format!("{RFC_8414}/t1"), format!("{OPENID}/t1"), format!("/t1{OPENID}")]);
}

#[tokio::test]
async fn issuer_without_a_path_is_looked_for_in_two_places() {
    let server = Server::start(|port, path, _| if path == OPENID { metadata(port, "") } else { status(404) }).await;
    discover(&local_client(), &issuer(&server, "")).await.unwrap();
    assert_eq!(server.asked(), [RFC_8414, OPENID]);
}

#[tokio::test]
async fn metadata_of_another_issuer_is_not_used() {
    // The difference of a slash at the end is a difference.
    for (named, configured) in [("/t1/", "/t1"), ("/t1", "/t1/"), ("/", ""), ("", "/"), ("/T1", "/t1"), (":80", "")] {
        let server = Server::start(move |port, _, _| metadata(port, named)).await;
        let failure = discover(&local_client(), &issuer(&server, configured)).await.unwrap_err();
        let attempts = attempts(failure);
        assert!(attempts.iter().all(|failure| matches!(failure, Failure::WrongIssuer { .. })), "{named} for {configured}");
        assert_eq!(attempts.len(), server.asked().len());
    }
}

#[tokio::test]
async fn slash_at_the_end_of_an_issuer_is_kept_in_the_comparison() {
    let server = Server::start(|port, _, _| metadata(port, "/t1/")).await;
    let found = discover(&local_client(), &issuer(&server, "/t1/")).await.unwrap();
    assert_eq!(found.issuer, server.url("/t1/"));
    assert_eq!(server.asked(), [format!("{RFC_8414}/t1")]);
}

#[tokio::test]
async fn later_place_is_used_when_an_earlier_one_names_another_issuer() {
    let server = Server::start(|port, path, _| metadata(port, if path == OPENID { "" } else { "/other" })).await;
    discover(&local_client(), &issuer(&server, "")).await.unwrap();
    assert_eq!(server.asked(), [RFC_8414, OPENID]);
}

#[tokio::test]
async fn every_attempt_is_told() {
    let server = Server::start(|_, path, _| if path == RFC_8414 { json("<html>".to_owned()) } else { status(500) }).await;
    let failure = discover(&local_client(), &issuer(&server, "")).await.unwrap_err();
    let told = failure.to_string();
    assert!(told.contains(RFC_8414) && told.contains("expected JSON") && told.contains(OPENID) && told.contains("500"), "{told}");
    assert!(matches!(attempts(failure).as_slice(), [Failure::NotJson { .. }, Failure::Status { .. }]));
}

#[tokio::test]
async fn unreachable_server_is_asked_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = Issuer::parse(&format!("http://{}/t1", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let failure = discover(&local_client(), &issuer).await.unwrap_err();
    assert!(failure.is_transient());
    assert!(matches!(attempts(failure).as_slice(), [Failure::Connect { .. }]));
}

#[tokio::test]
async fn discovery_obeys_the_guard() {
    let server = Server::start(|port, _, _| metadata(port, "")).await;
    let strict = local_client().with_guard(claviger_outbound::guard::Guard::default());
    let failure = discover(&strict, &issuer(&server, "")).await.unwrap_err();
    assert!(matches!(attempts(failure).as_slice(), [Failure::Blocked { .. }]));
    assert!(server.asked().is_empty());
}
