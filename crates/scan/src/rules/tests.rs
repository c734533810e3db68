use std::collections::BTreeSet;

use super::{ALL, Rule};
use crate::{FingerprintKey, Source, examine};

/// Where everything about the file is as bad as can be.
fn surrounded<'a>(name: &'a str, text: &'a str, variables: &'a BTreeSet<String>) -> Source<'a> {
    let (mode, committable, tracked) = (Some(0o644), Some(true), Some(true));
    Source { mode, committable, tracked, days_unchanged: Some(1000), variables: Some(variables), ..Source::of(name, text) }
}

fn variables() -> BTreeSet<String> {
    BTreeSet::from(["HOME".to_owned()])
}

fn finds(rule: &Rule, text: &str) -> bool {
    let variables = variables();
    let source = surrounded(rule.example.file, text, &variables);
    examine(source, &FingerprintKey::new(b"test")).findings.iter().any(|finding| finding.rule.id == rule.id)
}

#[test]
fn every_rule_finds_its_bad_example_and_leaves_the_good_one_alone() {
    let wrong: Vec<&str> =
        ALL.iter().filter(|rule| !finds(rule, rule.example.bad) || finds(rule, rule.example.good)).map(|rule| rule.id).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_rule_has_a_name_of_its_own() {
    let names: BTreeSet<&str> = ALL.iter().map(|rule| rule.id).collect();
    assert_eq!(names.len(), ALL.len());
}

#[test]
fn no_finding_says_a_part_of_a_secret() {
    for rule in ALL {
        let variables = variables();
        let source = surrounded(rule.example.file, rule.example.bad, &variables);
        for finding in examine(source, &FingerprintKey::new(b"test")).findings {
            let said = format!("{} {:?}", finding.message, finding.masked);
            for secret in ["ghp_", "1vUDh1z", "ebaec200", "c3ZjLW", "gqkd97", "4c0883a", "eyJhb"] {
                assert!(!said.contains(secret), "{said}");
            }
        }
    }
}
