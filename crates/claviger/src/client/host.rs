//! What does this client do for a server that asks back? Who answers, and with what.

use serde_json::{Map, Value as Json, json};

/// Whoever answers a server's questions.
pub(crate) trait Host: Send + Sync {
    /// What the server may ask for, as `capabilities` say it.
    fn capabilities(&self) -> Json;

    /// The result of a request of the server; `None`: it is not for us.
    fn answer(&self, method: &str, params: &Json) -> Option<Json>;
}

/// Answers nothing.
pub(crate) struct Nobody;

impl Host for Nobody {
    fn capabilities(&self) -> Json {
        json!({})
    }

    fn answer(&self, _: &str, _: &Json) -> Option<Json> {
        None
    }
}

/// Accepts every form as it is filled in already: what the schema gives as default, and nothing more (SEP-1034).
pub(crate) struct Defaults;

impl Host for Defaults {
    fn capabilities(&self) -> Json {
        json!({"elicitation": {"form": {}}})
    }

    fn answer(&self, method: &str, params: &Json) -> Option<Json> {
        (method == ELICITATION).then(|| json!({"action": "accept", "content": defaults(params)}))
    }
}

/// The defaults of a form.
pub(crate) fn defaults(params: &Json) -> Map<String, Json> {
    let properties = params.pointer("/requestedSchema/properties").and_then(Json::as_object);
    let with_default = |(name, schema): (&String, &Json)| Some((name.clone(), schema.get("default")?.clone()));
    properties.into_iter().flatten().filter_map(with_default).collect()
}

/// The request that asks a person.
pub(crate) const ELICITATION: &str = "elicitation/create";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_accepted_with_its_defaults() {
        let form =
            json!({"requestedSchema": {"properties": {"name": {"default": "x"}, "count": {"default": 0}, "open": {"type": "string"}}}});
        assert_eq!(Defaults.answer(ELICITATION, &form), Some(json!({"action": "accept", "content": {"name": "x", "count": 0}})));
        assert_eq!(Defaults.answer("sampling/createMessage", &form), None);
        assert_eq!(Nobody.answer(ELICITATION, &form), None);
    }
}
