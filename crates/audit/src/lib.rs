//! What happened, provably? Records, their chain, the writer, verification, retention.
//!
//! [`sink::Auditor`] appends one JSON line for each call ([`record::CallRecord`]) and for each event of
//! the door's life ([`event::Event`]). Every line carries the hash of the one before it, so that
//! [`verify::verify`] finds whatever was cut, changed, inserted or reordered. [`query`] reads.
//! The line format is an interface, described in `docs/reference/audit.md`.

mod chain;
pub mod event;
mod files;
pub mod fingerprint;
mod head;
mod hex;
mod line;
pub mod query;
pub mod record;
pub mod sink;
#[cfg(test)]
mod testing;
pub mod verify;

pub use chain::{Hash, NotAHash};
pub use head::HeadKey;
