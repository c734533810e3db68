//! What are the members of this JSON object, if each stands there only once?
//!
//! One pass, no copies of unescaped text. Two readers that disagree on a repeated member
//! would see two different tokens; so a repeated member refuses the whole object.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::refusal::{Part, Refusal};

/// A member's value, as far as headers and claims need it.
#[derive(Debug, PartialEq)]
pub(crate) enum Value<'de> {
    Text(Cow<'de, str>),
    Texts(Vec<Cow<'de, str>>),
    /// Whole seconds; a fraction is dropped (RFC 7519 §2 allows one).
    Number(u64),
    /// The members of an object, in order; whether one stands twice is for whoever looks at them.
    Members(Vec<(Cow<'de, str>, Value<'de>)>),
    Other,
}

/// Calls `take` for each member of the one object in `json`. Of several faults the first counts, and before all others a fault of the object itself.
pub(crate) fn read_members<'de, E: From<Refusal>>(
    json: &'de [u8],
    part: Part,
    mut take: impl FnMut(&str, Value<'de>) -> Result<(), E>,
) -> Result<(), E> {
    let mut fault = None;
    let read = read_object(json, |name, value| {
        if let Err(refusal) = take(name, value) {
            fault.get_or_insert(refusal);
        }
    });
    match (read, fault) {
        (Err(NotStrict::Duplicate), _) => Err(Refusal::DuplicateMember(part).into()),
        (Err(NotStrict::Malformed), _) => Err(Refusal::Malformed(part).into()),
        (Ok(()), Some(refusal)) => Err(refusal),
        (Ok(()), None) => Ok(()),
    }
}

/// Why an object could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NotStrict {
    Duplicate,
    Malformed,
}

/// Calls `member` for each member of the one object in `json`, in order.
fn read_object<'de>(json: &'de [u8], member: impl FnMut(&str, Value<'de>)) -> Result<(), NotStrict> {
    let mut has_duplicate = false;
    // serde_json looks for UTF-8 only in what it keeps; RFC 7519 §7.2 wants it of everything.
    let text = std::str::from_utf8(json).map_err(|_| NotStrict::Malformed)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = deserializer.deserialize_map(ObjectVisitor { member, has_duplicate: &mut has_duplicate }).and_then(|()| deserializer.end());
    match read {
        Ok(()) => Ok(()),
        Err(_) if has_duplicate => Err(NotStrict::Duplicate),
        Err(_) => Err(NotStrict::Malformed),
    }
}

struct ObjectVisitor<'a, F> {
    member: F,
    has_duplicate: &'a mut bool,
}

impl<'de, F: FnMut(&str, Value<'de>)> Visitor<'de> for ObjectVisitor<'_, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
            let value = map.next_value()?;
            (self.member)(&name, value);
            if !seen.insert(name) {
                *self.has_duplicate = true;
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        Ok(())
    }
}

/// A member's name, borrowed when it has no escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Text(name) => Ok(Self(name)),
            _ => Err(D::Error::custom("a member's name is text")),
        }
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(u64::try_from(number).map_or(Value::Other, Value::Number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value<'de>, E> {
        if !(0.0..=LARGEST_EXACT).contains(&number) {
            return Ok(Value::Other);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range was just checked, and dropping the fraction is the purpose"
        )]
        Ok(Value::Number(number as u64))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value<'de>, A::Error> {
        let mut texts = Some(Vec::new());
        while let Some(element) = sequence.next_element()? {
            match (element, &mut texts) {
                (Value::Text(text), Some(texts)) => texts.push(text),
                _ => texts = None,
            }
        }
        Ok(texts.map_or(Value::Other, Value::Texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
            members.push((name, map.next_value()?));
        }
        Ok(Value::Members(members))
    }
}

/// 2^53: the last float below which every whole number is exact.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Vec<(String, Value<'_>)>, NotStrict> {
        let mut members = Vec::new();
        read_object(json.as_bytes(), |name, value| members.push((name.to_owned(), value)))?;
        Ok(members)
    }

    #[test]
    fn what_is_skipped_must_be_utf8_too() {
        assert!(matches!(read_object(b"{\"x\":{\"y\":\"\xff\"}}", |_, _| {}), Err(NotStrict::Malformed)));
    }

    #[test]
    fn each_kind_of_value_is_told_apart() {
        let members =
            read(r#"{"t":"x","e":"\u0041","l":["a","b"],"m":["a",1],"n":7,"f":7.9,"neg":-1,"big":1e300,"o":{"a":1},"z":null,"b":true}"#)
                .unwrap();
        let values: Vec<_> = members.into_iter().map(|(_, value)| value).collect();
        assert_eq!(
            values,
            [
                Value::Text("x".into()),
                Value::Text("A".into()),
                Value::Texts(vec!["a".into(), "b".into()]),
                Value::Other,
                Value::Number(7),
                Value::Number(7),
                Value::Other,
                Value::Other,
                Value::Members(vec![("a".into(), Value::Number(1))]),
                Value::Other,
                Value::Other,
            ]
        );
    }

    #[test]
    fn a_member_that_stands_twice_is_refused_even_when_escaped_or_unknown() {
        for json in [r#"{"a":1,"a":1}"#, r#"{"a":1,"b":2,"\u0061":3}"#] {
            assert_eq!(read(json), Err(NotStrict::Duplicate), "{json}");
        }
    }

    #[test]
    fn anything_but_one_object_is_malformed() {
        for json in ["", "[]", "1", "{", "{}{}", "{} x", "\u{feff}{}", r#"{"a":"\ud800"}"#, "{a:1}", r#"{"a":1e999}"#] {
            assert_eq!(read(json), Err(NotStrict::Malformed), "{json}");
        }
        assert_eq!(read_object(b"{\"a\":\"\xff\"}", |_, _| ()), Err(NotStrict::Malformed));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        assert_eq!(read(&deep), Err(NotStrict::Malformed));
    }
}
