//! 2025-03-26 to 2025-11-25: `initialize` first, and results without the modern members.

use serde_json::json;

use crate::peer::{Peer, directory, refusal};

#[tokio::test]
async fn each_legacy_version_is_spoken() {
    for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let place = directory();
        let mut peer = Peer::of(place.path());
        let result = peer.initialize(version).await;
        assert_eq!(result["protocolVersion"], version);
        assert_eq!(result["capabilities"], json!({"tools": {}}));
        assert_eq!(result["serverInfo"]["name"], "claviger-filesystem");
        assert!(result["instructions"].is_string() && result["resultType"].is_null(), "{result}");
        assert_eq!(peer.ask("ping", json!({})).await["result"], json!({}));
        let list = peer.ask("tools/list", json!({})).await;
        assert_eq!(list["result"]["tools"].as_array().map(Vec::len), Some(5));
        for modern in ["resultType", "ttlMs", "cacheScope"] {
            assert!(list["result"][modern].is_null(), "{version} {modern}: {list}");
        }
        let call = peer.ask("tools/call", json!({"name": "read_text_file", "arguments": {"path": "two.txt"}})).await;
        assert_eq!(call["result"], json!({"content": [{"type": "text", "text": "two"}], "isError": false}));
        peer.close().await.unwrap();
    }
}

#[tokio::test]
async fn other_versions_are_answered_with_the_newest_legacy_one() {
    for version in ["2024-11-05", "2026-07-28", "1999-01-01", ""] {
        let place = directory();
        let mut peer = Peer::of(place.path());
        assert_eq!(peer.initialize(version).await["protocolVersion"], "2025-11-25", "{version}");
        let list = peer.ask("tools/list", json!({})).await;
        assert!(list["result"]["tools"].is_array() && list["result"]["resultType"].is_null(), "{list}");
    }
}

#[tokio::test]
async fn what_comes_before_initialize_is_refused_and_the_connection_lives() {
    let place = directory();
    let mut peer = Peer::of(place.path());
    assert_eq!(peer.ask("ping", json!({})).await["result"], json!({}));
    for method in ["tools/list", "tools/call", "server/discover", "prompts/list"] {
        let answer = peer.ask(method, json!({"name": "list_directory"})).await;
        assert_eq!(answer["error"]["code"], -32602, "{method}: {answer}");
    }
    assert_eq!(peer.initialize("2025-06-18").await["protocolVersion"], "2025-06-18");
    assert!(peer.ask("tools/list", json!({})).await["result"]["tools"].is_array());
}

#[tokio::test]
async fn refusals_are_tool_errors_and_unknown_tools_are_not() {
    let place = directory();
    let mut peer = Peer::of(place.path());
    peer.initialize("2025-11-25").await;
    let refused = peer.ask("tools/call", json!({"name": "read_text_file", "arguments": {"path": "missing"}})).await;
    assert_eq!(refusal(&refused["result"]), "`missing`: not found");
    let unknown = peer.ask("tools/call", json!({"name": "rm"})).await;
    assert_eq!(unknown["error"]["code"], -32602);
    let method = peer.ask("logging/setLevel", json!({"level": "debug"})).await;
    assert_eq!(method["error"]["code"], -32601);
}
