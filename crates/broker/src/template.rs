//! What is written where a secret belongs? Plain text, one whole reference, or text with references inside it.
//!
//! `${NAME}` and `${env://NAME}` may stand anywhere; `env://NAME` must be the whole text. `$${` is a literal `${`. Everything else, a lone
//! `$` too, means itself.

use std::fmt;

use crate::reference::{InvalidReference, Reference, VariableName};

/// A text with references in it. Printing gives back what was read: names, never values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    pieces: Vec<Piece>,
}

impl Template {
    /// Reads a text in which `${NAME:-default}` may give a default.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        if let Some(reference) = Reference::recognise(text) {
            return reference.map(Self::from);
        }
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                literal.push_str(before);
                literal.push_str("${");
                rest = after;
                continue;
            }
            literal.push_str(before);
            let (inside, behind) = after.split_once('}').ok_or(InvalidReference::Unclosed)?;
            pieces.extend(Piece::literal(&mut literal));
            pieces.push(Piece::within_braces(inside)?);
            rest = behind;
        }
        literal.push_str(rest);
        pieces.extend(Piece::literal(&mut literal));
        Ok(Self { pieces })
    }

    /// Reads a text that was not written for us, such as an inherited variable: a whole reference, or `${scheme://…}` inside. Everything else in it means itself,
    /// `${NAME}` too, for it may belong to a shell; only `$${scheme://` is a literal `${scheme://`.
    pub fn parse_foreign(text: &str) -> Result<Self, InvalidReference> {
        if let Some(reference) = Reference::recognise(text) {
            return reference.map(Self::from);
        }
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (inside, closed) = after.split_once('}').map_or((after, None), |(inside, behind)| (inside, Some(behind)));
            let Some(reference) = Reference::recognise(inside) else {
                literal.extend([before, "${"]);
                rest = after;
                continue;
            };
            if let Some(before) = before.strip_suffix('$') {
                literal.extend([before, "${"]);
                rest = after;
                continue;
            }
            rest = closed.ok_or(InvalidReference::Unclosed)?;
            literal.push_str(before);
            pieces.extend(Piece::literal(&mut literal));
            pieces.push(Piece::Inside(reference?));
        }
        literal.push_str(rest);
        pieces.extend(Piece::literal(&mut literal));
        Ok(Self { pieces })
    }

    /// A text that means itself, whatever stands in it.
    pub fn literal(text: &str) -> Self {
        Self { pieces: Piece::literal(&mut text.to_owned()).into_iter().collect() }
    }

    /// The same with every `${NAME}` replaced by what `known` says of it. A name that it does not know stays a reference to the environment.
    #[must_use]
    pub fn with_variables(self, known: impl Fn(&str) -> Option<Self>) -> Self {
        let replace = |piece: Piece| {
            let Piece::Variable { name, default } = &piece else { return vec![piece] };
            match (known(name.as_str()), default) {
                (None, _) => vec![piece],
                // As in a shell, `:-` stands in for an empty variable too.
                (Some(value), Some(default)) if value.pieces.is_empty() => Self::literal(default).pieces,
                (Some(value), _) => value.pieces.into_iter().map(Piece::inside).collect(),
            }
        };
        let mut pieces: Vec<Piece> = self.pieces.into_iter().flat_map(replace).collect();
        if let [Piece::Inside(reference)] = pieces.as_slice() {
            pieces = vec![Piece::Whole(reference.clone())];
        }
        Self { pieces }
    }

    /// Reads a text that stands where a secret belongs: a default is refused, for it would be a secret in the configuration.
    pub fn parse_secret(text: &str) -> Result<Self, InvalidReference> {
        let template = Self::parse(text)?;
        let has_default = template.pieces.iter().any(|piece| matches!(piece, Piece::Variable { default: Some(_), .. }));
        if has_default { Err(InvalidReference::DefaultForSecret) } else { Ok(template) }
    }

    /// Whether anything in it needs resolving.
    pub fn has_references(&self) -> bool {
        self.pieces.iter().any(|piece| !matches!(piece, Piece::Literal(_)))
    }

    /// The parts that are written out: what [`crate::literal::looks_like_secret`] is to be asked about.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Inside(_) | Piece::Variable { .. } | Piece::Whole(_) => None,
        })
    }

    /// The text with `stand_in` where each reference is.
    pub fn with_stand_in(&self, stand_in: &str) -> String {
        let text = |piece: &'_ Piece| if let Piece::Literal(text) = piece { text.clone() } else { stand_in.to_owned() };
        self.pieces.iter().map(text).collect()
    }

    /// The references in it, in order.
    pub fn references(&self) -> impl Iterator<Item = Reference> {
        self.pieces.iter().filter_map(Piece::reference)
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }
}

impl From<Reference> for Template {
    /// The reference as the whole text.
    fn from(reference: Reference) -> Self {
        Self { pieces: vec![Piece::Whole(reference)] }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| piece.fmt(formatter))
    }
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Piece {
    /// `${scheme://…}`.
    Inside(Reference),
    /// Text that means itself.
    Literal(String),
    /// `${NAME}` or `${NAME:-default}`.
    Variable { name: VariableName, default: Option<String> },
    /// `scheme://…` as the whole text.
    Whole(Reference),
}

impl Piece {
    fn within_braces(inside: &str) -> Result<Self, InvalidReference> {
        if let Some(reference) = Reference::recognise(inside) {
            return Ok(Self::Inside(reference?));
        }
        let (name, default) = match inside.split_once(":-") {
            Some((_, default)) if default.contains("${") => return Err(InvalidReference::NestedDefault),
            Some((name, default)) => (name, Some(default.to_owned())),
            None => (inside, None),
        };
        Ok(Self::Variable { name: VariableName::parse(name)?, default })
    }

    /// What was collected, if anything; the text begins anew.
    fn literal(collected: &mut String) -> Option<Self> {
        (!collected.is_empty()).then(|| Self::Literal(std::mem::take(collected)))
    }

    /// The same as a part of a longer text.
    fn inside(self) -> Self {
        match self {
            Self::Whole(reference) => Self::Inside(reference),
            piece => piece,
        }
    }

    pub(crate) fn reference(&self) -> Option<Reference> {
        match self {
            Self::Inside(reference) | Self::Whole(reference) => Some(reference.clone()),
            Self::Literal(_) => None,
            Self::Variable { name, .. } => Some(Reference::of_variable(name)),
        }
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inside(reference) => write!(formatter, "${{{reference}}}"),
            Self::Literal(text) => formatter.write_str(&text.replace("${", "$${")),
            Self::Variable { name, default: None } => write!(formatter, "${{{}}}", name.as_str()),
            Self::Variable { name, default: Some(default) } => write!(formatter, "${{{}:-{default}}}", name.as_str()),
            Self::Whole(reference) => reference.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests;
