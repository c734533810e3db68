//! What do variables mean that are written down for a program? Each is a text with references; `X_VAULT` and `X_OAUTH_TTL` name the secret of `X`, and for how
//! many seconds it is kept.
//!
//! From names and texts to names and templates, and nothing else: whoever asks knows where they stand.

use std::collections::BTreeMap;

use broker::reference::{InvalidReference, Reference, Template};

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
    let mut variables = Variables::default();
    for (name, text) in written {
        let read = match secret_of(name, written) {
            Some(Secret::Lifetime) => continue,
            Some(Secret::Vault(plain)) => vault(plain, text, written).map(|template| (plain, template)),
            None => variable(name, text).map(|template| (name.as_str(), template)),
        };
        match read {
            Ok((_, template)) if author == Author::Stranger && runs_a_program(&template) => {
                variables.faults.push((name.clone(), InvalidVariable::RunsAProgram));
            }
            Ok((plain, template)) => {
                variables.templates.insert(plain.to_owned(), template);
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

/// The part that a variable plays in naming a secret.
enum Secret<'n> {
    /// `X_OAUTH_TTL`.
    Lifetime,
    /// `X_VAULT`, and X.
    Vault(&'n str),
}

struct Wrong {
    name: String,
    why: InvalidVariable,
}

/// A `…_VAULT` that is no reference, such as a folder of notes, is a variable like any other; so is a `…_OAUTH_TTL` without its `…_VAULT`.
fn secret_of<'n>(name: &'n str, written: &BTreeMap<String, String>) -> Option<Secret<'n>> {
    let is_vault = |name: &str| written.get(name).is_some_and(|text| Reference::recognise(text).is_some());
    if let Some(plain) = name.strip_suffix(VAULT).filter(|plain| !plain.is_empty()) {
        return is_vault(name).then_some(Secret::Vault(plain));
    }
    let plain = name.strip_suffix(LIFETIME).filter(|plain| !plain.is_empty())?;
    is_vault(&format!("{plain}{VAULT}")).then_some(Secret::Lifetime)
}

fn vault(plain: &str, text: &str, written: &BTreeMap<String, String>) -> Result<Template, Wrong> {
    let at = |suffix: &str, why: InvalidVariable| Wrong { name: format!("{plain}{suffix}"), why };
    if written.contains_key(plain) {
        return Err(at(VAULT, InvalidVariable::Twice(plain.to_owned())));
    }
    check(plain, text).map_err(|why| at(VAULT, why))?;
    let reference: Reference = text.parse().map_err(|why: InvalidReference| at(VAULT, why.into()))?;
    let reference = match written.get(&format!("{plain}{LIFETIME}")) {
        Some(seconds) => reference.with_ttl(seconds).map_err(|why| at(LIFETIME, why.into()))?,
        None => reference,
    };
    Ok(Template::from(reference))
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

const VAULT: &str = "_VAULT";
const LIFETIME: &str = "_OAUTH_TTL";

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
