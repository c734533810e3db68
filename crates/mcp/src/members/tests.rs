//! Members come and go, and every other byte stays.

use proptest::prelude::*;

use super::Change;
use crate::entries::entries;
use crate::raw::RawJson;
use crate::splice::splice;

/// `object` after a change that may ask for the value of a member.
fn changed(object: &str, change: impl Fn(&mut Change<'_>, &dyn Fn(&str) -> Option<RawJson<'static>>)) -> String {
    // The members must be borrowed from the very text that is changed.
    let object: &'static str = Box::leak(object.to_owned().into_boxed_str());
    let members = entries(object).unwrap();
    let find = |name: &str| members.iter().find(|(found, _)| found == name).map(|(_, value)| *value);
    let mut under_way = Change::of(RawJson::trusted(object));
    change(&mut under_way, &find);
    String::from_utf8(splice(object.as_bytes(), &under_way.into_edits())).unwrap()
}

fn without(object: &str, names: &[&str]) -> String {
    changed(object, |change, find| names.iter().for_each(|name| change.remove(find(name))))
}

#[test]
fn a_member_goes_with_one_comma() {
    let object = r#"{ "a": 1, "b": [2], "c": {} }"#;
    assert_eq!(without(object, &["a"]), r#"{  "b": [2], "c": {} }"#);
    assert_eq!(without(object, &["b"]), r#"{ "a": 1, "c": {} }"#);
    assert_eq!(without(object, &["c"]), r#"{ "a": 1, "b": [2] }"#);
    assert_eq!(without(object, &["b", "c"]), r#"{ "a": 1 }"#);
    assert_eq!(without(object, &["b", "a"]), r#"{   "c": {} }"#);
    assert_eq!(without(object, &["c", "a", "b"]), "{    }");
    assert_eq!(without(object, &["d"]), object);
}

#[test]
fn a_name_with_escapes_is_found_from_its_value() {
    assert_eq!(without(r#"{"x":1,"a\"\\" : 2}"#, &[r#"a"\"#]), r#"{"x":1}"#);
    assert_eq!(without(r#"{"\\\\\"":1,"x":2}"#, &[r#"\\""#]), r#"{"x":2}"#);
    assert_eq!(without(r#"{"":1,"x":2}"#, &[""]), r#"{"x":2}"#);
}

#[test]
fn a_member_is_replaced_or_added() {
    let set = |object: &str| changed(object, |change, find| change.set("a", find("a"), "7"));
    assert_eq!(set("{}"), r#"{"a":7}"#);
    assert_eq!(set(r#"{ "b":1 }"#), r#"{"a":7, "b":1 }"#);
    assert_eq!(set(r#"{"b":1,"\u0061": null}"#), r#"{"b":1,"\u0061": 7}"#);
    let kept = changed(r#"{"a":1}"#, |change, find| change.set_missing("a", find("a"), "7"));
    assert_eq!(kept, r#"{"a":1}"#);
}

#[test]
fn what_is_added_where_all_goes_has_no_comma() {
    let exchanged = changed(r#"{"a":1,"b":2}"#, |change, find| {
        change.remove(find("b"));
        change.remove(find("a"));
        change.set("c", None, "3");
        change.set("d", None, "4");
    });
    assert_eq!(exchanged, r#"{"c":3,"d":4}"#);
}

#[test]
fn an_object_inside_changes_in_its_place_and_goes_when_it_is_emptied() {
    let object = r#"{"a":1,"inner":{"x":1}}"#;
    let inner = |keep: bool| {
        changed(object, |change, find| {
            let inner = find("inner").unwrap();
            let mut within = Change::of(inner);
            within.remove(entries(inner.as_str()).unwrap().first().map(|(_, value)| *value));
            if keep {
                within.set("y", None, "2");
            }
            change.nest_or_remove(within);
        })
    };
    assert_eq!(inner(true), r#"{"a":1,"inner":{"y":2}}"#);
    assert_eq!(inner(false), r#"{"a":1}"#);
}

#[test]
fn an_object_that_was_empty_before_is_not_emptied() {
    assert!(!Change::of(RawJson::trusted("{}")).empties());
}

proptest! {
    #[test]
    fn the_members_that_stay_are_what_they_were(
        names in prop::collection::btree_set("[ -~]{0,4}", 0..6),
        gone in any::<[bool; 6]>(),
        added in prop::option::of("[A-Z]{5}"),
        space in "[ \n\t]{0,2}",
    ) {
        let written: Vec<String> = names.iter().enumerate()
            .map(|(index, name)| format!("{space}{}{space}:{space}[{index}]{space}", serde_json::to_string(name).unwrap()))
            .collect();
        let object = format!("{{{space}{}}}", written.join(","));
        let result = changed(&object, |change, find| {
            for (name, _) in names.iter().zip(gone).filter(|(_, gone)| *gone) {
                change.remove(find(name));
            }
            if let Some(name) = &added {
                change.set(name, None, "true");
            }
        });
        let mut expected: Vec<(String, String)> = added.iter().map(|name| (name.clone(), "true".to_owned())).collect();
        expected.extend(names.iter().zip(gone).enumerate().filter(|(_, (_, gone))| !gone).map(|(index, (name, _))| (name.clone(), format!("[{index}]"))));
        let found: Vec<(String, String)> =
            entries(&result).unwrap().into_iter().map(|(name, value)| (name.into_owned(), value.as_str().to_owned())).collect();
        prop_assert_eq!(found, expected);
    }
}
