//! What is a secret called in a store? After the server that it is for and the variable that held it, so that the same fix gives the same name again.

use zeroize::Zeroizing;

use crate::cli::StoreChoice;
use crate::voice::{Exit, Report};

/// The names of one run.
pub(super) struct Names {
    store: StoreChoice,
    below: Option<String>,
    taken: Vec<(String, Zeroizing<String>)>,
}

impl Names {
    pub(super) fn new(store: StoreChoice, below: Option<&str>) -> Self {
        Self { store, below: below.map(str::to_owned), taken: Vec::new() }
    }

    /// The reference for a value, as far as this run knows: the one that the same value has already, for there is one secret then.
    pub(super) fn free(&mut self, owner: &str, name: &str, value: &str) -> Result<String, Report> {
        if let Some(known) = self.known(value) {
            return Ok(known);
        }
        let reference = self.candidates(owner, name).find(|reference| !self.is_taken(reference));
        let reference = reference.ok_or_else(|| Report::new(Exit::Failure, "there is no free name for a secret"))?;
        self.take(&reference, value);
        Ok(reference)
    }

    /// The reference that this value was given.
    pub(super) fn known(&self, value: &str) -> Option<String> {
        self.taken.iter().find(|(_, known)| known.as_str() == value).map(|(reference, _)| reference.clone())
    }

    pub(super) fn is_taken(&self, reference: &str) -> bool {
        self.taken.iter().any(|(known, _)| known == reference)
    }

    pub(super) fn take(&mut self, reference: &str, value: &str) {
        self.taken.push((reference.to_owned(), Zeroizing::new(value.to_owned())));
    }

    /// The names that would do, the best first.
    pub(super) fn candidates(&self, owner: &str, name: &str) -> impl Iterator<Item = String> + use<> {
        let (store, below) = (self.store, self.below.clone());
        let (owner, name) = (part(owner, "-_."), part(name, "-_"));
        (1..=MOST).map(move |number| {
            let name = if number == 1 { name.clone() } else { format!("{name}-{number}") };
            let below = |usual: &str| below.as_deref().unwrap_or(usual).trim_matches('/').to_owned();
            match store {
                StoreChoice::AwsSecretsmanager => format!("aws-secretsmanager://{}/{owner}/{name}", below("mcp")),
                StoreChoice::AzureKeyvault => {
                    let plain = format!("mcp-{owner}-{name}").replace(['_', '.'], "-");
                    format!("azure-keyvault://{}/{plain}", below(""))
                }
                StoreChoice::File | StoreChoice::Keychain => format!("keychain://{}/{owner}/{name}", below("mcp")),
                StoreChoice::Vault => format!("vault://{}/{owner}#{name}", below("secret/mcp")),
            }
        })
    }
}

/// What every store takes as part of a name.
fn part(text: &str, more: &str) -> String {
    let plain = |character: char| if character.is_ascii_alphanumeric() || more.contains(character) { character } else { '-' };
    let part: String = text.chars().map(plain).take(LONGEST).collect();
    let part = part.trim_matches(['-', '.']);
    if part.is_empty() { "secret".to_owned() } else { part.to_owned() }
}

/// Names of one kind, and characters of one part.
const MOST: usize = 100;
const LONGEST: usize = 50;

#[cfg(test)]
mod tests {
    use broker::reference::Reference;

    use super::Names;
    use crate::cli::StoreChoice;

    #[test]
    fn every_store_takes_the_names_and_no_two_values_share_one() {
        let all =
            [StoreChoice::AwsSecretsmanager, StoreChoice::AzureKeyvault, StoreChoice::File, StoreChoice::Keychain, StoreChoice::Vault];
        for store in all {
            let mut names = Names::new(store, (store == StoreChoice::AzureKeyvault).then_some("team-vault"));
            let owners = ["github.com/supabase-community/supabase-mcp", "@21st-dev/magic", "..", "käse ", "", &"x".repeat(500)];
            for (number, owner) in owners.iter().enumerate() {
                let first = names.free(owner, "API_KEY", &format!("one {number}")).unwrap();
                let second = names.free(owner, "API_KEY", &format!("other {number}")).unwrap();
                first.parse::<Reference>().unwrap();
                second.parse::<Reference>().unwrap();
                assert_ne!(first, second);
                assert_eq!(names.free("elsewhere", "TOKEN", &format!("one {number}")).unwrap(), first);
            }
        }
    }
}
