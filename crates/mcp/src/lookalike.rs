//! Could some parser read this member name as one that we read?
//!
//! Lenient parsers match names without regard to case (CVE-2026-27896), with Unicode folds (`ſ`, `K`), or cut them at a
//! NUL (GHSA-q382-vc8q-7jhj). A name that only looks like one of ours is therefore refused, never passed on.

/// The member of `known` that `name` resembles without being it, if there is one.
///
/// The caller has already established that `name` is none of `known` byte for byte.
pub(crate) fn resembles(name: &str, known: &[&'static str]) -> Option<&'static str> {
    if name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return known.iter().copied().find(|candidate| candidate.eq_ignore_ascii_case(name));
    }
    let folded = fold(name);
    known.iter().copied().find(|candidate| candidate.eq_ignore_ascii_case(&folded))
}

/// `name` in lower case, with every character that some comparison treats as an ASCII letter replaced by that letter and
/// every invisible character left out.
fn fold(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for character in name.chars().filter(|&character| !is_invisible(character)) {
        match character {
            'ſ' => folded.push('s'),
            'ı' | 'İ' => folded.push('i'),
            'ß' | 'ẞ' => folded.push_str("ss"),
            'ﬀ' => folded.push_str("ff"),
            'ﬁ' => folded.push_str("fi"),
            'ﬂ' => folded.push_str("fl"),
            'ﬃ' => folded.push_str("ffi"),
            'ﬄ' => folded.push_str("ffl"),
            'ﬅ' | 'ﬆ' => folded.push_str("st"),
            // Fullwidth forms stand 0xFEE0 above their ASCII twins.
            '\u{ff01}'..='\u{ff5e}' => folded.extend(char::from_u32(u32::from(character) - 0xfee0).map(|twin| twin.to_ascii_lowercase())),
            // The Kelvin sign becomes `k` here, as in every Unicode fold.
            _ => folded.extend(character.to_lowercase()),
        }
    }
    folded
}

/// Control, white space and format characters: those that a reader does not see and that a parser may drop.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::resembles;

    const KNOWN: &[&str] = &["name", "taskId", "requestId", "notifications", "_meta"];

    #[test]
    fn case_variants_resemble() {
        for name in ["Name", "nAME", "TASKID", "_META", "requestid"] {
            assert!(resembles(name, KNOWN).is_some(), "{name}");
        }
    }

    #[test]
    fn unicode_folds_resemble() {
        for name in
            ["ta\u{17f}kId", "tas\u{212a}Id", "task\u{131}d", "task\u{130}d", "ｎame", "Ｎame", "reque\u{fb06}Id", "noti\u{fb01}cations"]
        {
            assert!(resembles(name, KNOWN).is_some(), "{name}");
        }
    }

    #[test]
    fn names_with_invisible_characters_resemble() {
        for name in ["name\0", "name ", " name", "name\u{200b}", "na\u{ad}me", "\u{feff}name", "name\u{e0020}", "name\u{7f}"] {
            assert!(resembles(name, KNOWN).is_some(), "{name:?}");
        }
    }

    #[test]
    fn other_names_do_not_resemble() {
        for name in ["names", "arguments", "nam", "", "näme", "名前", "meta"] {
            assert_eq!(resembles(name, KNOWN), None, "{name}");
        }
    }
}
