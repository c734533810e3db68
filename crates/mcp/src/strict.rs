//! How is one JSON object read so that no other parser can read it differently?
//!
//! One pass. Every duplicate member is refused, and so is every member that only looks like one that we read.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::envelope::{EnvelopeError, Place};
use crate::lookalike::resembles;
use crate::raw::RawJson;

/// The members of one kind of object: which names it knows, and what it does with their values.
pub(crate) trait Members<'a> {
    /// Where the object stands, for the error.
    const PLACE: Place;
    /// The names that are read (or that must not be imitated), in the order of the indexes given to [`Members::take`].
    const KNOWN: &'static [&'static str];
    /// Whether members outside `KNOWN` are passed over (true) or refused.
    const OPEN: bool;

    /// Takes the value of the member `KNOWN[index]` out of `map`. Called at most once per index.
    fn take<A: MapAccess<'a>>(&mut self, index: usize, map: &mut A, refusal: &Refusal) -> Result<(), A::Error>;
}

/// Where a typed refusal waits while serde carries its own, untyped, error up.
pub(crate) struct Refusal {
    found: Cell<Option<EnvelopeError>>,
    place: Cell<Place>,
}

impl Refusal {
    pub(crate) fn new() -> Self {
        Self { found: Cell::new(None), place: Cell::new(Place::Envelope) }
    }

    /// Keeps `error` and gives the error that makes serde stop.
    pub(crate) fn refuse<E: serde::de::Error>(&self, error: EnvelopeError) -> E {
        self.found.set(Some(error));
        E::custom("refused")
    }

    /// The typed error behind `error`, which serde has just given.
    pub(crate) fn explain(&self, error: &serde_json::Error) -> EnvelopeError {
        self.found.take().unwrap_or(match error.classify() {
            serde_json::error::Category::Data => EnvelopeError::NotAnObject(self.place.get()),
            _ => EnvelopeError::Malformed { line: error.line(), column: error.column() },
        })
    }
}

/// Reads `text`, which holds exactly one object, into `members`.
pub(crate) fn read_object<'a, M: Members<'a>>(text: &'a str, members: M) -> Result<M, EnvelopeError> {
    let refusal = Refusal::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = Object { members, refusal: &refusal }.deserialize(&mut deserializer).map_err(|error| refusal.explain(&error))?;
    deserializer.end().map_err(|_| EnvelopeError::TrailingData)?;
    Ok(members)
}

/// One object on its way into `members`.
pub(crate) struct Object<'r, M> {
    pub(crate) members: M,
    pub(crate) refusal: &'r Refusal,
}

impl<'a, M: Members<'a>> DeserializeSeed<'a> for Object<'_, M> {
    type Value = M;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<M, D::Error> {
        let refusal = self.refusal;
        let outer = refusal.place.replace(M::PLACE);
        let members = deserializer.deserialize_map(self)?;
        refusal.place.set(outer);
        Ok(members)
    }
}

impl<'a, M: Members<'a>> Visitor<'a> for Object<'_, M> {
    type Value = M;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<M, A::Error> {
        let mut seen = 0_u64;
        let mut others: Vec<Cow<'a, str>> = Vec::new();
        while let Some(Name(name)) = map.next_key_seed(Name(Cow::Borrowed("")))? {
            if let Some(index) = M::KNOWN.iter().position(|known| *known == name) {
                let bit = 1_u64.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(0);
                if seen & bit != 0 {
                    return Err(self.refusal.refuse(EnvelopeError::duplicate(M::PLACE, &name)));
                }
                seen |= bit;
                self.members.take(index, &mut map, self.refusal)?;
            } else {
                check_other::<M>(&name, &others).map_err(|error| self.refusal.refuse::<A::Error>(error))?;
                others.push(name);
                map.next_value::<&'a RawValue>()?;
            }
        }
        Ok(self.members)
    }
}

/// An object of which every known value is kept as bytes.
pub(crate) trait Shape {
    const PLACE: Place;
    const KNOWN: &'static [&'static str];
}

/// The values of a [`Shape`], by index.
pub(crate) struct Flat<'a, S, const N: usize> {
    values: [Option<RawJson<'a>>; N],
    shape: std::marker::PhantomData<S>,
}

impl<'a, S, const N: usize> Flat<'a, S, N> {
    pub(crate) fn new() -> Self {
        Self { values: [None; N], shape: std::marker::PhantomData }
    }

    pub(crate) fn values(self) -> [Option<RawJson<'a>>; N] {
        self.values
    }
}

impl<'a, S: Shape, const N: usize> Members<'a> for Flat<'a, S, N> {
    const PLACE: Place = S::PLACE;
    const KNOWN: &'static [&'static str] = S::KNOWN;
    const OPEN: bool = true;

    fn take<A: MapAccess<'a>>(&mut self, index: usize, map: &mut A, _refusal: &Refusal) -> Result<(), A::Error> {
        let value = take_raw(map)?;
        self.values.get_mut(index).map(|slot| *slot = Some(value)).ok_or_else(|| A::Error::custom("unknown index"))
    }
}

/// The next value of `map` as the bytes it is written in.
pub(crate) fn take_raw<'a, A: MapAccess<'a>>(map: &mut A) -> Result<RawJson<'a>, A::Error> {
    map.next_value::<&'a RawValue>().map(|value| RawJson::trusted(value.get()))
}

fn check_other<'a, M: Members<'a>>(name: &str, others: &[Cow<'a, str>]) -> Result<(), EnvelopeError> {
    if let Some(known) = resembles(name, M::KNOWN) {
        return Err(EnvelopeError::LookAlike { place: M::PLACE, member: known });
    }
    if !M::OPEN {
        return Err(EnvelopeError::unknown(name));
    }
    if others.iter().any(|other| other == name) {
        return Err(EnvelopeError::duplicate(M::PLACE, name));
    }
    if others.len() >= MAX_OTHER_MEMBERS {
        return Err(EnvelopeError::TooManyMembers(M::PLACE));
    }
    Ok(())
}

/// A member name, borrowed where it is written without escapes.
struct Name<'a>(Cow<'a, str>);

impl<'a> DeserializeSeed<'a> for Name<'a> {
    type Value = Self;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for Name<'a> {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member name")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, name: &'a str) -> Result<Self, E> {
        Ok(Self(Cow::Borrowed(name)))
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self, E> {
        Ok(Self(Cow::Owned(name.to_owned())))
    }
}

/// How many members that we do not read an object that we read may have. It bounds the search for duplicates.
const MAX_OTHER_MEMBERS: usize = 256;
