//! What does a browser keep for us, and is what it brings ours?

use std::time::Duration;

use ::cookie::{Cookie, SameSite};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// The cookies of one site.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    is_https: bool,
}

/// The cookie would be longer than browsers keep, and they would be asked who they are for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl Cookies {
    /// Cookies of a site that is called by https, or by plain http on this machine.
    pub fn new(is_https: bool) -> Self {
        Self { is_https }
    }

    /// Sets a cookie; no script reads it, and no other site's form brings it along.
    pub fn set(&self, name: &str, value: &str, lives: Duration) -> Result<HeaderValue, TooLong> {
        let lives = ::cookie::time::Duration::try_from(lives).unwrap_or_default();
        let cookie = Cookie::build((self.full_name(name), value))
            .path("/")
            .http_only(true)
            .secure(self.is_https)
            // Lax: it has to be there when another site sends the browser back to us.
            .same_site(SameSite::Lax)
            .max_age(lives)
            .build();
        let text = cookie.to_string();
        if text.len() > LONGEST {
            return Err(TooLong);
        }
        HeaderValue::try_from(text).map_err(|_| TooLong)
    }

    /// Ends a cookie.
    pub fn end(&self, name: &str) -> Result<HeaderValue, TooLong> {
        self.set(name, "", Duration::ZERO)
    }

    /// The value of a cookie. Two of one name: somebody has tossed in another (a neighbouring host, say), and none is believed.
    pub fn read(&self, headers: &HeaderMap, name: &str) -> Option<String> {
        let name = self.full_name(name);
        let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut found = texts.flat_map(Cookie::split_parse).filter_map(Result::ok).filter(|cookie| cookie.name() == name);
        let first = found.next()?.value().to_owned();
        found.next().is_none().then_some(first)
    }

    /// No other host can set a cookie with this prefix (RFC 6265bis §4.1.3.2); on plain http, which is for this machine only, browsers take none with it.
    fn full_name(self, name: &str) -> String {
        if self.is_https { format!("__Host-{name}") } else { name.to_owned() }
    }
}

/// Browsers keep cookies of up to 4096 bytes (RFC 6265 §6.1).
const LONGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_static(cookie));
        }
        headers
    }

    #[test]
    fn a_cookie_is_for_this_host_and_its_own_pages_alone() {
        let set = Cookies::new(true).set("visitor", "v", Duration::from_secs(60)).unwrap();
        assert_eq!(set, "__Host-visitor=v; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60");
        let set = Cookies::new(false).end("visitor").unwrap();
        assert_eq!(set, "visitor=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
        assert_eq!(Cookies::new(true).set("visitor", &"v".repeat(4096), Duration::ZERO), Err(TooLong));
    }

    #[test]
    fn two_of_one_name_are_none() {
        let cookies = Cookies::new(false);
        assert_eq!(cookies.read(&headers(&["a=1; visitor=v"]), "visitor").as_deref(), Some("v"));
        assert_eq!(cookies.read(&headers(&["visitor=v", "visitor=w"]), "visitor"), None);
        assert_eq!(cookies.read(&headers(&["visitor=v; visitor=v"]), "visitor"), None);
        assert_eq!(Cookies::new(true).read(&headers(&["visitor=v"]), "visitor"), None);
    }
}
