//! What does the authorization server sign with? One key at a time, changed on a timetable, with the one before and the one after published beside it. (RFC 9068 §4, RFC 7517)
//!
//! The keys lie in the store, sealed, so that all replicas sign with the same one. A new key is published a day before it signs: whoever keeps the set for a while
//! has it by then. The old one stays in the set until the last token that it signed has ended.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use token::mint::{self, Minter};
use zeroize::Zeroizing;

use crate::refusal::Failure;
use crate::shelf::{Found, Shelf, unguessable};

/// The keys, as this process knows them.
pub(crate) struct Keys {
    ring: ArcSwap<Ring>,
    signs_for: Duration,
    /// How long the longest token lives, with leeway.
    tokens_live: Duration,
}

/// The keys at one moment.
struct Ring {
    signer: Arc<Minter>,
    document: String,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Entries {
    keys: Vec<Entry>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    id: String,
    /// PKCS#8 DER in base64.
    private: Zeroizing<String>,
    /// Unix seconds from which it signs.
    signs_from: u64,
}

impl Keys {
    /// Reads the keys, and makes the first one where there is none. `now` is Unix seconds, here and everywhere.
    pub(crate) async fn load(shelf: &Shelf, signs_for: Duration, tokens_live: Duration, now: u64) -> Result<Self, Failure> {
        let entries = up_to_date(shelf, signs_for, tokens_live, now).await?;
        let ring = Ring::of(&entries, now)?;
        Ok(Self { ring: ArcSwap::from_pointee(ring), signs_for, tokens_live })
    }

    /// The key that signs now.
    pub(crate) fn signer(&self) -> Arc<Minter> {
        Arc::clone(&self.ring.load().signer)
    }

    /// The public keys, as a JSON Web Key Set.
    pub(crate) fn document(&self) -> String {
        self.ring.load().document.clone()
    }

    /// Does what the timetable asks for, and takes what other replicas have done.
    pub(crate) async fn refresh(&self, shelf: &Shelf, now: u64) -> Result<(), Failure> {
        let entries = up_to_date(shelf, self.signs_for, self.tokens_live, now).await?;
        self.ring.store(Arc::new(Ring::of(&entries, now)?));
        Ok(())
    }

    /// Signs with a new key from now on. `forget_others`: the old ones are not to be believed any more, nor anything that they have signed.
    pub(crate) async fn rotate(&self, shelf: &Shelf, now: u64, forget_others: bool) -> Result<String, Failure> {
        for _ in 0..ATTEMPTS {
            let found: Option<Found<Entries>> = shelf.find(PLACE).await?;
            let mut entries = found.as_ref().map_or_else(Entries::default, |found| found.value.clone());
            // One that waits for its day would take over from the new one.
            entries.keys.retain(|entry| !forget_others && entry.signs_from <= now);
            let entry = Entry::new(now)?;
            let id = entry.id.clone();
            entries.keys.push(entry);
            if keep(shelf, found.as_ref(), &entries).await? {
                self.ring.store(Arc::new(Ring::of(&entries, now)?));
                return Ok(id);
            }
        }
        Err(Failure::Contended)
    }
}

/// The keys in the store, after what the timetable asks for.
async fn up_to_date(shelf: &Shelf, signs_for: Duration, tokens_live: Duration, now: u64) -> Result<Entries, Failure> {
    for _ in 0..ATTEMPTS {
        let found: Option<Found<Entries>> = shelf.find(PLACE).await?;
        let before = found.as_ref().map_or_else(Entries::default, |found| found.value.clone());
        let Some(entries) = before.on_schedule(signs_for, tokens_live, now)? else { return Ok(before) };
        if keep(shelf, found.as_ref(), &entries).await? {
            return Ok(entries);
        }
    }
    Err(Failure::Contended)
}

async fn keep(shelf: &Shelf, found: Option<&Found<Entries>>, entries: &Entries) -> Result<bool, Failure> {
    match found {
        Some(found) => shelf.replace(PLACE, found, entries, None).await,
        None => shelf.put_first(PLACE, entries, None).await,
    }
}

impl Entries {
    /// `None`: everything is as it should be.
    fn on_schedule(&self, signs_for: Duration, tokens_live: Duration, now: u64) -> Result<Option<Self>, Failure> {
        let mut keys = self.keys.clone();
        keys.sort_by_key(|entry| entry.signs_from);
        match keys.last() {
            None => keys.push(Entry::new(now)?),
            Some(last) => {
                let next_from = last.signs_from.saturating_add(signs_for.as_secs());
                if now.saturating_add(PUBLISHED_AHEAD.min(signs_for / 2).as_secs()) >= next_from {
                    keys.push(Entry::new(next_from.max(now))?);
                }
            }
        }
        // A key has signed until its successor began, and what it signed then lives on for a while.
        let ends: Vec<u64> = keys.iter().skip(1).map(|next| next.signs_from.saturating_add(tokens_live.as_secs())).collect();
        let mut ends = ends.into_iter();
        keys.retain(|_| ends.next().is_none_or(|end| now < end));
        let is_same = keys.len() == self.keys.len() && keys.iter().zip(&self.keys).all(|(one, other)| one.id == other.id);
        Ok((!is_same).then_some(Self { keys }))
    }
}

impl Entry {
    fn new(signs_from: u64) -> Result<Self, Failure> {
        let private = Zeroizing::new(STANDARD.encode(mint::generate_es256_key()?.as_slice()));
        Ok(Self { id: unguessable::<9>()?, private, signs_from })
    }

    fn minter(&self) -> Result<Minter, Failure> {
        let private = Zeroizing::new(STANDARD.decode(self.private.as_bytes()).map_err(|_| Failure::NotOurs)?);
        Ok(Minter::es256(&private, self.id.clone())?)
    }
}

impl Ring {
    fn of(entries: &Entries, now: u64) -> Result<Self, Failure> {
        let minters = entries.keys.iter().map(|entry| Ok((entry.signs_from, entry.minter()?))).collect::<Result<Vec<_>, Failure>>()?;
        let published: Vec<Value> = minters.iter().filter_map(|(_, minter)| public_key(minter)).collect();
        let signer = minters.into_iter().rev().find(|(from, _)| *from <= now).ok_or(Failure::NotOurs)?.1;
        Ok(Self { signer: Arc::new(signer), document: serde_json::json!({ "keys": published }).to_string() })
    }
}

fn public_key(minter: &Minter) -> Option<Value> {
    let mut set: Value = serde_json::from_str(&minter.public_jwks()?).ok()?;
    Some(set.get_mut("keys")?.get_mut(0)?.take())
}

const PLACE: &str = "issuer/keys";
const PUBLISHED_AHEAD: Duration = Duration::from_secs(24 * 3600);
const ATTEMPTS: usize = 16;

#[cfg(test)]
mod tests {
    use store::memory::Memory;
    use store::seal::InstanceKey;

    use super::*;

    const DAY: u64 = 24 * 3600;
    const MONTH: Duration = Duration::from_secs(30 * DAY);
    const LIVE: Duration = Duration::from_secs(1000);

    fn shelf() -> Shelf {
        Shelf::new(Arc::new(Memory::new(Arc::new(|| 0), store::memory::Limits::default())), &InstanceKey::from_bytes(&[7; 32])).unwrap()
    }

    fn ids(keys: &Keys) -> Vec<String> {
        let document: Value = serde_json::from_str(&keys.document()).unwrap();
        document["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    fn signer(keys: &Keys) -> String {
        let token = keys.signer().mint(&token::mint::MintRequest::new("a", "s", 60), 0).unwrap();
        token::Unverified::parse(&token).unwrap().key_id().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_key_is_published_before_it_signs_and_until_its_last_token_has_ended() {
        let shelf = shelf();
        let keys = Keys::load(&shelf, MONTH, LIVE, 0).await.unwrap();
        let [first] = ids(&keys).try_into().unwrap();
        keys.refresh(&shelf, 29 * DAY - 1).await.unwrap();
        assert_eq!(ids(&keys), std::slice::from_ref(&first));
        keys.refresh(&shelf, 29 * DAY).await.unwrap();
        let [_, second] = ids(&keys).try_into().unwrap();
        assert_eq!(signer(&keys), first);
        keys.refresh(&shelf, 30 * DAY - 1).await.unwrap();
        assert_eq!(signer(&keys), first);
        keys.refresh(&shelf, 30 * DAY).await.unwrap();
        assert_eq!((signer(&keys), ids(&keys)), (second.clone(), vec![first.clone(), second.clone()]));
        keys.refresh(&shelf, 30 * DAY + LIVE.as_secs() - 1).await.unwrap();
        assert_eq!(ids(&keys), [first, second.clone()]);
        keys.refresh(&shelf, 30 * DAY + LIVE.as_secs()).await.unwrap();
        assert_eq!(ids(&keys), [second]);
    }

    #[tokio::test]
    async fn replicas_sign_with_the_same_key() {
        let shelf = shelf();
        let one = Keys::load(&shelf, MONTH, LIVE, 0).await.unwrap();
        let other = Keys::load(&shelf, MONTH, LIVE, 5).await.unwrap();
        assert_eq!((signer(&one), one.document()), (signer(&other), other.document()));
        let id = one.rotate(&shelf, 10, false).await.unwrap();
        other.refresh(&shelf, 10).await.unwrap();
        assert_eq!((signer(&one), signer(&other)), (id.clone(), id));
        assert_eq!(ids(&other).len(), 2);
    }

    #[tokio::test]
    async fn a_key_that_is_no_longer_trusted_is_gone_at_once() {
        let shelf = shelf();
        let keys = Keys::load(&shelf, MONTH, LIVE, 0).await.unwrap();
        keys.refresh(&shelf, 29 * DAY).await.unwrap();
        let id = keys.rotate(&shelf, 29 * DAY, true).await.unwrap();
        assert_eq!((signer(&keys), ids(&keys)), (id.clone(), vec![id]));
    }

    #[tokio::test]
    async fn a_door_that_was_shut_for_long_signs_with_a_new_key() {
        let shelf = shelf();
        let old = signer(&Keys::load(&shelf, MONTH, LIVE, 0).await.unwrap());
        let keys = Keys::load(&shelf, MONTH, LIVE, 300 * DAY).await.unwrap();
        assert_ne!(signer(&keys), old);
    }
}
