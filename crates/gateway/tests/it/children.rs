//! What is a child given, what of its words is shown, and what happens when it dies or misbehaves?

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use claviger_gateway::back::BackFailure;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{Declared, World};

#[tokio::test]
async fn environment_is_built_from_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(Declared {
        arguments: &["--flag", "x-${TOKEN}"],
        environment: &[("KEY", "Bearer ${TOKEN}"), ("PLAIN", "value"), ("TERM", "declared")],
        inherited: &[("HOME", "/home/somebody"), ("LC_ALL", "C.UTF-8"), ("TERM", "inherited"), ("SECRET_OF_THE_DOOR", "leak")],
        variables: &[("TOKEN", "secret-token-1")],
        directory: Some(directory.path().to_owned()),
        ..Declared::default()
    })
    .await;
    let given = world.call("environment", json!({})).await.unwrap();
    let expected = json!({
        "HOME": "/home/somebody",
        "KEY": "Bearer secret-token-1",
        "LC_ALL": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PLAIN": "value",
        "TERM": "declared",
    });
    assert_eq!(given["environment"], expected);
    assert_eq!(given["arguments"], json!(["--flag", "x-secret-token-1"]));
    assert_eq!(given["directory"], json!(directory.path().canonicalize().unwrap()));
}

#[tokio::test]
async fn secrets_are_masked_in_what_a_child_complains_about() {
    // For the whole process: a subscriber of one thread may miss what the tests beside this one have made known before.
    let log = Log::default();
    tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).init();
    let world = World::open(Declared {
        environment: &[("AUTHORIZATION", "Bearer ${TOKEN}")],
        variables: &[("TOKEN", "secret-token-1")],
        ..Declared::default()
    })
    .await;
    let lines = ["whole: Bearer secret-token-1", "part: secret-token-1!", "red \u{1b}[31m", "last line"];
    world.call("complain", json!({ "lines": lines })).await.unwrap();
    world.call("chatter", json!({})).await.unwrap();
    let shown = log.until("last line").await;
    assert!(!shown.contains("secret-token-1"), "{shown}");
    assert!(shown.contains("part: ****!") && shown.contains("whole: ****"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
}

#[tokio::test]
async fn crash_is_an_error_and_the_next_call_works() {
    let world = World::open(Declared::default()).await;
    let before = world.call("who", json!({})).await.unwrap()["pid"].clone();
    assert!(matches!(world.call("die", json!({})).await, Err(BackFailure::Crashed)));
    let after = world.call("who", json!({})).await.unwrap()["pid"].clone();
    assert_ne!(before, after);
}

#[tokio::test]
async fn garbage_on_standard_output_is_ignored() {
    let world = World::open(Declared::default()).await;
    assert_eq!(world.call("chatter", json!({})).await.unwrap(), json!({}));
    assert!(world.call("who", json!({})).await.is_ok());
}

#[tokio::test]
async fn message_over_the_cap_ends_the_child_and_the_next_call_works() {
    let world = World::open(Declared { message_bytes: Some(100_000), ..Declared::default() }).await;
    assert_eq!(world.call("long", json!({ "bytes": 90_000 })).await.unwrap()["text"].as_str().unwrap().len(), 90_000);
    assert!(matches!(world.call("long", json!({ "bytes": 200_000 })).await, Err(BackFailure::TooLarge { limit: 100_000 })));
    assert!(world.call("who", json!({})).await.is_ok());
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    async fn until(&self, end: &str) -> String {
        for _ in 0..200 {
            let shown = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            if shown.contains(end) {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("`{end}` was never logged");
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
