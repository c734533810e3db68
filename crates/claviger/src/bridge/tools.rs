//! Which tools does the host see? Those of the server, without the ones that the person hides and those that nobody could call.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use mcp::envelope::Message;
use mcp::list::{self, ListKind};
use mcp::splice::splice;
use policy::Pattern;
use serde_json::Value as Json;

use crate::client::KnownTools;
use crate::voice::{self, plain};

/// What is known of the tools, and which are hidden.
#[derive(Default)]
pub(crate) struct Shelf {
    hidden: Vec<Pattern>,
    known: Mutex<KnownTools>,
}

impl Shelf {
    /// Hides the tools whose names match one of these patterns.
    pub(crate) fn hiding(patterns: &[String]) -> Self {
        Self { hidden: patterns.iter().map(|pattern| Pattern::new(pattern)).collect(), known: Mutex::default() }
    }

    /// Whether the host is not to use it.
    pub(super) fn hides(&self, tool: &str) -> bool {
        self.hidden.iter().any(|pattern| pattern.matches(tool))
    }

    /// The headers that repeat arguments, as far as the tool was listed.
    pub(super) fn headers(&self, tool: &str, arguments: &Json) -> Vec<(HeaderName, HeaderValue)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).headers(tool, arguments).unwrap_or_default()
    }

    /// An answer to `tools/list` as the host is to see it; anything else as it is. `is_modern`: arguments travel in headers too.
    pub(super) fn shown(&self, answer: Bytes, is_modern: bool) -> Bytes {
        let edited = self.edited(&answer, is_modern);
        edited.map_or(answer, Bytes::from)
    }

    fn edited(&self, answer: &Bytes, is_modern: bool) -> Option<Vec<u8>> {
        let message = Message::parse(answer).ok()?;
        let result = message.result()?;
        let unusable =
            if is_modern { self.known.lock().unwrap_or_else(PoisonError::into_inner).learn(result.as_str()) } else { BTreeMap::default() };
        if unusable.is_empty() && self.hidden.is_empty() {
            return None;
        }
        for (name, reason) in &unusable {
            voice::warn(&format!("the tool `{}` is left out: {}", plain(name), plain(&reason.to_string())));
        }
        let keep = |name: &str| !unusable.contains_key(name) && !self.hides(name);
        let edits = list::filter(result.as_str(), ListKind::Tools, keep).ok()?;
        let offset = message.range_of(result)?.start;
        let edits: Vec<_> = edits.into_iter().map(|edit| edit.shifted(offset)).collect();
        Some(splice(answer, &edits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[u8] = br#"{"jsonrpc":"2.0","id":1,"result":{"later":true,"tools":[{"name":"a","inputSchema":{}},{"name":"delete_b","inputSchema":{}},{"name":"c","inputSchema":{"x-mcp-header":"no"}}]}}"#;

    #[test]
    fn hidden_and_unusable_tools_go_and_everything_else_stays() {
        let shelf = Shelf::hiding(&["delete_*".to_owned()]);
        let shown = shelf.shown(Bytes::from_static(LIST), true);
        assert_eq!(&shown[..], br#"{"jsonrpc":"2.0","id":1,"result":{"later":true,"tools":[{"name":"a","inputSchema":{}}]}}"#);
        // A legacy server wants no headers, so no schema is wrong.
        let shown = String::from_utf8(shelf.shown(Bytes::from_static(LIST), false).to_vec()).unwrap();
        assert!(shown.contains("\"c\"") && !shown.contains("delete_b"), "{shown}");
        assert!(shelf.hides("delete_everything") && !shelf.hides("read"));
    }

    #[test]
    fn without_anything_to_hide_nothing_is_touched() {
        let answer = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}"#);
        assert_eq!(Shelf::default().shown(answer.clone(), true), answer);
    }
}
