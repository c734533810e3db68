//! How does a message travel? Fronts, layers, sessions, backs.
//!
//! Start reading at `stack`: the layers of a request, in order. `door` is what lives as long as the process, `table` what a reload
//! swaps, `forge` what makes it of a configuration, `layers::rescue` the one table from refusals to HTTP.

pub mod annex;
pub mod attention;
pub mod back;
mod body;
pub mod clock;
pub mod config;
mod connect;
mod door;
mod era;
mod exchange;
mod forge;
pub mod front;
mod introspections;
mod issuer_keys;
mod layers;
mod lists;
mod logins;
mod merge;
pub mod metrics;
mod principal;
mod refusal;
mod relay;
mod routes;
mod stack;
mod table;
mod tasks;
mod told;
mod underway;
mod wire;

pub use connect::{Incomplete, NotSignedIn, SignIn, SignedIn};
pub use door::{Door, Parts, Readiness};
pub use forge::BuildError;
pub use principal::PrincipalKey;
