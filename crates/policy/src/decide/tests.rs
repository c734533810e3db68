use std::collections::BTreeMap;

use oauth::scope::{Scope, ScopeSet};
use proptest::prelude::*;

use crate::{Action, Caller, Demand, Refusal, Rule, RuleSet};

fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

fn rule(selector: &str, demand: &str) -> Rule {
    let demand = match demand {
        "any" => Demand::AnyCaller,
        "nobody" => Demand::Nobody,
        text => Demand::Scopes(scopes(text)),
    };
    Rule::new(selector, demand).unwrap()
}

fn decide(rules: &RuleSet, held: &str, action: Action<'_>) -> Result<String, Refusal> {
    let held = scopes(held);
    let caller = Caller { issuer: "https://issuer", subject: "ada", client: None, scopes: &held };
    rules.decide(&caller, &action).map(|permit| permit.rule().to_owned())
}

fn payments() -> RuleSet {
    RuleSet::new(
        vec![
            rule("*", "payments:read"),
            rule("create_*", "payments:write payments:read"),
            rule("create_report", "any"),
            rule("tool:drop_*", "nobody"),
            rule("method:logging/setLevel", "ops"),
        ],
        &BTreeMap::from([
            (Scope::parse("payments:admin").unwrap(), scopes("payments:write")),
            (Scope::parse("payments:write").unwrap(), scopes("payments:read")),
        ]),
    )
}

#[test]
fn the_most_specific_rule_decides() {
    let rules = payments();
    assert_eq!(decide(&rules, "payments:read", Action::Tool("list_refunds")).unwrap(), "*");
    assert_eq!(decide(&rules, "", Action::Tool("create_report")).unwrap(), "create_report");
    assert_eq!(decide(&rules, "payments:read payments:write", Action::Tool("create_refund")).unwrap(), "create_*");
}

#[test]
fn a_refusal_names_every_scope_the_operation_needs_not_only_the_missing_one() {
    let refusal = decide(&payments(), "payments:read", Action::Tool("create_refund")).unwrap_err();
    assert_eq!(refusal, Refusal::Scopes { needed: scopes("payments:write payments:read"), rule: "create_*".into() });
}

#[test]
fn implication_is_followed_to_the_end() {
    assert!(decide(&payments(), "payments:admin", Action::Tool("create_refund")).is_ok());
    assert!(decide(&payments(), "payments:admin", Action::Tool("list_refunds")).is_ok());
}

#[test]
fn circular_implications_end() {
    let rules = RuleSet::new(
        vec![rule("*", "a")],
        &BTreeMap::from([(Scope::parse("a").unwrap(), scopes("b")), (Scope::parse("b").unwrap(), scopes("a"))]),
    );
    assert!(decide(&rules, "b", Action::Tool("x")).is_ok());
    assert!(decide(&rules, "c", Action::Tool("x")).is_err());
}

#[test]
fn what_nobody_may_do_names_no_scope() {
    let refusal = decide(&payments(), "payments:admin", Action::Tool("drop_table")).unwrap_err();
    assert_eq!(refusal, Refusal::Nobody { rule: Some("tool:drop_*".into()) });
}

#[test]
fn once_there_is_a_rule_an_unmatched_name_is_refused() {
    let rules = RuleSet::new(vec![rule("tool:read_*", "any")], &BTreeMap::new());
    assert_eq!(decide(&rules, "", Action::Prompt("read_this")).unwrap_err(), Refusal::Nobody { rule: None });
    assert_eq!(decide(&rules, "", Action::Tool("write")).unwrap_err(), Refusal::Nobody { rule: None });
    assert!(decide(&rules, "", Action::Tool("read_x")).is_ok());
}

#[test]
fn a_bare_pattern_covers_prompts_and_resources_too_but_never_methods() {
    let rules = payments();
    assert!(decide(&rules, "", Action::Resource("file:///a")).is_err());
    assert!(decide(&rules, "", Action::Prompt("p")).is_err());
    assert!(decide(&rules, "", Action::Method("tools/list")).is_ok());
    assert!(decide(&rules, "", Action::Method("logging/setLevel")).is_err());
}

#[test]
fn an_open_set_allows_every_verified_caller_and_hides_nothing() {
    let rules = RuleSet::open();
    assert!(decide(&rules, "", Action::Tool("anything")).is_ok());
    assert!(rules.hides_nothing());
    assert!(!payments().hides_nothing());
}

#[test]
fn the_baseline_is_the_catch_alls_scopes() {
    assert_eq!(payments().baseline(), scopes("payments:read"));
    assert!(RuleSet::open().baseline().is_empty());
}

proptest! {
    #[test]
    fn more_scopes_never_turn_an_allow_into_a_refusal(held in "(a |b |c |d ){0,4}", extra in "(a|b|c|d)", name in "[xy]{1,3}") {
        let rules = RuleSet::new(
            vec![rule("*", "a"), rule("x*", "b c"), rule("xy", "d")],
            &BTreeMap::from([(Scope::parse("d").unwrap(), scopes("b"))]),
        );
        if decide(&rules, held.trim(), Action::Tool(&name)).is_ok() {
            let more = format!("{held}{extra}");
            prop_assert!(decide(&rules, &more, Action::Tool(&name)).is_ok());
        }
    }

    #[test]
    fn asking_again_with_the_needed_scopes_always_succeeds(name in "[xy]{1,3}") {
        let rules = RuleSet::new(vec![rule("*", "a"), rule("x*", "b c"), rule("xy", "d")], &BTreeMap::new());
        if let Err(Refusal::Scopes { needed, .. }) = decide(&rules, "", Action::Tool(&name)) {
            prop_assert!(decide(&rules, &needed.to_string(), Action::Tool(&name)).is_ok());
        }
    }
}
