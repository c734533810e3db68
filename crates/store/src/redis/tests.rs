//! Does a store on a real server keep the rules of every store, and come through what servers do?

use std::sync::{Arc, Mutex};

use ::redis::Connection;
use testkit::redis::RedisServer;

use super::*;
use crate::conformance::{SetClock, Subject, conformance};
use crate::revocation::Revocations;
use crate::{KEY_BYTES, VALUE_BYTES};

fn subject() -> (Subject, impl Sized) {
    let server = start(&[]);
    let connection = Mutex::new(beside(&server));
    let script = ::redis::Script::new(
        "for _, key in ipairs(redis.call('KEYS', '*')) do
           local ends = redis.call('PEXPIRETIME', key)
           if ends > 0 then redis.call('PEXPIREAT', key, ends - ARGV[1]) end
         end",
    );
    let clock = SetClock::of_a_server(1_500, move |milliseconds| {
        script.arg(milliseconds).invoke::<()>(&mut *connection.lock().unwrap()).unwrap();
    });
    // The connection lives in a runtime of its own, because the case's is not there yet.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let store = runtime.block_on(connect(&server));
    (Subject { store: Arc::new(store), clock }, (server, runtime))
}

conformance!(subject());

fn start(arguments: &[&str]) -> RedisServer {
    RedisServer::start(arguments).unwrap()
}

/// A connection of the test's own, beside the store's.
fn beside(server: &RedisServer) -> Connection {
    Client::open(server.url()).unwrap().get_connection().unwrap()
}

async fn connect(server: &RedisServer) -> Redis {
    Redis::connect(&Address::parse(&server.url()).unwrap(), PREFIX).await.unwrap()
}

#[tokio::test]
async fn the_server_ends_a_lifetime_by_itself() {
    let server = start(&[]);
    let store = connect(&server).await;
    store.put("key", b"value", Some(Duration::from_millis(30))).await.unwrap();
    store.increment("count", 1, Some(Duration::from_millis(30))).await.unwrap();
    store.compare_and_swap("swapped", None, Some(b"value"), Some(Duration::from_millis(30))).await.unwrap();
    for key in ["key", "count", "swapped"] {
        while store.get(key).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    }
    store.put("key", b"value", Some(Duration::from_secs(2))).await.unwrap();
    let left: u64 = ::redis::cmd("PTTL").arg("claviger:key").query(&mut beside(&server)).unwrap();
    assert!((1..=2000).contains(&left), "{left}");
    store.put("key", b"value", Some(Duration::MAX)).await.unwrap();
    let left: i64 = ::redis::cmd("PTTL").arg("claviger:key").query(&mut beside(&server)).unwrap();
    assert_eq!(left, -1);
}

#[tokio::test]
async fn stores_of_other_prefixes_do_not_meet() {
    let server = start(&[]);
    let address = Address::parse(&server.url()).unwrap();
    let stores = [Redis::connect(&address, "a").await.unwrap(), Redis::connect(&address, "[ab]").await.unwrap()];
    for (store, value) in stores.iter().zip([b"one", b"two"]) {
        store.put("key", value, None).await.unwrap();
    }
    assert_eq!(stores[0].get("key").await.unwrap().unwrap(), b"one");
    assert_eq!(stores[1].get("key").await.unwrap().unwrap(), b"two");
    assert_eq!(stores[1].keys("", 10).await.unwrap(), ["key"]);
    stores[1].delete("key").await.unwrap();
    assert_eq!(stores[0].get("key").await.unwrap().unwrap(), b"one");
}

#[tokio::test]
async fn a_prefix_stands_for_itself_and_a_listing_is_complete() {
    let server = start(&[]);
    let store = connect(&server).await;
    for key in ["a*c", "abc", "a?c", "[a-b]c", "ac", "a\\c", "^a", "ключ"] {
        store.put(key, b"v", None).await.unwrap();
    }
    for key in ["a*c", "a?c", "[a-b]c", "a\\c", "^a", "ключ"] {
        assert_eq!(store.keys(key, 10).await.unwrap(), [key]);
    }
    let numbered: Vec<String> = (0..5000).map(|number| format!("many/{number:04}")).collect();
    let mut pipeline = ::redis::pipe();
    for key in &numbered {
        pipeline.set(format!("{PREFIX}{key}"), "v").ignore();
    }
    pipeline.query::<()>(&mut beside(&server)).unwrap();
    assert_eq!(store.keys("many/", usize::MAX).await.unwrap(), numbered);
    assert_eq!(store.keys("many/", 3).await.unwrap(), numbered[..3]);
}

#[tokio::test]
async fn a_login_is_needed_where_the_server_wants_one_and_never_shown() {
    let server = start(&["--requirepass", "correct-horse"]);
    let address = |login: &str| Address::parse(&server.url().replace("//", &format!("//{login}@"))).unwrap();
    let store = Redis::connect(&address(":correct-horse"), PREFIX).await.unwrap();
    store.put("key", b"value", None).await.unwrap();
    assert_eq!(store.get("key").await.unwrap().unwrap(), b"value");

    for refused in [
        Redis::connect(&address(":wrong-horse"), PREFIX).await.err().unwrap(),
        Redis::connect(&address("ada:wrong-horse"), PREFIX).await.err().unwrap(),
        Redis::connect(&Address::parse(&server.url()).unwrap(), PREFIX).await.err().unwrap(),
    ] {
        assert!(matches!(&refused, Failure::Refused { .. }), "{refused:?}");
        assert!(!format!("{refused} {refused:?}").contains("horse"));
    }
}

#[tokio::test]
async fn a_user_who_may_do_what_the_guide_says_and_nothing_else_is_enough() {
    let server = start(&[]);
    let guide = include_str!("../../../../docs/guides/replicas.md");
    let allowed = guide.split_once("for a user of its own: `").unwrap().1.split_once('`').unwrap().0;
    let mut user = ::redis::cmd("ACL");
    user.arg("SETUSER").arg("door").arg("on").arg(">horse").arg("-@all");
    allowed.split(' ').fold(&mut user, |user, rule| user.arg(rule)).exec(&mut beside(&server)).unwrap();
    let store = Redis::connect(&Address::parse(&server.url().replace("//", "//door:horse@")).unwrap(), PREFIX).await.unwrap();
    store.put("key", b"1", Some(Duration::from_secs(60))).await.unwrap();
    assert!(store.compare_and_swap("key", Some(b"1"), Some(b"2"), None).await.unwrap());
    assert_eq!(store.increment("key", 1, None).await.unwrap(), 3);
    assert_eq!(store.keys("", 10).await.unwrap(), ["key"]);
    assert_eq!(store.take("key").await.unwrap().unwrap(), b"3");
    store.delete("key").await.unwrap();
    assert_eq!(store.get("key").await.unwrap(), None);

    ::redis::cmd("ACL").arg("SETUSER").arg("door").arg("-info").exec(&mut beside(&server)).unwrap();
    let unasked = Redis::connect(&Address::parse(&server.url().replace("//", "//door:horse@")).unwrap(), PREFIX).await.unwrap();
    assert_eq!(unasked.get("key").await.unwrap(), None);
}

#[tokio::test]
async fn a_server_that_would_throw_values_away_is_refused() {
    let server = start(&["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"]);
    let refused = Redis::connect(&Address::parse(&server.url()).unwrap(), PREFIX).await.err().unwrap();
    assert!(matches!(refused, Failure::Evicts { policy } if &*policy == "volatile-lru"));
}

#[tokio::test]
async fn a_full_server_refuses_new_values_and_keeps_the_old() {
    let server = start(&["--maxmemory", "100mb", "--maxmemory-policy", "noeviction"]);
    let store = connect(&server).await;
    store.put("old", b"value", None).await.unwrap();
    store.put("count", b"1", None).await.unwrap();
    ::redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(1).exec(&mut beside(&server)).unwrap();
    for refused in [
        store.put("new", b"value", None).await.err(),
        store.increment("count", 1, None).await.err(),
        store.compare_and_swap("old", Some(b"value"), Some(b"new"), None).await.err(),
    ] {
        assert!(matches!(&refused, Some(Failure::Refused { code }) if &**code == "OOM"), "{refused:?}");
    }
    assert_eq!(store.get("old").await.unwrap().unwrap(), b"value");
    assert_eq!(store.get("count").await.unwrap().unwrap(), b"1");
}

#[tokio::test]
async fn a_server_that_is_away_is_a_failure_and_one_that_is_back_is_found_again() {
    let mut server = start(&[]);
    let store = connect(&server).await;
    store.put("key", b"value", None).await.unwrap();
    server.stop().unwrap();
    assert!(matches!(store.get("key").await, Err(Failure::Unreachable(_) | Failure::TimedOut)));
    assert!(matches!(store.take("key").await, Err(Failure::Unreachable(_) | Failure::TimedOut)));
    server.start_again().unwrap();
    while store.put("key", b"again", None).await.is_err() {
        tokio::time::sleep(PAUSE).await;
    }
    assert_eq!(store.get("key").await.unwrap().unwrap(), b"again");
    assert!(store.compare_and_swap("key", Some(b"again"), None, None).await.unwrap());
}

#[tokio::test]
async fn a_lost_connection_is_not_noticed_by_who_reads() {
    let server = start(&[]);
    let store = connect(&server).await;
    store.put("key", b"value", None).await.unwrap();
    for _ in 0..20 {
        ::redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").exec(&mut beside(&server)).unwrap();
        assert_eq!(store.get("key").await.unwrap().unwrap(), b"value");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for_long() {
    let server = start(&[]);
    let store = connect(&server).await;
    ::redis::cmd("CLIENT").arg("PAUSE").arg(60_000).arg("ALL").exec(&mut beside(&server)).unwrap();
    assert!(matches!(store.get("key").await, Err(Failure::TimedOut)));
    assert!(matches!(store.put("key", b"value", None).await, Err(Failure::TimedOut)));
}

#[tokio::test]
async fn what_is_not_ours_under_a_key_is_a_failure() {
    let server = start(&[]);
    let store = connect(&server).await;
    ::redis::cmd("LPUSH").arg("claviger:list").arg("item").exec(&mut beside(&server)).unwrap();
    assert!(matches!(store.get("list").await, Err(Failure::Refused { .. })));
    assert!(matches!(store.increment("list", 1, None).await, Err(Failure::Refused { .. })));
    assert!(matches!(store.compare_and_swap("list", None, Some(b"v"), None).await, Err(Failure::Refused { .. })));
}

#[tokio::test]
async fn the_longest_keys_and_values_pass_through_every_operation() {
    let server = start(&[]);
    let store = connect(&server).await;
    let (key, value): (String, Vec<u8>) = ("k".repeat(KEY_BYTES), (0..=255).cycle().take(VALUE_BYTES).collect());
    assert!(store.compare_and_swap(&key, None, Some(&value), None).await.unwrap());
    assert!(store.compare_and_swap(&key, Some(&value), Some(&value), None).await.unwrap());
    assert_eq!(store.take(&key).await.unwrap().unwrap(), value);
}

#[tokio::test]
async fn what_one_replica_revokes_ends_on_the_other() {
    let server = start(&[]);
    let clock = SetClock::default();
    clock.advance(1_800_000_000_000);
    let mut replicas = Vec::new();
    for _ in 0..2 {
        let replica = Arc::new(Revocations::new(Arc::new(connect(&server).await), clock.clock()));
        replica.load().await.unwrap();
        replicas.push(replica);
    }
    let following = Arc::clone(&replicas[1]);
    let follower = tokio::spawn(async move { following.follow(Duration::from_millis(20)).await });
    let mut news = replicas[1].changed();
    replicas[0].revoke("token", Duration::from_secs(60)).await.unwrap();
    while !replicas[1].is_revoked("token") {
        news.changed().await.unwrap();
    }
    follower.abort();
}
