//! Who sits at the browser, and what were they asked? Sealed cookies say the one, a sealed field of the pages' forms the other; nothing of it fills the store.
//!
//! Every browser has a mark, and what it was asked is sealed for that mark: a form made for one browser means nothing in another (CSRF), and whoever signs in
//! gets a new mark, so that nothing from before is theirs (session fixation).

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use oauth::resource::Resource;
use oauth::scope::ScopeSet;
use pages::cookie::Cookies;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::seal::{CannotSeal, InstanceKey, Sealer};
use zeroize::Zeroizing;

use crate::grant::Person;
use crate::refusal::Failure;
use crate::shelf::unguessable;

/// Makes and reads what browsers keep for us.
pub(crate) struct Browsers {
    sealer: Sealer,
    cookies: Cookies,
    session: Duration,
}

/// Somebody who has signed in.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) person: Person,
    /// Unix seconds.
    pub(crate) signed_in_at: u64,
}

/// What a person is asked, with everything that the answer needs.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    /// Whether the client named that in its request.
    pub(crate) redirect_was_named: bool,
    pub(crate) state: Option<String>,
    pub(crate) challenge: String,
    pub(crate) scopes: ScopeSet,
    pub(crate) resource: Resource,
    pub(crate) nonce: Option<String>,
    pub(crate) dpop_key: Option<String>,
    /// Whoever is signed in already has to sign in again.
    pub(crate) must_sign_in: bool,
    pub(crate) ui_locales: Option<String>,
    pub(crate) login_hint: Option<String>,
    /// The device that waits for the answer, by its place in the store; then nobody is sent back anywhere.
    pub(crate) device: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Wire<T> {
    value: T,
    /// The mark of the browser that it is for.
    mark: String,
    /// Unix seconds.
    until: u64,
}

/// A browser, as it shows itself.
pub(crate) struct Browser {
    /// What ties forms to it.
    pub(crate) mark: String,
    /// Whether it had that before: else it has to be told.
    pub(crate) is_new: bool,
    pub(crate) session: Option<Session>,
}

impl Browsers {
    pub(crate) fn new(key: &InstanceKey, is_https: bool, session: Duration) -> Result<Self, CannotSeal> {
        Ok(Self { sealer: Sealer::new(key, "issuer-browser")?, cookies: Cookies::new(is_https), session })
    }

    /// The browser that sends these headers.
    pub(crate) fn read(&self, headers: &HeaderMap, now: u64) -> Result<Browser, Failure> {
        let known = self.cookies.read(headers, MARK).filter(|mark| is_mark(mark));
        let Some(mark) = known else { return Ok(Browser { mark: unguessable::<16>()?, is_new: true, session: None }) };
        let sealed = self.cookies.read(headers, SESSION);
        let session = sealed.and_then(|sealed| self.open(&sealed, SESSION, &mark, now));
        Ok(Browser { mark, is_new: false, session })
    }

    /// The cookies of a browser that has none yet.
    pub(crate) fn greet(&self, browser: &Browser) -> Result<Vec<HeaderValue>, Failure> {
        Ok(if browser.is_new { vec![self.set(MARK, &browser.mark, MARKED)?] } else { Vec::new() })
    }

    /// The cookies of somebody who has just signed in, and the browser that it is from now on.
    pub(crate) fn admit(&self, session: Session, now: u64) -> Result<(Browser, Vec<HeaderValue>), Failure> {
        let mark = unguessable::<16>()?;
        let sealed = self.seal(&session, SESSION, &mark, now.saturating_add(self.session.as_secs()))?;
        let cookies = vec![self.set(MARK, &mark, MARKED)?, self.set(SESSION, &sealed, self.session)?];
        Ok((Browser { mark, is_new: false, session: Some(session) }, cookies))
    }

    /// The cookies of somebody who is forgotten.
    pub(crate) fn dismiss(&self) -> Result<Vec<HeaderValue>, Failure> {
        Ok(vec![self.set(SESSION, "", Duration::ZERO)?])
    }

    /// What this browser is asked, for the form of a page.
    pub(crate) fn ask(&self, pending: &Pending, browser: &Browser, now: u64) -> Result<String, Failure> {
        Ok(self.seal(pending, PENDING, &browser.mark, now.saturating_add(ANSWERED_WITHIN))?)
    }

    /// What this browser was asked; `None`: another one was, or too long ago.
    pub(crate) fn asked(&self, sealed: &str, browser: &Browser, now: u64) -> Option<Pending> {
        self.open(sealed, PENDING, &browser.mark, now)
    }

    fn set(&self, name: &str, value: &str, lives: Duration) -> Result<HeaderValue, Failure> {
        self.cookies.set(name, value, lives).map_err(|_| Failure::Seal(CannotSeal))
    }

    pub(crate) fn seal<T: Serialize>(&self, value: &T, kind: &str, mark: &str, until: u64) -> Result<String, CannotSeal> {
        let wire = Wire { value, mark: mark.to_owned(), until };
        let plain = Zeroizing::new(serde_json::to_vec(&wire).map_err(|_| CannotSeal)?);
        self.sealer.seal(&plain, kind.as_bytes())
    }

    pub(crate) fn open<T: DeserializeOwned>(&self, sealed: &str, kind: &str, mark: &str, now: u64) -> Option<T> {
        let plain = self.sealer.open(sealed, kind.as_bytes()).ok()?;
        let wire: Wire<T> = serde_json::from_slice(&plain).ok()?;
        let is_theirs = aws_lc_rs::constant_time::verify_slices_are_equal(wire.mark.as_bytes(), mark.as_bytes()).is_ok();
        (is_theirs && now < wire.until).then_some(wire.value)
    }
}

fn is_mark(text: &str) -> bool {
    text.len() == 22 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

const MARK: &str = "claviger-browser";
const SESSION: &str = "claviger-session";
const PENDING: &str = "pending";
const MARKED: Duration = Duration::from_secs(24 * 3600);
/// Time for somebody to find their password, in seconds.
const ANSWERED_WITHIN: u64 = 1800;

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;

    fn browsers() -> Browsers {
        Browsers::new(&InstanceKey::from_bytes(&[7; 32]), false, Duration::from_secs(100)).unwrap()
    }

    fn headers(cookies: &[HeaderValue]) -> HeaderMap {
        let pairs: Vec<_> = cookies.iter().map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned()).collect();
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::try_from(pairs.join("; ")).unwrap());
        headers
    }

    fn session() -> Session {
        let person = Person { subject: "ada".into(), name: "Ada".into(), provider: None, groups: Vec::new() };
        Session { person, signed_in_at: 5 }
    }

    fn pending() -> Pending {
        Pending {
            client_id: "c".into(),
            redirect_uri: "http://127.0.0.1/cb".into(),
            redirect_was_named: true,
            state: None,
            challenge: "x".into(),
            scopes: ScopeSet::default(),
            resource: Resource::parse("https://door/mcp/files").unwrap(),
            nonce: None,
            dpop_key: None,
            must_sign_in: false,
            ui_locales: None,
            login_hint: None,
            device: None,
        }
    }

    #[test]
    fn who_signs_in_is_known_until_the_session_ends() {
        let browsers = browsers();
        let (browser, cookies) = browsers.admit(session(), 5).unwrap();
        let read = browsers.read(&headers(&cookies), 104).unwrap();
        assert_eq!((read.mark, read.is_new), (browser.mark, false));
        assert_eq!(read.session.unwrap().person, session().person);
        assert!(browsers.read(&headers(&cookies), 105).unwrap().session.is_none());
    }

    #[test]
    fn a_question_is_for_the_browser_that_was_asked() {
        let browsers = browsers();
        let stranger = browsers.read(&HeaderMap::new(), 0).unwrap();
        let known = browsers.read(&headers(&browsers.greet(&stranger).unwrap()), 0).unwrap();
        let asked = browsers.ask(&pending(), &known, 0).unwrap();
        assert!(browsers.asked(&asked, &known, 1799).is_some());
        assert!(browsers.asked(&asked, &known, 1800).is_none());
        let other = browsers.read(&HeaderMap::new(), 0).unwrap();
        assert!(browsers.asked(&asked, &other, 0).is_none());
        let (admitted, _) = browsers.admit(session(), 0).unwrap();
        assert!(browsers.asked(&asked, &admitted, 0).is_none(), "who signs in has nothing of what the browser had before");
    }

    #[test]
    fn a_session_of_another_browser_is_none() {
        let browsers = browsers();
        let (_, theirs) = browsers.admit(session(), 5).unwrap();
        let stranger = browsers.read(&HeaderMap::new(), 0).unwrap();
        let mine = browsers.greet(&stranger).unwrap();
        assert!(browsers.read(&headers(&[mine[0].clone(), theirs[1].clone()]), 6).unwrap().session.is_none());
    }
}
