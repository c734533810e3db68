//! Did somebody switch the questions of the client off?

use super::{Example, Rule};
use crate::Case;
use crate::finding::{Category, Remark, Severity};
use crate::model::Place;
use crate::name::words;

pub(super) const RULE: Rule = Rule {
    id: "A004",
    title: "the client asks nobody",
    severity: Severity::High,
    owasp: "MCP02:2025",
    cwe: 863,
    advice: "list the commands that are needed; leave the question on for the rest",
    example: Example {
        file: "settings.json",
        bad: r#"{"permissions":{"allow":["Bash(*)"],"defaultMode":"bypassPermissions"}}"#,
        good: r#"{"permissions":{"allow":["Bash(git status:*)","Read"],"defaultMode":"default"}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let settings = case.model.settings.iter().filter(|setting| setting.place != Place::Comment);
    settings
        .filter(|setting| is_bypass(&setting.name, &setting.text))
        .map(|setting| Remark::new(Category::OverbroadScope, setting.span.clone(), "nobody is asked before it acts"))
        .collect()
}

fn is_bypass(name: &str, value: &str) -> bool {
    let squeezed = words(name).join("");
    let everything = EVERYTHING.contains(&value) || value == "mcp__*" || value.ends_with("(domain:*)");
    match squeezed.as_str() {
        "allow" | "allowedtools" | "autoallow" | "coreTools" | "allowed" => everything || value == "*",
        "defaultmode" | "permissionmode" | "approvalmode" => matches!(value, "bypassPermissions" | "dontAsk" | "yolo"),
        "sandboxmode" | "sandbox" => value == "danger-full-access",
        "approvalpolicy" | "askforapproval" => value == "never",
        _ if FLAGS.contains(&value) || FLAGS.contains(&name) => true,
        _ => value == "true" && SWITCHES.contains(&squeezed.as_str()),
    }
}

const EVERYTHING: &[&str] = &[
    "Bash",
    "Bash(*)",
    "Bash(*:*)",
    "Bash(:*)",
    "Write(*)",
    "Edit(*)",
    "WebFetch(*)",
    "Read(*)",
    "Write(/**)",
    "Edit(/**)",
    "Read(/**)",
    "Bash(sudo:*)",
    "run_shell_command",
    "ShellTool",
];
const FLAGS: &[&str] = &[
    "--dangerously-skip-permissions",
    "--dangerously-bypass-approvals-and-sandbox",
    "--yolo",
    "--allow-all-tools",
    "--trust-all-tools",
    "--full-auto",
];
const SWITCHES: &[&str] = &[
    "enableallprojectmcpservers",
    "chattoolsautoapprove",
    "chattoolsglobalautoapprove",
    "autoapproveall",
    "skipdangerousmodepermissionprompt",
    "yolo",
    "yolomode",
    "dangerouslyskippermissions",
    "alwaysallowall",
    "alwaysallowtoolactions",
    "autorun",
];
