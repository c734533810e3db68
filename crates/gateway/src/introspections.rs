//! What does an issuer say about a token that it can end at any time (A3)? Asked for once for however many wait, and believed for a short while only: revocation is
//! noticed no sooner.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use broker::introspector::Introspector;
use oauth::introspection::Introspection;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::config::IntrospectedTokens;
use crate::refusal::Refusal;

/// The tokens of one issuer.
pub(crate) struct Introspections {
    introspector: Introspector,
    pub(crate) tokens: IntrospectedTokens,
    /// Seconds.
    pub(crate) believed_for: u64,
    clock: Clock,
    kept: Cache<Digest, Answer>,
    asking: Semaphore,
}

/// SHA-256 of a token: no token is ever a key in memory.
type Digest = [u8; 32];

/// What was said, and until when it is believed, in Unix seconds.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) said: Arc<Introspection>,
    pub(crate) until: u64,
}

impl Introspections {
    pub(crate) fn new(introspector: Introspector, tokens: IntrospectedTokens, believed_for: Duration, clock: Clock) -> Self {
        let (kept, asking) = (Cache::new(ANSWERS_REMEMBERED), Semaphore::new(ASKED_AT_ONCE));
        Self { introspector, tokens, believed_for: believed_for.as_secs(), clock, kept, asking }
    }

    /// What the issuer says. `may_try` says whether the caller's address has failed too often; it is asked once more when it is the caller's turn.
    pub(crate) async fn of(&self, token: &str, may_try: impl Fn() -> Result<(), Refusal>) -> Result<Answer, Refusal> {
        let digest = digest_of(token);
        let now = self.clock.unix_seconds();
        self.kept.remove_if(&digest, |answer| now >= answer.until);
        let asked = async {
            match self.kept.get_value_or_guard_async(&digest).await {
                Ok(answer) => Ok(answer),
                Err(free) => {
                    let answer = self.ask(token, may_try).await?;
                    // That somebody has pushed it out already does not make it less true.
                    let _ = free.insert(answer.clone());
                    Ok(answer)
                }
            }
        };
        timeout(PATIENCE, asked).await.unwrap_or(Err(Refusal::IssuerUnavailable))
    }

    async fn ask(&self, token: &str, may_try: impl Fn() -> Result<(), Refusal>) -> Result<Answer, Refusal> {
        let _place = self.asking.acquire().await.map_err(|_| Refusal::IssuerUnavailable)?;
        may_try()?;
        // What was true when it was asked may have ended while the answer was on its way.
        let now = self.clock.unix_seconds();
        let said = self.introspector.ask(token).await.map_err(|cause| {
            tracing::warn!(target: "door", error = &cause as &dyn std::error::Error, "the issuer does not say whether a token is good");
            Refusal::IssuerUnavailable
        })?;
        let lives = match &said {
            Introspection::Active(_) => self.believed_for,
            Introspection::Inactive => INACTIVE_FOR,
        };
        Ok(Answer { said: Arc::new(said), until: now + lives })
    }
}

fn digest_of(token: &str) -> Digest {
    let mut output = [0; 32];
    output.iter_mut().zip(digest::digest(&digest::SHA256, token.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
    output
}

const ANSWERS_REMEMBERED: usize = 4096;
/// Whoever invents tokens waits for the outcome of their last ones.
const ASKED_AT_ONCE: usize = 16;
/// For the issuer's answer, and for a turn to ask.
const PATIENCE: Duration = Duration::from_secs(10);
/// Seconds; as long as other bad tokens are remembered.
const INACTIVE_FOR: u64 = 10;
