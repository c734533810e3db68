//! 2026-07-28: no handshake, `_meta` on each request, `resultType` in each result.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::peer::{Peer, directory, modern, refusal};

#[tokio::test]
async fn discover_names_the_versions_and_tools_only() {
    let place = directory();
    let mut peer = Peer::of(place.path());
    let result = &peer.ask_modern("server/discover", json!({})).await["result"];
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["supportedVersions"], json!(["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]));
    assert_eq!(result["capabilities"], json!({"tools": {}}));
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "claviger-filesystem");
    assert!(result["ttlMs"].is_u64() && result["cacheScope"].is_string(), "{result}");
    peer.close().await.unwrap();
}

#[tokio::test]
async fn every_tool_is_described_as_read_only_with_strict_schemas() {
    let place = directory();
    let mut peer = Peer::of(place.path());
    let result = &peer.ask_modern("tools/list", json!({})).await["result"];
    assert_eq!(result["resultType"], "complete");
    assert!(result["ttlMs"].is_u64() && result["cacheScope"].is_string(), "{result}");
    let tools = result["tools"].as_array().unwrap();
    let names: BTreeSet<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
    let expected = ["directory_tree", "get_file_info", "list_directory", "read_text_file", "search_files"];
    assert_eq!(names, BTreeSet::from(expected));
    for tool in tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
        assert_eq!(tool["annotations"]["destructiveHint"], false, "{tool}");
        assert_eq!(tool["annotations"]["openWorldHint"], false, "{tool}");
        assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
        assert!(tool["description"].as_str().is_some_and(|words| words.len() > 40), "{tool}");
        assert_eq!(tool["outputSchema"].is_object(), tool["name"] != "read_text_file", "{tool}");
    }
}

#[tokio::test]
async fn each_tool_answers() {
    let place = directory();
    let mut peer = Peer::of(place.path());
    let text = peer.call("read_text_file", json!({"path": "notes/one.md", "first_line": 2, "last_line": 2})).await;
    assert_eq!(text["content"], json!([{"type": "text", "text": "second\n"}]));
    let listing = peer.call("list_directory", json!({})).await;
    let expected = json!({"entries": [
        {"name": "notes", "kind": "directory"}, {"name": "two.txt", "kind": "file", "size": 3}
    ], "truncated": false});
    assert_eq!(listing["structuredContent"], expected);
    let written: Value = serde_json::from_str(listing["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(written, expected);
    let tree = peer.call("directory_tree", json!({"path": ".", "depth": 2})).await;
    assert_eq!(tree["structuredContent"]["entries"][1], json!({"path": "notes/one.md", "kind": "file"}));
    let found = peer.call("search_files", json!({"pattern": "*.txt"})).await;
    assert_eq!(found["structuredContent"]["entries"], json!([{"path": "two.txt", "kind": "file"}]));
    let info = peer.call("get_file_info", json!({"path": "two.txt"})).await;
    assert_eq!(info["structuredContent"]["size"], 3);
    let modified = info["structuredContent"]["modified"].as_str().unwrap();
    assert!(modified.starts_with("20") && modified.ends_with('Z'), "{modified}");
    assert_eq!(info["structuredContent"]["permissions"].as_str().map(str::len), Some(4));
}

#[tokio::test]
async fn a_long_text_says_how_to_go_on() {
    let place = directory();
    std::fs::write(place.path().join("long"), "0123456789abcde\n".repeat(70_000)).unwrap();
    let mut peer = Peer::of(place.path());
    let text = peer.call("read_text_file", json!({"path": "long"})).await;
    assert_eq!(text["content"][0]["text"].as_str().map(str::len), Some(1024 * 1024));
    assert_eq!(text["content"][1]["text"], "[cut at 1 MiB; go on with first_line = 65537]");
    let rest = peer.call("read_text_file", json!({"path": "long", "first_line": 65_537})).await;
    assert_eq!(rest["content"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn wrong_arguments_are_explained_to_the_model() {
    let place = directory();
    let mut peer = Peer::of(place.path());
    for (tool, arguments, words) in [
        ("read_text_file", json!({}), "missing field `path`"),
        ("read_text_file", json!({"path": 7}), "invalid type"),
        ("read_text_file", json!({"path": "two.txt", "offset": 3}), "unknown field `offset`"),
        ("read_text_file", json!({"path": "two.txt", "head": 0}), "nonzero"),
        ("read_text_file", json!({"path": "two.txt", "head": 1, "tail": 1}), "only one of"),
        ("read_text_file", json!({"path": "two.txt", "first_line": 3, "last_line": 2}), "only one of"),
        ("search_files", json!({"pattern": "[a"}), "not a glob"),
    ] {
        let result = peer.call(tool, arguments.clone()).await;
        assert!(refusal(&result).contains(words), "{arguments}: {result}");
    }
    let long = peer.call("read_text_file", json!({"path": "two.txt", "x".repeat(5000): 1})).await;
    assert!(refusal(&long).len() < 400, "{long}");
}

#[tokio::test]
async fn what_is_not_a_tool_is_refused_with_its_code() {
    let place = directory();
    let mut peer = Peer::of(place.path());
    for (method, params, code) in [
        ("tools/call", json!({"name": "write_file", "arguments": {}}), -32602),
        ("tools/call", json!({"name": 7}), -32602),
        ("tools/call", json!({}), -32602),
        ("ping", json!({}), -32601),
        ("initialize", json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}), -32601),
        ("logging/setLevel", json!({"level": "debug"}), -32601),
        ("prompts/list", json!({}), -32601),
        ("resources/list", json!({}), -32601),
        ("resources/read", json!({"uri": "file:///etc/passwd"}), -32601),
        ("subscriptions/listen", json!({"notifications": {}}), -32601),
        ("tasks/get", json!({"taskId": "1"}), -32601),
        ("no/such/method", json!({}), -32601),
    ] {
        let answer = peer.ask_modern(method, params).await;
        assert_eq!(answer["error"]["code"], code, "{method}: {answer}");
    }
    assert_eq!(peer.call("list_directory", json!({})).await["isError"], false);
}

#[tokio::test]
async fn broken_metadata_is_an_error_and_never_legacy() {
    let place = directory();
    let mut peer = Peer::of(place.path());
    peer.initialize("2025-11-25").await;
    let version = "io.modelcontextprotocol/protocolVersion";
    for (meta, code) in [
        (json!({version: "2026-07-28"}), -32602),
        (json!({version: 20_260_728, "io.modelcontextprotocol/clientCapabilities": {}}), -32602),
        (json!({version: "2026-07-28", "io.modelcontextprotocol/clientCapabilities": 1}), -32602),
        (json!({version: "2099-01-01", "io.modelcontextprotocol/clientCapabilities": {}}), -32022),
    ] {
        let answer = peer.ask("tools/list", json!({"_meta": meta})).await;
        assert_eq!(answer["error"]["code"], code, "{meta}: {answer}");
    }
}

#[tokio::test]
async fn many_calls_at_once_are_each_answered_under_their_own_id() {
    let place = directory();
    for number in 0..300 {
        std::fs::write(place.path().join(format!("{number}")), format!("text {number}")).unwrap();
    }
    let mut peer = Peer::of(place.path());
    for number in 0..300 {
        let params = modern(json!({"name": "read_text_file", "arguments": {"path": number.to_string()}}));
        let id = if number % 2 == 0 { json!(number) } else { json!(format!("call-{number}")) };
        peer.send(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})).await;
    }
    let mut seen = BTreeSet::new();
    for _ in 0..300 {
        let answer = peer.receive().await;
        let id = &answer["id"];
        let number = id.as_u64().unwrap_or_else(|| id.as_str().unwrap().trim_start_matches("call-").parse().unwrap());
        assert_eq!(answer["result"]["content"][0]["text"], format!("text {number}"));
        assert!(seen.insert(number));
    }
    peer.close().await.unwrap();
}

#[tokio::test]
async fn a_cancelled_call_is_not_answered() {
    let place = directory();
    // A hole of 250 MiB: the second line is looked for in all of it.
    std::fs::File::create(place.path().join("hole")).unwrap().set_len(250 << 20).unwrap();
    let mut peer = Peer::of(place.path());
    for id in 1..=20 {
        let params = modern(json!({"name": "read_text_file", "arguments": {"path": "hole", "first_line": 2}}));
        peer.send(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})).await;
    }
    for id in 1..=20 {
        peer.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}})).await;
    }
    let params = modern(json!({"name": "read_text_file", "arguments": {"path": "two.txt"}}));
    peer.send(&json!({"jsonrpc": "2.0", "id": "after", "method": "tools/call", "params": params})).await;
    let answer = peer.receive().await;
    assert_eq!((&answer["id"], &answer["result"]["content"][0]["text"]), (&json!("after"), &json!("two")));
    peer.close().await.unwrap();
}
