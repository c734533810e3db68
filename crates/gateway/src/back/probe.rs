//! Which eras does an upstream speak? The one question that is safe to ask, and how its answer is read.

use mcp::discover::supported_versions;
use mcp::envelope::{ErrorObject, Message};
use mcp::error_code;

/// What an upstream was found to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eras {
    /// Revisions up to 2025-11-25, opened with `initialize`.
    pub legacy: bool,
    /// 2026-07-28 and later.
    pub modern: bool,
}

impl Eras {
    /// Legacy only.
    pub const LEGACY: Self = Self { legacy: true, modern: false };
    /// Modern only.
    pub const MODERN: Self = Self { legacy: false, modern: true };

    /// Reads the answer to the question: a discovery result, or an error that only a modern server gives, means modern. Anything else means legacy; no
    /// single code is relied upon (protocol.md facts 24 and 25).
    pub fn of_answer(answer: &[u8]) -> Self {
        let Some(json) = json_of(answer) else { return Self::LEGACY };
        let Ok(message) = Message::parse(json) else { return Self::LEGACY };
        if let Some(result) = message.result() {
            let versions = supported_versions(result.as_str()).ok().flatten().unwrap_or_default();
            let modern = versions.iter().any(|version| version.is_modern());
            let legacy = versions.iter().any(|version| !version.is_modern());
            return if modern { Self { legacy, modern } } else { Self::LEGACY };
        }
        match message.error().map(ErrorObject::code) {
            Some(error_code::HEADER_MISMATCH | error_code::UNSUPPORTED_PROTOCOL_VERSION | error_code::MISSING_CLIENT_CAPABILITY) => {
                Self { legacy: true, modern: true }
            }
            _ => Self::LEGACY,
        }
    }
}

/// The answer may come as JSON or as the data of one event.
fn json_of(answer: &[u8]) -> Option<&[u8]> {
    let text = std::str::from_utf8(answer).ok()?;
    let data = text.lines().find_map(|line| line.strip_prefix("data:").map(str::trim).filter(|data| data.starts_with('{')));
    Some(data.unwrap_or(text).as_bytes())
}

/// The question: `server/discover`, and nothing else, because some legacy servers run other methods before `initialize`.
pub(crate) const PROBE: &[u8] = br#"{"jsonrpc":"2.0","id":"claviger-probe","method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"claviger","version":"0.1.0"}}}}"#;

#[cfg(test)]
mod tests {
    use super::{Eras, PROBE};
    use mcp::envelope::Message;

    #[test]
    fn the_question_is_a_valid_modern_request() {
        let message = Message::parse(PROBE).unwrap();
        assert_eq!(message.method(), Some("server/discover"));
        assert_eq!(message.meta().and_then(|meta| meta.protocol_version()), Some("2026-07-28"));
    }

    #[test]
    fn only_what_a_modern_server_says_means_modern() {
        let both = Eras { legacy: true, modern: true };
        for (answer, expected) in [
            (r#"{"jsonrpc":"2.0","id":"x","result":{"supportedVersions":["2026-07-28","2025-11-25"]}}"#, both),
            (r#"{"jsonrpc":"2.0","id":"x","result":{"supportedVersions":["2026-07-28"]}}"#, Eras::MODERN),
            (r#"{"jsonrpc":"2.0","id":"x","result":{"supportedVersions":["2025-11-25"]}}"#, Eras::LEGACY),
            (r#"{"jsonrpc":"2.0","id":"x","result":{"tools":[]}}"#, Eras::LEGACY),
            (r#"{"jsonrpc":"2.0","id":"x","error":{"code":-32022,"message":"no","data":{"supported":[]}}}"#, both),
            (r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Server not initialized"}}"#, Eras::LEGACY),
            (r#"{"jsonrpc":"2.0","id":"x","error":{"code":-32601,"message":"Method not found"}}"#, Eras::LEGACY),
            ("<html>", Eras::LEGACY),
            ("", Eras::LEGACY),
            (
                "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{\"supportedVersions\":[\"2026-07-28\"]}}\n\n",
                Eras::MODERN,
            ),
        ] {
            assert_eq!(Eras::of_answer(answer.as_bytes()), expected, "{answer}");
        }
    }
}
