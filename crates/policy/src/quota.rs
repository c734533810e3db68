//! How often may somebody do this? The generic cell rate algorithm on one atomic word: no lock, no sweeper.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// So many in so long: `100/min`. The whole number may come at once (the burst), then evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    period: Period,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Day,
    Hour,
    Minute,
    Second,
}

/// Why a text is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRate {
    /// No `/` between count and period.
    #[error("a rate is written like `100/min`")]
    Shape,
    /// The count is no whole number from 1 to 4294967295.
    #[error("the count before `/` must be a whole number of at least 1")]
    Count,
    /// The period is unknown.
    #[error("the period after `/` must be `s`, `min`, `h` or `d`")]
    Period,
}

impl Rate {
    /// So many a minute.
    pub const fn per_minute(count: NonZeroU32) -> Self {
        Self { count, period: Period::Minute }
    }

    /// Nanoseconds that one call costs.
    fn cost(self) -> u64 {
        self.period.nanoseconds() / u64::from(self.count.get())
    }
}

impl Period {
    fn nanoseconds(self) -> u64 {
        1_000_000_000
            * match self {
                Self::Day => 86_400,
                Self::Hour => 3_600,
                Self::Minute => 60,
                Self::Second => 1,
            }
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let (count, period) = text.split_once('/').ok_or(InvalidRate::Shape)?;
        let count = count.trim().parse().map_err(|_| InvalidRate::Count)?;
        let period = match period.trim() {
            "s" | "sec" | "second" => Period::Second,
            "min" | "minute" => Period::Minute,
            "h" | "hour" => Period::Hour,
            "d" | "day" => Period::Day,
            _ => return Err(InvalidRate::Period),
        };
        Ok(Self { count, period })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = match self.period {
            Period::Day => "d",
            Period::Hour => "h",
            Period::Minute => "min",
            Period::Second => "s",
        };
        write!(formatter, "{}/{period}", self.count)
    }
}

/// The caller has to wait this long before the next call passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// Whole seconds for the `Retry-After` header (RFC 9110 §10.2.3), at least one.
    pub fn seconds(self) -> u64 {
        self.0.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)
    }
}

/// What one caller has left, as the instant at which the bucket would be full again.
#[derive(Debug, Default)]
pub struct Bucket {
    /// Nanoseconds on the caller's clock.
    full_again_at: AtomicU64,
}

impl Bucket {
    /// Takes one call's worth, or says how long to wait. `now` is any monotonic clock in nanoseconds, the same one each time.
    pub fn spend(&self, rate: Rate, now: u64) -> Result<(), RetryAfter> {
        let mut found = self.full_again_at.load(Ordering::Relaxed);
        loop {
            let next = after_one_more(found, rate, now)?;
            match self.full_again_at.compare_exchange_weak(found, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(changed) => found = changed,
            }
        }
    }

    /// Whether [`Bucket::spend`] would pass, without taking anything.
    pub fn check(&self, rate: Rate, now: u64) -> Result<(), RetryAfter> {
        after_one_more(self.full_again_at.load(Ordering::Relaxed), rate, now).map(|_| ())
    }
}

fn after_one_more(full_again_at: u64, rate: Rate, now: u64) -> Result<u64, RetryAfter> {
    let next = full_again_at.max(now).saturating_add(rate.cost());
    let latest = now.saturating_add(rate.period.nanoseconds());
    if next > latest {
        return Err(RetryAfter(Duration::from_nanos(next - latest)));
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::{Bucket, InvalidRate, Rate};
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_passes_then_one_per_interval() {
        let bucket = Bucket::default();
        let rate = rate("60/min");
        for _ in 0..60 {
            bucket.spend(rate, 5 * SECOND).unwrap();
        }
        let wait = bucket.spend(rate, 5 * SECOND).unwrap_err();
        assert_eq!(wait.seconds(), 1);
        bucket.spend(rate, 6 * SECOND).unwrap();
        bucket.spend(rate, 6 * SECOND).unwrap_err();
    }

    #[test]
    fn checking_takes_nothing() {
        let bucket = Bucket::default();
        for _ in 0..10 {
            bucket.check(rate("1/h"), SECOND).unwrap();
        }
        bucket.spend(rate("1/h"), SECOND).unwrap();
        assert_eq!(bucket.check(rate("1/h"), SECOND).unwrap_err().seconds(), 3600);
    }

    #[test]
    fn rates_say_what_is_wrong_with_them() {
        assert_eq!("100".parse::<Rate>().unwrap_err(), InvalidRate::Shape);
        assert_eq!("0/min".parse::<Rate>().unwrap_err(), InvalidRate::Count);
        assert_eq!("-1/min".parse::<Rate>().unwrap_err(), InvalidRate::Count);
        assert_eq!("5/fortnight".parse::<Rate>().unwrap_err(), InvalidRate::Period);
        assert_eq!(rate("100/minute").to_string(), "100/min");
    }

    proptest! {
        /// Never more than twice the count in any one period: a full bucket and one period's refill.
        #[test]
        fn no_period_lets_more_than_a_burst_and_a_refill_through(count in 1u32..50, steps in prop::collection::vec(0u64..2_000_000_000, 1..300)) {
            let rate = rate(&format!("{count}/s"));
            let bucket = Bucket::default();
            let mut now = SECOND;
            let mut passed: Vec<u64> = Vec::new();
            for step in steps {
                now += step / 20;
                if bucket.spend(rate, now).is_ok() {
                    passed.push(now);
                }
            }
            for (index, start) in passed.iter().enumerate() {
                let within = passed[index..].iter().take_while(|at| **at < start + SECOND).count();
                prop_assert!(within <= 2 * count as usize);
            }
        }
    }
}
