//! How does a legacy server's question become a result, with which a modern client comes back? (2026-07-28, multi round-trip
//! requests)

use serde_json::value::RawValue;

use super::super::question::Question;
use super::super::rewrite::{checked_result, quoted};
use super::super::untranslatable::Untranslatable;
use crate::envelope::{ErrorObject, Place};
use crate::error_code::URL_ELICITATION_REQUIRED;
use crate::members::Change;
use crate::method::ELICITATION_CREATE;
use crate::raw::RawJson;
use crate::strict::read_members;

/// The result that hands a legacy server's question to a modern client. `params` is a JSON object, `state` plain text.
pub fn input_required(key: &str, method: &str, params: Option<&str>, state: &str) -> Result<String, Untranslatable> {
    let question = Question::of_method(method).ok_or(Untranslatable::Question)?;
    let request = match params {
        None if question == Question::Roots => format!(r#"{{"method":"{method}"}}"#),
        None => return Err(Untranslatable::Lacks { place: Place::Question, member: "params" }),
        Some(params) => {
            let object = params.trim_ascii();
            let [elicitation_id, meta] = read_members(object, Place::Question, &["elicitationId", "_meta"])?;
            let mut change = Change::of(RawJson::trusted(object));
            if let Some(meta) = meta.filter(|meta| meta.is_object()) {
                let [token] = read_members(meta.as_str(), Place::Meta, &["progressToken"])?;
                let mut inner = Change::of(meta);
                inner.remove(token);
                change.nest_or_remove(inner);
            }
            if question == Question::Elicitation {
                change.remove(elicitation_id);
            }
            format!(r#"{{"method":"{method}","params":{}}}"#, change.apply())
        }
    };
    checked_result(asking(&format!("{}:{request}", quoted(key)), state))
}

/// As [`input_required`], for the error that says which URLs are to be visited first (2025-11-25, -32042). None for other
/// errors, and for one that does not say it as it must.
pub fn input_of_error(error: &ErrorObject<'_>, state: &str) -> Option<String> {
    if error.code() != URL_ELICITATION_REQUIRED {
        return None;
    }
    let [elicitations] = read_members(error.data()?.as_str(), Place::Error, &["elicitations"]).ok()?;
    let wanted: Vec<&RawValue> = serde_json::from_str(elicitations?.as_str()).ok()?;
    let mut requests = Vec::with_capacity(wanted.len());
    for (index, params) in wanted.into_iter().enumerate() {
        let [elicitation_id, mode, url, message] =
            read_members(params.get(), Place::Question, &["elicitationId", "mode", "url", "message"]).ok()?;
        let is_url = mode.and_then(RawJson::decode_string).as_deref() == Some("url");
        if !is_url || !url?.is_string() || !message?.is_string() {
            return None;
        }
        let mut change = Change::of(RawJson::trusted(params.get()));
        change.remove(elicitation_id);
        requests.push(format!(r#""url-{}":{{"method":"{ELICITATION_CREATE}","params":{}}}"#, index + 1, change.apply()));
    }
    if requests.is_empty() { None } else { checked_result(asking(&requests.join(","), state)).ok() }
}

fn asking(requests: &str, state: &str) -> String {
    format!(r#"{{"resultType":"input_required","inputRequests":{{{requests}}},"requestState":{}}}"#, quoted(state))
}
