//! Where do people sign in? A door whose people come from real providers, a client that has registered itself there, and what a client and a person can do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::support::{Door, Issuer, Page, Setup, Visitor, post_form, post_json, post_message};

/// Everybody comes from `people`; nobody has an account here.
pub(super) struct Scene<P> {
    pub(super) people: P,
    pub(super) door: Door,
    /// The client, as it has registered itself.
    client: String,
    folder: TempDir,
}

/// What a client has got.
pub(super) struct Tokens {
    pub(super) access: String,
    refresh: String,
    pub(super) scope: String,
}

impl<P> Scene<P> {
    /// Opens the door. `federate` is the part of the configuration that names the providers.
    pub(super) fn with(people: P, federate: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("letter.txt"), "dear reader").expect("a file can be written");
        let secret = folder.path().join("secret");
        fs::write(&secret, Issuer::secret_of("federated")).expect("a file can be written");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("a mode can be set");
        let configuration = folder.path().join("claviger.toml");
        fs::write(&configuration, configured(federate)).expect("a file can be written");
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
    pub(super) fn question(&self) -> String {
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

    pub(super) fn browser(&self, who: &str) -> Visitor {
        Visitor::at_a_browser(who, self.door.secrets())
    }

    /// This person agrees, signs in, and lets the client have its tokens.
    pub(super) fn log_in(&self, who: &str) -> Tokens {
        self.log_in_at("idp", who)
    }

    /// The same at another provider.
    pub(super) fn log_in_at(&self, provider: &str, who: &str) -> Tokens {
        self.tokens_for(&self.browser(who).presses_and_stops_before(provider, "/callback", &self.question()))
    }

    /// What the client gets for what the browser has come back with.
    pub(super) fn tokens_for(&self, back: &str) -> Tokens {
        let back: Vec<(String, String)> = Url::parse(back).expect("a URL").query_pairs().into_owned().collect();
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

    pub(super) fn refresh(&self, tokens: &Tokens) -> Result<Tokens, String> {
        let reply = self.token(&[("grant_type", "refresh_token"), ("client_id", &self.client), ("refresh_token", &tokens.refresh)]);
        reply.map(|answer| self.tokens(&answer))
    }

    fn token(&self, fields: &[(&str, &str)]) -> Result<Value, String> {
        let reply = post_form(&format!("{}/token", self.door.origin()), None, fields);
        let answer = reply.json();
        if reply.status == 200 {
            Ok(answer)
        } else {
            Err(answer["error"].as_str().unwrap_or_else(|| panic!("an error has a name: {}", reply.text())).to_owned())
        }
    }

    fn tokens(&self, answer: &Value) -> Tokens {
        let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
        Tokens {
            access: self.door.keep_secret(&text("access_token")),
            refresh: self.door.keep_secret(&text("refresh_token")),
            scope: text("scope"),
        }
    }

    pub(super) fn reads_the_letter(&self, tokens: &Tokens) {
        let told = self.door.call_with(&tokens.access, "files", "read_text_file", &json!({"path": "letter.txt"}));
        assert!(told.as_ref().is_ok_and(|text| text.contains("dear reader")), "{told:?}");
    }

    /// The status with which the door answers a bare `initialize`.
    pub(super) fn status(&self, tokens: &Tokens) -> u16 {
        let parameters = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "interop", "version": "1"}});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": parameters});
        post_message(&self.door.url, Some(&tokens.access), &message).status
    }

    /// What somebody sees who agrees, and is not let in.
    pub(super) fn is_stopped(&self, who: &str) -> Page {
        let page = self.browser(who).presses("idp", &self.question());
        assert!(!page.responses.iter().any(|response| response.url.as_str().starts_with(CALLBACK)), "{}", page.text);
        page
    }

    /// Ends the door, which has kept all these tokens of providers to itself.
    pub(super) fn close_having_kept(self, given: &[String]) {
        for token in given {
            self.door.keep_secret(token);
        }
        self.door.close();
        drop(self.folder);
    }
}

/// A provider at which the door is `federated`, and may be told about groups.
pub(super) fn provider(name: &str, issuer: &str, scopes: &str, further: &str) -> String {
    format!(
        r#"
[[issuer.federate]]
name = "{name}"
title = "The Provider"
issuer = "{issuer}"
client_id = "federated"
client_secret = "file://./secret"
scopes = "{scopes}"
groups = {{ "them" = "writers" }}
look_every = "1s"
{further}
"#
    )
}

fn configured(federate: &str) -> String {
    format!(
        r#"
[issuer]
grants = {{ "*" = "files:read", "writers" = "files:*" }}
{federate}
[servers.files]
builtin = "filesystem"
root = "."
scopes = {{ "*" = "files:read", "search_files" = "files:write" }}
"#
    )
}

/// No server listens there; browsers stop before it.
const CALLBACK: &str = "http://127.0.0.1:1/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
