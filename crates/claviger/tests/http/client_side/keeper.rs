//! The keeper itself: it comes when it is needed, goes when it is not, and makes room for one of another version.

use std::os::unix::fs::PermissionsExt as _;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::host::Host;
use super::{Machine, allows, killed, open, plan};
use crate::support::{Door, Running, eventually, is_alive, run};

async fn logged_in(door: &Door, machine: &Machine) {
    let login = Running::start(machine.command(&["login", &door.resource()]));
    assert_eq!(allows(door, &machine.sent_to(1).await).await, 200);
    let finished = login.finished().await;
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}

/// One line each way, as the keeper and a program of this version begin.
async fn greeted(machine: &Machine, version: &str) -> String {
    let mut keeper = BufReader::new(UnixStream::connect(machine.socket()).await.unwrap());
    keeper.write_all(format!("{{\"version\":\"{version}\"}}\n").as_bytes()).await.unwrap();
    let mut said = String::new();
    keeper.read_line(&mut said).await.unwrap();
    said
}

#[tokio::test]
async fn it_ends_when_nobody_has_asked_for_a_while_and_a_second_one_at_once() {
    let machine = Machine::new();
    let mut first = Running::start(machine.command(&["keeper", "--idle", "1s"]));
    eventually("it can be asked", || (first.printed() == "ready\n").then_some(())).await;
    let second = run(machine.command(&["keeper"])).await;
    assert_eq!((second.code, second.stdout.as_str()), (Some(0), ""), "{}", second.stderr);
    assert!(machine.socket().exists());
    assert_eq!(first.ended().await.code(), Some(0));
    assert!(!machine.socket().exists());
}

#[tokio::test]
async fn it_is_the_persons_alone_and_belongs_to_no_terminal() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    logged_in(&door, &machine).await;
    let mode = |path: &std::path::Path| std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(machine.socket().parent().unwrap()), mode(&machine.socket())), (0o700, 0o600));
    let keeper = machine.keeper().await;
    let stat = std::fs::read_to_string(format!("/proc/{keeper}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    // Group and session are its own, and there is no terminal.
    assert_eq!((fields[2], fields[3], fields[4]), (keeper.to_string().as_str(), keeper.to_string().as_str(), "0"));
}

#[tokio::test]
async fn what_a_killed_one_left_is_no_hindrance() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    logged_in(&door, &machine).await;
    let keeper = machine.keeper().await;
    killed(keeper);
    eventually("it is dead", || (!is_alive(keeper)).then_some(())).await;
    assert!(machine.socket().exists());
    let left = run(machine.command(&["logout", &door.resource()])).await;
    assert!(left.stderr.contains("its tokens were taken back"), "{}", left.stderr);
    assert_ne!(machine.keeper().await, keeper);
}

#[tokio::test]
async fn it_makes_room_for_one_of_another_version() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    logged_in(&door, &machine).await;
    let keeper = machine.keeper().await;
    assert!(greeted(&machine, env!("CARGO_PKG_VERSION")).await.contains(env!("CARGO_PKG_VERSION")));
    assert!(is_alive(keeper));
    assert!(greeted(&machine, "0.0.0-other").await.contains(env!("CARGO_PKG_VERSION")));
    assert!(!machine.socket().exists(), "it has left before it says so");
    eventually("it ends", || (!is_alive(keeper)).then_some(())).await;
    let left = run(machine.command(&["logout", &door.resource()])).await;
    assert!(left.stderr.contains("its tokens were taken back"), "{}", left.stderr);
}

#[tokio::test]
async fn one_of_another_version_is_told_nothing_but_the_version() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let folder = machine.socket().parent().unwrap().to_owned();
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let listener = UnixListener::bind(machine.socket()).unwrap();
    let socket = machine.socket();
    let stranger = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next_line().await.unwrap().unwrap();
        std::fs::remove_file(socket).unwrap();
        drop(listener);
        lines.get_mut().write_all(b"{\"version\":\"9.9.9\",\"more\":true}\n").await.unwrap();
        (first, lines.next_line().await.unwrap())
    });
    let mut host = Host::start(&machine, &[&door.resource()]);
    let knocked = host.knock().await;
    let (first, next) = stranger.await.unwrap();
    assert_eq!(first, format!("{{\"version\":\"{}\"}}", env!("CARGO_PKG_VERSION")));
    assert_eq!(next, None);
    assert_eq!(allows(&door, &machine.sent_to(1).await).await, 200);
    host.works(knocked).await;
    assert_eq!(machine.keepers().len(), 1);
}

#[tokio::test]
async fn where_it_cannot_be_had_everything_works_and_only_a_verbose_bridge_says_so() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    // Others could look in.
    let folder = machine.socket().parent().unwrap().to_owned();
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut host = Host::start(&machine, &[&door.resource(), "--verbose"]);
    let knocked = host.knock().await;
    assert_eq!(allows(&door, &machine.sent_to(1).await).await, 200);
    host.works(knocked).await;
    assert!(host.close().await.1.contains("there is no keeper for this"));
    assert!(machine.keepers().is_empty());
    let left = run(machine.command(&["logout", &door.resource()])).await;
    assert!(left.stderr.contains("its tokens were taken back") && !left.stderr.contains("keeper"), "{}", left.stderr);
}

#[tokio::test]
async fn nonsense_and_silence_end_their_conversation_and_nothing_else() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    logged_in(&door, &machine).await;
    let keeper = machine.keeper().await;
    let silent = UnixStream::connect(machine.socket()).await.unwrap();
    for nonsense in ["\n", "{}\n", "{\"version\":1}\n", "nonsense\n"] {
        let mut stream = UnixStream::connect(machine.socket()).await.unwrap();
        stream.write_all(nonsense.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut said).await.unwrap();
        assert!(said.is_empty(), "{nonsense}");
    }
    let mut stream = BufReader::new(UnixStream::connect(machine.socket()).await.unwrap());
    let hello = format!("{{\"version\":\"{}\"}}\n", env!("CARGO_PKG_VERSION"));
    stream.write_all(format!("{hello}{{\"errand\":7}}\n").as_bytes()).await.unwrap();
    let mut said = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut said).await.unwrap();
    assert_eq!(said, hello);
    drop(silent);
    let left = run(machine.command(&["logout", &door.resource()])).await;
    assert!(left.stderr.contains("its tokens were taken back"), "{}", left.stderr);
    assert_eq!(machine.keeper().await, keeper);
}
