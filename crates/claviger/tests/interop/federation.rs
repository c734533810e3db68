//! People sign in at a real OpenID provider, and their clients call with tokens of the door's own authorization server.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::support::{Door, Issuer, Page, Setup, Visitor, eventually, get, post_form, post_json, post_message};

/// Everybody comes from one provider; nobody has an account here.
struct Scene {
    people: Issuer,
    door: Door,
    /// The client, as it has registered itself.
    client: String,
    folder: TempDir,
}

/// What a client has got.
struct Tokens {
    access: String,
    refresh: String,
    scope: String,
}

impl Scene {
    fn open(further: &str) -> Self {
        Self::at(Issuer::start("unused"), further)
    }

    fn at(people: Issuer, further: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("letter.txt"), "dear reader").expect("a file can be written");
        let secret = folder.path().join("secret");
        fs::write(&secret, Issuer::secret_of("federated")).expect("a file can be written");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("a mode can be set");
        let configuration = folder.path().join("claviger.toml");
        fs::write(&configuration, configured(&people.url, further)).expect("a file can be written");
        // Whatever is logged, nothing of it may be a secret.
        let door = Setup::file(&configuration).variable("CLAVIGER_LOG", "trace").within(folder.path()).open();
        door.keep_secret(&Issuer::secret_of("federated"));
        let document =
            json!({"client_name": "The Client", "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"]});
        let registered = post_json(&format!("{}/register", door.origin()), &document);
        assert_eq!(registered.status, 201, "{}", registered.text());
        let client = registered.json()["client_id"].as_str().expect("a client has an id").to_owned();
        Self { people, door, client, folder }
    }

    /// Where the client sends the browser.
    fn question(&self) -> String {
        let mut url = Url::parse(&format!("{}/authorize", self.door.origin())).expect("a URL");
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &self.client),
            ("redirect_uri", CALLBACK),
            ("state", "s"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("scope", "files:read files:write"),
            ("resource", &self.door.url),
        ]);
        url.into()
    }

    fn browser(&self, who: &str) -> Visitor {
        Visitor::at_a_browser(who, self.door.secrets())
    }

    /// This person agrees, signs in, and lets the client have its tokens.
    fn log_in(&self, who: &str) -> Tokens {
        let back = self.browser(who).presses_and_stops_before("idp", "/callback", &self.question());
        let back: Vec<(String, String)> = Url::parse(&back).expect("a URL").query_pairs().into_owned().collect();
        let code = &back.iter().find(|(name, _)| name == "code").unwrap_or_else(|| panic!("no code: {back:?}")).1;
        assert!(back.contains(&("iss".to_owned(), self.door.origin().to_owned())), "{back:?}");
        let reply = self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", &self.client),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ]);
        self.tokens(&reply.expect("a token for the code"))
    }

    fn refresh(&self, tokens: &Tokens) -> Result<Tokens, String> {
        let reply = self.token(&[("grant_type", "refresh_token"), ("client_id", &self.client), ("refresh_token", &tokens.refresh)]);
        reply.map(|answer| self.tokens(&answer))
    }

    fn token(&self, fields: &[(&str, &str)]) -> Result<Value, String> {
        let reply = post_form(&format!("{}/token", self.door.origin()), None, fields);
        let answer = reply.json();
        if reply.status == 200 { Ok(answer) } else { Err(answer["error"].as_str().expect("an error has a name").to_owned()) }
    }

    fn tokens(&self, answer: &Value) -> Tokens {
        let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
        Tokens {
            access: self.door.keep_secret(&text("access_token")),
            refresh: self.door.keep_secret(&text("refresh_token")),
            scope: text("scope"),
        }
    }

    fn reads_the_letter(&self, tokens: &Tokens) {
        let told = self.door.call_with(&tokens.access, "files", "read_text_file", &json!({"path": "letter.txt"}));
        assert!(told.as_ref().is_ok_and(|text| text.contains("dear reader")), "{told:?}");
    }

    /// The status with which the door answers a bare `initialize`.
    fn status(&self, tokens: &Tokens) -> u16 {
        let parameters = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "interop", "version": "1"}});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": parameters});
        post_message(&self.door.url, Some(&tokens.access), &message).status
    }

    /// What somebody sees who agrees, and is not let in.
    fn is_stopped(&self, who: &str) -> Page {
        let page = self.browser(who).presses("idp", &self.question());
        assert!(!page.responses.iter().any(|response| response.url.as_str().starts_with(CALLBACK)), "{}", page.text);
        page
    }

    /// Ends the door, which has kept every token that the provider has given to itself.
    fn close(mut self) {
        for token in self.people.given() {
            self.door.keep_secret(&token);
        }
        self.door.close();
        drop(self.folder);
    }
}

fn configured(issuer: &str, further: &str) -> String {
    format!(
        r#"
[issuer]
grants = {{ "*" = "files:read", "writers" = "files:*" }}

[issuer.federate]
name = "idp"
title = "The Provider"
issuer = "{issuer}"
client_id = "federated"
client_secret = "file://./secret"
scopes = "openid profile email groups"
groups = {{ "them" = "writers" }}
look_every = "1s"
{further}

[servers.files]
builtin = "filesystem"
root = "."
scopes = {{ "*" = "files:read", "search_files" = "files:write" }}
"#
    )
}

#[test]
fn people_agree_first_and_sign_in_there_and_call_with_our_token() {
    let mut scene = Scene::open("");
    scene.people.group(&json!(["them", "others"]));
    let page = scene.browser("ada").presses("none", &scene.question());
    for piece in ["The Client", "The Provider", "127.0.0.1", "files:read", "files:write"] {
        assert!(page.text.contains(piece), "{piece} is not in {}", page.text);
    }
    let before = get(&format!("{}/.well-known/openid-configuration", scene.people.url)).status;
    assert_eq!((before, scene.people.requests()), (200, 1), "nothing has reached the provider but this");
    let tokens = scene.log_in("ada");
    assert_eq!(tokens.scope, "files:read files:write", "by her group, which only the userinfo endpoint tells");
    scene.reads_the_letter(&tokens);
    let call = &scene.door.calls_of("read_text_file", 1)[0];
    assert_eq!((&call["issuer"], &call["subject"]), (&json!(scene.door.origin()), &json!("idp|ada")));
    assert_eq!(scene.door.events("sign_in.done", 1)[0]["provider"], "idp");
    scene.close();
}

#[test]
fn what_ends_at_the_provider_ends_at_the_door() {
    let mut scene = Scene::open("");
    scene.people.group(&json!(["them"]));
    let mut tokens = scene.log_in("ada");
    scene.people.group(&json!([]));
    let lost_it = || {
        tokens = scene.refresh(&tokens).expect("she is still there");
        tokens.scope == "files:read"
    };
    assert!(eventually(lost_it), "who has lost a group has lost what it permits");
    assert_eq!(scene.status(&tokens), 200);
    scene.people.end_grants();
    let ended = || match scene.refresh(&tokens) {
        Ok(next) => {
            tokens = next;
            false
        }
        Err(error) => error == "invalid_grant",
    };
    assert!(eventually(ended), "the provider has been asked, and says that it is over");
    assert_eq!(scene.status(&tokens), 401, "her token is good no more");
    assert_eq!(scene.door.events("grant.ended", 1)[0]["by"], "provider");
    scene.close();
}

#[test]
fn an_id_token_that_is_not_the_answer_lets_nobody_in() {
    let mut scene = Scene::open("");
    for claims in [
        json!({"nonce": "another"}),
        json!({"nonce": null}),
        json!({"aud": "another-client"}),
        json!({"aud": ["federated", "another-client"]}),
        json!({"azp": "another-client"}),
        json!({"iss": "https://evil.example"}),
        json!({"iss": format!("{}/", scene.people.url)}),
        json!({"exp": 1}),
        json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
    ] {
        scene.people.forge(&claims);
        let page = scene.is_stopped("ada");
        assert_eq!(page.status, 403, "{claims}: {}", page.text);
        assert!(page.text.contains("The Provider"), "{}", page.text);
    }
    scene.people.forge(&json!({}));
    scene.log_in("ada");
    scene.close();
}

#[test]
fn a_provider_that_is_down_or_slow_or_has_new_keys_ends_nothing() {
    let mut scene = Scene::open("");
    let mut tokens = scene.log_in("ada");
    scene.people.rotate();
    scene.reads_the_letter(&tokens);
    let other = scene.log_in("grace");
    scene.people.fail();
    for _ in 0..3 {
        tokens = scene.refresh(&tokens).expect("a provider that is down has taken nothing back");
    }
    scene.reads_the_letter(&tokens);
    assert_eq!(scene.is_stopped("mary").status, 503);
    scene.people.mend();
    scene.people.delay();
    scene.reads_the_letter(&scene.refresh(&other).expect("a provider that is slow answers in the end"));
    scene.log_in("mary");
    scene.people.close();
    tokens = scene.refresh(&tokens).expect("nor has one that is gone");
    scene.reads_the_letter(&tokens);
    scene.people.open();
    scene.close();
}

#[test]
fn a_provider_whose_name_ends_with_a_slash_is_known_by_the_slash() {
    let people = Issuer::start_with_slash("unused");
    assert!(people.url.ends_with('/'));
    let scene = Scene::at(people, "");
    scene.reads_the_letter(&scene.log_in("ada"));
    scene.close();
    let people = Issuer::start_with_slash("unused");
    let scene = Scene::at(people.called_without_slash(), "");
    let page = scene.browser("ada").presses("idp", &scene.question());
    assert_eq!(page.status, 503, "its metadata names somebody else: {}", page.text);
    scene.close();
}

#[test]
fn only_verified_addresses_of_the_domain_come_in() {
    let scene = Scene::open("allow = { domains = \"example.com\" }");
    scene.reads_the_letter(&scene.log_in("ada"));
    let page = scene.is_stopped("unverified-eve");
    assert_eq!(page.status, 403);
    assert!(page.text.contains("may not come in"), "{}", page.text);
    scene.close();
}

#[test]
fn who_brings_an_answer_to_another_browser_is_nobody_there() {
    let scene = Scene::open("");
    let mut ada = scene.browser("ada");
    let back = ada.presses_and_stops_before("idp", "/authorize/back", &scene.question());
    let page = scene.browser("eve").opens(&back);
    assert_eq!(page.status, 403, "{}", page.text);
    let page = ada.presses_and_stops_before("none", "/callback", &back);
    assert!(page.contains("code="), "{page}");
    scene.close();
}

/// No server listens there; browsers stop before it.
const CALLBACK: &str = "http://127.0.0.1:1/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
