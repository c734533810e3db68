//! A person at a browser: keeps cookies, fills in forms, and sees what a page says.

use std::collections::BTreeMap;

use super::{CHALLENGE, PASSWORD, Request};
use crate::support::{Answer, Door};

/// A browser.
pub(crate) struct Browser<'d> {
    door: &'d Door,
    cookies: BTreeMap<String, String>,
}

impl<'d> Browser<'d> {
    pub(crate) fn new(door: &'d Door) -> Self {
        Self { door, cookies: BTreeMap::new() }
    }

    pub(crate) async fn get(&mut self, target: &str) -> Answer {
        self.send(self.door.get(target)).await
    }

    /// Sends a form of a page.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = super::form(self.door, path, fields).header("origin", &self.door.public_url);
        self.send(request).await
    }

    /// Signs in on the page that was shown.
    pub(crate) async fn sign_in(&mut self, page: &Answer) -> Answer {
        let asked = asked(page);
        self.submit("/authorize/sign-in", &[("asked", &asked), ("username", "ada"), ("password", PASSWORD)]).await
    }

    /// Says yes or no on the page that was shown.
    pub(crate) async fn answer(&mut self, page: &Answer, answer: &str) -> Answer {
        let asked = asked(page);
        self.submit("/authorize/consent", &[("asked", &asked), ("answer", answer)]).await
    }

    /// Goes all the way with a client; the code that it gets.
    pub(crate) async fn allow(&mut self, client: &str, redirect: &str, more: &[(&str, &str)]) -> String {
        let page = self.get(&authorize(client, redirect, more)).await;
        let page = if page.text().contains("type=\"password\"") { self.sign_in(&page).await } else { page };
        let done = self.answer(&page, "allow").await;
        let to = done.header("refresh").unwrap_or_else(|| panic!("{}", done.text())).strip_prefix("0;url=").unwrap();
        let url = url::Url::parse(to).unwrap();
        url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
    }

    async fn send(&mut self, request: Request) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) };
        let answer = request.send().await;
        for cookie in answer.headers.get_all("set-cookie") {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

/// Where a client sends the browser.
pub(crate) fn authorize(client: &str, redirect: &str, more: &[(&str, &str)]) -> String {
    let fields = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", redirect),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "s"),
    ];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).extend_pairs(more).finish();
    format!("/authorize?{query}")
}

/// What a form of ours carries.
pub(crate) fn asked(page: &Answer) -> String {
    let text = page.text();
    let (_, rest) = text.split_once("name=\"asked\" value=\"").unwrap_or_else(|| panic!("no form in {text}"));
    rest.split('"').next().unwrap().to_owned()
}
