//! What is inside a value? Quotes, JSON in a string, `KEY=value`, `Header: value`, `Bearer …`, base64 pairs, defaults, addresses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Candidate, Exposure, address};
use crate::classify::{default_of, names_a_place};
use crate::model::{Place, Setting};
use crate::name::{Promise, promise};

/// Everything that a setting may hold a secret in.
pub(crate) fn unfold(setting: &Setting<'_>) -> Vec<Candidate> {
    let mut unfolding = Unfolding { place: setting.place, found: Vec::new() };
    unfolding.open(&setting.name, &setting.text, Exposure::Literal, 0);
    unfolding.found
}

struct Unfolding {
    place: Place,
    found: Vec<Candidate>,
}

impl Unfolding {
    fn open(&mut self, name: &str, text: &str, exposure: Exposure, depth: usize) {
        let text = text.trim();
        let text = stripped(text, '"').or_else(|| stripped(text, '\'')).unwrap_or(text);
        if depth > DEEPEST || text.len() > LONGEST {
            return;
        }
        if self.json(name, text, depth)
            || self.encoded(name, text, depth)
            || self.default(name, text, depth)
            || self.scheme(name, text, exposure, depth)
        {
            return;
        }
        let may_be_header = name.is_empty() || matches!(self.place, Place::Argument | Place::Comment | Place::Permission);
        if let Some((header, value)) = header(text).filter(|_| may_be_header) {
            return self.open(header, value, exposure, depth + 1);
        }
        if self.assignments(text, exposure, depth) {
            return;
        }
        if (text.contains("://") || text.starts_with("jdbc:")) && !names_a_place(text) {
            self.found.extend(address::candidates(name, text, self.place));
        }
        self.push(name, text, exposure, None);
    }

    fn push(&mut self, name: &str, value: &str, exposure: Exposure, shown: Option<&str>) {
        let zeroizing = |text: &str| Zeroizing::new(text.to_owned());
        self.found.push(Candidate { name: name.to_owned(), value: zeroizing(value), exposure, host: None, shown: shown.map(zeroizing) });
    }

    /// JSON in a string, also with its quotes escaped once more.
    fn json(&mut self, name: &str, text: &str, depth: usize) -> bool {
        if !text.starts_with(['{', '[', '"']) && !text.starts_with("\\\"") {
            return false;
        }
        let unescaped = Zeroizing::new(text.replace("\\\"", "\""));
        let Ok(value) = serde_json::from_str::<Value>(text).or_else(|_| serde_json::from_str(&unescaped)) else { return false };
        self.members(name, &value, depth + 1);
        true
    }

    /// The same in base64: a table begins with `{"`.
    fn encoded(&mut self, name: &str, text: &str, depth: usize) -> bool {
        if !text.starts_with("eyJ") || text.contains('.') {
            return false;
        }
        let bytes = STANDARD.decode(text).map(Zeroizing::new);
        let Some(value) = bytes.ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()) else { return false };
        self.members(name, &value, depth + 1);
        true
    }

    fn members(&mut self, name: &str, value: &Value, depth: usize) {
        match value {
            Value::Array(items) if depth <= DEEPEST => items.iter().for_each(|item| self.members(name, item, depth + 1)),
            Value::Object(members) if depth <= DEEPEST => members.iter().for_each(|(name, value)| self.members(name, value, depth + 1)),
            Value::String(text) => self.open(name, text, Exposure::Composite, depth),
            _ => {}
        }
    }

    fn default(&mut self, name: &str, text: &str, depth: usize) -> bool {
        let Some((variable, default)) = default_of(text) else { return false };
        // Of the two names, the one that says something counts.
        let name = if promise(name) == Promise::Nothing { variable } else { name };
        self.open(name, default, Exposure::Default, depth + 1);
        true
    }

    /// `Bearer X`, and `Basic` around a pair of name and password.
    fn scheme(&mut self, name: &str, text: &str, exposure: Exposure, depth: usize) -> bool {
        let Some((scheme, rest)) = text.split_once(' ') else { return false };
        let name = if promise(name) == Promise::Nothing { "authorization" } else { name };
        match scheme.trim_end_matches(':').to_ascii_lowercase().as_str() {
            "basic" => {
                let pair = STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok()).map(Zeroizing::new);
                let Some((_, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) else { return false };
                self.push("password", password, Exposure::Composite, Some(rest.trim()));
                true
            }
            "bearer" | "token" | "apikey" | "key" | "api-key" if !rest.contains(' ') => {
                self.open(name, rest, exposure, depth + 1);
                true
            }
            _ => false,
        }
    }

    /// Variables that are set among other words, and rows of `name=value` as libpq reads them.
    fn variables(&mut self, text: &str, exposure: Exposure, depth: usize) {
        let has_blanks = text.contains(char::is_whitespace);
        let is_several = has_blanks || text.contains([',', '&', '|']);
        // The value of one variable may have all of these in it; only between two of them is a comma more likely.
        let is_one = assignment(text).is_some_and(|(name, _)| is_variable(name)) && (has_blanks || !text.contains(','));
        if !is_several || is_one || !text.contains('=') {
            return;
        }
        let row = text.split_whitespace().count() > 1 && text.split_whitespace().all(|word| assignment(word).is_some());
        let words = text.split(|character: char| character.is_whitespace() || matches!(character, ';' | ',' | '&' | '|'));
        let said = |(name, _): &(&str, &str)| is_variable(name) || row && promise(name) != Promise::Nothing;
        for (name, value) in words.filter_map(set).filter(said) {
            self.open(name, value, exposure, depth + 1);
        }
    }

    /// `KEY=value`, alone or in a row as drivers of databases write it.
    fn assignments(&mut self, text: &str, exposure: Exposure, depth: usize) -> bool {
        let parts: Vec<(&str, &str)> = text.split(';').filter_map(assignment).collect();
        let row = parts.len() > 1;
        if !row {
            self.variables(text, exposure, depth);
        }
        let said = |(name, _): &&(&str, &str)| row || is_variable(name) || promise(name) != Promise::Nothing;
        let mut any = false;
        for (name, value) in parts.iter().filter(said) {
            self.open(name.trim(), value, exposure, depth + 1);
            any = true;
        }
        any
    }
}

/// A word of a command line that sets a variable, as shells write it and as PowerShell does.
fn set(word: &str) -> Option<(&str, &str)> {
    let (name, value) = assignment(word.strip_prefix("$env:").unwrap_or(word))?;
    Some((name, value.trim_matches(['"', '\''])))
}

fn assignment(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let bare = name.trim().trim_start_matches('-');
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ' ');
    (!bare.is_empty() && bare.len() <= 64 && bare.chars().all(plain) && !value.trim_matches('=').is_empty()).then_some((bare, value))
}

fn is_variable(name: &str) -> bool {
    name.contains('_') && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

fn header(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(':')?;
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain && value.starts_with(' ') && !value.trim().is_empty()).then_some((name, value.trim()))
}

fn stripped(text: &str, quote: char) -> Option<&str> {
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(quote)).then_some(inner)
}

const DEEPEST: usize = 6;
const LONGEST: usize = 64 * 1024;
