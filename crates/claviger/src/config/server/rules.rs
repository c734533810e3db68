//! Who may do what with the server? From its `scopes` and `implies` to rules.

use std::collections::BTreeMap;

use oauth::scope::{Scope, ScopeSet};
use policy::{Demand, Implications, Rule, RuleSet};

use super::{Builder, Dialect};
use crate::config::file;
use crate::config::tree::Path;

impl Builder<'_> {
    pub(super) fn rules(&mut self) -> Option<RuleSet> {
        let rules: Vec<_> = self.server.scopes.iter().map(|(pattern, demand)| self.rule(pattern, demand)).collect();
        let implied: Vec<_> = self.server.implies.iter().map(|(scope, implied)| self.implication(scope, implied)).collect();
        let implications: Implications = implied.into_iter().collect::<Option<BTreeMap<_, _>>>()?;
        Some(RuleSet::new(rules.into_iter().collect::<Option<_>>()?, &implications))
    }

    fn rule(&mut self, pattern: &str, demand: &file::Demand) -> Option<Rule> {
        let path = if self.origin.dialect == Dialect::CommandLine { self.at("scopes") } else { self.at("scopes").key(pattern) };
        let demand = match demand {
            file::Demand::Everybody(true) => Demand::AnyCaller,
            file::Demand::Everybody(false) => Demand::Nobody,
            file::Demand::List(scopes) => Demand::Scopes(self.scopes(&path, scopes)?),
            file::Demand::Text(text) => Demand::Scopes(self.scopes(&path, std::slice::from_ref(text))?),
        };
        Rule::new(pattern, demand).map_err(|error| self.judge.blame_key(&path, error)).ok()
    }

    fn scopes(&mut self, path: &Path, texts: &[String]) -> Option<ScopeSet> {
        let mut all = ScopeSet::default();
        for text in texts {
            all = all.union(&self.judge.accept(path, ScopeSet::parse(text))?);
        }
        if all.is_empty() {
            self.judge.blame_with_hint(path, "no scope is named", "write `true` for every caller with a good token, `false` for nobody");
            return None;
        }
        Some(all)
    }

    fn implication(&mut self, scope: &str, implied: &file::OneOrMore) -> Option<(Scope, ScopeSet)> {
        let path = self.at("implies").key(scope);
        let parsed = Scope::parse(scope).map_err(|error| self.judge.blame_key(&path, error)).ok();
        let implied = self.scopes(&path, implied.all());
        Some((parsed?, implied?))
    }
}
