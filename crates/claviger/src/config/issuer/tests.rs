use super::super::fixture::Folder;
use super::*;

const SERVER: &str = "[servers.git]\nurl = \"http://127.0.0.1:1/mcp\"\n";

fn written(section: &str) -> Written {
    Folder::with(&[("claviger.toml", &format!("{section}\n{SERVER}"))]).draft(&["--state", "state"]).unwrap().issuer.unwrap()
}

/// Each fault, without the line that counts them.
fn errors(section: &str) -> Vec<String> {
    let mut errors = Folder::with(&[("claviger.toml", &format!("{section}\n{SERVER}"))]).errors(&["--state", "state"]);
    errors.pop();
    errors
}

#[test]
fn whose_descriptions_are_taken_is_a_word_or_hosts() {
    for (line, expected) in [("", Documents::Any), ("documents = \"any\"", Documents::Any), ("documents = \"off\"", Documents::Off)] {
        assert_eq!(written(&format!("[issuer]\n{line}")).documents, expected, "{line}");
    }
    let some = written("[issuer]\ndocuments = [\"claude.ai\", \"*.example.com\"]").documents;
    assert!(some.trust("claude.ai") && some.trust("a.example.com") && !some.trust("example.com"));
    let blamed = errors("[issuer]\ndocuments = [\"https://claude.ai\"]");
    assert!(blamed.len() == 1 && blamed[0].contains("a host such as `claude.ai`"), "{blamed:?}");
}

#[test]
fn a_trusted_provider_has_a_name_and_an_issuer() {
    let written = written("[issuer.trusts.acme]\nissuer = \"https://acme.example\"\nclients = \"agent\"\ngroups = \"/realm_access/roles\"");
    let [acme] = written.trusts.as_slice() else { panic!("{:?}", written.trusts) };
    assert_eq!((acme.name.as_str(), acme.issuer.as_str()), ("acme", "https://acme.example"));
    assert_eq!((&acme.clients, acme.groups.as_deref()), (&Bringers::Of(vec!["agent".to_owned()]), Some("/realm_access/roles")));
    // In front of a person's name, it must not be taken for a part of it.
    assert!(errors("[issuer.trusts.\"a|b\"]\nissuer = \"https://acme.example\"")[0].contains("a name of letters"));
    assert_eq!(errors("[issuer.trusts.acme]\nissuer = \"http://acme.example\"").len(), 1);
    let twice = "[issuer.trusts.acme]\nissuer = \"https://acme.example\"\n[issuer.trusts.other]\nissuer = \"https://acme.example\"";
    assert!(errors(twice)[0].contains("has another name already"));
    let federated =
        "[issuer.federate]\nname = \"acme\"\nissuer = \"https://login.example\"\nclient_id = \"door\"\nclient_secret = \"env://SECRET\"\n";
    let blamed = errors(&format!("{federated}[issuer.trusts.acme]\nissuer = \"https://acme.example\""));
    assert!(blamed.len() == 1 && blamed[0].contains("another provider of this name"), "{blamed:?}");
    assert_eq!(errors(&format!("{federated}[issuer.trusts.acme]\nissuer = \"https://login.example\"")), [""; 0]);
}

#[test]
fn a_client_exchanges_tokens_for_servers_that_there_are_and_only_if_it_proves_who_it_is() {
    let secret = "secret = \"env://SECRET\"\n";
    let written = written(&format!("[issuer.clients.between]\n{secret}exchange = [\"git\"]\nexchange_from = [\"git\"]"));
    assert_eq!(written.clients[0].exchange, Exchange { from: vec!["git".to_owned()], to: vec!["git".to_owned()] });
    for lone in ["exchange = [\"git\"]", "exchange_from = [\"git\"]"] {
        let blamed = errors(&format!("[issuer.clients.between]\n{secret}{lone}"));
        assert!(blamed.len() == 1 && blamed[0].contains("need each other"), "{blamed:?}");
    }
    let blamed = errors(&format!("[issuer.clients.between]\n{secret}exchange = [\"git\"]\nexchange_from = [\"git\", \"mail\"]"));
    assert!(blamed.len() == 1 && blamed[0].contains("there is no server `mail`"), "{blamed:?}");
    let public = "redirect_uris = [\"http://127.0.0.1/cb\"]\nexchange = [\"git\"]\nexchange_from = [\"git\"]";
    let blamed = errors(&format!("[issuer.clients.between]\n{public}"));
    assert!(blamed.len() == 1 && blamed[0].contains("it proves nothing"), "{blamed:?}");
}

#[test]
fn a_client_runs_on_devices_where_that_is_written() {
    assert!(written("[issuer.clients.tv]\ndevices = true").clients[0].uses_devices);
    assert!(!written("[issuer.clients.app]\nredirect_uris = [\"http://127.0.0.1/cb\"]").clients[0].uses_devices);
}

#[test]
fn a_clients_keys_are_a_file_or_an_address() {
    let at = written("[issuer.clients.robot]\nkeys = \"https://robot.example/jwks\"\nscopes = \"a\"");
    assert!(matches!(&at.clients[0].keys, Some(ClientProof::KeysAt(address)) if address == "https://robot.example/jwks"));
    assert_eq!(errors("[issuer.clients.robot]\nkeys = \"robot.json\"\nscopes = \"a\"").len(), 1, "the file is not there");
    assert_eq!(errors("[issuer.clients.robot]\nkeys = \"https://robot.example/jwks#a\"\nscopes = \"a\"").len(), 1);
}

#[test]
fn what_the_guide_writes_is_right() {
    let guide = include_str!("../../../../../docs/guides/clients.md");
    let blocks: Vec<&str> = guide.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 4);
    let servers = "[servers.payments]\nurl = \"http://127.0.0.1:1/mcp\"\n[servers.files]\nurl = \"http://127.0.0.1:2/mcp\"\n";
    // RFC 7517, appendix A.1.
    let keys = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;
    for block in blocks {
        let folder = Folder::with(&[("claviger.toml", &format!("{block}\n{servers}")), ("robot.json", keys)]);
        assert_eq!(folder.errors(&["--state", "state"]), [""; 0], "{block}");
    }
}
