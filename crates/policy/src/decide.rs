//! The decision itself: rules, caller and action in; a permit or a refusal out.

use oauth::scope::ScopeSet;

use crate::action::Action;
use crate::caller::Caller;
use crate::permit::Permit;
use crate::rule::Demand;
use crate::ruleset::RuleSet;

/// Why the caller may not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No scope cures this: the rule refuses everybody, or no rule speaks of the name.
    #[error("no rule allows this to anybody ({})", rule.as_deref().unwrap_or("no rule matches"))]
    Nobody {
        /// The rule that refuses; `None` when none matches.
        rule: Option<String>,
    },
    /// The token lacks scopes. `needed` are all that the operation asks for, held or not, so that one step-up is enough (P1, RS8).
    #[error("rule `{rule}` asks for the scopes `{needed}`")]
    Scopes {
        /// Every scope that the operation needs.
        needed: ScopeSet,
        /// The rule that asks.
        rule: String,
    },
}

impl RuleSet {
    /// May this caller do this?
    pub fn decide(&self, caller: &Caller<'_>, action: &Action<'_>) -> Result<Permit, Refusal> {
        let Some(rule) = self.rules.iter().find(|rule| rule.selector.matches(action)) else {
            return match action {
                Action::Method(_) => Ok(Permit::by_rule(&self.open_rule)),
                _ if self.rules.is_empty() => Ok(Permit::by_rule(&self.open_rule)),
                _ => Err(Refusal::Nobody { rule: None }),
            };
        };
        match &rule.demand {
            Demand::AnyCaller => Ok(Permit::by_rule(&rule.name)),
            Demand::Nobody => Err(Refusal::Nobody { rule: Some(rule.name.to_string()) }),
            Demand::Scopes(needed) if self.grants(caller.scopes, needed) => Ok(Permit::by_rule(&rule.name)),
            Demand::Scopes(needed) => Err(Refusal::Scopes { needed: needed.clone(), rule: rule.name.to_string() }),
        }
    }

    /// Whether the held scopes, with all that they imply, cover the needed ones (RS9).
    fn grants(&self, held: &ScopeSet, needed: &ScopeSet) -> bool {
        needed.iter().all(|scope| {
            held.contains(scope.as_str())
                || self.granted_by.get(scope).is_some_and(|holders| holders.iter().any(|holder| held.contains(holder.as_str())))
        })
    }
}

#[cfg(test)]
mod tests;
