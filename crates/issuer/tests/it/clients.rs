//! Clients: how they register, how they prove who they are, and what is none of their business.

use std::net::Ipv6Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use claviger_issuer::config::{ClientProof, Exchange, KnownClient};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, Request, Response, StatusCode};
use oauth::redirect::RedirectUri;
use oauth::scope::ScopeSet;
use serde_json::json as value;

use crate::desk::{BASE, CALLBACK, Desk, RESOURCE, claims, error, form, json, redemption, tokens};

const SECRET: &str = "a secret of the robot, long enough";

async fn with_a_robot() -> Desk {
    Desk::with(|config| {
        config.clients.push(KnownClient {
            id: "robot".to_owned(),
            name: "Robot".to_owned(),
            redirect_uris: vec![RedirectUri::parse(CALLBACK).unwrap()],
            proof: ClientProof::Secrets(vec![SECRET.to_owned().into(), "the one before, which is being replaced".to_owned().into()]),
            own_scopes: Some(ScopeSet::parse("files:read elsewhere").unwrap()),
            exchange: Exchange::default(),
            uses_devices: false,
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

/// Whoever has an IPv6 network has as many addresses as they like.
#[tokio::test(flavor = "multi_thread")]
async fn registrations_from_everywhere_do_not_fill_the_store() {
    let desk = Desk::open().await;
    let register = async |number: u128| {
        let request = Request::post(format!("{BASE}/register")).header(CONTENT_TYPE, "application/json");
        let request = request.body(Bytes::from_static(b"{\"redirect_uris\":[\"http://127.0.0.1/callback\"]}")).unwrap();
        desk.server.answer(&request, Ipv6Addr::from(number << 64).into()).await.status()
    };
    for number in 0..1000 {
        assert_eq!(register(number).await, StatusCode::CREATED, "{number}");
    }
    let before = desk.stored_keys().await;
    for number in 1000..1100 {
        assert_eq!(register(number).await, StatusCode::TOO_MANY_REQUESTS, "{number}");
    }
    assert_eq!(desk.stored_keys().await, before, "who is refused leaves nothing behind");
    desk.advance(600);
    assert_eq!(register(2000).await, StatusCode::CREATED);
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

/// RFC 9700 §4.15
#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_not_taken_for_a_person_of_its_name() {
    let desk = with_a_robot().await;
    let ask = [("grant_type", "client_credentials"), ("resource", RESOURCE)];
    assert_eq!(basic(&desk, "/token", "robot", SECRET, &ask).await.status(), StatusCode::OK);
    let accounts = desk.folder.path().join("accounts.toml");
    let with_a_person = std::fs::read_to_string(&accounts).unwrap().replace("accounts.ada", "accounts.robot");
    std::fs::write(&accounts, format!("{with_a_person}disabled = true\n")).unwrap();
    assert_eq!(error(&basic(&desk, "/token", "robot", SECRET, &ask).await), "unauthorized_client");
}

/// RFC 8628 §5.4: of a public client anybody could say that it waits for a code.
#[tokio::test(flavor = "multi_thread")]
async fn a_known_client_waits_on_a_device_only_where_that_is_written() {
    let public = |uses_devices: bool| KnownClient {
        id: "app".to_owned(),
        name: "App".to_owned(),
        redirect_uris: vec![RedirectUri::parse(CALLBACK).unwrap()],
        proof: ClientProof::None,
        own_scopes: None,
        exchange: Exchange::default(),
        uses_devices,
        wants_bound_tokens: false,
    };
    let (no, yes) =
        (Desk::with(|config| config.clients.push(public(false))).await, Desk::with(|config| config.clients.push(public(true))).await);
    assert_eq!(error(&no.post_form("/device_authorization", &[("client_id", "app")]).await), "unauthorized_client");
    assert_eq!(yes.post_form("/device_authorization", &[("client_id", "app")]).await.status(), StatusCode::OK);
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
    assert_eq!(about(&given.refresh).await, value!({ "active": false }), "a refresh token is for nobody's eyes but its client's");
    let code = desk.code("robot").await;
    let own = tokens(&basic(&desk, "/token", "robot", SECRET, &redemption("robot", &code)).await);
    let refresh = about(&own.refresh).await;
    assert_eq!(
        (&refresh["active"], &refresh["client_id"], &refresh["token_use"]),
        (&true.into(), &"robot".into(), &"refresh_token".into())
    );
    assert_eq!(about("nonsense").await, value!({ "active": false }));
    desk.post_form("/revoke", &[("client_id", &client), ("token", &given.refresh)]).await;
    for token in [&given.access, &given.refresh] {
        assert_eq!(about(token).await, value!({ "active": false }));
    }
}

/// RFC 8414 §3.1: the well-known part goes in between. OpenID appends it, and behind a proxy the path may be gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_name_has_a_path_is_found_in_each_of_the_places_where_clients_look() {
    let name = format!("{BASE}/tenant/a");
    let desk = Desk::with(|config| config.issuer = oauth::issuer::Issuer::parse(&name).unwrap()).await;
    let places = oauth::issuer::Issuer::parse(&name).unwrap().metadata_urls();
    assert_eq!(places.len(), 3, "{places:?}");
    for place in places {
        let metadata = json(&desk.ask(Request::get(&place).body(Bytes::new()).unwrap()).await);
        assert_eq!((&metadata["issuer"], &metadata["token_endpoint"]), (&name.as_str().into(), &format!("{name}/token").into()), "{place}");
        for endpoint in ["authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint", "device_authorization_endpoint"] {
            let path = metadata[endpoint].as_str().unwrap().strip_prefix(BASE).unwrap();
            assert!(desk.server.serves(path) && desk.server.serves(path.strip_prefix("/tenant/a").unwrap()), "{endpoint}: {path}");
        }
    }
    for elsewhere in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/tenant",
        "/.well-known/oauth-authorization-server/tenant/a/",
        "/.well-known/openid-configuration/tenant/b",
        "/tenant/atoken",
        "/tenant/b/token",
    ] {
        assert!(!desk.server.serves(elsewhere), "{elsewhere}");
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
