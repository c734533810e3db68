//! Which values of a file are secrets, and how are they exposed? Every value is unfolded first: what a client decodes, we decode.

pub(crate) mod address;
pub(crate) mod unfold;

use std::collections::BTreeMap;

use regex::bytes::Match;
use zeroize::Zeroizing;

use crate::classify::{Class, Verdict, claims, classify, is_random, is_reference, is_uuid};
use crate::document::Span;
use crate::model::{Model, Place, Setting};
use crate::name::{Promise, promise};
use crate::patterns;
use crate::policy::{Pattern, Policy};

/// A value that opens something. No `Debug`: it holds it.
pub(crate) struct Secret {
    pub(crate) exposure: Exposure,
    pub(crate) place: Place,
    /// The name it stands under, as the file has it.
    pub(crate) name: String,
    /// The name of the setting that holds it: `DATABASE_URL` for the `password` in an address.
    pub(crate) setting: String,
    pub(crate) span: Span,
    /// The whole scalar that holds it.
    pub(crate) within: Span,
    pub(crate) value: Zeroizing<String>,
    pub(crate) verdict: Verdict,
    /// The host that it opens, where an address says so.
    pub(crate) host: Option<String>,
}

/// How a secret came to lie open; the most telling one is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// Part of an address.
    Address,
    /// Folded into something else: base64, JSON in a string.
    Composite,
    /// What a reference falls back to.
    Default,
    /// As it is.
    Literal,
    /// A signed token that says what it may do.
    Token,
    /// Opens a wallet.
    Wallet,
}

/// A value after everything around it was taken off.
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) value: Zeroizing<String>,
    exposure: Exposure,
    host: Option<String>,
    /// What is underlined, where it is not the value itself: base64 around a password.
    shown: Option<Zeroizing<String>>,
}

/// The secrets of a file, each place once.
pub(crate) fn find(text: &str, model: &Model<'_>, policy: &Policy) -> Vec<Secret> {
    let mut found: Vec<Secret> = Vec::new();
    let mut taken = Places::default();
    for setting in &model.settings {
        if DESCRIPTIONS.contains(&&*setting.name) {
            continue;
        }
        for own in of_the_team(setting, policy) {
            let span = place_in(text, &setting.span, &own.value);
            if taken.take(&span) {
                found.push(Secret { span, ..own });
            }
        }
        for candidate in unfold::unfold(setting) {
            let Some((exposure, verdict)) = judge(setting, &candidate) else { continue };
            let span = place_in(text, &setting.span, candidate.shown.as_ref().unwrap_or(&candidate.value));
            // A password in an address is the finding, and not the address around it once more.
            if !taken.take(&span) {
                continue;
            }
            let Candidate { name, value, host, .. } = candidate;
            let (holder, within) = (setting.name.to_string(), setting.span.clone());
            found.push(Secret { exposure, place: setting.place, name, setting: holder, span, within, value, verdict, host });
        }
    }
    found
}

/// What the patterns of the team find in a value.
fn of_the_team(setting: &Setting<'_>, policy: &Policy) -> Vec<Secret> {
    let hits = policy.patterns.iter().flat_map(|pattern| pattern.regex.find_iter(setting.text.as_bytes()).map(move |hit| (pattern, hit)));
    let secret = |(pattern, hit): (&Pattern, Match<'_>)| {
        let value = Zeroizing::new(setting.text.get(hit.range())?.to_owned());
        let verdict = Verdict { class: Class::LiveLooking, reason: format!("the pattern `{}` of the configuration", pattern.name).into() };
        let name = if setting.name.is_empty() { pattern.name.clone() } else { setting.name.to_string() };
        Some(Secret {
            exposure: Exposure::Literal,
            place: setting.place,
            name,
            setting: setting.name.to_string(),
            span: setting.span.clone(),
            within: setting.span.clone(),
            value,
            verdict,
            host: None,
        })
    };
    hits.filter_map(secret).collect()
}

/// Places, no two of which overlap: by where they start, where they end.
#[derive(Default)]
struct Places(BTreeMap<usize, usize>);

impl Places {
    /// Takes a place; `false`: some of it is taken.
    fn take(&mut self, span: &Span) -> bool {
        let is_free = self.0.range(..span.end).next_back().is_none_or(|(_, end)| *end <= span.start);
        if is_free {
            self.0.insert(span.start, span.end);
        }
        is_free
    }
}

/// Every place that may hold a secret, live or not: what nobody may be shown. In their order, and apart from each other.
pub(crate) fn hidden(text: &str, model: &Model<'_>, found: &[Secret]) -> Vec<Span> {
    let promising =
        model.settings.iter().filter(|setting| matches!(promise(&setting.name), Promise::Key | Promise::Password | Promise::Wallet));
    let named = promising.filter(|setting| !is_reference(&setting.text)).map(|setting| place_in(text, &setting.span, &setting.text));
    let mut all: Vec<Span> = found.iter().map(|secret| secret.span.clone()).chain(named).collect();
    all.sort_by_key(|span| span.start);
    let mut apart: Vec<Span> = Vec::with_capacity(all.len());
    for span in all {
        match apart.last_mut().filter(|last| span.start <= last.end) {
            Some(last) => last.end = last.end.max(span.end),
            None => apart.push(span),
        }
    }
    apart
}

/// Whether a candidate is a secret: by its name and shape first, by the pattern of its vendor second.
fn judge(setting: &Setting<'_>, candidate: &Candidate) -> Option<(Exposure, Verdict)> {
    let value = candidate.value.as_str();
    let exposure = exposure(candidate);
    if exposure == Exposure::Wallet && is_wallet(value) {
        return Some((exposure, live("the words or the bytes of a wallet")));
    }
    // Most values are nothing by their name and their place, and then only a vendor could know them.
    let is_unnamed = promise(&candidate.name) == Promise::Nothing;
    if is_unnamed && !is_where_credentials_stand(setting.place) && vendor(&candidate.name, value).is_none() {
        return None;
    }
    let verdict = classify(&candidate.name, value);
    match verdict.class {
        Class::LiveLooking | Class::WeakDefault => Some((exposure, verdict)),
        Class::Placeholder | Class::Publishable | Class::Reference => None,
        Class::FileOrName | Class::Identifier => {
            if let Some(description) = vendor(&candidate.name, value) {
                return Some((exposure, live(description)));
            }
            stray(setting, candidate).map(|verdict| (exposure, verdict))
        }
    }
}

fn is_where_credentials_stand(place: Place) -> bool {
    matches!(place, Place::Argument | Place::Header)
}

/// Random characters that no name explains, where only a credential stands: a header, a word of a command line.
fn stray(setting: &Setting<'_>, candidate: &Candidate) -> Option<Verdict> {
    let value = candidate.value.as_str();
    let unnamed = promise(&candidate.name) == Promise::Nothing;
    let lone = match setting.place {
        Place::Header => value.len() >= 20,
        Place::Argument => candidate.name.len() <= 2 && (value.len() >= 28 || is_uuid(value)) && !value.contains(['/', '@', ':', ',', ' ']),
        Place::Comment | Place::Environment | Place::Field | Place::Permission | Place::Url => false,
    };
    (unnamed && lone && is_random(value)).then(|| live("random characters where credentials stand"))
}

fn exposure(candidate: &Candidate) -> Exposure {
    let wallet = promise(&candidate.name) == Promise::Wallet || candidate.value.starts_with("-----BEGIN") || is_mnemonic(&candidate.value);
    if wallet {
        Exposure::Wallet
    } else if candidate.exposure == Exposure::Literal && claims(&candidate.value).is_some() {
        Exposure::Token
    } else {
        candidate.exposure
    }
}

/// Mnemonics with their checksum, keys in hexadecimal, PEM on one line.
fn is_wallet(value: &str) -> bool {
    let bare = value.strip_prefix("0x").unwrap_or(value);
    let key = bare.len() == 64 && bare.bytes().all(|byte| byte.is_ascii_hexdigit()) && is_random(bare);
    let long = (80..=96).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric()) && is_random(value);
    let pem = value.starts_with("-----BEGIN") && value.contains("PRIVATE KEY") && value.len() > 120 && !value.contains("...");
    key || long || pem || is_mnemonic(value)
}

fn is_mnemonic(value: &str) -> bool {
    let words = value.split(' ').count();
    matches!(words, 12 | 15 | 18 | 21 | 24)
        && bip39::Mnemonic::parse_in_normalized(bip39::Language::English, value).is_ok()
        && !KNOWN_MNEMONICS.iter().any(|known| value.starts_with(known))
}

/// What the pattern of a vendor says of a value behind its name.
fn vendor(name: &str, value: &str) -> Option<&'static str> {
    let text = Zeroizing::new(format!("{name}=\"{value}\""));
    let start = name.len() + 2;
    let hit = patterns::find(&text).into_iter().find(|hit| hit.span.end > start)?;
    let secret = text.get(hit.span.start.max(start)..hit.span.end)?;
    // An address whose password is a reference has the shape of one with a password.
    let is_referred = secret.contains("${") || secret.contains("{env:");
    let filled_in = !is_referred && !crate::classify::is_placeholder(name, secret) && !crate::classify::is_reference(secret);
    filled_in.then_some(hit.description)
}

fn live(reason: &'static str) -> Verdict {
    Verdict { class: Class::LiveLooking, reason: reason.into() }
}

/// Where a value stands: exactly, when the file has it as it is; else the whole scalar that holds it.
fn place_in(text: &str, span: &Span, value: &str) -> Span {
    let raw = text.get(span.clone()).unwrap_or_default();
    raw.find(value).filter(|_| !value.is_empty()).map_or_else(|| span.clone(), |at| span.start + at..span.start + at + value.len())
}

const DESCRIPTIONS: &[&str] = &["$schema", "description", "_comment", "comment", "title", "gallery", "integrity", "resolved"];
/// The words that every development chain uses.
const KNOWN_MNEMONICS: &[&str] = &["test test test test", "abandon abandon abandon"];
