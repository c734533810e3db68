//! What time is it? The one place of the running door that asks the system; everything below takes time as a parameter.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The door's clock: wall time for tokens and records, a monotonic count for limits and durations.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// Starts counting.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clocks")]
    pub fn system() -> Self {
        Self { started: Instant::now() }
    }

    /// Seconds since 1970-01-01 UTC.
    pub fn unix_seconds(&self) -> u64 {
        since_epoch().as_secs()
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub fn unix_milliseconds(&self) -> u64 {
        since_epoch().as_millis().try_into().unwrap_or(u64::MAX)
    }

    /// Nanoseconds since the door started; never goes back.
    pub fn monotonic_nanoseconds(&self) -> u64 {
        self.started.elapsed().as_nanos().try_into().unwrap_or(u64::MAX)
    }

    /// Time since the door started; never goes back.
    pub fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clocks")]
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
