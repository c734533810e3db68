//! Which tokens open the door? Every way of being refused looks the same from outside, but for "expired".

use serde_json::{Value, json};

use crate::support::{Answer, Door, Key, Plan, now};

fn is_refused(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 401, "{what}: {answer:?}");
    let challenge = answer.challenge();
    assert_eq!(challenge.param("error"), Some("invalid_token"), "{what}");
    assert!(challenge.param("error_description").is_some_and(|text| !text.is_empty()), "{what}");
    assert!(challenge.param("resource_metadata").is_some(), "{what}");
    assert!(answer.message()["error"]["code"].is_i64(), "{what}: a JSON-RPC body");
}

#[tokio::test]
async fn no_token_is_401_with_both_parameters_and_no_error() {
    let door = Plan::both().await.scopes(r#""*" = "base""#).open().await;
    let stranger = door.stranger();
    let knocks = [
        stranger.tool("test_simple_text", json!({})),
        stranger.initialize("2025-11-25"),
        stranger.bare(http::Method::GET).header("accept", "text/event-stream"),
        stranger.bare(http::Method::DELETE),
        stranger.tool("test_simple_text", json!({})).header("authorization", "Basic dXNlcjpwYXNz"),
    ];
    for knock in knocks {
        let answer = knock.clone().send().await;
        assert_eq!(answer.status, 401, "{knock:?}");
        let challenge = answer.challenge();
        assert_eq!(
            challenge.param("resource_metadata"),
            Some(format!("{}/.well-known/oauth-protected-resource/mcp/fixture", door.public_url).as_str())
        );
        assert_eq!(challenge.param("scope"), Some("base"));
        assert_eq!((challenge.param("error"), challenge.param("error_description")), (None, None), "nothing was presented");
    }
}

#[tokio::test]
async fn every_parameter_of_a_challenge_is_quoted() {
    let door = Plan::both().await.scopes(r#""*" = "base""#).open().await;
    let answer = door.stranger().hello().await;
    let header = answer.header("www-authenticate").unwrap().strip_prefix("Bearer ").unwrap().to_owned();
    assert!(
        header
            .split(", ")
            .all(|parameter| parameter.split_once('=').is_some_and(|(_, value)| value.starts_with('"') && value.ends_with('"'))),
        "{header}"
    );
}

#[tokio::test]
async fn a_good_token_of_each_asymmetric_algorithm_is_accepted() {
    let mut door = Door::open().await;
    let rsa = [("RS256", Key::rsa()), ("PS256", Key::rsa_pss())];
    let keys = [("ES256", Key::p256()), ("EdDSA", Key::ed25519())].into_iter().chain(rsa).collect::<Vec<_>>();
    let published: Vec<Value> = keys.iter().map(|(alg, key)| key.jwk(&json!({"kid": alg, "alg": alg, "use": "sig"}))).collect();
    door.issuer.publish(&published);
    let resource = door.resource();
    for (alg, key) in keys {
        let header = json!({"alg": alg, "kid": alg, "typ": "at+jwt"});
        let token = key.sign(&header, &door.issuer.claims(&resource, "alice", ""));
        let answer = door.holder(&token).hello().await;
        assert_eq!(answer.status, 200, "{alg}: {answer:?}");
    }
    assert!(!door.has_ended());
}

#[tokio::test]
async fn audiences_may_stand_in_a_list_and_times_may_differ_a_little() {
    let door = Door::open().await;
    let resource = door.resource();
    for claims in [
        json!({"aud": ["https://other.example", resource]}),
        json!({"iat": now() + 5}),
        json!({"nbf": now() + 5}),
        json!({"exp": now() - 5}),
        json!({"iat": null}),
        json!({"scp": ["one", "two"]}),
    ] {
        let token = door.issuer.odd_token(&resource, &json!({}), &claims);
        let answer = door.holder(&token).hello().await;
        assert_eq!(answer.status, 200, "{claims}: {answer:?}");
    }
    for typ in [json!("JWT"), json!("at+jwt"), json!("application/at+jwt"), Value::Null] {
        let token = door.issuer.odd_token(&resource, &json!({"typ": typ}), &json!({}));
        assert_eq!(door.holder(&token).hello().await.status, 200, "{typ}");
    }
}

#[tokio::test]
async fn a_token_with_one_wrong_claim_is_refused() {
    let door = Plan::both().await.section("[limits]\nfailures_per_address = \"1000/min\"").open().await;
    let resource = door.resource();
    let wrong = [
        ("expired", json!({"exp": now() - 300})),
        ("not yet valid", json!({"nbf": now() + 300})),
        ("issued in the future", json!({"iat": now() + 3600})),
        ("another audience", json!({"aud": "https://other.example/mcp"})),
        ("the origin as audience", json!({"aud": door.public_url})),
        ("a resource that only begins like ours", json!({"aud": format!("{resource}/more")})),
        ("ours with a slash", json!({"aud": format!("{resource}/")})),
        ("no audience", json!({"aud": null})),
        ("an empty list of audiences", json!({"aud": []})),
        ("another issuer", json!({"iss": "https://issuer.example"})),
        ("our issuer with a slash", json!({"iss": format!("{}/", door.issuer.url())})),
        ("no issuer", json!({"iss": null})),
        ("no expiry", json!({"exp": null})),
        ("an expiry that is text", json!({"exp": "4102444800"})),
        ("no subject", json!({"sub": null})),
        ("an empty subject", json!({"sub": ""})),
        ("an id token by its nonce", json!({"nonce": "n-0S6_WzA2Mj"})),
        ("an id token by its at_hash", json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"})),
        ("a logout token", json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}})),
    ];
    for (what, claims) in wrong {
        is_refused(&door.holder(&door.issuer.odd_token(&resource, &json!({}), &claims)).hello().await, what);
    }
}

#[tokio::test]
async fn a_token_with_one_wrong_header_is_refused() {
    let door = Plan::both().await.section("[limits]\nfailures_per_address = \"1000/min\"").open().await;
    let resource = door.resource();
    let wrong = [
        ("ID-JAG", json!({"typ": "oauth-id-jag+jwt"})),
        ("DPoP proof", json!({"typ": "dpop+jwt"})),
        ("logout token", json!({"typ": "logout+jwt"})),
        ("unknown type", json!({"typ": "something+jwt"})),
        ("critical extension", json!({"crit": ["exp"]})),
        ("key in the header", json!({"jwk": Key::p256().jwk(&json!({}))})),
        ("key by URL", json!({"jku": "https://evil.example/jwks"})),
        ("certificate chain", json!({"x5c": ["AAAA"]})),
        ("another algorithm of the same key", json!({"alg": "ES384"})),
        ("RSA of an EC key", json!({"alg": "RS256"})),
        ("unknown algorithm", json!({"alg": "XS256"})),
    ];
    for (what, header) in wrong {
        is_refused(&door.holder(&door.issuer.odd_token(&resource, &header, &json!({}))).hello().await, what);
    }
}

#[tokio::test]
async fn unsigned_and_wrongly_signed_tokens_are_refused() {
    let mut door = Plan::both().await.section("[limits]\nfailures_per_address = \"1000/min\"").open().await;
    door.issuer.sign_with(Key::rsa(), "rsa");
    let resource = door.resource();
    let claims = door.issuer.claims(&resource, "mallory", "");
    let mut tokens = Vec::new();
    for none in ["none", "None", "NONE", "nOnE"] {
        let token = Key::p256().sign(&json!({"alg": none, "typ": "at+jwt"}), &claims);
        let (input, _) = token.rsplit_once('.').unwrap();
        tokens.extend([token.clone(), format!("{input}."), input.to_owned()]);
    }
    // RFC 8725 §2.1: the public key as the secret of HS256.
    for form in door.issuer.key().public_rsa_forms() {
        tokens.push(Key::Hmac(form).sign(&json!({"alg": "HS256", "typ": "at+jwt", "kid": "rsa"}), &claims));
    }
    tokens.push(Key::p256().sign(&json!({"alg": "ES256", "typ": "at+jwt", "kid": "rsa"}), &claims));
    let good = door.issuer.token(&resource, "alice", "");
    let (input, signature) = good.rsplit_once('.').unwrap();
    tokens.push(format!("{input}.{}", signature.chars().rev().collect::<String>()));
    tokens.push(format!("{input}."));
    for token in tokens {
        is_refused(&door.holder(&token).hello().await, &token);
    }
    assert_eq!(door.holder(&good).hello().await.status, 200);
}

#[tokio::test]
async fn garbage_is_refused_as_what_it_is() {
    let door = Plan::both().await.section("[limits]\nfailures_per_address = \"1000/min\"").open().await;
    let long = "a".repeat(17_000);
    for token in ["garbage", "a.b.c", "..", "eyJhbGciOiJFUzI1NiJ9.e30.", "a.b.c.d.e", long.as_str()] {
        is_refused(&door.holder(token).hello().await, &token[..token.len().min(20)]);
    }
}

#[tokio::test]
async fn refusals_do_not_tell_which_check_failed() {
    let door = Door::open().await;
    let resource = door.resource();
    let refused = async |claims: Value| door.holder(&door.issuer.odd_token(&resource, &json!({}), &claims)).hello().await;
    let audience = refused(json!({"aud": "https://other.example/mcp"})).await;
    for other in [
        refused(json!({"iss": "https://issuer.example"})).await,
        refused(json!({"nbf": now() + 999})).await,
        door.holder("x.y.z").hello().await,
    ] {
        assert_eq!(other.header("www-authenticate"), audience.header("www-authenticate"));
        assert_eq!(other.body, audience.body);
    }
    let expired = refused(json!({"exp": now() - 999})).await;
    assert!(expired.challenge().param("error_description").unwrap().contains("expired"), "that helps an honest client");
}

#[tokio::test]
async fn a_malformed_way_of_authenticating_is_400() {
    let door = Door::open().await;
    let good = door.caller("alice").tool("test_simple_text", json!({}));
    let token = door.issuer.token(&door.resource(), "alice", "");
    let malformed = [
        ("two headers", good.clone().also("authorization", format!("Bearer {token}"))),
        ("no token", good.clone().header("authorization", "Bearer")),
        ("an empty token", good.clone().header("authorization", "Bearer ")),
        ("two tokens", good.clone().header("authorization", format!("Bearer {token} {token}"))),
        ("a list", good.clone().header("authorization", format!("Bearer {token}, Bearer {token}"))),
        ("bytes that are no token", good.clone().header("authorization", b"Bearer \xff\xfe")),
        ("in the query, alone", good.clone().without("authorization").target_suffix(&format!("?access_token={token}"))),
        ("in the query, too", good.clone().target_suffix(&format!("?x=1&access_token={token}"))),
    ];
    for (what, request) in malformed {
        let answer = request.send().await;
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        assert_eq!(answer.challenge().param("error"), Some("invalid_request"), "{what}");
    }
    assert_eq!(good.clone().header("authorization", format!("bearer {token}")).send().await.status, 200, "the scheme has no case");
    assert_eq!(good.header("authorization", format!("BEARER  {token}")).send().await.status, 200, "RFC 9110 §11.4 allows spaces");
}

#[tokio::test]
async fn a_token_in_the_body_is_no_token() {
    let door = Door::open().await;
    let token = door.issuer.token(&door.resource(), "alice", "");
    let request = door.stranger().post(format!("access_token={token}")).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(request.send().await.status, 401);
}

#[tokio::test]
async fn the_token_of_one_server_is_no_good_at_the_next() {
    let plan = Plan::both().await;
    let second = format!("[servers.second]\n{}", plan.server);
    let door = plan.section(&second).open().await;
    let mut caller = door.caller("alice");
    assert_eq!(caller.hello().await.status, 200);
    caller.path = "/mcp/second".to_owned();
    is_refused(&caller.hello().await, "the audience is the other server");
    let token = door.issuer.token(&door.resource_of("second"), "alice", "");
    is_refused(&door.holder(&token).hello().await, "and the other way round");
}

#[tokio::test]
async fn a_token_is_checked_on_every_request_of_a_session() {
    let door = Door::open().await;
    let session = door.caller("alice").session().await;
    let expired = door.issuer.odd_token(&door.resource(), &json!({}), &json!({"sub": "alice", "exp": now() - 300}));
    let stale = session.stolen_by(&door.holder(&expired));
    for request in [stale.tool("test_simple_text", json!({})), stale.listen(), stale.end()] {
        is_refused(&request.send().await, "a session never authenticates");
    }
    assert_eq!(session.hello().await.status, 200);
}

#[tokio::test]
async fn a_cached_token_does_not_outlive_its_expiry() {
    let door = Door::open().await;
    // The leeway for clocks is 30 seconds, so this one is good for two more.
    let token = door.issuer.odd_token(&door.resource(), &json!({}), &json!({"exp": now() - 28}));
    let caller = door.holder(&token);
    assert_eq!(caller.hello().await.status, 200);
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    is_refused(&caller.hello().await, "expired since");
}
