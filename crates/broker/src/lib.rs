//! Where does this credential come from? References, sources, and how values are kept.
//!
//! A configuration holds [`reference::Template`]s, never values. [`resolve::Resolver`] makes a [`credential::Credential`] of one, which releases its text only
//! against a [`policy::Permit`]. [`source`] says where values lie; `slot` keeps one: a single fetch for many waiting calls, the next before its end, the old one a
//! little longer while its place is away; [`history`] knows when it changed last. Tokens of an [`authorization_server`] are kept in the same way; [`callers`] keeps one
//! for each caller, and [`connection`] what each person has let the door have by going through a [`code_flow`].

pub mod account;
mod allowance;
mod assertion;
pub mod authorization_server;
pub mod callers;
pub mod code_flow;
pub mod connection;
pub mod credential;
pub mod history;
pub mod introspector;
pub mod literal;
pub mod login;
mod member;
pub mod missing;
pub mod observer;
mod patient;
pub mod reference;
pub mod resolve;
mod slot;
pub mod source;
mod template;
#[cfg(test)]
mod testing;
mod token_client;
pub mod value;

pub use authorization_server::AuthorizationServer;
pub use callers::PerCaller;
pub use credential::Credential;
pub use missing::Missing;
pub use resolve::Resolver;
pub use slot::{Clock, Habits};
