//! What can stand under `[secrets]`? Whom the door asks for what references name, and who looks after it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// Where the secrets lie that references name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Secrets {
    /// AWS Secrets Manager, for `aws-secretsmanager://NAME`.
    pub(crate) aws: AwsSecrets,
    /// Azure Key Vault, for `azure-keyvault://VAULT/NAME`.
    pub(crate) azure: AzureSecrets,
    /// Google Secret Manager, for `gcp-secretmanager://PROJECT/NAME`.
    pub(crate) gcp: GcpSecrets,
    /// Who renews a secret, how often, and when the present one was issued, for each reference.
    pub(crate) inventory: Inventory,
    /// The keychain behind `keychain://SERVICE/ACCOUNT`.
    pub(crate) keychain: Keychain,
    /// HashiCorp Vault or OpenBao, for `vault://MOUNT/PATH#FIELD`.
    pub(crate) vault: Option<Vault>,
    /// A reference to the secret of those who may have secrets fetched anew: `POST /secrets/rotate` on the admin listener, with it as bearer token.
    pub(crate) webhook: Option<String>,
}

/// By reference.
pub(crate) type Inventory = BTreeMap<String, InventoryItem>;

/// A secret that somebody looks after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct InventoryItem {
    /// Who renews it, such as a mail address.
    pub(crate) owner: Option<String>,
    /// How often: `monthly`, `quarterly`, `yearly`, or days such as `45d`.
    pub(crate) rotate: Option<String>,
    /// When the present one was issued, such as `2026-09-01`. Default: when the door saw it change.
    pub(crate) issued: Option<String>,
    /// The program that makes a new key and prints it, for `claviger secrets rotate --guide`. Default: a person makes it.
    pub(crate) create: Option<Vec<String>>,
    /// The program that tries a new key, which is in its variable `CLAVIGER_NEW_KEY`, and ends with 0 if it is good. Default: it is not tried.
    pub(crate) test: Option<Vec<String>>,
    /// The program that revokes an old key, which is in its variable `CLAVIGER_OLD_KEY`, and ends with 0 when that is done. Default: a person does it, and says so.
    pub(crate) revoke: Option<Vec<String>>,
    /// For how long the old key stays good beside the new one, such as `24h` or `7d`. Default: `24h`.
    pub(crate) overlap: Option<String>,
}

/// AWS Secrets Manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AwsSecrets {
    /// The region of references that name none, such as `eu-central-1`. Default: what the environment or the profile says.
    pub(crate) region: Option<String>,
    /// The URL of Secrets Manager. Default: the region's own.
    pub(crate) endpoint: Option<String>,
    /// The profile in AWS's own configuration files. Default: what `AWS_PROFILE` says.
    pub(crate) profile: Option<String>,
}

/// Azure Key Vault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AzureSecrets {
    /// The domain of vaults, such as `vault.usgovcloudapi.net`. Default: `vault.azure.net`.
    pub(crate) suffix: Option<String>,
    /// One URL for all vaults, in place of `https://VAULT.SUFFIX`.
    pub(crate) endpoint: Option<String>,
}

/// Google Secret Manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GcpSecrets {
    /// The URL of Secret Manager, such as that of a region. Default: `https://secretmanager.googleapis.com`.
    pub(crate) endpoint: Option<String>,
    /// The file of credentials; paths start at this file's folder. Default: what `GOOGLE_APPLICATION_CREDENTIALS` names, else the machine's own identity.
    pub(crate) credentials: Option<String>,
}

/// The keychain behind `keychain://SERVICE/ACCOUNT`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Keychain {
    /// Which keychain. Default: the system's own, which on Linux is the Secret Service. No other takes its place when it cannot be used.
    pub(crate) store: Option<KeychainStore>,
}

/// The keychains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KeychainStore {
    /// `keychain.json` in the state folder, sealed with the instance key: for machines without a keychain.
    File,
    /// The kernel's session keyring of Linux, which forgets when the machine is started again.
    Keyutils,
    /// The Secret Service of a Linux desktop: GNOME Keyring, KWallet, KeePassXC.
    SecretService,
}

/// HashiCorp Vault or OpenBao.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Vault {
    /// The address, such as `https://vault.example.com:8200`. Default: `BAO_ADDR`, else `VAULT_ADDR`.
    pub(crate) address: Option<String>,
    /// The namespace. Default: `BAO_NAMESPACE`, else `VAULT_NAMESPACE`.
    pub(crate) namespace: Option<String>,
    /// A PEM file of certificates to trust besides the system's. Paths start at this file's folder. Default: `BAO_CACERT`, else `VAULT_CACERT`.
    pub(crate) ca: Option<String>,
    /// How the door logs in. Default: with the token in `BAO_TOKEN`, else `VAULT_TOKEN`, else `~/.vault-token`.
    pub(crate) auth: Option<VaultAuth>,
    /// What makes the secrets of a mount, where the door may not ask: `kv1`, `kv2` or `dynamic` for each, such as `"team/kv" = "kv2"`.
    pub(crate) engines: BTreeMap<String, VaultEngine>,
}

/// How the door logs in to Vault: one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct VaultAuth {
    /// A reference to a token, such as `file:///run/secrets/vault-token`.
    pub(crate) token: Option<String>,
    /// A role id and a secret id.
    pub(crate) approle: Option<VaultAppRole>,
    /// The token of the pod's service account.
    pub(crate) kubernetes: Option<VaultJwt>,
    /// A JWT.
    pub(crate) jwt: Option<VaultJwt>,
}

/// The login by AppRole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct VaultAppRole {
    /// Where the method is mounted. Default: `approle`.
    pub(crate) mount: Option<String>,
    /// The role id, or a reference to it.
    pub(crate) role_id: Option<String>,
    /// A reference to the secret id. Without it the role must not ask for one.
    pub(crate) secret_id: Option<String>,
    /// Whether `secret_id` leads to a wrapping token, which holds the secret id and is good once. Default: false.
    pub(crate) wrapped: bool,
}

/// The login by a JWT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct VaultJwt {
    /// Where the method is mounted. Default: `kubernetes` or `jwt`.
    pub(crate) mount: Option<String>,
    /// The role. Default: the one that the method has for everybody; with `kubernetes` it must be named.
    pub(crate) role: Option<String>,
    /// A reference to the JWT. Default with `kubernetes`: `file:///var/run/secrets/kubernetes.io/serviceaccount/token`.
    pub(crate) jwt: Option<String>,
}

/// What makes the secrets of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VaultEngine {
    /// A credential is made for each question, and lent for a time.
    Dynamic,
    /// What was written is kept, without versions.
    Kv1,
    /// What was written is kept, in versions.
    Kv2,
}
