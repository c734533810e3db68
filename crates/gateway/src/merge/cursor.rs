//! Where does the next page of a merged list begin? At a place of its own for each member that has more; sealed, so that no caller sends a member what
//! it did not say itself.

use std::collections::BTreeMap;

use mcp::list::ListKind;
use store::seal::{CannotSeal, InstanceKey, Sealer};

use crate::principal::PrincipalKey;

/// Makes and reads cursors.
pub(crate) struct Cursors {
    sealer: Sealer,
}

/// The members that have more, each with its own cursor.
pub(super) type Places = BTreeMap<String, String>;

impl Cursors {
    pub(crate) fn new(key: &InstanceKey) -> Result<Self, CannotSeal> {
        Ok(Self { sealer: Sealer::new(key, "merged-list-cursor")? })
    }

    /// The text for a caller; `None`: the members' cursors are too long together.
    pub(super) fn seal(&self, list: ListKind, caller: &PrincipalKey, places: &Places) -> Option<String> {
        let plain = serde_json::to_vec(places).ok().filter(|plain| plain.len() <= LONGEST)?;
        self.sealer.seal(&plain, &context(list, caller)).ok()
    }

    /// What a cursor says, if this caller was given it for this list.
    pub(super) fn open(&self, list: ListKind, caller: &PrincipalKey, text: &str) -> Option<Places> {
        if text.len() > LONGEST * 2 {
            return None;
        }
        serde_json::from_slice(&self.sealer.open(text, &context(list, caller)).ok()?).ok()
    }
}

fn context(list: ListKind, caller: &PrincipalKey) -> Vec<u8> {
    format!("{list:?}\u{1f}{}", caller.as_str()).into_bytes()
}

/// In bytes; a few members with long cursors fit.
pub(super) const LONGEST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_caller_and_its_list_alone() {
        let cursors = Cursors::new(&InstanceKey::from_bytes(&[1; 32])).unwrap();
        let (alice, bob) = (PrincipalKey::new("i", "alice"), PrincipalKey::new("i", "bob"));
        let places = Places::from([("a".to_owned(), "2".to_owned()), ("b".to_owned(), "x\"y".to_owned())]);
        let text = cursors.seal(ListKind::Tools, &alice, &places).unwrap();
        assert_eq!(cursors.open(ListKind::Tools, &alice, &text), Some(places));
        assert_eq!(cursors.open(ListKind::Prompts, &alice, &text), None);
        assert_eq!(cursors.open(ListKind::Tools, &bob, &text), None);
        for forged in ["", "2", "eyJhIjoiMiJ9", &text[1..], &"A".repeat(LONGEST * 3)] {
            assert_eq!(cursors.open(ListKind::Tools, &alice, forged), None, "{forged}");
        }
    }

    #[test]
    fn cursors_that_are_too_long_together_make_none() {
        let cursors = Cursors::new(&InstanceKey::from_bytes(&[1; 32])).unwrap();
        let places = Places::from([("a".to_owned(), "x".repeat(LONGEST))]);
        assert_eq!(cursors.seal(ListKind::Tools, &PrincipalKey::new("i", "s"), &places), None);
    }
}
