//! What does the crate promise as a whole? One binary, so that it links once.

#[cfg(test)]
mod attacks;
