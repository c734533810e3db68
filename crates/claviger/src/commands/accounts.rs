//! `claviger accounts`: who may sign in. The file is the truth; a running door reads it anew by itself.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Serialize;

use crate::accounts::{self, About, NotChanged};
use crate::cli::{AccountsCommand, AccountsFile, AddAccountArguments, ListAccountsArguments, ServeArguments};
use crate::config::draft::{self, no_state_folder};
use crate::config::env::Surroundings;
use crate::config::issuer::ACCOUNTS_FILE;
use crate::voice::{self, Exit, Report, plain};

/// Carries out one command.
pub(crate) fn run(command: AccountsCommand, around: &Surroundings) -> Result<Exit, Report> {
    match command {
        AccountsCommand::Add(arguments) => add(&arguments, around),
        AccountsCommand::List(arguments) => list(&arguments, around),
        AccountsCommand::Remove(arguments) => {
            let file = file(&arguments.at, around)?;
            accounts::remove(&file, &arguments.account).map_err(|error| not_changed(&error, &file))?;
            voice::talk(&format!(
                "`{}` has no account any more; `claviger grants revoke --subject` ends at once what it granted\n",
                plain(&arguments.account)
            ));
            Ok(Exit::Success)
        }
        AccountsCommand::Reset(arguments) => {
            let file = file(&arguments.at, around)?;
            let password = accounts::reset(&file, &arguments.account).map_err(|error| not_changed(&error, &file))?;
            tell(&arguments.account, &password)
        }
    }
}

fn add(arguments: &AddAccountArguments, around: &Surroundings) -> Result<Exit, Report> {
    let file = file(&arguments.at, around)?;
    let about = About { name: arguments.name.clone(), groups: arguments.groups.clone() };
    let password = accounts::add(&file, &arguments.account, &about).map_err(|error| not_changed(&error, &file))?;
    tell(&arguments.account, &password)
}

/// The password is data, and the only time that it is seen.
fn tell(account: &str, password: &SecretString) -> Result<Exit, Report> {
    voice::talk(&format!("the password of `{}`, shown this once:\n", plain(account)));
    voice::data(&format!("{}\n", accounts::shown(password)))?;
    Ok(Exit::Success)
}

/// One account, for people and programs.
#[derive(Serialize)]
struct Row<'a> {
    account: &'a str,
    name: Option<&'a str>,
    groups: &'a [String],
    disabled: bool,
}

fn list(arguments: &ListAccountsArguments, around: &Surroundings) -> Result<Exit, Report> {
    let file = file(&arguments.at, around)?;
    if arguments.at.file.is_some() && !file.exists() {
        return Err(Report::new(Exit::InputOutput, format!("there is no file `{}`", file.display()))
            .hint("`claviger accounts add NAME --file FILE` makes one"));
    }
    let accounts =
        issuer::accounts::read(&file).map_err(|error| Report::new(Exit::InputOutput, "the accounts cannot be read").caused_by(&error))?;
    let rows: Vec<Row<'_>> = accounts
        .iter()
        .map(|(account, about)| Row { account, name: about.name.as_deref(), groups: &about.groups, disabled: about.disabled })
        .collect();
    if arguments.json {
        let json =
            serde_json::to_string_pretty(&rows).map_err(|error| Report::new(Exit::Internal, "cannot write JSON").caused_by(&error))?;
        voice::data(&format!("{json}\n"))?;
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        voice::talk("nobody has an account\n");
        return Ok(Exit::Success);
    }
    let head = ["ACCOUNT", "NAME", "GROUPS", "STATE"].map(str::to_owned);
    let cells = |row: &Row<'_>| {
        let state = if row.disabled { "disabled" } else { "may sign in" };
        [plain(row.account), plain(row.name.unwrap_or_default()), plain(&row.groups.join(", ")), state.to_owned()]
    };
    voice::data(&voice::aligned(&[vec![head], rows.iter().map(cells).collect()].concat()))?;
    Ok(Exit::Success)
}

/// The flag, what the configuration names, or the state folder's own.
fn file(at: &AccountsFile, around: &Surroundings) -> Result<PathBuf, Report> {
    let AccountsFile { file, config, environment, state } = at.clone();
    if let Some(file) = file {
        return Ok(around.folder().join(file));
    }
    let arguments = ServeArguments { config, environment, state, ..ServeArguments::default() };
    match draft::accounts(&arguments, around)? {
        Some(file) => Ok(file),
        None => Ok(around.state_folder(arguments.state.state.as_deref()).ok_or_else(no_state_folder)?.join(ACCOUNTS_FILE)),
    }
}

fn not_changed(error: &NotChanged, file: &std::path::Path) -> Report {
    let exit = match error {
        NotChanged::Exists(_) | NotChanged::Missing(_) => Exit::Failure,
        NotChanged::Name => Exit::Usage,
        NotChanged::File(_) | NotChanged::Toml(_) => Exit::Configuration,
        NotChanged::Io(_) | NotChanged::Random => Exit::InputOutput,
    };
    let report = Report::new(exit, format!("`{}` was not changed", file.display())).caused_by(error);
    match error {
        NotChanged::Exists(_) => report.hint("`claviger accounts reset NAME` gives it a new password"),
        NotChanged::Missing(_) => report.hint("`claviger accounts list` names all there are"),
        _ => report,
    }
}
