//! What does a modern message (2026-07-28) become on a legacy wire?
//!
//! Everything is done by splicing: what both eras can say, and what neither of them defines, stays byte for byte.
//!
//! | modern | legacy |
//! |---|---|
//! | `_meta` of a request: `protocolVersion`, `clientCapabilities`, `clientInfo`, `logLevel` | go |
//! | `inputResponses`, `requestState` | go |
//! | `_meta` or `params` that hold nothing any more | go |
//! | `resultType` "complete" | goes; any other result is refused |
//! | `ttlMs`, `cacheScope` of a result that may be cached | go |
//! | `_meta.serverInfo` of a result | goes |
//! | -32020, -32022 | -32603 |
//! | -32021 | -32600 |
//! | -32602 of `resources/read` whose `data` has a `uri` | -32002 (SEP-2164) |
//! | a `server/discover` result | `serverInfo` and `protocolVersion` instead of `supportedVersions`; `capabilities.extensions` goes |
//! | `extensions` of a client's capabilities | go |
//! | `subscriptionId` in `_meta` of a notification | goes |
//!
//! What a legacy revision's schema cannot hold (schema.ts of each; SEP-2106):
//!
//! | modern | legacy |
//! |---|---|
//! | a tool with an invalid `x-mcp-header` | leaves the list, as from every client's |
//! | an `outputSchema` whose root is no `"type":"object"` | goes |
//! | `true` and `false` among the root `properties` of a tool's schema | `{}` and `{"not":{}}`, which say the same |
//! | `structuredContent` that is no object | goes; becomes a text where `content` is empty |
//! | a `resource_link`, before 2025-06-18 | a text with its URI |
//! | `elicitation/create`, before 2025-06-18 | cannot be asked |
//! | an elicitation in URL mode | gets an `elicitationId`; cannot be asked before 2025-11-25 |
//! | `mode` of another elicitation, before 2025-11-25 | goes |
//! | a list of contents in one message of sampling, before 2025-11-25 | one message for each |
//!
//! Members that a revision merely does not know (`title`, `icons`, a vendor's) stay: no legacy schema forbids them.

mod answer;
mod content;
mod input;
mod question;
mod tools;

use super::codes;
use super::meta_key::{CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL, PROTOCOL_VERSION, SERVER_INFO};
use super::rewrite::{Rewrite, checked_result, quoted};
use super::untranslatable::Untranslatable;
use crate::envelope::{Kind, Message, Params, Place};
use crate::members::Change;
use crate::method::{SERVER_DISCOVER, SUBSCRIPTIONS_LISTEN, TASKS_UPDATE};
use crate::raw::RawJson;
use crate::strict::read_members;
use crate::version::ProtocolVersion;

pub use self::input::{InputRequest, InputRequired, input_responses};
pub use self::question::question;

/// A modern client's request under `id`, and with `progress_token` in the place of its own, if it has one. Both are raw JSON.
pub fn request(message: &Message<'_>, id: &str, progress_token: Option<&str>) -> Result<Vec<u8>, Untranslatable> {
    if matches!(message.method(), Some(SERVER_DISCOVER | SUBSCRIPTIONS_LISTEN | TASKS_UPDATE)) {
        return Err(Untranslatable::Method);
    }
    let mut rewrite = Rewrite::with_id(message, &[Kind::Request], id)?;
    if let Some(params) = message.params() {
        let mut change = Change::of(params.raw());
        change.remove(params.input_responses());
        change.remove(params.request_state());
        if let Some(meta) = params.meta() {
            let names = &[PROTOCOL_VERSION, CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL];
            let mut inner = Change::of(meta.raw());
            read_members(inner.object(), Place::Meta, names)?.into_iter().for_each(|value| inner.remove(value));
            if let (Some(now), Some(token)) = (meta.progress_token(), progress_token) {
                inner.replace(now, token);
            }
            change.nest_or_remove(inner);
        }
        rewrite.envelope().nest_or_remove(change);
    }
    rewrite.finish()
}

/// A modern server's answer to `method` for a client of `version`, under `id`, the client's, which is raw JSON.
pub fn response(message: &Message<'_>, id: &str, method: &str, version: ProtocolVersion) -> Result<Vec<u8>, Untranslatable> {
    let mut rewrite = Rewrite::with_id(message, &[Kind::Response, Kind::ErrorResponse], id)?;
    if let Some(result) = message.result() {
        rewrite.envelope().nest(answer::plain(result, method, version)?);
    }
    if let Some((error, code)) = message.error().and_then(|error| Some((error, codes::for_legacy(error, method)?))) {
        rewrite.set_code(error, code)?;
    }
    rewrite.finish()
}

/// The result of `initialize` out of the result of `server/discover`. A server that does not say who it is gets
/// `fallback_name`.
pub fn initialize_result(discovery: &str, version: ProtocolVersion, fallback_name: &str) -> Result<String, Untranslatable> {
    if version.is_modern() {
        return Err(Untranslatable::Version);
    }
    let object = discovery.trim_ascii();
    let names = &["protocolVersion", "serverInfo", "capabilities", "supportedVersions", "resultType", "ttlMs", "cacheScope", "_meta"];
    let [now, info, capabilities, supported, result_type, ttl, scope, meta] = read_members(object, Place::Result, names)?;
    let mut result = Change::of(RawJson::trusted(object));
    for member in [supported, result_type, ttl, scope] {
        result.remove(member);
    }
    result.set("protocolVersion", now, &quoted(version.as_str()));
    let lacking = Untranslatable::Lacks { place: Place::Result, member: "capabilities" };
    let mut of_server = Change::of(capabilities.filter(|value| value.is_object()).ok_or(lacking)?);
    let [extensions] = read_members(of_server.object(), Place::Capabilities, &["extensions"])?;
    of_server.remove(extensions);
    result.nest(of_server);
    let mut inner = Change::of_member(meta);
    let [said] = read_members(inner.object(), Place::Meta, &[SERVER_INFO])?;
    inner.remove(said);
    result.nest_or_remove(inner);
    let unnamed = || format!(r#"{{"name":{},"version":"unknown"}}"#, quoted(fallback_name));
    result.set("serverInfo", info, &said.filter(|info| is_implementation(*info)).map_or_else(unnamed, |info| info.as_str().to_owned()));
    checked_result(result.apply())
}

/// A modern client's capabilities as `initialize` says them to a legacy server.
pub fn client_capabilities(capabilities: &str) -> Result<String, Untranslatable> {
    let object = capabilities.trim_ascii();
    let [extensions] = read_members(object, Place::Capabilities, &["extensions"])?;
    let mut change = Change::of(RawJson::trusted(object));
    change.remove(extensions);
    Ok(change.apply())
}

/// A modern server's notification without the subscription that it belongs to.
pub fn notification(message: &Message<'_>) -> Result<Vec<u8>, Untranslatable> {
    let mut rewrite = Rewrite::of(message, &[Kind::Notification])?;
    if let Some((params, meta)) = message.params().and_then(|params| Some((params, params.meta()?))) {
        let mut inner = Change::of(meta.raw());
        inner.remove(meta.subscription_id());
        let mut change = Change::of(Params::raw(params));
        change.nest_or_remove(inner);
        rewrite.envelope().nest_or_remove(change);
    }
    rewrite.finish()
}

/// Every revision demands a name and a version.
fn is_implementation(info: RawJson<'_>) -> bool {
    let read = read_members(info.as_str(), Place::Result, &["name", "version"]);
    read.is_ok_and(|values| values.into_iter().all(|value| value.is_some_and(RawJson::is_string)))
}

#[cfg(test)]
mod tests;
