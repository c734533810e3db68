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

use crate::accounts::Stamp;
use crate::grant::Person;
use crate::refusal::Failure;
use crate::shelf::{hashed, unguessable};

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
    /// With which password of their account here: a new one ends what the old one began.
    pub(crate) password: Option<Stamp>,
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
    /// What is asked for.
    pub(crate) scopes: ScopeSet,
    /// What of it whoever is signed in was shown: they agree to no more, whatever they may grant by then.
    pub(crate) shown: Option<ScopeSet>,
    pub(crate) resource: Resource,
    pub(crate) nonce: Option<String>,
    pub(crate) dpop_key: Option<String>,
    /// Whoever is signed in already has to sign in again; since this Unix second, until they have.
    pub(crate) signed_in_after: Option<u64>,
    pub(crate) ui_locales: Option<String>,
    pub(crate) login_hint: Option<String>,
    /// The device that waits for the answer, by its place in the store; then nobody is sent back anywhere.
    pub(crate) device: Option<String>,
}

/// What somebody has left for, who signs in elsewhere: they have agreed already.
#[derive(Serialize, Deserialize)]
pub(crate) struct Leaving {
    /// The provider's name.
    pub(crate) provider: String,
    /// What ties the answer to this.
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: Zeroizing<String>,
    /// What they have agreed to.
    pub(crate) pending: Pending,
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

    /// The cookie of somebody who leaves to sign in elsewhere, under a name of its own for each time: only the browser that left may come back with the answer (login CSRF), and what has to
    /// be remembered until then travels in it. It is for this browser whatever its mark is by then, for another tab may have signed in meanwhile. `None`: no browser would keep so much.
    pub(crate) fn leave(&self, leaving: &Leaving, now: u64) -> Result<Option<HeaderValue>, Failure> {
        let name = leaving_name(&leaving.state);
        let sealed = self.seal(leaving, &name, "", now.saturating_add(AWAY.as_secs()))?;
        Ok(self.cookies.set(&name, &sealed, AWAY).ok())
    }

    /// What the browser that comes back with this `state` has left for, and the cookie that ends it.
    pub(crate) fn left_for(&self, headers: &HeaderMap, state: &str, now: u64) -> Result<Option<(Leaving, HeaderValue)>, Failure> {
        let name = leaving_name(state);
        let left: Option<Leaving> = self.cookies.read(headers, &name).and_then(|sealed| self.open(&sealed, &name, "", now));
        let is_it = |left: &Leaving| aws_lc_rs::constant_time::verify_slices_are_equal(left.state.as_bytes(), state.as_bytes()).is_ok();
        let Some(left) = left.filter(is_it) else { return Ok(None) };
        Ok(Some((left, self.set(&name, "", Duration::ZERO)?)))
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

fn leaving_name(state: &str) -> String {
    let name = hashed("claviger-leaving-", state);
    name.get(..LEAVING_NAME).unwrap_or(&name).to_owned()
}

const MARK: &str = "claviger-browser";
const SESSION: &str = "claviger-session";
const PENDING: &str = "pending";
const MARKED: Duration = Duration::from_secs(24 * 3600);
/// For signing in elsewhere, a second factor included.
pub(crate) const AWAY: Duration = Duration::from_secs(600);
/// Of a name that is long enough to tell one errand from another.
const LEAVING_NAME: usize = "claviger-leaving-".len() + 16;
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
        Session { person, signed_in_at: 5, password: None }
    }

    fn pending() -> Pending {
        Pending {
            client_id: "c".into(),
            redirect_uri: "http://127.0.0.1/cb".into(),
            redirect_was_named: true,
            state: None,
            challenge: "x".into(),
            scopes: ScopeSet::default(),
            shown: None,
            resource: Resource::parse("https://door/mcp/files").unwrap(),
            nonce: None,
            dpop_key: None,
            signed_in_after: None,
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
    fn a_browser_that_left_remembers_what_for_and_no_other_does() {
        let browsers = browsers();
        let leaving = |state: &str| Leaving {
            provider: "idp".into(),
            state: state.into(),
            nonce: "nonce".into(),
            verifier: Zeroizing::new("verifier-secret".into()),
            pending: pending(),
        };
        let [one, other] = ["one", "other"].map(|state| browsers.leave(&leaving(state), 0).unwrap().unwrap());
        assert!(!one.to_str().unwrap().contains("secret"));
        let kept = headers(&[one.clone(), other.clone()]);
        let (left, over) = browsers.left_for(&kept, "one", 599).unwrap().unwrap();
        assert_eq!((&*left.provider, &*left.nonce, left.verifier.as_str()), ("idp", "nonce", "verifier-secret"));
        assert!(over.to_str().unwrap().contains("Max-Age=0"));
        for (headers, state, now) in
            [(&HeaderMap::new(), "one", 0), (&kept, "invented", 0), (&kept, "one", 600), (&headers(&[other]), "one", 0)]
        {
            assert!(browsers.left_for(headers, state, now).unwrap().is_none(), "{state} {now}");
        }
        let endless = Leaving { pending: Pending { state: Some("s".repeat(4000)), ..pending() }, ..leaving("long") };
        assert!(browsers.leave(&endless, 0).unwrap().is_none(), "no browser would keep it");
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
