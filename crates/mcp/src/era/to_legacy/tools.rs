//! Which tools, and how much of each, can a legacy client be shown?

use serde_json::Value as Json;

use super::content::member;
use crate::entries::entries;
use crate::envelope::Place;
use crate::list::{ListError, retain};
use crate::members::Change;
use crate::param_header::ParamHeaders;
use crate::raw::RawJson;
use crate::strict::read_members;

/// Takes out of `tools`, a member of `result`, what a legacy client must not or cannot be shown.
pub(super) fn restrict<'a>(change: &mut Change<'a>, result: RawJson<'a>, tools: RawJson<'a>) -> Result<(), ListError> {
    let edits = retain(result.as_str(), tools, |_, tool| {
        let [input, output] = read_members(tool.as_str(), Place::Item, &["inputSchema", "outputSchema"])?;
        if input.is_some_and(|schema| !may_be_called(schema)) {
            return Ok(false);
        }
        let mut of_tool = Change::of(tool);
        if let Some(input) = input {
            spell_out(&mut of_tool, input);
        }
        match output {
            Some(output) if is_of_an_object(output) => spell_out(&mut of_tool, output),
            output => of_tool.remove(output),
        }
        change.nest(of_tool);
        Ok(true)
    })?;
    change.edit_within(result, edits);
    Ok(())
}

/// Whether the annotations of the schema are valid, so that a call can carry the headers they ask for.
fn may_be_called(schema: RawJson<'_>) -> bool {
    let text = schema.as_str();
    // The keyword can be written with escapes too. Most schemas have neither, and need not be read.
    if !text.contains("x-mcp-header") && !text.contains("\\u") {
        return true;
    }
    serde_json::from_str::<Json>(text).is_ok_and(|schema| ParamHeaders::of_schema(&schema).is_ok())
}

fn is_of_an_object(schema: RawJson<'_>) -> bool {
    member(schema, "type").and_then(RawJson::decode_string).as_deref() == Some("object")
        && member(schema, "properties").is_none_or(RawJson::is_object)
}

/// Writes the schemas `true` and `false` among the properties as objects.
fn spell_out<'a>(change: &mut Change<'a>, schema: RawJson<'a>) {
    let properties = member(schema, "properties").and_then(|properties| entries(properties.as_str()));
    for (_, property) in properties.unwrap_or_default() {
        match property.as_str() {
            "true" => change.replace(property, "{}"),
            "false" => change.replace(property, r#"{"not":{}}"#),
            _ => {}
        }
    }
}
