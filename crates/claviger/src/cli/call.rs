//! What can a person type after `call`?

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, Args, Command, ValueEnum};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use secrecy::SecretString;
use url::Url;

use super::{Era, SignInArguments};
use crate::commands::known_tools;
use crate::config::env::Surroundings;
use crate::config::units;

/// `claviger call`.
#[derive(Clone, Debug, Args)]
#[command(after_help = CALL_EXAMPLES)]
pub(crate) struct CallArguments {
    /// The server's MCP endpoint
    pub(crate) url: Url,
    /// The tool to call
    #[arg(required_unless_present = "list", conflicts_with = "list", add = ArgValueCompleter::new(tools))]
    pub(crate) tool: Option<String>,
    /// Its arguments, as a JSON object; `-` reads them from stdin
    #[arg(value_name = "JSON", conflicts_with = "list")]
    pub(crate) arguments: Option<String>,
    /// List the tools instead of calling one
    #[arg(long)]
    pub(crate) list: bool,
    /// A bearer token instead of your account there (others can read it in the process list; better --token-file or CLAVIGER_TOKEN)
    #[arg(long, conflicts_with = "token_file", value_parser = super::secret)]
    pub(crate) token: Option<SecretString>,
    /// A file that holds the bearer token; `-` reads it from stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Which protocol era to speak
    #[arg(long, value_name = "ERA", default_value = "auto")]
    pub(crate) era: Era,
    /// An argument of the tool; `--NAME VALUE` behind the tool means the same, unless NAME is one of these options
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "list")]
    pub(crate) arg: Vec<String>,
    /// How to print the result
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Output,
    /// The same as `--output json`
    #[arg(long, conflicts_with = "output")]
    pub(crate) json: bool,
    /// How long to wait for the whole call, such as 30s or 5min; a log-in is not counted
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = units::duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) sign_in: SignInArguments,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// As the server sent it
    Json,
    /// Rows and columns, where there are any
    Table,
    /// What a person reads
    #[default]
    Text,
}

/// Writes the options behind the tool that are none of ours, such as `--city Berlin`, as `--arg`. Which of them a tool has, only its server knows.
pub(crate) fn with_arguments_of_tools(command: &Command, words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words = words.into_iter().peekable();
    let mut written: Vec<OsString> = words.by_ref().take(2).collect();
    let Some(ours) = command.find_subcommand("call").filter(|_| written.get(1).is_some_and(|name| name == "call")) else {
        written.extend(words);
        return written;
    };
    let mut positions = 0;
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default().to_owned();
        let Some(option) = text.strip_prefix("--").filter(|option| !option.is_empty()) else {
            positions += usize::from(!is_short_option(&text));
            let ends = text == "--";
            written.push(word);
            if ends {
                break;
            }
            continue;
        };
        let name = option.split('=').next().unwrap_or_default();
        if let Some(takes_value) = takes_value(ours, name) {
            written.push(word);
            if takes_value && name.len() == option.len() {
                written.extend(words.next());
            }
        } else if positions < URL_AND_TOOL {
            written.push(word);
        } else {
            let mut argument = option.to_owned();
            if name.len() == option.len()
                && let Some(value) = words.next_if(|next| next.to_str().is_some_and(is_value))
            {
                argument = format!("{name}={}", value.to_string_lossy());
            }
            written.extend(["--arg".into(), argument.into()]);
        }
    }
    written.extend(words);
    written
}

/// Whether an option of ours takes a value; `None`: it is none of ours.
fn takes_value(command: &Command, name: &str) -> Option<bool> {
    let is_it = |argument: &&Arg| argument.get_long() == Some(name) || argument.get_all_aliases().is_some_and(|all| all.contains(&name));
    let found = command.get_arguments().find(is_it).map(|argument| argument.get_action().takes_values());
    found.or_else(|| (name == "help").then_some(false))
}

/// A value, or the next option? Negative numbers are values.
fn is_value(word: &str) -> bool {
    word.strip_prefix('-').is_none_or(|rest| rest.is_empty() || rest.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.'))
}

/// The tools that the server in the command line was seen to have.
fn tools(begun: &OsStr) -> Vec<CompletionCandidate> {
    let Some(state) = Surroundings::of_this_process().ok().and_then(|around| around.state_folder(None)) else { return Vec::new() };
    let words = std::env::args_os().filter_map(|word| word.into_string().ok());
    let begun = begun.to_str().unwrap_or_default();
    known_tools(&state, words).into_iter().filter(|name| name.starts_with(begun)).map(CompletionCandidate::new).collect()
}

fn is_short_option(word: &str) -> bool {
    word.len() == 2 && word.starts_with('-')
}

const URL_AND_TOOL: usize = 2;

const CALL_EXAMPLES: &str = "\
Examples:
  claviger call http://127.0.0.1:8787/mcp/filesystem --list
  claviger call http://127.0.0.1:8787/mcp/filesystem read_text_file --path README.md
  claviger call http://127.0.0.1:8787/mcp/filesystem read_text_file '{\"path\": \"README.md\"}'";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::with_arguments_of_tools;

    fn written(line: &str) -> String {
        let command = crate::cli::Cli::command();
        let words = with_arguments_of_tools(&command, line.split(' ').map(Into::into));
        words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_stands_behind_the_tool_and_is_none_of_our_options_is_the_tools() {
        for (typed, meant) in [
            ("claviger call U t --city Berlin --days 3", "claviger call U t --arg city=Berlin --arg days=3"),
            ("claviger call U t --city=a=b --json --cold", "claviger call U t --arg city=a=b --json --arg cold"),
            ("claviger call U t --by -3 --at -.5 --list-all", "claviger call U t --arg by=-3 --arg at=-.5 --arg list-all"),
            ("claviger call --profile work U t --timeout 5s --x -", "claviger call --profile work U t --timeout 5s --arg x=-"),
            ("claviger call U t {} --help", "claviger call U t {} --help"),
            // Before the tool everything is ours, right or wrong.
            ("claviger call U --lst", "claviger call U --lst"),
            ("claviger call U t -- --x", "claviger call U t -- --x"),
            ("claviger scan --city Berlin", "claviger scan --city Berlin"),
            ("claviger", "claviger"),
        ] {
            assert_eq!(written(typed), meant);
        }
    }
}
