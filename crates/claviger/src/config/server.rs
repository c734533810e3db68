//! Is this a server that the door can take in? From what a person wrote about one server to what the gateway needs.

mod endpoint;
mod rules;

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};

use aws_lc_rs::digest;
use broker::reference::Template;
use gateway::config::{Dpop, MissingScope, Mount, Process, Protocol, Server, ServerName, Upstream, UpstreamCredential};
use http::HeaderName;
use url::Url;

pub(crate) use self::endpoint::is_local;
use super::env::Surroundings;
use super::fault::{Fault, Faults};
use super::judge::Judge;
use super::tree::{Node, Path, Sources};
use super::variables::{self, Author, InvalidVariable};
use super::{builtin, credential, file};

/// Where the settings of one server were read.
pub(crate) struct Origin<'o> {
    /// The tree; `None`: the command line.
    pub(crate) root: Option<&'o Node>,
    /// The way to the server's table.
    pub(crate) path: Path,
    /// Whose words these are.
    pub(crate) dialect: Dialect,
    /// Where relative paths start.
    pub(crate) folder: &'o FilePath,
}

/// Whose words settings are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// An MCP client's: `command` and `args`.
    Client,
    /// Flags.
    CommandLine,
    /// Ours: `command` is the whole list.
    Own,
}

/// What becomes of secrets that are written out.
#[derive(Debug)]
pub(crate) enum Literals {
    /// Each is a fault.
    Refused,
    /// Each is used, and remarked on.
    Used(Vec<Fault>),
}

impl Literals {
    /// Where those are that are used.
    pub(crate) fn used(&self, sources: &Sources) -> Vec<String> {
        match self {
            Self::Refused => Vec::new(),
            Self::Used(remarks) => remarks.iter().map(|remark| remark.in_one_line(sources)).collect(),
        }
    }
}

/// The server as the gateway takes it; `None` when something about it is wrong.
pub(crate) fn build(
    name: &str,
    server: &file::Server,
    origin: &Origin<'_>,
    around: &Surroundings,
    faults: &mut Faults,
    literals: &mut Literals,
) -> Option<(ServerName, Server)> {
    let mut builder = Builder { server, origin, around, certificates: Vec::new(), judge: Judge::new(origin.root, faults), literals };
    let parsed = ServerName::parse(name).map_err(|error| builder.judge.blame_key(&origin.path, error)).ok();
    builder.only_what_fits();
    let upstream = builder.upstream();
    let rules = builder.rules();
    let protocol = match server.protocol {
        None | Some(file::Protocol::Auto) => Protocol::Auto,
        Some(file::Protocol::Legacy) => Protocol::Legacy,
        Some(file::Protocol::Modern) => Protocol::Modern,
    };
    let missing_scope = match server.missing_scope {
        None | Some(file::MissingScope::Challenge) => MissingScope::Challenge,
        Some(file::MissingScope::ChallengeAndResult) => MissingScope::ChallengeAndResult,
    };
    let dpop = match server.dpop {
        None | Some(file::Dpop::Accept) => Dpop::Accept,
        Some(file::Dpop::Off) => Dpop::Off,
        Some(file::Dpop::Require) => Dpop::Require,
    };
    let mount = server.mount.map_or(Mount::Name, |file::Mount::Root| Mount::Root);
    let fingerprint = fingerprint(name, server, origin, &builder.certificates);
    let title = server.title.clone();
    Some((parsed?, Server { upstream: upstream?, rules: rules?, protocol, title, mount, missing_scope, dpop, fingerprint }))
}

struct Builder<'b> {
    server: &'b file::Server,
    origin: &'b Origin<'b>,
    around: &'b Surroundings,
    /// The content of the certificate files that the server's settings name.
    certificates: Vec<u8>,
    judge: Judge<'b>,
    literals: &'b mut Literals,
}

impl Builder<'_> {
    /// Where a setting stands, in the words of its origin.
    fn at(&self, key: &str) -> Path {
        match (self.origin.dialect, key) {
            (Dialect::CommandLine, "command") => Path::default().key("COMMAND"),
            (Dialect::CommandLine, "scopes") => Path::default().key("--scope"),
            (Dialect::CommandLine, key) => Path::default().key(&format!("--{key}")),
            (_, key) => self.origin.path.key(key),
        }
    }

    fn at_argument(&self, index: usize) -> Path {
        match (self.origin.dialect, index) {
            (Dialect::Client, 0) => self.at("command"),
            (Dialect::Client, _) => self.at("args").index(index - 1),
            (Dialect::CommandLine | Dialect::Own, _) => self.at("command").index(index),
        }
    }

    /// A setting of another kind of server would be silently without effect.
    fn only_what_fits(&mut self) {
        let server = self.server;
        let given = [
            ("command", server.command.is_some(), "command"),
            ("env", !server.env.is_empty(), "command"),
            ("cwd", server.cwd.is_some(), "command"),
            ("url", server.url.is_some(), "url"),
            ("transport", server.transport.is_some(), "url"),
            ("headers", !server.headers.is_empty(), "url"),
            ("credential", server.credential.is_some(), "url"),
            ("builtin", server.builtin.is_some(), "builtin"),
            ("root", server.root.is_some(), "builtin"),
        ];
        let kind = if server.command.is_some() {
            "command"
        } else if server.url.is_some() {
            "url"
        } else if server.builtin.is_some() {
            "builtin"
        } else {
            let path = self.origin.path.clone();
            return self.judge.blame_with_hint(
                &path,
                "nothing says what the server is",
                "write `command = [...]`, `url = \"...\"` or `builtin = \"filesystem\"`",
            );
        };
        for (key, present, belongs_to) in given {
            if present && belongs_to != kind {
                let path = self.at(key);
                self.judge.blame_key(&path, format!("does not go together with `{kind}`"));
            }
        }
    }

    fn upstream(&mut self) -> Option<Upstream> {
        let server = self.server;
        if let Some(command) = &server.command {
            return self.process(command).map(Upstream::Process);
        }
        if let Some(url) = &server.url {
            let headers = self.headers();
            let credential = self.credential(headers.as_deref().unwrap_or_default());
            let (url, target) = self.endpoint(url).unzip();
            if server.transport == Some(file::Transport::Sse) {
                return self.sse(url?, target?, headers?, credential?);
            }
            return Some(Upstream::Http { url: url?, target: target?, headers: headers?, credential: credential? });
        }
        match server.builtin? {
            file::Builtin::Filesystem => {
                let root = self.origin.folder.join(server.root.as_deref().unwrap_or("."));
                let path = self.at("root");
                self.judge.accept(&path, builtin::filesystem(&root)).map(Upstream::Builtin)
            }
        }
    }

    /// A server of 2024-11-05. Its stream is opened in the door's own name.
    fn sse(
        &mut self,
        url: Url,
        target: Option<Template>,
        headers: Vec<(HeaderName, Template)>,
        credential: UpstreamCredential,
    ) -> Option<Upstream> {
        let grant = match credential {
            UpstreamCredential::None => None,
            UpstreamCredential::ClientCredentials(grant) => Some(grant),
            UpstreamCredential::Delegated(_) | UpstreamCredential::Personal(_) | UpstreamCredential::PassThrough { .. } => {
                let path = self.at("credential");
                self.judge.blame_with_hint(
                    &path,
                    "with `transport = \"sse\"` no token of the caller's can be shown: one stream carries all calls",
                    "give the door a credential of its own: `headers` or `client_credentials`",
                );
                return None;
            }
        };
        if self.server.protocol == Some(file::Protocol::Modern) {
            let path = self.at("protocol");
            self.judge.blame(&path, "HTTP with SSE carries no revision that is modern");
            return None;
        }
        Some(Upstream::Sse { url, target, headers, grant })
    }

    fn process(&mut self, command: &[String]) -> Option<Process> {
        let Some((program, arguments)) = command.split_first().filter(|(program, _)| !program.is_empty()) else {
            let path = self.at("command");
            self.judge.blame(&path, "the program is missing");
            return None;
        };
        let arguments: Vec<_> = arguments
            .iter()
            .enumerate()
            .map(|(index, text)| self.argument(index + 1, text, arguments.get(index.wrapping_sub(1))))
            .collect();
        let environment = self.environment();
        let directory = self.directory();
        Some(Process {
            program: program.clone(),
            arguments: arguments.into_iter().collect::<Option<_>>()?,
            environment: environment?,
            inherited: self.around.inherited(),
            directory: Some(directory?),
            guard_program: self.around.program().to_owned(),
        })
    }

    /// The flag before an argument names it: `--api-key VALUE`.
    fn argument(&mut self, index: usize, text: &str, before: Option<&String>) -> Option<Template> {
        let path = self.at_argument(index);
        let (name, value) = match text.split_once('=') {
            Some((name, value)) if name.starts_with('-') => (name, value),
            _ => (before.map_or("", String::as_str), text),
        };
        self.template(&path, name, text, value)
    }

    fn environment(&mut self) -> Option<BTreeMap<String, Template>> {
        let variables = variables::read(&self.server.env, self.author());
        for (name, fault) in &variables.faults {
            let path = self.at("env").key(name);
            match fault {
                InvalidVariable::Name => self.judge.blame_key(&path, fault),
                InvalidVariable::Reference(_) => self.judge.blame_secret(&path, fault, REFERENCES),
                InvalidVariable::RunsAProgram => self.judge.blame_with_hint(&path, fault, OWN_FILE_ONLY),
                InvalidVariable::Twice(_) => self.judge.blame_with_hint(&path, fault, "remove one of the two"),
            }
        }
        let mut are_good = variables.faults.is_empty();
        for (name, template) in &variables.templates {
            // A name without a text of its own got a whole reference.
            let value = self.server.env.get(name).map_or("", String::as_str);
            are_good &= self.holds_no_literal(&self.at("env").key(name), name, value, template);
        }
        are_good.then_some(variables.templates)
    }

    /// A client's file may have come with a repository.
    fn author(&self) -> Author {
        match self.origin.dialect {
            Dialect::Client => Author::Stranger,
            Dialect::CommandLine | Dialect::Own => Author::Operator,
        }
    }

    fn credential(&mut self, headers: &[(HeaderName, Template)]) -> Option<UpstreamCredential> {
        let Some(written) = &self.server.credential else { return Some(UpstreamCredential::None) };
        let path = self.at("credential");
        if headers.iter().any(|(name, _)| *name == http::header::AUTHORIZATION) {
            self.judge.blame_key(&path, "the headers have an `Authorization` already");
        }
        credential::build(written, &path, self.origin.folder, &mut self.certificates, &mut self.judge)
    }

    fn headers(&mut self) -> Option<Vec<(HeaderName, Template)>> {
        let headers: Vec<_> = self.server.headers.iter().map(|(name, value)| self.header(name, value)).collect();
        headers.into_iter().collect()
    }

    fn header(&mut self, name: &str, value: &str) -> Option<(HeaderName, Template)> {
        let path = self.at("headers").key(name);
        let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
            self.judge.blame_key(&path, "this is no header name");
            return None;
        };
        if OWN_HEADERS.contains(&parsed.as_str()) || parsed.as_str().starts_with("mcp-") {
            self.judge.blame_key(&path, "the door sets this header itself");
            return None;
        }
        self.template(&path, name, value, value).map(|template| (parsed, template))
    }

    /// Text with references in it, and nothing that looks like a literal secret (K1). `value` is the part of `text` that could be one.
    fn template(&mut self, path: &Path, name: &str, text: &str, value: &str) -> Option<Template> {
        let template = variables::template(name, text).map_err(|error| self.judge.blame_secret(path, error, REFERENCES)).ok()?;
        if self.author() == Author::Stranger && variables::runs_a_program(&template) {
            self.judge.blame_with_hint(path, InvalidVariable::RunsAProgram, OWN_FILE_ONLY);
            return None;
        }
        self.holds_no_literal(path, name, value, &template).then_some(template)
    }

    /// Whether nothing in it looks like a secret that is written out; or it may stand there all the same.
    fn holds_no_literal(&mut self, path: &Path, name: &str, value: &str, template: &Template) -> bool {
        let suspicious = |literal: &str| broker::literal::looks_like_secret(name, literal).is_some();
        if !template.literals().any(suspicious) && (template.references().next().is_some() || !suspicious(value)) {
            return true;
        }
        // Only a part of a longer text is the secret, and the reference takes the place of that part.
        let is_whole = template.to_string() == value && !value.contains(char::is_whitespace);
        self.tolerate(path, "this looks like a literal secret", || mend(name, is_whole))
    }

    /// Whether a secret that is written out is used all the same; else it is a fault.
    fn tolerate(&mut self, path: &Path, what: &str, mend: impl FnOnce() -> String) -> bool {
        match &mut *self.literals {
            Literals::Refused => {
                self.judge.blame_secret(path, what, mend());
                false
            }
            Literals::Used(remarks) => {
                remarks.push(self.judge.remark(path, what));
                true
            }
        }
    }

    fn directory(&mut self) -> Option<PathBuf> {
        let Some(cwd) = &self.server.cwd else { return Some(self.origin.folder.to_owned()) };
        let path = self.at("cwd");
        let directory = self.origin.folder.join(cwd);
        if directory.is_dir() {
            return Some(directory);
        }
        self.judge.blame(&path, format!("there is no folder `{}`", directory.display()));
        None
    }
}

/// What to type and what to write when a secret is written out.
fn mend(name: &str, is_whole: bool) -> String {
    let reference = format!("keychain://claviger/{}", account_for(name));
    let written = if is_whole { reference.clone() } else { format!("${{{reference}}}") };
    format!("type `claviger secrets put {reference}`, and write `{written}` in its place")
}

/// A name for the item that a hint proposes: `X-Api-Key` becomes `X_API_KEY`.
fn account_for(name: &str) -> String {
    let name = name.trim_start_matches('-');
    let clean = name.chars().map(|character| if character.is_ascii_alphanumeric() { character.to_ascii_uppercase() } else { '_' });
    let clean: String = clean.collect();
    if clean.starts_with(|first: char| first.is_ascii_alphabetic()) { clean } else { "NAME".to_owned() }
}

/// A hash of everything that a person wrote about the server, and of where relative paths start.
fn fingerprint(name: &str, server: &file::Server, origin: &Origin<'_>, certificates: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(format!("{name:?} {server:?} {}", origin.folder.display()).as_bytes());
    context.update(certificates);
    let mut output = [0; 32];
    output.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    output
}

const REFERENCES: &str = "references are `env://NAME`, `file:///path` and `${NAME}`";
const OWN_FILE_ONLY: &str = "write this server into `claviger.toml`";

/// Headers that the door writes for each message, or that belong to one connection (RFC 9110 §7.6.1).
const OWN_HEADERS: [&str; 16] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "last-event-id",
    "proxy-connection",
    "te",
    "trailer",
    "traceparent",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests;
