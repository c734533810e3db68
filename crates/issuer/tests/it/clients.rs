//! Clients: how they register, how they prove who they are, and what is none of their business.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use claviger_issuer::config::{ClientProof, KnownClient};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, Request, Response, StatusCode};
use oauth::scope::ScopeSet;
use serde_json::json as value;

use crate::desk::{BASE, Desk, RESOURCE, claims, error, form, json, tokens};

const SECRET: &str = "a secret of the robot, long enough";

async fn with_a_robot() -> Desk {
    Desk::with(|config| {
        config.clients.push(KnownClient {
            id: "robot".to_owned(),
            name: "Robot".to_owned(),
            redirect_uris: Vec::new(),
            proof: ClientProof::Secrets(vec![SECRET.to_owned().into(), "the one before, which is being replaced".to_owned().into()]),
            own_scopes: Some(ScopeSet::parse("files:read elsewhere").unwrap()),
            exchange: Vec::new(),
            wants_bound_tokens: false,
        });
    })
    .await
}

async fn basic(desk: &Desk, path: &str, id: &str, secret: &str, fields: &[(&str, &str)]) -> Response<Bytes> {
    let credentials = STANDARD.encode(format!("{id}:{}", secret.replace(' ', "+")));
    let request = Request::post(format!("{BASE}{path}"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(AUTHORIZATION, format!("Basic {credentials}"));
    desk.ask(request.body(form(fields).into()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_are_bounded_and_forgotten_when_nobody_grants_them_anything() {
    let desk = Desk::open().await;
    let document = value!({ "redirect_uris": ["http://127.0.0.1/callback"] });
    for _ in 0..20 {
        assert_eq!(desk.register_with(&document).await.status(), StatusCode::CREATED);
    }
    let refused = desk.register_with(&document).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()[RETRY_AFTER], "600");
    assert_eq!(desk.server.list_clients().await.unwrap().len(), 20);
    desk.advance(3600);
    assert!(desk.server.list_clients().await.unwrap().is_empty());
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    desk.log_in(&client).await;
    desk.advance(3600);
    assert_eq!(desk.server.list_clients().await.unwrap().len(), 1, "whoever was granted something stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_ever_given_a_secret() {
    let desk = with_a_robot().await;
    for method in ["none", "client_secret_basic", "client_secret_post"] {
        let document = value!({ "redirect_uris": ["http://127.0.0.1/callback"], "token_endpoint_auth_method": method });
        let response = desk.register_with(&document).await;
        let told = json(&response);
        assert_eq!(told["token_endpoint_auth_method"], "none");
        assert!(told.get("client_secret").is_none() && told["client_id"] != "robot", "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_can_be_switched_off() {
    let desk = Desk::with(|config| config.registration = false).await;
    let refused = desk.register_with(&value!({ "redirect_uris": ["http://127.0.0.1/callback"] })).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let metadata = desk.ask(Request::get(format!("{BASE}/.well-known/oauth-authorization-server")).body(Bytes::new()).unwrap()).await;
    assert!(json(&metadata).get("registration_endpoint").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_its_own_name_gets_what_the_operator_has_written_down() {
    let desk = with_a_robot().await;
    let ask = [("grant_type", "client_credentials"), ("resource", RESOURCE)];
    let given = tokens(&basic(&desk, "/token", "robot", SECRET, &ask).await);
    assert!(desk.opens(&given.access) && given.refresh.is_empty());
    let claims = claims(&given.access);
    assert_eq!((&claims["sub"], &claims["scope"]), (&"robot".into(), &"files:read".into()));
    let old = basic(&desk, "/token", "robot", "the one before, which is being replaced", &ask).await;
    assert_eq!(old.status(), StatusCode::OK);
    let posted = [&ask[..], &[("client_id", "robot"), ("client_secret", SECRET)]].concat();
    assert_eq!(desk.token(&posted).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_prove_who_they_are_gets_nothing() {
    let desk = with_a_robot().await;
    let ask = [("grant_type", "client_credentials"), ("resource", RESOURCE)];
    for (id, secret) in [("robot", "wrong"), ("robot", ""), ("nobody", SECRET)] {
        let refused = basic(&desk, "/token", id, secret, &ask).await;
        assert_eq!((refused.status(), error(&refused).as_str()), (StatusCode::UNAUTHORIZED, "invalid_client"), "{id}");
        assert!(refused.headers()[WWW_AUTHENTICATE].to_str().unwrap().starts_with("Basic "));
    }
    assert_eq!(error(&desk.token(&[&ask[..], &[("client_id", "robot")]].concat()).await), "invalid_client");
    let public = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    assert_eq!(error(&desk.token(&[&ask[..], &[("client_id", &public)]].concat()).await), "unauthorized_client");
    let both = [&ask[..], &[("client_secret", SECRET)]].concat();
    assert_eq!(error(&basic(&desk, "/token", "robot", SECRET, &both).await), "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_prove_who_they_are_may_ask_about_tokens() {
    let desk = with_a_robot().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let given = desk.log_in(&client).await;
    let refused = desk.post_form("/introspect", &[("client_id", &client), ("token", &given.access)]).await;
    assert_eq!(error(&refused), "unauthorized_client");
    let about = async |token: &str| json(&basic(&desk, "/introspect", "robot", SECRET, &[("token", token)]).await);
    let access = about(&given.access).await;
    assert_eq!((&access["active"], &access["sub"], &access["scope"]), (&true.into(), &"ada".into(), &"files:read".into()));
    let refresh = about(&given.refresh).await;
    assert_eq!((&refresh["active"], &refresh["client_id"]), (&true.into(), &client.as_str().into()));
    assert_eq!(about("nonsense").await, value!({ "active": false }));
    desk.post_form("/revoke", &[("client_id", &client), ("token", &given.refresh)]).await;
    for token in [&given.access, &given.refresh] {
        assert_eq!(about(token).await, value!({ "active": false }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_is_the_same_in_every_place_and_open_to_every_page() {
    let desk = Desk::open().await;
    let get = async |path: &str| desk.ask(Request::get(format!("{BASE}{path}")).body(Bytes::new()).unwrap()).await;
    let (oauth, openid) = (get("/.well-known/oauth-authorization-server").await, get("/.well-known/openid-configuration").await);
    assert_eq!(oauth.body(), openid.body());
    assert_eq!(oauth.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let metadata = json(&oauth);
    assert_eq!((&metadata["issuer"], &metadata["code_challenge_methods_supported"]), (&BASE.into(), &value!(["S256"])));
    assert!(!desk.server.serves("/.well-known/oauth-authorization-server/mcp/files"));
    let preflight = Request::builder().method(Method::OPTIONS).uri(format!("{BASE}/token")).body(Bytes::new()).unwrap();
    assert_eq!(desk.ask(preflight).await.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let deleted = Request::builder().method(Method::DELETE).uri(format!("{BASE}/token")).body(Bytes::new()).unwrap();
    assert_eq!(desk.ask(deleted).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}
