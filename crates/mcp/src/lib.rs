//! What does MCP say? Envelope, headers, versions, eras, event streams.
//!
//! A proxy that reads a message otherwise than the server behind it can be made to check one thing and pass on
//! another. So this crate reads strictly, borrows everything, and rewrites only by splicing bytes. It does no I/O.

pub mod depth;
pub mod discover;
pub mod envelope;
pub mod era;
pub mod error_code;
pub mod header;
pub mod input;
pub mod list;
pub mod method;
pub mod param_header;
pub mod raw;
pub mod rename;
pub mod splice;
pub mod sse;
pub mod version;
pub mod wire_error;

#[cfg(test)]
mod arbitrary;
mod entries;
mod lookalike;
mod members;
mod strict;
