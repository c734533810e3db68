//! What is left of a modern result in a legacy revision?

use super::super::meta_key::SERVER_INFO;
use super::super::untranslatable::Untranslatable;
use super::{content, tools};
use crate::envelope::Place;
use crate::members::Change;
use crate::method::{self, PROMPTS_GET, TOOLS_CALL, TOOLS_LIST};
use crate::raw::RawJson;
use crate::strict::read_members;
use crate::version::ProtocolVersion;

/// The changes of the result of `method` for a client of `version`.
pub(super) fn plain<'a>(result: RawJson<'a>, method: &str, version: ProtocolVersion) -> Result<Change<'a>, Untranslatable> {
    let mut change = Change::of(result);
    let text = result.as_str();
    let [result_type, ttl, scope, meta] = match method {
        TOOLS_CALL => {
            let names = &["resultType", "ttlMs", "cacheScope", "_meta", "content", "structuredContent"];
            let [result_type, ttl, scope, meta, content, structured] = read_members(text, Place::Result, names)?;
            content::of_call(&mut change, content, structured, version);
            [result_type, ttl, scope, meta]
        }
        TOOLS_LIST => {
            let [result_type, ttl, scope, meta, tools] =
                read_members(text, Place::Result, &["resultType", "ttlMs", "cacheScope", "_meta", "tools"])?;
            if let Some(tools) = tools {
                tools::restrict(&mut change, result, tools)?;
            }
            [result_type, ttl, scope, meta]
        }
        PROMPTS_GET => {
            let [result_type, ttl, scope, meta, messages] =
                read_members(text, Place::Result, &["resultType", "ttlMs", "cacheScope", "_meta", "messages"])?;
            content::of_prompt(&mut change, messages, version);
            [result_type, ttl, scope, meta]
        }
        _ => read_members(text, Place::Result, &["resultType", "ttlMs", "cacheScope", "_meta"])?,
    };
    // 2026-07-28, basic: a type that is not understood is invalid, and an absent one is "complete".
    if result_type.is_some_and(|result_type| result_type.decode_string().as_deref() != Some("complete")) {
        return Err(Untranslatable::Incomplete);
    }
    change.remove(result_type);
    if method::is_cacheable(method) {
        change.remove(ttl);
        change.remove(scope);
    }
    let mut inner = Change::of_member(meta);
    let [server_info] = read_members(inner.object(), Place::Meta, &[SERVER_INFO])?;
    inner.remove(server_info);
    change.nest_or_remove(inner);
    Ok(change)
}
