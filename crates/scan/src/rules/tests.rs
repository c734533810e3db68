use std::collections::BTreeSet;

use super::{ALL, Rule};
use crate::{FingerprintKey, Source, examine};

fn finds(rule: &Rule, text: &str) -> bool {
    let source = Source { name: rule.example.file, text, mode: Some(0o644), committable: Some(true) };
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
        let source = Source { name: rule.example.file, text: rule.example.bad, mode: Some(0o644), committable: Some(true) };
        for finding in examine(source, &FingerprintKey::new(b"test")).findings {
            let said = format!("{} {:?}", finding.message, finding.masked);
            for secret in ["ghp_", "1vUDh1z", "ebaec200", "c3ZjLW", "gqkd97", "4c0883a", "eyJhb"] {
                assert!(!said.contains(secret), "{said}");
            }
        }
    }
}
