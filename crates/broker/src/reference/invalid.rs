//! Why is a text no usable reference? Never quotes the text: a misplaced secret may stand there.

use thiserror::Error;

use super::MAX_TTL_SECONDS;
use super::place::MAX_NAME_BYTES;

/// Why a text is no usable reference.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidReference {
    /// Not a name or an ARN of AWS Secrets Manager.
    #[error("write `aws-secretsmanager://NAME`, or the whole ARN: letters, digits and `/_+=.@-`")]
    AwsName,
    /// Not the name of a secret in an Azure Key Vault.
    #[error("write `azure-keyvault://VAULT/NAME`, with the vault's bare name and perhaps `/VERSION`")]
    AzureName,
    /// No program, or a quote that is not closed.
    #[error("write `command://PROGRAM ARGUMENT…`; quotes must be closed, and `?` and `#` in an argument be quoted")]
    CommandShape,
    /// `${NAME:-default}` in a place for a secret.
    #[error("a secret has no default: write `${{NAME}}`")]
    DefaultForSecret,
    /// Nothing after `#`.
    #[error("the name of a JSON member must follow `#`")]
    EmptyField,
    /// A secret of Vault is an object.
    #[error("say which field: `vault://MOUNT/PATH#FIELD`")]
    FieldMissing,
    /// A scheme of another program's, which knows best how to ask.
    #[error("`{scheme}://` references are read by their own program: `{instead}`")]
    Foreign {
        /// The scheme.
        scheme: &'static str,
        /// What to write.
        instead: &'static str,
    },
    /// Not the name of a secret in Google Secret Manager.
    #[error("write `gcp-secretmanager://PROJECT/NAME`, perhaps with `/VERSION`")]
    GcpName,
    /// Not the name of an item of a keychain.
    #[error("write `keychain://SERVICE` or `keychain://SERVICE/ACCOUNT`, at most {MAX_NAME_BYTES} bytes each")]
    KeychainName,
    /// `${` inside the default of a `${NAME:-default}`.
    #[error("a default cannot hold another `${{`")]
    NestedDefault,
    /// A whole text that should be a reference has no known scheme.
    #[error("a reference begins with its scheme, such as `env://`, `file://`, `keychain://`, `vault://` or `aws-secretsmanager://`")]
    NoScheme,
    /// What follows `?` is not `key=value`.
    #[error("options are written `?key=value&key=value`")]
    OptionShape,
    /// An option has a value that it cannot have.
    #[error("the value of the option `{option}` is not one that it can have")]
    OptionValue {
        /// Which option.
        option: &'static str,
    },
    /// A file reference that is neither `file:///path` nor `file://./path`.
    #[error("write `file:///path/to/file`, or `file://./file` for one beside the configuration")]
    PathShape,
    /// An option stands there twice.
    #[error("an option may be written once")]
    RepeatedOption,
    /// `ttl` is not a number of seconds from 1 to 3600.
    #[error("`ttl` is a whole number of seconds from 1 to {MAX_TTL_SECONDS}")]
    Ttl,
    /// Both a version and a stage.
    #[error("write `version-id` or `version-stage`, not both")]
    TwoVersions,
    /// `${` without `}`.
    #[error("`${{` has no `}}`; write `$${{` for a literal `${{`")]
    Unclosed,
    /// An option that this kind of reference does not have.
    #[error(
        "this kind of reference has no such option; all have `ttl`, `vault` has `version`, `aws-secretsmanager` has `region`, `version-id` and `version-stage`"
    )]
    UnknownOption,
    /// Not the name of a variable.
    #[error("the name of a variable is a letter or `_`, then letters, digits and `_`, at most {MAX_NAME_BYTES} bytes")]
    VariableName,
    /// Not a path of Vault.
    #[error("write `vault://MOUNT/PATH#FIELD`, as the `vault` command takes it, without `data/`")]
    VaultPath,
}

/// What to say about the scheme of another tool. An error is better than sending such a text upstream as if it were the secret.
pub(super) fn foreign(scheme: &str) -> Option<InvalidReference> {
    FOREIGN.iter().find(|(known, _)| *known == scheme).map(|(scheme, instead)| InvalidReference::Foreign { scheme, instead })
}

const FOREIGN: [(&str, &str); 10] = [
    ("aws-ssm", "command://aws ssm get-parameter --with-decryption --query Parameter.Value --output text --name NAME"),
    ("awssm", "aws-secretsmanager://NAME"),
    ("akv", "azure-keyvault://VAULT/NAME"),
    ("bws", "command://bws secret get ID --output json#value"),
    ("doppler", "command://doppler secrets get NAME --plain"),
    ("infisical", "command://infisical secrets get NAME --plain"),
    ("keyring", "keychain://SERVICE/ACCOUNT"),
    ("openbao", "vault://MOUNT/PATH#FIELD"),
    ("op", "command://op read 'op://VAULT/ITEM/FIELD'"),
    ("pass", "command://pass show NAME"),
];
