//! What would other programs make of the same bytes? Readers written apart from ours and less strict, for the targets to
//! compare us with.

pub mod careless;
pub mod documents;
pub mod form;
pub mod stream;
pub mod tokens;
