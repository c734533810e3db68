//! What is unsafe in an MCP configuration?
//!
//! A text becomes a [`document`] with the place of every value, its servers become one [`model`] whatever the client, and each rule in
//! [`rules`] judges that model. Nothing here opens a file, starts a program or reaches a network; no value that looks like a secret leaves.

mod classify;
mod document;
mod finding;
pub mod fix;
mod ignore;
mod mask;
mod model;
mod name;
mod patterns;
mod policy;
pub mod rules;
mod secrets;

pub use classify::Class;
pub use document::{Broken, Format, Span};
pub use finding::{Category, Finding, Severity};
pub use mask::FingerprintKey;
pub use policy::{InvalidPattern, Pattern, Policy};
pub use rules::Rule;

use std::collections::BTreeSet;

use document::Document;
use ignore::Ignores;
use model::Model;
use zeroize::Zeroizing;

/// A file and what its system says about it.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Its name without folders; it tells format and client.
    pub name: &'a str,
    /// What it says.
    pub text: &'a str,
    /// Its permissions, where the system has some.
    pub mode: Option<u32>,
    /// Whether version control would take it in; `None` outside of a repository.
    pub committable: Option<bool>,
    /// Whether version control has it; `None` where that is not known.
    pub tracked: Option<bool>,
    /// For how many days it is as it is, where the system says.
    pub days_unchanged: Option<u64>,
    /// The variables that are set where clients are started, if anybody knows.
    pub variables: Option<&'a BTreeSet<String>>,
    /// What its team wants.
    pub policy: &'a Policy,
}

impl<'a> Source<'a> {
    /// A file of which nothing more is known.
    pub fn of(name: &'a str, text: &'a str) -> Self {
        Self { name, text, mode: None, committable: None, tracked: None, days_unchanged: None, variables: None, policy: &policy::USUAL }
    }
}

/// A source, read once for all rules.
pub(crate) struct Case<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) document: &'a Document,
    pub(crate) model: Model<'a>,
    pub(crate) secrets: Vec<secrets::Secret>,
    pub(crate) key: &'a FingerprintKey,
}

/// What there is to say about a file.
pub struct Examination {
    /// Everything that the rules find, in the order of the file.
    pub findings: Vec<Finding>,
    /// How many more there would be, had nobody accepted them in the file itself.
    pub ignored: usize,
    /// Places that accept nothing, though somebody thought so: no rule has the name, or there is no reason.
    pub unfit_ignores: Vec<Span>,
    /// The bytes of the file that nobody may be shown: in their order, and apart from each other.
    pub hidden: Vec<Span>,
}

impl Examination {
    /// The bytes of a line of the file that nobody may be shown: those of [`hidden`](Self::hidden), and whatever looks random, even where no rule knows a secret.
    pub fn hidden_in<'e>(&'e self, line: &'e str, line_start: usize) -> impl Iterator<Item = Span> + 'e {
        let end = line_start + line.len();
        let from = self.hidden.partition_point(|span| span.end <= line_start);
        let known = self.hidden.get(from..).unwrap_or_default().iter().take_while(move |span| span.start < end);
        let known = known.map(move |span| span.start.max(line_start) - line_start..span.end.min(end) - line_start);
        known.chain(classify::random_words(line))
    }
}

/// Every name, value and comment of a text with the bytes that it stands on, as its format is read; by lines where it is not of that format. For whoever checks the readers.
pub fn values(text: &str, format: Format) -> Vec<(Span, Zeroizing<String>)> {
    Document::read(text, format).values()
}

/// Judges a file by all rules.
pub fn examine(source: Source<'_>, key: &FingerprintKey) -> Examination {
    let document = Document::read(source.text, Format::of(source.name));
    let model = Model::of(source.text, &document);
    let secrets = secrets::find(source.text, &model, source.policy);
    let hidden = secrets::hidden(source.text, &model, &secrets);
    let case = Case { source, document: &document, model, secrets, key };
    let mut findings: Vec<Finding> = rules::ALL
        .iter()
        .filter(|rule| source.policy.allows(rule.id))
        .flat_map(|rule| (rule.judge)(&case).into_iter().map(|remark| remark.by(rule)))
        .collect();
    findings.sort_by(|one, other| (one.span.start, one.rule.id).cmp(&(other.span.start, other.rule.id)));
    findings.dedup_by(|one, other| one.rule.id == other.rule.id && one.span == other.span);
    let ignores = Ignores::read(source.text);
    let found = findings.len();
    findings.retain(|finding| !ignores.covers(finding));
    Examination { ignored: found - findings.len(), unfit_ignores: ignores.unfit, findings, hidden }
}

/// A text longer than this is no configuration.
pub const LONGEST_TEXT: u64 = 8 * 1024 * 1024;
