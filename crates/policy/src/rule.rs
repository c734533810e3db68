//! One line of an operator's scope table: which names it speaks of, and what it demands.

use std::sync::Arc;

use oauth::scope::ScopeSet;

use crate::action::Action;
use crate::pattern::Pattern;

/// Which actions a rule speaks of, written `name`, `tool:name`, `prompt:name`, `resource:uri` or `method:name`;
/// the name may hold `*`. Without a kind it covers tools, prompts and resources alike, never methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    kind: Kind,
    pattern: Pattern,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Any,
    Method,
    Prompt,
    Resource,
    Tool,
}

/// Why a selector is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSelector {
    /// Nothing after the kind, or nothing at all.
    #[error("the pattern is empty")]
    Empty,
    /// Over [`Selector::MAX_BYTES`].
    #[error("the pattern is longer than {} bytes", Selector::MAX_BYTES)]
    TooLong,
}

impl Selector {
    /// The longest selector accepted, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Reads a selector as an operator writes it.
    pub fn parse(text: &str) -> Result<Self, InvalidSelector> {
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidSelector::TooLong);
        }
        let kinds = [("tool:", Kind::Tool), ("prompt:", Kind::Prompt), ("resource:", Kind::Resource), ("method:", Kind::Method)];
        let (kind, name) =
            kinds.iter().find_map(|(prefix, kind)| text.strip_prefix(prefix).map(|name| (*kind, name))).unwrap_or((Kind::Any, text));
        if name.is_empty() {
            return Err(InvalidSelector::Empty);
        }
        Ok(Self { kind, pattern: Pattern::new(name) })
    }

    pub(crate) fn matches(&self, action: &Action<'_>) -> bool {
        let speaks_of_it = match action {
            Action::Method(_) => self.kind == Kind::Method,
            Action::Prompt(_) => matches!(self.kind, Kind::Any | Kind::Prompt),
            Action::Resource(_) => matches!(self.kind, Kind::Any | Kind::Resource),
            Action::Tool(_) => matches!(self.kind, Kind::Any | Kind::Tool),
        };
        speaks_of_it && self.pattern.matches(action.name())
    }

    /// Orders selectors: the greater one says more and is asked first.
    pub(crate) fn specificity(&self) -> impl Ord + use<> {
        let (exact, literal) = self.pattern.specificity();
        (exact, literal, self.kind != Kind::Any)
    }

    /// Whether this is the catch-all `*`, whose scopes are a server's baseline.
    pub(crate) fn is_catch_all(&self) -> bool {
        self.kind == Kind::Any && self.pattern.as_str() == "*"
    }
}

/// What a rule asks of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Every caller whose token is good for this server.
    AnyCaller,
    /// Nobody: no scope cures it.
    Nobody,
    /// All of these scopes, held or implied.
    Scopes(ScopeSet),
}

/// A selector and its demand, named for the record by the selector's own text.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(crate) name: Arc<str>,
    pub(crate) selector: Selector,
    pub(crate) demand: Demand,
}

impl Rule {
    /// Builds a rule from the selector's text and what it demands.
    pub fn new(selector: &str, demand: Demand) -> Result<Self, InvalidSelector> {
        Ok(Self { name: selector.into(), selector: Selector::parse(selector)?, demand })
    }
}
