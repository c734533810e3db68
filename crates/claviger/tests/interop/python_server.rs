//! A server on the official Python SDK that speaks both eras, over HTTP and as a child: what the modern protocol does with
//! real programs at both ends. By its oldest transport it is of the older era, and the door translates.

use serde_json::{Value, json};

use crate::support::{Client, Door, Running, Setup, loopback_server, peer, python, repository};

const ERAS: [(&str, &str); 2] = [("legacy", "2025-11-25"), ("auto", "2026-07-28")];

struct PythonServer {
    door: Door,
    token: String,
    _server: Option<Running>,
}

impl PythonServer {
    fn over_stdio() -> Self {
        let python = peer("venv/bin/python").display().to_string();
        let script = repository().join("interop/servers/both_eras.py").display().to_string();
        Self::behind(Setup::program("both", vec![python, script, "stdio".to_owned()]), None)
    }

    fn over_http() -> Self {
        let (server, url) = Self::listening("http");
        Self::behind(Setup::url("both", &url), Some(server))
    }

    fn over_sse() -> Self {
        let (server, url) = Self::listening("sse");
        Self::behind(Setup::sse("both", &url), Some(server))
    }

    fn listening(way: &str) -> (Running, String) {
        let mut command = python();
        command.arg(repository().join("interop/servers/both_eras.py")).arg(way);
        loopback_server(command)
    }

    fn behind(setup: Setup, server: Option<Running>) -> Self {
        let door = setup.scope("*=both:use").open();
        let token = door.token("both:use");
        Self { door, token, _server: server }
    }

    fn run(&self, client: Client, era: &str, scenario: &str, tool: &str, arguments: &Value) -> Value {
        client.run(&self.door.url, &self.token, scenario, &json!({"era": era, "tool": tool, "arguments": arguments}))
    }

    fn text_of(&self, era: &str, tool: &str) -> String {
        let seen = self.run(Client::TypeScript, era, "tour", tool, &json!({}));
        seen["text"].as_str().expect("the tool answers with text").to_owned()
    }
}

fn tour(server: PythonServer) {
    for client in Client::ALL {
        for (era, version) in ERAS {
            let seen = server.run(client, era, "tour", "echo", &json!({"text": "grüß Gott, 世界"}));
            assert_eq!((&seen["version"], &seen["text"]), (&json!(version), &json!("grüß Gott, 世界")), "{client:?}");
            assert_eq!(seen["resources"], json!(["note://counter"]), "{client:?} {era}");
        }
    }
    server.door.close();
}

fn progress(server: PythonServer) {
    for client in Client::ALL {
        for (era, _) in ERAS {
            let seen = server.run(client, era, "progress", "count", &json!({"to": 3}));
            let steps: Vec<(f64, f64)> = serde_json::from_value(seen["steps"].clone()).expect("steps are pairs of numbers");
            assert_eq!(steps, [(1.0, 3.0), (2.0, 3.0), (3.0, 3.0)], "{client:?} {era}");
            assert_eq!(seen["text"], "counted to 3");
        }
    }
    server.door.close();
}

// Legacy: a request of the server. Modern: an `input_required` result, and the same call again with the answer.
fn question(server: PythonServer) {
    for client in Client::ALL {
        for (era, _) in ERAS {
            let seen = server.run(client, era, "ask", "greet", &json!({}));
            assert_eq!((&seen["asked"], &seen["text"]), (&json!(["What is your name?"]), &json!("hello Ada")), "{client:?} {era}");
        }
    }
    server.door.close();
}

// The server counts: every call of `wait` that began was cancelled, by a message in one era and by hanging up in the other.
fn cancellation(server: PythonServer) {
    for client in Client::ALL {
        for (era, _) in ERAS {
            let settings = json!({"era": era, "tool": "wait", "after": "waited", "until": "all cancelled"});
            let seen = client.run(&server.door.url, &server.token, "cancel", &settings);
            assert_eq!(seen["outcome"], "cancelled", "{client:?} {era}");
            assert!(seen["text"].as_str().is_some_and(|text| text.ends_with("all cancelled")), "{client:?} {era}: {seen}");
        }
    }
    for call in server.door.calls_of("wait", 4) {
        // In the older era a server may answer what was cancelled, and this one does: with an error.
        assert_eq!(call["outcome"], "cancelled", "{call}");
    }
    server.door.close();
}

fn subscription(server: PythonServer) {
    let settings = json!({"era": "modern", "uri": "note://counter", "tool": "touch"});
    let seen = Client::TypeScript.run(&server.door.url, &server.token, "subscribe", &settings);
    assert_eq!(seen["updated"], "note://counter");
    server.door.close();
}

fn crowd(server: PythonServer) {
    for client in Client::ALL {
        for (era, _) in ERAS {
            let settings = json!({"era": era, "clients": 6, "calls": 20});
            let seen = client.run(&server.door.url, &server.token, "crowd", &settings);
            assert_eq!(seen["answered"], 120, "{client:?} {era}");
        }
    }
    server.door.close();
}

mod over_stdio {
    use super::PythonServer;

    #[test]
    fn every_client_is_served_in_its_era() {
        super::tour(PythonServer::over_stdio());
    }

    #[test]
    fn progress_arrives_in_both_eras() {
        super::progress(PythonServer::over_stdio());
    }

    #[test]
    fn a_person_is_asked_in_both_eras() {
        super::question(PythonServer::over_stdio());
    }

    #[test]
    fn a_cancelled_call_is_cancelled_at_the_server() {
        super::cancellation(PythonServer::over_stdio());
    }

    #[test]
    fn a_listener_hears_of_a_change() {
        super::subscription(PythonServer::over_stdio());
    }

    #[test]
    fn equal_ids_of_many_clients_never_meet() {
        super::crowd(PythonServer::over_stdio());
    }
}

mod over_http {
    use super::PythonServer;

    #[test]
    fn every_client_is_served_in_its_era() {
        super::tour(PythonServer::over_http());
    }

    #[test]
    fn progress_arrives_in_both_eras() {
        super::progress(PythonServer::over_http());
    }

    #[test]
    fn a_person_is_asked_in_both_eras() {
        super::question(PythonServer::over_http());
    }

    #[test]
    fn a_cancelled_call_is_cancelled_at_the_server() {
        super::cancellation(PythonServer::over_http());
    }

    #[test]
    fn a_listener_hears_of_a_change() {
        super::subscription(PythonServer::over_http());
    }

    #[test]
    fn equal_ids_of_many_clients_never_meet() {
        super::crowd(PythonServer::over_http());
    }

    #[test]
    fn the_token_goes_no_further_than_the_door() {
        let server = PythonServer::over_http();
        for era in ["legacy", "modern"] {
            let names = server.text_of(era, "header_names");
            for private in ["authorization", "cookie", "x-forwarded-for"] {
                assert!(!names.split(' ').any(|name| name == private), "{era}: {names}");
            }
        }
        server.door.close();
    }
}

// In the older era this server tells nobody of changes.
mod over_sse {
    use super::PythonServer;

    #[test]
    fn every_client_is_served_in_its_era() {
        super::tour(PythonServer::over_sse());
    }

    #[test]
    fn progress_arrives_in_both_eras() {
        super::progress(PythonServer::over_sse());
    }

    #[test]
    fn a_person_is_asked_in_both_eras() {
        super::question(PythonServer::over_sse());
    }

    #[test]
    fn a_cancelled_call_is_cancelled_at_the_server() {
        super::cancellation(PythonServer::over_sse());
    }

    #[test]
    fn equal_ids_of_many_clients_never_meet() {
        super::crowd(PythonServer::over_sse());
    }
}
