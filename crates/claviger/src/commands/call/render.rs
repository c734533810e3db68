//! What does a person, or a program, read of a result? Text as it is, rows and columns, or JSON as the server sent it.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::arguments::Tool;
use super::table::{table, written};
use crate::cli::Output;
use crate::voice::plain;

/// What a tool gave.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CallResult {
    content: Vec<Block>,
    #[serde(rename = "structuredContent")]
    structured: Option<Box<RawValue>>,
    #[serde(rename = "isError")]
    pub(super) is_error: bool,
    #[serde(rename = "resultType")]
    pub(super) result_type: Option<String>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    data: Option<String>,
    uri: Option<String>,
    #[serde(rename = "mimeType")]
    mime_type: Option<String>,
    resource: Option<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    uri: String,
    text: Option<String>,
}

impl CallResult {
    /// `raw`: the same as the server sent it.
    pub(super) fn printed(&self, raw: &RawValue, output: Output) -> String {
        let is_empty = self.content.is_empty() && self.structured.is_none();
        match output {
            Output::Json => format!("{}\n", raw.get()),
            _ if is_empty => format!("{}\n", raw.get()),
            Output::Table => self.table().unwrap_or_else(|| self.text()),
            Output::Text => self.text(),
        }
    }

    /// Of what is structured, and of text that is JSON.
    fn table(&self) -> Option<String> {
        let text = || match self.content.as_slice() {
            [only] => only.text.as_deref(),
            _ => None,
        };
        let json = self.structured.as_deref().map(RawValue::get).or_else(text)?;
        table(&serde_json::from_str::<Json>(json).ok()?)
    }

    fn text(&self) -> String {
        match &self.structured {
            Some(structured) if self.content.is_empty() => format!("{}\n", structured.get()),
            _ => self.content.iter().map(Block::text).collect(),
        }
    }
}

impl Block {
    /// Text as it is; of everything else what it is.
    fn text(&self) -> String {
        let embedded = self.resource.as_ref().and_then(|resource| resource.text.as_deref());
        if let Some(text) = self.text.as_deref().or(embedded) {
            let text = plain(text);
            return if text.ends_with('\n') { text } else { format!("{text}\n") };
        }
        let mut line = format!("[{}", plain(&self.kind));
        let uri = self.uri.as_deref().or(self.resource.as_ref().map(|resource| resource.uri.as_str()));
        for word in [self.mime_type.as_deref(), uri].into_iter().flatten() {
            let _ = write!(line, " {}", plain(word));
        }
        if let Some(data) = &self.data {
            let _ = write!(line, ", {} characters of base64; `--output json` shows them", data.len());
        }
        format!("{line}]\n")
    }
}

/// The tools of a server.
pub(super) fn listed(tools: &[Box<RawValue>], output: Output) -> String {
    match output {
        Output::Json => {
            let tools: Vec<&str> = tools.iter().map(|tool| tool.get()).collect();
            format!("[{}]\n", tools.join(","))
        }
        Output::Table => {
            let head = ["TOOL", "ARGUMENTS", "WHAT IT DOES"].map(str::to_owned).to_vec();
            let readable = tools.iter().filter_map(|tool| serde_json::from_str::<Tool>(tool.get()).ok());
            let rows = readable.map(|tool| vec![plain(&tool.name), tool.usage(), about(&tool)]);
            written(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
        }
        Output::Text => tools.iter().map(|tool| line(tool)).collect(),
    }
}

fn line(tool: &RawValue) -> String {
    let Ok(tool) = serde_json::from_str::<Tool>(tool.get()) else { return "(a tool without a name)\n".to_owned() };
    let line = format!("{:<24} {}", plain(&tool.name), about(&tool));
    format!("{}\n", line.trim_end())
}

fn about(tool: &Tool) -> String {
    let about = tool.description.as_deref().or(tool.title.as_deref()).unwrap_or_default();
    plain(about.trim().lines().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(json: &str, output: Output) -> String {
        let raw = RawValue::from_string(json.to_owned()).unwrap();
        serde_json::from_str::<CallResult>(json).unwrap().printed(&raw, output)
    }

    #[test]
    fn content_is_printed_as_what_it_is_and_cannot_drive_the_terminal() {
        let json = r#"{"content": [
            {"type": "text", "text": "one\u001b[2J"},
            {"type": "image", "mimeType": "image/png", "data": "AAAA"},
            {"type": "resource", "resource": {"uri": "file:///a", "text": "inside\n"}},
            {"type": "resource_link", "uri": "file:///b", "name": "b"}]}"#;
        assert_eq!(
            printed(json, Output::Text),
            "one\\u{1b}[2J\n[image image/png, 4 characters of base64; `--output json` shows them]\ninside\n[resource_link file:///b]\n"
        );
        assert_eq!(printed(json, Output::Table), printed(json, Output::Text));
        assert_eq!(printed(json, Output::Json), format!("{json}\n"));
    }

    #[test]
    fn what_is_structured_or_json_is_a_table() {
        let structured = r#"{"content":[{"type":"text","text":"three"}],"structuredContent":{"rows":[{"a":1},{"a":2}]}}"#;
        assert_eq!(printed(structured, Output::Table), "A\n1\n2\n");
        assert_eq!(printed(structured, Output::Text), "three\n");
        assert_eq!(printed(r#"{"content":[{"type":"text","text":"{\"a\":1}"}]}"#, Output::Table), "a  1\n");
        assert_eq!(printed(r#"{"structuredContent":7}"#, Output::Table), "7\n");
        assert_eq!(printed("{}", Output::Text), "{}\n");
    }

    #[test]
    fn a_tool_is_one_line_or_one_row() {
        let json = r#"{"name": "read", "description": "Reads a file.\nLong story.", "inputSchema": {"properties": {"path": {}}, "required": ["path"]}}"#;
        let tools = [RawValue::from_string(json.to_owned()).unwrap()];
        assert_eq!(listed(&tools, Output::Text), "read                     Reads a file.\n");
        assert_eq!(listed(&tools, Output::Table), "TOOL  ARGUMENTS  WHAT IT DOES\nread  path       Reads a file.\n");
    }
}
