//! What must a person mend? `manual_validation.jsonl` in the state folder: one line for each credential that is missing or refused, with its server, the
//! reason and the mend (K7). The door goes on trying by itself.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use gateway::attention::{Attention, Trouble};
use gateway::clock::Clock;
use serde::Serialize;

/// The queue. A trouble is written when it begins, not for every call that meets it.
pub(crate) struct Queue {
    file: PathBuf,
    clock: Clock,
    /// Server, credential and reason of what is written and not over.
    open: Mutex<BTreeSet<(String, String, &'static str)>>,
}

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    server: &'a str,
    /// The credential, where it is known which one.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'a str>,
    /// A short, stable code.
    reason: &'static str,
    detail: String,
    mend: &'a str,
}

impl Queue {
    /// The queue of this state folder.
    pub(crate) fn in_state(state: &Path, clock: Clock) -> Self {
        Self { file: state.join(FILE), clock, open: Mutex::default() }
    }

    fn append(&self, line: &Line<'_>) -> io::Result<()> {
        if fs::metadata(&self.file).is_ok_and(|metadata| metadata.len() >= LONGEST) {
            fs::rename(&self.file, self.file.with_extension("jsonl.old"))?;
        }
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        open_private(&self.file)?.write_all(&text)
    }
}

impl Attention for Queue {
    fn needed(&self, server: &str, trouble: &Trouble<'_>) {
        let (credential, reason, detail, mend) = match trouble {
            Trouble::Missing(missing) => (Some(&*missing.credential), missing.code(), missing.cause.to_string(), missing.cause.mend()),
            Trouble::Refused { status } => (None, "refused_by_server", format!("the server answered {status}"), MEND_REFUSED),
            Trouble::Shape { place } => (None, "unfit", format!("the value for {place} holds what cannot stand there"), MEND_SHAPE),
        };
        let key = (server.to_owned(), credential.unwrap_or_default().to_owned(), reason);
        if !self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
            return;
        }
        let time = i64::try_from(self.clock.unix_milliseconds()).ok().and_then(|now| jiff::Timestamp::from_millisecond(now).ok());
        let time = time.map(|time| format!("{time:.3}")).unwrap_or_default();
        if let Err(error) = self.append(&Line { time, server, credential, reason, detail, mend }) {
            tracing::error!(target: "door", %error, file = %self.file.display(), "what must be mended could not be written down");
        }
    }

    fn over(&self, server: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|(parked, _, _)| parked != server);
    }
}

/// The names in it are the operator's business only.
fn open_private(file: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    OpenOptions::new().create(true).append(true).mode(0o600).open(file)
}

const FILE: &str = "manual_validation.jsonl";
/// In bytes; a longer one is set aside, in place of the one before it.
const LONGEST: u64 = 1024 * 1024;
const MEND_REFUSED: &str = "look whether the credential has expired or was revoked, and put a good one where the reference points";
const MEND_SHAPE: &str = "put a value without line breaks and control characters where the reference points";

#[cfg(test)]
mod tests {
    use broker::Missing;
    use broker::missing::Cause;
    use http::StatusCode;

    use super::*;

    fn lines(folder: &Path) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(folder.join(FILE)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_trouble_is_one_line_until_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let queue = Queue::in_state(folder.path(), Clock::system());
        let missing = Missing { credential: "env://KEY".into(), cause: Cause::NotSet };
        for _ in 0..100 {
            queue.needed("search", &Trouble::Missing(&missing));
        }
        queue.needed("docs", &Trouble::Refused { status: StatusCode::UNAUTHORIZED });
        let written = lines(folder.path());
        assert_eq!(written.len(), 2, "{written:?}");
        assert_eq!(
            (&written[0]["server"], &written[0]["credential"], &written[0]["reason"]),
            (&"search".into(), &"env://KEY".into(), &"not_set".into())
        );
        assert!(written[0]["mend"].as_str().is_some_and(|mend| mend.contains("environment")));
        assert!(written[1].get("credential").is_none() && written[1]["reason"] == "refused_by_server");
        queue.over("search");
        queue.needed("search", &Trouble::Missing(&missing));
        queue.needed("docs", &Trouble::Refused { status: StatusCode::UNAUTHORIZED });
        assert_eq!(lines(folder.path()).len(), 3);
    }

    #[test]
    fn the_file_is_private_and_bounded() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let queue = Queue::in_state(folder.path(), Clock::system());
        let file = folder.path().join(FILE);
        fs::write(&file, vec![b'\n'; usize::try_from(LONGEST).unwrap()]).unwrap();
        queue.needed("docs", &Trouble::Refused { status: StatusCode::FORBIDDEN });
        assert_eq!(lines(folder.path()).len(), 1);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
