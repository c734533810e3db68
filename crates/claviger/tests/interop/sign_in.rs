//! Everybody logs in: clients of other people that start with nothing, the door's own authorization server, and a person at a real browser.
//!
//! Each client finds the way from the 401 alone, registers itself, has its person sign in, calls, and renews its token when that has ended.

mod first_start;
mod inspector;
mod mcp_remote;
mod pages;
mod sdks;

use std::fs;
use std::path::Path;
use std::process::Command;

use issuer::accounts::hash;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Door, Running, Setup, chromium};

/// A door with a letter behind it, and somebody who may read it.
struct Scene {
    door: Door,
    folder: TempDir,
}

impl Scene {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("letter.txt"), LETTER).expect("a file can be written");
        fs::write(folder.path().join("claviger.toml"), CONFIGURATION).expect("a file can be written");
        let password = hash(&SecretString::from(PASSWORD)).expect("a password can be hashed");
        let accounts = format!("[accounts.ada]\nname = \"Ada Lovelace\"\npassword = \"{password}\"\n");
        fs::write(folder.path().join("accounts.toml"), accounts).expect("a file can be written");
        let configuration = folder.path().join("claviger.toml");
        // Whatever is logged, nothing of it may be a secret.
        let door = Setup::file(&configuration).variable("CLAVIGER_LOG", "trace").within(folder.path()).open();
        door.keep_secret(PASSWORD);
        Self { door, folder }
    }

    /// A home of a client's own, so that it finds nothing of anybody's.
    fn home(&self) -> &Path {
        self.folder.path()
    }

    /// Ada signs in for the client that has just asked for it, and sees whom she lets in.
    fn signs_in(&self, client: &Running, name: &str) {
        let link = link_of(client);
        let walk = chromium::sign_in(&link, "ada", PASSWORD, self.door.secrets());
        let [sign_in, consent, ..] = walk.pages.as_slice() else { panic!("there are two pages: {:?}", walk.pages) };
        assert!(sign_in.starts_with("Sign in |") && sign_in.contains(name), "{sign_in}");
        for words in [name, "The Letters", "Read letters", "Ada Lovelace", "nobody has checked it", "a program on this computer"] {
            assert!(consent.contains(words), "`{words}` is not in: {consent}");
        }
    }

    /// Everything is in the record: who came in with which client, and the calls.
    fn close(self, calls: usize) {
        let [registered, granted] = ["client.registered", "grant.made"].map(|event| self.door.events(event, 1));
        assert_eq!(granted[0]["subject"], "ada");
        assert_eq!(granted[0]["client"], registered[0]["client"]);
        for call in self.door.calls_of(TOOL, calls) {
            assert_eq!((&call["outcome"], &call["subject"]), (&json!("ok"), &json!("ada")), "{call}");
        }
        self.door.close();
    }
}

/// What a driver under interop/drivers/ says in the end.
fn outcome_of(client: &Running) -> Value {
    let outcome: Value = serde_json::from_str(&client.line("{\"")).expect("a driver prints JSON");
    assert!(outcome.get("error").is_none(), "{outcome:#}\n{}", client.said());
    outcome
}

/// The link that a client shows to its person, or opens by itself.
fn link_of(client: &Running) -> String {
    loop {
        let line = client.line("/authorize?");
        let start = line.find("http://127.0.0.1:").expect("the link is whole");
        let link: String = line[start..].chars().take_while(|&letter| letter.is_ascii_graphic() && !"<>\"".contains(letter)).collect();
        // Some write it into a log as well, broken into lines.
        if link.contains("code_challenge_method=S256") {
            return link;
        }
    }
}

/// A client's program, which opens links by saying them.
fn at_home(command: &mut Command, home: &Path) -> Running {
    Running::start(command.env("HOME", home).env("BROWSER", "echo open %s"))
}

/// Tokens end at once, but the door is patient with clocks for half a minute.
const CONFIGURATION: &str = r#"
[issuer]
accounts = "accounts.toml"
access_token = "2s"
words = { "letters:read" = "Read letters" }

[servers.letters]
title = "The Letters"
builtin = "filesystem"
root = "."
scopes = { "*" = "letters:read" }
"#;
const LETTER: &str = "dear reader";
const PASSWORD: &str = "correct horse battery staple";
const TOOL: &str = "read_text_file";
