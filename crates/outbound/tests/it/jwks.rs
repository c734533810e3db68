//! How keys are fetched, and fetched again.

use std::time::Duration;

use claviger_outbound::failure::Failure;
use claviger_outbound::guard::Guard;
use claviger_outbound::jwks::fetch;
use http::{Response, StatusCode};

use crate::server::{Server, json, local_client, status};

#[tokio::test]
async fn document_comes_with_its_lifetime_and_its_tag() {
    let server = Server::start(|_, _, headers| {
        assert!(!headers.contains_key("if-none-match"));
        Response::builder().header("etag", "\"v1\"").header("cache-control", "max-age=600").body(r#"{"keys":[]}"#.into()).unwrap()
    })
    .await;
    let document = fetch(&local_client(), server.url("/keys"), None).await.unwrap();
    assert_eq!(document.body.as_deref(), Some(br#"{"keys":[]}"#.as_slice()));
    assert_eq!(document.max_age, Some(Duration::from_secs(600)));
    assert_eq!(document.etag.as_deref(), Some("\"v1\""));
}

#[tokio::test]
async fn document_that_we_have_is_not_sent_again() {
    let server = Server::start(|_, _, headers| {
        assert_eq!(headers["if-none-match"], "\"v1\"");
        Response::builder().status(304).header("cache-control", "max-age=60").body("".into()).unwrap()
    })
    .await;
    let document = fetch(&local_client(), server.url("/keys"), Some("\"v1\"")).await.unwrap();
    assert_eq!((document.body, document.max_age), (None, Some(Duration::from_secs(60))));
    assert_eq!(document.etag.as_deref(), Some("\"v1\""));
}

#[tokio::test]
async fn not_modified_without_a_tag_is_no_answer() {
    let server = Server::start(|_, _, _| status(304)).await;
    let failure = fetch(&local_client(), server.url("/keys"), None).await.unwrap_err();
    assert!(matches!(failure, Failure::Status { status: StatusCode::NOT_MODIFIED, .. }), "{failure}");
}

#[tokio::test]
async fn document_of_256_kib_is_read_and_one_byte_more_is_not() {
    let server = Server::start(|_, path, _| json("x".repeat(256 * 1024 + usize::from(path == "/more")))).await;
    let document = fetch(&local_client(), server.url("/keys"), None).await.unwrap();
    assert_eq!(document.body.map(|body| body.len()), Some(256 * 1024));
    let failure = fetch(&local_client(), server.url("/more"), None).await.unwrap_err();
    assert!(matches!(failure, Failure::TooLarge { .. }), "{failure}");
}

#[tokio::test]
async fn key_address_that_metadata_points_inward_is_not_called() {
    let server = Server::start(|_, _, _| json(r#"{"keys":[]}"#.to_owned())).await;
    // The operator wrote a public issuer, so this machine is not admitted for what its metadata names.
    let client = local_client().with_guard(Guard::for_operator("https://idp.example"));
    let failure = fetch(&client, server.url("/keys"), None).await.unwrap_err();
    assert!(matches!(failure, Failure::Blocked { .. }), "{failure}");
    assert!(server.asked().is_empty());
}
