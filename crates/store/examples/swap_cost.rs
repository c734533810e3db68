//! How much does a store write and read? Prints swaps a second by how many callers swap at once, and the time of one read and of one
//! question about a revocation; `bench/store.sh` runs it optimised.

use std::hint::black_box;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use claviger_store::file::File;
use claviger_store::redis::{Address, Redis};
use claviger_store::revocation::Revocations;
use claviger_store::{Clock, Failure, Store};

/// Arguments: the folder to write in, which decides what disk is measured; or the URL of a server, as `[store]` takes it.
#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let place = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let (store, _folder): (Arc<dyn Store>, _) = if let Ok(address) = Address::parse(&place) {
        (Arc::new(Redis::connect(&address, "swap-cost:").await?), None)
    } else {
        let folder = tempfile::tempdir_in(PathBuf::from(place))?;
        (Arc::new(File::open(&folder.path().join("store.redb"), clock())?), Some(folder))
    };
    for number in 0..KEPT {
        store.put(&kept(number), &VALUE, Some(MONTH)).await?;
    }
    for swappers in [1, 16, 64, 256] {
        let (swaps, milliseconds) = swap_for_a_while(&store, swappers).await?;
        let per_second = swaps.saturating_mul(1000) / milliseconds;
        writeln!(std::io::stdout(), "{per_second:>8} refreshes a second  {swappers:>3} at once")?;
    }
    let (one, many) = (reading(&store, 1).await?, reading(&store, KEPT).await?);
    writeln!(std::io::stdout(), "{one:>8} ns a read          the same key")?;
    writeln!(std::io::stdout(), "{many:>8} ns a read          one key after another")?;
    let revocations = Revocations::new(store, clock());
    revocations.load().await?;
    writeln!(std::io::stdout(), "{:>8} ns a question      is this revoked? while nothing is", asking(&revocations))?;
    for number in 0..KEPT {
        revocations.revoke(&kept(number), MONTH).await?;
    }
    writeln!(std::io::stdout(), "{:>8} ns a question      is this revoked? among {KEPT}", asking(&revocations))?;
    Ok(())
}

/// Each swapper does what a refresh does, again and again, on a key of its own. Gives the number of all, and how long they took.
async fn swap_for_a_while(store: &Arc<dyn Store>, swappers: u64) -> Result<(u64, u64), Failure> {
    let began = now();
    let tasks: Vec<_> = (0..swappers).map(|number| tokio::spawn(swap(Arc::clone(store), kept(number), began))).collect();
    let mut swaps = 0;
    for task in tasks {
        swaps += task.await.map_err(|_| Failure::Stopped)??;
    }
    Ok((swaps, milliseconds(began.elapsed()).max(1)))
}

async fn swap(store: Arc<dyn Store>, key: String, began: Instant) -> Result<u64, Failure> {
    let mut swaps = 0;
    while began.elapsed() < WHILE {
        let before = store.get(&key).await?;
        let mut after = VALUE;
        after[..8].copy_from_slice(&u64::to_be_bytes(swaps));
        if store.compare_and_swap(&key, before.as_deref(), Some(&after), Some(MONTH)).await? {
            swaps += 1;
        }
    }
    Ok(swaps)
}

/// Nanoseconds of one read, among so many keys.
async fn reading(store: &Arc<dyn Store>, among: u64) -> Result<u128, Failure> {
    let began = now();
    for number in 0..READS {
        black_box(store.get(&kept(number % among)).await?);
    }
    Ok(began.elapsed().as_nanos() / u128::from(READS))
}

/// Nanoseconds of asking whether one id is revoked, which it is not.
fn asking(revocations: &Revocations) -> u128 {
    let began = now();
    for _ in 0..READS {
        black_box(revocations.is_revoked(black_box("0198c7a2-5d1e-7c3a-9f0b-2f6f3f6f9b1e")));
    }
    began.elapsed().as_nanos() / u128::from(READS)
}

fn kept(number: u64) -> String {
    format!("family/{number:032}")
}

fn clock() -> Clock {
    Arc::new(|| milliseconds(since_the_epoch()))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "a measurement asks the system for the time")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "as the door's own clock does")]
fn since_the_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// About what a family of refresh tokens takes, sealed.
const VALUE: [u8; 400] = [7; 400];
const KEPT: u64 = 1000;
const READS: u64 = 100_000;
const WHILE: Duration = Duration::from_secs(4);
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);
