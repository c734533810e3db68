//! What is there at several servers as one? All that each of them lists, under the names that it has here, as far as its own rules let the caller see it.

use std::sync::Arc;

use ::http::StatusCode;
use mcp::envelope::{Message, Params};
use mcp::error_code;
use mcp::list::{self, ListKind};
use mcp::method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::cursor::Places;
use super::visit::{self, Absence, UNAVAILABLE, Visit, Visitor, unavailable};
use super::{Member, Merged, discovery, name};
use crate::back::{BackFailure, Reply};
use crate::era::outward::json;
use crate::lists::action;
use crate::principal::Principal;
use crate::wire;

/// Answers with one page of every member that has one.
pub(super) async fn answer(
    merged: &Merged,
    visitor: &Visitor,
    message: &Message<'_>,
    list: ListKind,
    id: &str,
) -> Result<Reply, BackFailure> {
    let caller = &visitor.principal().key;
    let places = match cursor_of(message) {
        None => None,
        Some(text) => match merged.cursors.open(list, caller, &text) {
            None => return Ok(json(StatusCode::OK, wire::error(id, error_code::INVALID_PARAMS, "this is no cursor of this list"))),
            places => places,
        },
    };
    let mut visits = visitor.visits(merged, method_of(list));
    if let Some(places) = &places {
        visits.retain(|visit| places.contains_key(visit.member.name()));
    }
    let asks = visits.into_iter().map(|visit| {
        let cursor = places.as_ref().and_then(|places| places.get(visit.member.name()).cloned());
        (visit, cursor)
    });
    let pages = pages(merged, list, asks).await;
    let mut merging = Merging::new(list, merged.message_bytes);
    for (member, page) in pages {
        match page {
            Ok(Some(page)) => merging.add(&member, visitor.principal(), &page),
            Ok(None) => {}
            Err(absence) => merging.is_absent(member, absence.outward()),
        }
    }
    let next = merging.places_sealed(|places| merged.cursors.seal(list, caller, places));
    Ok(json(StatusCode::OK, wire::result(id, &merging.result(next))))
}

type Answers = Vec<(Arc<Member>, Result<Option<String>, Absence>)>;

async fn pages(merged: &Merged, list: ListKind, asks: impl Iterator<Item = (Visit, Option<String>)>) -> Answers {
    visit::all(asks, merged.times, move |visit, cursor| async move {
        if !discovery::abilities(&visit).await?.has(list) {
            return Ok(None);
        }
        let params = cursor.map(|cursor| ("cursor".to_owned(), cursor.into())).into_iter().collect();
        visit.request(method_of(list), params).await
    })
    .await
}

/// A page in the making.
struct Merging {
    list: ListKind,
    items: String,
    places: Places,
    time_to_live: i64,
    absent: Vec<(Arc<Member>, String)>,
    left_out: Vec<Value>,
    room: usize,
}

impl Merging {
    fn new(list: ListKind, room: usize) -> Self {
        let (items, places) = (String::new(), Places::new());
        Self { list, items, places, time_to_live: i64::MAX, absent: Vec::new(), left_out: Vec::new(), room }
    }

    fn is_absent(&mut self, member: Arc<Member>, reason: String) {
        self.absent.push((member, reason));
    }

    fn add(&mut self, member: &Arc<Member>, principal: &Principal, result: &str) {
        let Ok(page) = list::page(result, self.list) else {
            return self.is_absent(Arc::clone(member), BackFailure::BadAnswer.outward());
        };
        if self.items.len() + result.len() > self.room {
            return self.is_absent(Arc::clone(member), BackFailure::TooLarge { limit: self.room }.outward());
        }
        let caller = principal.as_caller();
        for item in &page.items {
            if member.server.rules.decide(&caller, &action(self.list, item.name())).is_err() {
                continue;
            }
            let name = self.name_of(member.name(), item.name());
            if !self.is_good(&name) {
                self.leave_out(member.name(), item.name());
                continue;
            }
            if !self.items.is_empty() {
                self.items.push(',');
            }
            self.items.push_str(&item.renamed(&name));
        }
        self.places.extend(page.next_cursor.map(|cursor| (member.name().to_owned(), cursor)));
        self.time_to_live = self.time_to_live.min(page.ttl_milliseconds.unwrap_or(0).max(0));
    }

    fn name_of(&self, server: &str, own: &str) -> String {
        match self.list {
            ListKind::Prompts | ListKind::Tools => name::of_member(server, own),
            ListKind::ResourceTemplates | ListKind::Resources => name::uri_of_member(server, own),
        }
    }

    fn is_good(&self, name: &str) -> bool {
        match self.list {
            ListKind::Tools => name::is_for_a_tool(name),
            ListKind::Prompts => name::is_for_a_prompt(name),
            ListKind::ResourceTemplates | ListKind::Resources => true,
        }
    }

    fn leave_out(&mut self, server: &str, own: &str) {
        let own: String = own.chars().take(SHOWN).collect();
        tracing::warn!(target: "door", server, name = own, "left out of `/mcp`: with the server's name before it, clients would not take it");
        if self.left_out.len() < NAMED {
            self.left_out.push(json!({ "server": server, "name": own }));
        }
    }

    /// The cursor, if there is more. Where it cannot be made, the members' further pages are what is missing.
    fn places_sealed(&mut self, seal: impl FnOnce(&Places) -> Option<String>) -> Option<String> {
        if self.places.is_empty() {
            return None;
        }
        let sealed = seal(&self.places);
        if sealed.is_none() {
            self.left_out.push(json!({ "servers": self.places.keys().collect::<Vec<_>>(), "reason": "their cursors are too long" }));
        }
        sealed
    }

    fn result(self, next: Option<String>) -> String {
        let mut meta = Map::new();
        let time_to_live = if self.absent.is_empty() && self.time_to_live != i64::MAX { self.time_to_live } else { 0 };
        let absent = self.absent.iter().map(|(member, reason)| (&**member, reason.clone()));
        meta.extend(unavailable(absent).map(|named| (UNAVAILABLE.to_owned(), named)));
        if !self.left_out.is_empty() {
            meta.insert(LEFT_OUT.to_owned(), self.left_out.into());
        }
        let meta = if meta.is_empty() { String::new() } else { format!(r#","_meta":{}"#, Value::Object(meta)) };
        let next = next.map_or_else(String::new, |cursor| format!(r#","nextCursor":"{cursor}""#));
        let (name, items) = (member_of(self.list), self.items);
        format!(r#"{{"resultType":"complete","{name}":[{items}]{next},"ttlMs":{time_to_live},"cacheScope":"private"{meta}}}"#)
    }
}

fn cursor_of(message: &Message<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Paged {
        #[serde(default)]
        cursor: Option<String>,
    }
    let params = message.params().map(Params::raw)?;
    // What is no text is no cursor of ours either.
    serde_json::from_str::<Paged>(params.as_str()).map_or(Some(String::new()), |paged| paged.cursor)
}

fn method_of(list: ListKind) -> &'static str {
    match list {
        ListKind::Prompts => method::PROMPTS_LIST,
        ListKind::ResourceTemplates => method::RESOURCES_TEMPLATES_LIST,
        ListKind::Resources => method::RESOURCES_LIST,
        ListKind::Tools => method::TOOLS_LIST,
    }
}

fn member_of(list: ListKind) -> &'static str {
    match list {
        ListKind::Prompts => "prompts",
        ListKind::ResourceTemplates => "resourceTemplates",
        ListKind::Resources => "resources",
        ListKind::Tools => "tools",
    }
}

/// Under this name a caller finds what could not be named.
const LEFT_OUT: &str = "claviger/left_out";
/// Of those that are left out, so many are named.
const NAMED: usize = 32;
/// So many characters of each.
const SHOWN: usize = 128;
