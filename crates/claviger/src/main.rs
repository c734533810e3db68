//! The key-keeper at the door of MCP servers.

fn main() {}
