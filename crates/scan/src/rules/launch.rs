//! What would a command line fetch? The package behind a runner, the image behind `docker run`, through shells and wrappers.

use crate::document::Span;
use crate::model::{Server, Word};

/// Something that is fetched before it runs.
pub(super) struct Fetched<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) span: Span,
}

/// From where it is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Image,
    Npm,
    Python,
    Go,
}

impl Fetched<'_> {
    /// Whether it is the same tomorrow.
    pub(super) fn is_pinned(&self) -> bool {
        let name = self.name;
        if self.is_source() {
            return name.rsplit_once(['@', '#']).is_some_and(|(_, commit)| is_commit(commit));
        }
        match self.kind {
            Kind::Image => name.contains("@sha256:") || name.rsplit_once(':').is_some_and(|(_, tag)| !tag.contains('/') && is_exact(tag)),
            Kind::Npm => name.get(1..).and_then(|rest| rest.rsplit_once('@')).is_some_and(|(_, version)| is_exact(version)),
            Kind::Python => {
                let version = name.split_once("==").or_else(|| name.rsplit_once('@'));
                version.is_some_and(|(_, version)| is_exact(version.trim_start_matches('=').trim()))
            }
            Kind::Go => name.rsplit_once('@').is_some_and(|(_, version)| is_exact(version)),
        }
    }

    /// Whether it is built from a repository.
    pub(super) fn is_source(&self) -> bool {
        let name = self.name.split_once(" @ ").map_or(self.name, |(_, address)| address);
        ["git+", "git://", "github:", "gitlab:", "https://", "http://", "git@"].iter().any(|start| name.starts_with(start))
    }
}

/// What a server fetches. The line is read once; what stands behind a wrapper is found because its runner is.
pub(super) fn fetched<'a>(server: &'a Server<'_>) -> Option<Fetched<'a>> {
    let line = &server.line;
    line.iter().enumerate().find_map(|(at, word)| {
        let behind = line.get(at + 1..)?;
        // A runner is the program itself, or the first word behind a shell or a wrapper.
        let starts = at == 0 || line.get(at - 1).is_some_and(|before| is_starter(&before.text));
        let second = behind.first().map_or("", |word| &*word.text);
        match (program(&word.text), second) {
            _ if !starts => None,
            ("npx" | "bunx" | "pnpx", _) => package(behind, Kind::Npm),
            ("npm", "exec" | "x") | ("pnpm" | "yarn", "dlx") | ("bun", "x") => package(behind.get(1..)?, Kind::Npm),
            ("pnpm", option) if option.starts_with("--package") => package(behind, Kind::Npm),
            ("deno", _) => behind.iter().find_map(from_npm),
            ("uvx", _) => package(behind, Kind::Python),
            ("pipx", "run") => package(behind.get(1..)?, Kind::Python),
            ("uv", "tool") => package(behind.get(2..)?, Kind::Python),
            ("uv", "run") => with(behind),
            ("go", "run") => package(behind.get(1..)?, Kind::Go).filter(|fetched| fetched.name.contains('@')),
            ("docker" | "podman" | "nerdctl", "run") => image(behind.get(1..)?),
            ("docker", "container") => image(behind.get(2..)?),
            _ => None,
        }
    })
}

/// The name of a program without folder and ending.
pub(super) fn program(text: &str) -> &str {
    let name = text.rsplit(['/', '\\']).next().unwrap_or(text);
    [".exe", ".cmd", ".EXE"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// Whether a program may stand behind this word: a shell, a wrapper, a variable that is set for it.
fn is_starter(text: &str) -> bool {
    let is_variable =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    STARTERS.contains(&text) || starter_option(text) || text.split_once('=').is_some_and(|(name, _)| is_variable(name))
}

/// `npm:NAME`, as deno writes it.
fn from_npm<'a>(word: &'a Word<'_>) -> Option<Fetched<'a>> {
    let name = word.text.strip_prefix("npm:")?;
    Some(Fetched { kind: Kind::Npm, name, span: word.span.clone() })
}

fn starter_option(text: &str) -> bool {
    text.eq_ignore_ascii_case("/c")
        || text.eq_ignore_ascii_case("/k")
        || text.eq_ignore_ascii_case("-command")
        || matches!(text, "-c" | "-lc" | "-ic")
}

/// The first word that is no option; `--package` and `--from` say it before.
fn package<'a>(words: &'a [Word<'_>], kind: Kind) -> Option<Fetched<'a>> {
    let mut skip = false;
    for (at, word) in words.iter().enumerate() {
        let text = &*word.text;
        if std::mem::take(&mut skip) {
            continue;
        }
        if let Some(name) = NAMING.iter().find_map(|option| text.strip_prefix(option)?.strip_prefix('=')) {
            return Some(Fetched { kind, name, span: word.span.clone() });
        }
        if NAMING.contains(&text) {
            return words.get(at + 1).map(|word| Fetched { kind, name: &word.text, span: word.span.clone() });
        }
        if VALUED.contains(&text) {
            skip = true;
        } else if !text.starts_with('-') {
            let local = text.starts_with(['.', '/', '~', '$']) || text.contains(":\\");
            return (!local).then(|| Fetched { kind, name: text, span: word.span.clone() });
        }
    }
    None
}

/// `uv run --with PACKAGE`.
fn with<'a>(words: &'a [Word<'_>]) -> Option<Fetched<'a>> {
    let at = words.iter().position(|word| word.text == "--with")?;
    words.get(at + 1).map(|word| Fetched { kind: Kind::Python, name: &word.text, span: word.span.clone() })
}

fn image<'a>(words: &'a [Word<'_>]) -> Option<Fetched<'a>> {
    let mut skip = false;
    for word in words {
        let text = &*word.text;
        if std::mem::take(&mut skip) {
            continue;
        }
        if let Some(option) = text.strip_prefix('-') {
            let bundled = option.len() > 1 && option.bytes().all(|byte| b"itdP".contains(&byte));
            skip = !(bundled || text.contains('=') || SWITCHES.contains(&text));
        } else {
            return Some(Fetched { kind: Kind::Image, name: text, span: word.span.clone() });
        }
    }
    None
}

/// Three numbers at least, and nothing that moves.
fn is_exact(version: &str) -> bool {
    let version = version.strip_prefix('v').unwrap_or(version);
    let numbers =
        version.split(['.', '-', '+']).take_while(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())).count();
    let moving = version.contains(['^', '~', '*', '>', '<', '|', 'x', ' ']);
    numbers >= 2 && version.matches('.').count() >= 2 && !moving
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

const STARTERS: &[&str] = &["--", "exec", "env", "sudo", "nohup", "&&", ";", "||", "mcp-proxy", "wsl", "wsl.exe", "/usr/bin/env"];
const NAMING: &[&str] = &["--package", "-p", "--from", "--spec"];
const VALUED: &[&str] = &[
    "--python",
    "--registry",
    "--index-url",
    "--index",
    "--with",
    "--cache",
    "--prefix",
    "--userconfig",
    "--node-options",
    "-c",
    "--call",
];
const SWITCHES: &[&str] = &[
    "-i",
    "-t",
    "-d",
    "-P",
    "-q",
    "--rm",
    "--init",
    "--interactive",
    "--tty",
    "--detach",
    "--privileged",
    "--read-only",
    "--publish-all",
    "--quiet",
    "--no-healthcheck",
    "--oom-kill-disable",
    "--sig-proxy",
    "--disable-content-trust",
];

#[cfg(test)]
mod tests {
    use super::{Fetched, Kind};

    #[test]
    fn only_what_cannot_move_is_pinned() {
        let pinned = |kind, name| Fetched { kind, name, span: 0..0 }.is_pinned();
        for (kind, name) in [
            (Kind::Npm, "@scope/name@1.2.3"),
            (Kind::Npm, "name@2025.4.25"),
            (Kind::Python, "name==1.2.3"),
            (Kind::Python, "name@1.0.9"),
            (Kind::Image, "ghcr.io/x/y:0.30.3"),
            (Kind::Image, "mcp/gitlab@sha256:00"),
            (Kind::Python, "git+https://github.com/x/y@0123456789012345678901234567890123456789"),
        ] {
            assert!(pinned(kind, name), "{name}");
        }
        for (kind, name) in [
            (Kind::Npm, "@scope/name"),
            (Kind::Npm, "name@latest"),
            (Kind::Npm, "name@^1.2.3"),
            (Kind::Python, "name>=1.2.3"),
            (Kind::Image, "localhost:5000/name"),
            (Kind::Image, "name:latest"),
            (Kind::Python, "git+https://github.com/x/y@main"),
        ] {
            assert!(!pinned(kind, name), "{name}");
        }
    }
}
