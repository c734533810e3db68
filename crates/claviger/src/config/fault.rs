//! What is wrong with the configuration, where, and how is it mended? Every fault is found before anything starts, and all are shown at once.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::tree::{Path, Place, Source, Sources};
use crate::voice::{self, BAD, Exit, Report};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    place: Option<Place>,
    message: String,
    hints: Vec<String>,
    hidden: bool,
}

/// Everything that is wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Fault {
    /// A fault at a place of a text.
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place: Some(place), ..Self::outside(message) }
    }

    /// A fault of the value at a path.
    pub(crate) fn at(place: Place, path: &Path, what: impl std::fmt::Display) -> Self {
        Self::new(place, format!("`{path}`: {what}"))
    }

    /// A fault of the command line or of a variable.
    pub(crate) fn outside(message: impl Into<String>) -> Self {
        // What a message quotes may hold tabs, which would tear it apart.
        Self { place: None, message: message.into().replace('\t', "\\t"), hints: Vec::new(), hidden: false }
    }

    /// What to write instead.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Keeps the bytes at the place from being shown: they may be a secret.
    pub(crate) fn hide_value(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Where it is and what, in one line, for what is let pass.
    pub(crate) fn in_one_line(&self, sources: &Sources) -> String {
        match self.place.as_ref().and_then(|place| Some((place, sources.source(place.source)?))) {
            Some((place, source)) => {
                let (line, column) = position(&source.text, place.start);
                format!("{}:{line}:{column}: {}", source.name, self.message)
            }
            None => self.message.clone(),
        }
    }

    /// Where; the start of the first text for a fault outside.
    #[cfg(test)]
    pub(crate) fn place(&self) -> Place {
        self.place.clone().unwrap_or(Place { source: 0, start: 0, end: 0 })
    }

    fn render(&self, sources: &Sources) -> String {
        let located = self.place.as_ref().and_then(|place| Some((place, sources.source(place.source)?)));
        let mut text = match located {
            Some((place, source)) => {
                let (line, column) = position(&source.text, place.start);
                format!("{}:{line}:{column}: {BAD}error:{BAD:#} {}\n{}", source.name, self.message, self.snippet(place, source))
            }
            None => format!("{BAD}error:{BAD:#} {}\n", self.message),
        };
        for hint in &self.hints {
            text.push_str(&voice::hint_line(hint));
            text.push('\n');
        }
        text
    }

    /// The line of the fault, underlined, with everything in it masked that looks like a secret.
    fn snippet(&self, place: &Place, source: &Source) -> String {
        let start = floor(&source.text, place.start);
        let line_start = source.text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let rest = source.text.get(line_start..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        if line.trim().is_empty() {
            return String::new();
        }
        let from = (start - line_start).min(line.len());
        let to = place.end.saturating_sub(line_start).clamp(from, line.len());
        let mut shown = mask(line);
        if self.hidden {
            shown = blank_out(&shown, from, to);
        }
        let number = position(&source.text, start).0;
        let snippet = Snippet::source(shown.as_str()).line_start(number).annotation(AnnotationKind::Primary.span(from..to));
        let rendered = Renderer::styled().render(&[Group::with_level(Level::ERROR).element(snippet)]);
        format!("{}\n", rendered.trim_end())
    }
}

impl Faults {
    /// Adds one.
    pub(crate) fn push(&mut self, fault: Fault) {
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }

    /// Adds all of them.
    pub(crate) fn append(&mut self, others: Self) {
        others.0.into_iter().for_each(|fault| self.push(fault));
    }

    /// How many they are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order of their places, as one report that ends with 64.
    pub(crate) fn into_report(mut self, sources: &Sources) -> Report {
        self.0.sort_by(|left, right| left.place.cmp(&right.place));
        let details: Vec<String> = self.0.iter().map(|fault| fault.render(sources)).collect();
        let count = self.0.len();
        let faults = if count == 1 { "fault" } else { "faults" };
        Report::new(Exit::Configuration, format!("{count} {faults} in the configuration"))
            .outcome("nothing was started")
            .details(details.join("\n"))
            .of_faults(count)
    }

    /// The messages alone, for tests.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<&str> {
        self.0.iter().map(|fault| fault.message.as_str()).collect()
    }
}

/// The candidate that was probably meant, when one is near enough.
pub(crate) fn closest<'c>(wrong: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let allowed = (wrong.chars().count() / 3).clamp(1, 3);
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&wrong.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Line and column, both from 1; the column counts characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..floor(text, offset)).unwrap_or_default();
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().trim_start_matches('\u{feff}').chars().count() + 1;
    (line, column)
}

/// The nearest character boundary at or before the offset.
fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The line with every word that looks like a secret starred out; the length in bytes stays.
fn mask(line: &str) -> String {
    let is_part =
        |character: char| !(character.is_whitespace() || matches!(character, '"' | '\'' | '`' | '=' | ',' | '[' | ']' | '{' | '}'));
    let mut shown = String::with_capacity(line.len());
    let mut name = "";
    let mut rest = line;
    while !rest.is_empty() {
        let gap = rest.find(is_part).unwrap_or(rest.len());
        let (between, after) = rest.split_at(gap);
        shown.push_str(between);
        let length = after.find(|character| !is_part(character)).unwrap_or(after.len());
        let (word, after) = after.split_at(length);
        if broker::literal::may_hold_secret(name, word) {
            shown.push_str(&"*".repeat(word.len()));
        } else {
            shown.push_str(&voice::plain(word));
        }
        if after.trim_start_matches(['"', '\'']).trim_start().starts_with(['=', ':']) || word.ends_with(':') {
            name = word.trim_end_matches(':');
        }
        rest = after;
    }
    // Escaping control characters changes lengths, and then the underline would be elsewhere.
    if shown.len() == line.len() { shown } else { "*".repeat(line.len()) }
}

/// The text with the bytes between the two offsets starred out.
fn blank_out(text: &str, from: usize, to: usize) -> String {
    let (head, tail) = (text.get(..from).unwrap_or_default(), text.get(to..).unwrap_or_default());
    format!("{head}{}{tail}", "*".repeat(to.saturating_sub(from)))
}

#[cfg(test)]
mod tests {
    use super::{Fault, Faults, Place, Sources, closest};

    fn shown(text: &str, start: usize, end: usize, change: impl FnOnce(Fault) -> Fault) -> String {
        let mut sources = Sources::default();
        let number = sources.add("claviger.toml", text);
        let mut faults = Faults::default();
        faults.push(change(Fault::new(Place::new(number, start..end), "`a`: is wrong")));
        anstream::adapter::strip_str(&faults.into_report(&sources).render()).to_string()
    }

    #[test]
    fn a_fault_shows_its_place_its_line_and_its_mend() {
        let text = shown("x = 1\nlisten = 2\n", 6, 12, |fault| fault.hint("write `[listen]`"));
        assert_eq!(
            text,
            "claviger.toml:2:1: error: `a`: is wrong\n  |\n2 | listen = 2\n  | ^^^^^^\nhint: write `[listen]`\n\nerror: 1 fault in the configuration; nothing was started\n"
        );
    }

    #[test]
    fn what_is_quoted_holds_no_tab() {
        assert_eq!(Fault::outside("`${A:\t-b}` is wrong").message, "`${A:\\t-b}` is wrong");
    }

    #[test]
    fn a_secret_on_the_line_is_not_shown() {
        let token = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
        let text = format!("env = {{ GITHUB_TOKEN = \"{token}\", B = 1 }}");
        let start = text.find("B =").unwrap();
        assert!(!shown(&text, start, start + 1, |fault| fault).contains(token));
        for glued in [format!("ghp_16$$$${token}"), format!("x{token}"), format!("{token}$"), format!("é{token}é")] {
            let text = format!("a = \"{glued}\" b");
            let at = text.len() - 1;
            assert!(!shown(&text, at, at + 1, |fault| fault).contains(token), "{glued}");
        }
        let at = text.find(token).unwrap();
        assert!(!shown(&text, at, at + token.len(), Fault::hide_value).contains("0123"));
    }

    #[test]
    fn places_beyond_the_text_or_inside_a_character_do_no_harm() {
        for (start, end) in [(0, 500), (499, 500), (1, 2), (3, 1)] {
            assert!(shown("ů = \"ř\"\n\u{1b}[2J", start, end, |fault| fault).contains("error: `a`: is wrong"));
        }
        assert!(!shown("\u{1b}[2J", 0, 1, |fault| fault).contains('\u{1b}'));
    }

    #[test]
    fn only_near_names_are_suggested() {
        let names = ["address", "public_url", "tls"];
        assert_eq!(closest("adress", names.into_iter()), Some("address"));
        assert_eq!(closest("tsl", names.into_iter()), Some("tls"));
        assert_eq!(closest("colour", names.into_iter()), None);
    }
}
