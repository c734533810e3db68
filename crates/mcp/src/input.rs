//! What was answered to a question of the door's own, among those of the server behind it? (2026-07-28, multi round-trip requests)

use std::borrow::Cow;

use serde::Deserialize;

use crate::entries::entries;
use crate::raw::RawJson;

/// The answer to one question, and what is left of the `inputResponses` without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// `accept`, `decline` or `cancel`; `None`: something else.
    pub action: Option<String>,
    /// The other answers, each as it was written.
    pub rest: String,
}

/// Takes the answer under `key` out of an `inputResponses` object. `None`: there is none, or this is no such object.
pub fn take_answer(input_responses: RawJson<'_>, key: &str) -> Option<Answered> {
    let members = entries(input_responses.as_str())?;
    let (_, answer) = members.iter().find(|(name, _)| name == key)?;
    let action = serde_json::from_str::<Answer<'_>>(answer.as_str()).ok().map(|answer| answer.action.into_owned());
    let mut rest = String::with_capacity(input_responses.as_str().len());
    for (name, value) in members.iter().filter(|(name, _)| name != key) {
        rest.push(if rest.is_empty() { '{' } else { ',' });
        rest.push_str(&serde_json::Value::from(name.as_ref()).to_string());
        rest.push(':');
        rest.push_str(value.as_str());
    }
    rest.push_str(if rest.is_empty() { "{}" } else { "}" });
    Some(Answered { action, rest })
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    action: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(text: &str) -> Option<Answered> {
        take_answer(RawJson::trusted(text), "door")
    }

    fn answered(action: Option<&str>, rest: &str) -> Answered {
        Answered { action: action.map(str::to_owned), rest: rest.to_owned() }
    }

    #[test]
    fn our_answer_is_taken_out_and_the_others_stay_as_they_were() {
        assert_eq!(take(r#"{"door":{"action":"accept"}}"#), Some(answered(Some("accept"), "{}")));
        assert_eq!(
            take(r#"{ "a\"b" : {"x": 1.50} , "door": {"action":"decline","content":null}, "c":[ ] }"#),
            Some(answered(Some("decline"), r#"{"a\"b":{"x": 1.50},"c":[ ]}"#))
        );
        assert_eq!(take(r#"{"door":7,"c":1}"#), Some(answered(None, r#"{"c":1}"#)));
    }

    #[test]
    fn where_there_is_no_answer_of_ours_nothing_is_taken() {
        for text in ["{}", r#"{"other":{"action":"accept"}}"#, "[]", "7", "null"] {
            assert_eq!(take(text), None, "{text}");
        }
    }
}
