//! What does a failed call to somebody's server mean for the value, and what becomes of an answer that holds one?

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use outbound::client::Limits;
use outbound::failure::Failure;
use zeroize::{Zeroize as _, Zeroizing};

use crate::missing::Cause;

/// For one call to a cloud: the answers are a secret of at most 64 KiB, or a token. The time ends before the patience of whoever asks us (see `resolve`), so that it
/// is said who did not answer.
pub(super) const LIMITS: Limits = Limits { body_bytes: 256 * 1024, timeout: Duration::from_secs(8) };

/// What a failed call means.
pub(super) fn cause_of(failure: &Failure) -> Cause {
    match failure {
        Failure::TooLarge { limit, .. } => Cause::TooLarge { limit: *limit },
        Failure::Blocked { .. } | Failure::Redirected { .. } => Cause::Refused { detail: told(failure) },
        // A certificate may be mended without us, like a server that is down.
        _ => Cause::Unavailable { detail: told(failure) },
    }
}

/// What an answer that is no success means, told by its status and its code.
pub(super) fn answered(who: &str, status: u16, code: Option<&str>) -> Cause {
    let detail = match code.and_then(word) {
        Some(code) => format!("{who} says {code} ({status})").into(),
        None => format!("{who} answers {status}").into(),
    };
    match status {
        408 | 429 | 500.. => Cause::Unavailable { detail },
        400.. => Cause::Refused { detail },
        _ => Cause::BadAnswer { detail },
    }
}

/// An error with everything that caused it, in one line. Only for errors of our own: what others write may hold anything.
pub(super) fn told(error: &(dyn Error + 'static)) -> Arc<str> {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ").into()
}

/// An error, what caused it, what caused that.
pub(super) fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// A word of an answer, such as an error code, if it is one: letters, digits and `_.-`, at most 64. Whatever else may stand there is not shown.
pub(super) fn word(text: &str) -> Option<&str> {
    let fits = |letter: u8| letter.is_ascii_alphanumeric() || b"_.-".contains(&letter);
    (1..=64).contains(&text.len()).then_some(text).filter(|text| text.bytes().all(fits))
}

/// The same bytes in a buffer that is wiped when its last holder lets it go.
pub(super) fn wiped(bytes: Bytes) -> Bytes {
    match bytes.try_into_mut() {
        Ok(bytes) => Bytes::from_owner(Wiped(bytes)),
        Err(shared) => Bytes::from_owner(Zeroizing::new(shared.to_vec())),
    }
}

/// Bytes that are wiped where they lie.
struct Wiped(BytesMut);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.as_mut().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_is_shown() {
        for text in ["AccessDeniedException", "PERMISSION_DENIED", "invalid_client"] {
            assert_eq!(word(text), Some(text));
        }
        for text in ["", "two words", "a\nb", "<Code>", &"a".repeat(65)] {
            assert_eq!(word(text), None);
        }
    }

    #[test]
    fn what_may_pass_is_told_from_a_no() {
        let codes = [401, 403, 404, 429, 503, 204].map(|status| answered("it", status, None).code());
        assert_eq!(codes, ["refused", "refused", "refused", "unavailable", "unavailable", "bad_answer"]);
        assert_eq!(answered("it", 403, Some("NO")), Cause::Refused { detail: "it says NO (403)".into() });
        assert_eq!(answered("it", 403, Some("hunter2 is wrong")), Cause::Refused { detail: "it answers 403".into() });
    }

    #[test]
    fn wiped_bytes_read_like_the_others() {
        let bytes = Bytes::from(vec![1, 2, 3]);
        let other = bytes.clone();
        assert_eq!(wiped(bytes), other);
        assert_eq!(wiped(other), Bytes::from_static(&[1, 2, 3]));
    }
}
