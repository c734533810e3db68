//! More than one issuer at a door: which tokens open which server, and what each server's metadata says.

use serde_json::{Value, json};

use crate::support::{Caller, Door, Issuer, Key, Plan};

/// `both` takes tokens of either issuer, `first` those of the door's own, `second` those of the other.
struct Scene {
    door: Door,
    other: Issuer,
}

impl Scene {
    async fn open() -> Self {
        let mut other = Issuer::start();
        // The same name for another key.
        other.sign_with(Key::p256(), "first");
        let plan = Plan::both().await;
        let url = plan.fixture.as_ref().unwrap().url.clone();
        let servers = ["both", "first", "second"].map(|name| format!("[servers.{name}]\nurl = {url:?}\n"));
        let accept = format!(
            "[[accept]]\nissuer = \"ISSUER\"\nservers = [\"fixture\", \"both\", \"first\"]\n\n[[accept]]\nissuer = {:?}\nservers = [\"second\", \"both\"]\n",
            other.url()
        );
        let door = plan.accept(&accept).section(&servers.concat()).open().await;
        Self { door, other }
    }

    fn at(&self, server: &str, issuer: &Issuer) -> Caller {
        self.with(server, &issuer.token(&self.door.resource_of(server), "alice", ""))
    }

    fn with(&self, server: &str, token: &str) -> Caller {
        Caller { path: format!("/mcp/{server}"), ..self.door.holder(token) }
    }

    async fn issuers_of(&self, server: &str) -> Value {
        let answer = self.door.get(&format!("/.well-known/oauth-protected-resource/mcp/{server}")).send().await;
        serde_json::from_slice::<Value>(&answer.body).unwrap()["authorization_servers"].take()
    }
}

#[tokio::test]
async fn each_servers_metadata_names_its_own_issuers_in_the_order_of_the_file() {
    let scene = Scene::open().await;
    let (first, second) = (scene.door.issuer.url(), scene.other.url());
    assert_eq!(scene.issuers_of("both").await, json!([first, second]));
    assert_eq!(scene.issuers_of("first").await, json!([first]));
    assert_eq!(scene.issuers_of("second").await, json!([second]));
    let challenge = scene.with("second", "nonsense").hello().await.challenge();
    let metadata = format!("{}/.well-known/oauth-protected-resource/mcp/second", scene.door.public_url);
    assert_eq!(challenge.param("resource_metadata"), Some(metadata.as_str()));
}

#[tokio::test]
async fn a_token_opens_the_servers_that_trust_its_issuer_and_no_other() {
    let scene = Scene::open().await;
    for (server, issuer, status) in [
        ("both", &scene.door.issuer, 200),
        ("both", &scene.other, 200),
        ("first", &scene.door.issuer, 200),
        ("first", &scene.other, 401),
        ("second", &scene.door.issuer, 401),
        ("second", &scene.other, 200),
    ] {
        let answer = scene.at(server, issuer).hello().await;
        assert_eq!(answer.status, status, "{server}, {}: {answer:?}", issuer.url());
    }
    assert_eq!((scene.door.issuer.key_fetches(), scene.other.key_fetches()), (1, 1), "no issuer is asked about another's token");
}

/// Whoever may sign for one issuer must not be able to sign for another under the name of that one's key.
#[tokio::test]
async fn two_keys_of_one_name_stay_the_keys_of_their_issuers() {
    let scene = Scene::open().await;
    for (signer, named) in [(&scene.other, &scene.door.issuer), (&scene.door.issuer, &scene.other)] {
        let token = signer.odd_token(&scene.door.resource_of("both"), &json!({"kid": "first"}), &json!({"iss": named.url()}));
        assert_eq!(scene.with("both", &token).hello().await.status, 401);
    }
    for issuer in [&scene.door.issuer, &scene.other] {
        assert_eq!(scene.at("both", issuer).hello().await.status, 200, "neither has spoilt the other");
    }
}

#[tokio::test]
async fn the_same_subject_of_two_issuers_is_two_callers() {
    let scene = Scene::open().await;
    let (ours, theirs) = (scene.at("both", &scene.door.issuer), scene.at("both", &scene.other));
    let session = ours.session().await;
    assert_eq!(session.stolen_by(&theirs).hello().await.status, 404);
    assert_eq!(session.hello().await.status, 200);
}

#[tokio::test]
async fn while_one_issuer_is_away_the_other_serves_on() {
    let mut scene = Scene::open().await;
    scene.other.go_away();
    assert_eq!(scene.at("both", &scene.other).hello().await.status, 503);
    assert_eq!(scene.at("both", &scene.door.issuer).hello().await.status, 200);
}
