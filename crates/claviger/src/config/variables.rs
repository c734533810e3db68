//! What do variables mean that are written down for a program? Each is a text with references, or one of a pair (see `paired`).
//!
//! From names and texts to names and templates, and nothing else: whoever asks knows where they stand.

use std::collections::{BTreeMap, BTreeSet};

use broker::reference::{InvalidReference, Template};

use super::paired::{self, InvalidPair, Pair};

/// Who wrote the variables down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    /// Whoever runs the door, who may have it run other programs.
    Operator,
    /// Anybody: the file may have come with a repository.
    Stranger,
}

/// What variables mean.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    /// The good ones, by the name that the program sees.
    pub(crate) templates: BTreeMap<String, Template>,
    /// The others, by the name that is written.
    pub(crate) faults: Vec<(String, InvalidVariable)>,
}

/// Why a variable cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidVariable {
    /// The system takes no such name or value.
    #[error("a variable's name is not empty and holds no `=`, and there is no NUL in name or value")]
    Name,
    /// The text is no template.
    #[error(transparent)]
    Reference(#[from] InvalidReference),
    /// A stranger's file would have us run a program.
    #[error("a `command://` reference runs a program, so it stands in Claviger's own configuration only")]
    RunsAProgram,
    /// `X` and `X_VAULT`.
    #[error("`{0}` is written too, and the two may differ")]
    Twice(String),
}

/// Reads them all.
pub(crate) fn read(written: &BTreeMap<String, String>, author: Author) -> Variables {
    let pairs = paired::pairs(written);
    let paired: BTreeSet<&String> = pairs.iter().flat_map(|pair| [&pair.reference_variable, &pair.lifetime_variable]).collect();
    let alone = written.iter().filter(|(name, _)| !paired.contains(name)).map(|(name, text)| (name, name, variable(name, text)));
    let joined = pairs.iter().map(|pair| (&pair.name, &pair.reference_variable, joined(pair, written)));
    let mut variables = Variables::default();
    for (name, written_as, read) in alone.chain(joined) {
        match read {
            Ok(template) if author == Author::Stranger && runs_a_program(&template) => {
                variables.faults.push((written_as.clone(), InvalidVariable::RunsAProgram));
            }
            Ok(template) => {
                variables.templates.insert(name.clone(), template);
            }
            Err(Wrong { name, why }) => variables.faults.push((name, why)),
        }
    }
    variables
}

/// Reads a text that stands under a name. Where the name promises a secret, a default would be one.
pub(crate) fn template(name: &str, text: &str) -> Result<Template, InvalidReference> {
    if promises_a_secret(name) { Template::parse_secret(text) } else { Template::parse(text) }
}

/// Whether resolving it runs a program.
pub(crate) fn runs_a_program(template: &Template) -> bool {
    template.references().any(|reference| reference.runs_a_program())
}

struct Wrong {
    name: String,
    why: InvalidVariable,
}

/// What the variable of a pair is.
fn joined(pair: &Pair, written: &BTreeMap<String, String>) -> Result<Template, Wrong> {
    let wrong = |why| Wrong { name: pair.reference_variable.clone(), why };
    if written.contains_key(&pair.name) {
        return Err(wrong(InvalidVariable::Twice(pair.name.clone())));
    }
    let text = written.get(&pair.reference_variable).map_or("", String::as_str);
    check(&pair.name, text).map_err(wrong)?;
    match pair.reference.clone() {
        Ok(reference) => Ok(reference.into()),
        Err(InvalidPair { variable, why }) => Err(Wrong { name: variable, why: why.into() }),
    }
}

fn variable(name: &str, text: &str) -> Result<Template, Wrong> {
    let wrong = |why| Wrong { name: name.to_owned(), why };
    check(name, text).map_err(wrong)?;
    template(name, text).map_err(|why| wrong(why.into()))
}

fn check(name: &str, text: &str) -> Result<(), InvalidVariable> {
    if name.is_empty() || name.contains(['=', '\0']) || text.contains('\0') { Err(InvalidVariable::Name) } else { Ok(()) }
}

/// Whether a name says that its value is secret.
fn promises_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["AUTH", "COOKIE", "CREDENTIAL", "KEY", "PASS", "SECRET", "TOKEN"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(written: &[(&str, &str)], author: Author) -> (Vec<String>, Vec<String>) {
        let written = written.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let Variables { templates, faults } = read(&written, author);
        let templates = templates.iter().map(|(name, template)| format!("{name}={template}")).collect();
        (templates, faults.iter().map(|(name, fault)| format!("{name}: {fault}")).collect())
    }

    fn good(written: &[(&str, &str)]) -> Vec<String> {
        let (templates, faults) = meaning(written, Author::Operator);
        assert_eq!(faults, Vec::<String>::new());
        templates
    }

    #[test]
    fn a_vault_and_a_lifetime_make_one_variable() {
        let vault = ("GITHUB_TOKEN_VAULT", "aws-secretsmanager://prod/github");
        assert_eq!(good(&[vault]), ["GITHUB_TOKEN=aws-secretsmanager://prod/github"]);
        assert_eq!(good(&[vault, ("GITHUB_TOKEN_OAUTH_TTL", "600")]), ["GITHUB_TOKEN=aws-secretsmanager://prod/github?ttl=600"]);
        let field = ("DB_VAULT", "vault://secret/db?ttl=60#password");
        assert_eq!(good(&[field, ("DB_OAUTH_TTL", "3600")]), ["DB=vault://secret/db?ttl=60#password"]);
    }

    #[test]
    fn names_that_only_look_alike_stay_as_they_are() {
        assert_eq!(
            good(&[("OBSIDIAN_VAULT", "/home/ann/notes"), ("OBSIDIAN_OAUTH_TTL", "never")]),
            ["OBSIDIAN_OAUTH_TTL=never", "OBSIDIAN_VAULT=/home/ann/notes"]
        );
        assert_eq!(good(&[("A_VAULT", "https://vault.example.com"), ("A", "x")]), ["A=x", "A_VAULT=https://vault.example.com"]);
        assert_eq!(good(&[("_VAULT", "env://A"), ("X_OAUTH_TTL", "99999")]), ["X_OAUTH_TTL=99999", "_VAULT=env://A"]);
    }

    #[test]
    fn what_contradicts_itself_is_blamed_by_the_name_that_is_written() {
        for (written, fault) in [
            (&[("A_VAULT", "env://B"), ("A", "x")][..], "A_VAULT: `A` is written too"),
            (&[("A_VAULT", "env://B"), ("A_OAUTH_TTL", "0")], "A_OAUTH_TTL: `ttl` is a whole number of seconds from 1 to 3600"),
            (&[("A_VAULT", "env://B"), ("A_OAUTH_TTL", "3601")], "A_OAUTH_TTL: `ttl` is"),
            (&[("A_VAULT", "env://B"), ("A_OAUTH_TTL", "1h")], "A_OAUTH_TTL: `ttl` is"),
            (&[("A_VAULT", "op://v/i/f")], "A_VAULT: `op://` references"),
            (&[("A=B_VAULT", "env://B")], "A=B_VAULT: a variable's name"),
            (&[("A", "x\0")], "A: a variable's name"),
            (&[("API_KEY", "${A:-b}")], "API_KEY: a secret has no default"),
        ] {
            let (_, faults) = meaning(written, Author::Operator);
            assert!(faults.len() == 1 && faults[0].starts_with(fault), "{written:?}: {faults:?}");
        }
    }

    #[test]
    fn strangers_run_no_programs() {
        for (name, text) in [("A", "command://op read x"), ("A_VAULT", "command://op read x"), ("A", "Bearer ${command://op read x}")] {
            let (templates, faults) = meaning(&[(name, text), ("B", "env://B")], Author::Stranger);
            assert_eq!(templates, ["B=env://B"]);
            assert!(faults[0].starts_with(&format!("{name}: a `command://` reference runs a program")), "{faults:?}");
            assert_eq!(meaning(&[(name, text)], Author::Operator).1, Vec::<String>::new());
        }
    }
}
