//! What does a modern server want to be told before it goes on, and how is it told? (2026-07-28, multi round-trip requests)

use std::borrow::Cow;

use super::super::rewrite::quoted;
use super::super::untranslatable::Untranslatable;
use crate::entries::entries;
use crate::envelope::{EnvelopeError, Place};
use crate::raw::RawJson;
use crate::strict::read_members;

/// What a modern server wants to be told before it goes on.
#[derive(Clone, Debug)]
pub struct InputRequired<'a> {
    /// Its questions, in their order. None: it only wants to be asked again.
    pub requests: Vec<InputRequest<'a>>,
    /// `requestState` as written, a JSON string.
    pub state: Option<RawJson<'a>>,
}

/// One question of a modern server.
#[derive(Clone, Debug)]
pub struct InputRequest<'a> {
    /// Under which the answer is given.
    pub key: Cow<'a, str>,
    /// `elicitation/create`, or what else it wants. See [`question`](fn@super::question).
    pub method: Cow<'a, str>,
    /// An object.
    pub params: Option<RawJson<'a>>,
}

impl<'a> InputRequired<'a> {
    /// Reads a result. None: it is a complete one, or of a kind that we do not know.
    pub fn read(result: RawJson<'a>) -> Result<Option<Self>, Untranslatable> {
        let names = &["resultType", "inputRequests", "requestState"];
        let [result_type, requests, state] = read_members(result.as_str(), Place::Result, names)?;
        if result_type.and_then(RawJson::decode_string).as_deref() != Some("input_required") {
            return Ok(None);
        }
        if requests.is_none() && state.is_none() {
            return Err(lacks(Place::Result, "inputRequests"));
        }
        if state.is_some_and(|state| !state.is_string()) {
            return Err(lacks(Place::Result, "requestState"));
        }
        let requests = requests.map(read_requests).transpose()?.unwrap_or_default();
        Ok(Some(Self { requests, state }))
    }
}

impl<'a> InputRequest<'a> {
    fn read(key: Cow<'a, str>, request: RawJson<'a>) -> Result<Self, Untranslatable> {
        let [method, params] = read_members(request.as_str(), Place::Question, &["method", "params"])?;
        let method = method.and_then(RawJson::decode_string).ok_or(lacks(Place::Question, "method"))?;
        match params {
            Some(params) if !params.is_object() => Err(lacks(Place::Question, "params")),
            params => Ok(Self { key, method, params }),
        }
    }
}

/// The `inputResponses` of answers: of the key of each question, and the result, which is raw JSON. A key counts once.
pub fn input_responses(answers: &[(&str, &str)]) -> String {
    let mut written = String::from("{");
    for (index, (key, result)) in answers.iter().enumerate() {
        if answers.iter().take(index).any(|(earlier, _)| earlier == key) {
            continue;
        }
        let comma = if index == 0 { "" } else { "," };
        for part in [comma, &quoted(key), ":", result] {
            written.push_str(part);
        }
    }
    written.push('}');
    written
}

fn read_requests(requests: RawJson<'_>) -> Result<Vec<InputRequest<'_>>, Untranslatable> {
    let members = entries(requests.as_str()).ok_or(lacks(Place::Result, "inputRequests"))?;
    if members.len() > MAX_QUESTIONS {
        return Err(EnvelopeError::TooManyMembers(Place::Question).into());
    }
    let mut read: Vec<InputRequest<'_>> = Vec::with_capacity(members.len());
    for (key, request) in members {
        if read.iter().any(|earlier| earlier.key == key) {
            return Err(EnvelopeError::duplicate(Place::Question, &key).into());
        }
        read.push(InputRequest::read(key, request)?);
    }
    Ok(read)
}

fn lacks(place: Place, member: &'static str) -> Untranslatable {
    Untranslatable::Lacks { place, member }
}

/// How much a server may ask at once.
const MAX_QUESTIONS: usize = 64;
