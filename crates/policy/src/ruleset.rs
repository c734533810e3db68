//! All rules of one server, ordered so that the first match decides.

use std::collections::BTreeMap;
use std::sync::Arc;

use oauth::scope::{Scope, ScopeSet};

use crate::rule::{Demand, Rule};

/// Which scopes a scope implies: `admin` → `read`, `write`. Followed to the end when a rule set is built.
pub type Implications = BTreeMap<Scope, ScopeSet>;

/// The rules of one server.
///
/// The most specific match decides: an exact name before a pattern, more literal characters before fewer, a rule with a
/// kind before one without. A set with no rule lets every verified caller do everything; once there is one rule, a tool, prompt or
/// resource that no rule matches is refused. Methods are open unless a `method:` rule speaks of them.
#[derive(Clone, Debug)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    /// For each scope, every scope that grants it besides itself.
    pub(crate) granted_by: BTreeMap<Scope, ScopeSet>,
    pub(crate) open_rule: Arc<str>,
}

impl RuleSet {
    /// Orders the rules and follows the implications to their end.
    pub fn new(mut rules: Vec<Rule>, implications: &Implications) -> Self {
        rules
            .sort_by(|left, right| right.selector.specificity().cmp(&left.selector.specificity()).then_with(|| left.name.cmp(&right.name)));
        Self { rules, granted_by: invert(implications), open_rule: OPEN_RULE.into() }
    }

    /// The set without a rule: every verified caller may do everything.
    pub fn open() -> Self {
        Self::new(Vec::new(), &Implications::new())
    }

    /// Whether lists need no filtering, because nothing can be hidden from a verified caller.
    pub fn hides_nothing(&self) -> bool {
        self.rules.iter().all(|rule| rule.demand == Demand::AnyCaller && rule.selector.is_catch_all())
    }

    /// The scopes to ask for at first: those of the catch-all rule, none when there is none (RS3, SEP-835: minimal, not the catalogue).
    pub fn baseline(&self) -> ScopeSet {
        self.rules
            .iter()
            .find(|rule| rule.selector.is_catch_all())
            .and_then(|rule| match &rule.demand {
                Demand::Scopes(scopes) => Some(scopes.clone()),
                Demand::AnyCaller | Demand::Nobody => None,
            })
            .unwrap_or_default()
    }

    /// Every scope that opens something, with the selectors that it opens, its own and those of the scopes that it implies.
    pub fn catalogue(&self) -> BTreeMap<Scope, Vec<&str>> {
        let mut catalogue: BTreeMap<Scope, Vec<&str>> = BTreeMap::new();
        for rule in &self.rules {
            let Demand::Scopes(scopes) = &rule.demand else { continue };
            for scope in scopes.iter() {
                let holders = self.granted_by.get(scope).into_iter().flat_map(ScopeSet::iter);
                for opener in holders.chain([scope]) {
                    let opened = catalogue.entry(opener.clone()).or_default();
                    if !opened.contains(&&*rule.name) {
                        opened.push(&rule.name);
                    }
                }
            }
        }
        catalogue
    }

    /// The rules in the order in which they are asked, as (selector, demand), for documents and `config check`.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &Demand)> {
        self.rules.iter().map(|rule| (&*rule.name, &rule.demand))
    }
}

fn invert(implications: &Implications) -> BTreeMap<Scope, ScopeSet> {
    let mut granted_by: BTreeMap<Scope, ScopeSet> = BTreeMap::new();
    for holder in implications.keys() {
        let mut seen = ScopeSet::default();
        let mut open: Vec<&Scope> = vec![holder];
        while let Some(scope) = open.pop() {
            for implied in implications.get(scope).into_iter().flat_map(ScopeSet::iter) {
                if seen.contains(implied.as_str()) {
                    continue;
                }
                seen = seen.union(&std::iter::once(implied.clone()).collect());
                open.push(implied);
            }
        }
        for implied in seen.iter() {
            let holders = granted_by.entry(implied.clone()).or_default();
            *holders = holders.union(&std::iter::once(holder.clone()).collect());
        }
    }
    granted_by
}

const OPEN_RULE: &str = "any caller with a token for this server";
