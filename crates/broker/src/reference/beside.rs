//! Where does another value of a secret lie for a while? Beside it, in a place of the same kind, under the same name with a word behind it: a key that is not in use
//! yet, or not any more.

use super::{AwsSecret, AzureSecret, GcpSecret, KeychainItem, Place, Reference, VaultSecret};

/// Which other value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The one that is to take the place.
    Next,
    /// The one whose place was taken.
    Previous,
}

impl Beside {
    /// The word behind the name.
    fn word(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Previous => "previous",
        }
    }
}

impl Reference {
    /// The reference to another value of this secret. A member of a document has it in the same document. `None`: nobody writes there, or only what was there already
    /// (a version, an ARN).
    pub fn beside(&self, which: Beside) -> Option<Self> {
        let word = which.word();
        let is_pinned = match &self.place {
            Place::Aws(AwsSecret { version, id, .. }) => version.is_some() || id.starts_with("arn:"),
            Place::Azure(AzureSecret { version, .. }) | Place::Gcp(GcpSecret { version, .. }) => version.is_some(),
            Place::Vault(VaultSecret { version, .. }) => version.is_some(),
            Place::Command(_) | Place::Variable(_) => true,
            Place::File(_) | Place::Keychain(_) => false,
        };
        if is_pinned {
            return None;
        }
        if let Some(field) = &self.field {
            return format!("{}#{field}.{word}", self.place_name()).parse().ok();
        }
        let written = match &self.place {
            Place::Aws(AwsSecret { id, region: Some(region), .. }) => format!("aws-secretsmanager://{id}.{word}?region={region}"),
            Place::Aws(AwsSecret { id, .. }) => format!("aws-secretsmanager://{id}.{word}"),
            Place::Azure(AzureSecret { vault, name, .. }) => format!("azure-keyvault://{vault}/{name}-{word}"),
            Place::File(path) => format!("file://{}.{word}", path.as_str()),
            Place::Gcp(GcpSecret { project, name, .. }) => format!("gcp-secretmanager://{project}/{name}-{word}"),
            // A second account would make the service's name alone mean two items.
            Place::Keychain(KeychainItem { service, account }) => {
                format!("keychain://{service}.{word}/{}", account.as_deref().unwrap_or("key"))
            }
            Place::Command(_) | Place::Variable(_) | Place::Vault(_) => return None,
        };
        written.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_that_is_written_to_has_a_name_beside() {
        for (reference, beside) in [
            ("vault://secret/db#password", "vault://secret/db#password.next"),
            ("file://./db.json?ttl=5#a.b", "file://./db.json#a.b.next"),
            ("file:///run/key", "file:///run/key.next"),
            ("keychain://claviger/git/hub", "keychain://claviger.next/git/hub"),
            ("keychain://claviger", "keychain://claviger.next/key"),
            ("aws-secretsmanager://mcp/github", "aws-secretsmanager://mcp/github.next"),
            ("aws-secretsmanager://mcp/github?region=eu-west-1", "aws-secretsmanager://mcp/github.next?region=eu-west-1"),
            ("aws-secretsmanager://mcp/db?region=eu-west-1#password", "aws-secretsmanager://mcp/db?region=eu-west-1#password.next"),
            ("azure-keyvault://team-vault/github", "azure-keyvault://team-vault/github-next"),
            ("gcp-secretmanager://p/github", "gcp-secretmanager://p/github-next"),
        ] {
            let found = reference.parse::<Reference>().unwrap().beside(Beside::Next).map(|reference| reference.to_string());
            assert_eq!(found.as_deref(), Some(beside), "{reference}");
        }
    }

    #[test]
    fn what_is_not_written_to_has_none() {
        for reference in [
            "env://KEY",
            "command://key",
            "vault://secret/db?version=1#password",
            "aws-secretsmanager://mcp/github?version-stage=AWSPREVIOUS",
            "aws-secretsmanager://arn:aws:secretsmanager:eu-central-1:1:secret:mcp/github-AbCdEf",
            "azure-keyvault://team-vault/github/0123456789abcdef0123456789abcdef",
            "gcp-secretmanager://p/github/3",
        ] {
            assert_eq!(reference.parse::<Reference>().unwrap().beside(Beside::Previous), None, "{reference}");
        }
    }
}
