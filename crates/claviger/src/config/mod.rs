//! What shall the door do? From files, variables and flags to values that are already valid. Nothing here listens, starts or sends.
//!
//! `file` says what can stand in `claviger.toml`; `read` turns texts into a `tree` that knows every place; `shape` holds them against the schema; `server`, `listen`,
//! `accept` and `numbers` judge one section each; `clients` reads the files of MCP clients; `draft` puts it together and `plan` adds the secrets.

pub(crate) mod accept;
mod builtin;
mod clients;
pub(crate) mod draft;
pub(crate) mod env;
pub(crate) mod env_file;
pub(crate) mod fault;
mod file;
#[cfg(test)]
mod fixture;
mod judge;
pub(crate) mod listen;
mod name;
pub(crate) mod numbers;
pub(crate) mod paired;
pub(crate) mod plan;
mod read;
pub(crate) mod schema;
mod server;
mod shape;
pub(crate) mod tree;
pub(crate) mod units;

pub(crate) use server::is_local;
