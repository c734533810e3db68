//! How does a name come into a sentence, and what of a sentence is code?

/// A sentence in which something is filled in where `{}` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phrase(pub &'static str);

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'t> {
    /// What stands there.
    pub text: &'t str,
    /// Whether it is shown as code.
    pub is_code: bool,
}

impl Phrase {
    /// The sentence with a name in it.
    pub fn with(self, name: &str) -> String {
        self.fill(&[name])
    }

    /// The sentence with two names in it.
    pub fn with_both(self, first: &str, second: &str) -> String {
        self.fill(&[first, second])
    }

    /// Puts `values` where `{}` stands, in order; braces in a value are left alone.
    fn fill(self, values: &[&str]) -> String {
        let mut pieces = self.0.split("{}");
        let mut filled = pieces.next().unwrap_or_default().to_owned();
        let mut values = values.iter();
        for piece in pieces {
            filled.push_str(values.next().unwrap_or(&""));
            filled.push_str(piece);
        }
        filled
    }
}

/// The pieces of a text that has its code between backticks, as texts for terminals do: a template shows them without.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let pieces = text.split('`').zip([false, true].into_iter().cycle());
    pieces.map(|(text, is_code)| Piece { text, is_code }).filter(|piece| !piece.text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_into_a_sentence_in_order_and_as_they_are() {
        let phrase = Phrase("“{}” wants to use “{}”.");
        assert_eq!(phrase.with_both("{}", "mail"), "“{}” wants to use “mail”.");
        assert_eq!(phrase.with("desk"), "“desk” wants to use “”.");
        assert_eq!(Phrase("Nothing.").with("desk"), "Nothing.");
    }

    #[test]
    fn what_stands_between_backticks_is_code() {
        let shown: Vec<_> = pieces("`state` is over `8` bytes").into_iter().map(|piece| (piece.text, piece.is_code)).collect();
        assert_eq!(shown, [("state", true), (" is over ", false), ("8", true), (" bytes", false)]);
        assert_eq!(pieces("plain"), [Piece { text: "plain", is_code: false }]);
        assert_eq!(pieces(""), []);
    }
}
