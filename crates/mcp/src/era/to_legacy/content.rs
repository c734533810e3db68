//! Which contents of a result can a legacy revision hold?

use serde_json::value::RawValue;

use super::super::rewrite::quoted;
use crate::entries::entries;
use crate::members::Change;
use crate::raw::RawJson;
use crate::version::ProtocolVersion;

/// The result of `tools/call`.
pub(super) fn of_call<'a>(
    change: &mut Change<'a>,
    content: Option<RawJson<'a>>,
    structured: Option<RawJson<'a>>,
    version: ProtocolVersion,
) {
    if let Some(structured) = structured.filter(|structured| !structured.is_object()) {
        change.remove(Some(structured));
        // SEP-2106: the server MUST have said the same as a text. One that did not shall still be understood.
        if content.map(items).is_none_or(|blocks| blocks.is_empty()) {
            change.set("content", content, &format!("[{}]", text_block(&quoted(structured.as_str()))));
        }
    }
    if !has_links(version) {
        content.map(items).unwrap_or_default().into_iter().for_each(|block| write_out_link(change, block));
    }
}

/// The result of `prompts/get`.
pub(super) fn of_prompt<'a>(change: &mut Change<'a>, messages: Option<RawJson<'a>>, version: ProtocolVersion) {
    if !has_links(version) {
        let contents = messages.map(items).unwrap_or_default().into_iter().filter_map(|message| member(message, "content"));
        contents.for_each(|block| write_out_link(change, block));
    }
}

/// The items of an array; none of anything else.
pub(super) fn items(array: RawJson<'_>) -> Vec<RawJson<'_>> {
    let items: Vec<&RawValue> = serde_json::from_str(array.as_str()).unwrap_or_default();
    items.into_iter().map(|item| RawJson::trusted(item.get())).collect()
}

/// A member of a value that may be an object; the last one, as most readers have it.
pub(super) fn member<'a>(object: RawJson<'a>, name: &str) -> Option<RawJson<'a>> {
    entries(object.as_str())?.into_iter().rev().find(|(found, _)| found == name).map(|(_, value)| value)
}

/// Whether a content has this type.
pub(super) fn is_of_type(block: RawJson<'_>, wanted: &str) -> bool {
    member(block, "type").and_then(RawJson::decode_string).as_deref() == Some(wanted)
}

/// A content that is the text `quoted`, which is a JSON string.
pub(super) fn text_block(quoted: &str) -> String {
    format!(r#"{{"type":"text","text":{quoted}}}"#)
}

fn has_links(version: ProtocolVersion) -> bool {
    version >= ProtocolVersion::V2025_06_18
}

fn write_out_link<'a>(change: &mut Change<'a>, block: RawJson<'a>) {
    if let Some(uri) = member(block, "uri").filter(|uri| uri.is_string() && is_of_type(block, "resource_link")) {
        change.replace(block, &text_block(uri.as_str()));
    }
}
