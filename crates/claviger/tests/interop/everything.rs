//! `server-everything`, the reference server of the older revisions, as a child process and over HTTP.

use serde_json::{Value, json};

use crate::support::{Client, Door, Running, Setup, eventually, everything, loopback_server, node, peer, repository};

/// The server behind a door, in one of three ways.
struct Everything {
    door: Door,
    token: String,
    // The HTTP server, where there is one; a child is the door's own.
    _server: Option<Running>,
}

impl Everything {
    fn over_stdio() -> Self {
        Self::behind(Setup::program("everything", everything()), None)
    }

    fn over_http() -> Self {
        // The server listens on every interface; the preloaded script keeps it on loopback.
        let mut command = node();
        command.arg("--import").arg(repository().join("interop/servers/loopback.mjs"));
        command.arg(peer("npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js")).arg("streamableHttp");
        let (server, url) = loopback_server(command);
        Self::behind(Setup::url("everything", &url), Some(server))
    }

    fn over_sse() -> Self {
        let (server, url) = sse_server("0");
        Self::behind(Setup::sse("everything", &url), Some(server))
    }

    fn behind(setup: Setup, server: Option<Running>) -> Self {
        let door = setup.scope("*=everything:use").scope("get-env=everything:admin").open();
        let token = door.token("everything:use");
        Self { door, token, _server: server }
    }

    fn run(&self, client: Client, scenario: &str, settings: &Value) -> Value {
        client.run(&self.door.url, &self.token, scenario, settings)
    }
}

/// The server in its oldest way, the SDK's `SSEServerTransport`, and where its stream is.
fn sse_server(port: &str) -> (Running, String) {
    let mut command = node();
    command.arg("--import").arg(repository().join("interop/servers/loopback.mjs")).env("LOOPBACK_PORT", port);
    command.arg(peer("npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js")).arg("sse");
    let (server, url) = loopback_server(command);
    (server, url.replace("/mcp", "/sse"))
}

fn tour(everything: Everything) {
    for client in Client::ALL {
        let seen = client.tour(&everything.door.url, &everything.token, "legacy", "get-sum", &json!({"a": 2, "b": 40}));
        assert_eq!(seen["version"], "2025-11-25");
        assert_eq!(seen["text"], "The sum of 2 and 40 is 42.");
        let tools = seen["tools"].as_array().expect("tools are listed");
        assert!(tools.contains(&json!("echo")), "{seen}");
        assert!(!tools.contains(&json!("get-env")), "a tool that the token does not open is not listed: {seen}");
        assert!(seen["prompts"].as_array().is_some_and(|prompts| prompts.contains(&json!("simple-prompt"))), "{seen}");
        assert!(seen["resources"].as_array().is_some_and(|resources| !resources.is_empty()), "{seen}");
        assert_eq!(seen["refusals"], json!([]));
    }
    everything.door.close();
}

fn progress(everything: Everything) {
    for client in Client::ALL {
        let settings = json!({"tool": "trigger-long-running-operation", "arguments": {"duration": 1, "steps": 4}});
        let seen = everything.run(client, "progress", &settings);
        let steps: Vec<(f64, f64)> = serde_json::from_value(seen["steps"].clone()).expect("steps are pairs of numbers");
        assert_eq!(steps, [(1.0, 4.0), (2.0, 4.0), (3.0, 4.0), (4.0, 4.0)], "{client:?}");
        assert_eq!(seen["text"], "Long running operation completed. Duration: 1 seconds, Steps: 4.");
    }
    everything.door.close();
}

fn questions(everything: Everything) {
    for client in Client::ALL {
        let seen = everything.run(client, "ask", &json!({"tool": "trigger-elicitation-request"}));
        assert_eq!(seen["asked"], json!(["Please provide inputs for the following fields:"]), "{client:?}");
        assert!(seen["text"].as_str().is_some_and(|text| text.contains("- Name: Ada")), "{seen}");

        let seen = everything.run(client, "ask", &json!({"tool": "trigger-sampling-request", "arguments": {"prompt": "a prompt"}}));
        assert_eq!(seen["asked"], json!(["Resource trigger-sampling-request context: a prompt"]), "{client:?}");
        assert!(seen["text"].as_str().is_some_and(|text| text.contains("sampled by the test")), "{seen}");
    }
    everything.door.close();
}

fn cancellation(everything: Everything) {
    for client in Client::ALL {
        let settings = json!({"tool": "trigger-long-running-operation", "arguments": {"duration": 60, "steps": 60}});
        let seen = everything.run(client, "cancel", &settings);
        assert_eq!(seen["outcome"], "cancelled", "{client:?}");
        assert_eq!(seen["text"], "Echo: still here", "{client:?}");
    }
    for call in everything.door.calls_of("trigger-long-running-operation", 2) {
        assert_eq!(call["outcome"], "cancelled", "{call}");
    }
    everything.door.close();
}

fn subscription(everything: Everything) {
    let uri = "demo://resource/dynamic/text/1";
    let seen = everything.run(Client::TypeScript, "subscribe", &json!({"uri": uri, "tool": "toggle-subscriber-updates"}));
    assert_eq!(seen["updated"], uri);
    everything.door.close();
}

fn crowd(everything: Everything) {
    for client in Client::ALL {
        let seen = everything.run(client, "crowd", &json!({"clients": 6, "calls": 20}));
        assert_eq!(seen["answered"], 120, "{client:?}");
        // The Python driver does not say which ids it used.
        assert_ne!(seen["sameIds"], false, "the clients were to use the same JSON-RPC ids");
    }
    everything.door.close();
}

mod over_stdio {
    use super::Everything;

    #[test]
    fn every_client_lists_and_calls() {
        super::tour(Everything::over_stdio());
    }

    #[test]
    fn progress_arrives_at_every_client() {
        super::progress(Everything::over_stdio());
    }

    #[test]
    fn a_person_and_a_model_are_asked_and_answer() {
        super::questions(Everything::over_stdio());
    }

    #[test]
    fn a_cancelled_call_ends_alone() {
        super::cancellation(Everything::over_stdio());
    }

    #[test]
    fn a_subscriber_hears_of_a_change() {
        super::subscription(Everything::over_stdio());
    }

    #[test]
    fn equal_ids_of_many_clients_never_meet() {
        super::crowd(Everything::over_stdio());
    }
}

mod over_http {
    use super::Everything;

    #[test]
    fn every_client_lists_and_calls() {
        super::tour(Everything::over_http());
    }

    #[test]
    fn progress_arrives_at_every_client() {
        super::progress(Everything::over_http());
    }

    #[test]
    fn a_person_and_a_model_are_asked_and_answer() {
        super::questions(Everything::over_http());
    }

    #[test]
    fn a_cancelled_call_ends_alone() {
        super::cancellation(Everything::over_http());
    }

    #[test]
    fn a_subscriber_hears_of_a_change() {
        super::subscription(Everything::over_http());
    }

    #[test]
    fn equal_ids_of_many_clients_never_meet() {
        super::crowd(Everything::over_http());
    }
}

mod over_sse {
    use super::Everything;

    #[test]
    fn every_client_lists_and_calls() {
        super::tour(Everything::over_sse());
    }

    #[test]
    fn progress_arrives_at_every_client() {
        super::progress(Everything::over_sse());
    }

    #[test]
    fn a_person_and_a_model_are_asked_and_answer() {
        super::questions(Everything::over_sse());
    }

    #[test]
    fn a_cancelled_call_ends_alone() {
        super::cancellation(Everything::over_sse());
    }

    #[test]
    fn a_subscriber_hears_of_a_change() {
        super::subscription(Everything::over_sse());
    }

    #[test]
    fn equal_ids_of_many_clients_never_meet() {
        super::crowd(Everything::over_sse());
    }

    #[test]
    fn a_server_that_was_killed_is_called_again_when_it_is_back() {
        let (mut server, url) = super::sse_server("0");
        let door = super::Setup::sse("everything", &url).open();
        let call = || door.call("everything", "echo", &super::json!({"message": "hello"}));
        assert_eq!(call().as_deref(), Ok("Echo: hello"));
        server.kill();
        assert!(call().is_err(), "nobody is there");
        let port = url.trim_end_matches("/sse").rsplit(':').next().expect("the URL has a port");
        let (_server, _url) = super::sse_server(port);
        assert!(super::eventually(|| call().as_deref() == Ok("Echo: hello")), "it is back: {:?}", call());
        door.close();
    }
}
