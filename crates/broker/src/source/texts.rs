//! How is one member of a secret changed where a place knows only whole texts? What lies there is read, and put back with the change.
//!
//! These places cannot say "only if it is still what I read": whoever else writes between the two loses. Vault can (see `vault::write`).

use super::{Changing, Listed, Provider, Removal, Writer, check_value};
use crate::member::{with_member, without_member};
use crate::missing::Cause;
use crate::reference::{Place, Reference};
use crate::value::Value;

/// Places that keep each secret as one text.
pub(super) trait Texts: Provider {
    /// Refuses what is no place to write to.
    fn admit_place(&self, _place: &Place) -> Result<(), Cause> {
        Ok(())
    }

    /// Puts a text of at most [`super::MAX_VALUE_BYTES`] there, in place of what was there.
    fn put_text<'a>(&'a self, place: &'a Place, text: &'a Value) -> Changing<'a, ()>;

    /// Removes the text there; that there was none is a failure.
    fn remove_text<'a>(&'a self, place: &'a Place) -> Changing<'a, Removal>;

    /// What [`Writer::list`] gives.
    fn list_texts<'a>(&'a self, below: &'a str) -> Changing<'a, Listed>;
}

impl<T: Texts> Writer for T {
    fn admit<'a>(&'a self, reference: &'a Reference) -> Changing<'a, ()> {
        Box::pin(std::future::ready(self.admit_place(reference.place())))
    }

    fn put<'a>(&'a self, reference: &'a Reference, value: &'a Value) -> Changing<'a, ()> {
        Box::pin(async move {
            check_value(value)?;
            let place = reference.place();
            let Some(field) = reference.field() else { return self.put_text(place, value).await };
            let document = match self.fetch(place).await {
                Ok(fetched) => with_member(fetched.value.expose(), field, value.expose())?,
                Err(cause) if cause.is_absence() || cause == Cause::Empty => with_member("{}", field, value.expose())?,
                Err(cause) => return Err(cause),
            };
            let document = Value::new(&document).map_err(|_| Cause::NoMemory)?;
            check_value(&document)?;
            self.put_text(place, &document).await
        })
    }

    fn delete<'a>(&'a self, reference: &'a Reference) -> Changing<'a, Removal> {
        Box::pin(async move {
            let place = reference.place();
            let Some(field) = reference.field() else { return self.remove_text(place).await };
            let fetched = self.fetch(place).await?;
            let Some(left) = without_member(fetched.value.expose(), field)? else { return self.remove_text(place).await };
            let left = Value::new(&left).map_err(|_| Cause::NoMemory)?;
            self.put_text(place, &left).await?;
            Ok(match fetched.version {
                Some(_) => Removal::Recoverable { how: "the versions before still hold it, as long as the place keeps them" },
                None => Removal::Final,
            })
        })
    }

    fn list<'a>(&'a self, below: &'a str) -> Changing<'a, Listed> {
        self.list_texts(below)
    }
}
