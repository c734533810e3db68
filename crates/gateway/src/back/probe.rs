//! Which eras does an upstream speak? The one question that is safe to ask, and how its answer is read.

use mcp::envelope::Message;
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

    /// Reads the answer to [`PROBE`]: a discovery result, or an error that only a modern server gives, means modern. Anything else means legacy; no
    /// single code is relied upon (protocol.md facts 24 and 25).
    pub fn of_answer(answer: &[u8]) -> Self {
        let Some(json) = json_of(answer) else { return Self::LEGACY };
        let Ok(message) = Message::parse(json) else { return Self::LEGACY };
        if let Some(result) = message.result() {
            let Some(versions) = supported_versions(result) else { return Self::LEGACY };
            let modern = versions.iter().any(|version| version.as_str() >= MODERN_SINCE);
            let legacy = versions.iter().any(|version| version.as_str() < MODERN_SINCE);
            return if modern { Self { legacy, modern } } else { Self::LEGACY };
        }
        match message.error_code() {
            Some(error_code::HEADER_MISMATCH | error_code::UNSUPPORTED_VERSION | error_code::MISSING_CAPABILITY) => Self { legacy: true, modern: true },
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

fn supported_versions(result: &str) -> Option<Vec<String>> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Discovery {
        supported_versions: Vec<String>,
    }
    serde_json::from_str::<Discovery>(result).ok().map(|discovery| discovery.supported_versions)
}

/// The question: `server/discover`, and nothing else, because some legacy servers run other methods before `initialize`.
pub(crate) const PROBE: &[u8] = br#"{"jsonrpc":"2.0","id":"claviger-probe","method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"claviger","version":"0.1.0"}}}}"#;

const MODERN_SINCE: &str = "2026-07-28";
