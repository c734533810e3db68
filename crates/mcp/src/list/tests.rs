//! What stays keeps its bytes, what goes leaves valid JSON, and nothing public stays public.

use proptest::prelude::*;

use super::{ListError, ListKind, filter, names};
use crate::splice::splice;

fn filtered(result: &str, list: ListKind, keep: &[&str]) -> String {
    let edits = filter(result, list, |name| keep.contains(&name)).unwrap();
    String::from_utf8(splice(result.as_bytes(), &edits)).unwrap()
}

#[test]
fn items_that_stay_keep_their_bytes() {
    let result = r#"{ "tools" : [ {"name":"a","x":1.10} , {"name":"b"},{"name":"c","y":"\u0041"} ], "nextCursor":"q" }"#;
    let cases: [(&[&str], &str); 5] = [
        (&["a", "b", "c"], result),
        (&["a", "c"], r#"{ "tools" : [ {"name":"a","x":1.10},{"name":"c","y":"\u0041"} ], "nextCursor":"q" }"#),
        (&["b"], r#"{ "tools" : [ {"name":"b"} ], "nextCursor":"q" }"#),
        (&["c"], r#"{ "tools" : [ {"name":"c","y":"\u0041"} ], "nextCursor":"q" }"#),
        (&[], r#"{ "tools" : [  ], "nextCursor":"q" }"#),
    ];
    for (keep, left) in cases {
        assert_eq!(filtered(result, ListKind::Tools, keep), left, "{keep:?}");
    }
}

#[test]
fn each_list_goes_by_its_own_member() {
    let cases = [
        (ListKind::Prompts, r#"{"prompts":[{"name":"a"},{"name":"b"}]}"#, r#"{"prompts":[{"name":"a"}]}"#),
        (
            ListKind::Resources,
            r#"{"resources":[{"name":"b","uri":"a"},{"name":"a","uri":"b"}]}"#,
            r#"{"resources":[{"name":"b","uri":"a"}]}"#,
        ),
        (ListKind::ResourceTemplates, r#"{"resourceTemplates":[{"uriTemplate":"b","name":"a"}]}"#, r#"{"resourceTemplates":[]}"#),
    ];
    for (list, result, left) in cases {
        assert_eq!(filtered(result, list, &["a"]), left);
    }
}

#[test]
fn a_public_list_becomes_private_and_nothing_else_is_added() {
    assert_eq!(
        filtered(r#"{"cacheScope":"public","tools":[{"name":"a"}],"ttlMs":5}"#, ListKind::Tools, &["a"]),
        r#"{"cacheScope":"private","tools":[{"name":"a"}],"ttlMs":5}"#
    );
    assert_eq!(filtered(r#"{"tools":[],"cacheScope":"p\u0075blic"}"#, ListKind::Tools, &[]), r#"{"tools":[],"cacheScope":"private"}"#);
    for same in [r#"{"tools":[],"cacheScope":"private"}"#, r#"{"tools":[]}"#, r#"{"resultType":"input_required"}"#] {
        assert_eq!(filtered(same, ListKind::Tools, &[]), same);
    }
}

#[test]
fn a_name_is_decoded_before_it_is_judged() {
    assert_eq!(filtered(r#"{"tools":[{"n\u0061me":"\u0061"}]}"#, ListKind::Tools, &["a"]), r#"{"tools":[{"n\u0061me":"\u0061"}]}"#);
    assert_eq!(names(r#"{"tools":[{"name":"\u0061"},{"name":"b"}]}"#, ListKind::Tools).unwrap(), ["a", "b"]);
}

#[test]
fn lists_that_can_be_read_in_two_ways_are_not_passed_on() {
    for result in [
        r#"{"tools":[],"tools":[{"name":"hidden"}]}"#,
        r#"{"Tools":[{"name":"hidden"}]}"#,
        r#"{"tools":[{"name":"a","name":"hidden"}]}"#,
        r#"{"tools":[{"name":"a","Name":"hidden"}]}"#,
        r#"{"tools":["a"]}"#,
        "[]",
    ] {
        assert!(matches!(filter(result, ListKind::Tools, |_| true), Err(ListError::Ambiguous(_))), "{result}");
    }
    assert_eq!(filter(r#"{"tools":{}}"#, ListKind::Tools, |_| true), Err(ListError::NotAnArray));
    assert_eq!(filter(r#"{"tools":[{"name":"a"},{}]}"#, ListKind::Tools, |_| true), Err(ListError::Nameless { index: 1 }));
}

#[test]
fn only_the_four_list_methods_have_lists() {
    assert_eq!(ListKind::of_method("tools/list"), Some(ListKind::Tools));
    assert_eq!(ListKind::of_method("resources/templates/list"), Some(ListKind::ResourceTemplates));
    assert_eq!(ListKind::of_method("tasks/list"), None);
}

proptest! {
    #[test]
    fn exactly_the_kept_items_are_left_in_order(kept in prop::collection::vec(any::<bool>(), 0..12), space in "[ \n]{0,2}") {
        let item = |index: usize| format!("{{\"name\":\"t{index}\",\"n\":{index}.10}}");
        let items: Vec<String> = (0..kept.len()).map(item).collect();
        let result = format!("{{\"tools\":[{space}{}{space}],\"ttlMs\":1}}", items.join(&format!("{space},{space}")));
        let edits = filter(&result, ListKind::Tools, |name| kept[name[1..].parse::<usize>().unwrap()]).unwrap();
        let left = String::from_utf8(splice(result.as_bytes(), &edits)).unwrap();
        let parsed: std::collections::BTreeMap<String, Box<serde_json::value::RawValue>> = serde_json::from_str(&left).unwrap();
        let tools: Vec<&serde_json::value::RawValue> = serde_json::from_str(parsed["tools"].get()).unwrap();
        let expected: Vec<String> = (0..kept.len()).filter(|&index| kept[index]).map(item).collect();
        prop_assert_eq!(tools.iter().map(|tool| tool.get()).collect::<Vec<_>>(), expected);
    }
}
