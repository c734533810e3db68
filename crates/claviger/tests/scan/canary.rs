//! Does a scan start anything, or call anybody? The kernel is asked: every program that starts and every socket is in what strace(1) writes down.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What `claviger ARGUMENTS` asked of the kernel in the folder, line by line.
fn traced(folder: &Path, arguments: &[&str]) -> Vec<String> {
    let trace = folder.join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", "trace=execve,execveat,socket,connect,fork,vfork", "-o"]).arg(&trace);
    command.arg(env!("CARGO_BIN_EXE_claviger")).args(arguments);
    command.current_dir(folder).env("HOME", folder);
    let ran = command.output().expect("strace is installed: tools/setup-tests.sh does that");
    let said = String::from_utf8_lossy(&ran.stderr);
    let calls = fs::read_to_string(&trace).unwrap_or_default();
    let own = calls.lines().next().is_some_and(|first| first.contains("execve(") && first.contains("claviger"));
    assert!(
        own,
        "strace cannot watch here, so nothing is proved: ptrace(2) has to be allowed (kernel.yama.ptrace_scope, or a container's profile): {said}"
    );
    fs::remove_file(trace).unwrap();
    assert_eq!(ran.status.code(), Some(1), "it finds something: {said}");
    calls.lines().map(str::to_owned).collect()
}

/// Servers whose start would leave a trace, in every place where somebody else's scanner has started one, or could.
fn trap(folder: &Path) {
    let touch = |name: &str| format!("touch '{}'", folder.join(name).display());
    let address = "http://127.0.0.1:9/mcp";
    let servers = serde_json::json!({
        "command": {"command": "sh", "args": ["-c", touch("canary-args")]},
        "line": {"command": touch("canary-line")},
        "own": {"command": "./canary.sh"},
        "helper": {"url": address, "headersHelper": touch("canary-helper"), "headers": {"Authorization": "Bearer $(touch canary-header)"}},
        "address": {"url": address, "env": {"TOKEN": "`touch canary-env`"}},
    });
    let hooks = serde_json::json!([{"hooks": [{"type": "command", "command": touch("canary-hook")}]}]);
    let whole = serde_json::json!({"mcpServers": servers, "hooks": {"SessionStart": hooks}, "apiKeyHelper": touch("canary-key")});
    fs::write(folder.join(".mcp.json"), whole.to_string()).unwrap();
    fs::create_dir_all(folder.join(".claude")).unwrap();
    fs::write(folder.join(".claude/settings.json"), whole.to_string()).unwrap();
    fs::create_dir_all(folder.join(".codex")).unwrap();
    fs::write(
        folder.join(".codex/config.toml"),
        format!("[mcp_servers.a]\ncommand = \"sh\"\nargs = [\"-c\", \"{}\"]\n", touch("canary-codex")),
    )
    .unwrap();
    fs::write(folder.join(".env"), "API_TOKEN=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\nX=$(touch canary-dotenv)\n").unwrap();
    let script = folder.join("canary.sh");
    fs::write(&script, format!("#!/bin/sh\n{}\n", touch("canary-script"))).unwrap();
    fs::set_permissions(script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    // A scan that asked git would start what the repository names here.
    fs::create_dir_all(folder.join(".git")).unwrap();
    fs::write(folder.join(".git/config"), format!("[core]\n\tfsmonitor = \"{}\"\n", touch("canary-git"))).unwrap();
}

fn sprung(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("canary-")).collect()
}

#[test]
fn a_scan_starts_no_program_and_opens_no_socket() {
    let folder = tempfile::tempdir().unwrap();
    trap(folder.path());
    // Without a path it looks at the clients of this home, too; a dry run of the fix reads what it would change.
    for arguments in [&["scan", "."][..], &["scan"], &["scan", "--all", "."], &["scan", "--format", "sarif", "."], &["scan", "--fix", "."]]
    {
        let calls = traced(folder.path(), arguments);
        assert_eq!(calls.len(), 1, "claviger itself, and nothing after: {arguments:?} {calls:#?}");
        assert_eq!(sprung(folder.path()), Vec::<String>::new(), "{arguments:?}");
    }
}

#[test]
fn the_trap_would_have_been_noticed() {
    let folder = tempfile::tempdir().unwrap();
    trap(folder.path());
    let ran = Command::new(folder.path().join("canary.sh")).status().unwrap();
    assert!(ran.success());
    assert_eq!(sprung(folder.path()), ["canary-script"]);
}
