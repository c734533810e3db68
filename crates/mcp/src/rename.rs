//! How does what a message names get another name on its way through the door, and nothing else of the message change?
//!
//! Where several servers are one, their tools, prompts and resources are told apart by their names; where a task is
//! somebody's, its id says so.

use serde_json::value::RawValue;

use crate::envelope::{EnvelopeError, Message, Meta, Place};
use crate::method;
use crate::raw::RawJson;
use crate::splice::{Edit, range_within};
use crate::strict::read_members;

/// The edit of [`Message::raw`] that gives what a request acts on another name: its tool, prompt, resource or task, or
/// what it has completed. None when it acts on nothing.
pub fn target(message: &Message<'_>, name: &str) -> Option<Edit> {
    let params = message.params()?;
    let named = match message.method()? {
        method::PROMPTS_GET | method::TOOLS_CALL => params.name_raw(),
        method::RESOURCES_READ => params.uri_raw(),
        method::TASKS_CANCEL | method::TASKS_GET | method::TASKS_UPDATE => params.task_id_raw(),
        method::COMPLETION_COMPLETE => {
            let reference = params.reference()?;
            if reference.kind() == Some("ref/prompt") { reference.name_raw() } else { reference.uri_raw() }
        }
        _ => None,
    };
    message.replace(named?, quoted(name))
}

/// The edits of `result_raw` that give every resource in it another URI: those that were read, and those that a tool, a
/// prompt or a finished task speaks of.
pub fn resources(result_raw: &str, rename: &dyn Fn(&str) -> String) -> Result<Vec<Edit>, EnvelopeError> {
    let mut edits = Vec::new();
    resources_of_result(result_raw, result_raw, rename, &mut edits)?;
    Ok(edits)
}

fn resources_of_result(whole: &str, result: &str, rename: &dyn Fn(&str) -> String, edits: &mut Vec<Edit>) -> Result<(), EnvelopeError> {
    let [content, contents, messages, finished] = read_members(result, Place::Result, &["content", "contents", "messages", "result"])?;
    for block in elements(content) {
        resources_of_block(whole, block, rename, edits)?;
    }
    for read in elements(contents) {
        let [uri] = read_members(read.as_str(), Place::Item, &["uri"])?;
        edits.extend(renamed(whole, uri, rename));
    }
    for message in elements(messages) {
        let [content] = read_members(message.as_str(), Place::Item, &["content"])?;
        match content {
            Some(block) if block.is_object() => resources_of_block(whole, block, rename, edits)?,
            blocks => {
                for block in elements(blocks) {
                    resources_of_block(whole, block, rename, edits)?;
                }
            }
        }
    }
    // What a finished task came to stands in the answer to `tasks/get`, and does not hold another one.
    match finished.filter(|finished| finished.is_object() && whole.len() == result.len()) {
        Some(finished) => resources_of_result(whole, finished.as_str(), rename, edits),
        None => Ok(()),
    }
}

fn resources_of_block(
    whole: &str,
    block: RawJson<'_>,
    rename: &dyn Fn(&str) -> String,
    edits: &mut Vec<Edit>,
) -> Result<(), EnvelopeError> {
    let [kind, uri, resource] = read_members(block.as_str(), Place::Item, &["type", "uri", "resource"])?;
    match kind.and_then(RawJson::decode_string).as_deref() {
        Some("resource_link") => edits.extend(renamed(whole, uri, rename)),
        Some("resource") => {
            if let Some(resource) = resource.filter(|resource| resource.is_object()) {
                let [uri] = read_members(resource.as_str(), Place::Item, &["uri"])?;
                edits.extend(renamed(whole, uri, rename));
            }
        }
        _ => {}
    }
    Ok(())
}

/// The edits of `result_raw` that give the task in it another id: one that was made, or one that was asked about.
pub fn task(result_raw: &str, is_about_task: bool, rename: &dyn Fn(&str) -> Option<String>) -> Result<Option<Vec<Edit>>, EnvelopeError> {
    let [kind, id, meta] = read_members(result_raw, Place::Result, &["resultType", "taskId", "_meta"])?;
    if !is_about_task && kind.and_then(RawJson::decode_string).as_deref() != Some("task") {
        return Ok(Some(Vec::new()));
    }
    task_in(result_raw, id, meta, rename)
}

/// The edits of [`Message::raw`] that give the tasks of a notification another id. None inside: one of them has no name.
pub fn task_of_notification(message: &Message<'_>, rename: &dyn Fn(&str) -> Option<String>) -> Result<Option<Vec<Edit>>, EnvelopeError> {
    let Some(params) = message.params() else { return Ok(Some(Vec::new())) };
    match message.method() {
        Some(method::NOTIFICATIONS_TASKS | method::NOTIFICATIONS_TASKS_STATUS) => {
            task_in(message.raw(), params.task_id_raw(), params.meta().map(Meta::raw), rename)
        }
        Some(method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED) => Ok(Some(watched_tasks(message, rename)?)),
        _ => Ok(Some(Vec::new())),
    }
}

/// The edits of [`Message::raw`] that give the tasks that a `subscriptions/listen`, or its acknowledgement, speaks of
/// other ids. Those without one are left out.
pub fn watched_tasks(message: &Message<'_>, rename: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Edit>, EnvelopeError> {
    let Some(params) = message.params() else { return Ok(Vec::new()) };
    let [notifications] = read_members(params.raw().as_str(), Place::Params, &["notifications"])?;
    let Some(notifications) = notifications.filter(|notifications| notifications.is_object()) else { return Ok(Vec::new()) };
    let [ids] = read_members(notifications.as_str(), Place::Notifications, &["taskIds"])?;
    let Some(ids) = ids else { return Ok(Vec::new()) };
    let named: Vec<String> = elements(Some(ids)).filter_map(|id| rename(&id.decode_string()?)).map(|id| quoted(&id)).collect();
    Ok(message.replace(ids, format!("[{}]", named.join(","))).into_iter().collect())
}

fn task_in(
    whole: &str,
    id: Option<RawJson<'_>>,
    meta: Option<RawJson<'_>>,
    rename: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Vec<Edit>>, EnvelopeError> {
    let mut named = vec![id];
    if let Some(meta) = meta.filter(|meta| meta.is_object()) {
        let [related] = read_members(meta.as_str(), Place::Meta, &["io.modelcontextprotocol/related-task"])?;
        if let Some(related) = related.filter(|related| related.is_object()) {
            let [id] = read_members(related.as_str(), Place::Item, &["taskId"])?;
            named.push(id);
        }
    }
    let mut edits = Vec::new();
    for id in named.into_iter().flatten() {
        let Some(name) = id.decode_string().and_then(|id| rename(&id)) else { return Ok(None) };
        edits.extend(range_within(whole, id.as_str()).map(|range| Edit::new(range, quoted(&name))));
    }
    Ok(Some(edits))
}

fn renamed(whole: &str, uri: Option<RawJson<'_>>, rename: &dyn Fn(&str) -> String) -> Option<Edit> {
    let uri = uri?;
    let name = rename(&uri.decode_string()?);
    range_within(whole, uri.as_str()).map(|range| Edit::new(range, quoted(&name)))
}

/// The elements of an array; none of anything else.
fn elements<'a>(array: Option<RawJson<'a>>) -> impl Iterator<Item = RawJson<'a>> {
    let read = array.filter(|array| array.is_array()).and_then(|array| serde_json::from_str::<Vec<&'a RawValue>>(array.as_str()).ok());
    read.unwrap_or_default().into_iter().map(|element| RawJson::trusted(element.get()))
}

/// `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
