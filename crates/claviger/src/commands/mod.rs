//! What does each command do? One file a command; the surroundings are read here, once, and handed on.

mod accounts;
mod audit;
mod bridge;
mod call;
mod config;
mod conformance_client;
mod connections;
mod doctor;
mod grants;
mod guide;
mod init;
mod keeper;
mod masked_diff;
mod note;
mod prompt;
mod replace;
mod run;
mod scan;
mod secrets;
mod secrets_status;
mod serve;
mod setup;
mod sign_in;
mod token;

use std::process::ExitCode;

use broker::Resolver;

pub(crate) use self::call::known_tools;
pub(crate) use self::token::read_secret;
use crate::cli::{ChildGuardArguments, Command};
use crate::config::env::Surroundings;
use crate::config::plan::Planner;
use crate::config::secrets::Secrets;
use crate::hardening::harden;
use crate::interruption::Interruption;
use crate::run::become_program::become_program;
use crate::voice::{Exit, Report};

/// Carries out one command.
pub(crate) fn run(command: Command) -> Result<ExitCode, Report> {
    // These two must start fast and need nothing of what surrounds them.
    match &command {
        Command::ChildGuard(arguments) => return guard(arguments),
        Command::RunChild(arguments) => return Err(become_program(arguments)),
        _ => {}
    }
    let core_limit = harden();
    let around = Surroundings::of_this_process()
        .map_err(|error| Report::new(Exit::InputOutput, "cannot see the working folder").caused_by(&error))?;
    let exit = match command {
        Command::Accounts(command) => accounts::run(command, &around)?,
        Command::Audit(command) => audit::run(&command, &around)?,
        Command::Bridge(arguments) => block_on(bridge::run(&arguments, &around))?,
        Command::Call(arguments) => block_on(call::run(&arguments, &around))?,
        Command::ChildGuard(arguments) => return guard(&arguments),
        Command::Clients(command) => block_on(grants::clients(command, &around))?,
        Command::Config(command) => config::run(command, around)?,
        Command::ConformanceClient(arguments) => block_on(conformance_client::run(&arguments, &around))?,
        Command::Connections(command) => block_on(connections::run(command, around))?,
        Command::Doctor(arguments) => return block_on(doctor::run(&arguments, &around)),
        Command::Grants(command) => block_on(grants::grants(command, &around))?,
        Command::Init(arguments) => init::run(&arguments, &around)?,
        Command::Keeper(arguments) => block_on(keeper::run(&arguments, &around))?,
        Command::Keys(command) => block_on(grants::keys(command, &around))?,
        Command::Login(arguments) => block_on(sign_in::login(&arguments, &around))?,
        Command::Logout(arguments) => block_on(sign_in::logout(&arguments, &around))?,
        Command::Run(arguments) => return run::run(&arguments, &around, core_limit),
        Command::RunChild(arguments) => return Err(become_program(&arguments)),
        Command::Scan(arguments) => scan::run(&arguments, &around)?,
        Command::Secrets(command) => secrets::run(&command, &around)?,
        Command::Serve(arguments) => serve::run(&Planner::new(*arguments, around))?,
        Command::Setup(arguments) => setup::run(&arguments, &around)?,
        Command::Status(arguments) => sign_in::status(&arguments, &around)?,
        Command::Token(command) => token::run(&command, &around)?,
    };
    Ok(exit.into())
}

/// Does work that asks places for secrets. Ctrl-C gives it up; what was lent is given back in any case.
fn borrowing<T>(secrets: &Secrets, around: &Surroundings, work: impl AsyncFnOnce(Resolver) -> Result<T, Report>) -> Result<T, Report> {
    block_on(secrets.lend(around, async |resolver| Interruption::listen()?.unless_it_comes(work(resolver)).await))
}

/// Runs one future on a small runtime of its own: for commands that do one thing and end.
fn block_on<T>(future: impl Future<Output = Result<T, Report>>) -> Result<T, Report> {
    // Two for a pipe, the others for names, keychains and people; a busy pipe would start a dozen, each with memory of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(BLOCKING_THREADS).enable_all().build();
    let runtime = runtime.map_err(|error| Report::new(Exit::Internal, "cannot start the runtime").caused_by(&error))?;
    let outcome = runtime.block_on(future);
    // A keychain that still waits for a person holds up nobody.
    runtime.shutdown_background();
    outcome
}

const BLOCKING_THREADS: usize = 8;

fn guard(arguments: &ChildGuardArguments) -> Result<ExitCode, Report> {
    // It was given what it gives to the program.
    harden();
    let Some((program, rest)) = arguments.program.split_first() else {
        return Err(Report::new(Exit::Usage, "there is no program to watch over"));
    };
    Ok(gateway::back::stdio::guard::guard_main(arguments.door, program, rest))
}
