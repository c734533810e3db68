//! Azure Key Vault, as interop/servers/azure.py plays it and Microsoft's own client fills it.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::Value;

use crate::support::{Cloud, Keepers, Person, everything_that_writers_promise, fingerprint};

/// With the path of its authority's certificate.
struct Azure(Cloud, String);

impl Azure {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        write_certificates(folder.path());
        let cloud = Cloud::start("azure", folder, &["localhost.pem".as_ref(), "localhost.key".as_ref()]);
        let authority = cloud.file(AUTHORITY);
        Self(cloud, authority)
    }

    /// What Microsoft's client saw.
    fn sdk(&self, words: &[&str]) -> Value {
        self.0.sdk(AUTHORITY, words)
    }

    /// A new version, by Microsoft's client.
    fn put(&self, name: &str, value: &str) -> String {
        let seen = self.0.put(AUTHORITY, name, value);
        seen["version"].as_str().expect("a version is text").to_owned()
    }

    fn door(&self, identity: &[(&str, &str)], references: &[(&str, &str)]) -> Keepers {
        Keepers::open(&self.configuration(), references, &self.variables(identity))
    }

    fn configuration(&self) -> String {
        format!("[secrets.azure]\nendpoint = \"{}\"\n", self.0.told("url"))
    }

    fn variables<'v>(&'v self, identity: &[(&'v str, &'v str)]) -> Vec<(&'v str, &'v str)> {
        [identity, &[("AZURE_AUTHORITY_HOST", self.0.told("url")), ("SSL_CERT_FILE", &self.1)]].concat()
    }
}

fn write_certificates(folder: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).expect("no names are good names");
    // Of another name than the server, or OpenSSL takes the server's certificate for its own authority.
    authority.distinguished_name.push(DnType::CommonName, "the authority of a test");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key can be made")).expect("a certificate can be made");
    let key = KeyPair::generate().expect("a key can be made");
    let server = CertificateParams::new(["localhost".to_owned()]).expect("localhost is a good name").signed_by(&key, &authority);
    let files = [
        (AUTHORITY, authority.pem()),
        ("localhost.pem", server.expect("a certificate can be made").pem()),
        ("localhost.key", key.serialize_pem()),
    ];
    for (name, content) in files {
        fs::write(folder.join(name), content).expect("a file can be written");
    }
}

#[test]
fn microsofts_own_client_takes_the_vault_for_one() {
    let azure = Azure::start();
    let version = azure.put("github", "ghp-first");
    let seen = azure.sdk(&["get", "github"]);
    assert_eq!((&seen["version"], &seen["sha256"]), (&Value::from(version), &Value::from(fingerprint("ghp-first"))));
    assert_eq!(azure.sdk(&["get", "nothing"])["error"], "ResourceNotFoundError");
    for name in ["a", "b", "c"] {
        azure.put(name, "x");
    }
    assert_eq!(azure.sdk(&["list"])["names"], serde_json::json!(["a", "b", "c", "github"]));
    assert_eq!(azure.sdk(&["delete", "github"])["removed"], "github");
    assert_eq!(azure.sdk(&["get", "github"])["error"], "ResourceNotFoundError");
    assert_eq!(azure.sdk(&["put", "github", "x"])["error"], "ResourceExistsError");
    assert_eq!(azure.sdk(&["recover", "github"])["version"], seen["version"]);
    assert_eq!(azure.sdk(&["get", "github"])["sha256"], fingerprint("ghp-first"));
}

#[test]
fn a_person_puts_finds_lists_and_moves_secrets() {
    let azure = Azure::start();
    let first = format!("azure-keyvault://team-vault/a/{}", azure.put("a", "x"));
    azure.put("b", "x");
    let configuration = format!("[secrets.keychain]\nstore = \"file\"\n{}", azure.configuration());
    let person = Person::new(&configuration, &azure.variables(&CLIENT_SECRET));
    let (whole, document) = ("azure-keyvault://team-vault/new", "azure-keyvault://team-vault/document");
    let others = ["azure-keyvault://team-vault/a", "azure-keyvault://team-vault/b"];
    everything_that_writers_promise(&person, whole, document, "azure-keyvault://team-vault", &others);
    assert_eq!(azure.sdk(&["get", "new"])["sha256"], fingerprint("grüß Gott"));
    let pinned = person.pipes("x", &["put", &first]);
    assert!(!pinned.success && pinned.stderr.contains("a version never changes"), "{}", pinned.stderr);
    let unnamed = person.types(&["list", "azure-keyvault"]);
    assert!(!unnamed.success && unnamed.stderr.contains("azure-keyvault://VAULT"), "{}", unnamed.stderr);
    let long = person.pipes(&"a".repeat(26 * 1024), &["put", whole]);
    assert!(!long.success && long.stderr.contains("over 25600 bytes"), "{}", long.stderr);
    let removed = person.types(&["migrate", whole, "keychain://moved/new", "--delete"]);
    assert!(removed.stderr.contains("is removed; the vault keeps it as deleted"), "{}", removed.stderr);
}

#[test]
fn a_client_secret_reads_the_newest_version_or_one_by_name() {
    let azure = Azure::start();
    let first = format!("azure-keyvault://team-vault/github/{}", azure.put("github", "ghp-first"));
    azure.put("github", "ghp-second");
    let references =
        [("first", &*first), ("newest", "azure-keyvault://team-vault/github"), ("nothing", "azure-keyvault://team-vault/nothing")];
    let mut door = azure.door(&CLIENT_SECRET, &references);
    door.never_writes("door-client-secret");
    door.has("newest", "ghp-second");
    door.has("first", "ghp-first");
    door.has_none("nothing", "there is no such secret");
    door.close();
}

#[test]
fn a_new_version_comes_when_the_old_one_has_been_kept_long_enough() {
    let azure = Azure::start();
    azure.put("github", "ghp-first");
    let variables = azure.variables(&CLIENT_SECRET);
    let door = Keepers::open_for_each_call(&azure.configuration(), "azure-keyvault://team-vault/github?ttl=1", &variables);
    door.follow("ghp-first", "ghp-second", |value| drop(azure.put("github", value)));
}

#[test]
fn a_workload_identity_goes_before_a_secret_and_a_machine_comes_last() {
    let azure = Azure::start();
    azure.put("github", "ghp-first");
    let references = [("github", "azure-keyvault://team-vault/github")];
    let file = azure.0.file("token");
    fs::write(&file, "federated-token").expect("a file can be written");
    let workload = [TENANT, ("AZURE_CLIENT_ID", "door"), ("AZURE_FEDERATED_TOKEN_FILE", &file), ("AZURE_CLIENT_SECRET", "wrong")];
    let machine = [("IDENTITY_ENDPOINT", azure.0.told("identity")), ("IDENTITY_HEADER", "identity-header")];
    for identity in [&workload[..], &machine[..]] {
        let door = azure.door(identity, &references);
        door.never_writes("federated-token");
        door.has("github", "ghp-first");
        door.close();
    }
}

// The token service and the vault both quote what they were sent; the door does not.
#[test]
fn whoever_may_not_read_gets_nothing_and_is_told_by_the_code() {
    let azure = Azure::start();
    azure.put("github", "ghp-first");
    let wrong = [TENANT, ("AZURE_CLIENT_ID", "door"), ("AZURE_CLIENT_SECRET", "a-secret-that-is-wrong")];
    let stranger = [TENANT, ("AZURE_CLIENT_ID", "stranger"), ("AZURE_CLIENT_SECRET", "stranger-client-secret")];
    let half = [("AZURE_CLIENT_SECRET", "door-client-secret")];
    let expected = [
        (&wrong[..], "the token service of Azure says 7000215 (401)"),
        (&stranger[..], "the vault says Forbidden (403)"),
        (&half[..], "`AZURE_TENANT_ID` and `AZURE_CLIENT_ID` belong to"),
    ];
    for (identity, why) in expected {
        let mut door = azure.door(identity, &[("github", "azure-keyvault://team-vault/github")]);
        door.never_writes(identity.last().expect("the secret is last").1);
        door.has_none("github", why);
        door.close();
    }
}

/// The file of the authority's certificate.
const AUTHORITY: &str = "authority.pem";
/// As interop/servers/azure.py knows it.
const TENANT: (&str, &str) = ("AZURE_TENANT_ID", "11111111-1111-1111-1111-111111111111");
const CLIENT_SECRET: [(&str, &str); 3] = [TENANT, ("AZURE_CLIENT_ID", "door"), ("AZURE_CLIENT_SECRET", "door-client-secret")];
