//! Both eras on one connection, messages that make no sense, and how a connection ends.

use std::path::PathBuf;

use claviger_servers::filesystem::{self, Access, Filesystem, OpenError, ServeError};
use serde_json::json;
use tokio::io::AsyncReadExt;

use crate::peer::{Peer, directory};

#[tokio::test]
async fn both_eras_share_a_connection_in_either_order() {
    for modern_first in [true, false] {
        let place = directory();
        let mut peer = Peer::of(place.path());
        if modern_first {
            assert_eq!(peer.ask_modern("tools/list", json!({})).await["result"]["resultType"], "complete");
        }
        assert_eq!(peer.initialize("2025-06-18").await["protocolVersion"], "2025-06-18");
        for _ in 0..2 {
            let modern = peer.ask_modern("tools/list", json!({})).await;
            assert_eq!((&modern["result"]["resultType"], &modern["result"]["ttlMs"]), (&json!("complete"), &json!(0)));
            let legacy = peer.ask("tools/list", json!({})).await;
            assert!(legacy["result"]["tools"].is_array() && legacy["result"]["resultType"].is_null(), "{legacy}");
        }
        assert!(peer.ask_modern("server/discover", json!({})).await["result"]["supportedVersions"].is_array());
    }
}

#[tokio::test]
async fn messages_without_sense_do_not_end_the_connection() {
    let place = directory();
    let mut peer = Peer::of(place.path());
    for line in [
        "",
        "not json",
        "{",
        "\u{feff}",
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/unheard_of","params":{"x":1}}"#,
        r#"{"jsonrpc":"2.0","id":5,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":5,"error":{"code":1,"message":"x"}}"#,
    ] {
        peer.write(line).await;
    }
    assert_eq!(peer.call("list_directory", json!({})).await["isError"], false);
    for line in ["[]", "7", r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#] {
        peer.write(line).await;
        assert_eq!(peer.receive().await["error"]["code"], -32600, "{line}");
    }
    assert_eq!(peer.call("list_directory", json!({})).await["isError"], false);
}

#[tokio::test]
async fn a_line_over_sixteen_mebibytes_is_dropped() {
    let place = directory();
    let mut peer = Peer::of(place.path());
    peer.write(&" ".repeat(17 << 20)).await;
    assert_eq!(peer.call("list_directory", json!({})).await["isError"], false);
}

#[tokio::test]
async fn connections_share_one_open_directory() {
    let place = directory();
    let filesystem = Filesystem::open(place.path(), Access::ReadOnly).unwrap();
    let mut first = Peer::connected_to(filesystem.clone());
    let mut second = Peer::connected_to(filesystem);
    first.initialize("2025-11-25").await;
    // What one connection agreed on is nothing to the other.
    assert_eq!(second.ask("tools/list", json!({})).await["error"]["code"], -32602);
    assert_eq!(second.call("get_file_info", json!({"path": "two.txt"})).await["isError"], false);
    first.close().await.unwrap();
    assert_eq!(second.call("get_file_info", json!({"path": "two.txt"})).await["isError"], false);
}

#[tokio::test]
async fn answers_that_are_under_way_arrive_after_the_peer_stops_writing() {
    let place = directory();
    let (mut ours, theirs) = tokio::io::duplex(64 * 1024);
    let server = tokio::spawn(filesystem::serve(place.path().to_owned(), Access::ReadOnly, theirs));
    let ping = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";
    tokio::io::AsyncWriteExt::write_all(&mut ours, ping).await.unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut ours).await.unwrap();
    let mut answer = String::new();
    ours.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_dropped_server_ends_the_connection() {
    let place = directory();
    let (mut ours, theirs) = tokio::io::duplex(1024);
    let server = tokio::spawn(filesystem::serve(place.path().to_owned(), Access::ReadOnly, theirs));
    tokio::task::yield_now().await;
    server.abort();
    assert_eq!(ours.read_to_end(&mut Vec::new()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_root_that_cannot_be_opened_is_told_to_the_operator() {
    let (_ours, theirs) = tokio::io::duplex(1024);
    let missing = PathBuf::from("/nonexistent/root");
    let error = filesystem::serve(missing.clone(), Access::ReadOnly, theirs).await.unwrap_err();
    assert_eq!(error.to_string(), "the root `/nonexistent/root` cannot be opened");
    assert!(matches!(error, ServeError::Open(OpenError::Unusable { root, .. }) if root == missing));
}
