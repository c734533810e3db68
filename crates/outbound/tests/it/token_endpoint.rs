//! What a token endpoint may answer, and what each answer means.

use claviger_outbound::failure::Failure;
use claviger_outbound::guard::Guard;
use claviger_outbound::token_endpoint::{TokenFailure, ask};
use http::{HeaderMap, HeaderValue, Response};
use oauth::token_response::{ErrorCode, Expected, InvalidTokenResponse, TokenResponse};

use crate::server::{Answer, Server, json, local_client, status};

async fn ask_at(url: &str) -> Result<TokenResponse, TokenFailure> {
    let authorization = HeaderValue::from_static("Basic aTpz");
    ask(&local_client(), url, "grant_type=client_credentials".to_owned().into(), Some(authorization), Expected::AccessToken).await
}

fn answer(path: &str, headers: &HeaderMap) -> Answer {
    let refused = |status: u16, body: &str| {
        Response::builder().status(status).header("content-type", "application/json").body(body.to_owned().into()).unwrap()
    };
    let html =
        |status: u16| Response::builder().status(status).header("content-type", "text/html; charset=utf-8").body("<p>".into()).unwrap();
    match path {
        "/token" => {
            assert_eq!(headers["authorization"], "Basic aTpz");
            assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
            json(r#"{"access_token":"t","token_type":"Bearer","expires_in":60}"#.to_owned())
        }
        "/client" => refused(401, r#"{"error":"invalid_client","error_description":"who?"}"#),
        "/grant" => refused(400, r#"{"error":"invalid_grant"}"#),
        "/lying" => json(r#"{"error":"invalid_grant"}"#.to_owned()),
        "/later" => refused(400, r#"{"error":"temporarily_unavailable"}"#),
        "/broken" => refused(500, r#"{"error":"invalid_client"}"#),
        "/busy" => status(429),
        "/proxy" => html(502),
        "/portal" => html(200),
        "/page" => html(404),
        "/created" => status(201),
        "/mute" => status(400),
        "/spoken" => refused(400, r#"{"message":"no"}"#),
        "/gone" => status(410),
        "/plain" => refused(404, r#"{"message":"no"}"#),
        "/away" => Response::builder().status(307).header("location", "/token").body("".into()).unwrap(),
        "/dpop" => json(r#"{"access_token":"t","token_type":"DPoP"}"#.to_owned()),
        "/long" => json(format!(r#"{{"access_token":"t","token_type":"Bearer","x":"{}"}}"#, "a".repeat(64 * 1024))),
        other => panic!("{other}"),
    }
}

async fn server() -> Server {
    Server::start(|_, path, headers| answer(path, headers)).await
}

#[tokio::test]
async fn a_token_comes_back() {
    let server = server().await;
    let response = ask_at(&server.url("/token")).await.unwrap();
    assert_eq!(response.expires_in, Some(std::time::Duration::from_secs(60)));
    assert!(!format!("{response:?}").contains("\"t\""));
}

#[tokio::test]
async fn a_no_is_final() {
    let server = server().await;
    for (path, code) in [("/client", ErrorCode::InvalidClient), ("/grant", ErrorCode::InvalidGrant), ("/lying", ErrorCode::InvalidGrant)] {
        let failure = ask_at(&server.url(path)).await.unwrap_err();
        assert!(!failure.is_transient(), "{path}");
        assert!(matches!(&failure, TokenFailure::Refused { error, .. } if error.code == code), "{path}: {failure}");
    }
    for path in ["/plain", "/away", "/dpop", "/long"] {
        let failure = ask_at(&server.url(path)).await.unwrap_err();
        assert!(!failure.is_transient(), "{path}: {failure}");
    }
    let mute = ask_at(&server.url("/mute")).await.unwrap_err();
    assert!(matches!(mute, TokenFailure::Mute { .. }) && !mute.is_transient(), "{mute}");
    for path in ["/spoken", "/gone"] {
        let failure = ask_at(&server.url(path)).await.unwrap_err();
        assert!(matches!(failure, TokenFailure::NoAnswer(Failure::Status { .. })), "{path}: {failure}");
    }
    let bound = ask_at(&server.url("/dpop")).await.unwrap_err();
    assert!(matches!(bound, TokenFailure::BadAnswer { reason: InvalidTokenResponse::SenderConstrained, .. }), "{bound}");
    let redirected = ask_at(&server.url("/away")).await.unwrap_err();
    assert!(matches!(redirected, TokenFailure::NoAnswer(Failure::Redirected { .. })), "{redirected}");
    assert_eq!(server.asked().iter().filter(|path| *path == "/token").count(), 0, "a redirect is not followed");
}

#[tokio::test]
async fn what_a_proxy_says_ends_nothing() {
    let server = server().await;
    for path in ["/later", "/broken", "/busy", "/proxy", "/portal", "/page", "/created"] {
        let failure = ask_at(&server.url(path)).await.unwrap_err();
        assert!(failure.is_transient(), "{path}: {failure}");
    }
    let nobody = ask_at("http://127.0.0.1:9/token").await.unwrap_err();
    assert!(nobody.is_transient(), "{nobody}");
}

#[tokio::test]
async fn a_secret_never_goes_in_the_clear_to_another_machine() {
    let client = local_client().with_guard(Guard::for_own_servers());
    for url in ["http://192.0.2.1/token", "http://idp.example/token", "ftp://127.0.0.1/token"] {
        let failure = ask(&client, url, String::new().into(), None, Expected::AccessToken).await.unwrap_err();
        assert!(matches!(failure, TokenFailure::NoAnswer(Failure::Blocked { .. })), "{url}: {failure}");
    }
}
