//! Which part of a document is the secret? One member of a JSON object; the others are skipped over, not copied, and a change is a splice.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::missing::Cause;
use crate::value::Value;

/// The member that `field` names: the one of exactly that name, else `a.b` is member `b` of the object `a`. A number counts as its text.
pub(crate) fn member(document: &str, field: &str) -> Result<Value, Cause> {
    match spot(document, field)? {
        Spot::Taken { value } => text(value),
        Spot::Free { .. } => Err(Cause::FieldAbsent),
    }
}

/// The names of the members that [`member`] would give, in order.
pub(crate) fn names(document: &str) -> Result<Vec<String>, Cause> {
    let members = members(document)?.into_iter();
    Ok(members.filter(|(_, value)| text(value.get()).is_ok()).map(|(name, _)| name).collect())
}

/// The document with this text as the member that `field` names, and everything else as it was.
pub(crate) fn with_member(document: &str, field: &str, text: &str) -> Result<Zeroizing<String>, Cause> {
    match spot(document, field)? {
        Spot::Taken { value } => splice(document, value, &[&json(text)?]),
        Spot::Free { object, is_empty, name } => {
            let open = object.trim_end().strip_suffix('}').ok_or(Cause::NotJson)?;
            let comma = if is_empty { "" } else { "," };
            splice(document, open, &[open, comma, &json(name)?, ":", &json(text)?])
        }
    }
}

/// The document without the member that `field` names; `None` when no other is left. Those that are left may stand in another order.
pub(crate) fn without_member(document: &str, field: &str) -> Result<Option<Zeroizing<String>>, Cause> {
    let mut members = members(document)?;
    if members.remove(field).is_some() {
        return if members.is_empty() { Ok(None) } else { written(&members, document.len()).map(Some) };
    }
    let (first, rest) = field.split_once('.').ok_or(Cause::FieldAbsent)?;
    let inner = members.get(first).map(|inner| inner.get()).filter(|inner| inner.starts_with('{')).ok_or(Cause::FieldAbsent)?;
    let left = without_member(inner, rest)?;
    splice(document, inner, &[left.as_ref().map_or("{}", |left| left.as_str())]).map(Some)
}

/// Where a member stands, or would stand.
enum Spot<'d, 'f> {
    /// In this object, under this name, if it were put there.
    Free { object: &'d str, is_empty: bool, name: &'f str },
    /// Here.
    Taken { value: &'d str },
}

fn spot<'d, 'f>(document: &'d str, field: &'f str) -> Result<Spot<'d, 'f>, Cause> {
    let members = members(document)?;
    if let Some(value) = members.get(field) {
        return Ok(Spot::Taken { value: value.get() });
    }
    let inner = field.split_once('.').and_then(|(first, rest)| Some((members.get(first)?.get(), rest)));
    match inner {
        Some((inner, rest)) if inner.starts_with('{') => spot(inner, rest),
        _ => Ok(Spot::Free { object: document, is_empty: members.is_empty(), name: field }),
    }
}

fn members(document: &str) -> Result<BTreeMap<String, &RawValue>, Cause> {
    // The error of the parser may quote the document, so it is dropped.
    serde_json::from_str(document).map_err(|_| Cause::NotJson)
}

fn text(raw: &str) -> Result<Value, Cause> {
    let is_number = raw.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let decoded =
        if is_number { None } else { Some(Zeroizing::new(serde_json::from_str::<String>(raw).map_err(|_| Cause::FieldNotText)?)) };
    let text = decoded.as_ref().map_or(raw, |decoded| decoded.as_str());
    if text.is_empty() { Err(Cause::Empty) } else { Value::new(text).map_err(|_| Cause::NoMemory) }
}

/// The document with `part`, which is a piece of it, replaced.
fn splice(document: &str, part: &str, by: &[&str]) -> Result<Zeroizing<String>, Cause> {
    let start = part.as_ptr().addr().checked_sub(document.as_ptr().addr()).ok_or(Cause::NotJson)?;
    let before = document.get(..start).ok_or(Cause::NotJson)?;
    let after = document.get(start + part.len()..).ok_or(Cause::NotJson)?;
    // Room for all of it from the start: growing would leave copies behind.
    let room = before.len() + by.iter().map(|piece| piece.len()).sum::<usize>() + after.len();
    let mut spliced = Zeroizing::new(String::with_capacity(room));
    for piece in std::iter::once(&before).chain(by).chain([&after]) {
        spliced.push_str(piece);
    }
    Ok(spliced)
}

fn json(text: &str) -> Result<Zeroizing<String>, Cause> {
    // An escape has six bytes.
    written(text, 6 * text.len() + 2)
}

fn written<T: Serialize + ?Sized>(value: &T, room: usize) -> Result<Zeroizing<String>, Cause> {
    let mut bytes = Vec::with_capacity(room);
    serde_json::to_writer(&mut bytes, value).map_err(|_| Cause::NoMemory)?;
    String::from_utf8(bytes).map(Zeroizing::new).map_err(|_| Cause::NoMemory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_name_and_by_path() {
        let document = r#"{"a":"b","n":5432,"e":"","tls.key":"k","o":{"a":"c","p":{"q":"d"},"x.y":"z"},"l":["x"],"t":true}"#;
        for (field, expected) in [
            ("a", Ok("b")),
            ("n", Ok("5432")),
            ("tls.key", Ok("k")),
            ("o.a", Ok("c")),
            ("o.p.q", Ok("d")),
            ("o.x.y", Ok("z")),
            ("e", Err(Cause::Empty)),
            ("z", Err(Cause::FieldAbsent)),
            ("a.b", Err(Cause::FieldAbsent)),
            ("o.z", Err(Cause::FieldAbsent)),
            ("o", Err(Cause::FieldNotText)),
            ("l", Err(Cause::FieldNotText)),
            ("t", Err(Cause::FieldNotText)),
        ] {
            let found = member(document, field);
            assert_eq!(found.as_ref().map(Value::expose), expected.as_ref().copied(), "{field}");
        }
        assert_eq!(member("hunter2", "a"), Err(Cause::NotJson));
        assert_eq!(member(r#""hunter2""#, "a"), Err(Cause::NotJson));
    }

    #[test]
    fn a_member_is_put_in_its_place_and_the_rest_stays_as_it_was() {
        for (document, field, expected) in [
            (r#"{ "a": "b", "n": 5 }"#, "a", r#"{ "a": "x\"y", "n": 5 }"#),
            (r#"{"a":1,"n":5}"#, "n", r#"{"a":1,"n":"x\"y"}"#),
            (r#"{"a":1}"#, "b", r#"{"a":1,"b":"x\"y"}"#),
            ("{ }", "b", r#"{ "b":"x\"y"}"#),
            (r#"{"o":{"a":1}}"#, "o.a", r#"{"o":{"a":"x\"y"}}"#),
            (r#"{"o":{}}"#, "o.a.b", r#"{"o":{"a.b":"x\"y"}}"#),
            (r#"{"o":"t"}"#, "o.previous", r#"{"o":"t","o.previous":"x\"y"}"#),
            (r#"{"l":[{"a":1}],"a":null}"#, "a", r#"{"l":[{"a":1}],"a":"x\"y"}"#),
        ] {
            let changed = with_member(document, field, "x\"y").unwrap();
            assert_eq!(changed.as_str(), expected, "{document} {field}");
            assert_eq!(member(&changed, field).unwrap().expose(), "x\"y");
        }
        assert_eq!(with_member("hunter2", "a", "x"), Err(Cause::NotJson));
        assert_eq!(with_member("[]", "a", "x"), Err(Cause::NotJson));
    }

    #[test]
    fn a_member_is_taken_out_and_the_rest_stays() {
        for (document, field, expected) in [
            (r#"{"a":"b","n":5}"#, "a", Ok(Some(r#"{"n":5}"#))),
            (r#"{"a":"b"}"#, "a", Ok(None)),
            (r#"{"o":{"a":1,"b":[2]},"c": 3}"#, "o.a", Ok(Some(r#"{"o":{"b":[2]},"c": 3}"#))),
            (r#"{"o":{"a":1}}"#, "o.a", Ok(Some(r#"{"o":{}}"#))),
            (r#"{"a":"b"}"#, "n", Err(Cause::FieldAbsent)),
            (r#"{"a":"b"}"#, "a.b", Err(Cause::FieldAbsent)),
            ("hunter2", "a", Err(Cause::NotJson)),
        ] {
            let left = without_member(document, field);
            let left = left.as_ref().map(|left| left.as_ref().map(|left| left.as_str()));
            assert_eq!(left, expected.as_ref().copied(), "{document} {field}");
        }
    }

    #[test]
    fn only_members_that_can_be_had_are_named() {
        assert_eq!(names(r#"{"b":"x","a":1,"e":"","o":{"a":"c"},"l":[],"t":true}"#).unwrap(), ["a", "b"]);
    }
}
