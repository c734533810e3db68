//! What of this machine is in the way? Where tokens are kept, and the files of the clients that are here.

use crate::cli::SignInArguments;
use crate::commands::scan::read;
use crate::config::env::Surroundings;
use crate::known_clients;
use crate::sign_in;
use crate::voice::plain;
use scan::Severity;

use super::{Finding, chain, wrong};
use crate::commands::masked_diff::examined;

/// Whether tokens can be kept.
pub(super) async fn keychain(options: &SignInArguments, around: &Surroundings) -> Finding {
    let state = match sign_in::state_folder(options.state.state.as_deref(), around) {
        Ok(state) => state,
        Err(report) => return wrong(report.on_one_line(), None),
    };
    match (sign_in::chosen(&state), sign_in::probe(&state).await) {
        (Err(report), _) => wrong(report.on_one_line(), None),
        (Ok(Some(storage)), Ok(())) => Finding::Fine(format!("tokens are kept in `{}`, which answers", storage.name())),
        (Ok(Some(storage)), Err(cause)) => wrong(
            format!("tokens are kept in `{}`, which does not answer: {}", storage.name(), chain(&cause)),
            Some("unlock or start it, or move them with `claviger login URL --storage file`"),
        ),
        (Ok(None), Ok(())) => Finding::Fine("the system's keychain answers; tokens would be kept there".to_owned()),
        (Ok(None), Err(_)) => Finding::Fine("there is no keychain; tokens would be kept in a sealed file".to_owned()),
    }
}

/// Each file of a known client that is here.
pub(super) fn files(around: &Surroundings) -> Vec<Finding> {
    known_clients::user_files(around).iter().filter(|file| file.exists()).map(|file| judged(file)).collect()
}

fn judged(file: &std::path::Path) -> Finding {
    let shown = plain(&file.display().to_string());
    let content = match read::read(file) {
        Ok(content) => content,
        Err(unread) => return wrong(format!("{shown}: {}", plain(&unread.to_string())), None),
    };
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let grave = examined(name, &content.text).findings.iter().filter(|finding| finding.severity >= Severity::High).count();
    match grave {
        0 => Finding::Fine(shown),
        1 => wrong(format!("{shown}: one thing in it is unsafe"), Some(&format!("claviger scan {shown}"))),
        count => wrong(format!("{shown}: {count} things in it are unsafe"), Some(&format!("claviger scan {shown}"))),
    }
}
