//! A modern server on a pipe as one whose tools can be asked for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use mcp::envelope::Message;
use mcp::method;
use serde_json::Value;

use super::call::Asking;
use super::peer::Peer;
use crate::back::parameters::Toolbox;
use crate::principal::PrincipalKey;

/// One instance, asked for one caller.
pub(super) struct Instance<'a> {
    pub(super) peer: &'a Arc<Peer>,
    pub(super) who: &'a PrincipalKey,
}

impl Toolbox for Instance<'_> {
    fn changes(&self) -> u64 {
        self.peer.tool_changes.load(Ordering::Relaxed)
    }

    async fn page(&self, cursor: Option<&str>) -> Option<Bytes> {
        let request = request(cursor)?;
        let message = Message::parse(request.as_bytes()).ok()?;
        let asking = Asking { caller: self.who, session: None, wants_logs: false, cancels_when_dropped: true };
        self.peer.ask(&message, asking).await.ok()?.response().await.ok()
    }
}

/// A `tools/list` of our own.
pub(super) fn request(cursor: Option<&str>) -> Option<String> {
    let mut params = serde_json::json!({ "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "claviger", "version": env!("CARGO_PKG_VERSION") },
    }});
    if let (Some(cursor), Value::Object(params)) = (cursor, &mut params) {
        params.insert("cursor".to_owned(), cursor.into());
    }
    let request = serde_json::json!({ "jsonrpc": "2.0", "id": "claviger-tools", "method": method::TOOLS_LIST, "params": params });
    serde_json::to_string(&request).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_for_the_list_is_a_valid_modern_one() {
        let request = request(Some("a\"b")).unwrap();
        let message = Message::parse(request.as_bytes()).unwrap();
        assert_eq!(message.meta().and_then(|meta| meta.protocol_version()), Some("2026-07-28"));
    }
}
