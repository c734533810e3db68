//! `claviger init`: a repository in which secrets do not end up. What is there already is left alone.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use broker::reference::{Place, Template};
use scan::{FingerprintKey, Source, examine};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, value};

use crate::cli::InitArguments;
use crate::config::env::{self, Surroundings};
use crate::config::fault::Faults;
use crate::config::file::{Server, Transport};
use crate::config::tree::Sources;
use crate::config::{clients, read};
use crate::voice::{self, Exit, Report, plain};

/// Writes what is missing.
pub(crate) fn run(arguments: &InitArguments, around: &Surroundings) -> Result<Exit, Report> {
    let folder = arguments.folder.as_ref().map_or_else(|| around.folder().to_owned(), |folder| around.folder().join(folder));
    if !folder.is_dir() {
        return Err(Report::new(Exit::Usage, format!("`{}` is no folder", plain(&folder.display().to_string()))));
    }
    let repository = Repository { folder };
    let found = repository.servers(around);
    repository.ignore()?;
    repository.write(".env.example", &example(&found), 0o644)?;
    if repository.folder.join(".git").is_dir() {
        repository.write(".git/hooks/pre-commit", HOOK, 0o755)?;
    } else {
        voice::warn("this is no repository of git: there is no place for the hook");
    }
    repository.write(".github/workflows/claviger.yml", WORKFLOW, 0o644)?;
    match found {
        Found::Servers { file, servers } => repository.write("claviger.toml", &configuration(file, &servers), 0o644)?,
        Found::Nothing => voice::talk("no file of a client names servers, so there is no `claviger.toml`\n"),
        Found::Secrets { file } => {
            voice::warn(&format!("`{file}` holds secrets, so there is no `claviger.toml`"));
            voice::hint(&format!("move them first: `claviger scan --fix {file}`"));
            return Ok(Exit::Failure);
        }
        Found::Unreadable { file, why } => {
            voice::talk(&why.render());
            voice::warn(&format!("`{file}` is not what the door can serve, so there is no `claviger.toml`"));
            return Ok(Exit::Failure);
        }
    }
    Ok(Exit::Success)
}

/// What clients say that there is.
enum Found {
    Nothing,
    /// They are not copied anywhere.
    Secrets {
        file: &'static str,
    },
    Servers {
        file: &'static str,
        servers: Vec<(String, Server)>,
    },
    Unreadable {
        file: &'static str,
        why: Box<Report>,
    },
}

struct Repository {
    folder: PathBuf,
}

impl Repository {
    /// The servers of the first client that has a file here.
    fn servers(&self, around: &Surroundings) -> Found {
        let Some((file, text)) = CLIENTS.iter().find_map(|file| Some((*file, self.text(file)?))) else { return Found::Nothing };
        let name = Path::new(file).file_name().unwrap_or_default().to_string_lossy();
        let findings = examine(Source::of(&name, &text), &FingerprintKey::new(b"init")).findings;
        if findings.iter().any(|finding| finding.masked.is_some()) {
            return Found::Secrets { file };
        }
        let (mut sources, mut faults) = (Sources::default(), Faults::default());
        let number = sources.add(file, text);
        let location = self.folder.join(file);
        match read::from_json(&sources, number) {
            Ok(root) => {
                let servers = clients::read(&root, &location, around.value(env::HOME), &mut faults).servers;
                if faults.is_empty() {
                    let servers = servers.into_iter().map(|(name, (server, _))| (name, server)).collect();
                    return Found::Servers { file, servers };
                }
            }
            Err(fault) => faults.push(fault),
        }
        Found::Unreadable { file, why: Box::new(faults.into_report(&sources)) }
    }

    /// A text of a sensible length.
    fn text(&self, file: &str) -> Option<String> {
        let path = self.folder.join(file);
        let is_short = fs::metadata(&path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= scan::LONGEST_TEXT);
        if is_short { fs::read_to_string(path).ok() } else { None }
    }

    /// Adds the lines that `.gitignore` lacks.
    fn ignore(&self) -> Result<(), Report> {
        let before = self.text(".gitignore").unwrap_or_default();
        let missing: Vec<&str> = IGNORED.iter().copied().filter(|line| !before.lines().any(|known| known.trim() == *line)).collect();
        if missing.is_empty() {
            voice::talk("`.gitignore` is as it should be\n");
            return Ok(());
        }
        let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        let added = format!("{end}{}\n", missing.join("\n"));
        let path = self.folder.join(".gitignore");
        let done = OpenOptions::new().create(true).append(true).open(&path).and_then(|mut file| file.write_all(added.as_bytes()));
        done.map_err(|error| unwritten(".gitignore", &error))?;
        voice::talk(&format!("`.gitignore` keeps out: {}\n", missing.join(", ")));
        Ok(())
    }

    fn write(&self, name: &str, content: &str, mode: u32) -> Result<(), Report> {
        let path = self.folder.join(name);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(|error| unwritten(name, &error))?;
        let written = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
        match written.and_then(|mut file| file.write_all(content.as_bytes())) {
            Ok(()) => voice::talk(&format!("`{name}` is written\n")),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => voice::talk(&format!("`{name}` is there already and left alone\n")),
            Err(error) => return Err(unwritten(name, &error)),
        }
        Ok(())
    }
}

/// The variables that servers refer to, each with a placeholder.
fn example(found: &Found) -> String {
    let mut text = EXAMPLE.to_owned();
    let Found::Servers { servers, .. } = found else { return text };
    let texts = servers.iter().flat_map(|(_, server)| {
        let command = server.command.iter().flatten();
        server.env.values().chain(server.headers.values()).chain(&server.url).chain(command)
    });
    let templates = texts.filter_map(|text| Template::parse(text).ok());
    let variables: BTreeSet<String> = templates
        .flat_map(|template| template.references().collect::<Vec<_>>())
        .filter_map(|reference| if let Place::Variable(name) = reference.place() { Some(name.as_str().to_owned()) } else { None })
        .collect();
    for variable in variables {
        let _ = writeln!(text, "{variable}=your-{}-here", variable.to_lowercase().replace('_', "-"));
    }
    text
}

/// The servers as the door has them.
fn configuration(file: &str, servers: &[(String, Server)]) -> String {
    let mut document = DocumentMut::new();
    let mut all = Table::new();
    all.set_implicit(true);
    for (name, server) in servers {
        let mut table = Table::new();
        if let Some(command) = &server.command {
            table.insert("command", value(command.iter().map(String::as_str).collect::<Array>()));
        }
        if let Some(url) = &server.url {
            table.insert("url", value(url.as_str()));
        }
        if server.transport == Some(Transport::Sse) {
            table.insert("transport", value("sse"));
        }
        for (key, members) in [("env", &server.env), ("headers", &server.headers)] {
            if !members.is_empty() {
                let members: InlineTable = members.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
                table.insert(key, value(members));
            }
        }
        if let Some(folder) = &server.cwd {
            table.insert("cwd", value(folder.as_str()));
        }
        all.insert(name, Item::Table(table));
    }
    document.insert("servers", Item::Table(all));
    format!("# The servers of `{file}`, behind the door: `claviger serve`. No secret stands here; write references.\n{document}")
}

fn unwritten(name: &str, error: &io::Error) -> Report {
    Report::new(Exit::InputOutput, format!("cannot write `{name}`")).caused_by(error)
}

const CLIENTS: [&str; 3] = [".mcp.json", ".vscode/mcp.json", ".cursor/mcp.json"];
const IGNORED: [&str; 3] = [".env", ".env.*", "!.env.example"];
const EXAMPLE: &str = "\
# Placeholders only: this file is published. Copy it to `.env`, and write references there, such as keychain://mcp/github/GITHUB_TOKEN;
# `claviger run --env-file .env -- PROGRAM` puts the secrets in their places. A secret that is written here is lost.
";
const HOOK: &str = "\
#!/bin/sh
# Written by `claviger init`: no commit takes the secret of a configuration along.
exec claviger scan --staged --fail-on high
";
const WORKFLOW: &str = "\
# Written by `claviger init`. The runner needs `claviger` in its PATH.
name: claviger
on: [push, pull_request]
permissions:
  contents: read
jobs:
  scan:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false
      - name: Say what is unsafe in the configurations of MCP clients
        run: claviger scan . --format github
";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{configuration, run};
    use crate::cli::InitArguments;
    use crate::config::env::Surroundings;
    use crate::config::file::{Server, Transport};
    use crate::voice::Exit;

    #[test]
    fn a_repository_gets_what_it_lacks_and_no_secret_is_copied() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at(".git")).unwrap();
        fs::write(at(".gitignore"), "target").unwrap();
        let secret = "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";
        let text = |value: &str| format!(r#"{{"mcpServers":{{"a":{{"command":"x","env":{{"GITHUB_TOKEN":"{value}"}}}}}}}}"#);
        fs::write(at(".mcp.json"), text(secret)).unwrap();
        let around = Surroundings::pretend(folder.path(), &[]);
        let arguments = InitArguments { folder: None };
        assert_eq!(run(&arguments, &around).unwrap(), Exit::Failure);
        assert!(!at("claviger.toml").exists());
        assert_eq!(fs::read_to_string(at(".gitignore")).unwrap(), "target\n.env\n.env.*\n!.env.example\n");
        assert_eq!(fs::metadata(at(".git/hooks/pre-commit")).unwrap().permissions().mode() & 0o111, 0o111);
        fs::write(at(".mcp.json"), text("${GITHUB_TOKEN}")).unwrap();
        fs::remove_file(at(".env.example")).unwrap();
        assert_eq!(run(&arguments, &around).unwrap(), Exit::Success);
        let written = fs::read_to_string(at("claviger.toml")).unwrap();
        assert!(written.contains("[servers.a]\ncommand = [\"x\"]\nenv = { GITHUB_TOKEN = \"${GITHUB_TOKEN}\" }"), "{written}");
        assert!(fs::read_to_string(at(".env.example")).unwrap().ends_with("\nGITHUB_TOKEN=your-github-token-here\n"));
    }

    #[test]
    fn a_server_of_the_old_transport_is_written_as_one() {
        let server = Server { url: Some("https://x.example/sse".to_owned()), transport: Some(Transport::Sse), ..Server::default() };
        let written = configuration(".mcp.json", &[("old".to_owned(), server)]);
        assert!(written.ends_with("[servers.old]\nurl = \"https://x.example/sse\"\ntransport = \"sse\"\n"), "{written}");
    }
}
