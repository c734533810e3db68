//! `env://NAME` and `${NAME}`: the variables that we were started with, handed in by the one place that reads them.

use std::collections::HashMap;

use secrecy::{ExposeSecret, SecretString};

use crate::missing::Cause;
use crate::reference::Place;
use crate::source::{Fetched, Fetching, Provider};

/// Variables and their values. Nothing is read from the process itself.
#[derive(Default)]
pub struct Environment {
    variables: HashMap<String, SecretString>,
}

impl Environment {
    /// The value of a variable that a source needs for itself, such as the address of its server.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(ExposeSecret::expose_secret)
    }

    /// All of them.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.expose_secret()))
    }
}

impl Provider for Environment {
    fn fetch<'a>(&'a self, place: &'a Place) -> Fetching<'a> {
        Box::pin(async move {
            let Place::Variable(name) = place else { return Err(Cause::NotInThisBuild) };
            self.variable(name.as_str()).ok_or(Cause::NotSet).and_then(Fetched::plain)
        })
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self { variables: variables.into_iter().map(|(name, value)| (name, value.into())).collect() }
    }
}
