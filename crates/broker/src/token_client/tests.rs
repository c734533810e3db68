//! What goes to a token endpoint, what is kept of its answers, and what is said about its refusals.

use std::path::Path;
use std::time::Duration;

use oauth::resource::Resource;
use oauth::scope::ScopeSet;

use super::*;
use crate::authorization_server::TokenGrant;
use crate::resolve::Resolver;
use crate::source::{Environment, Files, OpenFiles, Sources};
use crate::testing::{Endpoint, Watch, client, permit, secret, token};

fn resolver(watch: &Watch, folder: &Path) -> Resolver {
    let variables = [("SECRET", "correct horse/battery"), ("SHORT", "abc")];
    let environment: Environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
    Resolver::new(Sources::local(environment, Files::new(folder.to_owned(), OpenFiles::Warn)), watch.clock())
}

fn grant(server: AuthorizationServer) -> TokenGrant {
    let wanted = Wanted {
        resource: Some(Resource::parse("https://docs.example/mcp").unwrap()),
        audience: None,
        scopes: ScopeSet::parse("write read").unwrap(),
    };
    TokenGrant { server, wanted, early: Duration::from_secs(300) }
}

struct Bench {
    watch: Watch,
    credential: Credential,
}

impl Bench {
    fn new(server: AuthorizationServer) -> Self {
        let watch = Watch::new();
        let credential = resolver(&watch, Path::new("/")).client_credentials(&grant(server), &client()).unwrap();
        Self { watch, credential }
    }

    async fn get(&self) -> Result<String, Cause> {
        self.credential.release(&permit()).await.map(|released| released.expose().to_owned()).map_err(|missing| missing.cause)
    }
}

#[tokio::test]
async fn a_secret_goes_into_the_header_and_the_wish_into_the_form() {
    let endpoint = Endpoint::numbering(3600).await;
    let bench = Bench::new(endpoint.server(secret("${SECRET}")));
    assert_eq!(bench.get().await.unwrap(), "Bearer token-1");
    let asked = &endpoint.asked()[0];
    assert_eq!(asked.authorization.as_deref(), Some(client_authentication::basic("door", "correct horse/battery").as_str()));
    let form: Vec<(&str, &str)> = asked.form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(form, [("grant_type", "client_credentials"), ("resource", "https://docs.example/mcp"), ("scope", "read write")]);
}

#[tokio::test]
async fn a_secret_may_go_into_the_form_and_a_public_client_says_its_name() {
    let endpoint = Endpoint::numbering(3600).await;
    let post = Proof::Secret { secret: Template::parse("${SECRET}").unwrap(), method: Some(Method::ClientSecretPost) };
    for proof in [post, Proof::None] {
        Bench::new(endpoint.server(proof)).get().await.unwrap();
    }
    let asked = endpoint.asked();
    assert_eq!(asked[0].form["client_secret"], "correct horse/battery");
    assert_eq!(asked[1].form.get("client_secret"), None);
    assert!(asked.iter().all(|asked| asked.authorization.is_none() && asked.form["client_id"] == "door"));
}

#[tokio::test]
async fn a_key_signs_for_the_issuer() {
    let endpoint = Endpoint::numbering(3600).await;
    let folder = tempfile::TempDir::new().unwrap();
    let made =
        std::process::Command::new("openssl").args(["genpkey", "-algorithm", "ED25519", "-out"]).arg(folder.path().join("key")).status();
    assert!(made.unwrap().success());
    let key = Template::parse("file://./key").unwrap();
    let proof = Proof::PrivateKey { key, key_id: None, issuer: Issuer::parse("https://idp.example").unwrap() };
    let credential = resolver(&Watch::new(), folder.path()).client_credentials(&grant(endpoint.server(proof)), &client()).unwrap();
    assert_eq!(credential.release(&permit()).await.unwrap().expose(), "Bearer token-1");
    let form = &endpoint.asked()[0].form;
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assert_eq!(form["client_assertion"].split('.').count(), 3);
    assert_eq!(form.get("client_id"), None);
}

#[tokio::test]
async fn a_token_is_kept_and_renewed_before_its_end() {
    let endpoint = Endpoint::numbering(3600).await;
    let bench = Bench::new(endpoint.server(Proof::None));
    for seconds in [0, 1, 3299] {
        bench.watch.set(seconds);
        assert_eq!(bench.get().await.unwrap(), "Bearer token-1");
    }
    bench.watch.set(3301);
    assert_eq!(bench.get().await.unwrap(), "Bearer token-1", "nobody waits for the next");
    while bench.get().await.unwrap() == "Bearer token-1" {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.get().await.unwrap(), "Bearer token-2");
    assert_eq!(endpoint.asked().len(), 2);
}

#[tokio::test]
async fn a_token_without_a_lifetime_is_kept_for_five_minutes() {
    let endpoint = Endpoint::start(|_, number| (200, format!(r#"{{"access_token":"token-{number}","token_type":"bearer"}}"#))).await;
    let bench = Bench::new(endpoint.server(Proof::None));
    assert_eq!(bench.get().await.unwrap(), "Bearer token-1");
    bench.watch.set(269);
    assert_eq!(bench.get().await.unwrap(), "Bearer token-1");
    bench.watch.set(300);
    assert_eq!(bench.get().await.unwrap(), "Bearer token-2");
}

#[tokio::test]
async fn while_the_server_is_away_the_token_serves_to_its_end_and_no_longer() {
    let endpoint = Endpoint::start(|_, number| if number == 1 { (200, token("token-1", 100)) } else { (503, String::new()) }).await;
    let bench = Bench::new(endpoint.server(Proof::None));
    for seconds in [0, 91, 95, 99] {
        bench.watch.set(seconds);
        assert_eq!(bench.get().await.unwrap(), "Bearer token-1", "{seconds}");
    }
    bench.watch.set(100);
    assert!(matches!(bench.get().await, Err(Cause::Unavailable { .. })));
}

#[tokio::test]
async fn a_refused_token_is_fetched_anew() {
    let endpoint = Endpoint::numbering(3600).await;
    let bench = Bench::new(endpoint.server(Proof::None));
    let released = bench.credential.release(&permit()).await.unwrap();
    assert!(bench.credential.refuse(released.stamp));
    assert_eq!(bench.get().await.unwrap(), "Bearer token-2");
}

#[tokio::test]
async fn requests_are_limited_for_all_who_ask_as_one_client() {
    let endpoint = Endpoint::numbering(3600).await;
    let watch = Watch::new();
    let resolver = resolver(&watch, Path::new("/"));
    let credential = |server| resolver.client_credentials(&grant(server), &client()).unwrap();
    let mut kept = Vec::new();
    for _ in 0..10 {
        kept.push(credential(endpoint.server(Proof::None)));
        kept.last().unwrap().release(&permit()).await.unwrap();
    }
    let missing = credential(endpoint.server(Proof::None)).release(&permit()).await.err().unwrap();
    assert_eq!(missing.cause, Cause::TooOften { retry_after: Duration::from_secs(6) });
    assert_eq!(endpoint.asked().len(), 10);
    let other = AuthorizationServer { client_id: "other".to_owned(), ..endpoint.server(Proof::None) };
    assert!(credential(other).release(&permit()).await.is_ok());
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words_unless_they_hold_a_secret() {
    for (words, reference, expected) in [
        ("unknown client", "${SECRET}", " gives no token: invalid_client (unknown client)"),
        ("wrong: correct horse/battery", "${SECRET}", " gives no token: invalid_client"),
        ("wrong: correct ho…", "${SECRET}", " gives no token: invalid_client"),
        ("wrong: abc", "${SHORT}", " gives no token: invalid_client"),
    ] {
        let body = serde_json::json!({"error": "invalid_client", "error_description": words}).to_string();
        let endpoint = Endpoint::start(move |_, _| (401, body.clone())).await;
        let cause = Bench::new(endpoint.server(secret(reference))).get().await.unwrap_err();
        let Cause::Refused { detail } = &cause else { panic!("{cause:?}") };
        assert_eq!(&**detail, format!("`{}/token`{expected}", endpoint.url));
    }
}

#[tokio::test]
async fn a_secret_in_place_of_an_errors_name_is_hidden() {
    let endpoint = Endpoint::start(|_, _| (400, r#"{"error":"abc","error_description":"abc"}"#.to_owned())).await;
    let cause = Bench::new(endpoint.server(secret("${SHORT}"))).get().await.unwrap_err();
    assert_eq!(cause, Cause::Refused { detail: format!("`{}/token` gives no token: hidden", endpoint.url).into() });
}

#[tokio::test]
async fn a_refused_secret_is_fetched_anew_for_the_next_request() {
    use std::os::unix::fs::PermissionsExt as _;

    let good = client_authentication::basic("door", "new").to_string();
    let endpoint = Endpoint::start(move |asked, _| match asked.authorization.as_deref() {
        Some(found) if found == good => (200, token("token", 60)),
        _ => (401, r#"{"error":"invalid_client"}"#.to_owned()),
    })
    .await;
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "old").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let watch = Watch::new();
    let credential =
        resolver(&watch, folder.path()).client_credentials(&grant(endpoint.server(secret("file://./secret?ttl=3600"))), &client()).unwrap();
    assert_eq!(credential.release(&permit()).await.err().unwrap().code(), "refused");
    std::fs::write(&file, "new").unwrap();
    watch.set(2);
    assert_eq!(credential.release(&permit()).await.unwrap().expose(), "Bearer token");
}

/// An issuer that answers at its RFC 8414 place as `metadata` says of its own URL.
async fn issuer(metadata: fn(&str) -> serde_json::Value) -> Endpoint {
    let place = Arc::new(std::sync::OnceLock::<String>::new());
    let known = Arc::clone(&place);
    let endpoint = Endpoint::start(move |asked, _| match asked.path.as_str() {
        "/.well-known/oauth-authorization-server" => (200, metadata(known.get().unwrap()).to_string()),
        "/t" if asked.form["client_secret"] == "correct horse/battery" => (200, token("token", 60)),
        _ => (404, String::new()),
    })
    .await;
    place.set(endpoint.url.clone()).unwrap();
    endpoint
}

#[tokio::test]
async fn an_issuer_says_where_and_how_and_is_asked_once() {
    let endpoint = issuer(|url| {
        let methods = ["client_secret_post"];
        serde_json::json!({"issuer": url, "token_endpoint": format!("{url}/t"), "token_endpoint_auth_methods_supported": methods})
    })
    .await;
    let place = Place::Discovered(Issuer::parse(&endpoint.url).unwrap());
    let bench = Bench::new(AuthorizationServer { place, ..endpoint.server(secret("${SECRET}")) });
    for seconds in [0, 60, 120] {
        bench.watch.set(seconds);
        assert_eq!(bench.get().await.unwrap(), "Bearer token");
    }
    let paths: Vec<String> = endpoint.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/.well-known/oauth-authorization-server", "/t", "/t", "/t"]);
}

#[tokio::test]
async fn an_issuer_that_speaks_for_another_or_sends_us_elsewhere_gives_nothing() {
    let documents: [fn(&str) -> serde_json::Value; 3] = [
        |url| serde_json::json!({"issuer": format!("{url}/"), "token_endpoint": format!("{url}/t")}),
        |url| serde_json::json!({"issuer": url}),
        |url| serde_json::json!({"issuer": url, "token_endpoint": "http://10.0.0.1/t"}),
    ];
    for metadata in documents {
        let endpoint = issuer(metadata).await;
        let place = Place::Discovered(Issuer::parse(&endpoint.url).unwrap());
        let cause = Bench::new(AuthorizationServer { place, ..endpoint.server(secret("${SECRET}")) }).get().await.unwrap_err();
        assert!(!cause.is_transient(), "{cause}");
        assert!(endpoint.asked().iter().all(|asked| asked.path != "/t"));
    }
}
