//! How does blocking work run, end in time, and stop when its caller gives up?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::refusal::Refusal;

/// The places where calls do their blocking work; shared by all connections of one root.
pub(super) struct Workers {
    /// One for each call that waits or works.
    waiting: Semaphore,
    /// One for each call that works; held by the work itself, even when nobody waits for it any more.
    working: Arc<Semaphore>,
}

impl Default for Workers {
    fn default() -> Self {
        Self { waiting: Semaphore::new(MOST_WAITING), working: Arc::new(Semaphore::new(MOST_WORKING)) }
    }
}

impl Workers {
    /// Runs `job` on a blocking thread. `None` when the job panicked. When `cancelled` resolves, or after
    /// [`CALL_SECONDS`], or when this future is dropped, the job is told to stop and not waited for.
    pub(super) async fn run<Output: Send + 'static>(
        &self,
        cancelled: impl Future<Output = ()>,
        job: impl FnOnce(&Stop) -> Result<Output, Refusal> + Send + 'static,
    ) -> Option<Result<Output, Refusal>> {
        let Ok(_waiting) = self.waiting.try_acquire() else { return Some(Err(Refusal::Busy)) };
        let stop = StopWhenDropped(Stop::default());
        let seen = stop.0.clone();
        let work = async {
            let Ok(working) = Arc::clone(&self.working).acquire_owned().await else { return Ok(Err(Refusal::Busy)) };
            let run = move || {
                let answer = seen.check().and_then(|()| job(&seen));
                drop(working);
                answer
            };
            tokio::task::spawn_blocking(run).await
        };
        tokio::select! {
            answer = work => answer.ok(),
            () = cancelled => Some(Err(Refusal::Cancelled)),
            () = tokio::time::sleep(Duration::from_secs(CALL_SECONDS)) => Some(Err(Refusal::TimedOut)),
        }
    }
}

/// Tells blocking work that nobody waits for its answer.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// To be asked between steps, each of them short.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.0.load(Ordering::Relaxed) { Err(Refusal::Cancelled) } else { Ok(()) }
    }
}

struct StopWhenDropped(Stop);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// The longest that one call may take, in seconds.
pub(super) const CALL_SECONDS: u64 = 30;
/// The most calls that wait or work at a time; one more is refused as [`Refusal::Busy`].
pub(super) const MOST_WAITING: usize = 1024;
const MOST_WORKING: usize = 8;

#[cfg(test)]
mod tests;
