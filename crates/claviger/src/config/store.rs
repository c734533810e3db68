//! Where does the door keep what must outlive it? From `[store]` to the place that `wire` opens.

use broker::Resolver;
use broker::reference::Template;
use secrecy::ExposeSecret as _;
use store::redis::{Address, PREFIX};
use url::Url;

use super::file;
use super::judge::Judge;
use super::tree::Path;
use crate::mend::caused_by_missing;
use crate::voice::{Exit, Report};

/// `[store]`, judged; what it refers to is not fetched yet.
#[derive(Clone)]
pub(crate) struct Store {
    url: Option<Template>,
    prefix: String,
}

/// Where that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A server that replicas share.
    Server {
        /// How it is reached.
        address: Address,
        /// What keys begin with.
        prefix: String,
    },
    /// A file in the state folder.
    StateFolder,
}

impl Store {
    /// Reads `[store]`.
    pub(crate) fn read(written: &file::Store, judge: &mut Judge<'_>) -> Self {
        let prefix = written.prefix.clone().unwrap_or_else(|| PREFIX.to_owned());
        if prefix.is_empty() || prefix.len() > LONGEST_PREFIX || !prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
            judge.blame(&path("prefix"), format!("1 to {LONGEST_PREFIX} visible characters of ASCII are expected"));
        }
        Self { url: url(written.url.as_deref(), judge), prefix }
    }

    /// Whether other doors may keep things in the same place.
    pub(crate) fn is_shared(&self) -> bool {
        self.url.is_some()
    }

    /// Fetches what `url` refers to.
    pub(crate) async fn place(&self, resolver: &Resolver) -> Result<Place, Report> {
        let Some(template) = &self.url else { return Ok(Place::StateFolder) };
        let report = || Report::new(Exit::Configuration, "`store.url`: it is not known where the store is");
        let url = resolver.resolve_for_start(template).await.map_err(|missing| caused_by_missing(report(), &missing))?;
        let address = Address::parse(url.expose_secret()).map_err(|fault| report().caused_by(&fault).hint(EXAMPLE))?;
        Ok(Place::Server { address, prefix: self.prefix.clone() })
    }
}

/// What stands there has to be an address already, as far as it is written out; a password is not.
fn url(written: Option<&str>, judge: &mut Judge<'_>) -> Option<Template> {
    let path = path("url");
    let template = match Template::parse_secret(written?) {
        Ok(template) => template,
        Err(error) => {
            judge.blame_secret(&path, error, EXAMPLE);
            return None;
        }
    };
    let is_whole_reference = template.has_references() && template.literals().next().is_none();
    if is_whole_reference {
        return Some(template);
    }
    // As a number, so that it may be anything: host, port or database.
    let text = template.with_stand_in(STAND_IN);
    if let Err(fault) = Address::parse(&text) {
        judge.blame_secret(&path, fault, EXAMPLE);
        return None;
    }
    if Url::parse(&text).is_ok_and(|url| url.password().is_some_and(|password| !password.contains(STAND_IN))) {
        judge.blame_secret(&path, "a password does not stand in the configuration", EXAMPLE);
        return None;
    }
    Some(template)
}

fn path(key: &str) -> Path {
    Path::default().key("store").key(key)
}

const EXAMPLE: &str = "write `redis://127.0.0.1:6379`, `rediss://:${STORE_PASSWORD}@redis.example.com:6379/0`, or a reference to the whole";
const STAND_IN: &str = "0";
const LONGEST_PREFIX: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::fault::Faults;
    use super::{Judge, Store, file};

    fn read(url: &str, prefix: Option<&str>) -> (Store, Vec<String>) {
        let mut faults = Faults::default();
        let written = file::Store { url: Some(url.to_owned()), prefix: prefix.map(str::to_owned) };
        let store = Store::read(&written, &mut Judge::new(None, &mut faults));
        (store, faults.messages().into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn an_address_may_be_a_reference_or_hold_one() {
        for url in [
            "redis://127.0.0.1:6379",
            "rediss://redis.example.com/2",
            "env://STORE_URL",
            "${STORE_URL}",
            "vault://kv/door#store",
            "redis://:${STORE_PASSWORD}@10.0.0.7:6379/0",
            "redis://door:${vault://kv/door#password}@${STORE_HOST}:${STORE_PORT}/${STORE_DATABASE}",
        ] {
            let (store, faults) = read(url, None);
            assert!(store.is_shared() && faults.is_empty(), "{url}: {faults:?}");
        }
    }

    #[test]
    fn what_is_no_address_or_shows_a_password_is_blamed_without_being_quoted() {
        for (url, why) in [
            ("127.0.0.1:6379", "it is not a URL"),
            ("https://s3cret.example.com", "the scheme is neither `redis` nor `rediss`"),
            ("rediss://${STORE_HOST}/0#insecure", "there is something after the path"),
            ("redis://127.0.0.1/s3cret", "the path may only be the number of a database"),
            ("redis://:s3cret@127.0.0.1", "a password does not stand in the configuration"),
            ("redis://door:s3cret@${STORE_HOST}", "a password does not stand in the configuration"),
            ("redis://${STORE_HOST:-s3cret}", "default"),
        ] {
            let (store, faults) = read(url, None);
            assert!(!store.is_shared(), "{url}");
            assert!(faults.len() == 1 && faults[0].contains(why) && !faults[0].contains("s3cret"), "{url}: {faults:?}");
        }
    }

    #[test]
    fn a_prefix_is_short_and_visible() {
        assert!(read("env://STORE_URL", Some("team-a:")).1.is_empty());
        for prefix in ["", "a b", "ключ", &"x".repeat(65)] {
            assert_eq!(read("env://STORE_URL", Some(prefix)).1, ["`store.prefix`: 1 to 64 visible characters of ASCII are expected"]);
        }
    }
}
