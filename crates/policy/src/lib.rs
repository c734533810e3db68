//! May this caller do this, and how often?
//!
//! Pure: data in, a decision out; no clock, no network. The gateway asks and enforces.
//! [`RuleSet::decide`] is the only maker of a [`Permit`] for a caller, and the credential broker releases
//! nothing without one, so a forgotten check does not compile. A person on their own machine has [`Permit::by_local_user`].

mod action;
mod caller;
mod decide;
mod pattern;
mod permit;
pub mod quota;
mod rule;
mod ruleset;

pub use action::Action;
pub use caller::Caller;
pub use decide::Refusal;
pub use pattern::Pattern;
pub use permit::Permit;
pub use rule::{Demand, InvalidSelector, Rule, Selector};
pub use ruleset::{Implications, RuleSet};
