//! How much, how often, how long? Limits, times and the record's settings, with the gateway's defaults where nothing is written.

use std::num::NonZeroU32;
use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use gateway::config::{Limits, Timeouts, WhenUnrecorded};
use policy::quota::Rate;

use super::judge::Judge;
use super::tree::Path;
use super::{file, units};

/// Where and how calls are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The file.
    pub(crate) file: PathBuf,
    /// Days that old files are kept.
    pub(crate) retention_days: u32,
    /// Bytes at which a new file is begun.
    pub(crate) rotate_bytes: u64,
    /// What happens to a call that cannot be recorded.
    pub(crate) when_unrecorded: WhenUnrecorded,
}

/// Reads `[limits]`.
pub(crate) fn limits(written: &file::Limits, judge: &mut Judge<'_>) -> Limits {
    let mut limits = Limits::default();
    let mut rate = |key: &str, text: &Option<String>| -> Option<Rate> {
        let path = Path::default().key("limits").key(key);
        text.as_ref().and_then(|text| judge.accept(&path, text.parse()))
    };
    limits.per_address = rate("per_address", &written.per_address);
    limits.per_subject = rate("per_subject", &written.per_subject);
    limits.issuer_per_address = rate("issuer_per_address", &written.issuer_per_address).unwrap_or(limits.issuer_per_address);
    limits.failures_per_address = rate("failures_per_address", &written.failures_per_address).unwrap_or(limits.failures_per_address);
    let bytes = |written: Option<u32>, default: usize| written.map_or(default, |written| usize::try_from(written).unwrap_or(usize::MAX));
    limits.body_bytes = bytes(written.body_bytes, limits.body_bytes);
    limits.header_bytes = bytes(written.header_bytes, limits.header_bytes);
    limits.message_bytes = bytes(written.message_bytes, limits.message_bytes);
    let count = |written: Option<u32>, default: NonZeroU32| written.and_then(NonZeroU32::new).unwrap_or(default);
    limits.connections = count(written.connections, limits.connections);
    limits.calls_in_flight = count(written.calls_in_flight, limits.calls_in_flight);
    limits.streams_per_caller = count(written.streams_per_caller, limits.streams_per_caller);
    limits.children = count(written.children, limits.children);
    limits.sessions_per_caller = count(written.sessions_per_caller, limits.sessions_per_caller);
    limits.cached_tokens = count(written.cached_tokens, limits.cached_tokens);
    limits
}

/// Reads `[timeouts]`.
pub(crate) fn timeouts(written: &file::Timeouts, judge: &mut Judge<'_>) -> Timeouts {
    let default = Timeouts::default();
    let mut time = |key: &str, text: &Option<String>, default: Duration| {
        let path = Path::default().key("timeouts").key(key);
        text.as_ref().and_then(|text| judge.accept(&path, units::duration(text))).unwrap_or(default)
    };
    Timeouts {
        request_headers: time("request_headers", &written.request_headers, default.request_headers),
        request_body: time("request_body", &written.request_body, default.request_body),
        connect: time("connect", &written.connect, default.connect),
        call: time("call", &written.call, default.call),
        probe: time("probe", &written.probe, default.probe),
        idle: time("idle", &written.idle, default.idle),
        drain: time("drain", &written.drain, default.drain),
        question: time("question", &written.question, default.question),
    }
}

/// Reads `[audit]`.
pub(crate) fn record(written: &file::Audit, state: &FilePath, judge: &mut Judge<'_>) -> Record {
    let file = written.file.as_deref().unwrap_or(RECORD_FILE);
    if file.is_empty() || file.ends_with('/') {
        judge.blame(&Path::default().key("audit").key("file"), "the path of a file is expected");
    }
    Record {
        file: state.join(file),
        retention_days: written.retention_days.unwrap_or(DEFAULT_RETENTION_DAYS),
        rotate_bytes: written.rotate_bytes.map_or(DEFAULT_ROTATE_BYTES, u64::from),
        when_unrecorded: match written.on_failure {
            Some(file::OnFailure::Refuse) => WhenUnrecorded::Refuse,
            Some(file::OnFailure::Serve) | None => WhenUnrecorded::Serve,
        },
    }
}

/// The record's place in the state folder.
pub(crate) const RECORD_FILE: &str = "audit/mcp_calls.jsonl";

const DEFAULT_RETENTION_DAYS: u32 = 90;
const DEFAULT_ROTATE_BYTES: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fault::Faults;
    use super::{Judge, file, limits, record, timeouts};

    fn read(text: &str) -> file::File {
        toml_edit::de::from_str(text).unwrap()
    }

    #[test]
    fn what_is_written_wins_and_the_rest_is_the_default() {
        let file =
            read("[limits]\nper_address = \"100/min\"\nconnections = 7\n[timeouts]\ncall = \"1min\"\n[audit]\nretention_days = 30\n");
        let mut faults = Faults::default();
        let mut judge = Judge::new(None, &mut faults);
        let limits = limits(&file.limits, &mut judge);
        assert_eq!(limits.per_address.unwrap().to_string(), "100/min");
        assert_eq!((limits.connections.get(), limits.body_bytes), (7, 4 * 1024 * 1024));
        let timeouts = timeouts(&file.timeouts, &mut judge);
        assert_eq!((timeouts.call, timeouts.probe), (Duration::from_secs(60), Duration::from_secs(5)));
        let record = record(&file.audit, std::path::Path::new("/state"), &mut judge);
        assert_eq!((record.file.to_str().unwrap(), record.retention_days), ("/state/audit/mcp_calls.jsonl", 30));
        assert!(faults.is_empty());
    }

    #[test]
    fn wrong_rates_and_times_are_blamed_by_name() {
        let file = read("[limits]\nper_subject = \"often\"\n[timeouts]\ndrain = \"30\"\n");
        let mut faults = Faults::default();
        let mut judge = Judge::new(None, &mut faults);
        limits(&file.limits, &mut judge);
        timeouts(&file.timeouts, &mut judge);
        assert_eq!(
            faults.messages(),
            [
                "`limits.per_subject`: a rate is written like `100/min`",
                "`timeouts.drain`: a time ends with its unit: `ms`, `s`, `min`, `h` or `d`"
            ]
        );
    }
}
