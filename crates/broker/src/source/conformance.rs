//! What does every writer promise? One suite, asked of each of them; `first` and `second` name two places that are free.

use super::{MAX_VALUE_BYTES, Provider, Removal, Writer};
use crate::member::member;
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
        self.a_member_is_changed_alone().await;
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
        let below = self.first.split_once("://").and_then(|(_, name)| name.rsplit_once('/')).unwrap().0;
        let listed = self.writer().list(below).await;
        if can_list {
            let names: Vec<String> = listed.unwrap().references.iter().map(ToString::to_string).collect();
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

    /// Nothing is left behind, whether or not the places are documents by nature.
    async fn a_member_is_changed_alone(&self) {
        let place = self.first.split('#').next().unwrap();
        let [token, other] = ["token", "other"].map(|field| format!("{place}#{field}"));
        assert!(self.get(&token).await.unwrap_err().is_absence());
        self.put(&token, "hunter2").await.unwrap();
        self.put(&other, "x\"y\n").await.unwrap();
        self.put(&token, "hunter3").await.unwrap();
        assert_eq!((self.get(&token).await.as_deref(), self.get(&other).await.as_deref()), (Ok("hunter3"), Ok("x\"y\n")));
        self.delete(&token).await.unwrap();
        assert!(self.get(&token).await.unwrap_err().is_absence() && self.delete(&token).await.unwrap_err().is_absence());
        assert_eq!(self.get(&other).await.as_deref(), Ok("x\"y\n"));
        self.delete(&other).await.unwrap();
        assert!(self.get(&other).await.unwrap_err().is_absence());
    }

    pub(super) async fn get(&self, name: &str) -> Result<String, Cause> {
        let reference = reference(name);
        let fetched = self.provider.fetch(reference.place()).await?;
        match reference.field() {
            None => Ok(fetched.value.expose().to_owned()),
            Some(field) => member(fetched.value.expose(), field).map(|value| value.expose().to_owned()),
        }
    }

    pub(super) async fn put(&self, name: &str, text: &str) -> Result<(), Cause> {
        self.writer().put(&reference(name), &Value::new(text).unwrap()).await
    }

    pub(super) async fn delete(&self, name: &str) -> Result<Removal, Cause> {
        self.writer().delete(&reference(name)).await
    }

    fn writer(&self) -> &dyn Writer {
        self.provider.writer().unwrap()
    }
}

fn reference(name: &str) -> Reference {
    name.parse().unwrap()
}
