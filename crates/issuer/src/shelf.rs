//! How are things kept? Each sealed for its place in the store, so that a stolen store opens nothing, and an entry put in another's place opens nothing either.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::Store;
use store::seal::{InstanceKey, Sealer};
use zeroize::Zeroizing;

use crate::refusal::Failure;

/// The store, with everything in it sealed.
pub(crate) struct Shelf {
    store: Arc<dyn Store>,
    sealer: Sealer,
}

/// What was found, and the very bytes that say later whether it is still the same.
pub(crate) struct Found<T> {
    pub(crate) value: T,
    stored: Vec<u8>,
}

impl Shelf {
    pub(crate) fn new(store: Arc<dyn Store>, key: &InstanceKey) -> Result<Self, Failure> {
        Ok(Self { store, sealer: Sealer::new(key, "issuer")? })
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(crate) async fn find<T: DeserializeOwned>(&self, key: &str) -> Result<Option<Found<T>>, Failure> {
        let Some(stored) = self.store.get(key).await? else { return Ok(None) };
        let value = self.open(key, &stored)?;
        Ok(Some(Found { value, stored }))
    }

    pub(crate) async fn put<T: Serialize>(&self, key: &str, value: &T, lives: Option<Duration>) -> Result<(), Failure> {
        Ok(self.store.put(key, &self.seal(key, value)?, lives).await?)
    }

    /// Puts `value` where nothing is; `false`: something is.
    pub(crate) async fn put_first<T: Serialize>(&self, key: &str, value: &T, lives: Option<Duration>) -> Result<bool, Failure> {
        Ok(self.store.compare_and_swap(key, None, Some(&self.seal(key, value)?), lives).await?)
    }

    /// Puts `value` in place of what was found; `false`: that is no longer there.
    pub(crate) async fn replace<T: Serialize>(
        &self,
        key: &str,
        found: &Found<T>,
        value: &T,
        lives: Option<Duration>,
    ) -> Result<bool, Failure> {
        Ok(self.store.compare_and_swap(key, Some(&found.stored), Some(&self.seal(key, value)?), lives).await?)
    }

    /// Removes what was found; `false`: that is no longer there.
    pub(crate) async fn remove<T>(&self, key: &str, found: &Found<T>) -> Result<bool, Failure> {
        Ok(self.store.compare_and_swap(key, Some(&found.stored), None, None).await?)
    }

    pub(crate) async fn take<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Failure> {
        match self.store.take(key).await? {
            Some(stored) => self.open(key, &stored).map(Some),
            None => Ok(None),
        }
    }

    /// Everything under `prefix` that this instance's key opens, with its key: fewer than `most`, or it is a failure.
    pub(crate) async fn all<T: DeserializeOwned>(&self, prefix: &str, most: usize) -> Result<Vec<(String, T)>, Failure> {
        let keys = self.store.keys(prefix, most).await?;
        // Whoever ends things by this list must not leave some of them out.
        if keys.len() >= most {
            return Err(Failure::TooMany);
        }
        let mut all = Vec::new();
        for key in keys {
            // What ended since the names were read is left out.
            match self.find(&key).await {
                Ok(Some(found)) => all.push((key, found.value)),
                Ok(None) => {}
                Err(Failure::NotOurs) => tracing::warn!(target: "issuer", "an entry in the store was not sealed by this instance"),
                Err(other) => return Err(other),
            }
        }
        Ok(all)
    }

    fn seal<T: Serialize>(&self, key: &str, value: &T) -> Result<Vec<u8>, Failure> {
        let plain = Zeroizing::new(serde_json::to_vec(value).map_err(|_| store::seal::CannotSeal)?);
        Ok(self.sealer.seal(&plain, key.as_bytes())?.into_bytes())
    }

    fn open<T: DeserializeOwned>(&self, key: &str, stored: &[u8]) -> Result<T, Failure> {
        let sealed = std::str::from_utf8(stored).map_err(|_| Failure::NotOurs)?;
        let plain = self.sealer.open(sealed, key.as_bytes()).map_err(|_| Failure::NotOurs)?;
        serde_json::from_slice(&plain).map_err(|_| Failure::NotOurs)
    }
}

/// `N` random bytes as text.
pub(crate) fn unguessable<const N: usize>() -> Result<String, Failure> {
    let mut bytes = Zeroizing::new([0; N]);
    aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(|_| Failure::Random)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes.as_slice()))
}

/// A key under which the store knows a secret without holding it.
pub(crate) fn hashed(prefix: &str, secret: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes());
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(digest))
}

#[cfg(test)]
mod tests {
    use store::memory::{Limits, Memory};

    use super::*;

    #[tokio::test]
    async fn a_list_that_is_not_whole_is_none() {
        let shelf = Shelf::new(Arc::new(Memory::new(Arc::new(|| 0), Limits::default())), &InstanceKey::from_bytes(&[7; 32])).unwrap();
        for key in ["a/1", "a/2", "b/1"] {
            shelf.put(key, &true, None).await.unwrap();
        }
        assert_eq!(shelf.all::<bool>("a/", 3).await.unwrap().len(), 2);
        assert!(matches!(shelf.all::<bool>("a/", 2).await, Err(Failure::TooMany)));
    }
}
