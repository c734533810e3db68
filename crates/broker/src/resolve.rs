//! How does a template become a secret? Only against a permit, and never as an empty text in place of a missing one.

use std::path::PathBuf;

use policy::Permit;
use secrecy::{ExposeSecret, SecretString};

use crate::cached::{Cached, Clock};
use crate::missing::{Cause, Missing};
use crate::reference::{Reference, Template};
use crate::source::{Environment, Files, OpenFiles, Source, Sources};
use crate::template::Piece;

/// Turns templates into secrets.
pub struct Resolver {
    secrets: Cached<Sources>,
}

impl Resolver {
    /// A resolver for one configuration. `directory` is where relative files start; `clock` tells the Unix time in milliseconds.
    pub fn new(environment: Environment, directory: PathBuf, open_files: OpenFiles, clock: Clock) -> Self {
        let sources = Sources { environment, files: Files::new(directory, open_files) };
        Self { secrets: Cached::new(sources, clock) }
    }

    /// The text with every reference replaced by its value, for a call that `_permit` proves to be allowed.
    pub async fn resolve(&self, template: &Template, _permit: &Permit) -> Result<SecretString, Missing> {
        self.fill(template).await
    }

    /// The values of the references in it, without the text around them: what must be starred out of a log.
    pub async fn secrets_in(&self, template: &Template, _permit: &Permit) -> Result<Vec<SecretString>, Missing> {
        let mut secrets = Vec::new();
        for piece in template.pieces() {
            if !matches!(piece, Piece::Literal(_)) {
                secrets.push(self.value_of(piece).await?);
            }
        }
        Ok(secrets)
    }

    /// The text filled in before there is any call to permit: for what the door itself needs to start, such as its TLS key and its shared secrets.
    /// Nothing that goes upstream is resolved this way.
    pub async fn resolve_for_start(&self, template: &Template) -> Result<SecretString, Missing> {
        self.fill(template).await
    }

    /// Makes the next resolution fetch anew, as after an upstream has refused the credential.
    pub async fn forget(&self, template: &Template) {
        for reference in template.references() {
            self.secrets.forget(&reference).await;
        }
    }

    async fn fill(&self, template: &Template) -> Result<SecretString, Missing> {
        let mut values = Vec::with_capacity(template.pieces().len());
        for piece in template.pieces() {
            values.push(self.value_of(piece).await?);
        }
        // Room for all of it from the start: growing would leave copies behind.
        let mut text = String::with_capacity(values.iter().map(|value| value.expose_secret().len()).sum());
        for value in &values {
            text.push_str(value.expose_secret());
        }
        Ok(SecretString::from(text))
    }

    async fn value_of(&self, piece: &Piece) -> Result<SecretString, Missing> {
        match piece {
            Piece::Inside(reference) | Piece::Whole(reference) => self.secrets.fetch(reference).await,
            Piece::Literal(text) => Ok(SecretString::from(text.as_str())),
            Piece::Variable { name, default } => {
                let outcome = self.secrets.fetch(&Reference::of_variable(name)).await;
                match (outcome, default) {
                    // As in a shell, `:-` stands in for an empty variable too.
                    (Err(Missing { cause: Cause::NotSet | Cause::Empty, .. }), Some(default)) => Ok(SecretString::from(default.as_str())),
                    (outcome, _) => outcome,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
