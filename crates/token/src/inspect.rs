//! What does this token say? For a person to read; nothing is verified.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;

use crate::compact::MAX_TOKEN_BYTES;
use crate::refusal::Refusal;
use crate::unverified::Unverified;

/// A token laid out for reading. The signature is left out on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The header, indented; members, numbers and their order as they stand in the token.
    pub header: String,
    /// The claims, indented likewise.
    pub claims: String,
    /// `iat` in unix seconds, when the token is in the right shape.
    pub issued_at: Option<u64>,
    /// `exp` in unix seconds, when the token is in the right shape.
    pub expires_at: Option<u64>,
    /// Why the door would turn the token away before looking at any key.
    pub fault: Option<Refusal>,
}

/// Why a text cannot be shown as a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAToken {
    /// Longer than 16 KiB.
    #[error("the text is longer than {} KiB", MAX_TOKEN_BYTES / 1024)]
    TooLong,
    /// Not three parts between two dots: an opaque token, or something else.
    #[error("this is not a JWT: it does not have three parts between two dots")]
    NotThreeParts,
    /// A part is not base64url, or not JSON.
    #[error("this is not a JWT: header and claims must be JSON in base64url")]
    NotJson,
}

/// Lays out a token. Nothing of it is verified, and control characters are shown as escapes.
pub fn inspect(token: &str) -> Result<Inspection, NotAToken> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(NotAToken::TooLong);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(NotAToken::NotThreeParts);
    };
    let (header, claims) = (readable(header)?, readable(claims)?);
    let (times, fault) = match Unverified::parse(token) {
        Ok(unverified) => ((unverified.claims.issued_at, unverified.claims.expires_at), None),
        Err(refusal) => ((None, None), Some(refusal)),
    };
    Ok(Inspection { header, claims, issued_at: times.0, expires_at: times.1, fault })
}

fn readable(part: &str) -> Result<String, NotAToken> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| NotAToken::NotJson)?;
    let json = String::from_utf8(bytes).map_err(|_| NotAToken::NotJson)?;
    serde_json::from_str::<IgnoredAny>(&json).map_err(|_| NotAToken::NotJson)?;
    Ok(indent(&json))
}

/// Indents valid JSON without parsing it, so that large numbers, the order of members and
/// repeated members stay as they are.
fn indent(json: &str) -> String {
    let mut layout = Layout::default();
    let mut is_text = false;
    let mut is_escaped = false;
    for character in json.chars() {
        if is_text {
            layout.push_visible(character);
            is_text = is_escaped || character != '"';
            is_escaped = !is_escaped && character == '\\';
            continue;
        }
        is_text = character == '"';
        layout.push_structure(character);
    }
    layout.text
}

#[derive(Default)]
struct Layout {
    text: String,
    depth: usize,
    /// An opening bracket stands last, and what follows decides whether its line is broken.
    is_open: bool,
}

impl Layout {
    fn push_structure(&mut self, character: char) {
        if character.is_ascii_whitespace() {
            return;
        }
        let closes = matches!(character, '}' | ']');
        if closes {
            self.depth = self.depth.saturating_sub(1);
        }
        if self.is_open != closes {
            self.break_line();
        }
        self.is_open = matches!(character, '{' | '[');
        self.text.push(character);
        match character {
            '{' | '[' => self.depth += 1,
            ',' => self.break_line(),
            ':' => self.text.push(' '),
            _ => {}
        }
    }

    fn break_line(&mut self) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n("  ", self.depth));
    }

    /// What could move a terminal's cursor, or turn its writing direction, is shown as an escape.
    fn push_visible(&mut self, character: char) {
        let is_direction = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if character.is_control() || is_direction {
            // Writing to a String cannot fail.
            let _ = write!(self.text, "\\u{:04x}", u32::from(character));
        } else {
            self.text.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Part;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.AA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn numbers_order_and_repeated_members_are_shown_as_they_are() {
        let claims = r#" {"z":12345678901234567890123, "a":1.10,"a":[ ],"o":{},"l":[1,{"x":"{,:\"}"}]}"#;
        let shown = inspect(&token(r#"{"alg":"none"}"#, claims)).unwrap();
        assert_eq!(
            shown.claims,
            "{\n  \"z\": 12345678901234567890123,\n  \"a\": 1.10,\n  \"a\": [],\n  \"o\": {},\n  \"l\": [\n    1,\n    {\n      \"x\": \"{,:\\\"}\"\n    }\n  ]\n}"
        );
        assert_eq!(shown.fault, Some(Refusal::AlgorithmNone));
    }

    #[test]
    fn a_repeated_claim_is_named_as_the_fault() {
        let shown = inspect(&token(r#"{"alg":"HS256"}"#, r#"{"a":1,"a":2}"#)).unwrap();
        assert_eq!(shown.fault, Some(Refusal::DuplicateMember(Part::Claims)));
    }

    #[test]
    fn nothing_in_a_token_reaches_the_terminal_as_a_command() {
        let shown = inspect(&token(r#"{"alg":"HS256"}"#, "{\"a\":\"\u{9b}2J\u{202e}\u{7f}\"}")).unwrap();
        assert_eq!(shown.claims, "{\n  \"a\": \"\\u009b2J\\u202e\\u007f\"\n}");
    }

    #[test]
    fn what_is_not_a_token_is_told_apart() {
        assert_eq!(inspect("opaque"), Err(NotAToken::NotThreeParts));
        assert_eq!(inspect("a.b.c.d.e"), Err(NotAToken::NotThreeParts));
        assert_eq!(inspect("a.b.c"), Err(NotAToken::NotJson));
        assert_eq!(inspect(&token("{}", "{")), Err(NotAToken::NotJson));
        assert_eq!(inspect(&"a".repeat(MAX_TOKEN_BYTES + 1)), Err(NotAToken::TooLong));
    }
}
