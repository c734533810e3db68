//! How would a legacy server ask what a modern one asks?

use super::super::question::Question;
use super::super::rewrite::quoted;
use super::super::untranslatable::Untranslatable;
use super::InputRequest;
use super::content::{is_of_type, items, member, text_block};
use crate::depth::is_too_deep;
use crate::envelope::{EnvelopeError, Place};
use crate::members::Change;
use crate::raw::RawJson;
use crate::strict::read_members;
use crate::version::ProtocolVersion;

/// The request that asks a client of `version` under `id`, which is raw JSON.
pub fn question(request: &InputRequest<'_>, id: &str, version: ProtocolVersion) -> Result<Vec<u8>, Untranslatable> {
    let question = Question::of_method(&request.method).ok_or(Untranslatable::Question)?;
    let params = match (question, request.params) {
        (Question::Roots, params) => params.map(|params| params.as_str().to_owned()),
        (_, None) => return Err(Untranslatable::Lacks { place: Place::Question, member: "params" }),
        (Question::Elicitation, Some(params)) => Some(elicitation(params, id, version)?),
        (Question::Sampling, Some(params)) => Some(sampling(params, version)?),
    };
    let params = params.map_or_else(String::new, |params| format!(r#","params":{params}"#));
    let message = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{}"{params}}}"#, request.method).into_bytes();
    if is_too_deep(&message) { Err(EnvelopeError::TooDeep.into()) } else { Ok(message) }
}

fn elicitation(params: RawJson<'_>, id: &str, version: ProtocolVersion) -> Result<String, Untranslatable> {
    let [mode, elicitation_id] = read_members(params.as_str(), Place::Question, &["mode", "elicitationId"])?;
    let knows_modes = version >= ProtocolVersion::V2025_11_25;
    let mut change = Change::of(params);
    match mode.map(RawJson::decode_string) {
        _ if version < ProtocolVersion::V2025_06_18 => return Err(Untranslatable::Question),
        None => {}
        Some(Some(form)) if form == "form" && knows_modes => {}
        Some(Some(form)) if form == "form" => change.remove(mode),
        Some(Some(url)) if url == "url" && knows_modes => {
            let text = RawJson::trusted(id).decode_string().unwrap_or(id.into());
            change.set("elicitationId", elicitation_id, &quoted(&text));
        }
        Some(_) => return Err(Untranslatable::Question),
    }
    Ok(change.apply())
}

fn sampling(params: RawJson<'_>, version: ProtocolVersion) -> Result<String, Untranslatable> {
    let [messages] = read_members(params.as_str(), Place::Question, &["messages"])?;
    let mut change = Change::of(params);
    for message in messages.map(items).unwrap_or_default() {
        let Some(content) = member(message, "content") else { continue };
        let mut of_message = Change::of(message);
        let blocks = if content.is_array() { items(content) } else { vec![content] };
        if content.is_array() && version < ProtocolVersion::V2025_11_25 {
            change.replace(message, &one_by_one(message, content, &blocks));
            continue;
        }
        for block in blocks.into_iter().filter(|block| is_of_type(*block, "tool_result")) {
            let structured = member(block, "structuredContent").filter(|structured| !structured.is_object());
            let mut of_block = Change::of(block);
            of_block.remove(structured);
            of_message.nest(of_block);
        }
        change.nest(of_message);
    }
    Ok(change.apply())
}

/// The same message once for each of its contents.
fn one_by_one<'a>(message: RawJson<'a>, content: RawJson<'a>, blocks: &[RawJson<'a>]) -> String {
    let with = |block: &str| {
        let mut change = Change::of(message);
        change.replace(content, block);
        change.apply()
    };
    let messages: Vec<String> = blocks.iter().map(|block| with(block.as_str())).collect();
    if messages.is_empty() { with(&text_block(r#""""#)) } else { messages.join(",") }
}
