//! Who acts for somebody, and on whose behalf in turn? Each exchange of a token adds one. (RFC 8693 §4.1)

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Who acts now, and before them those from whom they have it. Written as one claim inside the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actors(Vec<String>);

impl Actors {
    /// Those of an `act` claim, as far as each says who it is.
    pub fn of_claim(act: &Value) -> Self {
        let actors = std::iter::successors(Some(act), |act| act.get("act"));
        Self(actors.map_while(|act| act.get("sub")?.as_str().map(str::to_owned)).collect())
    }

    /// The same after one exchange more, by `actor`.
    #[must_use]
    pub fn and_then(mut self, actor: String) -> Self {
        self.0.insert(0, actor);
        self
    }

    /// Nobody but the subject itself.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Who acts now comes first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl Serialize for Actors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Act(&self.0).serialize(serializer)
    }
}

struct Act<'a>(&'a [String]);

impl Serialize for Act<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some((actor, before)) = self.0.split_first() else { return serializer.serialize_none() };
        let mut act = serializer.serialize_struct("act", 2)?;
        act.serialize_field("sub", actor)?;
        match before {
            [] => act.skip_field("act")?,
            before => act.serialize_field("act", &Act(before))?,
        }
        act.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_stands_inside_the_other_and_is_read_back() {
        let actors = Actors::default().and_then("first".to_owned()).and_then("second".to_owned());
        let claim = json!({"sub": "second", "act": {"sub": "first"}});
        assert_eq!(serde_json::to_value(&actors).unwrap(), claim);
        assert_eq!(Actors::of_claim(&claim), actors);
        assert_eq!((actors.len(), actors.iter().next()), (2, Some("second")));
    }

    #[test]
    fn what_says_nobody_is_nobody() {
        for claim in [json!(null), json!("x"), json!({}), json!({"sub": 1}), json!({"act": {"sub": "x"}})] {
            assert!(Actors::of_claim(&claim).is_empty(), "{claim}");
        }
        assert_eq!(Actors::of_claim(&json!({"sub": "a", "iss": "i", "act": {"iss": "b"}})).len(), 1);
    }
}
