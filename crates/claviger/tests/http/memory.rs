//! Where does a credential of the door's lie while it works? In pages that no core dump holds; not in its environment, nor in what it has let go.

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::json;

use crate::support::{Door, Plan, Puppet, Say, Signal, descendants};

const HEADER_KEY: &str = "header-key-\"c8x2k5qw\"-of-the-door";
const CHILD_KEY: &str = "child-key-\"v4m9t1zs\"-of-the-door";

struct World {
    door: Door,
    upstream: Puppet,
    _secrets: tempfile::TempDir,
}

/// A door that has used both keys: one in a header, one in the environment of a child.
async fn world() -> World {
    let secrets = tempfile::tempdir().unwrap();
    for (name, secret) in [("header", HEADER_KEY), ("child", CHILD_KEY)] {
        std::fs::write(secrets.path().join(name), secret).unwrap();
    }
    let result = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"content":[]}"#;
    // The buffer of a connection keeps the last request until the connection is closed.
    let upstream = Puppet::start(move |seen| Say::result(seen, result).header("connection", "close")).await;
    let child = format!(
        "[servers.child]\ncommand = [\"/bin/sh\", \"-c\", \"exec sleep 60\"]\nprotocol = \"modern\"\nenv = {{ CHILD_KEY = \"file://{}\" }}",
        secrets.path().join("child").display()
    );
    let plan = Plan::before(&upstream.url, "modern")
        .line(&format!("headers = {{ Authorization = \"Bearer ${{file://{}}}\" }}", secrets.path().join("header").display()));
    let door = plan.section(&child).section("[timeouts]\ndrain = \"1s\"\ncall = \"1s\"\nprobe = \"500ms\"").open().await;
    let alice = door.caller("alice");
    for _ in 0..20 {
        assert_eq!(alice.call("any", json!({})).await.status, 200);
    }
    assert!(upstream.seen().iter().any(|seen| seen.header("authorization") == Some(&format!("Bearer {HEADER_KEY}"))));
    let mut caller = door.holder(&door.issuer.token(&door.resource_of("child"), "alice", ""));
    caller.path = "/mcp/child".to_owned();
    caller.call("any", json!({})).await;
    World { door, upstream, _secrets: secrets }
}

fn environment(process: u32) -> Vec<u8> {
    std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default()
}

fn holds(memory: &[u8], text: &str) -> usize {
    memchr::memmem::find_iter(memory, text.as_bytes()).count()
}

/// The child whose program this is.
fn child_of(door: &Door, program: &str) -> u32 {
    let is_it =
        |id: &u32| std::fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|path| path.file_name() == Some(Path::new(program).as_os_str()));
    descendants(door.process_id()).into_iter().find(is_it).expect("the child runs")
}

#[tokio::test]
async fn the_environment_of_the_door_holds_no_secret_and_that_of_a_child_its_own_only() {
    let World { door, .. } = world().await;
    let own = environment(door.process_id());
    assert_eq!((holds(&own, "c8x2k5qw"), holds(&own, "v4m9t1zs")), (0, 0));
    let childs = environment(child_of(&door, "sleep"));
    assert_eq!((holds(&childs, "c8x2k5qw"), holds(&childs, "v4m9t1zs")), (0, 1), "{}", String::from_utf8_lossy(&childs));
}

#[tokio::test]
async fn a_crash_of_the_door_leaves_no_core() {
    let World { mut door, .. } = world().await;
    let folder = door.folder().to_owned();
    // Even where somebody lifts the limit.
    let id = Pid::from_raw(door.process_id().try_into().unwrap());
    let hard = getrlimit(Resource::Core).maximum;
    prlimit(id, Resource::Core, Rlimit { current: hard, maximum: hard }).unwrap();
    door.signal(Signal::ABORT);
    let status = door.ended().await;
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(files.into_iter().all(|name| !name.starts_with("core")));
}

/// A core that is taken by force, as only root can.
#[tokio::test]
async fn a_core_that_is_taken_by_force_holds_no_secret() {
    let World { door, upstream: _upstream, .. } = world().await;
    let folder = tempfile::tempdir().unwrap();
    let id = door.process_id().to_string();
    let taken = Command::new("gcore").arg("-o").arg(folder.path().join("core")).arg(&id).output().expect("gcore of Debian's gdb");
    if !rustix::process::geteuid().is_root() {
        assert!(!taken.status.success(), "nobody but root can look into the door");
        return;
    }
    let core = folder.path().join(format!("core.{id}"));
    assert!(!found(&core, &["/mcp/child".to_owned()]).is_empty(), "it is the memory of the door");
    let forms = |secret: &str| [secret.split('"').nth(1).unwrap().to_owned(), base64(secret)];
    let forms: Vec<String> = [HEADER_KEY, CHILD_KEY].into_iter().flat_map(forms).collect();
    assert_eq!(found(&core, &forms), Vec::<String>::new());
}

/// Where any of the texts stands in a file, with what stands around it. Most of a core is zeros, which are passed over.
fn found(core: &Path, texts: &[String]) -> Vec<String> {
    let mut file = std::fs::File::open(core).unwrap();
    let (mut piece, zeros) = (vec![0; PIECE], vec![0; PIECE]);
    let mut found = Vec::new();
    let mut kept = 0;
    loop {
        let count = file.read(&mut piece[kept..]).unwrap();
        if count == 0 {
            return found;
        }
        let end = kept + count;
        if piece[..end] != zeros[..end] {
            for text in texts {
                found.extend(memchr::memmem::find_iter(&piece[..end], text).map(|at| around(&piece[..end], at)));
            }
        }
        // What begins here may end in the next piece.
        kept = OVERLAP.min(end);
        piece.copy_within(end - kept..end, 0);
    }
}

fn around(memory: &[u8], at: usize) -> String {
    String::from_utf8_lossy(&memory[at.saturating_sub(60)..(at + 60).min(memory.len())]).escape_debug().to_string()
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

const PIECE: usize = 1024 * 1024;
/// Longer than every text that is looked for.
const OVERLAP: usize = 128;
