//! The keys of an issuer: found, kept, exchanged, missing, malformed.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use crate::support::{Door, Issuer, Key, Plan};

#[tokio::test]
async fn keys_are_fetched_once_for_many_callers_at_the_same_time() {
    let door = Door::open().await;
    door.issuer.take_its_time(Duration::from_millis(300));
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..20 {
        let caller = door.caller(&format!("caller-{number}"));
        calls.spawn(async move { caller.hello().await.status });
    }
    while let Some(status) = calls.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!((door.issuer.discoveries(), door.issuer.key_fetches()), (1, 1));
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_once_and_then_left_alone() {
    let mut door = Door::open().await;
    assert_eq!(door.caller("alice").hello().await.status, 200);
    assert_eq!(door.issuer.key_fetches(), 1);
    door.issuer.sign_with(Key::p256(), "second");
    let answer = door.caller("alice").hello().await;
    assert_eq!(answer.status, 200, "a key that was exchanged is found at the first token that names it: {answer:?}");
    assert_eq!(door.issuer.key_fetches(), 2);
    for number in 0..10 {
        let token = door.issuer.odd_token(&door.resource(), &json!({"kid": format!("invented-{number}")}), &json!({}));
        assert_eq!(door.holder(&token).hello().await.status, 401);
    }
    assert_eq!(door.issuer.key_fetches(), 2, "invented key ids cost the issuer nothing within the cool-down");
    assert_eq!(door.caller("alice").hello().await.status, 200);
}

#[tokio::test]
async fn one_unusable_key_does_not_spoil_the_set() {
    let door = Door::open().await;
    let secret = "oct-secret-0123456789-0123456789-0123456789";
    let mut keyless = Key::rsa().jwk(&json!({"use": "sig"}));
    keyless.as_object_mut().unwrap().remove("kid");
    let good = door.issuer.key().jwk(&json!({"kid": "first", "alg": "ES256", "use": "sig"}));
    let oct = Key::Hmac(secret.as_bytes().to_vec()).jwk(&json!({"kid": "first", "alg": "HS256"}));
    let oct_text = oct["k"].as_str().unwrap().to_owned();
    let curve = json!({"kty": "EC", "crv": "secp256k1", "kid": "odd", "x": "AAAA", "y": "AAAA"});
    let unknown = json!({"kty": "QUANTUM", "kid": "later"});
    let encryption = Key::p256().jwk(&json!({"kid": "enc", "use": "enc"}));
    door.issuer.publish(&[keyless, oct, curve, unknown, encryption, good]);
    let answer = door.caller("alice").hello().await;
    assert_eq!(answer.status, 200, "{answer:?}\n{}", door.said());
    let forged = Key::Hmac(secret.as_bytes().to_vec())
        .sign(&json!({"alg": "HS256", "kid": "first"}), &door.issuer.claims(&door.resource(), "mallory", ""));
    assert_eq!(door.holder(&forged).hello().await.status, 401, "a symmetric key in a JWKS is never used");
    assert!(!door.said().contains(&oct_text) && !door.said().contains(secret), "key material never reaches the log");
}

#[tokio::test]
async fn a_token_without_a_key_id_is_good_when_only_one_key_can_be_meant() {
    let door = Door::open().await;
    door.issuer.publish(&[door.issuer.key().jwk(&json!({}))]);
    let token = door.issuer.odd_token(&door.resource(), &json!({"kid": null}), &json!({}));
    let answer = door.holder(&token).hello().await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn an_issuer_that_is_away_does_not_keep_the_door_from_opening() {
    let plan = Plan::both().await.issuer(Issuer::away());
    let mut door = plan.open().await;
    assert_eq!(door.get("/health").send().await.status, 200);
    let answer = door.caller("alice").hello().await;
    assert_eq!(answer.status, 503, "it cannot be judged now, which is nobody's fault but the issuer's: {answer:?}");
    assert!(answer.header("retry-after").is_some());
    assert!(answer.message()["error"]["code"].is_i64());
    assert_eq!(door.stranger().hello().await.status, 401, "the rest works");
    door.issuer.come_back();
    let served = async {
        while door.caller("alice").hello().await.status != 200 {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), served).await.expect("an issuer that is back is asked again soon");
}

#[tokio::test]
async fn known_keys_serve_on_while_the_issuer_is_away() {
    let mut door = Door::open().await;
    assert_eq!(door.caller("alice").hello().await.status, 200);
    door.issuer.go_away();
    assert_eq!(door.caller("bob").hello().await.status, 200);
}

#[tokio::test]
async fn metadata_of_another_issuer_is_not_believed() {
    let door = Door::open().await;
    let url = door.issuer.url();
    for issuer in [format!("{url}/"), "https://evil.example".to_owned()] {
        door.issuer.describe(&json!({"issuer": issuer, "jwks_uri": format!("{url}/jwks")}));
        let answer = door.caller("alice").hello().await;
        assert_eq!(answer.status, 503, "RFC 8414 §3.3, {issuer}: {answer:?}");
    }
    assert_eq!(door.issuer.key_fetches(), 0);
}

#[tokio::test]
async fn an_issuer_cannot_send_the_door_into_the_network_behind_it() {
    for uri in [
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/jwks",
        "http://[::ffff:10.0.0.1]/jwks",
        "https://192.168.0.1/jwks",
        "file:///etc/passwd",
    ] {
        let door = Door::open().await;
        door.issuer.describe(&json!({"issuer": door.issuer.url(), "jwks_uri": uri}));
        let started = tokio::time::Instant::now();
        let answer = door.caller("alice").hello().await;
        assert_eq!(answer.status, 503, "{uri}: {answer:?}");
        assert!(started.elapsed() < Duration::from_secs(2), "{uri} was tried");
    }
}

// A second spelling of this machine: refused like an inner network, and reachable where there is none.
#[tokio::test]
async fn an_inner_network_opens_for_issuers_when_it_is_named_and_only_by_https() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let inner = format!("//[::ffff:127.0.0.1]:{}/jwks", listener.local_addr().unwrap().port());
    let named = "[outbound]\nallowed_networks = [\"10.20.0.0/16\", \"::ffff:127.0.0.1\"]";
    for (scheme, section, is_called) in [("https", "", false), ("http", named, false), ("https", named, true)] {
        let door = Plan::both().await.section(section).open().await;
        door.issuer.describe(&json!({"issuer": door.issuer.url(), "jwks_uri": format!("{scheme}:{inner}")}));
        let mut first = [0];
        let called = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_exact(&mut first).await.unwrap();
        };
        let caller = door.caller("alice");
        let (answer, called) = tokio::join!(caller.hello(), tokio::time::timeout(Duration::from_secs(2), called));
        assert_eq!((answer.status, called.is_ok()), (503, is_called), "{scheme}, {section:?}: {}", door.said());
        assert_eq!(first[0] == TLS_HANDSHAKE, is_called, "no word in the clear");
    }
}

#[tokio::test]
async fn the_metadata_service_of_a_cloud_does_not_open_with_its_network() {
    let door = Plan::both().await.section("[outbound]\nallowed_networks = [\"169.254.0.0/16\", \"fd00::/8\"]").open().await;
    for address in ["169.254.169.254", "169.254.170.2", "[fd00:ec2::254]"] {
        let said = door.said().len();
        door.issuer.describe(&json!({"issuer": door.issuer.url(), "jwks_uri": format!("https://{address}/latest/meta-data")}));
        let refused = async {
            while !door.said()[said..].contains(&format!("{} is a cloud metadata address", address.trim_matches(['[', ']']))) {
                assert_eq!(door.caller("alice").hello().await.status, 503);
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), refused).await.unwrap_or_else(|_| panic!("{address}: {}", door.said()));
    }
}

#[tokio::test]
async fn a_key_set_that_is_no_key_set_is_a_failure_of_the_issuer() {
    let many: Vec<Value> = (0..2_000).map(|number| json!({"kty": "EC", "kid": number.to_string()})).collect();
    for keys in [vec![], vec![json!(7), json!("x"), Value::Null], many] {
        let door = Door::open().await;
        door.issuer.publish(&keys);
        let answer = door.caller("alice").hello().await;
        assert!([401, 503].contains(&answer.status), "{answer:?}");
        assert_eq!(door.get("/health").send().await.status, 200);
    }
}

#[tokio::test]
async fn subjects_of_two_issuers_are_two_people() {
    let (first, second) = (Issuer::start(), Issuer::start());
    let accept = format!("[[accept]]\nissuer = {:?}\n[[accept]]\nissuer = {:?}\n", first.url(), second.url());
    let door = Plan::both().await.issuer(first).accept(&accept).open().await;
    let other = door.holder(&second.token(&door.resource(), "alice", ""));
    let session = door.caller("alice").session().await;
    assert_eq!(other.hello().await.status, 200);
    assert_eq!(session.stolen_by(&other).hello().await.status, 404);
}

#[tokio::test]
async fn an_issuer_is_good_for_the_servers_that_it_is_named_for() {
    let plan = Plan::both().await;
    let second = format!("[servers.second]\n{}", plan.server);
    let other = Issuer::start();
    let accept = format!(
        "[[accept]]\nissuer = \"ISSUER\"\nservers = [\"fixture\"]\n[[accept]]\nissuer = {:?}\nservers = [\"second\"]\n",
        other.url()
    );
    let door = plan.section(&second).accept(&accept).open().await;
    assert_eq!(door.caller("alice").hello().await.status, 200);
    let mut caller = door.holder(&door.issuer.token(&door.resource_of("second"), "alice", ""));
    caller.path = "/mcp/second".to_owned();
    assert_eq!(caller.hello().await.status, 401);
    caller.token = Some(other.token(&door.resource_of("second"), "alice", ""));
    assert_eq!(caller.hello().await.status, 200);
}

/// The first byte of a TLS client (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 22;
