//! What does every writer promise? One suite, asked of each of them; `first` and `second` name two places that are free.

use super::{Fetched, MAX_VALUE_BYTES, Provider, Writer};
use crate::missing::Cause;
use crate::reference::Reference;
use crate::value::Value;

pub(super) struct Suite<'s> {
    pub(super) provider: &'s dyn Provider,
    pub(super) first: &'s str,
    pub(super) second: &'s str,
}

impl Suite<'_> {
    /// All of it. `can_list`: the store knows what it holds.
    pub(super) async fn run(&self, can_list: bool) {
        self.nothing_is_there_before().await;
        self.what_was_put_comes_back_exactly().await;
        self.places_are_kept_apart().await;
        self.nothing_and_too_much_are_refused_and_change_nothing().await;
        self.list_has_names(can_list).await;
        self.what_was_deleted_is_gone_and_nothing_else().await;
    }

    async fn nothing_is_there_before(&self) {
        for name in [self.first, self.second] {
            let cause = self.get(name).await.unwrap_err();
            assert!(cause.is_absence(), "{name}: {cause:?}");
            let cause = self.delete(name).await.unwrap_err();
            assert!(cause.is_absence(), "{name}: {cause:?}");
        }
    }

    async fn what_was_put_comes_back_exactly(&self) {
        let long = "ä".repeat(8 * 1024);
        for text in
            ["hunter2", "a", "line\n", "line\r\n", "\n", "\r", " spaces ", "-----BEGIN\nKEY-----\n", "žluť 🐴", long.as_str(), "last"]
        {
            self.put(self.first, text).await.unwrap();
            assert_eq!(self.get(self.first).await.as_deref(), Ok(text), "{:?}", text.get(..8));
        }
    }

    async fn places_are_kept_apart(&self) {
        assert!(self.get(self.second).await.unwrap_err().is_absence());
        self.put(self.second, "other").await.unwrap();
        assert_eq!((self.get(self.first).await.unwrap().as_str(), self.get(self.second).await.unwrap().as_str()), ("last", "other"));
    }

    async fn nothing_and_too_much_are_refused_and_change_nothing(&self) {
        assert_eq!(self.put(self.first, "").await, Err(Cause::Empty));
        let too_long = "a".repeat(MAX_VALUE_BYTES + 1);
        assert_eq!(self.put(self.first, &too_long).await, Err(Cause::TooLarge { limit: MAX_VALUE_BYTES }));
        assert_eq!(self.get(self.first).await.unwrap(), "last");
    }

    async fn list_has_names(&self, can_list: bool) {
        let listed = self.writer().list().await;
        if can_list {
            let names: Vec<String> = listed.unwrap().iter().map(ToString::to_string).collect();
            assert!(names.iter().any(|name| name == self.first) && names.iter().any(|name| name == self.second), "{names:?}");
            assert!(names.is_sorted(), "{names:?}");
        } else {
            assert_eq!(listed, Err(Cause::Unable { what: "list secrets" }));
        }
    }

    async fn what_was_deleted_is_gone_and_nothing_else(&self) {
        self.delete(self.first).await.unwrap();
        assert!(self.get(self.first).await.unwrap_err().is_absence());
        assert!(self.delete(self.first).await.unwrap_err().is_absence());
        assert_eq!(self.get(self.second).await.unwrap(), "other");
        self.delete(self.second).await.unwrap();
        assert!(self.get(self.second).await.unwrap_err().is_absence());
    }

    pub(super) async fn get(&self, name: &str) -> Result<String, Cause> {
        let fetched: Result<Fetched, Cause> = self.provider.fetch(reference(name).place()).await;
        fetched.map(|fetched| fetched.value.expose().to_owned())
    }

    pub(super) async fn put(&self, name: &str, text: &str) -> Result<(), Cause> {
        self.writer().put(reference(name).place(), &Value::new(text).unwrap()).await
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), Cause> {
        self.writer().delete(reference(name).place()).await
    }

    fn writer(&self) -> &dyn Writer {
        self.provider.writer().unwrap()
    }
}

fn reference(name: &str) -> Reference {
    name.parse().unwrap()
}
