//! Which variables a program gets, who wins, and what is refused.

use std::path::Path;

use clap::Parser as _;

use super::{Argument, Wanted, gather};
use crate::cli::{Cli, Command, RunArguments};
use crate::config::env::Surroundings;

fn arguments(flags: &[&str], program: &[&str]) -> RunArguments {
    let words = ["claviger", "run"].iter().chain(flags).chain(&["--"]).chain(program);
    let Command::Run(arguments) = Cli::try_parse_from(words).unwrap().command else { panic!("not a run") };
    *arguments
}

fn wanted(flags: &[&str], inherited: &[(&str, &str)]) -> Wanted {
    gather(&arguments(flags, &["true"]), &Surroundings::pretend(Path::new("/"), inherited))
        .unwrap_or_else(|report| panic!("{}", report.render()))
}

fn variables(flags: &[&str], inherited: &[(&str, &str)]) -> Vec<(String, String)> {
    wanted(flags, inherited).variables.into_iter().map(|(name, value)| (name, value.to_string())).collect()
}

fn fault(flags: &[&str], inherited: &[(&str, &str)]) -> String {
    let gathered = gather(&arguments(flags, &["true"]), &Surroundings::pretend(Path::new("/"), inherited));
    anstream::adapter::strip_str(&gathered.err().expect("a fault").render()).to_string()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn inherited_variables_are_set_only_where_they_hold_a_reference() {
    let inherited =
        [("A", "env://X"), ("B", "Bearer ${vault://kv/b#c}"), ("C", "${HOME}/bin"), ("D", "https://x.example"), ("E", "$${env://X}")];
    assert_eq!(variables(&[], &inherited), [pair("A", "env://X"), pair("B", "Bearer ${vault://kv/b#c}"), pair("E", "$${env://X}")]);
    assert_eq!(variables(&["--keep-references"], &inherited), []);
}

#[test]
fn flags_win_over_files_and_files_over_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let first = file("first", "A=first\nB=first\nC=first\n");
    let second = file("second", "B=second\nC=second\nD=${A}-${HOME}\n");
    let flags = ["--env-file", &first, "--env-file", &second, "--env", "C=flag", "--env", "E=${C}"];
    let expected = [pair("A", "first"), pair("B", "second"), pair("C", "flag"), pair("D", "first-/home/ann"), pair("E", "flag")];
    assert_eq!(variables(&flags, &[("A", "env://X"), ("B", "inherited"), ("HOME", "/home/ann")]), expected);
}

#[test]
fn a_variable_in_a_file_may_be_a_reference_itself() {
    let flags = ["--env", "KEY=vault://kv/a#b", "--env", "HEADER=Bearer ${KEY}", "--env", "OTHER=${INHERITED}", "--env", "LATER=${NOBODY}"];
    let found = variables(&flags, &[("INHERITED", "env://X")]);
    assert!(found.contains(&pair("HEADER", "Bearer ${vault://kv/a#b}")), "{found:?}");
    assert!(found.contains(&pair("OTHER", "env://X")), "{found:?}");
    assert!(found.contains(&pair("LATER", "${NOBODY}")), "{found:?}");
}

#[test]
fn a_pair_stands_for_its_variable_and_is_not_passed_on() {
    let inherited = [("KEY_VAULT", "vault://kv/a#b"), ("KEY_OAUTH_TTL", "900")];
    let found = wanted(&[], &inherited);
    assert_eq!(found.variables.keys().collect::<Vec<_>>(), ["KEY"]);
    assert_eq!(found.variables["KEY"].to_string(), "vault://kv/a?ttl=900#b");
    assert!(found.removed.contains("KEY_VAULT") && found.removed.contains("KEY_OAUTH_TTL"));
    assert_eq!(variables(&["--env", "KEY=env://X"], &inherited), [pair("KEY", "env://X")]);
    assert_eq!(variables(&["--env", "KEY_VAULT=env://X"], &inherited), [pair("KEY", "env://X?ttl=900")]);
    assert_eq!(variables(&["--keep-references"], &inherited), []);
    let text = fault(&[], &[("KEY_VAULT", "vault://kv/a#b"), ("KEY_OAUTH_TTL", "soon")]);
    assert!(text.contains("`KEY_OAUTH_TTL`: `ttl` is a whole number"), "{text}");
}

#[test]
fn only_who_types_may_run_programs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("env");
    std::fs::write(&file, "A=1\nB=command://id\n").unwrap();
    let file = file.to_str().unwrap();
    let text = fault(&["--env-file", file], &[]);
    assert!(text.contains(&format!("`{file}`, line 2: `B`: `command://` would run a program")), "{text}");
    assert!(fault(&[], &[("A", "command://id")]).contains("the variable `A`: `command://`"));
    assert!(fault(&["--env", "B=${A}"], &[("A", "command://id")]).contains("`--allow-commands`"));
    assert_eq!(variables(&["--env", "A=command://id"], &[]), [pair("A", "command://id")]);
    assert_eq!(variables(&["--allow-commands"], &[("A", "command://id")]), [pair("A", "command://id")]);
}

#[test]
fn every_fault_is_reported_at_once_and_no_value_with_it() {
    let text = fault(&["--env", "hunter2", "--env", "B=vault://hunter2"], &[("A", "vault://hunter2"), ("C", "op://hunter2")]);
    assert!(text.contains("error: 4 faults in the configuration; nothing was started"), "{text}");
    assert!(text.contains("the variable `A`: write `vault://") && text.contains("`--env B`: ") && !text.contains("hunter2"), "{text}");
    assert!(text.contains("hint: `--keep-references`"), "{text}");
}

#[test]
fn arguments_are_filled_in_and_addresses_of_files_are_not() {
    let program = ["prog", "--plain", "--key=${env://KEY}", "env://KEY", "file:///repository", "${HOME}"];
    let wanted = gather(&arguments(&[], &program), &Surroundings::pretend(Path::new("/"), &[]))
        .unwrap_or_else(|report| panic!("{}", report.render()));
    let texts: Vec<String> = wanted
        .arguments
        .iter()
        .map(|argument| match argument {
            Argument::Plain(text) => format!("plain {}", text.to_string_lossy()),
            Argument::Filled(template) => format!("filled {template}"),
        })
        .collect();
    assert_eq!(texts, ["plain --plain", "filled --key=${env://KEY}", "filled env://KEY", "plain file:///repository", "plain ${HOME}"]);
    assert_eq!(wanted.notices.len(), 2, "{:?}", wanted.notices);
    assert!(wanted.notices[0].starts_with("argument 2 of the program holds a secret"), "{:?}", wanted.notices);
}

#[test]
fn without_inheritance_the_base_is_bare() {
    let inherited = [("PATH", "/bin"), ("VAULT_TOKEN", "x"), ("CLAVIGER_TOKEN", "x"), ("KEY", "env://X")];
    let wanted = wanted(&["--no-inherit"], &inherited);
    assert_eq!(wanted.base.unwrap().into_keys().collect::<Vec<_>>(), ["PATH"]);
    assert_eq!(wanted.variables.into_keys().collect::<Vec<_>>(), ["KEY"]);
}
