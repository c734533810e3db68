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
    /// Whether members that are not known are passed over (true) or refused.
    const OPEN: bool;

    /// Where the object stands, for the error.
    fn place(&self) -> Place;

    /// The names that are read (or that must not be imitated), in the order of the indexes given to [`Members::take`].
    fn known(&self) -> &'static [&'static str];

    /// Takes the value of the known member `index` out of `map`. Called at most once per index.
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

/// The values that the members of these names have in the object in `text`.
pub(crate) fn read_members<'a, const N: usize>(
    text: &'a str,
    place: Place,
    names: &'static [&'static str; N],
) -> Result<[Option<RawJson<'a>>; N], EnvelopeError> {
    read_object(text, Named { place, names, values: [None; N] }).map(|members| members.values)
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
        let outer = refusal.place.replace(self.members.place());
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
        let (place, known) = (self.members.place(), self.members.known());
        let mut seen = 0_u64;
        let mut others: Vec<Cow<'a, str>> = Vec::new();
        while let Some(Name(name)) = map.next_key_seed(Name(Cow::Borrowed("")))? {
            if let Some(index) = known.iter().position(|known| *known == name) {
                let bit = 1_u64.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(0);
                if seen & bit != 0 {
                    return Err(self.refusal.refuse(EnvelopeError::duplicate(place, &name)));
                }
                seen |= bit;
                self.members.take(index, &mut map, self.refusal)?;
            } else {
                check_other(&self.members, &name, &others).map_err(|error| self.refusal.refuse::<A::Error>(error))?;
                others.push(name);
                map.next_value::<&'a RawValue>()?;
            }
        }
        Ok(self.members)
    }
}

/// The values of the members that have these names, by index.
struct Named<'a, const N: usize> {
    place: Place,
    names: &'static [&'static str; N],
    values: [Option<RawJson<'a>>; N],
}

impl<'a, const N: usize> Members<'a> for Named<'a, N> {
    const OPEN: bool = true;

    fn place(&self) -> Place {
        self.place
    }

    fn known(&self) -> &'static [&'static str] {
        self.names
    }

    fn take<A: MapAccess<'a>>(&mut self, index: usize, map: &mut A, _refusal: &Refusal) -> Result<(), A::Error> {
        let value = take_raw(map)?;
        self.values.get_mut(index).map(|slot| *slot = Some(value)).ok_or_else(|| A::Error::custom("unknown index"))
    }
}

/// The next value of `map` as the bytes it is written in.
pub(crate) fn take_raw<'a, A: MapAccess<'a>>(map: &mut A) -> Result<RawJson<'a>, A::Error> {
    map.next_value::<&'a RawValue>().map(|value| RawJson::trusted(value.get()))
}

fn check_other<'a, M: Members<'a>>(members: &M, name: &str, others: &[Cow<'a, str>]) -> Result<(), EnvelopeError> {
    let place = members.place();
    if let Some(known) = resembles(name, members.known()) {
        return Err(EnvelopeError::LookAlike { place, member: known });
    }
    if !M::OPEN {
        return Err(EnvelopeError::unknown(name));
    }
    if others.iter().any(|other| other == name) {
        return Err(EnvelopeError::duplicate(place, name));
    }
    if others.len() >= MAX_OTHER_MEMBERS {
        return Err(EnvelopeError::TooManyMembers(place));
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
