//! What keeps a page that people see theirs? Headers, cookies, languages, and one look.
//!
//! Whoever shows pages renders a template that extends `layout.html` of this crate, and answers with [`page`].

pub mod cookie;
pub mod language;
mod page;
pub mod phrase;

pub use page::{STYLE, bare, leave, page, redirect};
