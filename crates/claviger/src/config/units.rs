//! How are times written? `30s`, `5min`, `24h`, `90d`, `500ms`: a whole number and its unit.

use std::time::Duration;

/// Why a text is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidDuration {
    /// No whole number in front, or too large a one.
    #[error("a time starts with a whole number, as in `30s`")]
    Count,
    /// No unit, or an unknown one.
    #[error("a time ends with its unit: `ms`, `s`, `min`, `h` or `d`")]
    Unit,
    /// Nothing ever happens in no time.
    #[error("a time must be longer than zero")]
    Zero,
}

/// Reads a time with its unit.
pub(crate) fn duration(text: &str) -> Result<Duration, InvalidDuration> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at(digits);
    let count: u64 = count.parse().map_err(|_| InvalidDuration::Count)?;
    let milliseconds: u64 = match unit.trim_start() {
        "ms" => 1,
        "s" | "sec" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(InvalidDuration::Unit),
    };
    match count.checked_mul(milliseconds) {
        None => Err(InvalidDuration::Count),
        Some(0) => Err(InvalidDuration::Zero),
        Some(total) => Ok(Duration::from_millis(total)),
    }
}

/// Reads a time with its unit, or a bare number of seconds.
pub(crate) fn lifetime(text: &str) -> Result<Duration, InvalidDuration> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) { duration(&format!("{text}s")) } else { duration(text) }
}

#[cfg(test)]
mod tests {
    use super::{Duration, InvalidDuration, duration, lifetime};

    #[test]
    fn times_carry_their_unit() {
        assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(duration("5 min").unwrap(), Duration::from_secs(300));
        assert_eq!(duration("24h").unwrap(), duration("1d").unwrap());
        assert_eq!(lifetime("900").unwrap(), Duration::from_secs(900));
    }

    #[test]
    fn a_wrong_time_says_what_is_wrong() {
        assert_eq!(duration("900").unwrap_err(), InvalidDuration::Unit);
        assert_eq!(duration("soon").unwrap_err(), InvalidDuration::Count);
        assert_eq!(duration("-5s").unwrap_err(), InvalidDuration::Count);
        assert_eq!(duration("99999999999999999999s").unwrap_err(), InvalidDuration::Count);
        assert_eq!(duration("18446744073709551615d").unwrap_err(), InvalidDuration::Count);
        assert_eq!(lifetime("0").unwrap_err(), InvalidDuration::Zero);
    }
}
