//! What may stand under `credential`, and what is said about what may not.

use broker::authorization_server::{Place, Proof, Road};
use broker::reference::Template;
use gateway::config::{Upstream, UpstreamCredential};

use super::super::fixture::Folder;

fn draft(credential: &str) -> Result<UpstreamCredential, String> {
    let text = format!("[servers.a]\nurl = \"https://docs.example/mcp\"\ncredential = {{ {credential} }}\n");
    let draft = Folder::with(&[("claviger.toml", &text), ("ca.pem", "no certificate")]).draft(&[])?;
    match draft.servers.into_values().next().unwrap().upstream {
        Upstream::Http { credential, .. } => Ok(credential),
        _ => panic!("not http"),
    }
}

#[test]
fn client_credentials_take_what_is_written_and_the_rest_by_default() {
    let UpstreamCredential::ClientCredentials(grant) = draft(
        "client_credentials = { token_url = \"https://idp.example/token?p=1\", client_id = \"door\", client_secret = \"env://S\", scopes = [\"b\", \"a c\"], \
         resource = \"https://docs.example/mcp\", audience = \"docs\", auth = \"post\", requests = \"3/h\", early = \"30s\" }",
    )
    .unwrap() else {
        panic!("another kind")
    };
    assert_eq!(grant.server.place, Place::Known("https://idp.example/token?p=1".parse().unwrap()));
    assert_eq!((grant.wanted.scopes.to_string().as_str(), grant.wanted.audience.as_deref()), ("a b c", Some("docs")));
    assert_eq!((grant.server.rate.to_string().as_str(), grant.early.as_secs()), ("3/h", 30));
    let UpstreamCredential::ClientCredentials(grant) =
        draft("client_credentials = { issuer = \"https://idp.example\", client_id = \"door\", private_key = \"file://./key.pem\" }")
            .unwrap()
    else {
        panic!("another kind")
    };
    assert!(matches!(&grant.server.place, Place::Discovered(issuer) if issuer.as_str() == "https://idp.example"));
    assert!(matches!(&grant.server.proof, Proof::PrivateKey { issuer, key_id: None, .. } if issuer.as_str() == "https://idp.example"));
    assert_eq!((grant.server.rate.to_string().as_str(), grant.early.as_secs()), ("10/min", 300));
}

#[test]
fn each_way_for_a_caller_is_read() {
    let client = "client_id = \"door\", client_secret = \"${S}\"";
    let exchange = draft(&format!("exchange = {{ issuer = \"https://idp.example\", {client} }}")).unwrap();
    assert!(matches!(&exchange, UpstreamCredential::Delegated(delegation) if matches!(delegation.road, Road::Exchange(_))));
    let id_jag = draft(&format!(
        "id_jag = {{ provider = {{ token_url = \"https://idp.example/t\", {client} }}, server = {{ issuer = \"https://as.example\", {client} }} }}"
    ))
    .unwrap();
    assert!(
        matches!(&id_jag, UpstreamCredential::Delegated(delegation) if matches!(&delegation.road, Road::IdJag { server, .. } if server.issuer.as_str() == "https://as.example"))
    );
    let passed = draft("pass_through = { audience = \"https://docs.example/mcp\" }").unwrap();
    assert!(passed.needs_callers_token() && id_jag.needs_callers_token() && exchange.needs_callers_token());
}

#[test]
fn secrets_and_keys_of_authorization_servers_are_references_of_the_server() {
    for (credential, expected) in [
        ("client_credentials = { issuer = \"https://h\", client_id = \"d\", client_secret = \"${A}\" }", &["env://A"][..]),
        ("client_credentials = { issuer = \"https://h\", client_id = \"d\", private_key = \"file://./k\" }", &["file://./k"]),
        ("exchange = { issuer = \"https://h\", client_id = \"d\", client_secret = \"env://B\" }", &["env://B"]),
        ("exchange = { issuer = \"https://h\", client_id = \"d\", auth = \"none\" }", &[]),
        (
            "id_jag = { provider = { issuer = \"https://h\", client_id = \"d\", client_secret = \"env://P\" }, \
             server = { issuer = \"https://i\", client_id = \"d\", private_key = \"vault://kv/k#pem\" } }",
            &["env://P", "vault://kv/k#pem"],
        ),
        ("pass_through = { audience = \"docs\" }", &[]),
    ] {
        let credential = draft(credential).unwrap();
        let upstream = Upstream::Http {
            url: "https://docs.example/mcp".parse().unwrap(),
            target: Some(Template::parse("/${env://TARGET}").unwrap()),
            headers: vec![(http::header::COOKIE, Template::parse("env://HEADER").unwrap())],
            credential,
        };
        let references: Vec<_> = upstream.references().iter().map(ToString::to_string).collect();
        assert_eq!(references, [&["env://HEADER", "env://TARGET"][..], expected].concat());
    }
}

#[test]
fn each_wrong_setting_is_blamed_at_its_place() {
    const CLIENT: &str = "client_id = \"door\", client_secret = \"env://S\"";
    for (settings, expected) in [
        (String::new(), "`servers.a.credential`: exactly one of `client_credentials`"),
        (format!("token_url = \"ftp://h/t\", {CLIENT}"), "token_url`: an https URL is expected"),
        (format!("token_url = \"http://idp.example/t\", {CLIENT}"), "token_url`: secrets go there, so it must be `https://`"),
        (format!("token_url = \"https://u:p@h/t\", {CLIENT}"), "token_url`: it holds no user name"),
        (format!("issuer = \"http://idp.example\", {CLIENT}"), "issuer`: an issuer must use https"),
        (CLIENT.to_owned(), "client_credentials`: nothing says who gives the token"),
        ("issuer = \"https://h\", client_secret = \"env://S\"".to_owned(), "client_credentials`: `client_id` is missing"),
        ("issuer = \"https://h\", client_id = \"\", client_secret = \"env://S\"".to_owned(), "client_id`: the name under which"),
        ("issuer = \"https://h\", client_id = \"d\"".to_owned(), "client_credentials`: nothing says how the door proves who it is"),
        (
            "issuer = \"https://h\", client_id = \"d\", client_secret = \"hunter2hunter2\"".to_owned(),
            "client_secret`: a secret does not stand",
        ),
        ("issuer = \"https://h\", client_id = \"d\", client_secret = \"${S:-x}\"".to_owned(), "client_secret`: a secret has no default"),
        (format!("issuer = \"https://h\", {CLIENT}, private_key = \"env://K\""), "`client_secret` and `private_key` do not go together"),
        (format!("issuer = \"https://h\", {CLIENT}, key_id = \"k\""), "key_id`: goes together with `private_key` only"),
        (format!("issuer = \"https://h\", {CLIENT}, auth = \"private_key_jwt\""), "auth`: needs `private_key`"),
        (format!("issuer = \"https://h\", {CLIENT}, auth = \"none\""), "auth`: a public client has neither secret nor key"),
        ("issuer = \"https://h\", client_id = \"d\", auth = \"none\"".to_owned(), "auth`: a client that proves nothing is anybody"),
        (
            "issuer = \"https://h\", client_id = \"d\", private_key = \"env://K\", auth = \"basic\"".to_owned(),
            "auth`: needs `client_secret`",
        ),
        (
            "token_url = \"https://h/t\", client_id = \"d\", private_key = \"env://K\"".to_owned(),
            "client_credentials`: `issuer` is missing",
        ),
        (format!("issuer = \"https://h\", {CLIENT}, ca = \"nowhere.pem\""), "ca`: No such file"),
        (format!("issuer = \"https://h\", {CLIENT}, ca = \"ca.pem\""), "ca`: there is no certificate in the PEM text"),
        (format!("issuer = \"https://h\", {CLIENT}, pin = \"abc\""), "pin`: a pin is `sha256/`"),
        (format!("issuer = \"https://h\", {CLIENT}, requests = \"often\""), "requests`: a rate is written like"),
        (format!("issuer = \"https://h\", {CLIENT}, early = \"5\""), "early`: a time ends with its unit"),
        (format!("issuer = \"https://h\", {CLIENT}, scopes = [\"a\", \"b\\\"\"]"), "scopes[1]`: "),
        (format!("issuer = \"https://h\", {CLIENT}, resource = \"docs\""), "resource`: this is not an absolute"),
        (format!("issuer = \"https://h\", {CLIENT}, audience = \" \""), "audience`: the name of an API is expected"),
        (format!("issuer = \"https://h\", {CLIENT}, scope = \"a\""), "scope`: unknown key"),
    ] {
        let credential = if settings.is_empty() { settings } else { format!("client_credentials = {{ {settings} }}") };
        let text = draft(&credential).err().unwrap_or_else(|| panic!("{credential} is right"));
        assert!(text.contains("claviger.toml:3:") && text.contains(expected), "{credential}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("1 fault") || !text.contains("faults in"), "one cause, one fault: {text}");
    }
}

#[test]
fn the_ways_for_a_caller_need_what_they_need() {
    const CLIENT: &str = "client_id = \"door\", client_secret = \"env://S\"";
    for (credential, expected) in [
        ("pass_through = {}".to_owned(), "pass_through`: `audience` is missing"),
        ("pass_through = { audience = \"a\" }, exchange = {}".to_owned(), "exactly one of"),
        (format!("id_jag = {{ server = {{ issuer = \"https://h\", {CLIENT} }} }}"), "id_jag`: `provider` is missing"),
        (format!("id_jag = {{ provider = {{ issuer = \"https://h\", {CLIENT} }} }}"), "id_jag`: `server` is missing"),
        (
            format!(
                "id_jag = {{ provider = {{ issuer = \"https://h\", {CLIENT} }}, server = {{ token_url = \"https://h/t\", {CLIENT} }} }}"
            ),
            "id_jag.server`: `issuer` is missing",
        ),
    ] {
        let text = draft(&credential).err().unwrap_or_else(|| panic!("{credential} is right"));
        assert!(text.contains(expected), "{credential}: {text}");
    }
}

#[test]
fn a_credential_is_for_an_http_server_that_has_no_authorization_header_already() {
    let credential = "credential = { pass_through = { audience = \"x\" } }";
    for (lines, expected) in [
        (format!("command = [\"x\"]\n{credential}"), "`servers.a.credential`: does not go together with `command`"),
        (
            format!("url = \"https://h/mcp\"\nheaders = {{ authorization = \"${{A}}\" }}\n{credential}"),
            "`servers.a.credential`: the headers have an `Authorization` already",
        ),
    ] {
        let text = Folder::with(&[("claviger.toml", &format!("[servers.a]\n{lines}\n"))]).draft(&[]).err().unwrap();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn what_the_guide_shows_is_right() {
    let guide = include_str!("../../../../../docs/guides/upstream-oauth.md");
    let blocks: Vec<&str> = guide.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 4);
    for block in blocks {
        let server = if block.starts_with('[') { "" } else { "[servers.a]\nurl = \"https://docs.example/mcp\"\n" };
        let drafted = Folder::with(&[("claviger.toml", &format!("{server}{block}"))]).draft(&[]);
        assert!(drafted.is_ok(), "{block}: {}", drafted.err().unwrap());
    }
}
