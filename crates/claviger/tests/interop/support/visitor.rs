//! Who sits at a browser? A program with cookies of its own, interop/drivers/person.mjs, which does what a page asks for.

use serde_json::{Value, json};
use url::Url;

use super::secrets::Secrets;
use super::{Running, node, repository};

/// Somebody at a browser.
pub(crate) struct Visitor {
    process: Running,
    names: String,
    secrets: Secrets,
}

/// What they have come to see.
pub(crate) struct Page {
    pub(crate) status: u64,
    /// What stands on it, its title first.
    pub(crate) text: String,
    pub(crate) html: String,
    /// Every response on the way, in order.
    pub(crate) responses: Vec<Response>,
}

/// One answer to their browser.
pub(crate) struct Response {
    pub(crate) url: Url,
    headers: Value,
    /// The `Set-Cookie` lines.
    pub(crate) cookies: Vec<String>,
}

impl Visitor {
    /// Sits down. `names` is what they type where somebody asks for a login, as person.mjs says it. What is seen of codes, tickets and cookies is kept as `secrets`.
    pub(crate) fn at_a_browser(names: &str, secrets: &Secrets) -> Self {
        let process = Running::start(node().arg(repository().join("interop/drivers/person.mjs")));
        Self { process, names: names.to_owned(), secrets: secrets.clone() }
    }

    /// Does what the pages ask for, the button `connect` among it.
    pub(crate) fn walks(&mut self, url: &str) -> Page {
        self.presses("connect", url)
    }

    /// The same with another button.
    pub(crate) fn presses(&mut self, button: &str, url: &str) -> Page {
        let page = self.does(&json!({"walk": url, "names": self.names, "button": button}));
        self.page(&page)
    }

    /// Does what the pages ask for, and presses no button of the door's: says who they are, that is.
    pub(crate) fn signs_in(&mut self, url: &str) -> Page {
        self.presses("none", url)
    }

    /// Does what the pages ask for, and stops before this path: the URL that they were sent to.
    pub(crate) fn stops_before(&mut self, path: &str, url: &str) -> String {
        self.presses_and_stops_before("connect", path, url)
    }

    /// The same with another button.
    pub(crate) fn presses_and_stops_before(&mut self, button: &str, path: &str, url: &str) -> String {
        let page = self.does(&json!({"walk": url, "names": self.names, "button": button, "before": path}));
        let stopped = page["stopped"].as_str().unwrap_or_else(|| panic!("nobody was sent to {path}: {page}")).to_owned();
        self.remember(&Url::parse(&stopped).expect("browsers are sent to URLs"));
        self.page(&page);
        stopped
    }

    /// Looks at one page.
    pub(crate) fn opens(&mut self, url: &str) -> Page {
        let page = self.does(&json!({"open": url}));
        self.page(&page)
    }

    /// Sends a form that no page has given them.
    pub(crate) fn posts(&mut self, url: &str, fields: &Value, origin: Option<&str>) -> Page {
        let page = self.does(&json!({"post": url, "fields": fields, "origin": origin}));
        self.page(&page)
    }

    fn does(&mut self, what: &Value) -> Value {
        self.process.type_line(&what.to_string());
        let seen = serde_json::from_str::<Value>(&self.process.line("{")).expect("person.mjs prints JSON");
        assert!(seen.get("error").is_none(), "{what}: {seen}");
        seen
    }

    fn page(&self, seen: &Value) -> Page {
        let text = |name: &str| seen[name].as_str().expect("a text").to_owned();
        let responses = seen["responses"].as_array().expect("a list").iter().map(Response::of).collect();
        let page = Page { status: seen["status"].as_u64().expect("a number"), text: text("text"), html: text("html"), responses };
        for response in &page.responses {
            self.remember(&response.url);
            response.cookies.iter().for_each(|line| self.secrets.keep(cookie_value(line)));
        }
        page
    }

    fn remember(&self, url: &Url) {
        // What a test has invented is short, and no secret.
        for (_, value) in url.query_pairs().filter(|(name, value)| SECRET_PARAMETERS.contains(&name.as_ref()) && value.len() > 20) {
            self.secrets.keep(&value);
        }
    }
}

impl Page {
    /// The mark of its form, which ties the form to this very browser.
    pub(crate) fn mark(&self) -> &str {
        let mark = self.html.split_once("name=\"mark\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
        mark.unwrap_or_else(|| panic!("no form: {}", self.text)).0
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &Url {
        &self.responses.last().expect("there was a response").url
    }
}

impl Response {
    fn of(seen: &Value) -> Self {
        let cookies = seen["cookies"].as_array().expect("a list").iter().map(|line| line.as_str().expect("a text").to_owned());
        Self {
            url: Url::parse(seen["url"].as_str().expect("a text")).expect("a URL"),
            headers: seen["headers"].clone(),
            cookies: cookies.collect(),
        }
    }

    /// The value of a header, in small letters.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].as_str().unwrap_or_default()
    }
}

fn cookie_value(line: &str) -> &str {
    line.split(';').next().and_then(|pair| pair.split_once('=')).map_or("", |(_, value)| value)
}

/// A code, a `state`, a nonce and a ticket; each lets somebody do something.
const SECRET_PARAMETERS: [&str; 4] = ["code", "for", "nonce", "state"];
