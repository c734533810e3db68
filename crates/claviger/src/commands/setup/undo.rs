//! `claviger setup CLIENT --undo`: the file as it was, byte for byte, if nobody has changed it since.

use std::fs;
use std::path::Path;

use scan::Policy;

use super::backup::{Backup, Backups};
use super::{failed, file_name, holds_secrets, real, target, unwritten};
use crate::cli::SetupArguments;
use crate::commands::masked_diff::unified;
use crate::commands::replace::{put, remove};
use crate::commands::scan::read::{Content, Unread, read};
use crate::config::env::Surroundings;
use crate::sign_in;
use crate::voice::{self, Exit, Report, plain};

/// Takes back the last change of a client's file.
pub(super) fn undo(arguments: &SetupArguments, around: &Surroundings) -> Result<Exit, Report> {
    let client = arguments.client;
    let backups = Backups::open(&sign_in::state_folder(arguments.state.state.as_deref(), around)?)?;
    let is_named = arguments.file.is_some() || arguments.scope.is_some();
    let file = if is_named { Some(real(&target(arguments, around)?)?) } else { None };
    let unreadable = |error: &dyn std::error::Error| Report::new(Exit::InputOutput, "the backup cannot be read").caused_by(error);
    let newest = backups.newest(&client.word(), file.as_deref()).map_err(|error| unreadable(&error))?;
    let backup = newest.ok_or_else(|| failed(&format!("there is no `setup` of {} to take back", client.title())))?;
    let before = backups.before(&backup).map_err(|error| unreadable(&error))?;
    let after = backups.after(&backup).map_err(|error| unreadable(&error))?;
    let name = plain(&backup.file.display().to_string());
    let now = present(&backup.file)?;
    let said = now.as_ref().map(|now| now.text.as_str());
    let before = before.as_ref().map(|before| before.as_str());
    if said != before {
        let Some(said) = said.filter(|said| *said == after.as_str()) else { return Err(changed_since(&backup, &after, said)?) };
        match before {
            None => remove(&backup.file, said),
            Some(before) => put(&backup.file, Some(said), before, mode(&backup, before)),
        }
        .map_err(|refused| unwritten(&name, &refused))?;
        if before.is_none() {
            // Those that somebody else uses by now are not empty, and stay.
            let _in_use = backup.folders.iter().rev().try_for_each(fs::remove_dir);
        }
    }
    backups.forget(&backup).map_err(|error| unwritten("the backup", &error))?;
    voice::talk(&format!("`{name}` is {}\n", if before.is_some() { "as it was, byte for byte" } else { "gone, as it was before" }));
    Ok(Exit::Success)
}

/// Shows what somebody else did to the file.
fn changed_since(backup: &Backup, after: &str, now: Option<&str>) -> Result<Report, Report> {
    let name = plain(&backup.file.display().to_string());
    let Some(now) = now else { return Ok(failed(&format!("`{name}` was not taken back: it is not there any more"))) };
    voice::data(&unified(&backup.file.display().to_string(), &file_name(&backup.file), (after, now), &Policy::USUAL))?;
    let hint = format!("the lines above are what changed; take `{}` out by hand", plain(&backup.name));
    Ok(failed(&format!("`{name}` was not taken back: it was changed since")).hint(hint))
}

fn present(file: &Path) -> Result<Option<Content>, Report> {
    match read(file) {
        Ok(content) => Ok(Some(content)),
        Err(Unread::System(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(unread) => Err(super::unread(file, &unread)),
    }
}

/// The permissions that it had, unless they let others see secrets.
fn mode(backup: &Backup, text: &str) -> u32 {
    let had = backup.mode.unwrap_or(0o600);
    if holds_secrets(&file_name(&backup.file), text) { had & 0o600 } else { had }
}
