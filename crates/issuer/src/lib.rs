//! Who signs tokens when there is no identity provider? The built-in authorization server and its pages: OAuth 2.1 for MCP clients.
//!
//! [`Server`] takes whole requests and gives whole answers: it opens no socket. The door has no back way to it: its tokens are verified like anybody's.

pub mod accounts;
mod authorize;
mod browser;
mod client;
mod client_authentication;
mod code;
pub mod config;
mod device;
mod document;
pub mod federation;
mod fetched;
mod grant;
mod grants;
mod introspect;
mod keys;
mod metadata;
mod once;
mod others_keys;
mod paths;
mod proof;
mod refusal;
mod register;
mod revoke;
mod server;
mod shelf;
mod throttle;
mod token_endpoint;
mod views;

pub use client::Registered;
pub use grant::{Grant, Person};
pub use refusal::Failure;
pub use server::{Ended, Parts, Server};
