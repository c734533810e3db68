//! Who is told what becomes of credentials? Names and versions, never values.

use crate::missing::Missing;

/// A credential has a new value.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// Its name: a reference as it was written, or the name of a token.
    pub credential: &'a str,
    /// What its place called the value before, where it counts versions.
    pub version_before: Option<&'a str>,
    /// What it calls the new one.
    pub version: Option<&'a str>,
}

/// Is told of every fetch and its outcome, on the way of the call that waits: must be quick and must not wait.
pub trait Observer: Send + Sync {
    /// A kept value was used.
    fn used(&self, credential: &str) {
        let _ = credential;
    }

    /// A value beyond its age was used, because its place is away.
    fn used_in_grace(&self, credential: &str) {
        let _ = credential;
    }

    /// A value was fetched, a new one or the same.
    fn fetched(&self, credential: &str) {
        let _ = credential;
    }

    /// The value that was fetched is another than the one before.
    fn rotated(&self, rotation: &Rotation<'_>) {
        let _ = rotation;
    }

    /// A fetch gave nothing, for so many times in a row.
    fn missing(&self, missing: &Missing, in_a_row: u32) {
        let _ = (missing, in_a_row);
    }

    /// A credential that was missing is there again.
    fn recovered(&self, credential: &str) {
        let _ = credential;
    }
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
