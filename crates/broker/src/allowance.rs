//! May this authorization server be asked once more? A limit of our own, so that the door never becomes what it protects others from.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use policy::quota::{Bucket, Rate};

use crate::missing::Cause;

/// What is left of a rate, by the wall clock.
#[derive(Default)]
pub(crate) struct Allowance {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bucket: Bucket,
    /// Unix milliseconds.
    last: u64,
}

impl Allowance {
    /// Takes one request's worth. `now` is Unix time in milliseconds; a clock that went back begins anew, for else nothing would pass until it has caught up.
    pub(crate) fn spend(&self, rate: Rate, now: u64) -> Result<(), Cause> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now < state.last {
            state.bucket = Bucket::default();
        }
        state.last = now;
        let nanoseconds = u64::try_from(Duration::from_millis(now).as_nanos()).unwrap_or(u64::MAX);
        state.bucket.spend(rate, nanoseconds).map_err(|wait| Cause::TooOften { retry_after: wait.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_a_minute_are_ten_a_minute_even_when_the_clock_is_set_back() {
        let (allowance, rate) = (Allowance::default(), "10/min".parse().unwrap());
        let now = 1_800_000_000_000;
        for _ in 0..10 {
            assert_eq!(allowance.spend(rate, now), Ok(()));
        }
        assert_eq!(allowance.spend(rate, now), Err(Cause::TooOften { retry_after: Duration::from_secs(6) }));
        assert_eq!(allowance.spend(rate, now + 6_000), Ok(()));
        assert!(allowance.spend(rate, now + 6_001).is_err());
        assert_eq!(allowance.spend(rate, now - 86_400_000), Ok(()));
    }
}
