//! `claviger run`: any program, with the secrets that its environment refers to.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use policy::Permit;

use super::block_on;
use crate::cli::{KeychainArgument, OnRotation, RunArguments, ServeArguments, StateArgument};
use crate::config::draft;
use crate::config::env::{self, Surroundings};
use crate::config::listen::EnvironmentName;
use crate::config::secrets::Secrets;
use crate::hardening::CoreLimit;
use crate::interruption::Interruption;
use crate::log;
use crate::run::delivery::Start;
use crate::run::program::{Program, cannot_start};
use crate::run::supervisor::supervise;
use crate::run::variables;
use crate::voice::{self, Exit, Report};

/// Runs the program: becomes it where no value can change, else stays and supervises it.
pub(crate) fn run(arguments: &RunArguments, around: &Surroundings, core_limit: CoreLimit) -> Result<ExitCode, Report> {
    log::start(around.value(env::LOG));
    if arguments.signal.is_some() && arguments.on_rotation != OnRotation::Signal {
        return Err(Report::new(Exit::Usage, "`--signal` is sent by `--on-rotation signal` only").hint("add `--on-rotation signal`"));
    }
    let wanted = variables::gather(arguments, around)?;
    for notice in &wanted.notices {
        voice::warn(notice);
    }
    let secrets = secrets(arguments.config.as_deref(), arguments.keychain, &arguments.state, around)?;
    // ★ The one permit that no decision made. Nobody called us over a connection: a person started us on their own machine, and gets what they could fetch
    // themselves.
    let permit = Permit::by_local_user();
    block_on(secrets.lend(around, async |resolver| {
        let program = Program::new(wanted, &resolver);
        if program.can_change() && arguments.on_rotation != OnRotation::Leave {
            let start = Start { program: &program, around, core_limit };
            return supervise(arguments, &start, &permit).await;
        }
        let filled = Interruption::listen()?.unless_it_comes(program.filled(&permit)).await?;
        let mut command = program.command(&filled, &[]);
        core_limit.lift();
        // Only a failure comes back. Else what was lent is the program's from here on, and given back by nobody: the program uses it to its end.
        Err(cannot_start(&program.name(), &command.exec()))
    }))
}

/// Where secrets lie. Without a `--config` or `CLAVIGER_CONFIG` no file says so: a `claviger.toml` of whatever folder a person happens to stand in shall not say
/// whom their secrets are asked of, nor whom they are given to.
pub(super) fn secrets(
    config: Option<&Path>,
    keychain: KeychainArgument,
    state: &StateArgument,
    around: &Surroundings,
) -> Result<Secrets, Report> {
    let config = config.map(Path::to_owned).or_else(|| around.value(env::CONFIG).map(PathBuf::from));
    if let Some(config) = config {
        let arguments = ServeArguments { config: Some(config), state: state.clone(), ..ServeArguments::default() };
        return draft::secrets(&arguments, around).map(|secrets| secrets.with_chosen_keychain(keychain.keychain));
    }
    let environment = around.value(env::ENV).map(EnvironmentName::parse).transpose();
    let environment = environment.map_err(|error| Report::new(Exit::Configuration, format!("`{}`: {error}", env::ENV.name)))?;
    // Only a keychain that lies in the state folder needs one.
    let state = around.state_folder(state.state.as_deref()).unwrap_or_else(|| around.folder().to_owned());
    let secrets = Secrets::usual(around, around.folder(), &state).with_chosen_keychain(keychain.keychain);
    Ok(if environment.is_some_and(|environment| environment.is_production()) { secrets.for_production() } else { secrets })
}
