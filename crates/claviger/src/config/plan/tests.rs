use gateway::config::{Accept, TokenSource};
use store::seal::Origin;
use token::mint::{MintRequest, Minter};
use token::{KeySet, Presented, Trust, Unverified};

use super::super::fixture::Folder;
use super::minting_secret;

const TWO: &str = "[servers.git]\nurl = \"http://127.0.0.1:1/mcp\"\n[servers.files]\nurl = \"http://127.0.0.1:2/mcp\"\n";

#[test]
fn a_minted_token_is_good_for_its_server_and_for_no_other() {
    let folder = Folder::with(&[("claviger.toml", TWO)]);
    let plan = folder.plan(&["--state", "state"]).unwrap();
    assert!(plan.accepts_minted);
    assert_eq!(plan.instance_key.1, Origin::Created);
    let Accept::Tokens(sources) = plan.gateway.accept else { panic!("bypass") };
    let again = folder.plan(&["--state", "state"]).unwrap();
    assert_eq!(again.instance_key.1, Origin::Loaded);

    let secret = minting_secret(&again.instance_key.0, "git").unwrap();
    let token = Minter::shared_secret(&secret).mint(&MintRequest::new("git", "ann", 60), 1_800_000_000).unwrap();
    let unverified = Unverified::parse(&token).unwrap();
    for source in sources {
        let TokenSource::SharedSecret { secrets, server, .. } = source else { panic!("an issuer") };
        let trust = Trust::new(None, vec!["git".to_owned()]);
        let verified = token::verify(&unverified, &trust, &KeySet::shared_secrets(secrets), Presented::AsBearer, 1_800_000_001);
        assert_eq!(verified.is_ok(), server.as_str() == "git", "{server}");
    }
}

#[test]
fn secrets_are_fetched_and_every_bad_one_is_blamed() {
    let accept = "[[accept]]\nshared_secret = [\"env://GOOD\", \"env://MISSING\", \"env://SHORT\"]\nserver = \"git\"\n[[accept]]\nshared_secret = \"file://./secret\"\nserver = \"files\"\n";
    let good = "0123456789abcdef0123456789abcdef";
    let folder = Folder::with(&[("claviger.toml", &format!("{accept}{TWO}")), ("secret", &format!("{good}\n"))])
        .variable("GOOD", good)
        .variable("SHORT", "hunter2hunter2");
    let text = folder.plan(&["--state", "state"]).err().unwrap();
    for expected in [
        "claviger.toml:2:32: error: `accept[0].shared_secret[1]`: `env://MISSING` gives no credential: ",
        "hint: set `MISSING` where `claviger` is started; or type `claviger secrets put keychain://claviger/MISSING`",
        "claviger.toml:2:49: error: `accept[0].shared_secret[2]`: the secret has 14 bytes",
        "claviger.toml:5:17: error: `accept[1].shared_secret`: the server `git` has the same secret",
        "error: 3 faults in the configuration",
    ] {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
    assert!(!text.contains(good) && !text.contains("hunter2"), "{text}");
    assert!(!folder.path().join("state").exists(), "a wrong configuration makes nothing");
}

#[test]
fn what_a_vault_lacks_to_be_asked_is_said() {
    let accept = "[[accept]]\nshared_secret = \"vault://kv/door#key\"\nserver = \"git\"\n[[accept]]\nissuer = \"https://idp.example\"\n";
    let text = Folder::with(&[("claviger.toml", &format!("{accept}{TWO}"))]).plan(&["--state", "state"]).err().unwrap();
    assert!(text.contains("it is not said how to ask there: write `[secrets.vault]` with `address` and `auth`"), "{text}");
}

#[test]
fn a_key_that_others_can_read_is_refused_with_its_mend() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::with(&[("state/instance.key", &"k".repeat(32))]);
    let key = folder.path().join("state/instance.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let text = folder.plan(&["--demo", "--state", "state"]).err().unwrap();
    assert!(text.contains("chmod 600"), "{text}");
}

#[test]
fn the_bypass_lets_everybody_in() {
    let folder = Folder::with(&[]).variable("CLAVIGER_DEV_BYPASS", "1");
    let plan = folder.plan(&["--demo", "--state", "state"]).unwrap();
    assert!(matches!(plan.gateway.accept, Accept::Bypass) && !plan.accepts_minted);
}
