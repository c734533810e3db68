//! Does anything outlive the door or the end of a child? Not even what ignores every polite request.

#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::world::{Declared, World, example, peer, python};

/// A door in a process of its own, with a child that has two stubborn children: one in its process group, one in a session of its own.
struct SmallDoor {
    door: Child,
    family: Vec<i32>,
}

impl SmallDoor {
    fn start(arguments: &[&str]) -> Self {
        let mut door = Command::new(example("small_door"))
            .arg(example("child_guard"))
            .arg(python())
            .args(["-I", "-S"])
            .arg(peer("server.py"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(door.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        Self { door, family: family_of(&answer["result"]) }
    }
}

#[tokio::test]
async fn killing_the_door_leaves_neither_child_nor_grandchild() {
    for arguments in [&[][..], &["--deaf"]] {
        let mut small = SmallDoor::start(arguments);
        assert!(small.family.iter().all(|pid| state_of(*pid).is_some()));
        small.door.kill().unwrap();
        small.door.wait().unwrap();
        assert_gone(&small.family, Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn door_that_closes_leaves_neither_child_nor_zombie() {
    let mut small = SmallDoor::start(&["--deaf"]);
    drop(small.door.stdin.take());
    let ended = tokio::task::spawn_blocking(move || (small.door.wait().unwrap(), small.family));
    let (status, family) = tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap().unwrap();
    assert!(status.success());
    // The door has waited for them: they are gone when it is.
    assert_gone(&family, Duration::from_millis(200)).await;
}

#[tokio::test]
async fn killing_the_guard_takes_its_group_along() {
    let world = World::open(Declared::default()).await;
    let family = world.call("family", json!({})).await.unwrap();
    let guard = Pid::from_raw(as_pid(&family["guard"])).unwrap();
    kill_process(guard, Signal::KILL).unwrap();
    let group: Vec<i32> = ["pid", "guard", "near"].iter().map(|member| as_pid(&family[*member])).collect();
    assert_gone(&group, Duration::from_secs(5)).await;
    // What had left the group is beyond reach when its guard is shot; nobody else is there to end it.
    kill_process(Pid::from_raw(as_pid(&family["far"])).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test]
async fn program_that_ends_takes_its_children_along() {
    let world = World::open(Declared::default()).await;
    let family = world.call("family", json!({})).await.unwrap();
    assert!(world.call("die", json!({})).await.is_err());
    assert_gone(&family_of(&family), Duration::from_secs(5)).await;
}

#[tokio::test]
async fn program_that_ends_at_the_end_of_its_input_is_not_signalled() {
    let directory = tempfile::tempdir().unwrap();
    let notes = directory.path().join("notes");
    let world = World::open(Declared { arguments: &["--note-end", notes.to_str().unwrap()], ..Declared::default() }).await;
    let pid = as_pid(&world.call("who", json!({})).await.unwrap()["pid"]);
    world.back.shutdown(Duration::from_secs(10)).await;
    assert_gone(&[pid], Duration::from_millis(200)).await;
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "EOF\n");
}

#[tokio::test]
async fn program_that_ignores_the_end_of_its_input_is_terminated_and_then_killed() {
    let directory = tempfile::tempdir().unwrap();
    let notes = directory.path().join("notes");
    let path = notes.to_str().unwrap();
    let polite = World::open(Declared { arguments: &["--note-end", path, "--note-term", path], ..Declared::default() }).await;
    let deaf = World::open(Declared { arguments: &["--deaf"], ..Declared::default() }).await;
    let mut pids = vec![as_pid(&polite.call("who", json!({})).await.unwrap()["pid"])];
    pids.extend(family_of(&deaf.call("family", json!({})).await.unwrap()));
    tokio::join!(polite.back.shutdown(Duration::from_secs(10)), deaf.back.shutdown(Duration::from_secs(10)));
    assert_gone(&pids, Duration::from_millis(200)).await;
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "EOF\nTERM\n");
}

#[tokio::test]
async fn impatient_end_kills_what_has_left_the_group_too() {
    let world = World::open(Declared { arguments: &["--deaf"], ..Declared::default() }).await;
    let family = family_of(&world.call("family", json!({})).await.unwrap());
    world.back.shutdown(Duration::from_millis(10)).await;
    assert_gone(&family, Duration::from_millis(200)).await;
}

#[tokio::test]
async fn back_that_is_dropped_ends_its_children() {
    let world = World::open(Declared::default()).await;
    let pid = as_pid(&world.call("who", json!({})).await.unwrap()["pid"]);
    drop(world);
    assert_gone(&[pid], Duration::from_secs(5)).await;
}

fn family_of(answer: &Value) -> Vec<i32> {
    ["pid", "guard", "near", "far"].iter().map(|member| as_pid(&answer[*member])).collect()
}

fn as_pid(number: &Value) -> i32 {
    number.as_i64().unwrap().try_into().unwrap()
}

/// The state letter of a process; `None` when there is none. A zombie counts if reaping it was up to this process: elsewhere it waits for
/// the system's first process, which takes its time.
fn state_of(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    let is_ours = fields.next()?.parse() == Ok(std::process::id());
    (state != 'Z' || is_ours).then_some(state)
}

async fn assert_gone(pids: &[i32], patience: Duration) {
    let gone = async {
        while pids.iter().any(|pid| state_of(*pid).is_some()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(patience, gone).await.is_err() {
        let left: Vec<_> = pids.iter().map(|pid| (*pid, state_of(*pid))).collect();
        panic!("still there: {left:?}");
    }
}
