//! Which secrets are somebody's to renew, and when? `[secrets.inventory."REFERENCE"]`: owner, schedule, and when the present one was issued (K6).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use broker::reference::{CommandLine, Reference};
use jiff::civil::Date;
use jiff::{Span, ToSpan as _};

use super::file;
use super::judge::Judge;
use super::tree::Path;
use super::units;

/// A secret that somebody looks after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What names it.
    pub(crate) reference: Reference,
    /// Who renews it.
    pub(crate) owner: Option<String>,
    /// How often.
    pub(crate) schedule: Option<Schedule>,
    /// When the present one was issued, by the operator's word.
    pub(crate) issued: Option<Date>,
    /// What a guided rotation does by itself.
    pub(crate) guide: Guide,
}

/// What a guided rotation of a secret does by itself, and for how long both keys are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guide {
    /// Makes a new key and prints it.
    pub(crate) create: Option<CommandLine>,
    /// Tries a new key.
    pub(crate) test: Option<CommandLine>,
    /// Revokes an old key.
    pub(crate) revoke: Option<CommandLine>,
    /// How long the old key stays good.
    pub(crate) overlap: Duration,
}

impl Default for Guide {
    /// A person does everything; a day is long enough to see that nothing holds on to the old key.
    fn default() -> Self {
        Self { create: None, test: None, revoke: None, overlap: Duration::from_secs(24 * 3600) }
    }
}

/// How often a secret is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// Every so many days.
    Days(u16),
    /// Every month.
    Monthly,
    /// Every three months.
    Quarterly,
    /// Every year.
    Yearly,
}

/// Why a text is no schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a schedule is `monthly`, `quarterly`, `yearly`, or a number of days such as `45d`")]
pub(crate) struct InvalidSchedule;

impl Schedule {
    /// The day by which a secret of that day is to be renewed; `None` past the end of the calendar.
    pub(crate) fn due(self, issued: Date) -> Option<Date> {
        issued.checked_add(self.span()).ok()
    }

    fn span(self) -> Span {
        match self {
            Self::Days(days) => i64::from(days).days(),
            Self::Monthly => 1.month(),
            Self::Quarterly => 3.months(),
            Self::Yearly => 1.year(),
        }
    }
}

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        match text {
            "monthly" => Ok(Self::Monthly),
            "quarterly" => Ok(Self::Quarterly),
            "yearly" => Ok(Self::Yearly),
            _ => {
                let days = text.strip_suffix('d').and_then(|days| days.parse().ok()).filter(|days| (1..=3650).contains(days));
                days.map(Self::Days).ok_or(InvalidSchedule)
            }
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(days) => write!(formatter, "{days}d"),
            Self::Monthly => formatter.write_str("monthly"),
            Self::Quarterly => formatter.write_str("quarterly"),
            Self::Yearly => formatter.write_str("yearly"),
        }
    }
}

/// Reads `[secrets.inventory]`.
pub(crate) fn build(written: &file::Inventory, judge: &mut Judge<'_>) -> Vec<Entry> {
    let at = Path::default().key("secrets").key("inventory");
    let mut entries: Vec<Entry> = Vec::new();
    for (text, item) in written {
        let path = at.key(text);
        let reference = match text.parse::<Reference>() {
            Ok(reference) => reference,
            Err(error) => {
                judge.blame_key(&path, error);
                continue;
            }
        };
        let is_same = |entry: &Entry| (entry.reference.place(), entry.reference.field()) == (reference.place(), reference.field());
        if entries.iter().any(is_same) {
            judge.blame_key(&path, "another entry names the same secret");
            continue;
        }
        let schedule = item.rotate.as_ref().and_then(|text| judge.accept(&path.key("rotate"), text.parse()));
        let issued = item.issued.as_ref().and_then(|text| judge.accept(&path.key("issued"), text.parse::<Date>()));
        let guide = guide(item, &path, judge);
        entries.push(Entry { reference, owner: item.owner.clone(), schedule, issued, guide });
    }
    entries
}

fn guide(item: &file::InventoryItem, path: &Path, judge: &mut Judge<'_>) -> Guide {
    let overlap = item.overlap.as_ref().and_then(|text| judge.accept(&path.key("overlap"), units::duration(text)));
    Guide {
        create: program(item.create.as_deref(), &path.key("create"), judge),
        test: program(item.test.as_deref(), &path.key("test"), judge),
        revoke: program(item.revoke.as_deref(), &path.key("revoke"), judge),
        overlap: overlap.unwrap_or(Guide::default().overlap),
    }
}

fn program(written: Option<&[String]>, path: &Path, judge: &mut Judge<'_>) -> Option<CommandLine> {
    let Some((program, arguments)) = written?.split_first().filter(|(program, _)| !program.is_empty()) else {
        judge.blame(path, "a program and its arguments are expected, as in `[\"make-key\", \"--name\", \"door\"]`");
        return None;
    };
    let arguments = arguments.iter().map(|argument| argument.as_str().into()).collect();
    Some(CommandLine { program: program.as_str().into(), arguments })
}

#[cfg(test)]
mod tests {
    use super::super::fault::Faults;
    use super::*;

    #[test]
    fn a_schedule_says_the_day_by_which_to_renew() {
        for (text, issued, due) in [
            ("monthly", "2026-01-31", "2026-02-28"),
            ("quarterly", "2026-09-01", "2026-12-01"),
            ("yearly", "2024-02-29", "2025-02-28"),
            ("45d", "2026-12-01", "2027-01-15"),
        ] {
            let schedule: Schedule = text.parse().unwrap();
            assert_eq!(schedule.due(issued.parse().unwrap()), Some(due.parse().unwrap()), "{text}");
            assert_eq!(schedule.to_string(), text);
        }
        for text in ["", "weekly", "0d", "4000d", "-1d", "45", "45 d"] {
            assert_eq!(text.parse::<Schedule>(), Err(InvalidSchedule), "{text}");
        }
    }

    #[test]
    fn entries_are_read_and_wrong_ones_blamed() {
        let text = r#"
[secrets.inventory."env://A"]
owner = "ann"
rotate = "quarterly"
issued = "2026-09-01"
create = ["make-key", "--name", "door"]
overlap = "7d"
[secrets.inventory."env://B"]
[secrets.inventory."env://A?ttl=60"]
[secrets.inventory."no reference"]
[secrets.inventory."env://C"]
rotate = "often"
issued = "yesterday"
test = []
overlap = "soon"
"#;
        let file: file::File = toml_edit::de::from_str(text).unwrap();
        let mut faults = Faults::default();
        let entries = build(&file.secrets.inventory, &mut Judge::new(None, &mut faults));
        let shown: Vec<String> = entries.iter().map(|entry| entry.reference.to_string()).collect();
        assert_eq!(shown, ["env://A", "env://B", "env://C"]);
        assert_eq!(entries[0].schedule, Some(Schedule::Quarterly));
        assert_eq!(entries[0].issued, Some("2026-09-01".parse().unwrap()));
        let messages = faults.messages();
        assert_eq!(messages.len(), 6, "{messages:?}");
        let make = CommandLine { program: "make-key".into(), arguments: vec!["--name".into(), "door".into()] };
        let guide = Guide { create: Some(make), overlap: Duration::from_secs(7 * 24 * 3600), ..Guide::default() };
        assert_eq!(entries[0].guide, guide);
        assert_eq!(entries[2].guide, Guide::default());
    }
}
