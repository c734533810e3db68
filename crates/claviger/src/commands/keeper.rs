//! `claviger keeper`: makes the changes of accounts for all programs of a person, and ends when nobody wants any.

use crate::cli::KeeperArguments;
use crate::config::env::Surroundings;
use crate::sign_in;
use crate::voice::{self, Exit, Report};

/// Keeps accounts until nobody asks.
pub(crate) async fn run(arguments: &KeeperArguments, around: &Surroundings) -> Result<Exit, Report> {
    // Away from the terminal and the processes of whoever started it: their end is not ours. A shell has given us a session's lead already.
    let _leads_already = rustix::process::setsid();
    let state = sign_in::state_folder(arguments.state.state.as_deref(), around)?;
    // Whoever started it may be gone.
    let ready = || drop(voice::data("ready\n"));
    let served = sign_in::keeper::serve(&state, arguments.idle, ready).await;
    served.map_err(|error| Report::new(Exit::InputOutput, "the keeper cannot be had").caused_by(&error))?;
    Ok(Exit::Success)
}
