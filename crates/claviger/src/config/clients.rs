//! Which servers does an existing client configuration name (G3)? `.mcp.json`, `claude_desktop_config.json`, `.cursor/mcp.json`
//! and `.vscode/mcp.json`, told apart by what stands in them, not by their names.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use super::fault::{Fault, Faults};
use super::file;
use super::judge::Judge;
use super::tree::{Node, Path, Table, Value};

/// The servers of a client's file.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    /// By the name under which the door serves them: the settings and where they stand.
    pub(crate) servers: BTreeMap<String, (file::Server, Path)>,
    /// What a person should know: servers left out, names changed.
    pub(crate) notices: Vec<String>,
}

/// Reads the servers out of the tree of a file at `location`.
pub(crate) fn read(root: &Node, location: &FilePath, home: Option<&str>, faults: &mut Faults) -> Servers {
    let mut found = Servers::default();
    let Some((section, table)) = SECTIONS.iter().find_map(|section| Some((*section, root.member(section)?.table()?))) else {
        let hint = "clients keep their servers in `mcpServers`, VS Code in `servers`";
        faults.push(Fault::new(root.place_of(&Path::default()), "there are no MCP servers in this file").hint(hint));
        return found;
    };
    let expansions = Expansions::new(location, home);
    for (name, entry) in table {
        let path = Path::default().key(section).key(name);
        let mut reader = Reader { path: &path, expansions: &expansions, judge: Judge::new(Some(root), faults) };
        if Reader::is_disabled(&entry.node) {
            found.notices.push(format!("`{name}` is disabled in `{}` and left out", location.display()));
            continue;
        }
        let Some(server) = reader.server(&entry.node) else { continue };
        let served = served_name(name, &found.servers);
        if served != *name {
            found.notices.push(format!("`{name}` is served as `{served}`"));
        }
        found.servers.insert(served, (server, path));
    }
    found
}

struct Reader<'r> {
    path: &'r Path,
    expansions: &'r Expansions,
    judge: Judge<'r>,
}

impl Reader<'_> {
    fn is_disabled(node: &Node) -> bool {
        let says =
            |key: &str, wanted: bool| matches!(node.member(key), Some(Node { value: Value::Boolean(found), .. }) if *found == wanted);
        says("disabled", true) || says("enabled", false)
    }

    fn server(&mut self, node: &Node) -> Option<file::Server> {
        let Some(table) = node.table() else {
            self.judge.blame(self.path, format!("a table is expected, not {}", node.kind()));
            return None;
        };
        let before = self.judge.count();
        let command = self.text(table, "command");
        let arguments = self.list(table, "args");
        let url = self.text(table, "url").or_else(|| self.text(table, "serverUrl"));
        let transport = self.transport(table);
        let server = file::Server {
            transport,
            command: command.map(|program| std::iter::once(program).chain(arguments).collect()),
            url,
            env: self.map(table, "env"),
            headers: self.map(table, "headers"),
            cwd: self.text(table, "cwd"),
            ..file::Server::default()
        };
        if table.contains_key("envFile") {
            let hint = "write the variables under `env`, as references";
            self.judge.blame_with_hint(&self.path.key("envFile"), "files of variables are not built in yet", hint);
        }
        (self.judge.count() == before).then_some(server)
    }

    /// `type` says which of two transports a `url` has, or only repeats what `command` and `url` say.
    fn transport(&mut self, table: &Table) -> Option<file::Transport> {
        let (key, kind) = KINDS.iter().find_map(|key| Some((*key, table.get(*key)?.node.text()?)))?;
        match kind {
            "sse" => Some(file::Transport::Sse),
            "stdio" | "http" | "streamable-http" | "streamableHttp" => None,
            _ => {
                self.judge.blame(&self.path.key(key), "`stdio`, `http` or `sse` is expected");
                None
            }
        }
    }

    fn text(&mut self, table: &Table, key: &str) -> Option<String> {
        let entry = table.get(key)?;
        self.expanded(&self.path.key(key), &entry.node)
    }

    fn list(&mut self, table: &Table, key: &str) -> Vec<String> {
        let path = self.path.key(key);
        match table.get(key).map(|entry| &entry.node) {
            None | Some(Node { value: Value::Nothing, .. }) => Vec::new(),
            Some(Node { value: Value::List(nodes), .. }) => {
                nodes.iter().enumerate().filter_map(|(index, node)| self.expanded(&path.index(index), node)).collect()
            }
            Some(other) => {
                self.judge.blame(&path, format!("a list is expected, not {}", other.kind()));
                Vec::new()
            }
        }
    }

    fn map(&mut self, table: &Table, key: &str) -> BTreeMap<String, String> {
        let path = self.path.key(key);
        match table.get(key).map(|entry| &entry.node) {
            None | Some(Node { value: Value::Nothing, .. }) => BTreeMap::new(),
            Some(Node { value: Value::Table(members), .. }) => {
                members.iter().filter_map(|(name, entry)| Some((name.clone(), self.expanded(&path.key(name), &entry.node)?))).collect()
            }
            Some(other) => {
                self.judge.blame(&path, format!("a table is expected, not {}", other.kind()));
                BTreeMap::new()
            }
        }
    }

    /// Text, or a number or boolean as text (clients allow both under `env`), in our way of writing references.
    fn expanded(&mut self, path: &Path, node: &Node) -> Option<String> {
        let text = match &node.value {
            Value::Boolean(boolean) => boolean.to_string(),
            Value::Float(float) => float.to_string(),
            Value::Integer(integer) => integer.to_string(),
            Value::Text(text) => text.clone(),
            Value::Nothing => return None,
            Value::List(_) | Value::Table(_) => {
                self.judge.blame(path, format!("text is expected, not {}", node.kind()));
                return None;
            }
        };
        match self.expansions.expand(&text) {
            Ok(expanded) => Some(expanded),
            Err(unknown) => {
                self.judge.blame_with_hint(path, unknown, "write a reference, such as `${NAME}` or `env://NAME`");
                None
            }
        }
    }
}

/// What editors put in place of `${...}`, besides variables.
struct Expansions {
    folder: String,
    home: Option<String>,
}

/// Something in `${...}` that only an editor knows.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Unknown {
    /// VS Code asks the person for it.
    #[error("`${{input:{0}}}` is something that VS Code asks a person; the door has nobody to ask")]
    Input(String),
    /// Another of the editors' words.
    #[error("`${{{0}}}` means something to an editor only")]
    Word(String),
}

impl Expansions {
    /// A file in `.vscode` or `.cursor` belongs to the folder above.
    fn new(location: &FilePath, home: Option<&str>) -> Self {
        let mut folder = location.parent().unwrap_or(FilePath::new(""));
        if folder.file_name().is_some_and(|name| name == ".vscode" || name == ".cursor") {
            folder = folder.parent().unwrap_or(folder);
        }
        Self { folder: folder.display().to_string(), home: home.map(str::to_owned) }
    }

    /// `${env:NAME}` becomes `${NAME}`; folders are put in; `${NAME}` and `${NAME:-default}` stay.
    fn expand(&self, text: &str) -> Result<String, Unknown> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            expanded.push_str(before);
            // Without its `}`, and after another `$`, it is for the parser of references to judge.
            let Some((inside, behind)) = after.split_once('}').filter(|_| !before.ends_with('$')) else {
                expanded.push_str("${");
                rest = after;
                continue;
            };
            self.put(inside, &mut expanded)?;
            rest = behind;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    fn put(&self, inside: &str, expanded: &mut String) -> Result<(), Unknown> {
        let word = inside.split_once(":-").map_or(inside, |(name, _)| name);
        match (word.split_once(':'), inside) {
            (None, "workspaceFolder") => expanded.push_str(&self.folder),
            (None, "userHome") if self.home.is_some() => expanded.push_str(self.home.as_deref().unwrap_or_default()),
            (None, "pathSeparator" | "/") => expanded.push('/'),
            (None, "workspaceFolderBasename" | "userHome") => return Err(Unknown::Word(inside.to_owned())),
            (Some(("env", name)), _) if !name.starts_with("//") => {
                expanded.push_str("${");
                expanded.push_str(inside.strip_prefix("env:").unwrap_or(inside));
                expanded.push('}');
            }
            (Some(("input", name)), _) => return Err(Unknown::Input(name.to_owned())),
            (Some((_, rest)), _) if !rest.starts_with("//") => return Err(Unknown::Word(inside.to_owned())),
            _ => {
                expanded.push_str("${");
                expanded.push_str(inside);
                expanded.push('}');
            }
        }
        Ok(())
    }
}

/// A name that can stand in a URL, and that no other server has.
fn served_name(name: &str, taken: &BTreeMap<String, (file::Server, Path)>) -> String {
    let base = super::name::clean(name);
    let candidates = std::iter::once(base.clone()).chain((2_u32..).map(|number| format!("{base}-{number}")));
    candidates.into_iter().find(|candidate| !taken.contains_key(candidate)).unwrap_or(base)
}

/// The members that hold servers: VS Code's is the shorter word, and some files have both.
const SECTIONS: [&str; 3] = ["mcpServers", "servers", "mcp_servers"];

/// What the kind of a server is called, by one client or another.
const KINDS: [&str; 3] = ["type", "transport", "transportType"];

#[cfg(test)]
mod tests;
