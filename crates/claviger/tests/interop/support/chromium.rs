//! Who sits at a real browser? Chromium without a screen, driven by interop/drivers/browser.mjs; one for all tests, each with a profile of its own.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::secrets::Secrets;
use super::{Running, node, repository};

/// What the browser showed on the way from a client's question back to the client.
pub(crate) struct Walk {
    /// The text of each page, in order; the last one is the client's.
    pub(crate) pages: Vec<String>,
}

/// Signs in and agrees, as a person does who follows this link of a client's.
pub(crate) fn sign_in(url: &str, username: &str, password: &str, secrets: &Secrets) -> Walk {
    let seen = does(&json!({"sign_in": url, "username": username, "password": password}));
    assert!(seen.get("error").is_none(), "nobody could sign in at {url}; the browser saw: {seen:#}");
    let pages = seen["pages"].as_array().expect("a list");
    let code = pages.last().and_then(|page| page["url"].as_str()).and_then(code_in);
    secrets.keep(&code.unwrap_or_else(|| panic!("the client got no code: {seen:#}")));
    Walk::of(&seen["pages"])
}

impl Walk {
    fn of(pages: &Value) -> Self {
        let text = |page: &Value| format!("{} | {}", page["title"].as_str().expect("a text"), page["text"].as_str().expect("a text"));
        Self { pages: pages.as_array().expect("a list").iter().map(text).collect() }
    }
}

/// Agrees, signs in at glewlwyd, which the door calls `provider`, and goes on: the texts of the pages, and where the client is that they go back to.
pub(crate) fn sign_in_elsewhere(url: &str, provider: &str, username: &str, password: &str, secrets: &Secrets) -> (Walk, String) {
    let seen = does(&json!({"sign_in_elsewhere": url, "at": provider, "username": username, "password": password}));
    assert!(seen.get("error").is_none(), "nobody could sign in at {provider}; the browser saw: {seen:#}");
    let asked = seen["asked"].as_str().expect("a URL").to_owned();
    secrets.keep(&code_in(&asked).unwrap_or_else(|| panic!("the client got no code: {seen:#}")));
    (Walk::of(&seen["pages"]), asked)
}

/// Lets the browser do something, and tells what it says of it.
pub(crate) fn does(what: &Value) -> Value {
    let mut browser = BROWSER.lock().unwrap_or_else(|broken: PoisonError<_>| {
        BROWSER.clear_poison();
        let mut browser = broken.into_inner();
        *browser = None;
        browser
    });
    let browser = browser.get_or_insert_with(start);
    browser.type_line(&what.to_string());
    serde_json::from_str(&browser.line("{")).expect("browser.mjs prints JSON")
}

fn start() -> Running {
    let browser = Running::start(node().arg(repository().join("interop/drivers/browser.mjs")));
    browser.line("\"ready\"");
    browser
}

fn code_in(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    url.query_pairs().find(|(name, _)| name == "code").map(|(_, value)| value.into_owned())
}

/// It ends with the tests: its stdin does.
static BROWSER: Mutex<Option<Running>> = Mutex::new(None);
