//! When may a server that keeps failing be started again? Doubling waits with jitter.

use std::time::Duration;

use tokio::time::Instant;

/// How often in a row a start went wrong, and when the next one may be tried.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    not_before: Option<Instant>,
}

impl Backoff {
    /// How long to wait from `now` until the next start may be tried.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.not_before.map_or(Duration::ZERO, |instant| instant.saturating_duration_since(now))
    }

    /// Counts a failure. `jitter` is random: it takes up to half off the wait, so that many servers do not start at the same moment.
    pub(super) fn failed(&mut self, now: Instant, jitter: u8) {
        let doubled = SHORTEST.saturating_mul(1_u32.checked_shl(self.failures.min(16)).unwrap_or(u32::MAX));
        let wait = doubled.min(LONGEST);
        self.not_before = Some(now + wait - wait * u32::from(jitter) / 512);
        self.failures = self.failures.saturating_add(1);
    }

    /// Forgets the failures: the server has done some work.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }
}

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_double_from_a_tenth_of_a_second_to_thirty_seconds() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        assert_eq!(backoff.wait(now), Duration::ZERO);
        let mut waits = Vec::new();
        for _ in 0..12 {
            backoff.failed(now, 0);
            waits.push(backoff.wait(now).as_millis());
        }
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000]);
        backoff.succeeded();
        assert_eq!(backoff.wait(now), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn jitter_takes_off_at_most_half() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        backoff.failed(now, u8::MAX);
        assert!(backoff.wait(now) > Duration::from_millis(50));
        assert!(backoff.wait(now) < Duration::from_millis(51));
    }
}
