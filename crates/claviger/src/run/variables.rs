//! What does the program want? Its variables and arguments as templates: from the environment, from files and from flags, in this order; the later one wins.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use broker::literal::looks_like_secret;
use broker::reference::{Reference, Template};

use crate::cli::RunArguments;
use crate::config::env::{SECRETS_FD, SECRETS_FILE, Surroundings};
use crate::config::env_file;
use crate::config::fault::{Fault, Faults};
use crate::config::paired::{self, InvalidPair, Pair};
use crate::config::tree::Sources;
use crate::voice::Report;

/// What the program is to be given.
pub(crate) struct Wanted {
    /// What it inherits; `None`: everything that we did.
    pub(crate) base: Option<BTreeMap<String, String>>,
    /// Variables that it does not inherit.
    pub(crate) removed: BTreeSet<String>,
    /// Variables that are set for it.
    pub(crate) variables: BTreeMap<String, Template>,
    /// Its name or path.
    pub(crate) program: OsString,
    /// Its arguments.
    pub(crate) arguments: Vec<Argument>,
    /// What a person should know.
    pub(crate) notices: Vec<String>,
}

/// An argument of the program.
pub(crate) enum Argument {
    /// As it was typed.
    Plain(OsString),
    /// With references in it.
    Filled(Template),
}

/// Collects what the program wants; reports every fault at once.
pub(crate) fn gather(arguments: &RunArguments, around: &Surroundings) -> Result<Wanted, Report> {
    let mut gatherer = Gatherer {
        arguments,
        around,
        variables: BTreeMap::new(),
        removed: BTreeSet::new(),
        faults: Faults::default(),
        notices: Vec::new(),
    };
    gatherer.inherit();
    gatherer.read_files()?;
    gatherer.read_flags();
    gatherer.join_pairs();
    let (program, rest) =
        arguments.program.split_first().map_or((OsString::new(), [].as_slice()), |(program, rest)| (program.clone(), rest));
    let rest = rest.iter().enumerate().map(|(index, argument)| gatherer.argument(index + 1, argument)).collect();
    let Gatherer { variables, removed, faults, notices, .. } = gatherer;
    if !faults.is_empty() {
        return Err(faults.into_report(&Sources::default()));
    }
    let variables = variables.into_iter().map(|(name, variable)| (name, variable.value)).collect();
    Ok(Wanted { base: arguments.no_inherit.then(|| around.inherited()), removed, variables, program, arguments: rest, notices })
}

struct Gatherer<'g> {
    arguments: &'g RunArguments,
    around: &'g Surroundings,
    variables: BTreeMap<String, Variable>,
    removed: BTreeSet<String>,
    faults: Faults,
    notices: Vec<String>,
}

struct Variable {
    value: Template,
    origin: Origin,
}

/// Who set a variable; the greater one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Inherited,
    File,
    Flag,
}

impl Gatherer<'_> {
    /// Inherited variables were not written for us, so only what is plainly a reference is one.
    fn inherit(&mut self) {
        // Those of a `claviger run` around this one.
        self.removed.extend([SECRETS_FD, SECRETS_FILE].map(str::to_owned));
        if self.arguments.keep_references {
            return;
        }
        let paired: BTreeSet<String> =
            paired::pairs(self.around.variables()).into_iter().flat_map(|pair| [pair.reference_variable, pair.lifetime_variable]).collect();
        for (name, text) in self.around.variables().iter().filter(|(name, _)| !paired.contains(*name)) {
            match Template::parse_foreign(text) {
                Ok(value) if value == Template::literal(text) => {}
                Ok(value) => self.set(name, value, Origin::Inherited),
                Err(invalid) => self.faults.push(Fault::outside(format!("the variable `{name}`: {invalid}")).hint(KEEP)),
            }
        }
    }

    fn read_files(&mut self) -> Result<(), Report> {
        for location in &self.arguments.env_files {
            for entry in env_file::read(location, &self.around.folder().join(location))? {
                let value = entry.value.with_variables(|name| self.known(name));
                if self.runs_forbidden_program(&value) {
                    let place = format!("`{}`, line {}: `{}`", location.display(), entry.line, entry.name);
                    self.faults.push(forbidden(&place));
                }
                self.set(&entry.name, value, Origin::File);
            }
        }
        Ok(())
    }

    fn read_flags(&mut self) {
        for flag in &self.arguments.variables {
            let Some((name, text)) = flag.split_once('=').filter(|(name, _)| Reference::variable(name).is_ok()) else {
                // It is not quoted: a secret may stand there.
                self.faults.push(Fault::outside("`--env` is no `NAME=REF`").hint("write for example `--env API_KEY=vault://kv/api#key`"));
                continue;
            };
            match Template::parse(text) {
                Ok(value) => {
                    if value.literals().any(|literal| looks_like_secret(name, literal).is_some()) {
                        self.notices
                            .push(format!("`--env {name}` looks like a literal secret: other users can read it in the process list"));
                    }
                    let value = value.with_variables(|name| self.known(name));
                    self.set(name, value, Origin::Flag);
                }
                Err(invalid) => self.faults.push(Fault::outside(format!("`--env {name}`: {invalid}"))),
            }
        }
    }

    /// What `${NAME}` means: the variable as it is known so far.
    fn known(&self, name: &str) -> Option<Template> {
        let set = self.variables.get(name).map(|variable| variable.value.clone());
        set.or_else(|| self.around.variables().get(name).map(|text| Template::literal(text)))
    }

    fn set(&mut self, name: &str, value: Template, origin: Origin) {
        if origin == Origin::Inherited && self.runs_forbidden_program(&value) {
            self.faults.push(forbidden(&format!("the variable `{name}`")));
        }
        self.variables.insert(name.to_owned(), Variable { value, origin });
    }

    /// Whoever can write a file or a variable must not be able to run programs by it.
    fn runs_forbidden_program(&self, value: &Template) -> bool {
        !self.arguments.allow_commands && value.references().any(|reference| reference.runs_a_program())
    }

    /// Puts `X` in the place of `X_VAULT` and `X_OAUTH_TTL`, whoever set the two, unless `X` itself was set by somebody who wins over them.
    fn join_pairs(&mut self) {
        let mut texts = if self.arguments.keep_references { BTreeMap::new() } else { self.around.variables().clone() };
        texts.extend(self.variables.iter().map(|(name, variable)| (name.clone(), variable.value.to_string())));
        for Pair { name, reference_variable, lifetime_variable, reference } in paired::pairs(&texts) {
            let origin = self.variables.remove(&reference_variable).map_or(Origin::Inherited, |variable| variable.origin);
            self.variables.remove(&lifetime_variable);
            self.removed.extend([reference_variable, lifetime_variable]);
            match reference {
                Ok(reference) => {
                    if self.variables.get(&name).is_none_or(|known| known.origin <= origin) {
                        self.set(&name, reference.into(), origin);
                    }
                }
                Err(InvalidPair { variable, why }) => self.faults.push(Fault::outside(format!("the variable `{variable}`: {why}"))),
            }
        }
    }

    /// `file://` alone stays as it is: programs take such addresses as arguments.
    fn argument(&mut self, number: usize, argument: &OsString) -> Argument {
        let Some(text) = argument.to_str().filter(|text| !text.starts_with("file://")) else { return Argument::Plain(argument.clone()) };
        match Template::parse_foreign(text) {
            Ok(value) if value == Template::literal(text) => Argument::Plain(argument.clone()),
            Ok(value) => {
                if value.has_references() {
                    self.notices
                        .push(format!("argument {number} of the program holds a secret: other users can read it in the process list"));
                }
                Argument::Filled(value)
            }
            Err(invalid) => {
                self.faults.push(Fault::outside(format!("argument {number} of the program: {invalid}")));
                Argument::Plain(argument.clone())
            }
        }
    }
}

fn forbidden(place: &str) -> Fault {
    Fault::outside(format!("{place}: `command://` would run a program")).hint("if you wrote it yourself, add `--allow-commands`")
}

const KEEP: &str = "`--keep-references` leaves inherited variables as they are";

#[cfg(test)]
mod tests;
