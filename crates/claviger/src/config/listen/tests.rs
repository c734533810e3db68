use super::super::fixture::Folder;
use super::EnvironmentName;

fn errors(file: &str, flags: &[&str]) -> Vec<String> {
    let file = format!("{file}\n[servers.a]\nurl = \"http://127.0.0.1:1/mcp\"\n");
    let folder = Folder::with(&[("claviger.toml", &file), ("tls.crt", "x"), ("tls.key", "x")]);
    let mut errors = folder.errors(flags);
    // The last line only counts.
    errors.pop();
    errors
}

#[test]
fn without_a_word_the_door_listens_on_loopback() {
    let draft = Folder::with(&[]).draft(&["--demo"]).unwrap();
    assert_eq!(draft.listeners.door.address.to_string(), "127.0.0.1:8787");
    assert_eq!(draft.listeners.admin, None);
}

#[test]
fn flags_go_before_the_file() {
    let folder =
        Folder::with(&[("claviger.toml", "[listen]\naddress = \"127.0.0.1:1\"\n[admin]\n[servers.a]\nurl = \"http://127.0.0.1:1/mcp\"\n")]);
    let draft = folder.draft(&["--listen", "127.0.0.1:0", "--public-url", "https://example.com/base/"]).unwrap();
    assert_eq!(draft.listeners.door.address.to_string(), "127.0.0.1:0");
    assert_eq!(draft.listeners.door.public_url.unwrap().as_str(), "https://example.com/base");
    assert_eq!(draft.listeners.admin.unwrap().to_string(), "127.0.0.1:9090");
}

#[test]
fn development_stays_on_this_machine() {
    let found = errors(
        "[listen]\naddress = \"0.0.0.0:1\"\npublic_url = \"https://a.example\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n[admin]\naddress = \"0.0.0.0:2\"",
        &[],
    );
    assert_eq!(
        found,
        [
            "claviger.toml:2:11: error: `listen.address`: `0.0.0.0:1` can be reached from other machines, and the environment is `development`",
            "claviger.toml:6:11: error: `admin.address`: `0.0.0.0:2` can be reached from other machines, and the environment is `development`",
        ]
    );
    assert_eq!(
        errors(
            "[listen]\naddress = \"0.0.0.0:1\"\npublic_url = \"https://a.example\"\ntrusted_proxies = [\"10.0.0.0/8\"]",
            &["--env", "production"]
        ),
        [""; 0]
    );
}

#[test]
fn beyond_loopback_there_is_no_plain_http_and_no_unknown_name() {
    let found = errors("environment = \"production\"\n[listen]\naddress = \"0.0.0.0:1\"", &[]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("tokens would cross the network in the clear"), "{found:?}");
    assert!(found[1].contains("the door must know the URL that callers use"), "{found:?}");
    let safe = "environment = \"production\"\n[listen]\naddress = \"0.0.0.0:1\"\npublic_url = \"https://a.example\"\ntls = { certificate = \"tls.crt\", key = \"file://./tls.key\" }";
    assert_eq!(errors(safe, &[]), [""; 0]);
}

#[test]
fn wrong_values_are_blamed_at_their_place() {
    for (text, expected) in [
        ("address = \"localhost:1\"", "`listen.address`: an IP address and a port are expected"),
        ("public_url = \"http://a.example\"", "`listen.public_url`: callers send tokens there"),
        ("public_url = \"https://a.example/?x=1\"", "`listen.public_url`: it holds no query"),
        ("public_url = \"a.example\"", "`listen.public_url`: relative URL without a base"),
        ("trusted_proxies = [\"::/0\"]", "`listen.trusted_proxies[0]`: this is every address there is"),
        ("allowed_origins = [\"null\"]", "`listen.allowed_origins[0]`: an origin such as"),
        ("allowed_origins = [\"*\"]", "`listen.allowed_origins[0]`: an origin such as"),
        ("allowed_origins = [\"HTTPS://Claude.ai\"]", "`listen.allowed_origins[0]`: browsers send"),
        ("allowed_hosts = [\"*.example.com\"]", "`listen.allowed_hosts[0]`: a host name is expected"),
        ("allowed_hosts = [\"a@b\"]", "`listen.allowed_hosts[0]`: a host name is expected"),
        ("tls = { key = \"vault://x\", certificate = \"tls.crt\" }", "`listen.tls.key`: a path or a `file://` reference"),
        ("tls = { key = \"tls.key\" }", "`listen.tls`: `certificate` is missing"),
    ] {
        let found = errors(&format!("[listen]\n{text}"), &[]);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with("claviger.toml:2:") && found[0].contains(expected), "{text}: {found:?}");
    }
    let key = errors("[listen]\ntls = { certificate = \"tls.crt\", key = '''\n-----BEGIN PRIVATE KEY-----\nMIIEvQ\n''' }", &[]);
    assert!(key[0].contains("this is the PEM text itself"), "{key:?}");
}

#[test]
fn the_bypass_is_refused_wherever_it_could_do_harm() {
    let bypass = |flags: &[&str], file: &str| {
        let file = format!("{file}\n[servers.a]\nurl = \"http://127.0.0.1:1/mcp\"\n");
        Folder::with(&[("claviger.toml", &file)]).variable("CLAVIGER_DEV_BYPASS", "1").errors(flags)
    };
    assert_eq!(bypass(&["--admin-listen", "[::1]:0"], ""), [""; 0]);
    for (flags, file, why) in [
        (&["--env", "production"][..], "", "the environment is `production`"),
        (&["--env", "prod"], "", "the environment is `prod`"),
        (
            &["--env", "staging", "--listen", "0.0.0.0:1"],
            "[listen]\ntrusted_proxies = [\"10.0.0.0/8\"]\npublic_url = \"https://a.example\"",
            "`0.0.0.0:1` can be reached",
        ),
        (&["--env", "staging", "--admin-listen", "0.0.0.0:1"], "", "`0.0.0.0:1` can be reached"),
        (&[], "[listen]\ntrusted_proxies = [\"127.0.0.1\"]", "come through a proxy"),
        (&["--public-url", "https://a.example"], "", "`https://a.example/` is not on this machine"),
    ] {
        let found = bypass(flags, file);
        assert!(found.iter().any(|line| line.contains("lets everybody in without a token") && line.contains(why)), "{why}: {found:?}");
    }
    let found = Folder::with(&[]).variable("CLAVIGER_DEV_BYPASS", "yes please").errors(&["--demo"]);
    assert!(found[0].contains("must be `1` or `0`"), "{found:?}");
}

#[test]
fn a_misspelt_environment_does_not_lose_the_rules_of_production() {
    for text in ["producton", "Production", "", "a/b", "prodution"] {
        assert!(EnvironmentName::parse(text).is_err(), "{text}");
    }
    for text in ["production", "development", "staging", "test", "prod"] {
        assert_eq!(EnvironmentName::parse(text).unwrap().as_str(), text);
    }
}
