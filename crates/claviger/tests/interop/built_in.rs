//! The built-in filesystem server, as every real client sees it with nothing else installed.

use std::fs;

use serde_json::json;

use crate::support::{Client, Setup};

#[test]
fn the_demo_serves_every_client_in_its_era() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(folder.path().join("letter.txt"), "dear reader").expect("a file can be written");
    let door = Setup::demo(folder.path()).open();
    let token = door.token("filesystem:read");
    for client in Client::ALL {
        for (era, version) in [("legacy", "2025-11-25"), ("auto", "2026-07-28")] {
            let seen = client.tour(&door.url, &token, era, "read_text_file", &json!({"path": "letter.txt"}));
            assert_eq!(seen["version"], version, "{client:?}");
            assert!(seen["text"].as_str().is_some_and(|text| text.contains("dear reader")), "{client:?} {era}: {seen}");
        }
    }
    door.close();
}
