//! Who sits at the browser? A sealed cookie says it, for half an hour; and what must come back to the very browser that left is tied to it.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::connection::Person;
use cookie::{Cookie, SameSite};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use store::seal::{CannotSeal, InstanceKey, Sealer};
use zeroize::Zeroizing;

use super::errand::SigningIn;

/// Makes and reads the cookies.
pub(crate) struct Browsers {
    sealer: Sealer,
}

/// Somebody at a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visitor {
    pub(crate) person: Person,
    /// Ties forms and answers to this very browser.
    pub(crate) mark: String,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    issuer: String,
    subject: String,
    mark: String,
    /// Unix seconds.
    until: u64,
}

impl Browsers {
    pub(crate) fn new(key: &InstanceKey) -> Result<Self, CannotSeal> {
        Ok(Self { sealer: Sealer::new(key, "connect-browser")? })
    }

    /// The cookie of somebody who has just shown who they are, under a fresh mark: nothing from before can be theirs.
    pub(crate) fn admit(&self, person: &Person, now: u64, is_https: bool) -> Result<HeaderValue, CannotSeal> {
        self.stay(&Visitor { person: person.clone(), mark: unguessable()? }, now, is_https)
    }

    /// The cookie of somebody who goes on: from now on for as long again.
    pub(crate) fn stay(&self, visitor: &Visitor, now: u64, is_https: bool) -> Result<HeaderValue, CannotSeal> {
        let wire = Wire {
            issuer: visitor.person.issuer.to_string(),
            subject: visitor.person.subject.to_string(),
            mark: visitor.mark.clone(),
            until: now + STAYS.as_secs(),
        };
        let plain = serde_json::to_vec(&wire).map_err(|_| CannotSeal)?;
        cookie(VISITOR, &self.sealer.seal(&plain, VISITOR.as_bytes())?, STAYS, is_https)
    }

    /// Who it is, if they have shown it lately.
    pub(crate) fn visitor(&self, headers: &HeaderMap, now: u64, is_https: bool) -> Option<Visitor> {
        let sealed = read(headers, VISITOR, is_https)?;
        let plain = self.sealer.open(&sealed, VISITOR.as_bytes()).ok()?;
        let wire: Wire = serde_json::from_slice(&plain).ok()?;
        let person = Person { issuer: wire.issuer.into(), subject: wire.subject.into() };
        (now < wire.until).then_some(Visitor { person, mark: wire.mark })
    }

    /// The cookie that ends it.
    pub(crate) fn dismiss(is_https: bool) -> Result<HeaderValue, CannotSeal> {
        cookie(VISITOR, "", Duration::ZERO, is_https)
    }

    /// A cookie for somebody who leaves to sign in, under a name of its own for each time: only the browser that left may come back with the answer (login CSRF), and what
    /// has to be remembered until then travels in it, sealed.
    pub(crate) fn leave(&self, errand: &SigningIn, is_https: bool) -> Result<HeaderValue, CannotSeal> {
        let plain = Zeroizing::new(serde_json::to_vec(errand).map_err(|_| CannotSeal)?);
        let name = leaving(&errand.state);
        cookie(&name, &self.sealer.seal(&plain, name.as_bytes())?, AWAY, is_https)
    }

    /// What the browser that comes back with this `state` had left for, and the cookie that ends it.
    pub(crate) fn left_for(&self, headers: &HeaderMap, state: &str, is_https: bool) -> Option<(SigningIn, HeaderValue)> {
        let name = leaving(state);
        let plain = self.sealer.open(&read(headers, &name, is_https)?, name.as_bytes()).ok()?;
        let errand: SigningIn = serde_json::from_slice(&plain).ok()?;
        let over = cookie(&name, "", Duration::ZERO, is_https).ok()?;
        verify_slices_are_equal(errand.state.as_bytes(), state.as_bytes()).ok()?;
        Some((errand, over))
    }
}

/// 128 random bits as text.
pub(crate) fn unguessable() -> Result<String, CannotSeal> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| CannotSeal)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn cookie(name: &str, value: &str, lives: Duration, is_https: bool) -> Result<HeaderValue, CannotSeal> {
    let lives = cookie::time::Duration::try_from(lives).unwrap_or_default();
    let cookie = Cookie::build((full_name(name, is_https), value))
        .path("/")
        .http_only(true)
        .secure(is_https)
        // Lax: it has to be there when another site sends the browser back to us.
        .same_site(SameSite::Lax)
        .max_age(lives)
        .build();
    let text = cookie.to_string();
    // A longer one would be dropped by the browser, which would then be asked who it is for ever.
    if text.len() > LONGEST {
        return Err(CannotSeal);
    }
    HeaderValue::try_from(text).map_err(|_| CannotSeal)
}

fn leaving(state: &str) -> String {
    let name = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, state.as_bytes()));
    format!("claviger-leaving-{}", name.get(..16).unwrap_or_default())
}

fn read(headers: &HeaderMap, name: &str, is_https: bool) -> Option<String> {
    let name = full_name(name, is_https);
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut found = texts.flat_map(Cookie::split_parse).filter_map(Result::ok).filter(|cookie| cookie.name() == name);
    let first = found.next()?.value().to_owned();
    // Two of one name: somebody has tossed in another (a neighbouring host, say), and none is believed.
    found.next().is_none().then_some(first)
}

/// No other host can set a cookie with this prefix (RFC 6265bis §4.1.3.2); on plain http, which is for this machine only, browsers take none with it.
fn full_name(name: &str, is_https: bool) -> String {
    if is_https { format!("__Host-{name}") } else { name.to_owned() }
}

const VISITOR: &str = "claviger-visitor";
const STAYS: Duration = Duration::from_secs(1800);
/// Browsers keep cookies of up to 4096 bytes (RFC 6265 §6.1).
const LONGEST: usize = 4096;
/// For signing in elsewhere, a second factor included.
pub(crate) const AWAY: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::errand::Destination;

    const NOW: u64 = 1_800_000_000;

    fn browsers(byte: u8) -> Browsers {
        Browsers::new(&InstanceKey::from_bytes(&[byte; 32])).unwrap()
    }

    fn ada() -> Person {
        Person { issuer: "https://idp".into(), subject: "ada".into() }
    }

    fn sent_back(set: &HeaderValue) -> HeaderMap {
        let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(format!("theme=dark; {pair}")).unwrap())])
    }

    #[test]
    fn a_visitor_is_known_for_half_an_hour_and_by_this_instance_only() {
        let set = browsers(1).admit(&ada(), NOW, true).unwrap();
        let headers = sent_back(&set);
        let visitor = browsers(1).visitor(&headers, NOW + 1799, true).unwrap();
        assert_eq!((visitor.person, visitor.mark.len()), (ada(), 22));
        assert_eq!(browsers(1).visitor(&headers, NOW + 1800, true), None);
        assert_eq!(browsers(2).visitor(&headers, NOW, true), None);
        assert_eq!(browsers(1).visitor(&headers, NOW, false), None);
        assert_eq!(browsers(1).visitor(&HeaderMap::new(), NOW, true), None);
    }

    #[test]
    fn the_cookie_is_out_of_reach_for_scripts_and_other_hosts() {
        let set = browsers(1).admit(&ada(), NOW, true).unwrap();
        let text = set.to_str().unwrap();
        assert!(text.starts_with("__Host-claviger-visitor="), "{text}");
        for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=1800"] {
            assert!(text.contains(attribute), "{text} lacks {attribute}");
        }
        assert!(!text.contains("ada") && !text.contains("Domain"));
        let plain = browsers(1).admit(&ada(), NOW, false).unwrap();
        assert!(!plain.to_str().unwrap().contains("Secure"));
    }

    #[test]
    fn every_sign_in_has_a_mark_of_its_own_and_two_cookies_are_none() {
        let (first, second) = (browsers(1).admit(&ada(), NOW, true).unwrap(), browsers(1).admit(&ada(), NOW, true).unwrap());
        let mark = |set: &HeaderValue| browsers(1).visitor(&sent_back(set), NOW, true).unwrap().mark;
        assert_ne!(mark(&first), mark(&second));
        let mut both = sent_back(&first);
        both.append(COOKIE, sent_back(&second)[COOKIE].clone());
        assert_eq!(browsers(1).visitor(&both, NOW, true), None);
        assert!(Browsers::dismiss(true).unwrap().to_str().unwrap().contains("Max-Age=0"));
    }

    #[test]
    fn a_browser_that_left_remembers_what_for_and_nobody_else_does() {
        let errand = |state: &str| SigningIn {
            issuer: "https://idp".to_owned(),
            state: state.to_owned(),
            nonce: "nonce".to_owned(),
            then: Destination { server: Some("mail".to_owned()), ticket: None },
            verifier: Zeroizing::new("verifier-secret".to_owned()),
        };
        let (one, other) = (browsers(1).leave(&errand("one"), true).unwrap(), browsers(1).leave(&errand("other"), true).unwrap());
        assert!(!one.to_str().unwrap().contains("secret"));
        let mut headers = sent_back(&one);
        headers.append(COOKIE, sent_back(&other)[COOKIE].clone());
        let (found, over) = browsers(1).left_for(&headers, "one", true).unwrap();
        assert_eq!((&*found.state, found.verifier.as_str(), found.then.server.as_deref()), ("one", "verifier-secret", Some("mail")));
        assert!(over.to_str().unwrap().contains("Max-Age=0"));
        assert!(browsers(1).left_for(&headers, "other", true).is_some());
        for (browsers, headers, state) in
            [(browsers(1), &HeaderMap::new(), "one"), (browsers(2), &headers, "one"), (browsers(1), &headers, "invented")]
        {
            assert!(browsers.left_for(headers, state, true).is_none());
        }
        // One put in the place of another opens nothing.
        let name = |set: &HeaderValue| set.to_str().unwrap().split('=').next().unwrap().to_owned();
        let value = |set: &HeaderValue| set.to_str().unwrap().split(['=', ';']).nth(1).unwrap().to_owned();
        let moved = HeaderValue::try_from(format!("{}={}", name(&other), value(&one))).unwrap();
        assert!(browsers(1).left_for(&HeaderMap::from_iter([(COOKIE, moved)]), "other", true).is_none());
    }

    #[test]
    fn a_cookie_that_no_browser_would_keep_is_not_set() {
        let endless = Person { issuer: "https://idp".into(), subject: "a".repeat(4000).into() };
        assert!(browsers(1).admit(&endless, NOW, true).is_err());
    }
}
