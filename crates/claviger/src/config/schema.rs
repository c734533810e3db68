//! What do editors need to know about `claviger.toml`? Its JSON Schema, made from the very structs that read it.

use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use super::file::File;

/// The JSON Schema (draft 2020-12), without references into itself.
pub(crate) fn schema() -> Json {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = Json::from(settings.into_generator().into_root_schema_for::<File>());
    tidy(&mut schema);
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), Json::from("claviger.toml"));
    }
    schema
}

/// The schema as `config schema` prints it.
pub(crate) fn text() -> String {
    format!("{:#}\n", schema())
}

/// TOML has no `null`: takes it out of types, alternatives and defaults, and takes out the formats that no editor knows.
fn tidy(schema: &mut Json) {
    match schema {
        Json::Array(values) => values.iter_mut().for_each(tidy),
        Json::Object(members) => {
            members.remove("default");
            members.remove("format");
            if let Some(Json::Array(kinds)) = members.get_mut("type") {
                kinds.retain(|kind| kind != "null");
                if let [only] = kinds.as_slice() {
                    let only = only.clone();
                    members.insert("type".to_owned(), only);
                }
            }
            drop_null_alternative(members);
            members.values_mut().for_each(tidy);
        }
        _ => {}
    }
}

/// `anyOf [X, null]` becomes X, with the description of the member that uses it.
fn drop_null_alternative(members: &mut serde_json::Map<String, Json>) {
    let Some(Json::Array(alternatives)) = members.get_mut("anyOf") else { return };
    alternatives.retain(|alternative| alternative.get("type").is_none_or(|kind| kind != "null"));
    let [Json::Object(only)] = alternatives.as_slice() else { return };
    let only = only.clone();
    members.remove("anyOf");
    for (name, value) in only {
        members.entry(name).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::{Json, schema};

    fn visit(value: &Json, seen: &mut impl FnMut(&serde_json::Map<String, Json>)) {
        match value {
            Json::Array(values) => values.iter().for_each(|value| visit(value, seen)),
            Json::Object(members) => {
                seen(members);
                members.values().for_each(|value| visit(value, seen));
            }
            _ => {}
        }
    }

    #[test]
    fn every_key_is_described_and_none_takes_null() {
        let mut checked = 0;
        visit(&schema(), &mut |members| {
            for (name, property) in members.get("properties").and_then(Json::as_object).into_iter().flatten() {
                assert!(property.get("description").is_some(), "`{name}` has no description");
                checked += 1;
            }
            assert_ne!(members.get("type"), Some(&Json::from("null")));
            assert!(!members.contains_key("$ref"));
        });
        assert!(checked > 50, "only {checked} keys seen");
    }
}
