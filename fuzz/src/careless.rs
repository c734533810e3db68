//! How would careless JSON parsers read one object? Ours may accept it only if they all find the same.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of the one object in `text`, in order, repeated ones too: decoded name and value as written. `None` when there
/// is no such object.
pub fn members(text: &str) -> Option<Vec<(String, &str)>> {
    serde_json::from_str::<Members<'_>>(text).ok().map(|members| members.0)
}

/// What every reader finds under `wanted` in `object`.
///
/// # Panics
///
/// When two readers find different values: then whoever accepted `object` has let an ambiguity through.
pub fn one_reading<'a>(object: &'a str, wanted: &str) -> Option<&'a str> {
    let members = members(object).expect("what was accepted as an object is one");
    let exact = value_of(&members, |name| name == wanted, Wins::First);
    for (reader, is_same) in READERS {
        for wins in [Wins::First, Wins::Last] {
            let found = value_of(&members, |name| is_same(name, wanted), wins);
            // By address, for two equal values at two places are two readings as well.
            assert_eq!(found.map(str::as_ptr), exact.map(str::as_ptr), "{reader} ({wins:?} wins) read `{wanted}` differently in {object}");
        }
    }
    exact
}

/// The value under `wanted`, which may not stand twice.
///
/// # Panics
///
/// When it does: then whoever accepted the object has let an ambiguity through.
pub fn only<'a>(members: &[(String, &'a str)], wanted: &str) -> Option<&'a str> {
    let mut found = members.iter().filter(|(name, _)| name == wanted).map(|(_, value)| *value);
    let first = found.next();
    assert!(found.next().is_none(), "`{wanted}` stands twice");
    first
}

/// The string that `raw` stands for, if it is one.
pub fn text(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

/// Which of two members of the same name counts.
#[derive(Clone, Copy, Debug)]
enum Wins {
    First,
    Last,
}

fn value_of<'a>(members: &[(String, &'a str)], is_wanted: impl Fn(&str) -> bool, wins: Wins) -> Option<&'a str> {
    let mut found = members.iter().filter(|(name, _)| is_wanted(name)).map(|(_, value)| *value);
    match wins {
        Wins::First => found.next(),
        Wins::Last => found.last(),
    }
}

/// Whether a reader takes the name that is written for the one that is wanted.
type Sameness = fn(&str, &str) -> bool;

const READERS: [(&str, Sameness); 8] = [
    ("a strict reader", |written, wanted| written == wanted),
    ("a reader blind to ASCII case", |written, wanted| written.eq_ignore_ascii_case(wanted)),
    ("a reader in lower case", |written, wanted| written.to_lowercase() == wanted.to_lowercase()),
    ("a reader in upper case", |written, wanted| written.to_uppercase() == wanted.to_uppercase()),
    ("a reader in upper, then lower case", |written, wanted| upper_then_lower(written) == upper_then_lower(wanted)),
    ("a reader of C strings", |written, wanted| written.split('\0').next() == Some(wanted)),
    ("a reader that trims", |written, wanted| written.trim() == wanted),
    ("a reader that drops controls", |written, wanted| written.chars().filter(|letter| !letter.is_control()).eq(wanted.chars())),
];

/// Character by character, as Java and Go fold: Go's and Java's comparisons never change a string's length.
fn upper_then_lower(text: &str) -> Vec<char> {
    let alone = |mut letters: Box<dyn Iterator<Item = char>>, letter: char| match (letters.next(), letters.next()) {
        (Some(only), None) => only,
        _ => letter,
    };
    let upper = |letter: char| alone(Box::new(letter.to_uppercase()), letter);
    let lower = |letter: char| alone(Box::new(letter.to_lowercase()), letter);
    text.chars().map(|letter| lower(upper(letter))).collect()
}

struct Members<'a>(Vec<(String, &'a str)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            members.push((name, value.get()));
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::{members, one_reading};

    #[test]
    fn members_are_kept_in_order_and_repeated() {
        let read = members(r#"{"b":1,"\u0062":[ 2 ],"a":null}"#).unwrap();
        assert_eq!(read, [("b".to_owned(), "1"), ("b".to_owned(), "[ 2 ]"), ("a".to_owned(), "null")]);
        assert_eq!(members("[]"), None);
        assert_eq!(members("{}{}"), None);
    }

    #[test]
    fn a_plain_object_has_one_reading() {
        assert_eq!(one_reading(r#"{"name":"a","named":"b","arguments":{"Name":"c"}}"#, "name"), Some("\"a\""));
        assert_eq!(one_reading(r#"{"uri":"a"}"#, "name"), None);
    }

    #[test]
    fn two_readings_are_noticed() {
        let ambiguous = [
            r#"{"name":1,"name":1}"#,
            r#"{"name":1,"Name":2}"#,
            r#"{"NAME":1}"#,
            r#"{"name\u0000x":1}"#,
            r#"{" name":1}"#,
            r#"{"na\u0007me":1}"#,
        ];
        for object in ambiguous {
            assert!(std::panic::catch_unwind(|| one_reading(object, "name")).is_err(), "{object}");
        }
        for (object, wanted) in [("{\"ta\u{17f}kId\":1}", "taskId"), ("{\"ur\u{131}\":1}", "uri"), ("{\"reque\u{fb06}Id\":1}", "requestId")]
        {
            assert!(std::panic::catch_unwind(|| one_reading(object, wanted)).is_err(), "{object}");
        }
    }
}
