//! Did a machine make this value? Characters of several kinds in no order that a person would write.

use std::ops::Range;

/// Whether a value looks like a key that a machine made.
pub(crate) fn is_random(value: &str) -> bool {
    if is_uuid(value) {
        return true;
    }
    let length = value.chars().count();
    if length < SHORTEST || value.chars().any(char::is_whitespace) || sequential(value) * 2 >= length {
        return false;
    }
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let letters = value.chars().filter(char::is_ascii_alphabetic).count();
    if letters == 0 {
        return digits >= 16 && entropy(value) >= 2.5;
    }
    let turns = turns(value);
    let mixed = digits >= 2 && turns * 5 >= length.min(40) / 2;
    (mixed || turns * 4 >= length && length >= 16) && entropy(value) >= 2.8
}

/// Where in a text words stand that look random.
pub(crate) fn random_words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '+' | '/' | '.' | '~');
    let mut start = 0;
    text.split(move |character| !is_part(character)).filter_map(move |word| {
        let at = start;
        // What splits is one character, which may be of several bytes.
        start += word.len() + text.get(start + word.len()..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        (word.len() >= SHORTEST_WORD && word.split(['/', '.']).any(|part| part.len() >= SHORTEST_WORD && is_random(part)))
            .then(|| at..at + word.len())
    })
}

/// Whether a value is one of those 8-4-4-4-12 identifiers, which many use as keys.
pub(crate) fn is_uuid(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Shannon's entropy in bits a character.
pub(crate) fn entropy(value: &str) -> f64 {
    let mut counts = [0u32; 256];
    for byte in value.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(value.len()).unwrap_or(u32::MAX));
    counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / total).map(|share| -share * share.log2()).sum()
}

/// How often the kind of character changes: lower, upper, digit. Words change seldom.
pub(super) fn turns(value: &str) -> usize {
    let kind = |character: char| match character {
        'a'..='z' => 0,
        'A'..='Z' => 1,
        '0'..='9' => 2,
        _ => 3,
    };
    let kinds: Vec<u8> = value.chars().map(kind).collect();
    kinds.windows(2).filter(|pair| matches!(pair, [one, other] if one != other && *one != 3 && *other != 3)).count()
}

/// How many characters stand in runs such as `12345`, `abcde` or `xxxx`.
pub(super) fn sequential(value: &str) -> usize {
    let bytes = value.as_bytes();
    let mut total = 0;
    let mut run = 1;
    let mut step = None;
    for pair in bytes.windows(2) {
        let &[one, other] = pair else { continue };
        let now = i16::from(other.to_ascii_lowercase()) - i16::from(one.to_ascii_lowercase());
        if matches!(now, 0 | 1) && (run == 1 || step == Some(now)) {
            run += 1;
        } else {
            total += if run >= 4 { run } else { 0 };
            run = if matches!(now, 0 | 1) { 2 } else { 1 };
        }
        step = Some(now);
    }
    total + if run >= 4 { run } else { 0 }
}

const SHORTEST: usize = 10;
/// Shorter ones are versions and names.
const SHORTEST_WORD: usize = 16;

#[cfg(test)]
mod tests {
    use super::random_words;

    #[test]
    fn random_words_are_found_wherever_they_stand() {
        let text = "é \"plain\": 'Zq81mVt4xPq7dK3mZpX91', \"@scope/server-name@2025.8.21\" → 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";
        let found: Vec<&str> = random_words(text).map(|place| &text[place]).collect();
        assert_eq!(found, ["Zq81mVt4xPq7dK3mZpX91", "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"]);
    }
}
