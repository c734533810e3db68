//! What shall the door do? From files, variables and flags to values that are already valid. Nothing here listens, starts or sends.
//!
//! `file` says what can stand in `claviger.toml`; `read` turns texts into a `tree` that knows every place; `shape` holds them against the schema; `server`,
//! `credential`, `listen`, `accept`, `networks`, `secrets`, `store` and `numbers` judge one section each; `variables` says what a table of variables means, and `paired` which of them are pairs; `people` says how browsers show who sits at them; `merge` and `mount` say where servers answer but at their own paths; `clients` reads the files of MCP clients; `draft`
//! puts it together and `plan` adds the secrets. `fixed` knows what of it a reload leaves as it is.

pub(crate) mod accept;
mod builtin;
pub(crate) mod clients;
mod credential;
pub(crate) mod draft;
pub(crate) mod env;
pub(crate) mod env_file;
pub(crate) mod fault;
pub(crate) mod federation;
pub(crate) mod file;
pub(crate) mod fixed;
#[cfg(test)]
mod fixture;
pub(crate) mod inventory;
pub(crate) mod issuer;
mod judge;
pub(crate) mod listen;
mod merge;
mod mount;
pub(crate) mod name;
mod networks;
pub(crate) mod numbers;
pub(crate) mod paired;
mod people;
pub(crate) mod plan;
pub(crate) mod read;
mod scan;
pub(crate) mod schema;
pub(crate) mod secrets;
mod server;
mod shape;
pub(crate) mod store;
pub(crate) mod tree;
pub(crate) mod units;
mod variables;

pub(crate) use server::is_local;
