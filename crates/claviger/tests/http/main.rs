//! The resource-server suite: the real binary as a process, before our own fixture, asked over raw HTTP.
//!
//! The modules follow the URL space and the questions that one asks of a door; `support` is the door in three words.

#[cfg(test)]
mod mcp;
#[cfg(test)]
mod support;
