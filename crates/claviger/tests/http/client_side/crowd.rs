//! Many bridges at once: one log-in, one registration, and whoever dies takes nobody along.

use futures_util::future::join_all;
use serde_json::json;

use super::host::Host;
use super::{Machine, allows, open, plan};
use crate::support::eventually;

#[tokio::test]
async fn twenty_bridges_that_start_at_once_send_one_person_once_and_all_work() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let mut hosts: Vec<Host> = (0..CROWD).map(|_| Host::start(&machine, &[&door.resource()])).collect();
    let opening = join_all(hosts.iter_mut().map(Host::initialize));
    let person = async { allows(&door, &machine.sent_to(1).await).await };
    let (opened, seen) = tokio::join!(opening, person);
    assert_eq!(seen, 200);
    for answer in &opened {
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "{answer}");
    }
    let texts = join_all(hosts.iter_mut().map(|host| host.call("test_simple_text"))).await;
    for text in texts {
        assert_eq!(text["result"]["content"][0]["type"], "text", "{text}");
    }
    assert_eq!(machine.opened().len(), 1);
    assert_eq!((machine.kept("client.", "known").len(), machine.kept("account.", "json").len()), (1, 1));
    for host in hosts {
        assert_eq!(host.close().await.0, Some(0));
    }
}

#[tokio::test]
async fn when_the_one_that_logs_in_is_killed_another_goes_on() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let mut hosts: Vec<Host> = (0..3).map(|_| Host::start(&machine, &[&door.resource(), "--no-browser"])).collect();
    for host in &mut hosts {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "host", "version": "1"}});
        host.ask("initialize", params).await;
    }
    // Whoever holds the account's lock is the one that has asked the person.
    let lock = eventually("somebody holds the lock", || machine.kept("account.", "lock").pop()).await;
    let holder = eventually("the holder is known", || holder_of(&lock, &hosts)).await;
    let place = hosts.iter().position(|host| host.id() == holder).unwrap();
    hosts.swap_remove(place).kill().await;
    let next = eventually("another one holds it", || holder_of(&lock, &hosts)).await;
    assert_ne!(next, holder);
    for host in hosts {
        host.kill().await;
    }
}

/// By `/proc/locks`: the process that has locked this file.
fn holder_of(lock: &std::path::Path, hosts: &[Host]) -> Option<u32> {
    let inode = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(lock).ok()?);
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    let ours = locks.lines().filter(|line| !line.contains("->") && line.contains(&format!(":{inode} ")));
    let holders = ours.filter_map(|line| line.split_whitespace().nth(4)?.parse().ok());
    let known: Vec<u32> = holders.collect();
    hosts.iter().map(Host::id).find(|id| known.contains(id))
}

const CROWD: usize = 20;
