//! Who blames which setting? Remembers what the settings were read from, so that a fault is placed by the setting's path alone.

use super::fault::{Fault, Faults};
use super::tree::{Node, Path};
use crate::voice;

/// Collects the faults of settings that came from one tree, or from the command line.
pub(crate) struct Judge<'j> {
    /// What the settings were read from; `None`: the command line.
    root: Option<&'j Node>,
    faults: &'j mut Faults,
}

impl<'j> Judge<'j> {
    /// For settings of that tree; `None`: of the command line.
    pub(crate) fn new(root: Option<&'j Node>, faults: &'j mut Faults) -> Self {
        Self { root, faults }
    }

    /// The value at the path is wrong.
    pub(crate) fn blame(&mut self, path: &Path, what: impl std::fmt::Display) {
        self.faults.push(self.fault(path, what));
    }

    /// The value at the path is wrong, and so it is mended.
    pub(crate) fn blame_with_hint(&mut self, path: &Path, what: impl std::fmt::Display, hint: impl Into<String>) {
        self.faults.push(self.fault(path, what).hint(hint));
    }

    /// The value at the path is wrong and may be a secret: it is not shown.
    pub(crate) fn blame_secret(&mut self, path: &Path, what: impl std::fmt::Display, hint: impl Into<String>) {
        self.faults.push(self.fault(path, what).hint(hint).hide_value());
    }

    /// A remark on the value at the path, which is no fault.
    pub(crate) fn remark(&self, path: &Path, what: impl std::fmt::Display) -> Fault {
        self.fault(path, what)
    }

    /// The name at the path's end is wrong.
    pub(crate) fn blame_key(&mut self, path: &Path, what: impl std::fmt::Display) {
        let fault = match self.root {
            Some(root) => Fault::at(root.place_of_key(path), path, what),
            None => Fault::outside(format!("`{path}`: {what}")),
        };
        self.faults.push(fault);
    }

    /// How many faults there are so far.
    pub(crate) fn count(&self) -> usize {
        self.faults.count()
    }

    /// The good value, or a fault at the path with everything that caused it.
    pub(crate) fn accept<T, E: std::error::Error>(&mut self, path: &Path, result: Result<T, E>) -> Option<T> {
        self.accept_or_mend(path, result, |_| None)
    }

    /// The same, with the mend where one is known.
    pub(crate) fn accept_or_mend<T, E: std::error::Error>(
        &mut self,
        path: &Path,
        result: Result<T, E>,
        mend: impl FnOnce(&E) -> Option<String>,
    ) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let text: Vec<String> = causes.map(|cause| voice::plain(&cause.to_string())).collect();
        match mend(&error) {
            Some(mend) => self.blame_with_hint(path, text.join(": "), mend),
            None => self.blame(path, text.join(": ")),
        }
        None
    }

    fn fault(&self, path: &Path, what: impl std::fmt::Display) -> Fault {
        match self.root {
            Some(root) => Fault::at(root.place_of(path), path, what),
            None => Fault::outside(format!("`{path}`: {what}")),
        }
    }
}
