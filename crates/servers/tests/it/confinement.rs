//! Attempts to get out of the root, or at secrets in it, by each tool that takes a path.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;
use tempfile::TempDir;

use crate::peer::{Peer, refusal};

/// `root` to be served, and beside it what must stay unseen.
fn trapped() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("root");
    fs::create_dir_all(root.join("inside/.ssh")).unwrap();
    fs::create_dir(place.path().join("beside")).unwrap();
    fs::write(place.path().join("beside/unseen.txt"), UNSEEN).unwrap();
    for secret in [".env", "server.pem", "inside/.ssh/config", "inside/id_ed25519"] {
        fs::write(root.join(secret), UNSEEN).unwrap();
    }
    symlink("../beside", root.join("link")).unwrap();
    symlink("../beside/unseen.txt", root.join("file_link")).unwrap();
    symlink(".env", root.join("harmless.txt")).unwrap();
    place
}

#[tokio::test]
async fn no_path_leads_out_of_the_root() {
    let place = trapped();
    let mut peer = Peer::of(&place.path().join("root"));
    let absolute = place.path().join("beside/unseen.txt");
    let paths = [
        "../beside/unseen.txt",
        "inside/../../beside/unseen.txt",
        "./.././beside/unseen.txt",
        "..",
        "inside/../..",
        "/etc/passwd",
        "//etc/passwd",
        absolute.to_str().unwrap(),
        "link",
        "link/",
        "link/.",
        "link/unseen.txt",
        "file_link/x",
        "..\\beside\\unseen.txt",
        "%2e%2e/beside/unseen.txt",
        "..%2fbeside",
        "\u{2024}\u{2024}/beside",
        "~/x",
        "file:///etc/passwd",
        "inside\u{0}/../../beside",
    ];
    for path in paths {
        for tool in ["read_text_file", "list_directory", "directory_tree", "search_files"] {
            let arguments = if tool == "search_files" { json!({"path": path, "pattern": "*"}) } else { json!({"path": path}) };
            let result = peer.call(tool, arguments).await;
            assert!(refusal(&result).starts_with('`'), "{tool} {path}");
            assert!(!result.to_string().contains(UNSEEN), "{tool} {path}: {result}");
        }
    }
    for path in paths.into_iter().filter(|path| !matches!(*path, "link" | "link/" | "link/.")) {
        refusal(&peer.call("get_file_info", json!({"path": path})).await);
    }
    let link = peer.call("get_file_info", json!({"path": "link"})).await;
    assert_eq!(link["structuredContent"]["kind"], "symbolic_link");
    let read = peer.call("read_text_file", json!({"path": "file_link"})).await;
    assert_eq!(refusal(&read), "`file_link`: it is, or lies behind, a symbolic link; links are listed but never followed");
}

#[tokio::test]
async fn secrets_are_listed_but_not_given_out() {
    let place = trapped();
    let mut peer = Peer::of(&place.path().join("root"));
    for path in [".env", "./.env", ".ENV", "server.pem", "inside/.ssh/config", "inside/id_ed25519", "harmless.txt"] {
        for part in [json!({"path": path}), json!({"path": path, "tail": 1}), json!({"path": path, "head": 1})] {
            let result = peer.call("read_text_file", part).await;
            refusal(&result);
            assert!(!result.to_string().contains(UNSEEN), "{path}: {result}");
        }
    }
    let result = peer.call("read_text_file", json!({"path": ".env"})).await;
    assert_eq!(refusal(&result), "`.env`: files such as `.env*` may hold secrets; their contents are never given out");
    let found = peer.call("search_files", json!({"pattern": "{.env,*.pem,config}"})).await;
    assert_eq!(found["structuredContent"]["entries"].as_array().map(Vec::len), Some(3), "{found}");
}

#[tokio::test]
async fn searches_and_trees_stay_inside() {
    let place = trapped();
    let mut peer = Peer::of(&place.path().join("root"));
    for pattern in ["**/unseen.txt", "unseen.txt", "../**", "link/**", "/**"] {
        let found = peer.call("search_files", json!({"pattern": pattern})).await;
        assert_eq!(found["structuredContent"]["entries"], json!([]), "{pattern}: {found}");
    }
    let tree = peer.call("directory_tree", json!({"depth": 100})).await;
    assert!(!tree.to_string().contains("unseen"), "{tree}");
}

#[tokio::test]
async fn binary_files_are_refused() {
    let place = trapped();
    fs::write(place.path().join("root/program"), b"\x7fELF\x02\x01\x01\0\0").unwrap();
    fs::write(place.path().join("root/picture"), b"\xff\xd8\xff\xe0").unwrap();
    let mut peer = Peer::of(&place.path().join("root"));
    for path in ["program", "picture"] {
        let result = peer.call("read_text_file", json!({"path": path})).await;
        assert_eq!(refusal(&result), format!("`{path}`: not UTF-8 text"));
    }
}

#[tokio::test]
async fn a_refusal_shows_the_callers_words_escaped_and_short() {
    let place = trapped();
    let mut peer = Peer::of(&place.path().join("root"));
    let result = peer.call("read_text_file", json!({"path": "a\u{1b}[2J\u{202e}b"})).await;
    assert_eq!(refusal(&result), "`a\\u{1b}[2J\\u{202e}b`: not found");
    let result = peer.call("read_text_file", json!({"path": "x".repeat(100_000)})).await;
    assert!(refusal(&result).len() < 500, "{result}");
}

const UNSEEN: &str = "what nobody may see";
