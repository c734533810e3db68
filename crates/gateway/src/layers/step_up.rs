//! What does a tool say that was not called for want of scopes? The challenge in words, for clients that show the body of a 403 and do not read its header.

use mcp::envelope::{Kind, Message};
use mcp::method;
use mcp::raw::RawJson;
use oauth::scope::ScopeSet;
use serde_json::json;

/// The failed result of the tool that `message` calls; `None`: it calls none, or wants no answer.
///
/// What a program may read stands under `_meta`: a tool with an output schema promises what its `structuredContent` looks like, and clients hold it to that.
pub(crate) fn failed_result(message: &Message<'_>, needed: &ScopeSet, metadata_url: &str, is_modern: bool) -> Option<Vec<u8>> {
    if message.kind() != Kind::Request || message.method() != Some(method::TOOLS_CALL) {
        return None;
    }
    let words = format!(
        "This tool was not called: it needs the scopes `{needed}`, and the access token does not grant all of them. \
         Sign in again with these scopes, then call it once more."
    );
    let challenge = json!({"error": "insufficient_scope", "scope": needed.to_string(), "resource_metadata": metadata_url});
    let mut result = json!({"content": [{"type": "text", "text": words}], "isError": true, "_meta": {KEY: challenge}});
    if let Some(object) = result.as_object_mut().filter(|_| is_modern) {
        object.insert("resultType".to_owned(), "complete".into());
    }
    Some(format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, message.id().map_or("null", RawJson::as_str)).into_bytes())
}

/// Under this name a program finds the challenge.
const KEY: &str = "claviger/insufficient_scope";

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn answer(message: &str, is_modern: bool) -> Option<Value> {
        let needed = ScopeSet::parse("files:read files:write").unwrap();
        let body = failed_result(&Message::parse(message.as_bytes()).unwrap(), &needed, "https://door/meta", is_modern)?;
        assert!(Message::parse(&body).is_ok(), "it reads back strictly");
        serde_json::from_slice(&body).ok()
    }

    #[test]
    fn people_and_programs_read_all_scopes_and_where_to_ask_for_them() {
        let call = r#"{"jsonrpc":"2.0","id":"a\"b","method":"tools/call","params":{"name":"t"}}"#;
        let answered = answer(call, true).unwrap();
        assert_eq!((&answered["id"], &answered["result"]["isError"]), (&json!("a\"b"), &json!(true)));
        assert!(answered["result"]["content"][0]["text"].as_str().unwrap().contains("`files:read files:write`"));
        let challenge = json!({"error": "insufficient_scope", "scope": "files:read files:write", "resource_metadata": "https://door/meta"});
        assert_eq!(answered["result"]["_meta"]["claviger/insufficient_scope"], challenge);
        assert_eq!(answered["result"]["resultType"], "complete");
        assert_eq!(answer(call, false).unwrap()["result"].get("resultType"), None, "the older revisions do not know it");
    }

    #[test]
    fn whatever_is_no_call_of_a_tool_has_no_result_of_one() {
        assert_eq!(answer(r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"t"}}"#, true), None);
    }
}
