//! How do replicas keep values together? On a Redis or Valkey server.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, Cmd, FromRedisValue, RedisError, RedisResult, Script};

pub use self::address::{Address, AddressFault};
use crate::{Answer, Failure, Store, add, check_key, check_value};

mod address;
#[cfg(test)]
mod tests;

/// A store on a server of its own, for all replicas that know its address and prefix.
///
/// Each operation is one command or one script, so the server makes it atomic; lifetimes run by the
/// server's clock. An operation that has no answer after [`PATIENCE`] fails, and may have been done nevertheless.
/// A connection that was lost is made again by itself. One server, or one primary behind a stable name: a cluster
/// that spreads keys over many is not spoken to.
pub struct Redis {
    connection: ConnectionManager,
    prefix: Box<str>,
    compare_and_swap: Script,
    increment: Script,
}

impl Redis {
    /// Connects to the server at `address`; every key there begins with `prefix`.
    ///
    /// Refuses a server that throws values away when it is full: a forgotten revocation would open what it had closed.
    pub async fn connect(address: &Address, prefix: &str) -> Result<Self, Failure> {
        let client = Client::open(address.info().clone()).map_err(failure)?;
        let settings = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1)
            .set_min_delay(PAUSE)
            .set_max_delay(PAUSE);
        let connection = in_time(ConnectionManager::new_with_config(client, settings)).await?;
        let store = Self {
            connection,
            prefix: prefix.into(),
            compare_and_swap: Script::new(include_str!("redis/compare_and_swap.lua")),
            increment: Script::new(include_str!("redis/increment.lua")),
        };
        store.check_that_values_stay().await?;
        Ok(store)
    }

    async fn check_that_values_stay(&self) -> Result<(), Failure> {
        let memory = match self.ask::<String>(::redis::cmd("INFO").arg("memory")).await {
            Err(Failure::Refused { code }) if &*code == "NOPERM" => {
                tracing::warn!(target: "door", "the store's server does not say whether it throws values away when it is full (`INFO` is not allowed)");
                return Ok(());
            }
            memory => memory?,
        };
        let field = |name: &str| memory.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        match (field("maxmemory"), field("maxmemory_policy")) {
            (None | Some("0"), _) | (_, None | Some("noeviction")) => Ok(()),
            (Some(_), Some(policy)) => Err(Failure::Evicts { policy: word(policy) }),
        }
    }

    fn key(&self, key: &str) -> Result<String, Failure> {
        check_key(key)?;
        Ok(format!("{}{key}", self.prefix))
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Failure> {
        in_time(command.query_async(&mut self.connection.clone())).await
    }

    /// Asks again after a lost connection: a question changes nothing.
    async fn ask_twice<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Failure> {
        match self.ask(command).await {
            Err(Failure::Unreachable(_)) => self.ask(command).await,
            answer => answer,
        }
    }

    /// Every key of ours that begins with `prefix`. The server gives them in pieces, in no order, and some of them twice.
    async fn scan(&self, prefix: &str) -> Result<BTreeSet<String>, Failure> {
        let pattern = format!("{}*", escaped(&format!("{}{prefix}", self.prefix)));
        let (mut cursor, mut found) = (0_u64, BTreeSet::new());
        loop {
            let mut command = ::redis::cmd("SCAN");
            command.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(PIECE);
            let (next, keys): (u64, Vec<Vec<u8>>) = self.ask_twice(&command).await?;
            for key in keys {
                let key = String::from_utf8(key).map_err(|key| Failure::Damaged { key: key.to_string() })?;
                found.extend(key.strip_prefix(&*self.prefix).map(str::to_owned));
            }
            if next == 0 {
                return Ok(found);
            }
            cursor = next;
        }
    }
}

impl Store for Redis {
    fn is_shared(&self) -> bool {
        true
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move { self.ask_twice(::redis::cmd("GET").arg(self.key(key)?)).await })
    }

    fn keys<'a>(&'a self, prefix: &'a str, most: usize) -> Answer<'a, Vec<String>> {
        Box::pin(async move { Ok(self.scan(prefix).await?.into_iter().take(most).collect()) })
    }

    fn put<'a>(&'a self, key: &'a str, value: &'a [u8], ttl: Option<Duration>) -> Answer<'a, ()> {
        Box::pin(async move {
            let key = self.key(key)?;
            check_value(value)?;
            let mut command = match Lifetime::of(ttl) {
                Lifetime::None => return self.ask(::redis::cmd("DEL").arg(key)).await,
                _ => ::redis::cmd("SET"),
            };
            command.arg(key).arg(value);
            if let Lifetime::Milliseconds(milliseconds) = Lifetime::of(ttl) {
                command.arg("PX").arg(milliseconds);
            }
            self.ask(&command).await
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { self.ask(::redis::cmd("DEL").arg(self.key(key)?)).await })
    }

    fn take<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move { self.ask(::redis::cmd("GETDEL").arg(self.key(key)?)).await })
    }

    fn increment<'a>(&'a self, key: &'a str, by: u64, ttl: Option<Duration>) -> Answer<'a, u64> {
        Box::pin(async move {
            let mut script = self.increment.key(self.key(key)?);
            script.arg(by).arg(Lifetime::of(ttl).for_script());
            let sum: String = in_time(script.invoke_async(&mut self.connection.clone())).await?;
            match sum.as_str() {
                "not a count" => Err(Failure::NotACount { key: key.to_owned() }),
                "too large" => Err(Failure::CountTooLarge { key: key.to_owned() }),
                sum => add(key, Some(sum.as_bytes()), 0),
            }
        })
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<&'a [u8]>,
        new: Option<&'a [u8]>,
        ttl: Option<Duration>,
    ) -> Answer<'a, bool> {
        Box::pin(async move {
            let mut script = self.compare_and_swap.key(self.key(key)?);
            check_value(new.unwrap_or_default())?;
            let lifetime = if new.is_some() { Lifetime::of(ttl) } else { Lifetime::None };
            script.arg(i32::from(expected.is_some())).arg(expected.unwrap_or_default());
            script.arg(lifetime.for_script()).arg(new.unwrap_or_default());
            in_time(script.invoke_async(&mut self.connection.clone())).await
        })
    }
}

/// How long a value stays, in the server's terms.
enum Lifetime {
    Endless,
    Milliseconds(u64),
    None,
}

impl Lifetime {
    fn of(ttl: Option<Duration>) -> Self {
        match ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)) {
            Some(0) => Self::None,
            Some(milliseconds) if milliseconds <= LONGEST => Self::Milliseconds(milliseconds),
            Some(_) | None => Self::Endless,
        }
    }

    fn for_script(&self) -> String {
        match self {
            Self::Endless => "endless".to_owned(),
            Self::Milliseconds(milliseconds) => milliseconds.to_string(),
            Self::None => "none".to_owned(),
        }
    }
}

async fn in_time<T>(answer: impl Future<Output = RedisResult<T>>) -> Result<T, Failure> {
    tokio::time::timeout(PATIENCE, answer).await.map_err(|_| Failure::TimedOut)?.map_err(failure)
}

/// What the library says, without what it or the server quotes of our commands.
fn failure(error: RedisError) -> Failure {
    if error.is_timeout() {
        return Failure::TimedOut;
    }
    if error.is_io_error() {
        return Failure::Unreachable(error);
    }
    Failure::Refused { code: word(error.code().unwrap_or_else(|| error.category())) }
}

/// A word of the server's: short, and of plain characters.
fn word(text: &str) -> Box<str> {
    text.chars().filter(|character| character.is_ascii_alphanumeric() || " -_".contains(*character)).take(WORD).collect()
}

/// A text that stands for itself in a pattern of the server's.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// How long one answer is waited for, and one connection.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// What keys begin with where nothing else is asked for.
pub const PREFIX: &str = "claviger:";

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);

/// How many keys the server looks at for one piece of a listing.
const PIECE: usize = 1000;

/// A longer lifetime, in milliseconds, is none: thirty thousand years, which the server's own numbers still hold.
const LONGEST: u64 = 1_000_000_000_000_000;

const WORD: usize = 40;
