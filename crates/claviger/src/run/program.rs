//! What is the program given? The templates with their values, filled in together, and the command that starts it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::process::Command;

use broker::credential::{Changes, Credential};
use broker::missing::{Cause, Missing};
use broker::reference::{Kind, Template};
use broker::value::Value;
use broker::{Resolver, credential::Released};
use futures_util::future::join_all;
use policy::Permit;

use super::variables::{Argument, Wanted};
use crate::mend::caused_by_missing;
use crate::voice::{self, Exit, Report};

/// A program and the credentials that it gets.
pub(crate) struct Program {
    name: OsString,
    base: Option<BTreeMap<String, String>>,
    removed: BTreeSet<String>,
    slots: Vec<Slot>,
    arguments: Vec<Option<OsString>>,
    can_change: bool,
}

/// Something that is filled in.
struct Slot {
    place: Place,
    credential: Credential,
}

/// Where a value goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// To the argument with this index.
    Argument(usize),
    /// Into this variable.
    Variable(String),
}

/// All values of one moment, in the order of the slots.
pub(crate) struct Filled(Vec<Released>);

/// Values that a program was given, kept to see what changes.
pub(crate) struct Given(Vec<Value>);

/// A value that cannot be had, and for what.
pub(crate) struct Unfilled {
    place: Place,
    missing: Missing,
}

impl Program {
    /// The program, with its templates turned into credentials.
    pub(crate) fn new(wanted: Wanted, resolver: &Resolver) -> Self {
        let mut slots = Vec::new();
        let mut can_change = false;
        let mut slot = |place: Place, template: &Template| {
            // Our own environment does not change; everything else may.
            can_change |= template.references().any(|reference| reference.place().kind() != Kind::Variable);
            slots.push(Slot { place, credential: resolver.credential(template) });
        };
        for (name, template) in &wanted.variables {
            slot(Place::Variable(name.clone()), template);
        }
        let arguments = wanted.arguments.into_iter().enumerate().map(|(index, argument)| match argument {
            Argument::Plain(text) => Some(text),
            Argument::Filled(template) => {
                slot(Place::Argument(index), &template);
                None
            }
        });
        let arguments = arguments.collect();
        Self { name: wanted.program, base: wanted.base, removed: wanted.removed, slots, arguments, can_change }
    }

    /// Its name or path, as a person reads it.
    pub(crate) fn name(&self) -> String {
        voice::plain(&self.name.to_string_lossy())
    }

    /// Whether any value may become another one while the program runs.
    pub(crate) fn can_change(&self) -> bool {
        self.can_change
    }

    /// Changes from now on.
    pub(crate) fn changes(&self) -> Changes {
        Changes::of_all(self.slots.iter().map(|slot| &slot.credential))
    }

    /// Fetches every value, all at the same time.
    pub(crate) async fn fill(&self, permit: &Permit) -> Result<Filled, Vec<Unfilled>> {
        let outcomes = join_all(self.slots.iter().map(|slot| slot.credential.release(permit))).await;
        let mut filled = Vec::with_capacity(outcomes.len());
        let mut unfilled = Vec::new();
        for (slot, outcome) in self.slots.iter().zip(outcomes) {
            match outcome {
                Ok(released) => filled.push(released),
                Err(missing) => unfilled.push(Unfilled { place: slot.place.clone(), missing }),
            }
        }
        if unfilled.is_empty() { Ok(Filled(filled)) } else { Err(unfilled) }
    }

    /// The same before anything is started: what cannot be had is said in one report.
    pub(crate) async fn filled(&self, permit: &Permit) -> Result<Filled, Report> {
        self.fill(permit).await.map_err(|unfilled| not_started(&unfilled))
    }

    /// The command: `launcher` (a program and its first arguments), then the program itself.
    pub(crate) fn command(&self, filled: &Filled, launcher: &[OsString]) -> Command {
        let mut words = launcher.iter().chain([&self.name]);
        let mut command = Command::new(words.next().unwrap_or(&self.name));
        command.args(words);
        if let Some(base) = &self.base {
            command.env_clear().envs(base);
        }
        for name in &self.removed {
            command.env_remove(name);
        }
        for (index, argument) in self.arguments.iter().enumerate() {
            let filled = || self.value_at(&Place::Argument(index), filled);
            command.arg(argument.as_deref().or_else(|| filled().map(OsStr::new)).unwrap_or_default());
        }
        for (name, value) in self.variables(filled) {
            command.env(name, value);
        }
        command
    }

    /// The variables that hold something from elsewhere, with their values.
    pub(crate) fn secrets<'f>(&'f self, filled: &'f Filled) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.slots.iter().zip(&filled.0).filter(|(slot, _)| slot.credential.has_references()).filter_map(|(slot, released)| {
            match &slot.place {
                Place::Argument(_) => None,
                Place::Variable(name) => Some((name.as_str(), released.expose())),
            }
        })
    }

    /// The variables whose values are others than those that were given; `None` if nothing is another, arguments included.
    pub(crate) fn changed<'f>(&'f self, given: &Given, filled: &Filled) -> Option<Vec<&'f str>> {
        let differs = |(given, released): (&Value, &Released)| given.expose() != released.expose();
        let is_other: Vec<bool> = given.0.iter().zip(&filled.0).map(differs).collect();
        let names = self.slots.iter().zip(&is_other).filter(|(_, is_other)| **is_other).filter_map(|(slot, _)| match &slot.place {
            Place::Argument(_) => None,
            Place::Variable(name) => Some(name.as_str()),
        });
        is_other.contains(&true).then(|| names.collect())
    }

    fn variables<'f>(&'f self, filled: &'f Filled) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.slots.iter().zip(&filled.0).filter_map(|(slot, released)| match &slot.place {
            Place::Argument(_) => None,
            Place::Variable(name) => Some((name.as_str(), released.expose())),
        })
    }

    fn value_at<'f>(&self, place: &Place, filled: &'f Filled) -> Option<&'f str> {
        self.slots.iter().zip(&filled.0).find(|(slot, _)| slot.place == *place).map(|(_, released)| released.expose())
    }
}

impl Filled {
    /// Takes a copy of the values into memory of its own.
    pub(crate) fn kept(&self) -> Result<Given, Report> {
        let values = self.0.iter().map(|released| Value::new(released.expose())).collect::<Result<_, _>>();
        values.map(Given).map_err(|error| Report::new(Exit::Internal, "there is no memory to keep the secrets in").caused_by(&error))
    }
}

impl Unfilled {
    /// One line for the log of a program that runs.
    pub(crate) fn line(&self) -> String {
        format!("{} keeps its value: {}: {}", self.what(), self.missing, self.missing.cause)
    }

    fn what(&self) -> String {
        match &self.place {
            Place::Argument(index) => format!("argument {}", index + 1),
            Place::Variable(name) => format!("`{name}`"),
        }
    }

    /// Whose fault it is: that of somebody who did not answer or refused, or that of what is written here.
    fn exit(&self) -> Exit {
        match self.missing.cause {
            Cause::BadAnswer { .. } | Cause::CommandFailed { .. } | Cause::NoKeychain { .. } | Cause::Refused { .. } => Exit::Unavailable,
            ref cause if cause.is_transient() => Exit::Unavailable,
            _ => Exit::Configuration,
        }
    }
}

/// Why a program was not started: every value that cannot be had.
fn not_started(unfilled: &[Unfilled]) -> Report {
    let report = |one: &Unfilled| {
        let report = Report::new(one.exit(), format!("{} has no value; nothing was started", one.what()));
        caused_by_missing(report, &one.missing)
    };
    match unfilled {
        [] => Report::new(Exit::Internal, "a value is missing and nobody says which"),
        [one] => report(one),
        [first, ..] => {
            let details: Vec<String> = unfilled.iter().map(|one| report(one).render()).collect();
            // What waiting does not mend comes first.
            let exit = unfilled.iter().map(Unfilled::exit).find(|exit| *exit == Exit::Configuration).unwrap_or_else(|| first.exit());
            Report::new(exit, format!("{} values are missing", unfilled.len())).details(details.concat())
        }
    }
}

/// Why a program could not be started, by the codes of env(1).
pub(crate) fn cannot_start(name: &str, error: &std::io::Error) -> Report {
    match error.kind() {
        std::io::ErrorKind::NotFound => Report::new(Exit::NoProgram, format!("there is no program `{name}`")).caused_by(error),
        _ => Report::new(Exit::CannotStart, format!("cannot start `{name}`")).caused_by(error),
    }
}
