//! What `[secrets.vault]` takes, and how each wrong value is blamed.

use super::super::super::fixture::Folder;

const SERVER: &str = "[servers.a]\nurl = \"http://127.0.0.1:1/mcp\"\n";

fn errors(section: &str) -> Vec<String> {
    let folder = Folder::with(&[("claviger.toml", &format!("{section}\n{SERVER}")), ("ca.pem", "")]);
    folder.errors(&[])
}

#[test]
fn every_login_is_taken() {
    for section in [
        "",
        "[secrets]",
        "[secrets.vault]\naddress = \"https://vault.example.com:8200\"\nnamespace = \"team/a\"\nca = \"ca.pem\"",
        "[secrets.vault]\naddress = \"http://127.0.0.1:8200\"\nauth = { token = \"file://./token\" }",
        "[secrets.vault]\nauth = { approle = { role_id = \"db02de05-fa39\", secret_id = \"file://./id\", wrapped = true } }",
        "[secrets.vault]\nauth = { approle = { mount = \"teams/approle\", role_id = \"env://ROLE\" } }",
        "[secrets.vault]\nauth = { kubernetes = { role = \"door\" } }",
        "[secrets.vault]\nauth = { jwt = { jwt = \"env://CI_JOB_JWT\" } }\nengines = { \"team/kv\" = \"kv2\", kv = \"kv1\", database = \"dynamic\" }",
    ] {
        assert_eq!(errors(section), Vec::<String>::new(), "{section}");
    }
}

#[test]
fn every_wrong_value_is_blamed_at_its_place() {
    for (section, expected) in [
        (
            "address = \"http://vault.example.com\"",
            "claviger.toml:2:11: error: `secrets.vault.address`: the door sends a token there, so it must be `https://`",
        ),
        (
            "address = \"https://a:b@vault.example.com\"",
            "claviger.toml:2:11: error: `secrets.vault.address`: it holds no query, no fragment and no user name",
        ),
        ("namespace = \"a b\"", "claviger.toml:2:13: error: `secrets.vault.namespace`: a namespace is written like `team/a`"),
        ("ca = \"nowhere.pem\"", "claviger.toml:2:6: error: `secrets.vault.ca`: there is no file `HERE/nowhere.pem`"),
        ("auth = {}", "claviger.toml:2:8: error: `secrets.vault.auth`: one of `token`, `approle`, `kubernetes` and `jwt` is expected"),
        (
            "auth = { token = \"env://A\", jwt = { jwt = \"env://A\" } }",
            "claviger.toml:2:8: error: `secrets.vault.auth`: one of `token`, `approle`, `kubernetes` and `jwt` is expected",
        ),
        (
            "auth = { token = \"hvs.CAESIJ\" }",
            "claviger.toml:2:18: error: `secrets.vault.auth.token`: a secret does not stand in the configuration",
        ),
        (
            "auth = { token = \"vault://kv/a#token\" }",
            "claviger.toml:2:18: error: `secrets.vault.auth.token`: what the door logs in with must lie on this machine",
        ),
        (
            "auth = { approle = { secret_id = \"env://A\" } }",
            "claviger.toml:2:20: error: `secrets.vault.auth.approle`: `role_id` is missing",
        ),
        (
            "auth = { approle = { role_id = \"a\", wrapped = true } }",
            "claviger.toml:2:37: error: `secrets.vault.auth.approle.wrapped`: there is no `secret_id` to unwrap",
        ),
        (
            "auth = { approle = { role_id = \"a\", mount = \"../sys\" } }",
            "claviger.toml:2:45: error: `secrets.vault.auth.approle.mount`: a mount is written like `team/kv`",
        ),
        ("auth = { kubernetes = {} }", "claviger.toml:2:23: error: `secrets.vault.auth.kubernetes`: `role` is missing"),
        ("auth = { jwt = { role = \"a\" } }", "claviger.toml:2:16: error: `secrets.vault.auth.jwt`: `jwt` is missing"),
        ("engines = { kv = \"kv3\" }", "claviger.toml:2:18: error: `secrets.vault.engines.kv`: must be one of `dynamic`, `kv1`, `kv2`"),
    ] {
        let errors = errors(&format!("[secrets.vault]\n{section}"));
        assert_eq!(errors.first().map(String::as_str), Some(expected), "{section}");
        assert_eq!(errors.len(), 2, "nothing else is blamed: {errors:?}");
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    let text = format!("[secrets.vault]\nauth = {{ token = \"hvs.CAESIJ\" }}\n{SERVER}");
    let shown = Folder::with(&[("claviger.toml", &text)]).draft(&[]).err().unwrap();
    assert!(!shown.contains("CAESIJ"), "{shown}");
}

#[test]
fn variables_say_what_the_file_leaves_open_and_openbaos_go_before() {
    let settings = |text: &str, variables: &[(&str, &str)]| {
        let folder = Folder::with(&[("claviger.toml", &format!("{text}\n{SERVER}"))]);
        let folder = variables.iter().fold(folder, |folder, (name, value)| folder.variable(name, value));
        folder.draft(&[]).unwrap().secrets.vault.settings
    };
    let Err(what) = settings("", &[]) else { panic!("there is an address") };
    assert!(what.contains("VAULT_ADDR"), "{what}");
    let variables = [("VAULT_ADDR", "https://v:8200"), ("VAULT_NAMESPACE", "n"), ("VAULT_CACERT", "/ca.pem"), ("VAULT_TOKEN", "x")];
    let of_vault = settings("", &variables).unwrap();
    assert_eq!((of_vault.address.as_str(), of_vault.namespace.as_deref()), ("https://v:8200", Some("n")));
    assert_eq!(of_vault.authorities.unwrap().to_str(), Some("/ca.pem"));
    let token = |login: &super::Method| match login {
        super::Method::Token(token) => token.to_string(),
        _ => panic!("not a token"),
    };
    assert_eq!(token(&of_vault.login), "env://VAULT_TOKEN");
    let both = [("VAULT_ADDR", "https://v:8200"), ("BAO_ADDR", "https://b:8200"), ("BAO_TOKEN", "x"), ("VAULT_TOKEN", "y")];
    let of_bao = settings("", &both).unwrap();
    assert_eq!((of_bao.address.as_str(), token(&of_bao.login).as_str()), ("https://b:8200", "env://BAO_TOKEN"));
    let of_file = settings("[secrets.vault]\naddress = \"https://f:8200\"", &both[..2]).unwrap();
    assert_eq!((of_file.address.as_str(), token(&of_file.login).as_str()), ("https://f:8200", "file:///home/ann/.vault-token"));
    // Meant for another program, it stops nobody who does not use it.
    let Err(what) = settings("", &[("VAULT_ADDR", "http://vault:8200")]) else { panic!("a token would cross in the clear") };
    assert!(what.contains("https://"), "{what}");
}
