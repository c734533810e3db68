//! `env://NAME` and `${NAME}`: the variables that we were started with, handed in by the one place that reads them.

use std::collections::HashMap;

use secrecy::SecretString;

use crate::missing::Cause;
use crate::reference::VariableName;

/// Variables and their values. Nothing is read from the process itself.
#[derive(Default)]
pub struct Environment {
    variables: HashMap<String, SecretString>,
}

impl Environment {
    pub(crate) fn get(&self, name: &VariableName) -> Result<SecretString, Cause> {
        self.variables.get(name.as_str()).cloned().ok_or(Cause::NotSet)
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self { variables: variables.into_iter().map(|(name, value)| (name, value.into())).collect() }
    }
}
