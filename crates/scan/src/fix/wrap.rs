//! How does a client start a program that resolves references first? Its command becomes the launcher, and what it was stands behind `--`.

use crate::document::{Entry, Format, Node, Span, Value};
use crate::fix::Why;
use crate::fix::place::texts;
use crate::model::Server;
use crate::secrets::Secret;

/// What is started in place of a server, up to and without `--`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launcher {
    /// The program.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// How one server is wrapped.
pub(super) struct Wrap {
    /// Every scalar of the server.
    within: Vec<Span>,
    /// The scalar that names the program, and the words in it; `None` where program and arguments are one list.
    pub(super) command: Option<(Span, Vec<String>)>,
    pub(super) arguments: Arguments,
}

/// Where the arguments of a server go.
pub(super) enum Arguments {
    /// There are none; they would stand behind this entry.
    Behind { key: Span, node: Span, lead: Lead },
    /// Into this list, in front of this item.
    Into { list: Span, first: Option<Span> },
}

/// What stands between one member and the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// A comma.
    Comma,
    /// A new line, and `: ` behind the name.
    YamlLine,
    /// A new line, and ` = ` behind the name.
    TomlLine,
    /// A comma, and ` = ` behind the name.
    TomlComma,
    /// A comma, and `: ` behind a name without quotes.
    YamlComma,
}

impl Wrap {
    /// `None` for a server that is no program.
    pub(super) fn of(text: &str, server: &Server<'_>, format: Format) -> Option<Self> {
        let node = launch_of(server.node);
        let command = command_of(server.node)?;
        let within = texts(server.node).into_iter().map(|(node, _)| node.span.clone()).collect();
        if let Value::List(items) = &command.node.value {
            let arguments = Arguments::Into { list: command.node.span.clone(), first: items.first().map(|item| item.span.clone()) };
            return Some(Self { within, command: None, arguments });
        }
        let words = words(command.node.text()?);
        let arguments = ["args", "arguments"].iter().find_map(|name| node.member(name)).map(|entry| &entry.node);
        let arguments = match arguments {
            Some(list) if matches!(list.value, Value::List(_)) => {
                Arguments::Into { list: list.span.clone(), first: list.items().first().map(|item| item.span.clone()) }
            }
            Some(_) => return None,
            None => {
                let is_flow = text.get(node.span.start..).is_some_and(|rest| rest.starts_with('{'));
                let lead = match (format, is_flow) {
                    (Format::Toml, true) => Lead::TomlComma,
                    (Format::Toml, false) => Lead::TomlLine,
                    (Format::Yaml, true) => Lead::YamlComma,
                    (Format::Yaml, false) => Lead::YamlLine,
                    _ => Lead::Comma,
                };
                Arguments::Behind { key: command.key.clone(), node: command.node.span.clone(), lead }
            }
        };
        Some(Self { within, command: Some((command.node.span.clone(), words)), arguments })
    }

    /// Whether the launcher means what the server means. `Ok(false)`: it is what starts the server already.
    pub(super) fn admit(server: &Server<'_>, secrets: &[&Secret], launcher: &Launcher) -> Result<bool, Why> {
        let words: Vec<&str> = server.line.iter().map(|word| &*word.text).collect();
        let is_launched = words.first().is_some_and(|program| is_launcher(program)) && words.get(1) == Some(&"run");
        if is_launched {
            let flags: Vec<&str> = words.iter().skip(1).take_while(|word| **word != "--").copied().collect();
            return if launcher.arguments.iter().all(|flag| flags.contains(&flag.as_str())) { Ok(false) } else { Err(Why::OtherLauncher) };
        }
        let own = |node: &Node| secrets.iter().any(|secret| secret.within == node.span);
        let has_other = texts(server.node).into_iter().any(|(node, text)| !own(node) && is_reference_of_ours(text));
        if has_other { Err(Why::ForeignReference) } else { Ok(true) }
    }

    /// Whether this scalar is one of the server's.
    pub(super) fn has(&self, scalar: Option<&Span>) -> bool {
        scalar.is_some_and(|scalar| self.within.contains(scalar))
    }
}

/// The table that says how a server is started: some clients keep it one level deeper.
fn launch_of(server: &Node) -> &Node {
    let inner = ["command", "cmd"].iter().find_map(|name| server.member(name)).map(|entry| &entry.node);
    inner.filter(|node| !node.entries().is_empty()).unwrap_or(server)
}

/// What names the program.
pub(super) fn command_of(server: &Node) -> Option<&Entry> {
    ["command", "cmd", "path"].iter().find_map(|name| launch_of(server).member(name))
}

/// A path with blanks is one word; a command with arguments is several.
fn words(command: &str) -> Vec<String> {
    let is_path = command.contains(['/', '\\']) && !command.contains(" -");
    match shell_words::split(command) {
        Ok(words) if !is_path && words.len() > 1 => words,
        _ => vec![command.to_owned()],
    }
}

fn is_launcher(program: &str) -> bool {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    matches!(name, "claviger" | "claviger.exe")
}

/// Whether `claviger run` would resolve it, or refuse to.
fn is_reference_of_ours(text: &str) -> bool {
    let scheme = |text: &str| text.split_once("://").is_some_and(|(scheme, _)| SCHEMES.contains(&scheme));
    scheme(text) || text.split("${").skip(1).any(scheme)
}

/// What the broker reads, and what it knows of other tools.
const SCHEMES: &[&str] = &[
    "aws-secretsmanager",
    "azure-keyvault",
    "command",
    "env",
    "file",
    "gcp-secretmanager",
    "keychain",
    "vault",
    "aws-ssm",
    "awssm",
    "akv",
    "bws",
    "doppler",
    "infisical",
    "keyring",
    "openbao",
    "op",
    "pass",
];
