//! Who comes to the door from the Rust SDK? rmcp's client, in either era, told to use everything that a server has.

mod features;
mod handler;
mod http;

pub use features::{ClientEra, Settings, use_everything};
