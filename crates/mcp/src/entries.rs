//! What are all the members of one JSON object, in their order?

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::raw::RawJson;

/// The members of the object in `text`, in order, repeated ones too: decoded name and value as written. `None`: it is no object.
pub(crate) fn entries(text: &str) -> Option<Vec<(Cow<'_, str>, RawJson<'_>)>> {
    serde_json::from_str::<Entries<'_>>(text).ok().map(|entries| entries.0)
}

struct Entries<'a>(Vec<(Cow<'a, str>, RawJson<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((name, value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    entries.push((name.0, RawJson::trusted(value.get())));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_given_in_order_and_as_written() {
        let read = entries(r#"{ "b" : 1.10, "\u0061":[ ], "b":null }"#).unwrap();
        let read: Vec<_> = read.iter().map(|(name, value)| (name.as_ref(), value.as_str())).collect();
        assert_eq!(read, [("b", "1.10"), ("a", "[ ]"), ("b", "null")]);
    }

    #[test]
    fn what_is_no_object_has_none() {
        for text in ["[]", "7", "{", "{}{}", "null"] {
            assert!(entries(text).is_none(), "{text}");
        }
    }
}
