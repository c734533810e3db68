//! `claviger audit`: what was recorded, and is it whole? Reading the record is itself recorded, beside it in `reads.jsonl`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use audit::event::Event;
use audit::query::{Entry, Filter, Follower, ReadFailure};
use audit::record::Outcome;
use audit::verify::{Expectation, verify_against};
use gateway::clock::Clock;

use super::block_on;
use super::note::{note, who};
use crate::cli::{AuditCommand, OutcomeArgument, QueryArguments, RecordArguments, TailArguments};
use crate::config::draft::no_state_folder;
use crate::config::env::Surroundings;
use crate::config::{numbers, plan, units};
use crate::voice::{self, Exit, Report, plain};

/// Reads, follows or verifies the record.
pub(crate) fn run(command: &AuditCommand, around: &Surroundings) -> Result<Exit, Report> {
    match command {
        AuditCommand::Query(arguments) => query(arguments, around),
        AuditCommand::Tail(arguments) => tail(arguments, around),
        AuditCommand::Verify(arguments) => verify(arguments, around),
    }
}

/// The record that is meant, and whether it is the door's own.
struct Record {
    file: PathBuf,
    state: Option<PathBuf>,
}

impl Record {
    fn of(arguments: &RecordArguments, around: &Surroundings) -> Result<Self, Report> {
        if let Some(file) = &arguments.file {
            return Ok(Self { file: around.folder().join(file), state: None });
        }
        let state = around.state_folder(arguments.state.state.as_deref()).ok_or_else(no_state_folder)?;
        Ok(Self { file: state.join(numbers::RECORD_FILE), state: Some(state) })
    }

    /// Records that it is read. The door's own is not shown to somebody who leaves no trace; of a copy he has all bytes anyway.
    fn note_reading(&self, what: &str, around: &Surroundings) -> Result<(), Report> {
        if !self.file.exists() {
            return Err(self.absent());
        }
        let event = Event::AuditRead { by: Cow::Owned(who(around)), query: Cow::Borrowed(what) };
        let reads = self.file.with_file_name(READS_FILE);
        match note(&reads, &event, "cannot record that the record is read") {
            Ok(()) => Ok(()),
            Err(report) if self.state.is_some() => Err(report),
            Err(_) => {
                voice::warn(&format!("this reading is not recorded: cannot write `{}`", reads.display()));
                Ok(())
            }
        }
    }

    fn absent(&self) -> Report {
        Report::new(Exit::InputOutput, format!("there is no record at `{}`", self.file.display()))
            .hint("a door writes it when it is called; say where with `--state DIR` or `--file FILE`")
    }

    fn unreadable(error: &ReadFailure) -> Report {
        Report::new(Exit::InputOutput, "cannot read the record").caused_by(error)
    }
}

fn tail(arguments: &TailArguments, around: &Surroundings) -> Result<Exit, Report> {
    let record = Record::of(&arguments.record, around)?;
    record.note_reading(if arguments.follow { "tail --follow" } else { "tail" }, around)?;
    // The follower begins before the tail is read, so that nothing falls between the two; a line may come twice then.
    let follower = if arguments.follow {
        Some(Follower::new(&record.file, Filter::default()).map_err(|error| Record::unreadable(&error))?)
    } else {
        None
    };
    let entries = audit::query::tail(&record.file, arguments.lines, Filter::default()).map_err(|error| Record::unreadable(&error))?;
    print(&entries, arguments.json)?;
    let Some(mut follower) = follower else { return Ok(Exit::Success) };
    let mut shown = entries.last().map_or(0, |entry| entry.seq);
    block_on(async move {
        loop {
            let mut added = follower.added().map_err(|error| Record::unreadable(&error))?;
            added.retain(|entry| entry.seq > shown);
            shown = added.last().map_or(shown, |entry| entry.seq);
            print(&added, arguments.json)?;
            tokio::time::sleep(PAUSE).await;
        }
    })
}

fn query(arguments: &QueryArguments, around: &Surroundings) -> Result<Exit, Report> {
    let record = Record::of(&arguments.record, around)?;
    let now = Clock::system().unix_milliseconds();
    let filter = Filter {
        since: arguments.since.as_deref().map(|text| moment("--since", text, now)).transpose()?,
        until: arguments.until.as_deref().map(|text| moment("--until", text, now)).transpose()?,
        server: arguments.server.clone(),
        tool: arguments.tool.clone(),
        subject: arguments.subject.clone(),
        outcome: arguments.outcome.map(|outcome| match outcome {
            OutcomeArgument::Cancelled => Outcome::Cancelled,
            OutcomeArgument::Denied => Outcome::Denied,
            OutcomeArgument::Error => Outcome::Error,
            OutcomeArgument::Ok => Outcome::Ok,
        }),
        request_id: arguments.request.clone(),
    };
    record.note_reading(&describe(&filter), around)?;
    let mut exit = Exit::Success;
    for entry in audit::query::read(&record.file, filter).map_err(|error| Record::unreadable(&error))? {
        match entry {
            Ok(entry) => print(&[entry], arguments.json)?,
            Err(error @ ReadFailure::NotALine { .. }) => {
                voice::warn(&error.to_string());
                exit = Exit::Failure;
            }
            Err(error) => return Err(Record::unreadable(&error)),
        }
    }
    Ok(exit)
}

fn verify(arguments: &RecordArguments, around: &Surroundings) -> Result<Exit, Report> {
    let record = Record::of(arguments, around)?;
    if !record.file.exists() {
        return Err(record.absent());
    }
    let head_key = record.state.as_deref().map(plan::existing_head_key).transpose()?.flatten();
    let report = verify_against(&record.file, &Expectation { head_key, ..Expectation::default() })
        .map_err(|broken| Report::new(Exit::Failure, "the record is not whole").caused_by(&broken))?;
    for notice in &report.notices {
        voice::warn(&notice.to_string());
    }
    let files = if report.files == 1 { "file" } else { "files" };
    voice::data(&format!(
        "whole: {} lines in {} {files}, numbers {} to {}\nlast hash {}\n",
        report.lines, report.files, report.first_seq, report.last_seq, report.last_hash
    ))?;
    Ok(Exit::Success)
}

fn print(entries: &[Entry], json: bool) -> Result<(), Report> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    for entry in entries {
        let line = if json { entry.line.clone() } else { line(entry) };
        text.push_str(&line);
        text.push('\n');
    }
    voice::data(&text)
}

/// One entry as a person reads it.
fn line(entry: &Entry) -> String {
    let mut text = format!("{} ", entry.time);
    if entry.event != "call" {
        let reason = entry.reason.as_deref().unwrap_or_default();
        let _ = write!(text, "{} {reason}", entry.event);
        return plain(text.trim_end());
    }
    let outcome = entry.outcome.map_or("?", word);
    let status = entry.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
    let _ = write!(text, "{outcome:<9} {status:>3} {:>10.3} ms", entry.duration_ms.unwrap_or_default());
    let words = [&entry.server, &entry.method, &entry.tool];
    for word in words.into_iter().flatten().filter(|word| !word.is_empty()) {
        let _ = write!(text, " {word}");
    }
    if let Some(subject) = &entry.subject {
        let _ = write!(text, " by {subject}");
    }
    if let Some(client) = &entry.client {
        let _ = write!(text, " through {client}");
    }
    if let Some(reason) = &entry.reason {
        let _ = write!(text, " ({reason})");
    }
    // One entry is one line, whatever stands in it.
    plain(&text).replace(['\n', '\t'], " ")
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Cancelled => "cancelled",
        Outcome::Denied => "denied",
        Outcome::Error => "error",
        Outcome::Ok => "ok",
    }
}

/// RFC 3339, or a time ago.
fn moment(flag: &str, text: &str, now: u64) -> Result<u64, Report> {
    if let Ok(ago) = units::duration(text) {
        return Ok(now.saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)));
    }
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    parsed.map(|moment| u64::try_from(moment.as_millisecond()).unwrap_or_default()).map_err(|_| {
        Report::new(Exit::Usage, format!("`{flag}` takes a time"))
            .hint("write for example `2026-11-21T09:00:00Z`, or `2h` for two hours ago")
    })
}

/// The query as the record of readings names it.
fn describe(filter: &Filter) -> String {
    let mut text = "query".to_owned();
    let words = [("server", &filter.server), ("tool", &filter.tool), ("subject", &filter.subject), ("request", &filter.request_id)];
    for (name, value) in words {
        if let Some(value) = value {
            let _ = write!(text, " {name}={value}");
        }
    }
    for (name, value) in [("since", filter.since), ("until", filter.until)] {
        if let Some(value) = value {
            let _ = write!(text, " {name}={value}");
        }
    }
    if let Some(outcome) = filter.outcome {
        let _ = write!(text, " outcome={}", word(outcome));
    }
    text
}

/// Where readings are recorded, beside the record itself.
const READS_FILE: &str = "reads.jsonl";
/// Between looks for new lines.
const PAUSE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::{Entry, line, moment};

    #[test]
    fn an_entry_is_one_line_whatever_stands_in_it() {
        let json = r#"{"seq":1,"previous":"","hash":"","time":"2026-11-21T04:05:06.789Z","event":"call","server":"filesystem","method":"tools/call","tool":"read\u001b[2J\nx","status":200,"outcome":"ok","duration_ms":1.5,"subject":"ann"}"#;
        let entry = Entry::parse(json.as_bytes()).unwrap();
        assert_eq!(line(&entry), "2026-11-21T04:05:06.789Z ok        200      1.500 ms filesystem tools/call read\\u{1b}[2J x by ann");
    }

    #[test]
    fn a_moment_is_a_date_or_a_time_ago() {
        let now = 1_800_000_000_000;
        assert_eq!(moment("--since", "2h", now).unwrap(), now - 7_200_000);
        assert_eq!(moment("--since", "2027-01-15T08:00:00Z", 0).unwrap(), now);
        assert!(moment("--since", "yesterday", now).is_err());
    }
}
