//! May a client go by this name before people? One line, short, and nothing in it that deceives the eye.

/// The name without spaces around it; `None` if people could take it for something else than it is.
pub(crate) fn fair(text: &str) -> Option<&str> {
    let text = text.trim();
    let is_fair = text.chars().count() <= MAX_CHARACTERS && !text.chars().any(is_deceptive);
    is_fair.then_some(text)
}

/// Control characters, and those that are not seen or turn the direction of what follows.
fn is_deceptive(character: char) -> bool {
    let is_unseen = matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    character.is_control() || is_unseen
}

/// The longest name.
pub(crate) const MAX_CHARACTERS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_the_eye_sees() {
        assert_eq!(fair(" Writing Desk "), Some("Writing Desk"));
        assert_eq!(fair(""), Some(""));
        assert_eq!(fair(&"ü".repeat(MAX_CHARACTERS)).map(str::len), Some(2 * MAX_CHARACTERS));
        assert_eq!(fair(&"ü".repeat(MAX_CHARACTERS + 1)), None);
        for character in ['\n', '\u{7f}', '\u{ad}', '\u{61c}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{206a}', '\u{feff}'] {
            assert_eq!(fair(&format!("De{character}sk")), None, "{character:?}");
        }
    }
}
