//! How do replicas hear of each other's revocations, all of them and in order? By a numbered log in the store.
//!
//! Entry `n` is under `revoked/n`; the head, under `revoked-epoch`, repeats the last entry with its number. So who
//! follows reads one small value, and of a change only what is new, however much else the store holds.
//! An entry is written before the head names it; a writer that stops between the two is helped by the next.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::Mutex;

use crate::{Failure, Store};

pub(super) type Digest = [u8; SHA256_OUTPUT_LEN];

/// One thing that was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// Unix milliseconds from which on it need not be remembered.
    pub(super) until: u64,
    pub(super) digest: Digest,
}

/// The end of the log: how many entries it has had, and the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    number: u64,
    last: Ending,
}

pub(super) struct Log {
    store: Arc<dyn Store>,
    /// One writer of this process at a time: contention is left to replicas.
    turn: Mutex<()>,
}

impl Log {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, turn: Mutex::default() }
    }

    /// Adds `ending` at the end; once this is done, whoever looks finds it.
    pub(super) async fn append(&self, ending: Ending, lives: Duration) -> Result<(), Failure> {
        let _turn = self.turn.lock().await;
        for _ in 0..ATTEMPTS {
            let old = self.head().await?;
            let key = key_of(number_after(old));
            let mine = Head { number: number_after(old), last: ending };
            if self.store.compare_and_swap(&key, None, Some(&ending.encode()), Some(lives)).await? {
                // Where the head has gone on meanwhile, the place may have been one that all had read past: then again, at the new end.
                if self.advance(old, mine).await? || self.head().await? == Some(mine) {
                    return Ok(());
                }
            } else if let Some(last) = self.entry(&key).await? {
                // Somebody wrote here and has not told yet.
                self.advance(old, Head { last, ..mine }).await?;
            }
        }
        Err(Failure::Contended { key: HEAD.to_owned() })
    }

    pub(super) async fn head(&self) -> Result<Option<Head>, Failure> {
        let stored = self.store.get(HEAD).await?;
        stored.map(|stored| Head::decode(&stored).ok_or_else(|| Failure::Damaged { key: HEAD.to_owned() })).transpose()
    }

    /// The entries after `read`, up to `head`. `None` where that cannot be told: the log was lost or put back to an
    /// earlier state, or there are so many that it is less work to read it all.
    pub(super) async fn since(&self, read: Option<Head>, head: Option<Head>) -> Result<Option<Vec<Ending>>, Failure> {
        let Some(head) = head else { return Ok(None) };
        let from = match read {
            None => 0,
            Some(read) if self.entry(&key_of(read.number)).await? == Some(read.last) => read.number,
            Some(_) => return Ok(None),
        };
        if head.number <= from || head.number.saturating_sub(from) > STEPS {
            return Ok(None);
        }
        self.entries((from.saturating_add(1)..=head.number).map(key_of)).await.map(Some)
    }

    /// Every entry that there is.
    pub(super) async fn everything(&self) -> Result<Vec<Ending>, Failure> {
        self.entries(self.store.keys(ENTRIES, usize::MAX).await?.into_iter()).await
    }

    /// One whose time has passed is no longer there, and not missed.
    async fn entries(&self, keys: impl Iterator<Item = String>) -> Result<Vec<Ending>, Failure> {
        let reads = stream::iter(keys).map(async |key| self.entry(&key).await);
        reads.buffer_unordered(AT_ONCE).try_filter_map(async |entry| Ok(entry)).try_collect().await
    }

    async fn entry(&self, key: &str) -> Result<Option<Ending>, Failure> {
        let stored = self.store.get(key).await?;
        stored.map(|stored| Ending::decode(&stored).ok_or_else(|| Failure::Damaged { key: key.to_owned() })).transpose()
    }

    async fn advance(&self, old: Option<Head>, new: Head) -> Result<bool, Failure> {
        let old = old.map(|old| old.encode());
        self.store.compare_and_swap(HEAD, old.as_ref().map(<[u8; _]>::as_slice), Some(&new.encode()), None).await
    }
}

impl Ending {
    pub(super) fn digest(id: &str) -> Digest {
        let mut bytes = [0; SHA256_OUTPUT_LEN];
        bytes.copy_from_slice(digest(&SHA256, id.as_bytes()).as_ref());
        bytes
    }

    pub(super) fn encode(&self) -> [u8; ENDING_BYTES] {
        let mut bytes = [0; ENDING_BYTES];
        let (until, digest) = bytes.split_at_mut(NUMBER_BYTES);
        until.copy_from_slice(&self.until.to_be_bytes());
        digest.copy_from_slice(&self.digest);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (until, digest) = bytes.split_first_chunk()?;
        Some(Self { until: u64::from_be_bytes(*until), digest: digest.try_into().ok()? })
    }
}

impl Head {
    fn encode(&self) -> [u8; NUMBER_BYTES + ENDING_BYTES] {
        let mut bytes = [0; NUMBER_BYTES + ENDING_BYTES];
        let (number, last) = bytes.split_at_mut(NUMBER_BYTES);
        number.copy_from_slice(&self.number.to_be_bytes());
        last.copy_from_slice(&self.last.encode());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (number, last) = bytes.split_first_chunk()?;
        Some(Self { number: u64::from_be_bytes(*number), last: Ending::decode(last)? })
    }
}

fn number_after(head: Option<Head>) -> u64 {
    head.map_or(0, |head| head.number).saturating_add(1)
}

fn key_of(number: u64) -> String {
    format!("{ENTRIES}{number}")
}

const HEAD: &str = "revoked-epoch";
const ENTRIES: &str = "revoked/";

const NUMBER_BYTES: usize = size_of::<u64>();
const ENDING_BYTES: usize = NUMBER_BYTES + SHA256_OUTPUT_LEN;

/// More often than this no writer is overtaken by writers of other replicas.
const ATTEMPTS: usize = 1000;

/// How many entries are followed one by one; beyond that the log is read as a whole.
const STEPS: u64 = 1000;

/// How many entries are read at the same time.
const AT_ONCE: usize = 64;
