//! What does this client know of a server's tools? Which arguments each wants in headers too, as its schema says.

use std::collections::BTreeMap;

use ::http::{HeaderName, HeaderValue};
use mcp::param_header::{InvalidParamHeader, ParamHeaders};
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// Every tool that was listed.
#[derive(Debug, Default)]
pub(crate) struct KnownTools(BTreeMap<String, ParamHeaders>);

#[derive(Deserialize)]
struct Page {
    tools: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    #[serde(rename = "inputSchema", default)]
    input_schema: Json,
}

impl KnownTools {
    /// Remembers the tools of a `tools/list` result, and gives those that must not be used (SEP-2243), with the reason.
    pub(crate) fn learn(&mut self, result: &str) -> BTreeMap<String, InvalidParamHeader> {
        let mut unusable = BTreeMap::new();
        let Ok(page) = serde_json::from_str::<Page>(result) else { return unusable };
        for tool in page.tools.iter().filter_map(|tool| serde_json::from_str::<Tool>(tool.get()).ok()) {
            match ParamHeaders::of_schema(&tool.input_schema) {
                Ok(mirrored) => {
                    if self.0.len() < MOST || self.0.contains_key(&tool.name) {
                        self.0.insert(tool.name, mirrored);
                    }
                }
                Err(reason) => {
                    unusable.insert(tool.name, reason);
                }
            }
        }
        unusable
    }

    /// Whether the tool was listed.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The headers for a call of this tool; `None`: it was not listed.
    pub(crate) fn headers(&self, name: &str, arguments: &Json) -> Option<Vec<(HeaderName, HeaderValue)>> {
        self.0.get(name).map(|mirrored| mirrored.headers(arguments).collect())
    }
}

/// How many tools of one server are remembered.
const MOST: usize = 10_000;
