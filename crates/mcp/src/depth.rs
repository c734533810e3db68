//! Is this JSON text nested more deeply than we (and the parsers behind us) want to follow?
//!
//! Values that we leave as bytes are never parsed here, so the parser's own recursion limit does not see them.

/// The deepest nesting of arrays and objects that a message may have.
pub const MAX_DEPTH: usize = 128;

/// Says whether `text` nests arrays and objects more than [`MAX_DEPTH`] levels deep. Text inside strings does not count.
///
/// `text` need not be valid JSON: the answer then only says that the brackets before the fault were too many.
pub fn is_too_deep(text: &[u8]) -> bool {
    is_deeper_than(MAX_DEPTH, text)
}

/// As [`is_too_deep`], with another limit: for a text that will stand inside of a message.
pub(crate) fn is_deeper_than(limit: usize, text: &[u8]) -> bool {
    // A text with few openings cannot be deep. Counting is many times cheaper than walking, and settles most messages.
    count_openings(text) > limit && walk_is_deeper_than(limit, text)
}

/// How many `{` and `[` there are, in strings too. Counting bytes into bytes, block by block, is what vectorises.
fn count_openings(text: &[u8]) -> usize {
    let in_block = |block: &[u8]| block.iter().map(|byte| u8::from(byte | 0x20 == b'{')).sum::<u8>();
    text.chunks(usize::from(u8::MAX)).map(|block| usize::from(in_block(block))).sum()
}

fn walk_is_deeper_than(limit: usize, text: &[u8]) -> bool {
    let mut depth = 0_usize;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_DEPTH, is_too_deep};

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn the_limit_itself_is_allowed_and_one_more_is_not() {
        assert!(!is_too_deep(nested(MAX_DEPTH).as_bytes()));
        assert!(is_too_deep(nested(MAX_DEPTH + 1).as_bytes()));
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let text = format!("[\"{}\\\"{}\"]", "{".repeat(500), "[".repeat(500));
        assert!(!is_too_deep(text.as_bytes()));
    }

    #[test]
    fn openings_are_counted_over_block_borders() {
        assert_eq!(super::count_openings("[{".repeat(1000).as_bytes()), 2000);
        assert_eq!(super::count_openings(&[b'['; 255]), 255);
        assert_eq!(super::count_openings(b"]}(\x5c;"), 0);
    }

    #[test]
    fn wide_is_not_deep() {
        let text = format!("[{}0]", "[],".repeat(1000));
        assert!(!is_too_deep(text.as_bytes()));
    }

    #[test]
    fn depth_after_a_string_still_counts() {
        let text = format!("[\"a\\\\\",{}]", nested(MAX_DEPTH));
        assert!(is_too_deep(text.as_bytes()));
    }
}
