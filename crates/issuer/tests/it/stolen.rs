//! The store in other hands: it opens nothing, and says of nobody what they have granted.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use http::header::REFRESH;
use url::Url;

use crate::desk::{Browser, CALLBACK, Desk, PASSWORD, RESOURCE, asked, back, question, tokens};
use crate::provider::Puppet;

/// By which we hear of somebody from their provider.
const THEIRS: &str = "the provider's own refresh token";

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_store_has_no_key_no_token_and_no_name_in_it() {
    let puppet = Puppet::new();
    puppet.said.lock().unwrap().refresh_token = Some(THEIRS);
    let desk = Desk::with(|config| config.providers = vec![puppet.named("idp")]).await;
    let client = desk.register("A client of distinction", &[CALLBACK]).await;
    let code = desk.code(&client).await;
    let tokens = tokens(&desk.redeem(&client, &code).await);
    let waiting = desk.code(&client).await;
    let state = came_from_elsewhere(&desk, &client).await;
    let published: serde_json::Value = serde_json::from_str(&desk.server.published_keys().await.unwrap()).unwrap();
    // A private key is kept together with its public half.
    let half = published["keys"][0]["x"].as_str().unwrap().to_owned();
    let half_bytes = URL_SAFE_NO_PAD.decode(&half).unwrap();
    let half_text = STANDARD_NO_PAD.encode(&half_bytes);
    let secrets = [&*tokens.access, &*tokens.refresh, &*code, &*waiting, &*half, &*half_text, PASSWORD, THEIRS, &state];
    let names = ["A client of distinction", CALLBACK, RESOURCE, "ada", "Ada", "files:read", "idp|007", "Grace", "Grace@Example.com"];
    let stored = desk.stored().await;
    for kind in ["issuer/grant/", "issuer/code/", "issuer/client/", "issuer/keys", "issuer/person/"] {
        assert!(stored.iter().any(|(key, _)| key.starts_with(kind)), "nothing of {kind} was looked at");
    }
    for (key, value) in &stored {
        let has = |part: &[u8]| [key.as_bytes(), value].iter().any(|bytes| bytes.windows(part.len()).any(|window| window == part));
        assert!(!has(&half_bytes), "{key} has a key in it");
        for text in secrets.into_iter().chain(names).filter(|text| text.len() > 3) {
            assert!(!has(text.as_bytes()), "{key} has `{text}` in it");
        }
        let is_count = value.iter().all(u8::is_ascii_digit);
        assert!(is_count || serde_json::from_slice::<serde_json::Value>(value).is_err(), "{key} is not sealed");
    }
}

/// Somebody signs in at a provider, for a client that gets its tokens; the `state` that they came back with.
async fn came_from_elsewhere(desk: &Desk, client: &str) -> String {
    let mut browser = Browser::default();
    let page = browser.get(desk, &question(client)).await;
    let page = browser.post(desk, "/authorize/sign-in", &[("asked", &asked(&page)), ("provider", "idp")]).await;
    let page = browser.post(desk, "/authorize/consent", &[("asked", &asked(&page)), ("provider", "idp")]).await;
    let refresh = page.headers()[REFRESH].to_str().unwrap().strip_prefix("0;url=").unwrap();
    let sent = Url::parse(refresh).unwrap();
    let state = sent.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let page = browser.get(desk, &format!("/authorize/back/idp?code=c&state={state}")).await;
    tokens(&desk.redeem(client, &back(&page)["code"]).await);
    state
}
