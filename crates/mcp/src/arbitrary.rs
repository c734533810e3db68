//! What may stand in a message that we do not read? For the tests that try anything.

use proptest::prelude::*;

/// Any JSON text, spelled in ways that a serialiser would not choose.
pub(crate) fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("1.10".to_owned()),
        Just("12345678901234567890123".to_owned()),
        Just(r#""\u0041\/""#.to_owned()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        any::<f64>().prop_map(|number| serde_json::to_string(&number).unwrap()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[ {} ]", items.join(" ,"))),
            prop::collection::vec(("[a-z]{0,4}", inner), 0..4).prop_map(|members| {
                let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\" : {value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// An id, or a progress token: an integer or a string.
pub(crate) fn any_id() -> impl Strategy<Value = String> {
    prop_oneof![any::<i64>().prop_map(|id| id.to_string()), "[ -~é]{0,40}".prop_map(|id| serde_json::to_string(&id).unwrap())]
}
