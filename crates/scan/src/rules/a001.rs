//! May a server read a whole home, or the whole disk?

use super::{Example, Rule};
use crate::Case;
use crate::document::Span;
use crate::finding::{Category, Remark, Severity};
use crate::name::words;

pub(super) const RULE: Rule = Rule {
    id: "A001",
    title: "a server sees more of the disk than one project",
    severity: Severity::High,
    owasp: "MCP02:2025",
    cwe: 552,
    advice: "name the folders of the project",
    example: Example {
        file: ".mcp.json",
        bad: r#"{"mcpServers":{"a":{"command":"npx","args":["-y","@modelcontextprotocol/server-filesystem@2025.8.21","/home/someone"]}}}"#,
        good: r#"{"mcpServers":{"a":{"command":"npx","args":["-y","@modelcontextprotocol/server-filesystem@2025.8.21","/home/someone/src/project"]}}}"#,
    },
    judge,
};

fn judge(case: &Case<'_>) -> Vec<Remark> {
    let broad = |span: Span| Remark::new(Category::BroadFilesystemRoot, span, "keys, mail and browser profiles lie in here");
    let mut found = Vec::new();
    for server in &case.model.servers {
        let files = FILE_SERVERS.iter().any(|name| {
            server.name.to_ascii_lowercase().contains(name)
                || server.line.iter().take(6).any(|word| word.text.to_ascii_lowercase().contains(name))
        });
        let words = server.line.iter().skip(1);
        found.extend(words.filter(|word| files && is_broad(&word.text) || mounts_broadly(&word.text)).map(|word| broad(word.span.clone())));
    }
    let roots = case.model.settings.iter().filter(|setting| ROOTS.contains(&words(&setting.name).join("").as_str()));
    found.extend(
        roots
            .filter(|setting| setting.text.split([':', ',', ';']).any(is_broad) || is_broad(&setting.text))
            .map(|setting| broad(setting.span.clone())),
    );
    found
}

/// A root, a home, or one of the folders in it that hold everything.
fn is_broad(path: &str) -> bool {
    let path = path.trim().replace('\\', "/");
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { &path };
    if WHOLE.contains(&path) {
        return true;
    }
    let path = HOMES.iter().find_map(|home| path.strip_prefix(home)).map_or(path, |rest| rest.trim_start_matches('/'));
    let drive = path.get(1..2) == Some(":") && path.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    let (rest, parts) = if drive { (path.get(2..).unwrap_or_default(), true) } else { (path, false) };
    let parts_of: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    match parts_of.as_slice() {
        [] => parts || path.is_empty(),
        [folder] if !rest.starts_with('/') => EVERYTHING.contains(folder) && !path.contains(':'),
        [root, _] => matches!(*root, "Users" | "home") && rest.starts_with('/'),
        [root, _, folder] => matches!(*root, "Users" | "home") && rest.starts_with('/') && EVERYTHING.contains(folder),
        _ => false,
    }
}

/// `-v SOURCE:TARGET` and `--mount type=bind,src=SOURCE`; the root of the machine is another rule's.
fn mounts_broadly(text: &str) -> bool {
    if let Some((_, rest)) = text.split_once("src=").or_else(|| text.split_once("source=")) {
        return text.contains("type=bind") && rest.split(',').next().is_some_and(is_broad);
    }
    let Some((source, target)) = text
        .rsplit_once(':')
        .map(|(before, last)| if matches!(last, "ro" | "rw") { before.rsplit_once(':').unwrap_or((before, "")) } else { (before, last) })
    else {
        return false;
    };
    target.starts_with('/') && !target.starts_with("//") && source.len() > 1 && !source.contains("://") && is_broad(source)
}

const FILE_SERVERS: &[&str] = &["filesystem", "file-system", "desktop-commander", "mcp-files", "server-files", "fs-mcp", "mcp-fs"];
const WHOLE: &[&str] = &[
    "/",
    "~",
    "$HOME",
    "${HOME}",
    "%USERPROFILE%",
    "${env:HOME}",
    "${userHome}",
    "/root",
    "/home",
    "/Users",
    "/mnt/c",
    "/mnt/c/Users",
    "C:/Users",
    "c:/Users",
    "/etc",
    "/var",
];
const HOMES: &[&str] = &["~/", "$HOME/", "${HOME}/", "%USERPROFILE%/", "${env:HOME}/", "${userHome}/", "/root/"];
const EVERYTHING: &[&str] = &[
    "Documents",
    "Desktop",
    "Downloads",
    "OneDrive",
    "Dropbox",
    "Library",
    ".ssh",
    ".aws",
    ".config",
    "documents",
    "desktop",
    "downloads",
];
const ROOTS: &[&str] = &[
    "alloweddirectories",
    "alloweddirs",
    "allowedpaths",
    "allowedroots",
    "additionaldirectories",
    "trustedfolders",
    "localagentmodetrustedfolders",
    "writableroots",
    "filesystemroot",
    "alloweddirectory",
    "rootdir",
    "rootpath",
    "fsroot",
    "mcpfsroot",
];
