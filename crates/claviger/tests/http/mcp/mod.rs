//! `/mcp/<name>`: what each HTTP method does there.

mod delete;
mod get;
mod listen;
mod options;
mod post;
mod talk_back;
