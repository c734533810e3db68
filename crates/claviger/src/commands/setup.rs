//! `claviger setup`: a remote server in a client's configuration. The change is shown, agreed to, and can be taken back.
//!
//! ★ The order in which it is done: the new text is proved to say what the old one says and the entry, and nothing else; the old file is sealed away;
//! and only then the file changes, whole or not at all, if nobody has changed it meanwhile.

mod backup;
mod entry;
mod json;
mod splice;
mod toml;
mod undo;

use std::error::Error;
use std::fs::{self, DirBuilder};
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::Parser as _;
use scan::Policy;
use url::Url;

use self::backup::{Backups, Change};
use self::entry::Entry;
use self::splice::{Outcome, Unfit, Wish};
use super::masked_diff::{examined, unified};
use super::prompt;
use super::replace::put;
use super::scan::read::{Content, Unread, read};
use crate::cli::{Cli, SetupArguments};
use crate::config::env::Surroundings;
use crate::config::{is_local, name};
use crate::known_clients::{Format, Scope, System};
use crate::sign_in;
use crate::voice::{self, Exit, Report, plain};

/// Writes a server into a client's file, prints what would be written, or takes that back.
pub(crate) fn run(arguments: &SetupArguments, around: &Surroundings) -> Result<Exit, Report> {
    if arguments.undo {
        return undo::undo(arguments, around);
    }
    let url = arguments.url.as_ref().ok_or_else(|| Report::new(Exit::Usage, "there is no server to set up"))?;
    let entry = entry(arguments, url, around)?;
    let name = arguments.name.clone().unwrap_or_else(|| name_of(url));
    let shape = arguments.client.shape();
    let wish = |text| Wish { text, section: shape.section, name: &name, entry: &entry, replaces: arguments.replace };
    let alone = match shape.format {
        Format::Json => json::alone(&wish(""), "\n"),
        Format::Toml => toml::alone(&wish(""), "\n"),
    };
    if arguments.print {
        voice::data(&alone)?;
        return Ok(Exit::Success);
    }
    let file = Target::read(target(arguments, around)?)?;
    stays_inside(arguments, &file, around)?;
    let changed = match splice::with_entry(&wish(file.text()), shape.format).map_err(|unfit| refused(&file, &name, &unfit))? {
        Outcome::Already => {
            voice::talk(&format!("`{name}` is in `{}` already\n", file.shown()));
            return Ok(Exit::Success);
        }
        Outcome::Changed(changed) => changed,
    };
    if file.real != file.path {
        voice::talk(&format!("`{}` leads to `{}`\n", file.shown(), plain(&file.real.display().to_string())));
    }
    voice::data(&unified(&file.path.display().to_string(), &file_name(&file.real), (file.text(), &changed), &Policy::USUAL))?;
    if holds_secrets(&file_name(&file.real), &alone) {
        voice::warn(&format!("`{name}` holds what looks like a secret, and whoever reads the file has it: `claviger login` does without"));
    }
    if !is_agreed(arguments, &file)? {
        return Err(failed("nothing was changed"));
    }
    change(arguments, &file, &changed, &name, around)?;
    tell_next(arguments, url, &name);
    Ok(Exit::Success)
}

/// What the client is to know.
fn entry(arguments: &SetupArguments, url: &Url, around: &Surroundings) -> Result<Entry, Report> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Report::new(Exit::Usage, "the address of an MCP server begins with `https://`"));
    }
    if url.scheme() == "http" && !is_local(url) {
        return Err(Report::new(Exit::Configuration, "a token is not sent over plain http to another machine").hint("write `https://`"));
    }
    let shape = arguments.client.shape();
    if arguments.direct {
        let title = arguments.client.title();
        let report = || Report::new(Exit::Usage, format!("the file of {title} has no word for a server behind an address"));
        return Entry::of_address(shape, url.to_string()).ok_or_else(|| report().hint("leave out `--direct`"));
    }
    let is_shared = arguments.scope == Some(Scope::Project);
    let mut words = vec!["bridge".to_owned(), url.to_string()];
    words.extend(arguments.profile.iter().flat_map(|profile| ["--profile".to_owned(), profile.clone()]));
    if !is_shared {
        words.extend(state_words(arguments, around)?);
    }
    words.extend(arguments.bridge.iter().cloned());
    Cli::try_parse_from(["claviger"].into_iter().chain(words.iter().map(String::as_str))).map_err(|error| {
        let text = error.to_string();
        let what = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        Report::new(Exit::Usage, format!("the bridge would not start: {}", plain(what))).hint("`claviger bridge --help` shows its options")
    })?;
    // In a folder that people share, each has the program somewhere else.
    let command = if is_shared { "claviger".to_owned() } else { program(around)? };
    Ok(Entry::of_program(shape, command, words))
}

/// Clients do not inherit the variables of this shell.
fn state_words(arguments: &SetupArguments, around: &Surroundings) -> Result<Vec<String>, Report> {
    let state = sign_in::state_folder(arguments.state.state.as_deref(), around)?;
    if around.home().is_some_and(|home| home.join(".local/state/claviger") == state) {
        return Ok(Vec::new());
    }
    Ok(vec!["--state".to_owned(), utf8(&state)?])
}

/// Where this program is: by the name that it is found by, which stays when a new version comes, else by its own.
fn program(around: &Surroundings) -> Result<String, Report> {
    let own = around.program();
    let is_own = |path: &PathBuf| path.is_absolute() && fs::canonicalize(path).is_ok_and(|path| path == own);
    let folders = around.variables().get("PATH").map(String::as_str).unwrap_or_default();
    let found = folders.split(':').map(|folder| Path::new(folder).join("claviger")).find(is_own);
    utf8(found.as_deref().unwrap_or(own))
}

fn utf8(path: &Path) -> Result<String, Report> {
    let report = || Report::new(Exit::Configuration, format!("`{}` cannot be written into the file: it is no UTF-8", path.display()));
    path.to_str().map(str::to_owned).ok_or_else(report)
}

/// What a server is called that nobody named. Parts of an address that look made by a machine may be a secret, and stay out.
fn name_of(url: &Url) -> String {
    let is_plain = |name: &str| name.len() <= 24 && name.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'));
    let whole = name::of_url(url);
    if is_plain(&whole) {
        return whole;
    }
    let mut host = url.clone();
    host.set_path("/");
    name::of_url(&host).replace('.', "-")
}

/// The file that is to change.
struct Target {
    /// As a person knows it.
    path: PathBuf,
    /// Behind its links.
    real: PathBuf,
    /// `None`: there is no such file yet.
    content: Option<Content>,
}

impl Target {
    fn read(path: PathBuf) -> Result<Self, Report> {
        let real = real(&path)?;
        let content = match read(&real) {
            Ok(content) => Some(content),
            Err(Unread::System(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(why) => return Err(unread(&path, &why)),
        };
        Ok(Self { path, real, content })
    }

    fn text(&self) -> &str {
        self.content.as_ref().map_or("", |content| content.text.as_str())
    }

    fn shown(&self) -> String {
        plain(&self.path.display().to_string())
    }

    /// The permissions of the changed file: those that it has, unless they let others see secrets.
    fn mode(&self, changed: &str, scope: Option<Scope>) -> u32 {
        let has = self.content.as_ref().and_then(|content| content.mode);
        let wanted = has.unwrap_or(if scope == Some(Scope::Project) { 0o644 } else { 0o600 });
        if holds_secrets(&file_name(&self.real), changed) { wanted & 0o600 } else { wanted }
    }
}

/// The file that the command line means.
fn target(arguments: &SetupArguments, around: &Surroundings) -> Result<PathBuf, Report> {
    let client = arguments.client;
    if let Some(file) = &arguments.file {
        return Ok(around.folder().join(file));
    }
    if arguments.scope == Some(Scope::Project) {
        let report = || Report::new(Exit::Usage, format!("{} has no file for a folder", client.title()));
        let file = client.project_file().ok_or_else(|| report().hint("leave out `--scope`"))?;
        return Ok(around.folder().join(file));
    }
    let report = || Report::new(Exit::Configuration, format!("nothing says where the file of {} is", client.title()));
    client.user_file(System::this(), around).ok_or_else(|| report().hint("give it with `--file FILE`"))
}

/// A path without links; its last parts need not be there.
fn real(path: &Path) -> Result<PathBuf, Report> {
    let cannot = |error: &dyn Error| unwritten(&plain(&path.display().to_string()), error);
    match (fs::canonicalize(path), path.parent(), path.file_name()) {
        (Ok(real), _, _) => Ok(real),
        (Err(error), _, _) if error.kind() != io::ErrorKind::NotFound => Err(cannot(&error)),
        (Err(error), _, _) if fs::symlink_metadata(path).is_ok() => Err(cannot(&error).hint("it is a link to something that is not there")),
        (Err(_), Some(folder), Some(name)) => Ok(real(folder)?.join(name)),
        (Err(error), _, _) => Err(cannot(&error)),
    }
}

/// A folder may be somebody else's work, and a link in it must not lead a change to a file of the person's own.
fn stays_inside(arguments: &SetupArguments, file: &Target, around: &Surroundings) -> Result<(), Report> {
    if arguments.scope != Some(Scope::Project) || file.real.starts_with(real(around.folder())?) {
        return Ok(());
    }
    let leads = format!("`{}` leads out of this folder, to `{}`", file.shown(), plain(&file.real.display().to_string()));
    Err(failed(&leads).hint("`--file FILE` changes it all the same"))
}

/// Whether the person wants it.
fn is_agreed(arguments: &SetupArguments, file: &Target) -> Result<bool, Report> {
    if arguments.yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        return Err(failed("nothing was changed: there is nobody to ask").hint("`--yes` does it"));
    }
    prompt::is_confirmed(&format!("write this into `{}`?", file.shown()))
        .map_err(|error| Report::new(Exit::InputOutput, "cannot read the answer").caused_by(&error))
}

/// Keeps the old file, and puts the new one in its place.
fn change(arguments: &SetupArguments, file: &Target, changed: &str, name: &str, around: &Surroundings) -> Result<(), Report> {
    let failed = |error: &dyn Error| unwritten(&file.shown(), error);
    let backups = Backups::open(&sign_in::state_folder(arguments.state.state.as_deref(), around)?)?;
    let folder = file.real.parent().unwrap_or(Path::new("/"));
    let mut folders: Vec<PathBuf> = folder.ancestors().take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
    folders.reverse();
    let before = file.content.as_ref();
    let had = before.and_then(|content| content.mode);
    let kept = backups.keep(Change {
        client: arguments.client.word(),
        name,
        file: &file.real,
        mode: had,
        folders,
        before: before.map(|content| content.text.as_str()),
        after: changed,
    });
    let backup = kept.map_err(|error| failed(&error))?;
    let mode = file.mode(changed, arguments.scope);
    DirBuilder::new().recursive(true).create(folder).map_err(|error| failed(&error))?;
    if let Err(refused) = put(&file.real, before.map(|content| content.text.as_str()), changed, mode) {
        // What was not done need not be taken back.
        let _kept = backups.forget(&backup);
        return Err(failed(&refused));
    }
    voice::talk(&format!("`{name}` is in `{}`\n", file.shown()));
    if had.is_some_and(|had| had != mode) {
        voice::talk("its mode is 0600 now: it holds secrets\n");
    }
    Ok(())
}

/// What the person may want to do now.
fn tell_next(arguments: &SetupArguments, url: &Url, name: &str) {
    let title = arguments.client.title();
    let word = arguments.client.word();
    let log_in = match (arguments.direct, word.as_str()) {
        (false, _) => {
            let profile = arguments.profile.as_ref().map_or_else(String::new, |profile| format!(" --profile {profile}"));
            format!("`claviger login {}{profile}` logs in now, else the first use does", plain(url.as_str()))
        }
        (true, "claude-code") => "`/mcp` in Claude Code logs in".to_owned(),
        (true, "codex") => format!("`codex mcp login {name}` logs in"),
        (true, "gemini") => format!("`/mcp auth {name}` in Gemini CLI logs in"),
        (true, _) => format!("{title} asks you to log in"),
    };
    voice::hint(&format!("if {title} is running, start it anew; {log_in}"));
    let place = match (&arguments.file, arguments.scope) {
        (Some(file), _) => format!(" --file {}", plain(&file.display().to_string())),
        (None, Some(Scope::Project)) => " --scope project".to_owned(),
        (None, _) => String::new(),
    };
    voice::hint(&format!("`claviger setup {word}{place} --undo` takes this back"));
}

/// Why the file cannot take the entry, and where that stands.
fn refused(file: &Target, name: &str, unfit: &Unfit) -> Report {
    let (line, column) = position(file.text(), unfit.at);
    let report = failed(&format!("{}:{line}:{column}: {}", file.shown(), plain(&unfit.why.to_string())));
    match unfit.why {
        splice::Why::Different => {
            report.hint(format!("`--replace` puts this one in the place of `{name}`, `--name NAME` gives it another name"))
        }
        splice::Why::Intricate => report.hint("`--print` shows the entry"),
        _ => report,
    }
}

/// Line and column of a byte, both from one; columns count characters.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// Whether others should not read a text.
fn holds_secrets(name: &str, text: &str) -> bool {
    examined(name, text).findings.iter().any(|finding| finding.masked.is_some())
}

fn file_name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn failed(what: &str) -> Report {
    Report::new(Exit::Failure, what)
}

fn unread(file: &Path, why: &Unread) -> Report {
    Report::new(Exit::InputOutput, format!("`{}` was not read", plain(&file.display().to_string()))).caused_by(why)
}

fn unwritten(what: &str, error: &dyn Error) -> Report {
    Report::new(Exit::InputOutput, format!("{what} is as it was")).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::{name_of, position};

    #[test]
    fn a_server_is_called_after_its_address_and_never_after_what_may_be_a_secret_in_it() {
        for (url, expected) in [
            ("https://mcp.linear.app/mcp", "linear"),
            ("http://127.0.0.1:8787/mcp/filesystem", "filesystem"),
            ("https://mcp.example.com/api/mcp/s/NzJkOWE2ZjEtYjQ3Yi00/mcp", "example"),
            ("https://api.example.com/u/9f8e7d6c", "example"),
            ("http://127.0.0.1:1/", "server"),
        ] {
            assert_eq!(name_of(&url.parse().unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn places_are_counted_as_editors_do() {
        assert_eq!(position("a\nžb", 4), (2, 2));
        assert_eq!(position("", 9), (1, 1));
    }
}
