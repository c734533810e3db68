//! How does a server behind an address get its secret, where the client resolves none? `claviger bridge` calls it, and `claviger run` hands the bridge what its
//! headers refer to: in its environment, where no list of processes shows it.

use super::splice::{Edit, Piece, before, member, quoted};
use super::wrap::Lead;
use super::{Launcher, Move, Name, Plan, Reader};
use crate::document::{Entry, Format, Span};
use crate::model::{HEADERS, Server, URLS};

/// An entry that becomes a program.
pub(super) struct Bridge {
    url: Span,
    url_key: Span,
    url_text: String,
    /// Its entry, and the bytes that go with it.
    headers: Option<(Span, Span)>,
    /// Names, texts, and where those stand.
    items: Vec<(String, String, Span)>,
    /// What says that it is no program.
    kind: Option<(Span, Span)>,
    /// What stands between its members.
    lead: Lead,
}

impl Bridge {
    /// `None` where the entry says more than an address and headers, or a transport that the bridge does not speak.
    pub(super) fn of(text: &str, server: &Server<'_>, format: Format) -> Option<Self> {
        let entries = server.node.entries();
        let url = URLS.iter().find_map(|name| server.node.member(name))?;
        let kind = ["type", "transport", "transportType"].iter().find_map(|name| server.node.member(name));
        let address = url.node.text().filter(|address| address.starts_with("https://") || address.starts_with("http://"))?;
        let is_old = kind.and_then(|kind| kind.node.text()) == Some("sse") || address.split(['?', '#']).next()?.ends_with("/sse");
        let is_known = entries.iter().all(|entry| KNOWN.contains(&entry.name.as_str()) || URLS.contains(&entry.name.as_str()));
        let has_args = server.node.member("args").is_some();
        let is_flow = text.get(server.node.span.start..).is_some_and(|rest| rest.starts_with('{'));
        let lead = match (format, is_flow) {
            (Format::Json, _) => Lead::Comma,
            (Format::Toml, true) => Lead::TomlComma,
            (Format::Toml, false) => Lead::TomlLine,
            (Format::Dotenv | Format::Lines | Format::Yaml, _) => return None,
        };
        if is_old || !is_known || has_args || address.contains('$') {
            return None;
        }
        let header = |entry: &Entry| {
            let text = entry.node.text().filter(|text| !text.contains('$'))?;
            Some((entry.name.clone(), text.to_owned(), entry.node.span.clone()))
        };
        let items: Vec<_> = server.headers.iter().map(|entry| header(entry)).collect::<Option<_>>()?;
        let at = entries.iter().position(|entry| HEADERS.contains(&entry.name.as_str()));
        // In TOML they may be a table of their own, somewhere else.
        let stand_here =
            |entry: &Entry| format != Format::Toml || text.get(entry.key.end..entry.node.span.start).is_some_and(|gap| gap.trim() == "=");
        if at.and_then(|at| entries.get(at)).is_some_and(|entry| !stand_here(entry)) {
            return None;
        }
        let headers = match at.and_then(|at| Some((at, entries.get(at)?))) {
            None => None,
            Some((_, entry)) if lead == Lead::TomlLine => Some((entry.key.clone(), line_of(text, entry))),
            Some((0, entry)) => Some((entry.key.clone(), entry.key.start..entries.get(1)?.key.start)),
            Some((at, entry)) => Some((entry.key.clone(), entries.get(at - 1)?.node.span.end..entry.node.span.end)),
        };
        text.get(url.key.start..url.node.span.end)?;
        Some(Self {
            url: url.node.span.clone(),
            url_key: url.key.clone(),
            url_text: address.to_owned(),
            headers,
            items,
            kind: kind.map(|kind| (kind.key.clone(), kind.node.span.clone())),
            lead,
        })
    }

    /// Whether a scalar is one that it takes along.
    pub(super) fn has(&self, scalar: &Span) -> bool {
        self.is_address(scalar) || self.items.iter().any(|(_, _, span)| span == scalar)
    }

    /// Whether it is the address.
    pub(super) fn is_address(&self, scalar: &Span) -> bool {
        self.url == *scalar
    }

    /// The changes of the file.
    pub(super) fn edits(&self, text: &str, plan: &Plan, names: &[Name], launcher: &Launcher) -> Vec<Edit> {
        let old = |region: &Span| pieces(text, region, plan);
        let arguments: Vec<String> = self.arguments(plan, names, launcher).iter().map(|word| quoted(word)).collect();
        let (program, lead) = (quoted(&launcher.program), member(text, &self.url_key, self.lead));
        let region = self.url_key.start..self.url.end;
        let command = if self.lead == Lead::Comma { "\"command\": " } else { "command = " };
        let after = format!("{command}{program}{lead}[{}]", arguments.join(", "));
        let mut edits = vec![Edit { before: old(&region), span: region, after }];
        edits.extend(self.headers.iter().map(|(_, region)| Edit { span: region.clone(), before: old(region), after: String::new() }));
        edits.extend(self.kind.iter().map(|(_, span)| Edit { span: span.clone(), before: old(span), after: quoted(STDIO) }));
        edits
    }

    /// What the launcher is given.
    fn arguments(&self, plan: &Plan, names: &[Name], launcher: &Launcher) -> Vec<String> {
        let moves = || plan.moves.iter().zip(names).enumerate().filter(|(_, (each, _))| each.reader == Reader::Bridge);
        let of = |scalar: &Span| moves().filter(|(_, (each, _))| each.scalar.as_ref() == Some(scalar)).collect::<Vec<_>>();
        let mut words = launcher.arguments.clone();
        let mut url = self.url_text.clone();
        for (_, (each, name)) in of(&self.url) {
            url = url.replacen(each.value.as_str(), &format!("${{{}}}", name.reference), 1);
        }
        let mut headers = Vec::new();
        for (header, value, span) in &self.items {
            let mut value = zeroize::Zeroizing::new(value.clone());
            for (number, (each, name)) in of(span) {
                let variable = variable(number);
                words.extend(["--env".to_owned(), format!("{variable}={}", name.reference)]);
                value = zeroize::Zeroizing::new(value.replacen(each.value.as_str(), &format!("${{{variable}}}"), 1));
            }
            headers.extend(["--header".to_owned(), format!("{header}: {}", *value)]);
        }
        words.extend(["--".to_owned(), launcher.program.clone(), "bridge".to_owned(), url]);
        words.extend(headers);
        words
    }

    /// What a reader of the new text hears in the place of an entry; `None`: what it heard before.
    pub(super) fn heard(&self, entry: &Entry, plan: &Plan, names: &[Name], launcher: &Launcher) -> Option<Heard> {
        let is = |key: &Span| *key == entry.key;
        if is(&self.url_key) {
            return Some(Heard::Program(launcher.program.clone(), self.arguments(plan, names, launcher)));
        }
        if self.headers.as_ref().is_some_and(|(key, _)| is(key)) {
            return Some(Heard::Nothing);
        }
        self.kind.as_ref().is_some_and(|(key, _)| is(key)).then_some(Heard::Kind(STDIO))
    }
}

/// What stands where an entry stood.
pub(super) enum Heard {
    Kind(&'static str),
    Nothing,
    Program(String, Vec<String>),
}

/// The bytes of an entry, with the end of its line where nothing else stands there.
fn line_of(text: &str, entry: &Entry) -> Span {
    let end = entry.node.span.end;
    let behind = text.get(end..).unwrap_or_default();
    let blank = behind.len() - behind.trim_start_matches([' ', '\t', '\r']).len();
    let is_alone = behind.get(blank..).is_some_and(|rest| rest.starts_with('\n'));
    entry.key.start..if is_alone { end + blank + 1 } else { end }
}

/// Of the bridge's own environment: nobody else sees it.
fn variable(number: usize) -> String {
    format!("CLAVIGER_SECRET_{}", number + 1)
}

/// What a region said, without its secrets.
fn pieces(text: &str, region: &Span, plan: &Plan) -> Vec<Piece> {
    let mut inside: Vec<(usize, &Move)> =
        plan.moves.iter().enumerate().filter(|(_, each)| region.start <= each.span.start && each.span.end <= region.end).collect();
    inside.sort_by_key(|(_, each)| each.span.start);
    let mut pieces = Vec::new();
    let mut at = region.start;
    for (number, each) in inside {
        pieces.push(Piece::Raw(text.get(at..each.span.start).unwrap_or_default().to_owned()));
        pieces.extend(before(text.get(each.span.clone()).unwrap_or_default(), &each.value, number));
        at = each.span.end;
    }
    pieces.push(Piece::Raw(text.get(at..region.end).unwrap_or_default().to_owned()));
    pieces
}

const STDIO: &str = "stdio";
/// What a client may say besides, and the bridge needs not know.
const KNOWN: &[&str] = &[
    "type",
    "transport",
    "transportType",
    "headers",
    "http_headers",
    "disabled",
    "autoApprove",
    "alwaysAllow",
    "timeout",
    "description",
    "enabled",
    "required",
    "enabled_tools",
    "disabled_tools",
    "startup_timeout_sec",
    "startup_timeout_ms",
    "tool_timeout_sec",
];
