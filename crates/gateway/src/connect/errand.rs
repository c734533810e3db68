//! What was a browser sent away for? To connect: kept in the store under the unguessable `state` that it takes along, sealed, good once and for ten minutes. To sign in,
//! which anybody may begin: kept by the browser itself (see `browser`), so that strangers fill no store.

use std::sync::Arc;

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use store::Store;
use store::seal::{CannotSeal, InstanceKey, Sealer};
use zeroize::Zeroizing;

use super::browser::AWAY;

/// Keeps errands until the browser is back.
pub(crate) struct Errands {
    store: Arc<dyn Store>,
    sealer: Sealer,
}

/// A person was sent to connect to a server. Whoever brings the answer has to be the browser with this mark.
#[derive(Serialize, Deserialize)]
pub(crate) struct Errand {
    pub(crate) server: String,
    /// Who was asked: a reload may have another asked in its place.
    pub(crate) authority: String,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) mark: String,
    /// Shown with the code (PKCE).
    pub(crate) verifier: Zeroizing<String>,
}

/// A browser was sent to sign in.
#[derive(Serialize, Deserialize)]
pub(crate) struct SigningIn {
    pub(crate) issuer: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) then: Destination,
    /// Shown with the code (PKCE).
    pub(crate) verifier: Zeroizing<String>,
}

/// Where somebody was going when they were asked who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Destination {
    /// To the page of this server; `None`: to the list of all.
    pub(crate) server: Option<String>,
    /// With this ticket.
    pub(crate) ticket: Option<String>,
}

/// Why an errand cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKept {
    #[error(transparent)]
    Seal(#[from] CannotSeal),
    #[error("the store does not answer")]
    Store(#[from] store::Failure),
}

impl Errands {
    pub(crate) fn new(key: &InstanceKey, store: Arc<dyn Store>) -> Result<Self, CannotSeal> {
        Ok(Self { store, sealer: Sealer::new(key, "connect-errand")? })
    }

    /// A fresh `state`: 256 random bits.
    pub(crate) fn state() -> Result<String, CannotSeal> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| CannotSeal)?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(crate) async fn keep(&self, state: &str, errand: &Errand) -> Result<(), NotKept> {
        let key = key_of(state);
        let plain = Zeroizing::new(serde_json::to_vec(errand).map_err(|_| CannotSeal)?);
        let sealed = self.sealer.seal(&plain, key.as_bytes())?;
        Ok(self.store.put(&key, sealed.as_bytes(), Some(AWAY)).await?)
    }

    /// The errand of this `state`, for the first who asks.
    pub(crate) async fn take(&self, state: &str) -> Result<Option<Errand>, NotKept> {
        let key = key_of(state);
        let Some(sealed) = self.store.take(&key).await? else { return Ok(None) };
        let opened = std::str::from_utf8(&sealed).ok().and_then(|sealed| self.sealer.open(sealed, key.as_bytes()).ok());
        Ok(opened.and_then(|plain| serde_json::from_slice(&plain).ok()))
    }
}

/// The store never holds the `state` itself.
fn key_of(state: &str) -> String {
    format!("connect-errand/{}", URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, state.as_bytes())))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use store::memory::{Limits, Memory};

    use super::*;

    fn errand() -> Errand {
        Errand {
            server: "mail".to_owned(),
            authority: "as".to_owned(),
            issuer: "https://idp".to_owned(),
            subject: "ada".to_owned(),
            mark: "mark".to_owned(),
            verifier: Zeroizing::new("verifier-secret".to_owned()),
        }
    }

    #[tokio::test]
    async fn an_errand_is_good_once_for_ten_minutes_and_sealed() {
        let now = Arc::new(AtomicU64::new(1_000));
        let clock = Arc::clone(&now);
        let store: Arc<dyn Store> = Arc::new(Memory::new(Arc::new(move || clock.load(Ordering::SeqCst)), Limits::default()));
        let errands = Errands::new(&InstanceKey::from_bytes(&[7; 32]), Arc::clone(&store)).unwrap();
        let (first, second) = (Errands::state().unwrap(), Errands::state().unwrap());
        assert_ne!(first, second);
        errands.keep(&first, &errand()).await.unwrap();
        errands.keep(&second, &errand()).await.unwrap();
        for key in store.keys("", 10).await.unwrap() {
            let value = store.get(&key).await.unwrap().unwrap();
            let text = String::from_utf8(value).unwrap();
            assert!(!key.contains(&first) && !text.contains("secret") && !text.contains("ada"));
        }
        let back = errands.take(&first).await.unwrap().unwrap();
        assert_eq!(
            (back.server, back.subject, back.mark, back.verifier),
            (errand().server, errand().subject, errand().mark, errand().verifier)
        );
        assert!(errands.take(&first).await.unwrap().is_none());
        now.fetch_add(600_000, Ordering::SeqCst);
        assert!(errands.take(&second).await.unwrap().is_none());
        assert!(errands.take("invented").await.unwrap().is_none());
    }
}
