//! How is a text changed without touching the rest of it? By edits of bytes, each of which knows how to be taken back.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::proof::says_the_same;
use super::wrap::{Arguments, Launcher, Lead, Wrap};
use super::{Client, Move, Name, Plan, Reader, Writing};
use crate::document::{Format, Span};

/// A file without the secrets that left it.
pub struct Fixed {
    /// What it says now.
    pub text: Zeroizing<String>,
    /// What was changed, in the order of the file.
    pub edits: Vec<Edit>,
}

/// One change.
pub struct Edit {
    /// The bytes of the old text that go.
    pub span: Span,
    /// What they said, without a secret.
    pub before: Vec<Piece>,
    /// What comes in their place.
    pub after: String,
}

/// A change, from the side of the new text: what is to be known to have the old one again. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reversal {
    /// Where the new bytes begin.
    pub start: usize,
    /// Where they end.
    pub end: usize,
    /// What stood there.
    pub before: Vec<Piece>,
}

/// A secret that was kept, for whoever wants the old text again. No `Debug`: it holds it.
pub struct Kept {
    /// The value.
    pub value: Zeroizing<String>,
    /// What [`Move::as_written`] says.
    pub as_written: Option<Zeroizing<String>>,
}

/// A part of an old text; the numbers are those of [`Plan::moves`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Piece {
    /// What was kept as it was written.
    AsWritten(usize),
    /// The value as a string of JSON.
    Json(usize),
    /// This text.
    Raw(String),
    /// The value.
    Value(usize),
}

/// The new text would not say what the old one says, so there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unfit {
    /// It is read otherwise.
    #[error("the changed file would say something else")]
    Meaning,
    /// Two changes meet.
    #[error("two changes of the file would overlap")]
    Overlap,
}

impl Plan {
    /// The text with a reference in the place of each secret that leaves; there is a name for each move.
    pub fn carry_out(&self, text: &str, names: &[Name], launcher: &Launcher) -> Result<Fixed, Unfit> {
        let mut edits: Vec<Edit> = self.wraps.iter().flat_map(|wrap| launched(text, wrap, launcher)).collect();
        edits.extend(self.bridges.iter().flat_map(|bridge| bridge.edits(text, self, names, launcher)));
        for (number, (each, name)) in self.moves.iter().zip(names).enumerate().filter(|(_, (each, _))| each.reader != Reader::Bridge) {
            let raw = text.get(each.span.clone()).ok_or(Unfit::Overlap)?;
            edits.push(Edit {
                span: each.span.clone(),
                before: before(raw, &each.value, number),
                after: self.written(each, name, self.format),
            });
        }
        edits.extend(self.quotes.iter().map(|at| Edit { span: *at..*at, before: Vec::new(), after: "\"".to_owned() }));
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        let changed = spliced(text, edits.iter().map(|edit| (&edit.span, edit.after.as_str()))).ok_or(Unfit::Overlap)?;
        if !says_the_same(self, text, &changed, names, launcher) {
            return Err(Unfit::Meaning);
        }
        Ok(Fixed { text: changed, edits })
    }

    /// What could stand in the place of a secret without anything else being changed, for whoever keeps nothing: the client's own reference. `None`: nothing could,
    /// or two secrets want one variable.
    pub fn reference_alone(&self, each: &Move) -> Option<String> {
        let variable = each.variable.clone().filter(|_| each.reader == Reader::Client)?;
        let is_shared = self.moves.iter().any(|other| other.variable == each.variable && other.value != each.value);
        (!is_shared).then(|| self.written(each, &Name { reference: String::new(), variable }, self.format))
    }

    /// What stands in the place of a secret, decoded.
    pub(super) fn meant(&self, each: &Move, name: &Name) -> String {
        match (each.reader, each.writing) {
            (Reader::Client, _) => self.client.variable(&name.variable).unwrap_or_else(|| name.reference.clone()),
            (_, Writing::Inside) => format!("${{{}}}", name.reference),
            (_, Writing::Bare | Writing::Whole) => name.reference.clone(),
        }
    }

    fn written(&self, each: &Move, name: &Name, format: Format) -> String {
        let meant = self.meant(each, name);
        let is_quoted = each.writing == Writing::Whole && format != Format::Dotenv && self.client != Client::Dotenv;
        if is_quoted { quoted(&meant) } else { meant }
    }
}

impl Fixed {
    /// What is to be known to have the old text again.
    pub fn reversals(&self) -> Vec<Reversal> {
        let mut start = 0;
        let mut at = 0;
        let reversal = |edit: &Edit| {
            start += edit.span.start - at;
            at = edit.span.end;
            let begin = start;
            start += edit.after.len();
            Reversal { start: begin, end: start, before: edit.before.clone() }
        };
        self.edits.iter().map(reversal).collect()
    }
}

/// A text with something else in some of its places, which stand in their order; `None` when they do not fit it.
pub fn spliced<'e>(text: &str, edits: impl Iterator<Item = (&'e Span, &'e str)> + Clone) -> Option<Zeroizing<String>> {
    let room = edits.clone().map(|(_, after)| after.len()).sum::<usize>();
    // Grown in one go: what a string leaves behind when it moves holds secrets as well.
    let mut changed = Zeroizing::new(String::with_capacity(text.len() + room));
    let mut at = 0;
    for (span, after) in edits {
        changed.push_str(text.get(at..span.start)?);
        changed.push_str(after);
        at = span.end;
    }
    changed.push_str(text.get(at..)?);
    Some(changed)
}

/// The line ends of a text.
pub fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// The old text again; `None` if the reversals do not fit the text or the secrets.
pub fn taken_back(text: &str, reversals: &[Reversal], kept: &[Kept]) -> Option<Zeroizing<String>> {
    let room = kept.iter().map(|kept| 6 * kept.value.len() + kept.as_written.as_ref().map_or(0, |raw| raw.len())).sum::<usize>();
    let mut old = Zeroizing::new(String::with_capacity(text.len() + room));
    let mut at = 0;
    for reversal in reversals {
        old.push_str(text.get(at..reversal.start)?);
        for piece in &reversal.before {
            match piece {
                Piece::AsWritten(number) => old.push_str(kept.get(*number)?.as_written.as_ref()?),
                Piece::Json(number) => old.push_str(&json(&kept.get(*number)?.value)),
                Piece::Raw(raw) => old.push_str(raw),
                Piece::Value(number) => old.push_str(&kept.get(*number)?.value),
            }
        }
        at = reversal.end;
    }
    old.push_str(text.get(at..)?);
    Some(old)
}

/// The changes that put the launcher in front of one server.
fn launched(text: &str, wrap: &Wrap, launcher: &Launcher) -> Vec<Edit> {
    let mut edits = Vec::new();
    let items = items(wrap, launcher);
    if let Some((span, _)) = &wrap.command {
        let raw = text.get(span.clone()).unwrap_or_default().to_owned();
        edits.push(Edit { span: span.clone(), before: vec![Piece::Raw(raw)], after: quoted(&launcher.program) });
    }
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    match &wrap.arguments {
        Arguments::Into { list, first: Some(first) } => {
            let separator = separator(text, list, first);
            let after = items.iter().flat_map(|item| [item.as_str(), separator.as_str()]).collect();
            edits.push(Edit { span: first.start..first.start, before: Vec::new(), after });
        }
        Arguments::Into { list, first: None } => {
            edits.push(Edit { span: list.start + 1..list.start + 1, before: Vec::new(), after: items.join(", ") });
        }
        Arguments::Behind { key, node, lead } => {
            let after = format!("{}[{}]", member(text, key, *lead), items.join(", "));
            // Behind the edit of the command itself.
            match edits.last_mut() {
                Some(edit) if edit.span.end == node.end => edit.after.push_str(&after),
                _ => edits.push(Edit { span: node.end..node.end, before: Vec::new(), after }),
            }
        }
    }
    edits
}

/// What is put in front of the arguments that were there.
pub(super) fn items(wrap: &Wrap, launcher: &Launcher) -> Vec<String> {
    let words = wrap.command.as_ref().map(|(_, words)| words.as_slice()).unwrap_or_default();
    let program = wrap.command.is_none().then(|| launcher.program.clone());
    program.into_iter().chain(launcher.arguments.iter().cloned()).chain(["--".to_owned()]).chain(words.iter().cloned()).collect()
}

/// Whether the place can be written again from the value alone.
pub(super) fn can_be_written_again(raw: &str, value: &str) -> bool {
    raw.contains(value) || *json(value) == raw
}

pub(super) fn before(raw: &str, value: &str, number: usize) -> Vec<Piece> {
    if let Some((lead, rest)) = raw.split_once(value).filter(|_| !value.is_empty()) {
        let raw = |text: &str| (!text.is_empty()).then(|| Piece::Raw(text.to_owned()));
        return raw(lead).into_iter().chain([Piece::Value(number)]).chain(raw(rest)).collect();
    }
    vec![if *json(value) == raw { Piece::Json(number) } else { Piece::AsWritten(number) }]
}

/// The name of the arguments, set apart as the member before them is.
pub(super) fn member(text: &str, key: &Span, lead: Lead) -> String {
    let ahead = text.get(..key.start).unwrap_or_default();
    let blanks = ahead.get(ahead.trim_end().len()..).unwrap_or_default();
    let end = newline(text);
    let indent = blanks.rsplit('\n').next().unwrap_or_default();
    let gap = if blanks.is_empty() { " " } else { blanks };
    match lead {
        Lead::Comma => format!(",{gap}\"args\": "),
        Lead::TomlComma => format!(",{gap}args = "),
        Lead::TomlLine => format!("{end}{indent}args = "),
        Lead::YamlComma => format!(",{gap}args: "),
        Lead::YamlLine => format!("{end}{indent}args: "),
    }
}

/// What stands between an item and the next, as the list has it.
fn separator(text: &str, list: &Span, first: &Span) -> String {
    if !text.get(list.start..).is_some_and(|rest| rest.starts_with('[')) {
        // A list of lines, each with a dash.
        let ahead = text.get(..first.start).unwrap_or_default();
        let line = ahead.rsplit('\n').next().unwrap_or_default();
        let end = newline(text);
        let dash = line.rfind('-').unwrap_or(line.len());
        let indent = " ".repeat(line.get(..dash).map_or(0, |lead| lead.chars().count()));
        return format!("{end}{indent}{}", line.get(dash..).unwrap_or_default());
    }
    let gap = text.get(list.start + 1..first.start).unwrap_or_default();
    if !gap.is_empty() && gap.trim().is_empty() { format!(",{gap}") } else { ", ".to_owned() }
}

/// A string as JSON, TOML and YAML read it alike.
pub(super) fn quoted(text: &str) -> String {
    json(text).to_string()
}

fn json(text: &str) -> Zeroizing<String> {
    Zeroizing::new(serde_json::Value::from(text).to_string())
}
