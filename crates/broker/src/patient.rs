//! How long is a place waited for, and how often asked again? A decorator of every place that may be asked twice without harm.

use std::time::Duration;

use crate::missing::Cause;
use crate::source::{Fetched, Fetching, Source};

/// A source that is given so much time for each try, and is tried again after what may pass by itself.
pub(crate) struct Patient<S> {
    pub(crate) source: S,
    pub(crate) timeout: Duration,
}

impl<S: Source> Source for Patient<S> {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.fetch_patiently())
    }
}

impl<S: Source> Patient<S> {
    async fn fetch_patiently(&self) -> Result<Fetched, Cause> {
        let mut pauses = PAUSES.iter();
        loop {
            let timed_out = |_| Err(Cause::TimedOut { after: self.timeout });
            let outcome = tokio::time::timeout(self.timeout, self.source.fetch()).await.unwrap_or_else(timed_out);
            let may_pass = matches!(&outcome, Err(Cause::Unavailable { .. } | Cause::NoMemory));
            match pauses.next() {
                Some(pause) if may_pass => tokio::time::sleep(*pause).await,
                _ => return outcome,
            }
        }
    }
}

/// Short: somebody waits. The long pauses are between fetches (see `slot`).
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Script {
        asked: AtomicUsize,
        answers: Vec<Option<Result<&'static str, Cause>>>,
    }

    impl Source for Script {
        fn fetch(&self) -> Fetching<'_> {
            let answer = self.answers.get(self.asked.fetch_add(1, Ordering::SeqCst)).cloned().flatten();
            Box::pin(async move {
                match answer {
                    Some(answer) => answer.and_then(Fetched::plain),
                    None => std::future::pending().await,
                }
            })
        }
    }

    async fn ask(answers: Vec<Option<Result<&'static str, Cause>>>) -> (Result<String, Cause>, usize) {
        let patient = Patient { source: Script { asked: AtomicUsize::new(0), answers }, timeout: Duration::from_secs(10) };
        let outcome = patient.fetch().await.map(|fetched| fetched.value.expose().to_owned());
        (outcome, patient.source.asked.load(Ordering::SeqCst))
    }

    #[expect(clippy::unnecessary_wraps, reason = "an answer of the script may be silence")]
    fn away() -> Option<Result<&'static str, Cause>> {
        Some(Err(Cause::Unavailable { detail: "away".into() }))
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_three_times() {
        assert_eq!(ask(vec![away(), away(), Some(Ok("value"))]).await, (Ok("value".to_owned()), 3));
        assert_eq!(ask(vec![away(), away(), away(), Some(Ok("value"))]).await.1, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_no_is_a_no() {
        assert_eq!(ask(vec![Some(Err(Cause::NotFound)), Some(Ok("value"))]).await, (Err(Cause::NotFound), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_after_the_time_that_was_given() {
        assert_eq!(ask(vec![None, Some(Ok("value"))]).await, (Err(Cause::TimedOut { after: Duration::from_secs(10) }), 1));
    }
}
