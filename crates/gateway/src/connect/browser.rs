//! Who sits at the browser? A sealed cookie says it, for half an hour; and what must come back to the very browser that left is tied to it.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::connection::Person;
use http::{HeaderMap, HeaderValue};
use pages::cookie::{Cookies, TooLong};
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
    pub(crate) fn admit(&self, person: &Person, now: u64, cookies: Cookies) -> Result<HeaderValue, CannotSeal> {
        self.stay(&Visitor { person: person.clone(), mark: unguessable()? }, now, cookies)
    }

    /// The cookie of somebody who goes on: from now on for as long again.
    pub(crate) fn stay(&self, visitor: &Visitor, now: u64, cookies: Cookies) -> Result<HeaderValue, CannotSeal> {
        let wire = Wire {
            issuer: visitor.person.issuer.to_string(),
            subject: visitor.person.subject.to_string(),
            mark: visitor.mark.clone(),
            until: now + STAYS.as_secs(),
        };
        let plain = serde_json::to_vec(&wire).map_err(|_| CannotSeal)?;
        cookie(cookies, VISITOR, &self.sealer.seal(&plain, VISITOR.as_bytes())?, STAYS)
    }

    /// Who it is, if they have shown it lately.
    pub(crate) fn visitor(&self, headers: &HeaderMap, now: u64, cookies: Cookies) -> Option<Visitor> {
        let sealed = cookies.read(headers, VISITOR)?;
        let plain = self.sealer.open(&sealed, VISITOR.as_bytes()).ok()?;
        let wire: Wire = serde_json::from_slice(&plain).ok()?;
        let person = Person { issuer: wire.issuer.into(), subject: wire.subject.into() };
        (now < wire.until).then_some(Visitor { person, mark: wire.mark })
    }

    /// The cookie that ends it.
    pub(crate) fn dismiss(cookies: Cookies) -> Result<HeaderValue, CannotSeal> {
        cookies.end(VISITOR).map_err(|TooLong| CannotSeal)
    }

    /// A cookie for somebody who leaves to sign in, under a name of its own for each time: only the browser that left may come back with the answer (login CSRF), and what
    /// has to be remembered until then travels in it, sealed.
    pub(crate) fn leave(&self, errand: &SigningIn, cookies: Cookies) -> Result<HeaderValue, CannotSeal> {
        let plain = Zeroizing::new(serde_json::to_vec(errand).map_err(|_| CannotSeal)?);
        let name = leaving(&errand.state);
        cookie(cookies, &name, &self.sealer.seal(&plain, name.as_bytes())?, AWAY)
    }

    /// What the browser that comes back with this `state` had left for, and the cookie that ends it.
    pub(crate) fn left_for(&self, headers: &HeaderMap, state: &str, cookies: Cookies) -> Option<(SigningIn, HeaderValue)> {
        let name = leaving(state);
        let plain = self.sealer.open(&cookies.read(headers, &name)?, name.as_bytes()).ok()?;
        let errand: SigningIn = serde_json::from_slice(&plain).ok()?;
        let over = cookies.end(&name).ok()?;
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

/// A cookie; one that browsers would not keep is none.
fn cookie(cookies: Cookies, name: &str, value: &str, lives: Duration) -> Result<HeaderValue, CannotSeal> {
    cookies.set(name, value, lives).map_err(|TooLong| CannotSeal)
}

fn leaving(state: &str) -> String {
    let name = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, state.as_bytes()));
    format!("claviger-leaving-{}", name.get(..16).unwrap_or_default())
}

const VISITOR: &str = "claviger-visitor";
const STAYS: Duration = Duration::from_secs(1800);
/// For signing in elsewhere, a second factor included.
pub(crate) const AWAY: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;
    use crate::connect::errand::Destination;

    const NOW: u64 = 1_800_000_000;

    fn browsers(byte: u8) -> Browsers {
        Browsers::new(&InstanceKey::from_bytes(&[byte; 32])).unwrap()
    }

    fn https() -> Cookies {
        Cookies::new(true)
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
        let set = browsers(1).admit(&ada(), NOW, https()).unwrap();
        let headers = sent_back(&set);
        let visitor = browsers(1).visitor(&headers, NOW + 1799, https()).unwrap();
        assert_eq!((visitor.person, visitor.mark.len()), (ada(), 22));
        assert_eq!(browsers(1).visitor(&headers, NOW + 1800, https()), None);
        assert_eq!(browsers(2).visitor(&headers, NOW, https()), None);
        assert_eq!(browsers(1).visitor(&headers, NOW, Cookies::new(false)), None);
        assert_eq!(browsers(1).visitor(&HeaderMap::new(), NOW, https()), None);
    }

    #[test]
    fn the_cookie_is_out_of_reach_for_scripts_and_other_hosts() {
        let set = browsers(1).admit(&ada(), NOW, https()).unwrap();
        let text = set.to_str().unwrap();
        assert!(text.starts_with("__Host-claviger-visitor="), "{text}");
        for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=1800"] {
            assert!(text.contains(attribute), "{text} lacks {attribute}");
        }
        assert!(!text.contains("ada") && !text.contains("Domain"));
        let plain = browsers(1).admit(&ada(), NOW, Cookies::new(false)).unwrap();
        assert!(!plain.to_str().unwrap().contains("Secure"));
    }

    #[test]
    fn every_sign_in_has_a_mark_of_its_own_and_two_cookies_are_none() {
        let (first, second) = (browsers(1).admit(&ada(), NOW, https()).unwrap(), browsers(1).admit(&ada(), NOW, https()).unwrap());
        let mark = |set: &HeaderValue| browsers(1).visitor(&sent_back(set), NOW, https()).unwrap().mark;
        assert_ne!(mark(&first), mark(&second));
        let mut both = sent_back(&first);
        both.append(COOKIE, sent_back(&second)[COOKIE].clone());
        assert_eq!(browsers(1).visitor(&both, NOW, https()), None);
        assert!(Browsers::dismiss(https()).unwrap().to_str().unwrap().contains("Max-Age=0"));
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
        let (one, other) = (browsers(1).leave(&errand("one"), https()).unwrap(), browsers(1).leave(&errand("other"), https()).unwrap());
        assert!(!one.to_str().unwrap().contains("secret"));
        let mut headers = sent_back(&one);
        headers.append(COOKIE, sent_back(&other)[COOKIE].clone());
        let (found, over) = browsers(1).left_for(&headers, "one", https()).unwrap();
        assert_eq!((&*found.state, found.verifier.as_str(), found.then.server.as_deref()), ("one", "verifier-secret", Some("mail")));
        assert!(over.to_str().unwrap().contains("Max-Age=0"));
        assert!(browsers(1).left_for(&headers, "other", https()).is_some());
        for (browsers, headers, state) in
            [(browsers(1), &HeaderMap::new(), "one"), (browsers(2), &headers, "one"), (browsers(1), &headers, "invented")]
        {
            assert!(browsers.left_for(headers, state, https()).is_none());
        }
        // One put in the place of another opens nothing.
        let name = |set: &HeaderValue| set.to_str().unwrap().split('=').next().unwrap().to_owned();
        let value = |set: &HeaderValue| set.to_str().unwrap().split(['=', ';']).nth(1).unwrap().to_owned();
        let moved = HeaderValue::try_from(format!("{}={}", name(&other), value(&one))).unwrap();
        assert!(browsers(1).left_for(&HeaderMap::from_iter([(COOKIE, moved)]), "other", https()).is_none());
    }

    #[test]
    fn a_cookie_that_no_browser_would_keep_is_not_set() {
        let endless = Person { issuer: "https://idp".into(), subject: "a".repeat(4000).into() };
        assert!(browsers(1).admit(&endless, NOW, https()).is_err());
    }
}
