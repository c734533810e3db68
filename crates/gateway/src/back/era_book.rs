//! What was found out about an upstream's eras, kept beyond the process: whoever starts the door again need not ask again.

use std::sync::Arc;
use std::time::Duration;

use store::Store;

use super::Eras;

/// The page of one upstream. Its key says how the upstream is configured, so that another one behind the same name is asked anew.
#[derive(Clone, Default)]
pub struct EraBook(Option<(Arc<dyn Store>, String)>);

impl EraBook {
    /// The page of the server with this fingerprint.
    pub(crate) fn new(store: &Arc<dyn Store>, fingerprint: &[u8; 32]) -> Self {
        use base64::Engine as _;
        let name = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(fingerprint);
        Self(Some((Arc::clone(store), format!("upstream-era/{name}"))))
    }

    /// What was noted. A store that cannot say is no reason not to ask the upstream.
    pub(crate) async fn recall(&self) -> Option<Eras> {
        let (store, key) = self.0.as_ref()?;
        match store.get(key).await.ok()??.as_slice() {
            b"both" => Some(Eras { legacy: true, modern: true }),
            b"legacy" => Some(Eras::LEGACY),
            b"modern" => Some(Eras::MODERN),
            _ => None,
        }
    }

    /// Notes it, in the background.
    pub(crate) fn note(&self, eras: Eras) {
        let Some((store, key)) = self.0.clone() else { return };
        let word: &[u8] = match eras {
            Eras { legacy: true, modern: true } => b"both",
            Eras { modern: true, .. } => b"modern",
            Eras { .. } => b"legacy",
        };
        tokio::spawn(async move {
            if let Err(error) = store.put(&key, word, Some(KEPT)).await {
                tracing::debug!(target: "door", error = &error as &dyn std::error::Error, "the era of an upstream could not be noted");
            }
        });
    }

    /// Strikes it out, in the background.
    pub(crate) fn forget(&self) {
        let Some((store, key)) = self.0.clone() else { return };
        tokio::spawn(async move {
            if let Err(error) = store.delete(&key).await {
                tracing::debug!(target: "door", error = &error as &dyn std::error::Error, "the era of an upstream could not be forgotten");
            }
        });
    }
}

/// Servers are upgraded, if seldom.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_noted_is_recalled_for_the_same_upstream_alone() {
        let store: Arc<dyn Store> = Arc::new(store::memory::Memory::new(Arc::new(|| 0), store::memory::Limits::default()));
        let (book, other) = (EraBook::new(&store, &[1; 32]), EraBook::new(&store, &[2; 32]));
        for eras in [Eras::LEGACY, Eras::MODERN, Eras { legacy: true, modern: true }] {
            book.note(eras);
            tokio::task::yield_now().await;
            assert_eq!(book.recall().await, Some(eras));
            assert_eq!(other.recall().await, None);
        }
        book.forget();
        tokio::task::yield_now().await;
        assert_eq!(book.recall().await, None);
        assert_eq!(EraBook::default().recall().await, None);
    }
}
