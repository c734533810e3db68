//! What does the door present? A text with secrets in it, filled in only against a permit.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::future::select_all;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use policy::Permit;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;

use crate::member::member;
use crate::missing::{Cause, Missing};
use crate::slot::Slot;
use crate::value::Value;

/// A template whose secrets are looked after. Cheap to fill in while they are kept.
pub struct Credential {
    parts: Vec<Part>,
    form: Form,
}

/// How a secret stands in the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As it is.
    Plain,
    /// As a part of a URL that cannot end that part (RFC 3986 §2.1).
    Percent,
}

/// A filled-in text, and which values are in it.
pub struct Released {
    /// The text. Wiped when let go.
    pub text: SecretString,
    /// Stands for the values in it, for [`Credential::refuse`].
    pub stamp: Stamp,
}

/// Which values a text was made of: another stamp of the same credential means other values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp(u64);

impl std::ops::Add for Stamp {
    type Output = Self;

    /// The stamp of several credentials together.
    fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

/// A part of a text.
pub(crate) enum Part {
    Literal(Box<str>),
    Secret(Secret),
}

/// A reference in a text.
pub(crate) struct Secret {
    pub(crate) slot: Arc<Slot>,
    /// The reference as it was written.
    pub(crate) name: Arc<str>,
    pub(crate) max_age: Duration,
    /// The member to take out of the document that is kept.
    pub(crate) field: Option<Box<str>>,
    /// What stands in for a variable that is not set, or empty.
    pub(crate) default: Option<Box<str>>,
    /// The member of the newest document, taken out once.
    pub(crate) view: ArcSwapOption<View>,
}

/// A member of a document, and of which one.
pub(crate) struct View {
    generation: u64,
    member: Result<Arc<Value>, Cause>,
}

impl Credential {
    pub(crate) fn new(parts: Vec<Part>) -> Self {
        Self { parts, form: Form::Plain }
    }

    /// The same for a path and query: in a value, everything but letters, digits and `-._~` is percent-encoded, so that it stays in its place there.
    #[must_use]
    pub fn in_a_url(self) -> Self {
        Self { form: Form::Percent, ..self }
    }

    /// The value of an `Authorization` header with the token of this slot.
    pub(crate) fn bearer(name: Arc<str>, slot: Arc<Slot>) -> Self {
        let secret = Secret { slot, name, max_age: A_DAY, field: None, default: None, view: ArcSwapOption::empty() };
        Self::new(vec![Part::Literal("Bearer ".into()), Part::Secret(secret)])
    }

    /// The text filled in, for a call that `permit` proves to be allowed.
    pub async fn release(&self, permit: &Permit) -> Result<Released, Missing> {
        let _ = permit;
        self.fill().await
    }

    /// The secrets in it, without the text around them: what must be starred out of a log.
    pub async fn secrets(&self, permit: &Permit) -> Result<Vec<SecretString>, Missing> {
        let _ = permit;
        let mut secrets = Vec::new();
        for secret in self.secret_parts() {
            let (value, _) = secret.value().await?;
            secrets.push(SecretString::from(value.as_deref().map_or(secret.default.as_deref().unwrap_or_default(), Value::expose)));
        }
        Ok(secrets)
    }

    /// Filled in without a permit: for what the door itself needs to start. Nothing that goes upstream is released this way.
    pub(crate) async fn fill(&self) -> Result<Released, Missing> {
        let mut stamp = 0_u64;
        let mut values = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            values.push(match part {
                Part::Literal(_) => None,
                Part::Secret(secret) => {
                    let (value, generation) = secret.value().await?;
                    stamp = stamp.wrapping_add(generation);
                    value
                }
            });
        }
        let texts = || {
            self.parts.iter().zip(&values).map(|(part, value)| match (part, value) {
                (_, Some(value)) => value.expose(),
                (Part::Literal(text), None) => text,
                (Part::Secret(secret), None) => secret.default.as_deref().unwrap_or_default(),
            })
        };
        // Room for all of it from the start: growing would leave copies behind.
        let room = texts().map(str::len).sum::<usize>() * if self.form == Form::Percent { "%00".len() } else { 1 };
        let mut text = String::with_capacity(room);
        for (part, piece) in self.parts.iter().zip(texts()) {
            match (part, self.form) {
                (Part::Literal(_), _) | (Part::Secret(_), Form::Plain) => text.push_str(piece),
                (Part::Secret(_), Form::Percent) => text.extend(utf8_percent_encode(piece, RESERVED)),
            }
        }
        Ok(Released { text: text.into(), stamp: Stamp(stamp) })
    }

    /// Whether anything in it comes from elsewhere.
    pub fn has_references(&self) -> bool {
        self.secret_parts().next().is_some()
    }

    /// Has the next release fetch anew what was refused where it was used, unless that has happened already. `false`: nothing can be fetched anew.
    pub fn refuse(&self, stamp: Stamp) -> bool {
        if self.stamp() == stamp {
            for kept in self.secret_parts().filter_map(|secret| Some((secret, secret.slot.kept()?))) {
                kept.0.slot.refuse(kept.1.generation);
            }
        }
        self.has_references()
    }

    /// The values that are kept now.
    pub fn stamp(&self) -> Stamp {
        let generations = self.secret_parts().filter_map(|secret| secret.slot.kept()).map(|kept| kept.generation);
        Stamp(generations.fold(0, u64::wrapping_add))
    }

    /// What cannot be had of it, as the last try has shown.
    pub fn missing(&self) -> Option<Missing> {
        self.secret_parts().filter(|secret| secret.default.is_none()).find_map(|secret| secret.slot.missing())
    }

    /// For how long its values may still be used by somebody who was given them; the longest time there is, if it has none.
    pub fn good_for(&self) -> Duration {
        let secrets = self.secret_parts().filter(|secret| secret.default.is_none());
        secrets.map(|secret| secret.slot.good_for(secret.max_age)).min().unwrap_or(Duration::MAX)
    }

    /// Changes of its values from now on. While this lives, values are fetched before their end, whether or not anybody asks.
    pub fn changes(&self) -> Changes {
        Changes(self.secret_parts().map(|secret| secret.slot.watch(secret.max_age)).collect())
    }

    fn secret_parts(&self) -> impl Iterator<Item = &Secret> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Secret(secret) => Some(secret),
        })
    }
}

impl Secret {
    /// The value and the generation of its document; no value means that the default stands in.
    async fn value(&self) -> Result<(Option<Arc<Value>>, u64), Missing> {
        match self.present_value().await {
            Ok((value, generation)) => Ok((Some(value), generation)),
            // As in a shell, `:-` stands in for an empty variable too.
            Err(Cause::NotSet | Cause::Empty) if self.default.is_some() => Ok((None, 0)),
            Err(cause) => Err(Missing { credential: Arc::clone(&self.name), cause }),
        }
    }

    async fn present_value(&self) -> Result<(Arc<Value>, u64), Cause> {
        let kept = self.slot.value(self.max_age).await.map_err(|missing| missing.cause)?;
        let Some(field) = &self.field else { return Ok((Arc::clone(&kept.value), kept.generation)) };
        let view = self.view.load_full().filter(|view| view.generation == kept.generation).unwrap_or_else(|| {
            let member = member(kept.value.expose(), field).map(Arc::new);
            let view = Arc::new(View { generation: kept.generation, member });
            self.view.store(Some(Arc::clone(&view)));
            view
        });
        view.member.clone().map(|value| (value, kept.generation))
    }
}

/// Waits for new values.
pub struct Changes(Vec<watch::Receiver<u64>>);

impl Changes {
    /// Several credentials' changes as one.
    pub fn of_all<'c>(credentials: impl IntoIterator<Item = &'c Credential>) -> Self {
        Self(credentials.into_iter().flat_map(|credential| credential.changes().0).collect())
    }

    /// Returns when some value is another than at the last call, or at the beginning; never, if nothing can change.
    pub async fn next(&mut self) {
        let changes: Vec<_> = self.0.iter_mut().map(|receiver| Box::pin(receiver.changed())).collect();
        if changes.is_empty() {
            return std::future::pending().await;
        }
        let (changed, _, _) = select_all(changes).await;
        if changed.is_err() {
            // Whoever could tell is gone.
            std::future::pending::<()>().await;
        }
    }
}

impl Released {
    /// The text, to be put where it is used.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

/// A token says for how long it is good; longer than this none is kept.
/// All but the unreserved characters of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const A_DAY: Duration = Duration::from_secs(24 * 3600);
