//! People use accounts of their own at a server: one real provider says who they are, another keeps the server's accounts, and somebody sits at a browser.

mod attacks;
mod endings;
mod flow;
mod looks;
mod pages;
mod renewal;

use std::fs;
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Client, Door, Issuer, Page, Running, Setup, Visitor, node, repository};

/// Everybody is one person at the provider that the door accepts tokens of, and another at the server's.
struct Scene {
    /// Says who somebody is.
    people: Issuer,
    /// Keeps the accounts of the server behind the door.
    accounts: Issuer,
    _server: Running,
    /// The resource behind the door.
    resource: String,
    door: Door,
    folder: TempDir,
}

impl Scene {
    fn open() -> Self {
        Self::where_people("sign_in = { client_id = \"people\", client_secret = \"file://./secret\" }")
    }

    /// The same with another line of `[[accept]]` that says how people sign in.
    fn where_people(sign_in: &str) -> Self {
        let issuer = || Issuer::start("docs:read docs:write");
        let (people, accounts) = thread::scope(|scope| {
            let people = scope.spawn(issuer);
            let accounts = issuer();
            (people.join().expect("the provider starts"), accounts)
        });
        let mut command = node();
        command.arg(repository().join("interop/servers/protected.mjs")).args([&*accounts.url, "docs:read"]);
        let server = Running::start(&mut command);
        let resource = server.line("http://127.0.0.1:").trim().to_owned();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let secret = folder.path().join("secret");
        fs::write(&secret, Issuer::secret_of("people")).expect("a file can be written");
        fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode can be set");
        let accept = format!("[[accept]]\nissuer = \"{}\"\n{sign_in}\n", people.url);
        let servers = [("docs", "The Docs"), ("notes", "The Notes")].map(|(name, title)| personal(name, title, &resource, &accounts.url));
        let configuration = folder.path().join("claviger.toml");
        fs::write(&configuration, accept + &servers.concat()).expect("a file can be written");
        // Whatever is logged, nothing of it may be a secret.
        let door = Setup::file(&configuration).variable("CLAVIGER_LOG", "trace").within(folder.path()).open();
        door.keep_secret(&Issuer::secret_of("people"));
        Self { people, accounts, _server: server, resource, door, folder }
    }

    /// A token with which this person's client calls.
    fn token(&self, who: &str) -> String {
        self.door.keep_secret(&self.people.token_of(who, &self.door.url, "docs:read"))
    }

    /// What the server says about whom `claviger call` calls as, or what went wrong.
    fn call(&self, who: &str) -> Result<Value, String> {
        let told = self.door.call_with(&self.token(who), self.door.name(), "whoami", &json!({}))?;
        Ok(serde_json::from_str(&told).expect("the tool answers with JSON"))
    }

    /// Whom the server knows this person as.
    fn account(&self, who: &str) -> Value {
        json!({"sub": account_of(who), "aud": self.resource, "scope": "docs:read", "client": "people"})
    }

    /// The link that `claviger call` shows to somebody who has no connection.
    fn link(&self, who: &str) -> String {
        let told = self.call(who).expect_err("they are not connected");
        let link = link_in(&told);
        self.door.keep_secret(ticket_of(&link));
        link
    }

    /// This person at a browser of their own.
    fn browser(&self, who: &str) -> Visitor {
        Visitor::at_a_browser(&self.names(who), self.door.secrets())
    }

    /// What they type: themselves at the one provider, the name of their account at the other.
    fn names(&self, who: &str) -> String {
        let [people, accounts] = [&self.people.url, &self.accounts.url].map(|url| url.trim_start_matches("http://"));
        format!("{people}={who},{accounts}={}", account_of(who))
    }

    /// This person follows their link to its end.
    fn connect(&self, who: &str) -> Visitor {
        let mut person = self.browser(who);
        let page = person.walks(&self.link(who));
        assert_connected(&page);
        person
    }

    /// Somebody on their way: signed in, and sent back from the server's provider with this URL, which nobody has opened yet.
    fn on_the_way(&self, who: &str) -> (Visitor, String) {
        let mut person = self.browser(who);
        let callback = person.stops_before(BACK, &self.link(who));
        (person, callback)
    }

    /// A scenario of the official client, as this person.
    fn client(&self, who: &str, scenario: &str, settings: &Value) -> Value {
        Client::TypeScript.run(&self.door.url, &self.token(who), scenario, settings)
    }

    /// Settings of the scenario `account`.
    fn asking(&self, era: &str, answers: &[&str], steps: &[&str]) -> Value {
        json!({"era": era, "tool": "whoami", "names": self.names("robot"), "answers": answers, "steps": steps})
    }

    /// Who is connected, as `claviger connections list --json` tells.
    fn connections(&self) -> Vec<Value> {
        let listed = self.door.types(&["connections", "list", "--json"]);
        assert!(listed.success, "{}", listed.stderr);
        serde_json::from_str(&listed.stdout).expect("a list as JSON")
    }

    fn nobody_is_connected(&self) {
        assert_eq!(self.connections(), Vec::<Value>::new());
    }

    /// One of the door's pages.
    fn page(&self, rest: &str) -> String {
        format!("{}/connections{rest}", self.door.origin())
    }

    /// Ends the door, which has kept every token that either provider has given to itself.
    fn close(mut self) {
        for token in [self.people.given(), self.accounts.given()].concat() {
            self.door.keep_secret(&token);
        }
        self.door.close();
    }
}

/// A server that each uses with an account of their own.
fn personal(name: &str, title: &str, resource: &str, issuer: &str) -> String {
    format!(
        r#"
[servers.{name}]
url = "{resource}"
title = "{title}"

[servers.{name}.credential.personal]
issuer = "{issuer}"
client_id = "people"
client_secret = "file://./secret"
resource = "{resource}"
scopes = "docs:read openid offline_access"
"#
    )
}

fn account_of(who: &str) -> String {
    format!("{who}-of-the-docs")
}

fn link_in(words: &str) -> String {
    let link = words.split_whitespace().find(|word| word.contains("/connections/to/docs?for="));
    link.unwrap_or_else(|| panic!("there is no link in: {words}")).to_owned()
}

/// What says for whom a link is.
fn ticket_of(link: &str) -> &str {
    link.split_once("for=").expect("the link has a ticket").1
}

fn assert_connected(page: &Page) {
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("You are connected to “The Docs”"), "{}", page.text);
}

/// Where the server's provider sends people back to.
const BACK: &str = "/connections/back/docs";
