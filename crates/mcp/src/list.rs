//! How is a list result cut down to what one caller may see?
//!
//! Items that stay keep every byte; items that go are spliced out. A filtered list is the caller's own, so it must not be
//! cached for others: `"cacheScope":"public"` becomes `"private"`.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::envelope::{EnvelopeError, Place};
use crate::method;
use crate::raw::RawJson;
use crate::rename::quoted;
use crate::splice::{Edit, range_within, splice};
use crate::strict::read_members;

/// One of the four results that list what a server has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ListKind {
    /// `prompts/list`: items go by `name`.
    Prompts,
    /// `resources/templates/list`: items go by `uriTemplate`.
    ResourceTemplates,
    /// `resources/list`: items go by `uri`.
    Resources,
    /// `tools/list`: items go by `name`.
    Tools,
}

impl ListKind {
    /// The list that `method` asks for, if it asks for one.
    pub fn of_method(method: &str) -> Option<Self> {
        match method {
            method::PROMPTS_LIST => Some(Self::Prompts),
            method::RESOURCES_TEMPLATES_LIST => Some(Self::ResourceTemplates),
            method::RESOURCES_LIST => Some(Self::Resources),
            method::TOOLS_LIST => Some(Self::Tools),
            _ => None,
        }
    }
}

/// Why a list result cannot be filtered, and so must not be passed on. The server's fault.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ListError {
    /// The result, or an item, is not an object that can be read in one way only.
    #[error("the list result cannot be read in one way only: {0}")]
    Ambiguous(#[from] EnvelopeError),
    /// An item has no name (or URI) that is a string.
    #[error("item {index} of the list result has no name")]
    Nameless {
        /// Counted from 0.
        index: usize,
    },
    /// The list is not an array.
    #[error("the list result holds no array")]
    NotAnArray,
}

/// The edits of `result_raw` that leave only the items for which `keep` says yes to their name or URI, and that make a public
/// result private. A result without the list has no items to take out.
///
/// `result_raw` is the `result` member of the response as written; shift the edits to apply them to the whole body.
pub fn filter(result_raw: &str, list: ListKind, mut keep: impl FnMut(&str) -> bool) -> Result<Vec<Edit>, ListError> {
    let [tools, prompts, resources, templates, cache_scope] =
        read_members(result_raw, Place::Result, &["tools", "prompts", "resources", "resourceTemplates", "cacheScope"])?;
    let listed = match list {
        ListKind::Prompts => prompts,
        ListKind::ResourceTemplates => templates,
        ListKind::Resources => resources,
        ListKind::Tools => tools,
    };
    let mut edits = match listed {
        Some(array) => retain(result_raw, array, |index, item| name_of(item, list, index).map(|name| keep(&name)))?,
        None => Vec::new(),
    };
    edits.extend(privacy_edit(result_raw, cache_scope));
    Ok(edits)
}

/// One item of a list result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item<'a> {
    raw: RawJson<'a>,
    /// Its name, or its URI, as it stands in it.
    named: RawJson<'a>,
    name: Cow<'a, str>,
}

impl Item<'_> {
    /// Its name, or its URI.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The item under another name; every other byte of it stays.
    pub fn renamed(&self, name: &str) -> String {
        let edit = range_within(self.raw.as_str(), self.named.as_str()).map(|range| Edit::new(range, quoted(name)));
        String::from_utf8(splice(self.raw.as_str().as_bytes(), edit.as_slice())).unwrap_or_default()
    }
}

/// What a list result says, read for being one of several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page<'a> {
    /// Its items, in order.
    pub items: Vec<Item<'a>>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
    /// For how long it may be kept.
    pub ttl_milliseconds: Option<i64>,
}

/// Reads the page that `result_raw` is of `list`.
pub fn page(result_raw: &str, list: ListKind) -> Result<Page<'_>, ListError> {
    let [tools, prompts, resources, templates, next_cursor, ttl] =
        read_members(result_raw, Place::Result, &["tools", "prompts", "resources", "resourceTemplates", "nextCursor", "ttlMs"])?;
    let listed = match list {
        ListKind::Prompts => prompts,
        ListKind::ResourceTemplates => templates,
        ListKind::Resources => resources,
        ListKind::Tools => tools,
    };
    let listed: Vec<&RawValue> = match listed {
        Some(array) => serde_json::from_str(array.as_str()).map_err(|_| ListError::NotAnArray)?,
        None => Vec::new(),
    };
    let items = listed.into_iter().enumerate().map(|(index, item)| {
        let raw = RawJson::trusted(item.get());
        let named = named(raw, list)?.ok_or(ListError::Nameless { index })?;
        let name = named.decode_string().ok_or(ListError::Nameless { index })?;
        Ok(Item { raw, named, name })
    });
    Ok(Page {
        items: items.collect::<Result<_, ListError>>()?,
        next_cursor: next_cursor.and_then(RawJson::decode_string).map(Cow::into_owned),
        ttl_milliseconds: ttl.and_then(RawJson::decode_integer),
    })
}

/// The names (or URIs) of the items of a list result, in order.
pub fn names(result_raw: &str, list: ListKind) -> Result<Vec<String>, ListError> {
    let mut names = Vec::new();
    filter(result_raw, list, |name| {
        names.push(name.to_owned());
        true
    })?;
    Ok(names)
}

/// The edits of `whole` that take out of `array`, which stands in it, the items for which `keep` says no.
pub(crate) fn retain<'a>(
    whole: &'a str,
    array: RawJson<'a>,
    mut keep: impl FnMut(usize, RawJson<'a>) -> Result<bool, ListError>,
) -> Result<Vec<Edit>, ListError> {
    let items: Vec<&'a RawValue> = serde_json::from_str(array.as_str()).map_err(|_| ListError::NotAnArray)?;
    let mut edits = Vec::new();
    // The end of the last item that stays, and the span of the items that go since then.
    let mut kept_end: Option<usize> = None;
    let mut going: Option<(usize, usize)> = None;
    for (index, item) in items.into_iter().enumerate() {
        let range = range_within(whole, item.get()).ok_or(ListError::NotAnArray)?;
        if keep(index, RawJson::trusted(item.get()))? {
            if let Some((start, end)) = going.take() {
                // With an item before, the comma before the gap goes too; else the comma after it.
                edits.push(Edit::new(kept_end.map_or(start..range.start, |kept| kept..end), ""));
            }
            kept_end = Some(range.end);
        } else {
            going = Some((going.map_or(range.start, |(start, _)| start), range.end));
        }
    }
    edits.extend(going.map(|(start, end)| Edit::new(kept_end.unwrap_or(start)..end, "")));
    Ok(edits)
}

fn name_of(item: RawJson<'_>, list: ListKind, index: usize) -> Result<String, ListError> {
    named(item, list)?.and_then(RawJson::decode_string).map(Into::into).ok_or(ListError::Nameless { index })
}

fn named(item: RawJson<'_>, list: ListKind) -> Result<Option<RawJson<'_>>, ListError> {
    let [name, uri, template] = read_members(item.as_str(), Place::Item, &["name", "uri", "uriTemplate"])?;
    Ok(match list {
        ListKind::Prompts | ListKind::Tools => name,
        ListKind::ResourceTemplates => template,
        ListKind::Resources => uri,
    })
}

fn privacy_edit(whole: &str, cache_scope: Option<RawJson<'_>>) -> Option<Edit> {
    let public = cache_scope.filter(|value| value.decode_string().as_deref() == Some("public"))?;
    range_within(whole, public.as_str()).map(|range| Edit::new(range, "\"private\""))
}

#[cfg(test)]
mod tests;
