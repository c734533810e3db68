//! `claviger secrets status` and `rotate`: which secrets are used, who renews them, what is overdue, and what the running door has of them.

use std::fmt::Write as _;
use std::path::Path;

use broker::Resolver;
use broker::history::LastSeen;
use broker::reference::Reference;
use gateway::clock::Clock;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use serde::Serialize;

use super::guide::{Progress, Step};
use crate::cli::{RotateArguments, ServeArguments, StatusArguments};
use crate::config::draft::{self, Draft, no_state_folder};
use crate::config::env::Surroundings;
use crate::config::inventory::Entry;
use crate::control::{self, Answer, Fetched, Held, Wish};
use crate::voice::{self, Exit, Report, plain};
use crate::wire;

/// Has the running door fetch anew what is named.
pub(super) async fn rotate(arguments: &RotateArguments, around: &Surroundings) -> Result<Exit, Report> {
    let state = around.state_folder(arguments.place.state.state.as_deref()).ok_or_else(no_state_folder)?;
    match fetched_anew(&state, arguments.name.clone()).await? {
        Some(fetched) => report_rotation(&fetched),
        None => Err(Report::new(Exit::Unavailable, format!("no door is running on the state folder `{}`", state.display()))
            .hint("name its folder with `--state`; a door that is started fetches everything anew by itself")),
    }
}

/// What the running door has fetched anew; `None` if none is running.
pub(super) async fn fetched_anew(state: &Path, name: Option<String>) -> Result<Option<Vec<Fetched>>, Report> {
    match ask(state, &Wish::Rotate { name }).await? {
        None => Ok(None),
        Some(Answer::Rotated(fetched)) => Ok(Some(fetched)),
        Some(Answer::Refused(why)) => Err(Report::new(Exit::Usage, plain(&why))),
        Some(_) => Err(Report::new(Exit::Internal, "the door answered another question")),
    }
}

/// Prints it; a secret that cannot be had is the answer `no`.
pub(super) fn report_rotation(fetched: &[Fetched]) -> Result<Exit, Report> {
    let mut text = String::new();
    for one in fetched {
        let outcome = match (&one.missing, one.changed) {
            (Some(why), _) => format!("cannot be had: {}", plain(why)),
            (None, true) => "has a new value".to_owned(),
            (None, false) => "is as it was".to_owned(),
        };
        let _ = writeln!(text, "{} {outcome}", plain(&one.credential));
    }
    voice::data(&text)?;
    if fetched.is_empty() {
        voice::talk("nothing of that is in use: it is fetched when somebody calls\n");
    }
    Ok(if fetched.iter().any(|one| one.missing.is_some()) { Exit::Failure } else { Exit::Success })
}

/// What is known of one secret.
#[derive(Debug, Serialize)]
struct Row {
    credential: String,
    servers: Vec<String>,
    owner: Option<String>,
    schedule: Option<String>,
    issued: Option<Date>,
    age_days: Option<i32>,
    next: Option<Date>,
    overdue: bool,
    version: Option<String>,
    /// When the running door fetched it last.
    fetched_at: Option<Timestamp>,
    missing: Option<String>,
    /// A guided rotation that is under way.
    rotation: Option<UnderWay>,
}

/// A guided rotation that somebody has to go on with.
#[derive(Debug, Serialize)]
struct UnderWay {
    step: Step,
    /// When the old key is to be revoked.
    revoke_from: Option<Timestamp>,
    /// Whether that is past.
    late: bool,
}

/// Prints the inventory; something overdue is the answer `no`.
pub(super) async fn status(arguments: &StatusArguments, around: &Surroundings) -> Result<Exit, Report> {
    let place = arguments.place.clone();
    let serve = ServeArguments { config: place.config, environment: place.environment, state: place.state, ..ServeArguments::default() };
    let draft = draft::draft(&serve, around)?;
    let held = match ask(&draft.state, &Wish::Inventory).await? {
        Some(Answer::Inventory(held)) => Some(held),
        Some(_) | None => None,
    };
    let is_running = held.is_some();
    let held = match held {
        Some(held) => held,
        None => draft.secrets.lend(around, async |resolver| seen_before(&draft, &resolver).await).await?,
    };
    let mut rows = rows(&draft, &held, today());
    for (row, reference) in rows.iter_mut().zip(references(&draft)) {
        row.rotation = under_way(&draft.state, &reference)?;
        row.overdue |= row.rotation.as_ref().is_some_and(|rotation| rotation.late);
    }
    if arguments.json {
        let json =
            serde_json::to_string_pretty(&rows).map_err(|error| Report::new(Exit::Internal, "cannot write JSON").caused_by(&error))?;
        voice::data(&format!("{json}\n"))?;
    } else {
        voice::data(&table(&rows))?;
        if !is_running {
            voice::talk("no door is running on this state folder: what is known is what the last one saw\n");
        }
    }
    let overdue = rows.iter().filter(|row| row.overdue).count();
    if overdue > 0 {
        voice::warn(&format!("{overdue} of {} are overdue", rows.len()));
        return Ok(Exit::Failure);
    }
    Ok(Exit::Success)
}

fn under_way(state: &Path, reference: &Reference) -> Result<Option<UnderWay>, Report> {
    let progress = Progress::of(state, reference);
    let progress = progress.map_err(|error| Report::new(Exit::InputOutput, "cannot read the state of a rotation").caused_by(&error))?;
    let now = Clock::system().unix_milliseconds();
    Ok(progress.map(|Progress { step, revoke_from, .. }| UnderWay {
        step,
        revoke_from: revoke_from.and_then(moment),
        late: revoke_from.is_some_and(|from| from <= now),
    }))
}

/// What the last door saw of the secrets, now that none is running.
async fn seen_before(draft: &Draft, resolver: &Resolver) -> Result<Vec<Held>, Report> {
    let place = draft.store.place(resolver).await?;
    let Some(past) = wire::past(&place, &draft.state).await? else { return Ok(Vec::new()) };
    let mut held = Vec::new();
    for reference in references(draft) {
        let seen = past.last_seen(&reference).await;
        let seen = seen.map_err(|error| Report::new(Exit::InputOutput, "cannot read the store").caused_by(&error))?;
        held.extend(seen.map(|LastSeen { changed_at, version }| Held {
            credential: reference.to_string(),
            version: version.map(|version| version.to_string()),
            fetched_at: None,
            changed_at,
            missing: None,
            servers: Vec::new(),
        }));
    }
    Ok(held)
}

/// Everything that is used or looked after, once for each member of each place.
fn references(draft: &Draft) -> Vec<Reference> {
    let used = draft.servers.values().flat_map(|server| server.upstream.references());
    let mut references: Vec<Reference> = Vec::new();
    for reference in used.chain(draft.secrets.inventory.iter().map(|entry| entry.reference.clone())) {
        // Who looks after a whole document looks after its members.
        let is_known =
            |known: &Reference| known.place() == reference.place() && (known.field() == reference.field() || reference.field().is_none());
        if !references.iter().any(is_known) {
            references.push(reference);
        }
    }
    references.sort_by_cached_key(ToString::to_string);
    references
}

fn rows(draft: &Draft, held: &[Held], today: Date) -> Vec<Row> {
    let row = |reference: &Reference| {
        let is_same = |other: &Reference| other.place() == reference.place();
        let is_used = |other: &Reference| is_same(other) && (reference.field().is_none() || other.field() == reference.field());
        let uses = |server: &gateway::config::Server| server.upstream.references().iter().any(is_used);
        let servers = draft.servers.iter().filter(|(_, server)| uses(server)).map(|(name, _)| name.to_string()).collect();
        let entries = draft.secrets.inventory.iter().filter(|entry| is_same(&entry.reference));
        let entry = entries
            .filter(|entry| entry.reference.field().is_none_or(|field| Some(field) == reference.field()))
            .max_by_key(|entry| entry.reference.field().is_some());
        let held = held.iter().find(|held| held.credential.parse().is_ok_and(|other: Reference| is_same(&other)));
        Row { servers, ..row_of(reference, entry, held, today) }
    };
    references(draft).iter().map(row).collect()
}

fn row_of(reference: &Reference, entry: Option<&Entry>, held: Option<&Held>, today: Date) -> Row {
    let changed = held.and_then(|held| held.changed_at).and_then(day_of);
    // What the operator wrote down may be older than what the door has seen since.
    let issued = entry.and_then(|entry| entry.issued).max(changed);
    let schedule = entry.and_then(|entry| entry.schedule);
    let next = schedule.zip(issued).and_then(|(schedule, issued)| schedule.due(issued));
    Row {
        credential: reference.to_string(),
        servers: Vec::new(),
        owner: entry.and_then(|entry| entry.owner.clone()),
        schedule: schedule.map(|schedule| schedule.to_string()),
        issued,
        age_days: issued.and_then(|issued| Some(today.since((Unit::Day, issued)).ok()?.get_days())),
        next,
        // A schedule without a beginning is one that nobody keeps.
        overdue: schedule.is_some() && next.is_none_or(|next| next < today),
        version: held.and_then(|held| held.version.clone()),
        fetched_at: held.and_then(|held| held.fetched_at).and_then(moment),
        missing: held.and_then(|held| held.missing.clone()),
        rotation: None,
    }
}

fn table(rows: &[Row]) -> String {
    let heads = ["CREDENTIAL", "USED BY", "OWNER", "AGE", "SCHEDULE", "NEXT", "VERSION", "STATE"].map(str::to_owned);
    let text = |value: &Option<String>| value.as_deref().map_or_else(|| "-".to_owned(), plain);
    let lines = rows.iter().map(|row| {
        [
            plain(&row.credential),
            if row.servers.is_empty() { "-".to_owned() } else { row.servers.join(", ") },
            text(&row.owner),
            row.age_days.map_or_else(|| "-".to_owned(), |days| format!("{days} d")),
            text(&row.schedule),
            row.next.map_or_else(|| "-".to_owned(), |next| next.to_string()),
            text(&row.version),
            state_of(row),
        ]
    });
    let lines: Vec<[String; 8]> = std::iter::once(heads).chain(lines).collect();
    voice::aligned(&lines)
}

fn state_of(row: &Row) -> String {
    match row {
        Row { missing: Some(why), .. } => format!("missing: {}", plain(why)),
        Row { rotation: Some(UnderWay { late: true, .. }), .. } => "revoke the old key".to_owned(),
        Row { rotation: Some(UnderWay { revoke_from: Some(from), .. }), .. } => format!("two keys until {from:.0}"),
        Row { rotation: Some(_), .. } => "rotation under way".to_owned(),
        Row { overdue: true, .. } => "overdue".to_owned(),
        Row { fetched_at: Some(at), .. } => format!("fetched {at:.0}"),
        _ => "not in use".to_owned(),
    }
}

async fn ask(state: &Path, wish: &Wish) -> Result<Option<Answer>, Report> {
    control::ask(state, wish).await.map_err(|error| Report::new(Exit::Unavailable, "the running door does not answer").caused_by(&error))
}

pub(super) fn today() -> Date {
    moment(Clock::system().unix_milliseconds()).map_or(Date::ZERO, |now| now.to_zoned(TimeZone::UTC).date())
}

fn day_of(milliseconds: u64) -> Option<Date> {
    moment(milliseconds).map(|at| at.to_zoned(TimeZone::UTC).date())
}

/// A time as it can be shown.
pub(super) fn moment(milliseconds: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(milliseconds).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::inventory::Guide;

    fn entry(rotate: &str, issued: Option<&str>) -> Entry {
        Entry {
            reference: "env://KEY".parse().unwrap(),
            owner: Some("ann".to_owned()),
            schedule: Some(rotate.parse().unwrap()),
            issued: issued.map(|issued| issued.parse().unwrap()),
            guide: Guide::default(),
        }
    }

    fn row(entry: &Entry, held: Option<&Held>) -> Row {
        row_of(&entry.reference, Some(entry), held, "2026-11-27".parse().unwrap())
    }

    #[test]
    fn a_secret_past_its_day_is_overdue_and_so_is_one_whose_age_nobody_knows() {
        assert!(!row(&entry("quarterly", Some("2026-09-01")), None).overdue);
        assert!(!row(&entry("quarterly", Some("2026-08-27")), None).overdue, "on the day itself there is still time");
        let late = row(&entry("quarterly", Some("2026-08-26")), None);
        assert!(late.overdue);
        assert_eq!((late.age_days, late.next), (Some(93), Some("2026-11-26".parse().unwrap())));
        assert!(row(&entry("yearly", None), None).overdue);
    }

    #[test]
    fn a_change_that_the_door_saw_counts_as_issued() {
        let held = Held {
            credential: "env://KEY".to_owned(),
            version: Some("7".to_owned()),
            fetched_at: None,
            changed_at: Some(1_795_000_000_000),
            missing: None,
            servers: Vec::new(),
        };
        let row = row(&entry("monthly", Some("2026-01-01")), Some(&held));
        assert_eq!(row.issued, day_of(1_795_000_000_000));
        assert!(!row.overdue, "{row:?}");
    }

    #[test]
    fn the_table_stands_in_columns() {
        let rows = [row(&entry("monthly", Some("2026-11-01")), None)];
        let table = table(&rows);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].find("OWNER"), lines[1].find("ann"));
        assert_eq!(lines[0].find("NEXT"), lines[1].find("2026-12-01"));
    }
}
