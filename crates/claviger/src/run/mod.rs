//! How does any program get its secrets? `claviger run`: what the program wants, what it is given, and what happens when a value changes.
//!
//! `variables` reads environment, files and flags; `program` fills in the values; `supervisor` keeps the program; `child` is the running process and `signals` what is
//! passed on to it; `delivery` brings it a new value, through `secrets_file` or `hand_over` where it is not started again; `become_program` is the last step before the
//! program.

pub(crate) mod become_program;
mod child;
pub(crate) mod delivery;
mod hand_over;
pub(crate) mod program;
mod secrets_file;
mod signals;
pub(crate) mod supervisor;
pub(crate) mod variables;
