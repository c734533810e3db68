//! Where does this credential come from? References, sources and their resolution.
//!
//! A configuration holds [`reference::Template`]s, never values. [`resolve::Resolver`] turns one into a secret, and only against a
//! [`policy::Permit`]; [`source`] says where values lie; [`cached`] keeps them for a bounded time, with one fetch for many waiting calls.

pub mod cached;
pub mod literal;
pub mod missing;
pub mod reference;
pub mod resolve;
pub mod source;
mod template;

pub use missing::Missing;
pub use resolve::Resolver;
