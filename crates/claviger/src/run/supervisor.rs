//! Who stays while the program runs? A supervisor: it passes signals on, waits for new values, and ends as the program ends.

use std::process::ExitCode;
use std::time::Duration;

use broker::credential::Changes;
use policy::Permit;
use rustix::process::WaitStatus;

use super::child::Child;
use super::delivery::{Delivery, Start};
use super::program::{Filled, Program};
use crate::cli::RunArguments;
use crate::interruption::Interruption;
use crate::voice::{self, Exit, Report};

/// Runs the program to its end, with new values as they come.
pub(crate) async fn supervise(arguments: &RunArguments, start: &Start<'_>, permit: &Permit) -> Result<ExitCode, Report> {
    let unwatched = |error: std::io::Error| Report::new(Exit::Internal, "cannot listen for signals").caused_by(&error);
    let program = start.program;
    // Before the first fetch, so that no change is missed.
    let mut changes = program.changes();
    let mut interruption = Interruption::listen()?;
    let mut filled = interruption.unless_it_comes(program.filled(permit)).await?;
    let (mut delivery, theirs) = Delivery::prepare(arguments, start.around)?;
    let mut child = Child::prepare().map_err(unwatched)?;
    // The next signal is the program's; one that came in between still means us.
    interruption.unless_it_comes(async { Ok(()) }).await?;
    delivery.start(start, &filled, theirs.as_ref(), &mut child)?;
    // The end of the program must be the end of the socket.
    drop(theirs);
    loop {
        let given = filled.kept()?;
        drop(filled);
        let next = next_values(program, permit, &mut changes, &given);
        filled = match child.meanwhile(next).await {
            Ok(filled) => filled,
            Err(status) => return Ok(exit_code(status)),
        };
        let changed = program.changed(&given, &filled).unwrap_or_default();
        if let Some(status) = delivery.deliver(start, &filled, &changed, &mut child).await? {
            return Ok(exit_code(status));
        }
    }
}

/// Waits until some value is another than the one that was given.
async fn next_values(program: &Program, permit: &Permit, changes: &mut Changes, given: &super::program::Given) -> Filled {
    loop {
        changes.next().await;
        // Values often change together.
        tokio::time::sleep(SETTLE).await;
        let filled = loop {
            match program.fill(permit).await {
                Ok(filled) => break filled,
                Err(unfilled) => unfilled.iter().for_each(|one| voice::warn(&one.line())),
            }
            tokio::time::sleep(RETRY).await;
        };
        if program.changed(given, &filled).is_some() {
            return filled;
        }
    }
}

/// As a shell tells it: the program's own code, or 128 and the number of the signal that ended it.
fn exit_code(status: WaitStatus) -> ExitCode {
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|number| 128 + number));
    code.and_then(|code| u8::try_from(code).ok()).map_or(Exit::Internal.into(), ExitCode::from)
}

const SETTLE: Duration = Duration::from_millis(500);
/// How long until a value that is missing at a change is asked for again.
const RETRY: Duration = Duration::from_secs(10);
