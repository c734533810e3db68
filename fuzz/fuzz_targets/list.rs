//! Is a filtered list valid JSON that holds what was to stay, byte for byte, and nothing else?
//!
//! The input is the `result` of a list method.

#![no_main]

use claviger_fuzz::careless::{one_reading, text};
use libfuzzer_sys::fuzz_target;
use mcp::discover::{restrict_versions, supported_versions};
use mcp::list::{ListKind, filter, names};
use mcp::splice::{Edit, splice};
use mcp::version::MODERN;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

fuzz_target!(|input: &[u8]| {
    let Ok(result) = std::str::from_utf8(input) else { return };
    for (list, member, key) in LISTS {
        let Ok(all) = names(result, list) else { continue };
        let before = items(result, member);
        assert!(before.iter().map(|item| one_reading(item, key).and_then(text)).eq(all.iter().cloned().map(Some)));
        for keep in KEEPS {
            let edits = filter(result, list, keep).expect("what was read once is read again");
            let filtered = apply(result, &edits);
            let staying: Vec<&str> = before.iter().zip(&all).filter(|(_, name)| keep(name)).map(|(item, _)| *item).collect();
            assert_eq!(items(&filtered, member), staying);
            assert_ne!(one_reading(&filtered, "cacheScope").and_then(text).as_deref(), Some("public"));
            assert!(filter(&filtered, list, keep).is_ok_and(|edits| edits.is_empty()), "a second time there is nothing to do");
        }
    }
    check_discovery(result);
});

fn check_discovery(result: &str) {
    let Ok(Some(versions)) = supported_versions(result) else { return };
    let edits = restrict_versions(result, &MODERN).expect("what was read once is read again");
    let narrowed = supported_versions(&apply(result, &edits)).expect("valid").expect("still there");
    assert!(narrowed.iter().eq(versions.iter().filter(|version| version.is_modern())));
}

fn apply(result: &str, edits: &[Edit]) -> String {
    let changed = String::from_utf8(splice(result.as_bytes(), edits)).expect("UTF-8 stays UTF-8");
    assert!(serde_json::from_str::<IgnoredAny>(&changed).is_ok(), "not JSON any more: {changed}");
    changed
}

/// The items of the list, as written; none when there is no list.
fn items<'a>(result: &'a str, member: &str) -> Vec<&'a str> {
    let Some(array) = one_reading(result, member) else { return Vec::new() };
    let items: Vec<&'a RawValue> = serde_json::from_str(array).expect("an accepted list is an array");
    items.into_iter().map(RawValue::get).collect()
}

const LISTS: [(ListKind, &str, &str); 4] = [
    (ListKind::Prompts, "prompts", "name"),
    (ListKind::ResourceTemplates, "resourceTemplates", "uriTemplate"),
    (ListKind::Resources, "resources", "uri"),
    (ListKind::Tools, "tools", "name"),
];

const KEEPS: [fn(&str) -> bool; 4] = [|_| true, |_| false, |name| name.len() % 2 == 0, |name| name.starts_with('a')];
