//! How does a person sign in at somebody else's? After they have agreed, and not before: a provider that knows the person and us asks nothing, so whoever had their browser led there would get what
//! only they may give (the confused deputy of the MCP security best practices, RFC 9700 §4.11).
//!
//! Each provider sends people back to a place of its own, so that none can answer in another's name (RFC 9700 §4.4.2). What they have agreed to comes back in a sealed cookie, and nothing of it can be
//! changed on the way; the answer is good once, within ten minutes, in the browser that left.

use audit::event::Event;
use oauth::authorization::Answer;
use oauth::pkce::Verifier;
use pages::language::Language;
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::{Shown, Visit, with};
use crate::browser::{AWAY, Leaving, Pending, Session};
use crate::client::Client;
use crate::federation::{Errand, NotSignedIn, Provider, SignedIn};
use crate::paths;
use crate::server::LEEWAY;
use crate::shelf::{hashed, unguessable};
use crate::views::{self, Problem};

impl Visit<'_> {
    /// The person has agreed, and signs in at this provider next.
    pub(super) async fn leave(&self, name: &str, pending: Pending, client: &Client) -> Shown {
        let provider = self.inbound.config.provider(name).ok_or(Problem::NoErrand)?;
        let (state, nonce) = (unguessable::<16>()?, unguessable::<16>()?);
        let errand = Errand {
            way_back: &self.way_back(provider),
            state: &state,
            nonce: &nonce,
            login_hint: pending.login_hint.as_deref(),
            is_anew: pending.signed_in_after.is_some(),
        };
        let sent = provider.way.send(&errand).await.map_err(|away| Problem::away(&away, &provider.title))?;
        let verifier = Zeroizing::new(sent.verifier.expose().to_owned());
        let leaving = Leaving { provider: provider.name.clone(), state: state.clone(), nonce: nonce.clone(), verifier, pending };
        let cookie = self.server.browsers.leave(&leaving, self.inbound.now)?;
        let cookie = cookie.ok_or_else(|| Problem::Request("it is longer than a browser can keep".to_owned()))?;
        let page = views::leaving(&client.name, &provider.title, sent.url.as_str(), self.language);
        Ok(with(page, vec![cookie]))
    }

    /// A provider has sent the browser back.
    pub(super) async fn came_back(&mut self) -> Shown {
        let answer = Answer::read(self.inbound.query).map_err(|_| Problem::Unreadable)?;
        let left = self.server.browsers.left_for(self.inbound.headers, answer.state.expose_secret(), self.inbound.now)?;
        let (left, over) = left.ok_or(Problem::NoErrand)?;
        self.language = Language::of(self.inbound.headers, left.pending.ui_locales.as_deref());
        let place = self.inbound.path.rsplit('/').next().unwrap_or_default();
        // A provider that answers at another's place has got hold of the other's code.
        let provider = self.inbound.config.provider(place).filter(|provider| provider.name == left.provider).ok_or(Problem::NoErrand)?;
        self.only_once(&left.state).await?;
        let shown = self.answered(provider, &answer, left).await;
        Ok(with(shown.unwrap_or_else(|problem| views::problem(&problem, self.language)), vec![over]))
    }

    async fn answered(&mut self, provider: &Provider, answer: &Answer, left: Leaving) -> Shown {
        let client = self.client(&left.pending.client_id).await?.ok_or(Problem::UnknownClient)?;
        let errand = Errand {
            way_back: &self.way_back(provider),
            state: &left.state,
            nonce: &left.nonce,
            login_hint: None,
            is_anew: left.pending.signed_in_after.is_some(),
        };
        match provider.way.redeem(answer, &Verifier::from_kept(left.verifier.as_str()), &errand).await {
            Ok(signed_in) => self.admit(provider, signed_in, &left, &client).await,
            Err(NotSignedIn::Declined) => self.settle(&left.pending, &client, None).await,
            Err(NotSignedIn::Away(away)) => Err(Problem::away(&away, &provider.title)),
            Err(NotSignedIn::Refused(reason)) => {
                let error = &*reason as &dyn std::error::Error;
                tracing::warn!(target: "issuer", provider = provider.name, error, "a sign-in failed");
                Err(self.failed(provider))
            }
        }
    }

    async fn admit(&mut self, provider: &Provider, signed_in: SignedIn, left: &Leaving, client: &Client) -> Shown {
        let (identity, pending) = (signed_in.identity.clone(), &left.pending);
        // Who was to sign in anew must not be somebody whom the provider knew from before. Some never say when somebody signed in.
        let was_before = |at: u64| pending.signed_in_after.is_some_and(|after| at.saturating_add(LEEWAY.as_secs()) < after);
        if identity.authenticated_at.is_some_and(was_before) {
            return Err(self.failed(provider));
        }
        if !provider.admits(&identity) {
            tracing::info!(target: "issuer", provider = provider.name, "somebody has signed in whom `allow` does not let in");
            self.server.record(&Event::SignInFailed { address: self.inbound.from.to_string().into() });
            return Err(Problem::NotAdmitted { provider: provider.title.clone() });
        }
        let person = provider.person(&identity, &self.inbound.config.allowance);
        self.server.people.came(provider, signed_in, &left.nonce, self.inbound.now).await?;
        self.server.record(&Event::SignedIn { subject: person.subject.as_str().into(), provider: provider.name.as_str().into() });
        // When they have really shown who they are, where the provider says it: it may have known them from before.
        let signed_in_at = identity.authenticated_at.unwrap_or(self.inbound.now).min(self.inbound.now);
        let session = Session { person, signed_in_at, password: None };
        let (browser, cookies) = self.server.browsers.admit(session.clone(), self.inbound.now)?;
        self.browser = browser;
        Ok(with(self.settle(pending, client, Some(&session)).await?, cookies))
    }

    fn failed(&self, provider: &Provider) -> Problem {
        self.server.record(&Event::SignInFailed { address: self.inbound.from.to_string().into() });
        Problem::NotSignedIn { provider: provider.title.clone() }
    }

    /// An answer is good once, whatever comes of it.
    async fn only_once(&self, state: &str) -> Result<(), Problem> {
        let is_first = self.server.shelf.put_first(&hashed(CAME_BACK, state), &true, Some(AWAY)).await?;
        if is_first { Ok(()) } else { Err(Problem::NoErrand) }
    }

    fn way_back(&self, provider: &Provider) -> String {
        format!("{}{}{}", self.inbound.config.issuer, paths::BACK, provider.name)
    }
}

const CAME_BACK: &str = "issuer/came-back/";
