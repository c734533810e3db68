//! Forms, read carelessly: split, then decoded.

/// The fields of a form, in their order.
pub fn pairs(text: &[u8]) -> Vec<(String, String)> {
    let halves = |pair: &[u8]| {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        (decoded(&pair[..at]), decoded(pair.get(at + 1..).unwrap_or_default()))
    };
    text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(halves).collect()
}

/// `+` is a space, `%` and two digits a byte, and everything else itself.
pub fn decoded(text: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        match digits.and_then(|digits| std::str::from_utf8(digits).ok()) {
            Some(digits) => {
                bytes.push(u8::from_str_radix(digits, 16).expect("two digits are a byte"));
                rest = &after[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
