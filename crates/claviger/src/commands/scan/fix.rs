//! `claviger scan --fix`: secrets move out of files into a store. Shown first; done with `--yes`.
//!
//! ★ The order in which it is done, so that a failure between any two steps loses nothing: every value is in the store, read back and compared; the way back is
//! written down; the client's variables are; and only then the file changes, whole or not at all.

mod keep;
mod names;
mod record;
mod standing;
mod undo;
mod variables;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use broker::source::Sources;
use scan::fix::{Client, Fixed, Launcher, Name, Plan, Reader, Wish, plan};
use scan::{FingerprintKey, Policy};

use self::keep::keep;
use self::names::Names;
use self::record::{Draft, KeptAs, Records};
use self::standing::Standing;
pub(super) use self::undo::undo;
use self::variables::Variables;
use super::committable::{Repositories, root_of};
use super::{Scan, Scanned};
use crate::cli::{KeychainArgument, KeychainChoice, ScanArguments, StoreChoice};
use crate::commands::masked_diff::unified;
use crate::commands::replace::{OURS_ALONE, put};
use crate::commands::{borrowing, run};
use crate::config::draft::no_state_folder;
use crate::config::env::{self, Surroundings};
use crate::config::env_file;
use crate::voice::{self, Exit, Report, plain};

/// Shows, or does, what can be done about the secrets of a scan.
pub(super) fn fix(arguments: &ScanArguments, around: &Surroundings, key: &FingerprintKey, scan: &Scan) -> Result<Exit, Report> {
    let workshop = Workshop::open(arguments, around)?;
    let plans: Vec<(&Scanned, Plan)> = scan.files.iter().map(|file| (file, workshop.plan(file, &scan.policy, key))).collect();
    let count: usize = plans.iter().map(|(_, plan)| plan.moves.len()).sum();
    for (file, plan) in &plans {
        tell_left(file, plan);
    }
    if !arguments.yes {
        workshop.show(&plans, &scan.policy)?;
        let hint = "nothing was changed; `--yes` does it";
        voice::talk(&format!("{} would move into {}\n", secrets(count), workshop.store_name()));
        if count > 0 {
            voice::hint(hint);
        }
        return Ok(super::verdict(scan, arguments.fail_on));
    }
    for (file, plan) in &plans {
        workshop.can_be_opened(file, plan)?;
    }
    if count > 0 {
        let places = run::secrets(arguments.config.as_deref(), workshop.keychain(), &arguments.state, around)?;
        borrowing(&places, around, async |resolver| workshop.mend(&plans, resolver.sources(), &|_| Ok(())).await)?;
    }
    for (file, plan) in plans.iter().filter(|(_, plan)| !plan.left.is_empty()) {
        shield(file, plan)?;
    }
    voice::talk(&format!("{} moved into {}\n", secrets(count), workshop.store_name()));
    let after = scan.again(around, key);
    let left = after.findings().count();
    if left > 0 {
        voice::talk(&format!("{left} other {} left: `claviger scan` shows them\n", if left == 1 { "finding is" } else { "findings are" }));
    }
    Ok(super::verdict(&after, arguments.fail_on))
}

/// What could be done about the secrets of a file.
pub(super) fn plan_of(file: &Scanned, policy: &Policy, launcher: &Launcher, prefers_launcher: bool, key: &FingerprintKey) -> Plan {
    let name = file.path.file_name().unwrap_or_default().to_string_lossy();
    let client = Client::of(&folder_name(&file.path), &name, &file.text);
    plan(&Wish { name: &name, text: &file.text, client, prefers_launcher, policy }, launcher, key)
}

/// The variables that a client here finds: those of this shell, and those that a fix has named.
pub(super) fn variables_of_clients(arguments: &ScanArguments, around: &Surroundings) -> BTreeSet<String> {
    let state = around.state_folder(arguments.state.state.as_deref());
    let named = state.and_then(|state| Variables::read(&state).ok()).map(Variables::names);
    around.variables().keys().cloned().chain(named.into_iter().flatten()).collect()
}

/// The steps of one file, for whoever has to know between which two something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The values go into the store.
    Keep,
    /// The way back is written down.
    Record,
    /// The client's variables are.
    Variables,
    /// The file changes.
    Replace,
    /// Version control is told to leave it alone.
    Ignore,
}

/// Everything that a fix needs besides the file.
struct Workshop {
    store: StoreChoice,
    names_below: Option<String>,
    prefers_launcher: bool,
    program: PathBuf,
    /// What `claviger run` is to be told, so that it asks the same places.
    flags: Vec<String>,
    state: PathBuf,
}

impl Workshop {
    fn open(arguments: &ScanArguments, around: &Surroundings) -> Result<Self, Report> {
        if arguments.store == StoreChoice::AzureKeyvault && arguments.within.is_none() {
            return Err(Report::new(Exit::Usage, "it is not said which vault keeps the secrets").hint("add `--within VAULT`"));
        }
        let state = around.state_folder(arguments.state.state.as_deref()).ok_or_else(no_state_folder)?;
        let absolute = |path: &Path| around.folder().join(path).display().to_string();
        let mut flags = Vec::new();
        let config = arguments.config.clone().or_else(|| around.value(env::CONFIG).map(PathBuf::from));
        flags.extend(config.iter().flat_map(|config| ["--config".to_owned(), absolute(config)]));
        if arguments.store == StoreChoice::File {
            flags.extend(["--keychain", "file"].map(str::to_owned));
            // Clients do not inherit the variables of this shell.
            if around.home().is_none_or(|home| home.join(".local/state/claviger") != state) {
                flags.extend(["--state".to_owned(), absolute(&state)]);
            }
        }
        Ok(Self {
            store: arguments.store,
            names_below: arguments.within.clone(),
            prefers_launcher: arguments.wrap,
            program: around.program().to_owned(),
            flags,
            state,
        })
    }

    fn keychain(&self) -> KeychainArgument {
        KeychainArgument { keychain: (self.store == StoreChoice::File).then_some(KeychainChoice::File) }
    }

    fn store_name(&self) -> &'static str {
        match self.store {
            StoreChoice::AwsSecretsmanager => "AWS Secrets Manager",
            StoreChoice::AzureKeyvault => "Azure Key Vault",
            StoreChoice::File => "the sealed file of the state folder",
            StoreChoice::Keychain => "the keychain",
            StoreChoice::Vault => "Vault",
        }
    }

    /// In a repository the others have our program somewhere else.
    fn launcher(&self, file: &Path) -> Launcher {
        let is_shared = root_of(file.parent().unwrap_or(file)).is_some();
        let program = if is_shared { "claviger".to_owned() } else { self.program.display().to_string() };
        // A server keeps what it was started with: one that is started again has forgotten its session.
        let arguments = ["run", "--on-rotation", "leave"].map(str::to_owned).into_iter().chain(self.flags.iter().cloned()).collect();
        Launcher { program, arguments }
    }

    fn plan(&self, file: &Scanned, policy: &Policy, key: &FingerprintKey) -> Plan {
        plan_of(file, policy, &self.launcher(&file.path), self.prefers_launcher, key)
    }

    /// A key that opens the store cannot lie in it, where the server's own environment is what the launcher asks with.
    fn can_be_opened(&self, file: &Scanned, plan: &Plan) -> Result<(), Report> {
        let own: &[&str] = match self.store {
            StoreChoice::AwsSecretsmanager => &["AWS_"],
            StoreChoice::AzureKeyvault => &["AZURE_"],
            StoreChoice::File | StoreChoice::Keychain => &[],
            StoreChoice::Vault => &["VAULT_", "BAO_"],
        };
        let opens = |name: &str| own.iter().any(|start| name.starts_with(start));
        match plan.moves.iter().find(|each| each.reader == Reader::Launcher && opens(&each.name)) {
            None => Ok(()),
            Some(each) => {
                let what =
                    format!("`{}` of `{}` is what opens {}, and cannot be kept there", plain(&each.name), file.name, self.store_name());
                Err(Report::new(Exit::Usage, what).hint("choose another store: `--store keychain` or `--store file`"))
            }
        }
    }

    /// The changes as they would be if every name in the store were free.
    fn show(&self, plans: &[(&Scanned, Plan)], policy: &Policy) -> Result<(), Report> {
        let mut names = Names::new(self.store, self.names_below.as_deref());
        let mut variables = Variables::read(&self.state)?;
        for (file, plan) in plans.iter().filter(|(_, plan)| !plan.moves.is_empty()) {
            let mut named = Vec::new();
            for each in &plan.moves {
                let reference = names.free(each.server.as_deref().unwrap_or(&folder_name(&file.path)), &each.name, &each.value)?;
                named.push(Name { variable: variables.name_for(each, &reference), reference });
            }
            let fixed = self.carry_out(file, plan, &named)?;
            let called = file.path.file_name().unwrap_or_default().to_string_lossy();
            voice::data(&unified(&file.name, &called, (&file.text, &fixed.text), policy))?;
            for (each, name) in plan.moves.iter().zip(&named) {
                voice::talk(&format!("`{}`: {}\n", name.reference, each.masked));
            }
        }
        Ok(())
    }

    fn carry_out(&self, file: &Scanned, plan: &Plan, names: &[Name]) -> Result<Fixed, Report> {
        let refused = || Report::new(Exit::Failure, format!("`{}` cannot be fixed by itself", file.name));
        let fixed = plan.carry_out(&file.text, names, &self.launcher(&file.path)).map_err(|unfit| refused().caused_by(&unfit))?;
        let is_for_run = plan.moves.iter().any(|each| each.reader == Reader::EnvironmentFile);
        if is_for_run && !env_file::is_readable(&fixed.text) {
            return Err(refused().hint("`claviger run --env-file` has to read it: put values with blanks into quotes"));
        }
        Ok(fixed)
    }

    /// Does it, file by file. `between` is asked before each step.
    async fn mend(
        &self,
        plans: &[(&Scanned, Plan)],
        sources: &Sources,
        between: &dyn Fn(Step) -> Result<(), Report>,
    ) -> Result<(), Report> {
        let mut names = Names::new(self.store, self.names_below.as_deref());
        let records = Records::open(&self.state)?;
        for (file, plan) in plans.iter().filter(|(_, plan)| !plan.moves.is_empty()) {
            self.mend_one(file, plan, (&mut names, &records), sources, between).await?;
        }
        Ok(())
    }

    async fn mend_one(
        &self,
        file: &Scanned,
        plan: &Plan,
        (names, records): (&mut Names, &Records),
        sources: &Sources,
        between: &dyn Fn(Step) -> Result<(), Report>,
    ) -> Result<(), Report> {
        let owner = folder_name(&file.path);
        let mut variables = Variables::read(&self.state)?;
        let mut named = Vec::new();
        between(Step::Keep)?;
        let mut kept = Vec::new();
        for each in &plan.moves {
            let owner = each.server.as_deref().unwrap_or(&owner);
            let reference = keep(names, (owner, &each.name), &each.value, sources).await?;
            let as_written = match &each.as_written {
                Some(raw) => Some(keep(names, (owner, &format!("{}-as-written", each.name)), raw, sources).await?),
                None => None,
            };
            named.push(Name { variable: variables.name_for(each, &reference), reference: reference.clone() });
            kept.push(KeptAs { reference, as_written });
        }
        let fixed = self.carry_out(file, plan, &named)?;
        let path = fs::canonicalize(&file.path).map_err(|error| unwritten(file, &error))?;
        between(Step::Record)?;
        let record = Draft { file: &path, before: &file.text, fixed: &fixed, kept, is_sealed_file: self.store == StoreChoice::File };
        records.write(record).map_err(|error| unwritten(file, &error))?;
        between(Step::Variables)?;
        variables.write().map_err(|error| unwritten(file, &error))?;
        between(Step::Replace)?;
        put(&path, Some(&file.text), &fixed.text, OURS_ALONE).map_err(|refused| unwritten(file, &refused))?;
        tell_moved(file, plan, &named);
        between(Step::Ignore)?;
        Self::tell_version_control(file, plan)?;
        let for_client = plan.moves.iter().any(|each| each.reader == Reader::Client);
        if for_client {
            voice::hint(&format!(
                "start the client of `{}` by `{}`",
                file.name,
                self.run_line(&variables.file().display().to_string(), "CLIENT")
            ));
        }
        if plan.moves.iter().any(|each| each.reader == Reader::EnvironmentFile) {
            voice::hint(&format!("start what reads `{}` by `{}`", file.name, self.run_line(&file.name, "PROGRAM")));
        }
        Ok(())
    }

    fn run_line(&self, file: &str, program: &str) -> String {
        let words = ["claviger", "run"].into_iter().chain(self.flags.iter().map(String::as_str)).chain(["--env-file", file]);
        let words: Vec<String> = words.map(|word| plain(&quoted(word))).collect();
        format!("{} -- {program}", words.join(" "))
    }

    /// What still holds a secret, or is meant to hold one, stays out; and what went in before has to be revoked.
    fn tell_version_control(file: &Scanned, plan: &Plan) -> Result<(), Report> {
        let is_template = file.name.contains(".example") || file.name.contains(".sample") || file.name.contains(".template");
        let is_private = plan.moves.iter().any(|each| each.reader == Reader::EnvironmentFile) && !is_template;
        let would_be_taken = Repositories::default().would_take(&file.path) == Some(true);
        if would_be_taken && (is_private || !plan.left.is_empty()) {
            let ignored = standing::ignore(&file.path)
                .map_err(|error| Report::new(Exit::InputOutput, "cannot write `.gitignore`").caused_by(&error))?;
            voice::talk(&format!("`{}` is in `{}` now\n", file.name, plain(&ignored.display().to_string())));
        }
        let standing = standing::standing(&file.path);
        let what = match standing {
            Standing::Clean => return Ok(()),
            Standing::InHistory => format!("`{}` is in the history of git: whoever has the repository has its secrets", file.name),
            Standing::Tracked => format!("`{}` is tracked by git: whoever has the repository has its secrets", file.name),
            Standing::Unknown => format!("git does not say whether `{}` was ever taken in: if it was, revoke its secrets", file.name),
        };
        voice::warn(&what);
        for each in &plan.moves {
            let page = each.page.map_or_else(|| "where it was issued".to_owned(), |page| format!("at {page}"));
            voice::talk(&format!("fixed, rotate: `{}` ({}): revoke it {page}\n", plain(&each.name), each.masked));
        }
        if standing == Standing::Tracked && is_private {
            voice::hint(&format!("`git rm --cached {}` takes it out of the next commit; its history stays", file.name));
        }
        Ok(())
    }
}

/// What still holds a secret is for its owner alone, and stays out of version control.
fn shield(file: &Scanned, plan: &Plan) -> Result<(), Report> {
    let mode = fs::metadata(&file.path).map(|metadata| metadata.permissions().mode()).unwrap_or_default();
    if mode & OTHERS != 0 {
        let closed = fs::set_permissions(&file.path, fs::Permissions::from_mode(0o600));
        closed.map_err(|error| Report::new(Exit::InputOutput, format!("cannot close `{}` to others", file.name)).caused_by(&error))?;
        voice::talk(&format!("`{}` is closed to others now\n", file.name));
    }
    // A file from which something was moved has been through this.
    if plan.moves.is_empty() { Workshop::tell_version_control(file, plan) } else { Ok(()) }
}

fn tell_moved(file: &Scanned, plan: &Plan, names: &[Name]) {
    for (each, name) in plan.moves.iter().zip(names) {
        let (line, _) = file.position(each.span.start);
        voice::talk(&format!(
            "{}:{line}: `{}` is kept as `{}`: it was read back and compared\n",
            file.name,
            plain(&each.name),
            name.reference
        ));
    }
}

fn tell_left(file: &Scanned, plan: &Plan) {
    for left in &plan.left {
        let (line, column) = file.position(left.span.start);
        voice::warn(&format!("{}:{line}:{column}: {} stays: {}", file.name, left.masked, left.why));
    }
}

fn unwritten(file: &Scanned, error: &dyn std::error::Error) -> Report {
    Report::new(Exit::InputOutput, format!("`{}` is as it was; its secrets are in the store, too", file.name)).caused_by(error)
}

fn secrets(count: usize) -> String {
    format!("{count} secret{}", if count == 1 { "" } else { "s" })
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-=:@".contains(&byte));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// What a file is called after that has no servers.
fn folder_name(file: &Path) -> String {
    file.parent().and_then(Path::file_name).map_or_else(|| "files".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The bits of a mode by which others get in.
const OTHERS: u32 = 0o077;
