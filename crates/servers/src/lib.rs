//! What stands behind the door on a bare machine? Small, safe MCP servers.
//!
//! Each speaks both eras of the protocol on any byte stream and is confined to what it was given.

mod era;
#[cfg(unix)]
pub mod filesystem;
