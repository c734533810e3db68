//! Where do MCP clients keep their servers, and how does each write one? The only place that knows.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::config::env::{CLAUDE_CONFIG_DIR, CODEX_HOME, Surroundings, Variable, XDG_CONFIG_HOME};

/// A client whose configuration `claviger setup` can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KnownClient {
    /// Claude Code
    ClaudeCode,
    /// Claude Desktop
    ClaudeDesktop,
    /// Codex: its command line, editor extension and app
    Codex,
    /// Cursor
    Cursor,
    /// Gemini CLI
    Gemini,
    /// Visual Studio Code
    Vscode,
    /// Windsurf
    Windsurf,
}

/// For whom a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    /// Everybody who works in this folder
    Project,
    /// You, in every folder
    User,
}

/// Systems that put files in different places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Linux,
    MacOs,
    Windows,
}

/// How a client's file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// With comments and trailing commas, as editors write it.
    Json,
    Toml,
}

/// How a client writes the servers that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) format: Format,
    /// The table with all servers.
    pub(crate) section: &'static str,
    /// What `type` says of a program on a pipe, where the client writes one.
    pub(crate) program_kind: Option<&'static str>,
    /// How a server behind an address is written; `None`: the file has no word for it.
    pub(crate) address: Option<Address>,
}

/// How a client that speaks Streamable HTTP and logs in by itself writes a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) key: &'static str,
    pub(crate) kind: Option<&'static str>,
}

impl KnownClient {
    /// What people call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Claude Code",
            Self::ClaudeDesktop => "Claude Desktop",
            Self::Codex => "Codex",
            Self::Cursor => "Cursor",
            Self::Gemini => "Gemini CLI",
            Self::Vscode => "VS Code",
            Self::Windsurf => "Windsurf",
        }
    }

    /// What a person types for it.
    pub(crate) fn word(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// How it writes its servers.
    pub(crate) fn shape(self) -> Shape {
        let json = Shape { format: Format::Json, section: "mcpServers", program_kind: None, address: None };
        let address = |key, kind| Some(Address { key, kind });
        match self {
            Self::ClaudeCode => Shape { program_kind: Some("stdio"), address: address("url", Some("http")), ..json },
            Self::ClaudeDesktop => json,
            Self::Codex => Shape { format: Format::Toml, section: "mcp_servers", address: address("url", None), ..json },
            Self::Cursor => Shape { address: address("url", None), ..json },
            // Its `url` means the transport of 2024.
            Self::Gemini => Shape { address: address("httpUrl", None), ..json },
            Self::Vscode => Shape { section: "servers", program_kind: Some("stdio"), address: address("url", Some("http")), ..json },
            Self::Windsurf => Shape { address: address("serverUrl", None), ..json },
        }
    }

    /// The file of a project, from its folder.
    pub(crate) fn project_file(self) -> Option<&'static str> {
        match self {
            Self::ClaudeCode => Some(".mcp.json"),
            Self::Codex => Some(".codex/config.toml"),
            Self::Cursor => Some(".cursor/mcp.json"),
            Self::Gemini => Some(".gemini/settings.json"),
            Self::Vscode => Some(".vscode/mcp.json"),
            Self::ClaudeDesktop | Self::Windsurf => None,
        }
    }

    /// The file of a person; `None` when nothing says where the home folder is.
    pub(crate) fn user_file(self, system: System, around: &Surroundings) -> Option<PathBuf> {
        located(self.user_place(system), around)
    }

    /// From the home folder.
    fn user_place(self, system: System) -> &'static str {
        match (self, system) {
            (Self::ClaudeCode, _) => ".claude.json",
            (Self::ClaudeDesktop, System::Linux) => ".config/Claude/claude_desktop_config.json",
            (Self::ClaudeDesktop, System::MacOs) => "Library/Application Support/Claude/claude_desktop_config.json",
            (Self::ClaudeDesktop, System::Windows) => "AppData/Roaming/Claude/claude_desktop_config.json",
            (Self::Codex, _) => ".codex/config.toml",
            (Self::Cursor, _) => ".cursor/mcp.json",
            (Self::Gemini, _) => ".gemini/settings.json",
            (Self::Vscode, System::Linux) => ".config/Code/User/mcp.json",
            (Self::Vscode, System::MacOs) => "Library/Application Support/Code/User/mcp.json",
            (Self::Vscode, System::Windows) => "AppData/Roaming/Code/User/mcp.json",
            (Self::Windsurf, _) => ".codeium/windsurf/mcp_config.json",
        }
    }
}

impl System {
    /// The one that this program was built for.
    pub(crate) const fn this() -> Self {
        if cfg!(target_os = "macos") {
            Self::MacOs
        } else if cfg!(windows) {
            Self::Windows
        } else {
            Self::Linux
        }
    }
}

/// Every file of a person in which some client may keep servers, whatever the system: home folders move between systems, and are looked at from others.
pub(crate) fn user_files(around: &Surroundings) -> Vec<PathBuf> {
    let systems = [System::Linux, System::MacOs, System::Windows];
    let known = KnownClient::value_variants().iter().flat_map(|client| systems.map(|system| client.user_place(system)));
    let mut files: Vec<PathBuf> = known.chain(OTHERS.iter().copied()).filter_map(|place| located(place, around)).collect();
    files.sort();
    files.dedup();
    files
}

/// Where a place of the home folder is once the variables that move it are heard.
fn located(place: &str, around: &Surroundings) -> Option<PathBuf> {
    let moved = MOVED.iter().find_map(|(folder, variable)| {
        let rest = place.strip_prefix(folder).or_else(|| (*variable == CLAUDE_CONFIG_DIR && place == ".claude.json").then_some(place))?;
        let base = around.value(*variable).map(Path::new).filter(|base| base.is_absolute())?;
        Some(base.join(rest))
    });
    moved.or_else(|| Some(around.home()?.join(place)))
}

/// Folders of the home folder, and the variables that put them elsewhere.
const MOVED: [(&str, Variable); 3] = [(".claude/", CLAUDE_CONFIG_DIR), (".codex/", CODEX_HOME), (".config/", XDG_CONFIG_HOME)];

/// Files that are looked at and never changed by `setup`, from the home folder.
const OTHERS: &[&str] = &[
    ".aws/amazonq/mcp.json",
    ".claude/settings.json",
    ".claude/settings.local.json",
    ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
    ".config/Code/User/settings.json",
    ".config/goose/config.yaml",
    ".config/opencode/opencode.json",
    ".config/zed/settings.json",
    ".continue/config.yaml",
    ".gemini/antigravity/mcp_config.json",
    ".kiro/settings/mcp.json",
    "Library/Application Support/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
    "Library/Application Support/Code/User/settings.json",
];

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{KnownClient, System, user_files};
    use crate::config::env::Surroundings;

    fn around(variables: &[(&str, &str)]) -> Surroundings {
        Surroundings::pretend(Path::new("/work"), variables)
    }

    #[test]
    fn each_system_has_its_own_places() {
        let home = around(&[("HOME", "/home/ann")]);
        for (client, system, expected) in [
            (KnownClient::ClaudeDesktop, System::MacOs, "Library/Application Support/Claude/claude_desktop_config.json"),
            (KnownClient::ClaudeDesktop, System::Windows, "AppData/Roaming/Claude/claude_desktop_config.json"),
            (KnownClient::Vscode, System::Linux, ".config/Code/User/mcp.json"),
            (KnownClient::Windsurf, System::MacOs, ".codeium/windsurf/mcp_config.json"),
        ] {
            assert_eq!(client.user_file(system, &home), Some(Path::new("/home/ann").join(expected)));
        }
        assert_eq!(KnownClient::Cursor.user_file(System::Linux, &around(&[])), None);
    }

    #[test]
    fn a_client_that_was_moved_is_found_where_it_went() {
        let moved =
            around(&[("HOME", "/home/ann"), ("CODEX_HOME", "/codex"), ("CLAUDE_CONFIG_DIR", "/claude"), ("XDG_CONFIG_HOME", "relative")]);
        for (client, expected) in [
            (KnownClient::Codex, "/codex/config.toml"),
            (KnownClient::ClaudeCode, "/claude/.claude.json"),
            (KnownClient::Cursor, "/home/ann/.cursor/mcp.json"),
            (KnownClient::Vscode, "/home/ann/.config/Code/User/mcp.json"),
        ] {
            assert_eq!(client.user_file(System::Linux, &moved), Some(PathBuf::from(expected)));
        }
        let files = user_files(&moved);
        for expected in ["/claude/settings.json", "/home/ann/.gemini/settings.json", "/home/ann/.config/zed/settings.json"] {
            assert!(files.contains(&PathBuf::from(expected)), "{expected}");
        }
    }
}
