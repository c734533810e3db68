//! Whose grant is it, how long does it last, and who may use it?

use std::path::Path as FilePath;
use std::sync::atomic::{AtomicBool, Ordering};

use oauth::token_response::{self, Expected};
use serde_json::json;
use store::memory::{Limits, Memory};
use store::seal::InstanceKey;
use store::{Answer, Failure, Store};

use super::*;
use crate::authorization_server::Proof;
use crate::resolve::Resolver;
use crate::source::{Environment, Files, OpenFiles, Sources};
use crate::testing::{Asked, Endpoint, Watch, client, permit};

/// What replicas share.
struct World {
    store: Arc<dyn Store>,
    watch: Watch,
    endpoint: Endpoint,
}

impl World {
    async fn new(mind: impl Fn(&Asked, usize) -> (u16, String) + Send + Sync + 'static) -> Self {
        let watch = Watch::new();
        Self { store: Arc::new(Memory::new(watch.clock(), Limits::default())), endpoint: Endpoint::start(mind).await, watch }
    }

    fn book(&self) -> Arc<Book> {
        Arc::new(Book::new(Arc::clone(&self.store), &InstanceKey::from_bytes(&[7; 32]), self.watch.clock()).unwrap())
    }

    /// One replica's view of the server `mail`.
    fn replica(&self) -> PerPerson {
        let sources = Sources::local(Environment::default(), Files::new(FilePath::new("/").to_owned(), OpenFiles::Refuse));
        let mut server = self.endpoint.server(Proof::None);
        server.rate = "10000/min".parse().unwrap();
        let grant = PersonalGrant {
            server,
            issuer: None,
            authorize_url: Some("https://as.example/authorize".parse().unwrap()),
            revocation_url: Some(format!("{}/revoke", self.endpoint.url).parse().unwrap()),
            wanted: Wanted::default(),
            early: Duration::from_secs(300),
        };
        Resolver::new(sources, self.watch.clock()).personal(&grant, ("mail", "https://mail.example"), &self.book(), &client()).unwrap()
    }
}

fn person(subject: &str) -> Person {
    Person { issuer: "https://idp.example".into(), subject: subject.into() }
}

fn tokens(access: &str, refresh: Option<&str>, expires_in: Option<u64>) -> TokenResponse {
    token_response::read(answer(access, refresh, expires_in).as_bytes(), Expected::AccessToken).unwrap()
}

fn answer(access: &str, refresh: Option<&str>, expires_in: Option<u64>) -> String {
    json!({"access_token": access, "token_type": "Bearer", "refresh_token": refresh, "expires_in": expires_in}).to_string()
}

/// Gives `access-N` for the request with number N, and a new refresh token each time.
fn rotating(_: &Asked, number: usize) -> (u16, String) {
    (200, answer(&format!("access-{number}"), Some(&format!("refresh-{number}")), Some(3600)))
}

async fn get(people: &PerPerson, subject: &str) -> Result<String, Cause> {
    let released = people.credential(&person(subject)).release(&permit()).await;
    released.map(|released| released.expose().to_owned()).map_err(|missing| missing.cause)
}

fn refuse(people: &PerPerson, subject: &str) {
    let credential = people.credential(&person(subject));
    assert!(credential.refuse(credential.stamp()));
}

#[tokio::test]
async fn a_person_has_what_they_granted_and_nobody_else_does() {
    let world = World::new(rotating).await;
    let people = world.replica();
    assert_eq!(get(&people, "ada").await, Err(Cause::NotConnected));
    people.connect(&person("ada"), &tokens("a-0", Some("r-0"), Some(3600))).await.unwrap();
    assert_eq!(get(&people, "ada").await.unwrap(), "Bearer a-0");
    assert_eq!(get(&people, "eve").await, Err(Cause::NotConnected));
    let other_issuer = Person { issuer: "https://other.example".into(), subject: "ada".into() };
    assert!(people.credential(&other_issuer).release(&permit()).await.is_err());
    // Another replica knows at once.
    assert_eq!(get(&world.replica(), "ada").await.unwrap(), "Bearer a-0");
    assert!(world.endpoint.asked().is_empty());
}

#[tokio::test]
async fn a_replica_that_said_no_says_yes_once_another_has_connected_the_person() {
    let world = World::new(rotating).await;
    let (here, there) = (world.replica(), world.replica());
    assert_eq!(get(&here, "ada").await, Err(Cause::NotConnected));
    there.connect(&person("ada"), &tokens("a-0", Some("r-0"), Some(3600))).await.unwrap();
    assert_eq!(get(&here, "ada").await.unwrap(), "Bearer a-0");
}

#[tokio::test]
async fn a_grant_renews_itself_and_what_was_got_is_kept_before_it_is_used() {
    let world = World::new(rotating).await;
    let people = world.replica();
    people.connect(&person("ada"), &tokens("a-0", Some("r-0"), Some(3600))).await.unwrap();
    assert_eq!(get(&people, "ada").await.unwrap(), "Bearer a-0");
    world.watch.set(3700);
    assert_eq!(get(&people, "ada").await.unwrap(), "Bearer access-1");
    assert_eq!(world.endpoint.asked()[0].form["refresh_token"], "r-0");
    // A door that starts anew goes on with the newest.
    assert_eq!(get(&world.replica(), "ada").await.unwrap(), "Bearer access-1");
    world.watch.set(3700 + 3700);
    assert_eq!(get(&world.replica(), "ada").await.unwrap(), "Bearer access-2");
    assert_eq!(world.endpoint.asked()[1].form["refresh_token"], "refresh-1");
    let listed = world.book().list().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].connected_at + 7_400_000, listed[0].is_renewable), (listed[0].renewed_at, true));
}

#[tokio::test]
async fn a_refresh_token_that_is_not_replaced_is_kept() {
    let world = World::new(|_, number| (200, answer(&format!("access-{number}"), None, Some(60)))).await;
    let people = world.replica();
    people.connect(&person("ada"), &tokens("a-0", Some("r-0"), Some(60))).await.unwrap();
    for round in 1..=3 {
        world.watch.set(round * 100);
        assert_eq!(get(&people, "ada").await.unwrap(), format!("Bearer access-{round}"));
    }
    assert!(world.endpoint.asked().iter().all(|asked| asked.form["refresh_token"] == "r-0"));
}

#[tokio::test]
async fn many_replicas_renew_once() {
    let world = World::new(rotating).await;
    world.replica().connect(&person("ada"), &tokens("a-0", Some("r-0"), Some(3600))).await.unwrap();
    world.watch.set(4000);
    let replicas: Vec<PerPerson> = (0..20).map(|_| world.replica()).collect();
    let got = futures_util::future::join_all(replicas.iter().map(|replica| get(replica, "ada"))).await;
    assert!(got.iter().all(|token| token.as_deref() == Ok("Bearer access-1")), "{got:?}");
    assert_eq!(world.endpoint.asked().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_away_ends_no_grant() {
    let is_away = Arc::new(AtomicBool::new(true));
    let away = Arc::clone(&is_away);
    let mind = move |asked: &Asked, number| {
        if away.load(Ordering::SeqCst) { (503, "<html>".to_owned()) } else { rotating(asked, number) }
    };
    let world = World::new(mind).await;
    let people = world.replica();
    people.connect(&person("ada"), &tokens("a-0", Some("r-0"), Some(3600))).await.unwrap();
    // In the last minutes of its life it is still used.
    world.watch.set(3500);
    assert_eq!(get(&people, "ada").await.unwrap(), "Bearer a-0");
    world.watch.set(4200);
    assert!(matches!(get(&world.replica(), "ada").await, Err(Cause::Unavailable { .. })));
    assert!(world.replica().is_connected(&person("ada")).await.unwrap());
    is_away.store(false, Ordering::SeqCst);
    assert!(get(&world.replica(), "ada").await.unwrap().starts_with("Bearer access-"));
}

#[tokio::test]
async fn a_grant_that_has_ended_there_ends_here_and_the_person_can_give_another() {
    let world = World::new(|_, _| (400, json!({"error": "invalid_grant"}).to_string())).await;
    let people = world.replica();
    people.connect(&person("ada"), &tokens("a-0", Some("r-0"), Some(60))).await.unwrap();
    world.watch.set(100);
    assert_eq!(get(&people, "ada").await, Err(Cause::NotConnected));
    assert!(!people.is_connected(&person("ada")).await.unwrap());
    assert_eq!(get(&people, "ada").await, Err(Cause::NotConnected));
    assert_eq!(world.endpoint.asked().len(), 1, "what is gone is not asked for again");
    people.connect(&person("ada"), &tokens("b-0", Some("s-0"), Some(60))).await.unwrap();
    assert_eq!(get(&people, "ada").await.unwrap(), "Bearer b-0");
}

#[tokio::test]
async fn other_refusals_end_no_grant() {
    for error in ["invalid_client", "invalid_request", "unauthorized_client", "invalid_scope", "consent_required"] {
        let world = World::new(move |_, _| (400, json!({"error": error}).to_string())).await;
        let people = world.replica();
        people.connect(&person("ada"), &tokens("a-0", Some("r-0"), Some(60))).await.unwrap();
        world.watch.set(100);
        assert!(matches!(get(&people, "ada").await, Err(Cause::Refused { .. })), "{error}");
        assert!(people.is_connected(&person("ada")).await.unwrap(), "{error}");
    }
}

#[tokio::test]
async fn a_no_without_a_word_ends_no_grant() {
    let world = World::new(|_, _| (400, String::new())).await;
    let people = world.replica();
    people.connect(&person("ada"), &tokens("a-0", Some("r-0"), Some(60))).await.unwrap();
    world.watch.set(100);
    assert!(matches!(get(&people, "ada").await, Err(Cause::BadAnswer { .. })));
    assert!(people.is_connected(&person("ada")).await.unwrap());
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_whatever_the_clock_says() {
    let world = World::new(rotating).await;
    let people = world.replica();
    people.connect(&person("ada"), &tokens("a-0", Some("r-0"), Some(3600))).await.unwrap();
    assert_eq!(get(&people, "ada").await.unwrap(), "Bearer a-0");
    refuse(&people, "ada");
    assert_eq!(get(&people, "ada").await.unwrap(), "Bearer access-1");
    assert_eq!(get(&people, "ada").await.unwrap(), "Bearer access-1");
}

#[tokio::test]
async fn a_refusal_of_an_older_token_does_not_end_a_newer_one() {
    let world = World::new(rotating).await;
    let (here, there) = (world.replica(), world.replica());
    here.connect(&person("ada"), &tokens("a-0", None, None)).await.unwrap();
    assert_eq!(get(&here, "ada").await.unwrap(), "Bearer a-0");
    // The person connects anew elsewhere while a call with the old token is under way here.
    there.connect(&person("ada"), &tokens("b-0", None, None)).await.unwrap();
    refuse(&here, "ada");
    assert_eq!(get(&here, "ada").await.unwrap(), "Bearer b-0");
    assert!(there.is_connected(&person("ada")).await.unwrap());
}

#[tokio::test]
async fn without_a_refresh_token_a_token_is_used_to_its_end_and_no_further() {
    let world = World::new(rotating).await;
    let people = world.replica();
    people.connect(&person("ada"), &tokens("a-0", None, Some(3600))).await.unwrap();
    world.watch.set(3599);
    assert_eq!(get(&people, "ada").await.unwrap(), "Bearer a-0");
    world.watch.set(3601);
    assert_eq!(get(&world.replica(), "ada").await, Err(Cause::NotConnected));
    // Nor beyond a refusal, where nothing is said about its end.
    people.connect(&person("eve"), &tokens("e-0", None, None)).await.unwrap();
    world.watch.set(9_000_000);
    assert_eq!(get(&people, "eve").await.unwrap(), "Bearer e-0");
    refuse(&people, "eve");
    assert_eq!(get(&people, "eve").await, Err(Cause::NotConnected));
    assert!(world.endpoint.asked().is_empty());
}

#[tokio::test]
async fn disconnecting_takes_the_refresh_token_back_and_forgets_at_once() {
    let world = World::new(|_, _| (200, String::new())).await;
    let (people, other) = (world.replica(), world.replica());
    assert_eq!(people.disconnect(&person("ada")).await.unwrap(), Ended::WasNotConnected);
    people.connect(&person("ada"), &tokens("a-0", Some("r-0"), Some(3600))).await.unwrap();
    assert_eq!(get(&people, "ada").await.unwrap(), "Bearer a-0");
    assert_eq!(people.disconnect(&person("ada")).await.unwrap(), Ended::TakenBack);
    assert_eq!(get(&people, "ada").await, Err(Cause::NotConnected));
    assert_eq!(get(&other, "ada").await, Err(Cause::NotConnected));
    let asked = world.endpoint.asked();
    assert_eq!((asked.len(), asked[0].path.as_str()), (1, "/revoke"));
    assert_eq!((asked[0].form["token"].as_str(), asked[0].form["token_type_hint"].as_str()), ("r-0", "refresh_token"));
}

#[tokio::test]
async fn a_server_that_does_not_take_it_back_keeps_nothing_here() {
    let world = World::new(|_, _| (500, String::new())).await;
    let people = world.replica();
    people.connect(&person("ada"), &tokens("a-0", None, Some(3600))).await.unwrap();
    assert!(matches!(people.disconnect(&person("ada")).await.unwrap(), Ended::Forgotten(Some(Cause::Unavailable { .. }))));
    assert_eq!(get(&people, "ada").await, Err(Cause::NotConnected));
    assert_eq!(world.endpoint.asked()[0].form["token"], "a-0");
}

#[tokio::test]
async fn who_waits_hears_of_an_arrival() {
    let world = World::new(rotating).await;
    let people = world.replica();
    assert!(!people.arrival(&person("ada"), 0, Duration::from_millis(10)).await);
    let ada = person("ada");
    let (arrived, connected) = tokio::join!(people.arrival(&ada, 0, Duration::from_secs(60)), async {
        tokio::task::yield_now().await;
        people.connect(&ada, &tokens("a-0", None, None)).await
    });
    connected.unwrap();
    assert!(arrived);
    // Who was connected before has not arrived since.
    assert!(!people.arrival(&ada, u64::MAX, Duration::from_millis(10)).await);
}

#[tokio::test]
async fn a_stolen_store_opens_nothing_and_an_entry_moved_to_another_person_opens_nothing_either() {
    let world = World::new(rotating).await;
    let people = world.replica();
    people.connect(&person("ada"), &tokens("access-secret", Some("refresh-secret"), Some(3600))).await.unwrap();
    people.connect(&person("eve"), &tokens("e-0", Some("e-r"), Some(3600))).await.unwrap();
    let keys = world.store.keys("", 10).await.unwrap();
    assert_eq!(keys.len(), 2, "no lock is left behind: {keys:?}");
    let mut values = Vec::new();
    for key in &keys {
        let value = String::from_utf8(world.store.get(key).await.unwrap().unwrap()).unwrap();
        for word in ["access-secret", "refresh-secret", "ada", "eve", "mail", "idp.example"] {
            assert!(!key.contains(word) && !value.contains(word), "{word}");
        }
        values.push(value);
    }
    world.store.put(&keys[0], values[1].as_bytes(), None).await.unwrap();
    world.store.put(&keys[1], values[0].as_bytes(), None).await.unwrap();
    for subject in ["ada", "eve"] {
        assert_eq!(get(&world.replica(), subject).await, Err(Cause::NotConnected), "{subject}");
    }
    assert_eq!(world.book().list().await.unwrap(), []);
    // Nothing is lost by it: they connect anew.
    people.connect(&person("ada"), &tokens("a-1", None, None)).await.unwrap();
    assert_eq!(get(&world.replica(), "ada").await.unwrap(), "Bearer a-1");
}

#[tokio::test]
async fn what_was_taken_back_during_a_renewal_is_not_brought_to_life_again() {
    let world = World::new(rotating).await;
    let people = world.replica();
    people.connect(&person("ada"), &tokens("a-0", Some("r-0"), Some(60))).await.unwrap();
    let (book, place) = (world.book(), people.place(&person("ada")));
    let before = book.find(&place).await.unwrap().unwrap();
    book.remove(&place).await.unwrap();
    let renewed = before.grant.renewed(&tokens("a-1", Some("r-1"), Some(60)), 0);
    assert!(!book.renew(&place, &before, &renewed).await.unwrap());
    assert!(book.find(&place).await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_that_cannot_be_kept_is_not_used() {
    let world = World::new(rotating).await;
    let broken = World { store: Arc::new(ReadOnly(Arc::clone(&world.store))), ..world };
    let people =
        World { store: Arc::clone(&broken.store), watch: broken.watch.clone(), endpoint: Endpoint::start(rotating).await }.replica();
    people.connect(&person("ada"), &tokens("a-0", Some("r-0"), Some(60))).await.unwrap();
    broken.watch.set(100);
    assert!(matches!(get(&people, "ada").await, Err(Cause::Unavailable { .. })));
}

/// A store whose disk is full when it comes to replacing a value.
struct ReadOnly(Arc<dyn Store>);

impl Store for ReadOnly {
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        self.0.get(key)
    }

    fn keys<'a>(&'a self, prefix: &'a str, most: usize) -> Answer<'a, Vec<String>> {
        self.0.keys(prefix, most)
    }

    fn put<'a>(&'a self, key: &'a str, value: &'a [u8], ttl: Option<Duration>) -> Answer<'a, ()> {
        self.0.put(key, value, ttl)
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        self.0.delete(key)
    }

    fn take<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        self.0.take(key)
    }

    fn increment<'a>(&'a self, key: &'a str, by: u64, ttl: Option<Duration>) -> Answer<'a, u64> {
        self.0.increment(key, by, ttl)
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<&'a [u8]>,
        new: Option<&'a [u8]>,
        ttl: Option<Duration>,
    ) -> Answer<'a, bool> {
        if key.starts_with("connection/") {
            return Box::pin(std::future::ready(Err(Failure::Stopped)));
        }
        self.0.compare_and_swap(key, expected, new, ttl)
    }
}
