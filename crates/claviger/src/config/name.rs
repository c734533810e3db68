//! What is a server called when nobody named it? The package, module, image or host that it comes from.

use gateway::config::ServerName;
use url::{Host, Url};

/// A name from a command line: `npx -y @modelcontextprotocol/server-everything` is `everything`, `uvx mcp-server-git` is `git`.
pub(crate) fn of_command(command: &[String]) -> String {
    let Some((program, arguments)) = command.split_first() else { return FALLBACK.to_owned() };
    let stem = file_stem(program);
    let package = if RUNNERS.contains(&stem) { arguments.iter().find(|word| is_package(word)).map(String::as_str) } else { None };
    clean(&without_habit(package.unwrap_or(stem)))
}

/// A name from a URL: the last path segment that says something, else the host's first label that does.
pub(crate) fn of_url(url: &Url) -> String {
    let segments = url.path_segments().into_iter().flatten().rev();
    let labels = match url.host() {
        Some(Host::Domain(name)) if name != "localhost" => name.split('.').collect(),
        _ => Vec::new(),
    };
    let says_something = |word: &&str| !word.is_empty() && !EMPTY_WORDS.contains(word);
    segments.chain(labels).find(says_something).map_or_else(|| FALLBACK.to_owned(), |word| clean(&without_habit(word)))
}

/// The name with everything that cannot stand in a URL replaced by `-`.
pub(crate) fn clean(name: &str) -> String {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-');
    let mut clean: String = name.chars().map(|character| if allowed(character) { character } else { '-' }).take(MAX_LENGTH).collect();
    while clean.contains("--") {
        clean = clean.replace("--", "-");
    }
    let clean = clean.trim_matches(['-', '.']);
    if ServerName::parse(clean).is_ok() { clean.to_owned() } else { FALLBACK.to_owned() }
}

/// Whether a runner's argument names what it runs, and is not a flag, a file of options or a sub-command.
fn is_package(word: &str) -> bool {
    !word.is_empty() && !word.starts_with('-') && !SUBCOMMANDS.contains(&word)
}

/// Takes off scope, version, extension and the words that nearly every server carries.
fn without_habit(package: &str) -> String {
    let (scope, name) = match package.strip_prefix('@').and_then(|scoped| scoped.split_once('/')) {
        Some((scope, name)) => (Some(scope), name),
        None => (None, package),
    };
    let name = file_stem(name);
    let name = name.split(['@', '=', '>', '<', '~', '[', ':']).next().unwrap_or(name).replace('_', "-");
    let mut bare = name.as_str();
    for prefix in ["mcp-server-", "server-", "mcp-"] {
        bare = bare.strip_prefix(prefix).filter(|rest| !rest.is_empty()).unwrap_or(bare);
    }
    for suffix in ["-mcp-server", "-server-mcp", "-server", "-mcp"] {
        bare = bare.strip_suffix(suffix).filter(|rest| !rest.is_empty()).unwrap_or(bare);
    }
    match scope {
        Some(scope) if EMPTY_WORDS.contains(&bare) => scope.to_owned(),
        _ => bare.to_owned(),
    }
}

fn file_stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    SCRIPTS.iter().find_map(|extension| name.strip_suffix(extension)).unwrap_or(name)
}

/// Programs that run something else, which is what the server is called after.
const RUNNERS: [&str; 19] = [
    "bun", "bunx", "cargo", "deno", "docker", "go", "node", "npm", "npx", "pipx", "pnpm", "pnpx", "podman", "python", "python3", "tsx",
    "uv", "uvx", "yarn",
];
const SUBCOMMANDS: [&str; 5] = ["dlx", "exec", "run", "tool", "x"];
const SCRIPTS: [&str; 8] = [".cjs", ".exe", ".js", ".mjs", ".py", ".sh", ".ts", ".mts"];
/// Words of URLs and packages that tell no two servers apart.
const EMPTY_WORDS: [&str; 8] = ["api", "mcp", "server", "sse", "v1", "v2", "www", "mcp-server"];
const FALLBACK: &str = "server";
const MAX_LENGTH: usize = 48;

#[cfg(test)]
mod tests {
    use super::{clean, of_command, of_url};

    #[test]
    fn a_command_is_called_after_its_package() {
        for (command, expected) in [
            ("npx -y @modelcontextprotocol/server-everything", "everything"),
            ("npx -y @modelcontextprotocol/server-filesystem@2026.8.31 .", "filesystem"),
            ("npx -y @brave/brave-search-mcp-server@2.0.10", "brave-search"),
            ("npx @playwright/mcp@latest", "playwright"),
            ("uvx mcp-server-git --repository .", "git"),
            ("uvx mcp-server-fetch==1.2", "fetch"),
            ("python -m mcp_server_time", "time"),
            ("node /opt/tools/weather.js", "weather"),
            ("docker run -i --rm mcp/postgres:latest", "postgres"),
            ("pnpm dlx @notionhq/notion-mcp-server", "notion"),
            ("/usr/local/bin/my-mcp-server --stdio", "my"),
            ("uv run server.py", "server"),
            ("npx", "npx"),
        ] {
            let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
            assert_eq!(of_command(&words), expected, "{command}");
        }
        assert_eq!(of_command(&[]), "server");
    }

    #[test]
    fn a_url_is_called_after_what_tells_it_apart() {
        for (url, expected) in [
            ("http://127.0.0.1:3001/mcp", "server"),
            ("http://localhost/", "server"),
            ("https://mcp.linear.app/mcp", "linear"),
            ("https://api.example.com/v1/weather/mcp", "weather"),
        ] {
            assert_eq!(of_url(&url.parse().unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn any_name_becomes_one_that_can_stand_in_a_url() {
        assert_eq!(clean("My Server (new)"), "My-Server-new");
        assert_eq!(clean("../../etc"), "etc");
        assert_eq!(clean("ůř"), "server");
        assert_eq!(clean(&"x".repeat(500)).len(), 48);
    }
}
