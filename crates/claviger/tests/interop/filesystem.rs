//! `server-filesystem` as a child process: two scopes for reading and writing, and roots that the client brings.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use crate::support::{Client, Door, Setup, peer};

struct Files {
    door: Door,
    folder: TempDir,
}

impl Files {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("letter.txt"), "dear reader").expect("a file can be written");
        let server = peer("npm/node_modules/.bin/mcp-server-filesystem").display().to_string();
        let door = Setup::program("files", vec![server, folder.path().display().to_string()])
            .scope("write_*=files:write")
            .scope("edit_*=files:write")
            .scope("*=files:read")
            .open();
        Self { door, folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().canonicalize().expect("the folder is there").join(name).display().to_string()
    }
}

#[test]
fn a_reader_reads_and_is_not_shown_how_to_write() {
    let files = Files::open();
    let token = files.door.token("files:read");
    for client in Client::ALL {
        let seen = client.tour(&files.door.url, &token, "legacy", "read_text_file", &json!({"path": files.path("letter.txt")}));
        assert_eq!(seen["text"], "dear reader", "{client:?}");
        let tools: Vec<&str> = seen["tools"].as_array().into_iter().flatten().filter_map(|tool| tool.as_str()).collect();
        assert!(tools.contains(&"list_directory") && !tools.contains(&"write_file") && !tools.contains(&"edit_file"), "{tools:?}");
    }
    files.door.close();
}

#[test]
fn a_writer_writes() {
    let files = Files::open();
    let token = files.door.token("files:read files:write");
    for client in Client::ALL {
        let name = format!("{client:?}.txt");
        let arguments = json!({"path": files.path(&name), "content": "written through the door"});
        let seen = client.tour(&files.door.url, &token, "legacy", "write_file", &arguments);
        assert_eq!(seen["failed"], false, "{seen}");
        assert_eq!(fs::read_to_string(files.folder.path().join(name)).expect("the file is there"), "written through the door");
    }
    files.door.close();
}

#[test]
fn a_reader_who_writes_hears_which_scope_is_missing() {
    let files = Files::open();
    let token = files.door.token("files:read");
    for client in Client::ALL {
        let settings = json!({"tool": "write_file", "arguments": {"path": files.path("no.txt"), "content": "no"}});
        let seen = client.attempt(&files.door.url, Some(&token), "tour", &settings);
        let refusal = &seen["refusals"][0];
        assert_eq!(refusal["status"], 403, "{seen}");
        assert!(refusal["challenge"].as_str().is_some_and(|challenge| challenge.contains(r#"scope="files:write""#)), "{seen}");
    }
    assert!(!files.folder.path().join("no.txt").exists());
    files.door.close();
}

// The server asks for the client's roots as soon as the client says `initialized`, and from then on serves those.
#[test]
fn the_roots_of_a_client_reach_the_server() {
    let files = Files::open();
    let other = tempfile::tempdir().expect("a temporary folder can be made");
    let root = other.path().canonicalize().expect("the folder is there").display().to_string();
    let token = files.door.token("files:read");
    let seen = Client::TypeScript.run(&files.door.url, &token, "roots", &json!({"root": root, "tool": "list_allowed_directories"}));
    assert!(seen["text"].as_str().is_some_and(|text| text.contains(&root)), "{seen}");
    files.door.close();
}
