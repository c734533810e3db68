//! Which references does a client resolve by itself? By the file that it reads, for no file says which program that is.

/// Who reads a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Claude Code, in the file of a project.
    ClaudeCode,
    /// The door itself.
    Claviger,
    /// Cursor and Windsurf, which write as VS Code does.
    Cursor,
    /// Whatever reads variables from a file.
    Dotenv,
    /// Gemini CLI.
    Gemini,
    /// opencode.
    Opencode,
    /// One that hands on what stands there: Claude Desktop, Cline, Codex, Kiro and all that are not known.
    Verbatim,
    /// VS Code.
    VsCode,
}

impl Client {
    /// By folder and name of a file, and by what it says where the name is used by several.
    pub fn of(folder: &str, name: &str, text: &str) -> Self {
        let name = name.to_ascii_lowercase();
        match (folder, name.as_str()) {
            (_, ".mcp.json") => Self::ClaudeCode,
            (_, own) if own.strip_suffix(".toml").is_some_and(|own| own.split('.').next() == Some("claviger")) => Self::Claviger,
            (_, "opencode.json" | "opencode.jsonc") => Self::Opencode,
            (".gemini", "settings.json") => Self::Gemini,
            (".vscode" | "Code" | "User", "mcp.json" | "settings.json") => Self::VsCode,
            ("windsurf", "mcp_config.json") => Self::Cursor,
            (".kiro" | "amazonq" | ".amazonq" | "settings", _) => Self::Verbatim,
            // Most files of this name are Cursor's; those of VS Code call their table `servers`.
            (_, "mcp.json") if text.contains("\"mcpServers\"") => Self::Cursor,
            (_, "mcp.json") if text.contains("\"servers\"") => Self::VsCode,
            _ if name.split('.').any(|part| part == "env") => Self::Dotenv,
            _ => Self::Verbatim,
        }
    }

    /// How it writes a variable of its own environment; `None`: it resolves nothing.
    pub(super) fn variable(self, name: &str) -> Option<String> {
        match self {
            Self::ClaudeCode | Self::Gemini => Some(format!("${{{name}}}")),
            Self::Cursor | Self::VsCode => Some(format!("${{env:{name}}}")),
            Self::Opencode => Some(format!("{{env:{name}}}")),
            Self::Claviger | Self::Dotenv | Self::Verbatim => None,
        }
    }

    /// Whether it would take `${…}` in a text for a reference of its own.
    pub(super) fn reads_braces(self) -> bool {
        matches!(self, Self::ClaudeCode | Self::Cursor | Self::Gemini | Self::VsCode)
    }
}

#[cfg(test)]
mod tests {
    use super::Client;

    #[test]
    fn a_client_is_known_by_folder_name_and_text() {
        for (folder, name, text, expected) in [
            ("project", ".mcp.json", "", Client::ClaudeCode),
            (".cursor", "mcp.json", r#"{"mcpServers":{}}"#, Client::Cursor),
            (".vscode", "mcp.json", r#"{"servers":{}}"#, Client::VsCode),
            ("somewhere", "mcp.json", r#"{"servers":{}}"#, Client::VsCode),
            ("settings", "mcp.json", r#"{"mcpServers":{}}"#, Client::Verbatim),
            (".gemini", "settings.json", "", Client::Gemini),
            (".claude", "settings.json", "", Client::Verbatim),
            ("Claude", "claude_desktop_config.json", "", Client::Verbatim),
            (".codex", "config.toml", "", Client::Verbatim),
            ("project", ".env.local", "", Client::Dotenv),
            ("project", "claviger.production.toml", "", Client::Claviger),
        ] {
            assert_eq!(Client::of(folder, name, text), expected, "{folder}/{name}");
        }
    }
}
