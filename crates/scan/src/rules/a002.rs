//! Is the container open towards the machine?

use super::launch::program;
use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};

pub(super) const RULE: Rule = Rule {
    id: "A002",
    title: "a container that is no border",
    severity: Severity::High,
    owasp: "MCP02:2025",
    cwe: 250,
    advice: "drop the option; give the one path, port or capability that is needed",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"docker","args":["run","--privileged","x@sha256:00"]}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"docker","args":["run","--cap-drop","ALL","x@sha256:00"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let mut found = Vec::new();
    for server in case
        .model
        .servers
        .iter()
        .filter(|server| server.line.iter().any(|word| ["docker", "podman", "nerdctl"].contains(&program(&word.text))))
    {
        let mut before = "";
        for word in &server.line {
            if opens(before, &word.text) {
                found.push(Remark::new(
                    Category::PrivilegedContainer,
                    word.span.clone(),
                    "what runs in this container reaches the machine around it",
                ));
            }
            before = &word.text;
        }
    }
    found
}

/// One word, and the option in front of it.
fn opens(before: &str, text: &str) -> bool {
    let (option, value) = text.split_once('=').filter(|(option, _)| option.starts_with("--")).unwrap_or((before, text));
    match option {
        _ if text == "--privileged" || text == "--privileged=true" => true,
        "--network" | "--net" | "--pid" | "--ipc" | "--uts" | "--userns" | "--cgroupns" => value == "host",
        "--cap-add" => ["ALL", "SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN", "SYS_MODULE"]
            .contains(&value.trim_start_matches("CAP_").to_ascii_uppercase().as_str()),
        "--security-opt" => value.contains("unconfined"),
        "-v" | "--volume" | "--mount" => {
            value.contains("docker.sock")
                || value.contains("podman.sock")
                || value.starts_with("/:")
                || value.contains("src=/,")
                || value.contains("source=/,")
        }
        "--device" => value.starts_with("/dev/mem") || value.starts_with("/dev/sd"),
        _ => text.starts_with("-v/:") || text.starts_with("-v/var/run/docker.sock"),
    }
}
