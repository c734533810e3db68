//! What does a legacy message become on the modern wire (2026-07-28)?
//!
//! Everything is done by splicing: what both eras can say, and what neither of them defines, stays byte for byte.
//!
//! | legacy | modern |
//! |---|---|
//! | a request | says in `_meta` who asks, and with what capabilities |
//! | `inputResponses`, `requestState` of a request | go, if they are not of a retry: in the legacy era they mean nothing |
//! | a result | `resultType` is "complete", whatever it was; `_meta` has `serverInfo` |
//! | a result that may be cached | besides, `ttlMs` 0 and `cacheScope` "private", unless it has good ones |
//! | -32002 | -32602 |
//! | -32042 that is no question | -32600 |
//! | -32020, -32021, -32022 of a server's own | -32603 |
//! | `initialize` result | `protocolVersion` and `serverInfo` move; `capabilities.tasks` goes: those are other tasks |
//! | `capabilities` of a client | without `tasks` and `roots.listChanged` |
//! | `elicitationId` of a question | goes: there is no notification of its end |
//! | `progressToken` of a question | goes: nobody can tell of its progress |
//! | a notification | has `subscriptionId` in `_meta` |

mod input;

use super::codes;
use super::meta_key::{CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL, PROTOCOL_VERSION, SERVER_INFO, SUBSCRIPTION_ID};
use super::rewrite::{Rewrite, checked_result, quoted};
use super::untranslatable::Untranslatable;
use crate::envelope::{Kind, Message, Meta, Params, Place};
use crate::members::Change;
use crate::method;
use crate::raw::RawJson;
use crate::strict::read_members;
use crate::version::ProtocolVersion;

pub use self::input::{input_of_error, input_required};

/// What each modern request says about its client.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// The revision that the server speaks.
    pub version: ProtocolVersion,
    /// A JSON object, see [`client_capabilities`].
    pub capabilities: &'a str,
    /// A JSON object.
    pub client_info: Option<&'a str>,
    /// The level of `logging/setLevel`, as plain text.
    pub log_level: Option<&'a str>,
}

/// What a request that is asked again carries (2026-07-28, multi round-trip requests).
#[derive(Clone, Copy, Debug)]
pub struct Retry<'a> {
    /// `inputResponses`, a JSON object.
    pub responses: &'a str,
    /// `requestState`: the JSON string, byte for byte as the server wrote it.
    pub state: Option<&'a str>,
}

/// A legacy client's request under `id`, which is raw JSON.
pub fn request(message: &Message<'_>, id: &str, stamp: &Stamp<'_>, retry: Option<&Retry<'_>>) -> Result<Vec<u8>, Untranslatable> {
    if message.method().is_some_and(method::is_removed_in_modern) {
        return Err(Untranslatable::Method);
    }
    let mut rewrite = Rewrite::with_id(message, &[Kind::Request], id)?;
    let read = message.params();
    let now = read.map(Params::raw);
    let mut params = Change::of_member(now);
    let answers = [
        ("inputResponses", read.and_then(Params::input_responses), retry.map(|retry| retry.responses)),
        ("requestState", read.and_then(Params::request_state), retry.and_then(|retry| retry.state)),
    ];
    for (name, now, value) in answers {
        match value {
            Some(value) => params.set(name, now, value),
            None => params.remove(now),
        }
    }
    let meta = message.meta().map(Meta::raw);
    params.nest_or_add("_meta", meta, stamped(meta, stamp)?);
    rewrite.envelope().nest_or_add("params", now, params);
    rewrite.finish()
}

/// A legacy server's answer to `method` under `id`, the caller's, which is raw JSON. `server_info` is a JSON object.
pub fn response(message: &Message<'_>, id: &str, method: &str, server_info: Option<&str>) -> Result<Vec<u8>, Untranslatable> {
    let mut rewrite = Rewrite::with_id(message, &[Kind::Response, Kind::ErrorResponse], id)?;
    if let Some(result) = message.result() {
        rewrite.envelope().nest(completed(result, method, server_info)?);
    }
    if let Some((error, code)) = message.error().and_then(|error| Some((error, codes::for_modern(error.code())?))) {
        rewrite.set_code(error, code)?;
    }
    rewrite.finish()
}

/// The result of `server/discover` out of the result of `initialize`. `served`: the revisions to list.
pub fn discovery(initialize_result: &str, served: &[ProtocolVersion]) -> Result<String, Untranslatable> {
    let object = initialize_result.trim_ascii();
    let [version, server_info, capabilities, supported, result_type, ttl, scope, meta] = read_members(
        object,
        Place::Result,
        &["protocolVersion", "serverInfo", "capabilities", "supportedVersions", "resultType", "ttlMs", "cacheScope", "_meta"],
    )?;
    let mut result = Change::of(RawJson::trusted(object));
    result.remove(version);
    result.remove(server_info);
    let versions: Vec<String> = served.iter().map(|version| quoted(version.as_str())).collect();
    result.set("supportedVersions", supported, &format!("[{}]", versions.join(",")));
    result.set("resultType", result_type, COMPLETE);
    result.set("ttlMs", ttl, NO_TIME);
    result.set("cacheScope", scope, PRIVATE);
    let mut of_server = Change::of_member(capabilities);
    let [tasks] = read_members(of_server.object(), Place::Capabilities, &["tasks"])?;
    of_server.remove(tasks);
    result.nest_or_add("capabilities", capabilities, of_server);
    if let Some(info) = server_info {
        let mut inner = Change::of_member(meta);
        let [now] = read_members(inner.object(), Place::Meta, &[SERVER_INFO])?;
        inner.set(SERVER_INFO, now, info.as_str());
        result.nest_or_add("_meta", meta, inner);
    }
    checked_result(result.apply())
}

/// A legacy client's capabilities, of its `initialize`, as each modern request repeats them.
pub fn client_capabilities(capabilities: &str) -> Result<String, Untranslatable> {
    let object = capabilities.trim_ascii();
    let [tasks, roots] = read_members(object, Place::Capabilities, &["tasks", "roots"])?;
    let mut change = Change::of(RawJson::trusted(object));
    change.remove(tasks);
    if let Some(roots) = roots.filter(|roots| roots.is_object()) {
        let [list_changed] = read_members(roots.as_str(), Place::Capabilities, &["listChanged"])?;
        let mut inner = Change::of(roots);
        inner.remove(list_changed);
        change.nest(inner);
    }
    Ok(change.apply())
}

/// A legacy server's notification, tagged with the subscription that it belongs to. `subscription` is the raw JSON id of the
/// `subscriptions/listen`.
pub fn notification(message: &Message<'_>, subscription: &str) -> Result<Vec<u8>, Untranslatable> {
    let mut rewrite = Rewrite::of(message, &[Kind::Notification])?;
    let now = message.params().map(Params::raw);
    let meta = message.meta().map(Meta::raw);
    let mut inner = Change::of_member(meta);
    inner.set(SUBSCRIPTION_ID, message.meta().and_then(Meta::subscription_id), subscription);
    let mut params = Change::of_member(now);
    params.nest_or_add("_meta", meta, inner);
    rewrite.envelope().nest_or_add("params", now, params);
    rewrite.finish()
}

fn stamped<'a>(meta: Option<RawJson<'a>>, stamp: &Stamp<'_>) -> Result<Change<'a>, Untranslatable> {
    let mut change = Change::of_member(meta);
    let [version, capabilities, client_info, log_level] =
        read_members(change.object(), Place::Meta, &[PROTOCOL_VERSION, CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL])?;
    change.set(PROTOCOL_VERSION, version, &quoted(stamp.version.as_str()));
    change.set(CLIENT_CAPABILITIES, capabilities, stamp.capabilities);
    // What the client did not say to us as a legacy client does, it does not say at all.
    match stamp.client_info {
        Some(value) => change.set(CLIENT_INFO, client_info, value),
        None => change.remove(client_info),
    }
    match stamp.log_level {
        Some(level) => change.set(LOG_LEVEL, log_level, &quoted(level)),
        None => change.remove(log_level),
    }
    Ok(change)
}

fn completed<'a>(result: RawJson<'a>, method: &str, server_info: Option<&str>) -> Result<Change<'a>, Untranslatable> {
    let [result_type, ttl, scope, meta] = read_members(result.as_str(), Place::Result, &["resultType", "ttlMs", "cacheScope", "_meta"])?;
    let mut change = Change::of(result);
    change.set("resultType", result_type, COMPLETE);
    if method::is_cacheable(method) {
        let is_time = |ttl: RawJson<'_>| ttl.is_integer() && !ttl.as_str().starts_with('-');
        let is_scope = |scope: RawJson<'_>| matches!(scope.decode_string().as_deref(), Some("public" | "private"));
        if !ttl.is_some_and(is_time) {
            change.set("ttlMs", ttl, NO_TIME);
        }
        if !scope.is_some_and(is_scope) {
            change.set("cacheScope", scope, PRIVATE);
        }
    }
    if let Some(info) = server_info {
        let mut inner = Change::of_member(meta);
        let [now] = read_members(inner.object(), Place::Meta, &[SERVER_INFO])?;
        inner.set_missing(SERVER_INFO, now, info);
        change.nest_or_add("_meta", meta, inner);
    }
    Ok(change)
}

const COMPLETE: &str = r#""complete""#;
const NO_TIME: &str = "0";
const PRIVATE: &str = r#""private""#;

#[cfg(test)]
mod tests;
