//! What does this client do for a server that asks back? Who answers, and with what.

use std::pin::Pin;

use mcp::method;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::voice::{self, plain};

/// The result of a request of the server; `None`: it is not for us.
pub(crate) type Answering<'a> = Pin<Box<dyn Future<Output = Option<Json>> + Send + 'a>>;

/// Whoever answers a server's questions.
pub(crate) trait Host: Send + Sync {
    /// What the server may ask for, as `capabilities` say it.
    fn capabilities(&self) -> Json;

    /// Answers a request of the server.
    fn answer<'a>(&'a self, method: &'a str, params: &'a Json) -> Answering<'a>;

    /// Hears what the server logs, as one line or several.
    fn log(&self, text: &str) {
        voice::talk(&format!("{}\n", plain(text.trim_end())));
    }

    /// Hears how far the server is.
    fn progress(&self, progress: &Progress) {
        voice::talk(&format!("{}\n", plain(progress.line().trim_end())));
    }
}

/// How far the server is.
#[derive(Debug, Deserialize)]
pub(crate) struct Progress {
    #[serde(rename = "progress")]
    pub(crate) done: f64,
    pub(crate) total: Option<f64>,
    pub(crate) message: Option<String>,
}

impl Progress {
    fn line(&self) -> String {
        let total = self.total.map_or_else(String::new, |total| format!("/{total}"));
        format!("progress {}{total} {}", self.done, self.message.as_deref().unwrap_or_default())
    }
}

/// Answers nothing.
pub(crate) struct Nobody;

impl Host for Nobody {
    fn capabilities(&self) -> Json {
        json!({})
    }

    fn answer<'a>(&'a self, _: &'a str, _: &'a Json) -> Answering<'a> {
        Box::pin(std::future::ready(None))
    }
}

/// Accepts every form as it is filled in already: what the schema gives as default, and nothing more (SEP-1034).
pub(crate) struct Defaults;

impl Host for Defaults {
    fn capabilities(&self) -> Json {
        json!({"elicitation": {"form": {}}})
    }

    fn answer<'a>(&'a self, method: &'a str, params: &'a Json) -> Answering<'a> {
        let answer = (method == method::ELICITATION_CREATE).then(|| json!({"action": "accept", "content": defaults(params)}));
        Box::pin(std::future::ready(answer))
    }
}

/// The defaults of a form.
pub(crate) fn defaults(params: &Json) -> Map<String, Json> {
    let properties = params.pointer("/requestedSchema/properties").and_then(Json::as_object);
    let with_default = |(name, schema): (&String, &Json)| Some((name.clone(), schema.get("default")?.clone()));
    properties.into_iter().flatten().filter_map(with_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_form_is_accepted_with_its_defaults() {
        let form =
            json!({"requestedSchema": {"properties": {"name": {"default": "x"}, "count": {"default": 0}, "open": {"type": "string"}}}});
        assert_eq!(
            Defaults.answer(method::ELICITATION_CREATE, &form).await,
            Some(json!({"action": "accept", "content": {"name": "x", "count": 0}}))
        );
        assert_eq!(Defaults.answer("sampling/createMessage", &form).await, None);
        assert_eq!(Nobody.answer(method::ELICITATION_CREATE, &form).await, None);
    }
}
