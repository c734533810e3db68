//! One stream of what changes anywhere.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Scene;
use crate::support::{Caller, Puppet, Say, Seen, Stream, modern_message};

async fn listening(caller: &Caller, notifications: Value, id: &Value) -> Stream {
    let mut message = modern_message("subscriptions/listen", json!({ "notifications": notifications }));
    message["id"] = id.clone();
    let stream = caller.modern_post(&message).open().await;
    assert_eq!(stream.status.as_u16(), 200, "{:?}", stream.headers);
    stream
}

fn subscription_of(message: &Value) -> &Value {
    &message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"]
}

#[tokio::test]
async fn what_changes_at_any_member_is_heard_under_the_callers_id() {
    let scene = Scene::open().await;
    let alice = scene.caller("alice");
    let watched = ["claviger://fixture/test://watched-resource", "claviger://old/test://watched-resource"];
    let wanted = json!({"toolsListChanged": true, "resourceSubscriptions": watched});
    let id = json!("alice's own");
    let mut stream = listening(&alice, wanted.clone(), &id).await;
    let first = stream.message().await.unwrap();
    assert_eq!((&first["method"], subscription_of(&first)), (&json!("notifications/subscriptions/acknowledged"), &id), "{first}");
    assert_eq!(first["params"]["notifications"], wanted, "both members honour it");
    for member in ["fixture", "old"] {
        alice.call(&format!("{member}__test_trigger_tool_change"), json!({})).await.result();
        let change = stream.notification("notifications/tools/list_changed").await;
        assert_eq!(subscription_of(&change), &id, "{member}: {change}");
        alice.call(&format!("{member}__test_trigger_resource_update"), json!({})).await.result();
        let update = stream.notification("notifications/resources/updated").await;
        assert_eq!(update["params"]["uri"], format!("claviger://{member}/test://watched-resource"), "{update}");
        assert_eq!(subscription_of(&update), &id);
    }
}

#[tokio::test]
async fn a_legacy_caller_hears_it_on_the_stream_of_their_session() {
    let scene = Scene::open().await;
    let alice = scene.caller("alice");
    let session = alice.session().await;
    let subscribed = session.request("resources/subscribe", json!({"uri": "claviger://fixture/test://watched-resource"})).send().await;
    assert_eq!(subscribed.result(), json!({}));
    let mut stream = session.listening().await;
    // The door listens in its own time.
    let update = loop {
        alice.call("fixture__test_trigger_resource_update", json!({})).await.result();
        let heard = tokio::time::timeout(std::time::Duration::from_millis(500), stream.notification("notifications/resources/updated"));
        if let Ok(update) = heard.await {
            break update;
        }
    };
    assert_eq!(update["params"]["uri"], "claviger://fixture/test://watched-resource");
    assert_eq!(update["params"].get("_meta"), None, "{update}");
}

/// A server whose first stream ends at once, and whose second one goes on.
async fn unsteady() -> Puppet {
    let (streams, open) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    Puppet::start(move |seen: &Seen| {
        if seen.message()["method"] == "server/discover" {
            let capabilities = r#"{"tools":{"listChanged":true}}"#;
            return Say::result(
                seen,
                &format!(r#"{{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{capabilities}}}"#),
            );
        }
        let (sender, receiver) = mpsc::channel(4);
        let meta = json!({"io.modelcontextprotocol/subscriptionId": seen.message()["id"]});
        let said = json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
            "params": {"notifications": {"toolsListChanged": true}, "_meta": meta}});
        sender.try_send(format!("data: {said}\n\n").into()).unwrap();
        if streams.fetch_add(1, Ordering::SeqCst) > 0 {
            open.lock().unwrap().push(sender);
        }
        Say::events(receiver)
    })
    .await
}

#[tokio::test]
async fn a_member_that_ends_does_not_end_the_stream_and_is_heard_again_when_it_is_back() {
    let puppet = unsteady().await;
    let unsteady = format!("[servers.unsteady]\nurl = {:?}\nprotocol = \"modern\"", puppet.url);
    let scene = Scene::of(Scene::plan("", "").await.section(&unsteady)).await;
    let alice = scene.caller("alice");
    let mut stream = listening(&alice, json!({"toolsListChanged": true}), &json!(1)).await;
    stream.notification("notifications/subscriptions/acknowledged").await;
    // What may have changed while nobody listened is told when it is back.
    let caught_up = stream.notification("notifications/tools/list_changed").await;
    assert_eq!(subscription_of(&caught_up), &json!(1));
    scene.door.says("tells no more news").await;
    alice.call("fixture__test_trigger_tool_change", json!({})).await.result();
    stream.notification("notifications/tools/list_changed").await;
}
