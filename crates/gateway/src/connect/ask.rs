//! How is a caller asked to have their person connect? By the best means that they have: an elicitation with a URL (SEP-1036), else the link in words.
//!
//! The link says nothing to whoever else may see it: who is meant is sealed into it, and whoever opens it has to show in their browser that they are that person.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use mcp::envelope::Message;
use mcp::error_code;
use mcp::input::{self, Answered};
use mcp::method;
use mcp::raw::RawJson;
use mcp::splice::splice;
use mcp::version::ProtocolVersion;
use serde::Deserialize;
use serde_json::{Value, json};

/// An invitation to one person, to connect to one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invitation {
    /// The server, as people call it.
    pub(crate) server: String,
    /// Where to connect.
    pub(crate) url: String,
}

/// By what means a caller can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    /// The result `input_required`, with a URL to open (2026-07-28).
    InputRequired,
    /// The error that asks for a URL to be opened (2025-11-25).
    ElicitationError,
    /// The failed result of a tool, which people and models read.
    ToolResult,
    /// An error.
    Error,
}

impl Means {
    /// What this caller has, for this message. `opens_urls`: their client has declared URL elicitation.
    pub(crate) fn of(message: &Message<'_>, version: ProtocolVersion, opens_urls: bool) -> Self {
        // A person who has just said no is not asked again.
        let can_be_asked = opens_urls && !answer_of(message).is_some_and(|answered| is_no(answered.action.as_deref()));
        match message.method() {
            Some(method::TOOLS_CALL | method::PROMPTS_GET | method::RESOURCES_READ) if version.is_modern() && can_be_asked => {
                Self::InputRequired
            }
            Some(_) if !version.is_modern() && can_be_asked => Self::ElicitationError,
            Some(method::TOOLS_CALL) => Self::ToolResult,
            _ => Self::Error,
        }
    }
}

impl Invitation {
    /// The answer to `message` that asks for it.
    pub(crate) fn answer(&self, id: Option<RawJson<'_>>, means: Means, version: Option<ProtocolVersion>) -> Vec<u8> {
        let words = format!(
            "This needs your own account at {}. Open this link in a browser to connect it, then try again: {}",
            self.server, self.url
        );
        let elicitation = json!({
            "mode": "url",
            "url": self.url,
            "message": format!("Connect your account at {} to go on.", self.server),
        });
        match means {
            Means::InputRequired => {
                let question = json!({"method": "elicitation/create", "params": elicitation});
                result(id, &json!({"resultType": "input_required", "inputRequests": {KEY: question}}))
            }
            Means::ElicitationError => {
                let mut elicitation = elicitation;
                if let (Some(object), Some(name)) = (elicitation.as_object_mut(), fresh_name()) {
                    object.insert("elicitationId".to_owned(), name.into());
                }
                let data = json!({"elicitations": [elicitation]}).to_string();
                error_code::error_response(id, error_code::URL_ELICITATION_REQUIRED, &words, Some(&data))
            }
            Means::ToolResult => {
                let mut answer = json!({"content": [{"type": "text", "text": words}], "isError": true});
                if let Some(object) = answer.as_object_mut().filter(|_| version.is_some_and(ProtocolVersion::is_modern)) {
                    object.insert("resultType".to_owned(), "complete".into());
                }
                result(id, &answer)
            }
            Means::Error => {
                let data = json!({"url": self.url}).to_string();
                error_code::error_response(id, error_code::FORBIDDEN, &words, Some(&data))
            }
        }
    }
}

/// Whether the caller says that their person is at it: then it is worth waiting for them.
pub(crate) fn says_yes(message: &Message<'_>) -> bool {
    answer_of(message).is_some_and(|answered| answered.action.as_deref() == Some("accept"))
}

/// The message without the answer to our question, which is no business of the server's.
pub(crate) fn without_our_answer(body: &Bytes, message: &Message<'_>) -> Option<Bytes> {
    let given = message.params()?.input_responses()?;
    let rest = input::take_answer(given, KEY)?.rest;
    Some(splice(body, &[message.replace(given, rest)?]).into())
}

/// Whether a client with these capabilities opens URLs for its person. `{}` alone means forms only (2025-11-25, elicitation).
pub(crate) fn opens_urls(capabilities: RawJson<'_>) -> bool {
    #[derive(Deserialize)]
    struct Capabilities<'a> {
        #[serde(borrow)]
        elicitation: Option<Elicitation<'a>>,
    }
    #[derive(Deserialize)]
    struct Elicitation<'a> {
        #[serde(borrow)]
        url: Option<&'a serde_json::value::RawValue>,
    }
    let read = serde_json::from_str::<Capabilities<'_>>(capabilities.as_str()).ok();
    read.and_then(|capabilities| capabilities.elicitation?.url).is_some_and(|url| url.get().starts_with('{'))
}

fn answer_of(message: &Message<'_>) -> Option<Answered> {
    input::take_answer(message.params()?.input_responses()?, KEY)
}

fn is_no(action: Option<&str>) -> bool {
    matches!(action, Some("decline" | "cancel"))
}

fn result(id: Option<RawJson<'_>>, result: &Value) -> Vec<u8> {
    format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, id.map_or("null", RawJson::as_str)).into_bytes()
}

/// Without random numbers there is no name, and clients that want one show the words.
fn fresh_name() -> Option<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

/// Under this name the question stands among those of the server.
const KEY: &str = "claviger.connect";

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        Invitation { server: "Mail".to_owned(), url: "https://door/connections/to/mail?for=x".to_owned() }
    }

    fn message(text: &str) -> Message<'_> {
        Message::parse(text.as_bytes()).unwrap()
    }

    fn call(params: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{params}}}"#)
    }

    fn answered(means: Means, version: ProtocolVersion) -> Value {
        let call = call(r#"{"name":"t"}"#);
        let body = invitation().answer(message(&call).id(), means, Some(version));
        assert!(Message::parse(&body).is_ok());
        let value: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(value["id"], 7);
        value
    }

    #[test]
    fn each_caller_is_asked_by_the_best_means_that_they_have() {
        let (modern, legacy) = (ProtocolVersion::V2026_07_28, ProtocolVersion::V2025_11_25);
        let tool = call(r#"{"name":"t"}"#);
        let said_no = call(r#"{"name":"t","inputResponses":{"claviger.connect":{"action":"decline"}}}"#);
        let list = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#.to_owned();
        for (text, version, opens_urls, expected) in [
            (&tool, modern, true, Means::InputRequired),
            (&tool, modern, false, Means::ToolResult),
            (&tool, legacy, true, Means::ElicitationError),
            (&tool, legacy, false, Means::ToolResult),
            (&said_no, modern, true, Means::ToolResult),
            (&list, modern, true, Means::Error),
            (&list, modern, false, Means::Error),
            (&list, legacy, true, Means::ElicitationError),
            (&list, legacy, false, Means::Error),
        ] {
            assert_eq!(Means::of(&message(text), version, opens_urls), expected, "{text} {version:?} {opens_urls}");
        }
    }

    #[test]
    fn every_means_shows_the_link() {
        let modern = answered(Means::InputRequired, ProtocolVersion::V2026_07_28);
        let question = &modern["result"]["inputRequests"]["claviger.connect"];
        assert_eq!(modern["result"]["resultType"], "input_required");
        assert_eq!((&question["method"], &question["params"]["mode"]), (&json!("elicitation/create"), &json!("url")));
        assert_eq!(question["params"]["url"], invitation().url);
        assert!(question["params"]["elicitationId"].is_null(), "2026-07-28 knows none");

        let legacy = answered(Means::ElicitationError, ProtocolVersion::V2025_11_25);
        assert_eq!(legacy["error"]["code"], -32042);
        let elicitation = &legacy["error"]["data"]["elicitations"][0];
        assert_eq!((&elicitation["mode"], &elicitation["url"]), (&json!("url"), &json!(invitation().url)));
        assert_eq!(elicitation["elicitationId"].as_str().unwrap().len(), 22);

        for (version, kind) in [(ProtocolVersion::V2026_07_28, json!("complete")), (ProtocolVersion::V2025_06_18, Value::Null)] {
            let tool = answered(Means::ToolResult, version);
            assert_eq!((&tool["result"]["isError"], &tool["result"]["resultType"]), (&json!(true), &kind));
            assert!(tool["result"]["content"][0]["text"].as_str().unwrap().ends_with(&invitation().url));
        }
        let error = answered(Means::Error, ProtocolVersion::V2026_07_28);
        assert!(error["error"]["message"].as_str().unwrap().contains(&invitation().url));
    }

    #[test]
    fn our_answer_goes_no_further_and_everything_else_does() {
        let text = call(r#"{"name":"t", "inputResponses" : {"claviger.connect":{"action":"accept"},"q":{"a":1.0}}, "x": 1e2}"#);
        let body = Bytes::from(text.clone());
        let message = message(&text);
        assert!(says_yes(&message));
        let rest = without_our_answer(&body, &message).unwrap();
        assert_eq!(rest, call(r#"{"name":"t", "inputResponses" : {"q":{"a":1.0}}, "x": 1e2}"#));
        let other = call(r#"{"name":"t","inputResponses":{"q":{"action":"accept"}}}"#);
        assert!(!says_yes(&self::message(&other)));
        assert_eq!(without_our_answer(&Bytes::from(other.clone()), &self::message(&other)), None);
    }

    #[test]
    fn only_a_declared_url_mode_counts() {
        for (text, expected) in [
            (r#"{"elicitation":{"url":{}}}"#, true),
            (r#"{"elicitation":{"form":{},"url":{"x":1}},"roots":{}}"#, true),
            (r#"{"elicitation":{}}"#, false),
            (r#"{"elicitation":{"form":{}}}"#, false),
            (r#"{"elicitation":{"url":null}}"#, false),
            (r#"{"roots":{}}"#, false),
            ("[]", false),
        ] {
            let message = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"capabilities":{text}}}}}"#);
            let message = self::message(&message);
            assert_eq!(opens_urls(message.params().unwrap().capabilities().unwrap()), expected, "{text}");
        }
    }
}
