//! `claviger scan --undo`: the files as they were, byte for byte. The secrets come back from their store, and stay there.

use std::path::PathBuf;

use broker::source::Sources;
use scan::fix::{Kept, taken_back};
use zeroize::Zeroizing;

use super::record::{Record, Records};
use crate::cli::{KeychainArgument, KeychainChoice, ScanArguments};
use crate::commands::replace::{OURS_ALONE, put};
use crate::commands::scan::read::read as read_file;
use crate::commands::{borrowing, run, secrets};
use crate::config::draft::no_state_folder;
use crate::config::env::Surroundings;
use crate::voice::{self, Exit, Report, plain};

/// Takes back the last fix, or the last one of each file that is named.
pub(in crate::commands::scan) fn undo(arguments: &ScanArguments, around: &Surroundings) -> Result<Exit, Report> {
    let state = around.state_folder(arguments.state.state.as_deref()).ok_or_else(no_state_folder)?;
    let records = Records::open(&state)?;
    let all = records.all().map_err(|error| Report::new(Exit::InputOutput, "cannot read what was fixed").caused_by(&error))?;
    let chosen = chosen(all, arguments, around);
    if chosen.is_empty() {
        return Err(Report::new(Exit::Failure, "there is no fix to take back"));
    }
    let (sealed, others): (Vec<Record>, Vec<Record>) = chosen.into_iter().partition(|record| record.is_sealed_file);
    for (chosen, keychain) in [(sealed, Some(KeychainChoice::File)), (others, None)] {
        let places = run::secrets(arguments.config.as_deref(), KeychainArgument { keychain }, &arguments.state, around)?;
        borrowing(&places, around, async |resolver| {
            for record in &chosen {
                take_back(record, &records, resolver.sources()).await?;
            }
            Ok(())
        })?;
    }
    voice::warn("the files hold their secrets again; the store keeps them, too");
    Ok(Exit::Success)
}

fn chosen(all: Vec<Record>, arguments: &ScanArguments, around: &Surroundings) -> Vec<Record> {
    if arguments.paths.is_empty() {
        let last = all.first().map(|record| record.run);
        return all.into_iter().filter(|record| Some(record.run) == last).collect();
    }
    let wanted = arguments.paths.iter().map(|path| around.folder().join(path));
    let mut wanted: Vec<PathBuf> = wanted.map(|path| path.canonicalize().unwrap_or(path)).collect();
    let mut chosen = Vec::new();
    for record in all {
        // The newest one of each.
        if let Some(at) = wanted.iter().position(|path| record.file == *path || record.file.starts_with(path) && path.is_dir()) {
            if wanted.get(at).is_some_and(|path| !path.is_dir()) {
                wanted.remove(at);
            }
            chosen.push(record);
        }
    }
    chosen
}

/// One file, if it is as the fix left it.
pub(super) async fn take_back(record: &Record, records: &Records, sources: &Sources) -> Result<(), Report> {
    let name = plain(&record.file.display().to_string());
    let refused = |why: &str| Report::new(Exit::Failure, format!("`{name}` was not taken back: {why}"));
    let now = read_file(&record.file).map_err(|error| refused("it cannot be read").caused_by(&error))?.text;
    let digest = records.digest(&now);
    if digest == record.before {
        voice::talk(&format!("`{name}` is as it was before the fix\n"));
        return forget(record, records);
    }
    if digest != record.after {
        let references: Vec<String> = record.kept.iter().map(|kept| format!("`{}`", plain(&kept.reference))).collect();
        return Err(refused("it was changed since").hint(format!("its secrets are {}", references.join(", "))));
    }
    let mut kept = Vec::new();
    for each in &record.kept {
        let value = value_of(&each.reference, sources).await?;
        let as_written = match &each.as_written {
            Some(reference) => Some(value_of(reference, sources).await?),
            None => None,
        };
        kept.push(Kept { value, as_written });
    }
    let old = taken_back(&now, &record.reversals, &kept).filter(|old| records.digest(old) == record.before);
    let old = old.ok_or_else(|| refused("what the store holds now is not what stood there"))?;
    put(&record.file, Some(&now), &old, OURS_ALONE).map_err(|error| refused("it cannot be written").caused_by(&error))?;
    voice::talk(&format!("`{name}` is as it was, byte for byte\n"));
    forget(record, records)
}

async fn value_of(reference: &str, sources: &Sources) -> Result<Zeroizing<String>, Report> {
    let reference = secrets::parse(reference)?;
    Ok(Zeroizing::new(secrets::read(&reference, sources).await?.value.expose().to_owned()))
}

fn forget(record: &Record, records: &Records) -> Result<(), Report> {
    records.forget(record).map_err(|error| Report::new(Exit::InputOutput, "cannot forget a fix").caused_by(&error))
}
