//! One member that is not there, and one that says nothing: the others do not wait for them, and their absence is told.

use serde_json::json;

use super::{Mute, Scene, names};

#[tokio::test]
async fn who_does_not_answer_is_named_and_hides_nobody() {
    let mute = Mute::start().await;
    let plan = Scene::plan("", "").await.section("[servers.dead]\nurl = \"http://127.0.0.1:1/mcp\"");
    let plan = plan.section(&format!("[servers.mute]\nurl = {:?}", mute.url));
    let scene = Scene::of(plan.section("[timeouts]\nprobe = \"1500ms\"\ndrain = \"1s\"")).await;
    let alice = scene.caller("alice");
    // Whoever starts slowly is there when all are asked again.
    alice.modern("tools/list", json!({})).send().await.result();
    for method in ["server/discover", "tools/list", "resources/list"] {
        let result = alice.modern(method, json!({})).send().await.result();
        let absent = &result["_meta"]["claviger/unavailable"];
        assert_eq!(names(absent, "server"), ["dead", "mute"], "{method}: {result}");
        for member in absent.as_array().unwrap() {
            let reason = member["reason"].as_str().unwrap();
            assert!(!reason.is_empty() && !reason.contains("127.0.0.1"), "{reason}");
        }
        assert_eq!(result["ttlMs"], 0, "they may be back at any time");
    }
    let tools = names(&alice.modern("tools/list", json!({})).send().await.result()["tools"], "name");
    for member in ["files__", "fixture__", "old__"] {
        assert!(tools.iter().any(|tool| tool.starts_with(member)), "{member}: {tools:?}");
    }
    let session = alice.session().await;
    assert_eq!(names(&session.request("tools/list", json!({})).send().await.result()["tools"], "name"), tools);
    assert_eq!(alice.call("fixture__test_simple_text", json!({})).await.status, 200);
    let dead = alice.call("dead__anything", json!({})).await;
    assert_eq!(dead.status, 502, "{dead:?}");
}
