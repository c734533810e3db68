//! A provider that says what a test wants. That a real one is believed only after its tokens were verified, others show: here it is what becomes of its words.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use claviger_issuer::federation::{
    Away, Errand, Identity, NotRenewed, NotSignedIn, OpenIdProvider, Promise, Provider, Renewed, Sent, SignedIn,
};
use oauth::authorization::Answer;
use oauth::pkce::Verifier;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

/// What it says next.
pub(crate) struct Said {
    /// Who signs in.
    pub(crate) identity: Identity,
    /// What it gives with that.
    pub(crate) refresh_token: Option<&'static str>,
    /// Whether it answers.
    pub(crate) mood: Mood,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Answers,
    Away,
    Over,
    Refuses,
    /// Answers, and says nothing about anybody.
    Silent,
}

pub(crate) struct Puppet {
    pub(crate) said: Mutex<Said>,
    /// How often anything was asked.
    pub(crate) asked: AtomicUsize,
    /// Refresh tokens that were shown to it.
    pub(crate) shown: Mutex<Vec<String>>,
    /// Where people were sent.
    pub(crate) sent: Mutex<Vec<Url>>,
}

impl Puppet {
    pub(crate) fn new() -> Arc<Self> {
        let said = Said { identity: grace(), refresh_token: Some("r-0"), mood: Mood::Answers };
        Arc::new(Self { said: Mutex::new(said), asked: AtomicUsize::new(0), shown: Mutex::default(), sent: Mutex::default() })
    }

    /// The same as a provider of this name.
    pub(crate) fn named(self: &Arc<Self>, name: &str) -> Provider {
        Provider {
            name: name.to_owned(),
            title: format!("The {name}"),
            host: format!("{name}.example"),
            admits: None,
            groups: None,
            look_every: Duration::from_secs(300),
            way: Arc::<Self>::clone(self),
        }
    }

    pub(crate) fn is(&self, mood: Mood) {
        self.said.lock().unwrap().mood = mood;
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn hears(&self) -> Mood {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.said.lock().unwrap().mood
    }
}

impl OpenIdProvider for Puppet {
    fn send<'a>(&'a self, errand: &'a Errand<'a>) -> Promise<'a, Sent, Away> {
        Box::pin(async move {
            let mood = self.hears();
            let mut url = Url::parse("https://idp.example/authorize").unwrap();
            url.query_pairs_mut().append_pair("redirect_uri", errand.way_back).append_pair("state", errand.state);
            url.query_pairs_mut().append_pair("nonce", errand.nonce).append_pair("anew", &errand.is_anew.to_string());
            self.sent.lock().unwrap().push(url.clone());
            match mood {
                Mood::Away => Err(away()),
                _ => Ok(Sent { url, verifier: Verifier::from_random(&[7; 32]) }),
            }
        })
    }

    fn redeem<'a>(&'a self, answer: &'a Answer, verifier: &'a Verifier, errand: &'a Errand<'a>) -> Promise<'a, SignedIn, NotSignedIn> {
        Box::pin(async move {
            assert_eq!(verifier.expose(), Verifier::from_random(&[7; 32]).expose());
            assert!(self.sent.lock().unwrap().iter().any(|url| url.as_str().contains(errand.nonce)), "the nonce is that of the errand");
            let mood = self.hears();
            let said = self.said.lock().unwrap();
            match mood {
                Mood::Away => Err(away().into()),
                Mood::Refuses => Err(NotSignedIn::Refused("not good".into())),
                _ if answer.outcome.is_err() => Err(NotSignedIn::Declined),
                _ => Ok(SignedIn { identity: said.identity.clone(), refresh_token: said.refresh_token.map(SecretString::from) }),
            }
        })
    }

    fn renew<'a>(&'a self, refresh_token: &'a SecretString, _: &'a str) -> Promise<'a, Renewed, NotRenewed> {
        Box::pin(async move {
            let mood = self.hears();
            let mut shown = self.shown.lock().unwrap();
            shown.push(refresh_token.expose_secret().to_owned());
            let identity = Some(self.said.lock().unwrap().identity.clone()).filter(|_| mood != Mood::Silent);
            match mood {
                Mood::Away => Err(away().into()),
                Mood::Over => Err(NotRenewed::Over),
                _ => Ok(Renewed { identity, refresh_token: Some(format!("r-{}", shown.len()).into()) }),
            }
        })
    }
}

pub(crate) fn grace() -> Identity {
    Identity {
        subject: "007".to_owned(),
        name: Some("Grace".to_owned()),
        email: Some("Grace@Example.com".to_owned()),
        is_email_verified: true,
        domain: None,
        groups: vec!["ops".to_owned()],
        authenticated_at: None,
    }
}

fn away() -> Away {
    Away("nobody at home".into())
}
