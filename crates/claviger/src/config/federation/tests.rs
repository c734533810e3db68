use super::super::draft::Draft;
use super::super::fixture::Folder;

const SERVER: &str = "[servers.files]\nurl = \"http://127.0.0.1:1/mcp\"\n";
const GOOGLE_CLIENT: &str = "issuer = \"https://accounts.google.com\"\nclient_id = \"door\"\nclient_secret = \"env://SECRET\"";

fn draft(federate: &str) -> Result<Draft, String> {
    Folder::with(&[("claviger.toml", &format!("{federate}\n{SERVER}"))]).draft(&[])
}

fn first_error(lines: &str) -> String {
    let text = draft(&format!("[issuer.federate]\n{lines}")).err().unwrap_or_else(|| panic!("{lines} is accepted"));
    text.lines().find(|line| line.contains("error:")).unwrap().to_owned()
}

#[test]
fn one_provider_needs_no_more_than_who_the_door_is_there() {
    let draft = draft("issuer.federate = { issuer = \"https://idp.example/t1/\", client_id = \"door\", client_secret = \"env://SECRET\" }")
        .unwrap();
    let [provider] = draft.issuer.as_ref().unwrap().providers.as_slice() else { panic!("one provider") };
    assert_eq!(
        (&*provider.name, &*provider.title, provider.issuer.as_str()),
        ("idp.example-t1", "idp.example-t1", "https://idp.example/t1/")
    );
    assert_eq!(provider.sign_in.scopes.to_string(), "email openid profile");
    assert_eq!((&*provider.groups_claim, provider.look_every.as_secs()), ("groups", 300));
    assert!(provider.admits.is_none() && provider.groups.is_none() && draft.notices.is_empty());
}

#[test]
fn several_providers_are_told_apart_by_their_names() {
    let two = |names: [&str; 2]| {
        let provider = |name: &str| {
            format!("[[issuer.federate]]\nname = \"{name}\"\nissuer = \"https://idp.example\"\nclient_id = \"a\"\nauth = \"none\"\n")
        };
        draft(&names.map(provider).concat())
    };
    assert_eq!(two(["a", "b"]).unwrap().issuer.unwrap().providers.len(), 2);
    let error = two(["a", "a"]).err().unwrap();
    assert!(error.contains("this is called as the provider at `issuer.federate[0]`"), "{error}");
}

#[test]
fn whoever_lets_the_whole_world_in_is_told() {
    let open = draft(&format!("[issuer.federate]\n{GOOGLE_CLIENT}")).unwrap();
    assert!(open.notices.iter().any(|notice| notice.contains("anybody in the world")), "{:?}", open.notices);
    let closed = draft(&format!("[issuer.federate]\n{GOOGLE_CLIENT}\nallow = {{ domains = \"Example.com\" }}")).unwrap();
    assert!(closed.notices.is_empty());
    let admits = closed.issuer.unwrap().providers.remove(0).admits.unwrap();
    assert!(admits.domains.contains("example.com") && admits.domains_by_owner, "{admits:?}");
}

#[test]
fn each_wrong_line_is_blamed_at_its_place() {
    let provider = |line: &str| format!("issuer = \"https://idp.example\"\nclient_id = \"a\"\nclient_secret = \"env://A\"\n{line}");
    for (lines, expected) in [
        (String::new(), "`issuer.federate`: `issuer` is missing"),
        ("issuer = \"https://idp.example\"".to_owned(), "`issuer.federate`: `client_id` is missing"),
        ("issuer = \"http://idp.example\"".to_owned(), "`issuer.federate.issuer`: an issuer must use https"),
        (provider("name = \"a|b\""), "`issuer.federate.name`: a name has at most 128 letters"),
        (provider("name = \"..\""), "`issuer.federate.name`: a name has at most 128 letters"),
        (
            provider("parameters = { redirect_uri = \"https://evil.example\" }"),
            "`issuer.federate.parameters.redirect_uri`: this is not said to a provider",
        ),
        (provider("parameters = { prompt = \"none\" }"), "`issuer.federate.parameters.prompt`: with `none`, nobody could sign in"),
        (provider("allow = {}"), "`issuer.federate.allow`: nobody could come in"),
        (provider("allow = { domains = \"a@b.example\" }"), "`issuer.federate.allow.domains`: the part of an address behind the `@`"),
        (provider("allow = { emails = \"b.example\" }"), "`issuer.federate.allow.emails`: e-mail addresses are expected"),
        (provider("look_every = \"soon\""), "`issuer.federate.look_every`"),
    ] {
        let error = first_error(&lines);
        assert!(error.contains(expected), "{lines}: {error}");
    }
    for tenant in ["common", "organizations", "consumers"] {
        let error =
            first_error(&format!("issuer = \"https://login.microsoftonline.com/{tenant}/v2.0\"\nclient_id = \"a\"\nauth = \"none\""));
        assert!(error.contains("anybody could come in"), "{error}");
    }
    let entra = "issuer = \"https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0\"\nclient_id = \"a\"\nauth = \"none\"\nallow = { domains = \"example.com\" }";
    assert!(first_error(entra).contains("Entra ID does not say whether an address was verified"));
}

#[test]
fn what_the_guides_show_is_right() {
    for (name, guide) in [
        ("auth0", include_str!("../../../../../docs/guides/federate-auth0.md")),
        ("cognito", include_str!("../../../../../docs/guides/federate-cognito.md")),
        ("entra", include_str!("../../../../../docs/guides/federate-entra.md")),
        ("google", include_str!("../../../../../docs/guides/federate-google.md")),
        ("keycloak", include_str!("../../../../../docs/guides/federate-keycloak.md")),
        ("okta", include_str!("../../../../../docs/guides/federate-okta.md")),
    ] {
        let blocks: Vec<&str> = guide.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(!blocks.is_empty(), "{name}");
        for block in blocks {
            let drafted = draft(block).unwrap_or_else(|report| panic!("{name}: {block}: {report}"));
            let providers = drafted.issuer.expect("there is an authorization server").providers;
            assert_eq!(providers.len(), 1, "{name}");
            assert!(guide.contains(&format!("/authorize/back/{}", providers[0].name)), "{name}: the redirect URI is not told");
        }
    }
}
