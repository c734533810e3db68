//! What can several servers do as one? Whatever one of them can (2026-07-28, `server/discover`).

use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;
use mcp::list::ListKind;
use mcp::method;
use mcp::version::ProtocolVersion;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::Merged;
use super::visit::{self, Absence, UNAVAILABLE, Visit, Visitor, unavailable};
use crate::back::{BackFailure, Reply};
use crate::era::outward::json;
use crate::wire;

/// What a server says it can do, as far as it matters for whether it is asked.
#[derive(Debug, Default)]
pub(super) struct Abilities {
    capabilities: Map<String, Value>,
}

/// What a server says of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Discovery {
    #[serde(default)]
    capabilities: Map<String, Value>,
    #[serde(default)]
    instructions: Option<String>,
    #[serde(default)]
    ttl_ms: i64,
}

impl Abilities {
    /// Whether there is such a list.
    pub(super) fn has(&self, list: ListKind) -> bool {
        self.capabilities.contains_key(match list {
            ListKind::Prompts => "prompts",
            ListKind::ResourceTemplates | ListKind::Resources => "resources",
            ListKind::Tools => "tools",
        })
    }

    /// Whether it tells of changes: `part` is `tools`, `prompts` or `resources`, `what` is `listChanged` or `subscribe`.
    pub(super) fn tells(&self, part: &str, what: &str) -> bool {
        self.capabilities.get(part).and_then(|part| part.get(what)) == Some(&Value::Bool(true))
    }

    /// Whether it knows tasks.
    pub(super) fn knows_tasks(&self) -> bool {
        self.capabilities.get("extensions").is_some_and(|extensions| extensions.get("io.modelcontextprotocol/tasks").is_some())
    }
}

/// Asks all, and answers with what they can do together.
pub(super) async fn answer(merged: &Merged, visitor: &Visitor, id: &str) -> Reply {
    let answers =
        visit::all(visitor.visits(merged, method::SERVER_DISCOVER).into_iter().map(|visit| (visit, ())), merged.times, |visit, ()| {
            discover(visit)
        })
        .await;
    let mut capabilities = Map::new();
    let mut instructions = Vec::new();
    let mut time_to_live = i64::MAX;
    let mut absent = Vec::new();
    for (member, answer) in &answers {
        match answer {
            Ok(discovery) => {
                unite(&mut capabilities, &discovery.capabilities);
                instructions.extend(discovery.instructions.as_ref().map(|text| format!("## {}\n\n{text}", member.name())));
                time_to_live = time_to_live.min(discovery.ttl_ms.max(0));
            }
            Err(absence) => absent.push((&**member, absence.outward())),
        }
    }
    // Who is absent now may be back at any time.
    let time_to_live = if absent.is_empty() && !answers.is_empty() { time_to_live } else { 0 };
    let info = json!({ "name": "claviger", "title": merged.title, "version": env!("CARGO_PKG_VERSION") });
    let mut meta = Map::from_iter([("io.modelcontextprotocol/serverInfo".to_owned(), info)]);
    meta.extend(unavailable(absent.into_iter()).map(|named| (UNAVAILABLE.to_owned(), named)));
    let mut result = json!({
        "resultType": "complete",
        "supportedVersions": SERVED.map(ProtocolVersion::as_str),
        "capabilities": capabilities,
        "ttlMs": time_to_live,
        "cacheScope": "private",
        "_meta": meta,
    });
    if let Some(object) = result.as_object_mut().filter(|_| !instructions.is_empty()) {
        object.insert("instructions".to_owned(), instructions.join("\n\n").into());
    }
    json(StatusCode::OK, wire::result(id, &result.to_string()))
}

/// What a member can do; asked anew when that was some time ago.
pub(super) async fn abilities(visit: &Visit) -> Result<Arc<Abilities>, Absence> {
    let caller = &visit.principal().key;
    if let Some((_, known)) = visit.member.abilities.get(caller).filter(|(since, _)| since.elapsed() < GOOD_FOR) {
        return Ok(known);
    }
    let discovery = ask(visit).await?;
    let known = Arc::new(Abilities { capabilities: discovery.capabilities });
    visit.member.abilities.insert(caller.clone(), (Instant::now(), Arc::clone(&known)));
    Ok(known)
}

async fn discover(visit: Visit) -> Result<Discovery, Absence> {
    let discovery = ask(&visit).await?;
    let known = Arc::new(Abilities { capabilities: discovery.capabilities.clone() });
    visit.member.abilities.insert(visit.principal().key.clone(), (Instant::now(), known));
    Ok(discovery)
}

async fn ask(visit: &Visit) -> Result<Discovery, Absence> {
    let said = visit.request(method::SERVER_DISCOVER, Map::new()).await?;
    serde_json::from_str(said.as_deref().unwrap_or("{}")).map_err(|_| BackFailure::BadAnswer.into())
}

/// What either has; of what both have, the members of both, and yes where one says yes.
fn unite(all: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (name, value) in more {
        match (all.get_mut(name), value) {
            (Some(Value::Object(known)), Value::Object(value)) => unite(known, value),
            (Some(known @ Value::Bool(false)), Value::Bool(true)) => *known = Value::Bool(true),
            (Some(_), _) => {}
            (None, value) => drop(all.insert(name.clone(), value.clone())),
        }
    }
}

/// The revisions that the door speaks, whatever the members do.
const SERVED: [ProtocolVersion; 4] =
    [ProtocolVersion::V2025_03_26, ProtocolVersion::V2025_06_18, ProtocolVersion::V2025_11_25, ProtocolVersion::V2026_07_28];
/// A server that comes to know more says so when it is asked next.
const GOOD_FOR: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn together_they_can_what_either_can() {
        let mut all = Map::new();
        for more in [
            json!({"tools": {"listChanged": false}, "extensions": {"x": {"a": 1}}}),
            json!({"tools": {"listChanged": true}, "resources": {"subscribe": true}, "extensions": {"x": {"a": 2, "b": 3}, "y": {}}}),
            json!({"tools": {"listChanged": false}, "logging": {}}),
        ] {
            unite(&mut all, more.as_object().unwrap());
        }
        let expected = json!({
            "tools": {"listChanged": true}, "resources": {"subscribe": true}, "logging": {},
            "extensions": {"x": {"a": 1, "b": 3}, "y": {}},
        });
        assert_eq!(Value::Object(all), expected);
    }

    #[test]
    fn a_server_is_asked_for_what_it_has() {
        let said = json!({"tools": {"listChanged": true}, "prompts": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}});
        let abilities = Abilities { capabilities: said.as_object().unwrap().clone() };
        assert!(abilities.has(ListKind::Tools) && abilities.has(ListKind::Prompts) && abilities.knows_tasks());
        assert!(!abilities.has(ListKind::Resources) && !abilities.has(ListKind::ResourceTemplates));
        assert!(abilities.tells("tools", "listChanged") && !abilities.tells("prompts", "listChanged"));
    }
}
