//! What else does this token say, beyond the claims that we always read?

use std::fmt;

use serde_json::{Map, Value};

use crate::claims::is_nameable;
use crate::refusal::{Part, Refusal};
use crate::unverified::Unverified;

/// All claims of one token, as JSON. A token is at most 16 KiB, and so is this.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Payload(Value);

impl Payload {
    /// Reads the claims once more. That no member stands twice was seen when the token was parsed.
    pub(crate) fn of(unverified: &Unverified<'_>) -> Result<Self, Refusal> {
        let claims: Map<String, Value> =
            serde_json::from_slice(&unverified.compact.claims()?).map_err(|_| Refusal::Malformed(Part::Claims))?;
        Ok(Self(Value::Object(claims)))
    }

    /// The members of a JSON object from elsewhere; none may stand in it twice.
    pub(crate) fn of_json(json: &[u8]) -> Option<Self> {
        crate::json::read_members(json, Part::Claims, |_, _| Ok::<_, Refusal>(())).ok()?;
        let claims: Map<String, Value> = serde_json::from_slice(json).ok()?;
        Some(Self(Value::Object(claims)))
    }

    /// With the members of another that are not here.
    pub(crate) fn completed(self, further: Self) -> Self {
        match (self.0, further.0) {
            (Value::Object(own), Value::Object(mut all)) => {
                all.extend(own);
                Self(Value::Object(all))
            }
            (own, _) => Self(own),
        }
    }

    /// A claim that is there and is not `null`. A name that begins with a slash leads to a member of a member (RFC 6901), as in `/realm_access/roles`.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        let found = if name.starts_with('/') { self.0.pointer(name) } else { self.0.get(name) };
        found.filter(|value| !value.is_null())
    }

    /// A claim that is a plain text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.member(name).and_then(plain)
    }

    /// A claim that is a list of plain texts, or one of them.
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<String>> {
        match self.member(name)? {
            Value::Array(list) => list.iter().map(plain).collect(),
            one => plain(one).map(|text| vec![text]),
        }
    }

    /// A claim that says yes. Some providers write it as a text.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.member(name).is_some_and(|value| *value == Value::Bool(true) || *value == "true")
    }

    /// A claim that is a time, in unix seconds.
    pub(crate) fn time(&self, name: &str) -> Option<u64> {
        self.member(name).and_then(Value::as_u64)
    }
}

/// Personal data is not shown.
impl fmt::Debug for Payload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Payload").finish_non_exhaustive()
    }
}

fn plain(value: &Value) -> Option<String> {
    value.as_str().filter(|text| is_nameable(text)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn payload() -> Payload {
        Payload(json!({
            "groups": ["a", "b"], "role": "admin", "mixed": ["a", 1], "odd": ["a", ""], "none": null, "empty": [],
            "realm_access": {"roles": ["r"]}, "https://h/roles": ["u"], "yes": true, "said": "true", "no": "TRUE", "when": 7, "then": "7",
        }))
    }

    #[test]
    fn a_list_of_texts_is_read_whole_or_not_at_all() {
        for (name, expected) in [
            ("groups", Some(vec!["a", "b"])),
            ("role", Some(vec!["admin"])),
            ("https://h/roles", Some(vec!["u"])),
            ("/realm_access/roles", Some(vec!["r"])),
            ("/realm_access/roles/0", Some(vec!["r"])),
            ("empty", Some(vec![])),
            ("mixed", None),
            ("odd", None),
            ("none", None),
            ("realm_access", None),
            ("absent", None),
            ("/absent/roles", None),
            ("/", None),
            ("", None),
        ] {
            let expected = expected.map(|texts| texts.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(payload().texts(name), expected, "{name}");
        }
    }

    #[test]
    fn texts_times_and_answers_are_what_they_must_be() {
        let payload = payload();
        assert_eq!((payload.text("role"), payload.text("when"), payload.text("groups")), (Some("admin".to_owned()), None, None));
        assert_eq!((payload.time("when"), payload.time("then")), (Some(7), None));
        assert_eq!(["yes", "said", "no", "when", "absent"].map(|name| payload.is_true(name)), [true, true, false, false, false]);
        assert!(!format!("{payload:?}").contains("admin"));
    }
}
