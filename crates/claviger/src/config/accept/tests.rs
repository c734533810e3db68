use std::time::Duration;

use super::super::fixture::Folder;
use super::{Accept, Entry};

fn folder(accept: &str) -> Folder {
    let servers = "[servers.git]\nurl = \"http://127.0.0.1:1/mcp\"\n[servers.files]\nurl = \"http://127.0.0.1:2/mcp\"\n";
    Folder::with(&[("claviger.toml", &format!("{accept}\n{servers}"))])
}

fn first_error(accept: &str) -> String {
    let mut errors = folder(accept).errors(&[]);
    assert!(!errors.is_empty(), "{accept} is accepted");
    errors.swap_remove(0)
}

#[test]
fn without_an_entry_minted_tokens_are_accepted() {
    assert!(matches!(folder("").draft(&[]).unwrap().accept, Accept::Minted));
}

#[test]
fn issuers_and_secrets_stand_side_by_side() {
    let accept = "[[accept]]\nissuer = \"https://a.example/\"\naudiences = [\"api\"]\nservers = [\"git\"]\n[[accept]]\nshared_secret = [\"env://NEW\", \"env://OLD\"]\nserver = \"files\"\nmax_lifetime = \"1h\"\n";
    let Accept::Entries(entries) = folder(accept).draft(&[]).unwrap().accept else { panic!("no entries") };
    let [Entry::Issuer { issuer, servers, .. }, Entry::SharedSecret { secrets, server, max_lifetime }] = entries.as_slice() else {
        panic!("{entries:?}")
    };
    assert_eq!((issuer.as_str(), servers.as_ref().unwrap().len()), ("https://a.example/", 1));
    assert_eq!((secrets.len(), server.as_str(), *max_lifetime), (2, "files", Duration::from_secs(3600)));
}

#[test]
fn clients_may_show_their_secrets_to_one_issuer_of_each_server() {
    for (setting, is_taken) in
        [("", false), ("client_headers = false", false), ("client_headers = true", true), ("client_headers = { scopes = \"a b\" }", true)]
    {
        let Accept::Entries(entries) = folder(&format!("[[accept]]\nissuer = \"https://a\"\n{setting}")).draft(&[]).unwrap().accept else {
            panic!("no entries")
        };
        assert!(matches!(&entries[0], Entry::Issuer { client_headers, .. } if client_headers.is_some() == is_taken), "{setting}");
    }
    let two = |first: &str, second: &str| {
        format!(
            "[[accept]]\nissuer = \"https://a\"\nclient_headers = true\n{first}\n[[accept]]\nissuer = \"https://b\"\nclient_headers = true\n{second}"
        )
    };
    let error = first_error(&two("servers = [\"git\"]", ""));
    assert!(error.contains("`servers.git`: two issuers have `client_headers` for this server"), "{error}");
    folder(&two("servers = [\"git\"]", "servers = [\"files\"]")).draft(&[]).unwrap();
}

#[test]
fn one_issuer_of_each_server_is_asked_about_opaque_tokens() {
    let introspecting = |issuer: &str, more: &str, servers: &str| {
        let settings = format!("{{ client_id = \"door\", client_secret = \"env://S\"{more} }}");
        format!("[[accept]]\nissuer = \"https://{issuer}\"\nintrospection = {settings}\n{servers}\n")
    };
    let two = |first: &str, second: &str, servers: &str| introspecting("a", first, servers) + &introspecting("b", second, "");
    for (first, second) in [("", ""), ("", ", tokens = \"all\""), (", tokens = \"opaque\"", "")] {
        let error = first_error(&two(first, second, "servers = [\"git\"]"));
        assert!(error.contains("`servers.git`: two issuers would be asked about one token"), "{error}");
    }
    folder(&two("", ", tokens = \"jwt\"", "")).draft(&[]).unwrap();
    let Accept::Entries(entries) = folder(&introspecting("a", ", cache = \"5min\"", "")).draft(&[]).unwrap().accept else {
        panic!("no entries")
    };
    let Entry::Issuer { introspection: Some(introspection), .. } = &entries[0] else { panic!("{entries:?}") };
    assert_eq!((introspection.cache, introspection.tokens.are_jwts()), (Duration::from_secs(300), false));
}

#[test]
fn what_the_door_asks_the_issuer_is_blamed_at_its_place() {
    for (accept, expected) in [
        (
            "[[accept]]\nissuer = \"https://a\"\nintrospection = { client_id = \"d\", client_secret = \"env://S\", cache = \"2h\" }",
            "claviger.toml:3:71: error: `accept[0].introspection.cache`: an answer is believed for too long",
        ),
        (
            "[[accept]]\nissuer = \"https://a\"\nintrospection = { client_id = \"d\" }",
            "claviger.toml:3:17: error: `accept[0].introspection`: nothing says how the door proves who it is",
        ),
        (
            "[[accept]]\nissuer = \"https://a\"\nintrospection = { url = \"http://a.example/i\", client_id = \"d\", client_secret = \"env://S\" }",
            "claviger.toml:3:25: error: `accept[0].introspection.url`: secrets go there, so it must be `https://`",
        ),
        (
            "[[accept]]\nshared_secret = \"env://A\"\nserver = \"git\"\nclient_headers = true",
            "claviger.toml:4:1: error: `accept[0].client_headers`: does not go together with `shared_secret`",
        ),
        (
            "[[accept]]\nissuer = \"https://a\"\nclient_headers = { token_url = \"http://a.example/token\" }",
            "claviger.toml:3:32: error: `accept[0].client_headers.token_url`: secrets go there, so it must be `https://`",
        ),
        (
            "[[accept]]\nissuer = \"https://a\"\nclient_headers = { token_urls = \"x\" }",
            "claviger.toml:3:20: error: `accept[0].client_headers.token_urls`: unknown key",
        ),
    ] {
        let error = first_error(accept);
        assert!(error.starts_with(expected), "{accept}: {error}");
    }
}

#[test]
fn each_wrong_entry_is_blamed_at_its_place() {
    for (accept, expected) in [
        ("[[accept]]", "claviger.toml:1:1: error: `accept[0]`: nothing says whose tokens are accepted"),
        (
            "[[accept]]\nissuer = \"https://a\"\nshared_secret = \"env://A\"",
            "claviger.toml:1:1: error: `accept[0]`: `issuer` and `shared_secret`",
        ),
        ("[[accept]]\nissuer = \"http://a.example\"", "claviger.toml:2:10: error: `accept[0].issuer`: "),
        (
            "[[accept]]\nissuer = \"https://a\"\nserver = \"git\"",
            "claviger.toml:3:1: error: `accept[0].server`: does not go together with `issuer`",
        ),
        ("[[accept]]\nissuer = \"https://a\"\nservers = []", "claviger.toml:3:11: error: `accept[0].servers`: the list is empty"),
        (
            "[[accept]]\nissuer = \"https://a\"\nservers = [\"gti\"]",
            "claviger.toml:3:12: error: `accept[0].servers[0]`: there is no server `gti`",
        ),
        (
            "[[accept]]\nissuer = \"https://a\"\n[[accept]]\nissuer = \"https://a\"",
            "claviger.toml:4:10: error: `accept[1].issuer`: this issuer stands at `accept[0].issuer` already",
        ),
        ("[[accept]]\nshared_secret = \"env://A\"", "claviger.toml:1:1: error: `accept[0]`: `server` is missing"),
        (
            "[[accept]]\nshared_secret = []\nserver = \"git\"",
            "claviger.toml:2:17: error: `accept[0].shared_secret`: at least one secret is needed",
        ),
        (
            "[[accept]]\nshared_secret = \"hunter2\"\nserver = \"git\"",
            "claviger.toml:2:17: error: `accept[0].shared_secret`: a secret does not stand in the configuration",
        ),
        (
            "[[accept]]\nshared_secret = \"${A:-b}\"\nserver = \"git\"",
            "claviger.toml:2:17: error: `accept[0].shared_secret`: a secret has no default",
        ),
        (
            "[[accept]]\nshared_secret = \"env://A\"\nserver = \"git\"\nmax_lifetime = \"long\"",
            "claviger.toml:4:16: error: `accept[0].max_lifetime`: a time starts",
        ),
    ] {
        let error = first_error(accept);
        assert!(error.starts_with(expected), "{accept}: {error}");
    }
}

#[test]
fn one_secret_for_two_servers_is_refused() {
    let accept = "[[accept]]\nshared_secret = \"env://A\"\nserver = \"git\"\n[[accept]]\nshared_secret = [\"env://B\", \"env://A\"]\nserver = \"files\"\n";
    let error = first_error(accept);
    assert_eq!(error, "claviger.toml:5:29: error: `accept[1].shared_secret[1]`: the server `git` has this secret too");
}

#[test]
fn a_server_that_nobody_can_reach_is_a_mistake() {
    let error = first_error("[[accept]]\nshared_secret = \"env://A\"\nserver = \"git\"");
    assert_eq!(error, "claviger.toml:6:1: error: `servers.files`: no `[[accept]]` lets anybody in");
}
