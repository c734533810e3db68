//! Which part of a document is the secret? One member of a JSON object; the others are skipped over, not copied.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::missing::Cause;
use crate::value::Value;

/// The member that `field` names: the one of exactly that name, else `a.b` is member `b` of the object `a`. A number counts as its text.
pub(crate) fn member(document: &str, field: &str) -> Result<Value, Cause> {
    // The error of the parser may quote the document, so it is dropped.
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(document).map_err(|_| Cause::NotJson)?;
    if let Some(value) = members.get(field) {
        return text(value.get());
    }
    let (first, rest) = field.split_once('.').ok_or(Cause::FieldAbsent)?;
    let inner = members.get(first).ok_or(Cause::FieldAbsent)?;
    if inner.get().starts_with('{') { member(inner.get(), rest) } else { Err(Cause::FieldAbsent) }
}

fn text(raw: &str) -> Result<Value, Cause> {
    let is_number = raw.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let decoded =
        if is_number { None } else { Some(zeroize::Zeroizing::new(serde_json::from_str::<String>(raw).map_err(|_| Cause::FieldNotText)?)) };
    let text = decoded.as_ref().map_or(raw, |decoded| decoded.as_str());
    if text.is_empty() { Err(Cause::Empty) } else { Value::new(text).map_err(|_| Cause::NoMemory) }
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
}
