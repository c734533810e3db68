//! Many bridges at once: one log-in, one registration, and whoever dies takes nobody along, neither a bridge nor the keeper.

use futures_util::future::join_all;

use super::host::Host;
use super::{Machine, allows, killed, open, plan};
use crate::support::{Door, eventually};

#[tokio::test]
async fn twenty_bridges_that_start_at_once_send_one_person_once_and_all_work() {
    twenty(&[]).await;
}

#[tokio::test]
async fn twenty_bridges_without_a_keeper_do_the_same_under_the_lock() {
    twenty(NO_KEEPER).await;
}

async fn twenty(variables: &[(&str, &str)]) {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let (mut hosts, knocked) = crowd(&machine, &door, CROWD, &[], variables).await;
    assert_eq!(allows(&door, &machine.sent_to(1).await).await, 200);
    join_all(hosts.iter_mut().zip(knocked).map(|(host, knocked)| host.works(knocked))).await;
    assert_eq!(machine.opened().len(), 1);
    assert_eq!((machine.kept("client.", "known").len(), machine.kept("account.", "json").len()), (1, 1));
    let registered = door.claviger(&["clients", "list", "-c", "claviger.toml", "--state", "state", "--json"]).await;
    let registered: serde_json::Value = serde_json::from_str(&registered.stdout).unwrap();
    assert_eq!(registered.as_array().unwrap().len(), 1, "{registered}");
    assert_eq!(machine.keepers().len(), usize::from(variables.is_empty()));
    for host in hosts {
        assert_eq!(host.close().await.0, Some(0));
    }
}

#[tokio::test]
async fn a_token_that_ends_under_many_bridges_is_renewed_once_and_nobody_is_asked() {
    // The authorization server ends a grant whose refresh token is shown twice.
    let (door, machine) = (open(plan("access_token = \"2s\"").await).await, Machine::new());
    let (mut hosts, knocked) = crowd(&machine, &door, 8, &[], &[]).await;
    assert_eq!(allows(&door, &machine.sent_to(1).await).await, 200);
    join_all(hosts.iter_mut().zip(knocked).map(|(host, knocked)| host.works(knocked))).await;
    for _ in 0..2 {
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        for answer in join_all(hosts.iter_mut().map(|host| host.call("test_simple_text"))).await {
            assert!(answer["result"].is_object(), "{answer}");
        }
    }
    assert_eq!(machine.opened().len(), 1);
}

#[tokio::test]
async fn when_the_one_that_has_shown_the_address_is_killed_the_same_tab_is_good_for_the_others() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let (mut first, _) = crowd(&machine, &door, 1, &[], &[]).await;
    let sent_to = machine.sent_to(1).await;
    let (mut others, knocked) = crowd(&machine, &door, 3, &[], &[]).await;
    for host in &mut others {
        assert!(host.is_told("if you do not see where, open").await.contains("somebody is about to log in"));
    }
    first.remove(0).kill().await;
    assert_eq!(allows(&door, &sent_to).await, 200);
    join_all(others.iter_mut().zip(knocked).map(|(host, knocked)| host.works(knocked))).await;
    assert_eq!((machine.opened().len(), machine.keepers().len()), (1, 1));
}

#[tokio::test]
async fn a_log_in_for_which_nobody_waits_any_more_is_given_up_and_the_next_one_starts_at_once() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let (mut first, _) = crowd(&machine, &door, 1, &[], &[]).await;
    machine.sent_to(1).await;
    first.remove(0).kill().await;
    let (mut next, knocked) = crowd(&machine, &door, 1, &[], &[]).await;
    assert_eq!(allows(&door, &machine.sent_to(2).await).await, 200);
    next[0].works(knocked[0]).await;
}

#[tokio::test]
async fn when_the_keeper_is_killed_while_a_person_logs_in_the_next_keeper_asks_them_again() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let (mut hosts, knocked) = crowd(&machine, &door, 3, &[], &[]).await;
    machine.sent_to(1).await;
    let first = machine.keeper().await;
    killed(first);
    assert_eq!(allows(&door, &machine.sent_to(2).await).await, 200);
    join_all(hosts.iter_mut().zip(knocked).map(|(host, knocked)| host.works(knocked))).await;
    assert_eq!(machine.opened().len(), 2);
    let next = machine.keepers();
    assert!(next.len() == 1 && next[0] != first, "{next:?}");
}

#[tokio::test]
async fn when_keeper_and_asker_are_killed_before_and_after_a_log_in_the_rest_work() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let (mut hosts, knocked) = crowd(&machine, &door, 3, &[], &[]).await;
    // Whatever was under way: nobody has been sent, or somebody just now.
    killed(machine.keeper().await);
    hosts.remove(0).kill().await;
    let mut sent = 0;
    // Tabs of keepers that have died lead nowhere.
    let allowed = async {
        loop {
            sent += 1;
            let sent_to = machine.sent_to(sent).await;
            if reaches(&sent_to) && allows(&door, &sent_to).await == 200 {
                break;
            }
        }
    };
    allowed.await;
    join_all(hosts.iter_mut().zip(knocked.into_iter().skip(1)).map(|(host, knocked)| host.works(knocked))).await;
    // Afterwards nobody misses it.
    killed(machine.keeper().await);
    for host in &mut hosts {
        assert!(host.call("test_simple_text").await["result"].is_object());
    }
    assert_eq!(machine.kept("account.", "json").len(), 1);
}

#[tokio::test]
async fn without_a_keeper_another_goes_on_when_the_one_that_logs_in_is_killed() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let (mut hosts, _) = crowd(&machine, &door, 3, &["--no-browser"], NO_KEEPER).await;
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

/// So many bridges, each of which has been asked for a session.
async fn crowd(machine: &Machine, door: &Door, count: usize, arguments: &[&str], variables: &[(&str, &str)]) -> (Vec<Host>, Vec<i64>) {
    let server = door.resource();
    let arguments = [&[server.as_str()], arguments].concat();
    let mut hosts: Vec<Host> = (0..count).map(|_| Host::start_with(machine, &arguments, variables)).collect();
    let knocked = join_all(hosts.iter_mut().map(Host::knock)).await;
    (hosts, knocked)
}

/// Whether somebody waits where the browser will come back to.
fn reaches(sent_to: &url::Url) -> bool {
    let back = sent_to.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
    let port = url::Url::parse(&back).unwrap().port().unwrap();
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
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
const NO_KEEPER: &[(&str, &str)] = &[("CLAVIGER_KEEPER", "off")];
