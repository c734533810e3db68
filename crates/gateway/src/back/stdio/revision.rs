//! What does a server of 2024-11-05 speak, for callers who come by Streamable HTTP, which that revision does not have? The next one: it can say all that the older can,
//! and the one thing that it added for callers, batches, the door unpacks.

use bytes::Bytes;
use mcp::envelope::Message;
use mcp::splice::{Edit, range_within, splice};
use mcp::version::ProtocolVersion;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The answer to an `initialize`, as callers can take it.
pub(super) fn lifted(answer: Bytes) -> Bytes {
    match older(&answer) {
        Some(edit) => splice(&answer, &[edit]).into(),
        None => answer,
    }
}

fn older(answer: &[u8]) -> Option<Edit> {
    #[derive(Deserialize)]
    struct Opened<'a> {
        #[serde(borrow, rename = "protocolVersion")]
        version: &'a RawValue,
    }
    let message = Message::parse(answer).ok()?;
    let opened: Opened<'_> = serde_json::from_str(message.result()?.as_str()).ok()?;
    let said: String = serde_json::from_str(opened.version.get()).ok()?;
    let range = range_within(message.raw(), opened.version.get())?;
    (ProtocolVersion::parse(&said) == Some(ProtocolVersion::V2024_11_05))
        .then(|| Edit::new(range, format!("{:?}", ProtocolVersion::V2025_03_26.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_the_oldest_revision_is_one_of_the_next_and_all_else_stays_as_it_is() {
        let answer = |version: &str| {
            let info = r#""serverInfo":{"name":"2024-11-05","protocolVersion":"2024-11-05"}"#;
            Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":"2024-11-05","result":{{{info}, "protocolVersion" : {version}}}}}"#))
        };
        assert_eq!(lifted(answer(r#""2024-11-05""#)), answer(r#""2025-03-26""#));
        for other in [r#""2025-03-26""#, r#""2025-11-25""#, r#""2024-10-07""#, "null", "5"] {
            assert_eq!(lifted(answer(other)), answer(other));
        }
        for none in [r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"2024-11-05"}}"#, "{}", ""] {
            assert_eq!(lifted(Bytes::from(none)), none);
        }
    }
}
