//! How does a command leave a line of its own? In a chained record beside the door's, which is the door's alone while it runs.

use std::path::Path;
use std::time::Duration;

use audit::event::Event;
use audit::sink::{AuditError, Auditor, Options};
use gateway::clock::Clock;

use crate::config::env::Surroundings;
use crate::voice::{Exit, Report};

/// Appends one event. Another command may be writing: it is soon done. `failed` is what is said if it cannot be done.
pub(super) fn note(record: &Path, event: &Event<'_>, failed: &'static str) -> Result<(), Report> {
    let now = Clock::system().unix_milliseconds();
    let failed = |error: &dyn std::error::Error| Report::new(Exit::InputOutput, failed).caused_by(error);
    for attempt in 0.. {
        let auditor = match Auditor::start(Options::at(record), now) {
            Ok(auditor) => auditor,
            Err(AuditError::InUse { .. }) if attempt < ATTEMPTS => {
                std::thread::sleep(PAUSE);
                continue;
            }
            Err(error) => return Err(failed(&error)),
        };
        auditor.event(now, event).map_err(|error| failed(&error))?;
        return auditor.close().map_err(|error| failed(&error));
    }
    Ok(())
}

/// Who gave the command, as far as is known.
pub(super) fn who(around: &Surroundings) -> String {
    format!("uid {} ({})", rustix::process::getuid().as_raw(), around.user().unwrap_or("no name"))
}

/// How often, and how long between, another writer is waited for.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(200);
