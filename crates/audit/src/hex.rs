//! How do bytes look as text? As lower-case hexadecimal digits, two for each byte.

/// Writes `bytes` into `room`, which has two places for each of them.
pub(crate) fn digits<'r>(bytes: &[u8], room: &'r mut [u8]) -> &'r str {
    let (pairs, _) = room.as_chunks_mut();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    // Digits are ASCII.
    std::str::from_utf8(room).unwrap_or_default()
}

/// The value of one digit.
pub(crate) fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn digit(value: u8) -> u8 {
    match value {
        0..10 => b'0' + value,
        _ => b'a' + (value - 10),
    }
}
