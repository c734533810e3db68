//! Is a secret safe in its store? Only what was read back and compared is.

use broker::missing::Cause;
use broker::reference::Reference;
use broker::source::Sources;
use broker::value::Value;

use super::names::Names;
use crate::commands::secrets::{arrived, failed, writer};
use crate::voice::{Exit, Report};

/// Keeps a value under the first of its names that is free, or that has it already, and gives that name.
pub(super) async fn keep(names: &mut Names, (owner, name): (&str, &str), value: &str, sources: &Sources) -> Result<String, Report> {
    if let Some(known) = names.known(value) {
        return Ok(known);
    }
    let kept = Value::new(value).map_err(|_| failed("there is no memory for a secret".to_owned(), &Cause::NoMemory))?;
    for candidate in names.candidates(owner, name) {
        if names.is_taken(&candidate) {
            continue;
        }
        let reference: Reference = candidate.parse().map_err(|error| {
            let report = Report::new(Exit::Usage, format!("`{candidate}` is no place for a secret"));
            report.caused_by(&error).hint("name another one with `--within`")
        })?;
        match sources.read(&reference).await {
            Ok(there) if there.value == kept => {}
            Ok(_) => continue,
            Err(cause) if cause.is_absence() || cause == Cause::Empty => {
                let done = writer(&reference, sources)?.put(&reference, &kept).await;
                done.map_err(|cause| failed(format!("`{reference}` does not take it; the file is as it was"), &cause))?;
            }
            Err(cause) => return Err(failed(format!("cannot see what `{reference}` holds; the file is as it was"), &cause)),
        }
        if !arrived(&reference, &kept, sources).await? {
            return Err(Report::new(Exit::Failure, format!("`{reference}` gave back something else; the file is as it was")));
        }
        names.take(&candidate, value);
        return Ok(candidate);
    }
    Err(Report::new(Exit::Failure, "there is no free name for a secret; the file is as it was"))
}
