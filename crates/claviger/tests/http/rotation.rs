//! A secret that changes while the door is open: every call is answered, the new value is used in time, and sessions notice nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::support::{Door, Plan, Signal, eventually, fixtures};

/// A secret in a file, as a container platform mounts it.
struct Secret(PathBuf);

impl Secret {
    fn new(folder: &tempfile::TempDir, name: &str, value: &str) -> Self {
        let secret = Self(folder.path().join(name));
        secret.becomes(value);
        secret
    }

    /// Replaces the file whole.
    fn becomes(&self, value: &str) {
        use std::os::unix::fs::PermissionsExt as _;

        let new = self.0.with_extension("new");
        std::fs::write(&new, value).unwrap();
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(new, &self.0).unwrap();
    }

    fn reference(&self) -> String {
        format!("file://{}?ttl=1", self.0.display())
    }
}

async fn door_with(secret: &Secret, more: &str) -> Door {
    Plan::stdio("both").line(&format!("env = {{ FIXTURE_SECRET = {:?}{more} }}", secret.reference())).open().await
}

#[tokio::test]
async fn calls_under_load_all_succeed_while_the_secret_rotates() {
    let folder = tempfile::tempdir().unwrap();
    let secret = Secret::new(&folder, "secret", "value-0");
    let door = Arc::new(door_with(&secret, "").await);
    let (newest, over, calls) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let session = door.caller("alice").session().await;
    let modern = door.caller("bob");
    let callers: Vec<_> = (0..4_usize)
        .map(|number| {
            let (session, modern, over, calls) = (session.clone(), modern.clone(), Arc::clone(&over), Arc::clone(&calls));
            let newest = Arc::clone(&newest);
            tokio::spawn(async move {
                let mut seen = BTreeSet::new();
                while !over.load(Ordering::SeqCst) {
                    // A value, once replaced, may be served for its lifetime and one refresh, and then no more.
                    let allowed = newest.load(Ordering::SeqCst).saturating_sub(2);
                    let answer = if number % 2 == 0 {
                        session.tool("test_secret", json!({})).send().await
                    } else {
                        modern.call("test_secret", json!({})).await
                    };
                    assert_eq!(answer.status, 200, "{answer:?}");
                    let value = answer.tool_text();
                    let version: usize = value.strip_prefix("value-").unwrap_or_else(|| panic!("{answer:?}")).parse().unwrap();
                    assert!(version >= allowed, "{version} is too old, the newest is {}", allowed + 2);
                    seen.insert(version);
                    calls.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                seen
            })
        })
        .collect();
    for version in 1..=4 {
        tokio::time::sleep(Duration::from_millis(2500)).await;
        secret.becomes(&format!("value-{version}"));
        newest.store(version, Ordering::SeqCst);
    }
    tokio::time::sleep(Duration::from_millis(2500)).await;
    over.store(true, Ordering::SeqCst);
    for caller in callers {
        let seen = caller.await.expect("no call failed");
        assert!(seen.contains(&4) && seen.len() >= 4, "the new values arrived: {seen:?}");
    }
    assert!(calls.load(Ordering::SeqCst) > 200, "that was no load");
    // Old instances end when they have nothing left to do.
    eventually("the old instances to end", || (fixtures(&door).len() == 2).then_some(())).await;
    let rotated = door.record().iter().filter(|line| line["event"] == "rotated").count();
    assert_eq!(rotated, 4);
    assert!(door.metrics().await.sum("claviger_credential_rotations_total", &["source=\"file\""]) >= 4);
    assert!(!door.said().contains("value-"), "{}", door.said());
}

#[tokio::test]
async fn a_call_under_way_is_finished_by_the_instance_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let secret = Secret::new(&folder, "secret", "old");
    let door = door_with(&secret, "").await;
    let (session, modern) = (door.caller("alice").session().await, door.caller("bob"));
    assert_eq!(session.tool("test_secret", json!({})).send().await.tool_text(), "old");
    assert_eq!(modern.call("test_secret", json!({})).await.tool_text(), "old");
    let long = json!({"milliseconds": 6000});
    let waiting = [tokio::spawn(session.tool("test_wait", long.clone()).send()), tokio::spawn(modern.tool("test_wait", long).send())];
    tokio::time::sleep(Duration::from_millis(200)).await;
    secret.becomes("new");
    let renewed = async {
        while session.tool("test_secret", json!({})).send().await.tool_text() != "new"
            || modern.call("test_secret", json!({})).await.tool_text() != "new"
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), renewed).await.expect("the new value is used while the old instance still works");
    for call in waiting {
        assert_eq!(call.await.unwrap().tool_text(), "Waited 6000 ms.");
    }
}

#[tokio::test]
async fn a_question_of_the_old_instance_gets_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let secret = Secret::new(&folder, "secret", "old");
    let door = door_with(&secret, "").await;
    let session = door.caller("alice").session().await;
    let mut stream = session.tool("test_elicitation", json!({"message": "Who?"})).open().await;
    let question = stream.notification("elicitation/create").await;
    secret.becomes("new");
    let renewed = async {
        while session.tool("test_secret", json!({})).send().await.tool_text() != "new" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), renewed).await.expect("the new value");
    let answer = json!({"action": "accept", "content": {"username": "ada", "email": "ada@example.com"}});
    assert_eq!(session.respond(&question["id"], answer).send().await.status, 202);
    let response = stream.response().await;
    assert!(response["result"]["content"][0]["text"].as_str().is_some_and(|text| text.contains("ada")), "{response}");
}

#[tokio::test]
async fn a_legacy_session_moves_with_what_it_watches() {
    let folder = tempfile::tempdir().unwrap();
    let secret = Secret::new(&folder, "secret", "old");
    let note = Secret::new(&folder, "note", "a first note");
    let door = door_with(&secret, &format!(", FIXTURE_NOTE = {:?}", note.reference())).await;
    let session = door.caller("alice").session().await;
    let mut news = session.listening().await;
    let watched = json!({"uri": "test://watched-resource"});
    assert!(session.request("resources/subscribe", watched.clone()).send().await.message().get("result").is_some());
    note.becomes("another note");
    news.notification("notifications/tools/list_changed").await;
    let tools = session.request("tools/list", json!({})).send().await;
    assert!(tools.text().contains("another note"), "{tools:?}");
    session.tool("test_trigger_resource_update", watched).send().await;
    let update = news.notification("notifications/resources/updated").await;
    assert_eq!(update["params"]["uri"], "test://watched-resource");
}

#[tokio::test]
async fn a_modern_subscription_moves_and_its_caller_notices_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let secret = Secret::new(&folder, "secret", "old");
    let note = Secret::new(&folder, "note", "a first note");
    let door = door_with(&secret, &format!(", FIXTURE_NOTE = {:?}", note.reference())).await;
    let bob = door.caller("bob");
    let wanted = json!({"notifications": {"toolsListChanged": true}});
    let mut news = bob.modern("subscriptions/listen", wanted).open().await;
    let acknowledged = news.message().await.unwrap();
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged", "{acknowledged}");
    secret.becomes("new");
    let renewed = async {
        while bob.call("test_secret", json!({})).await.tool_text() != "new" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), renewed).await.expect("the new value");
    bob.call("test_trigger_tool_change", json!({})).await;
    let change = news.message().await.unwrap();
    assert_eq!(change["method"], "notifications/tools/list_changed", "not acknowledged twice: {change}");
    assert_eq!(change["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 1);
    // Other tools than before are told by the door: the new instance does not know the old ones.
    note.becomes("another note");
    let change = news.message().await.unwrap();
    assert_eq!(change["method"], "notifications/tools/list_changed", "{change}");
    drop(news);
    assert!(bob.modern("tools/list", json!({})).send().await.text().contains("another note"));
}

#[tokio::test]
async fn an_instance_whose_new_secret_cannot_be_used_does_not_replace_one_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let secret = Secret::new(&folder, "secret", "0.01");
    // A program that ends at once when its secret is no number.
    let fixture = crate::support::fixture_program();
    let script = format!("sleep \"$DELAY\" && exec {} --stdio", fixture.display());
    let plan = Plan::of_server(&format!("command = [\"/bin/sh\", \"-c\", {script:?}]\nenv = {{ DELAY = {:?} }}", secret.reference()));
    let door = plan.open().await;
    let (session, modern) = (door.caller("alice").session().await, door.caller("bob"));
    assert_eq!(modern.hello().await.status, 200);
    secret.becomes("no number");
    door.recorded("the rotation", |line| line["event"] == "rotated").await;
    for _ in 0..20 {
        assert_eq!(session.hello().await.status, 200);
        assert!(modern.hello().await.message().get("result").is_some());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_hang_up_signal_has_credentials_fetched_anew() {
    let folder = tempfile::tempdir().unwrap();
    let secret = Secret::new(&folder, "secret", "old");
    let reference = format!("file://{}?ttl=3600", secret.0.display());
    let door = Plan::stdio("both").line(&format!("env = {{ FIXTURE_SECRET = {reference:?} }}")).open().await;
    let bob = door.caller("bob");
    assert_eq!(bob.call("test_secret", json!({})).await.tool_text(), "old");
    secret.becomes("new");
    door.signal(Signal::HUP);
    let renewed = async {
        while bob.call("test_secret", json!({})).await.tool_text() != "new" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), renewed).await.expect("the new value");
}

#[tokio::test]
async fn a_server_without_its_credential_is_parked_and_comes_back_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let secret = Secret(folder.path().join("secret"));
    let door = door_with(&secret, "").await;
    let bob = door.caller("bob");
    for _ in 0..3 {
        let answer = bob.hello().await;
        assert_eq!(answer.status, 502, "{answer:?}");
        assert!(!answer.text().contains("file://") && !answer.text().contains("secret"), "{answer:?}");
    }
    let queue = std::fs::read_to_string(door.state().join("manual_validation.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = queue.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{queue}");
    assert_eq!((&lines[0]["server"], &lines[0]["reason"]), (&json!("fixture"), &json!("unreadable")));
    assert_eq!(lines[0]["credential"], secret.reference());
    assert!(lines[0]["mend"].as_str().is_some_and(|mend| !mend.is_empty()));
    assert_eq!(door.get("/ready").send().await.status, 503);
    door.recorded("the missing credential", |line| line["event"] == "credential.missing" && line["reason"] == "unreadable").await;
    secret.becomes("there");
    let back = async {
        while bob.hello().await.status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), back).await.expect("the server comes back");
    assert_eq!(door.get("/ready").send().await.status, 200);
    door.recorded("the recovery", |line| line["event"] == "credential.recovered").await;
}
