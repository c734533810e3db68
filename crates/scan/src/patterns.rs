//! Which vendor made this key? The patterns are data (`data/patterns.json`, and `data/own.json` for what that does not know); each is compiled when its keyword is met, not before.

use std::sync::{LazyLock, OnceLock};

use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::classify::entropy;
use crate::document::Span;

/// A vendor's key in a text.
pub(crate) struct Hit {
    /// What it is, in a sentence.
    pub(crate) description: &'static str,
    /// Where in the text.
    pub(crate) span: Span,
}

/// The keys of vendors in one decoded value; patterns may ask for the name in front of it.
pub(crate) fn find(text: &str) -> Vec<Hit> {
    let Some(keywords) = &BOOK.keywords else { return Vec::new() };
    let mut met: Vec<usize> =
        keywords.find_overlapping_iter(text).filter_map(|hit| BOOK.owners.get(hit.pattern().as_usize())).flatten().copied().collect();
    met.sort_unstable();
    met.dedup();
    met.into_iter().filter_map(|index| BOOK.patterns.get(index)?.find(text)).collect()
}

/// One rule as the data has it.
#[derive(Deserialize)]
struct Pattern {
    #[cfg(test)]
    id: String,
    description: String,
    regex: String,
    keywords: Vec<String>,
    /// A match of less entropy is noise.
    entropy: Option<f64>,
    /// The group that is the secret; else the first one that took part, else all.
    group: Option<usize>,
    #[serde(skip)]
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn find(&'static self, text: &str) -> Option<Hit> {
        // The patterns come from an engine whose `\w` is ASCII; with Unicode they would mean more and take a hundred times the memory.
        let compile = || RegexBuilder::new(&self.regex).unicode(false).size_limit(COMPILED_LIMIT).build().ok();
        let captures = self.compiled.get_or_init(compile).as_ref()?.captures(text.as_bytes())?;
        let group = match self.group {
            Some(group) => captures.get(group),
            None => captures.iter().skip(1).flatten().next(),
        };
        let found = group.or_else(|| captures.get(0))?;
        let secret = std::str::from_utf8(found.as_bytes()).ok()?;
        let noise = self.entropy.is_some_and(|least| entropy(secret) <= least);
        (!noise).then(|| Hit { description: &self.description, span: found.range() })
    }
}

struct Book {
    patterns: Vec<Pattern>,
    /// There are some: a test holds it.
    keywords: Option<AhoCorasick>,
    /// For each keyword, the patterns that ask for it.
    owners: Vec<Vec<usize>>,
}

static BOOK: LazyLock<Book> = LazyLock::new(|| {
    let of = |data| serde_json::from_str::<Vec<Pattern>>(data).unwrap_or_default();
    let mut patterns = of(include_str!("../data/patterns.json"));
    patterns.extend(of(OWN));
    let mut owners: std::collections::BTreeMap<&str, Vec<usize>> = std::collections::BTreeMap::new();
    for (index, pattern) in patterns.iter().enumerate() {
        for keyword in &pattern.keywords {
            owners.entry(keyword).or_default().push(index);
        }
    }
    let keywords = AhoCorasick::builder().ascii_case_insensitive(true).build(owners.keys()).ok();
    let owners = owners.into_values().collect();
    Book { patterns, keywords, owners }
});

/// Of vendors that the others' data do not know.
const OWN: &str = include_str!("../data/own.json");
const COMPILED_LIMIT: usize = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::{BOOK, COMPILED_LIMIT, OWN, Pattern, find};

    #[test]
    fn the_data_is_whole_and_every_pattern_compiles() {
        assert!(BOOK.patterns.len() > 300 && BOOK.keywords.is_some());
        for pattern in &BOOK.patterns {
            regex::bytes::RegexBuilder::new(&pattern.regex).unicode(false).size_limit(COMPILED_LIMIT).build().expect(&pattern.id);
        }
    }

    #[test]
    fn our_own_data_is_whole_and_each_pattern_knows_its_keys() {
        let own: Vec<Pattern> = serde_json::from_str(OWN).unwrap();
        for key in [
            "bb_live_aB3dE5fG7hI9jK1lM3nO5pQ7rS9",
            "ctx7sk-3f2b8c1e-9a4d-4e7f-8b6c-1d2e3f4a5b6c",
            "e2b_7b1e9d3a4286bc1e7f5a90d2c4836eaf71b05d9c",
            "fc-7b1e9d3a4286bc1e7f5a90d2c4836eaf",
            "jina_7b1e9d3a4286bc1e7f5a90d2c4836eafaB3dE5fG7hI9jK1lM3nO5pQ7rS9t",
            "sk-lf-3f2b8c1e-9a4d-4e7f-8b6c-1d2e3f4a5b6c",
            "m0-aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5zA7b",
            "re_aB3dE5fG_hI9jK1lM3nO5pQ7rS9tU1vW",
            "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",
            "7261849305:AAHq8ZtVbLmXw2RcPdKs6YjNf4TgUaQe1Zo",
        ] {
            let text = format!("X=\"{key}\"");
            assert!(find(&text).iter().any(|hit| own.iter().any(|own| own.description == hit.description)), "{key}");
        }
    }

    #[test]
    fn a_key_is_found_with_its_vendor_and_its_place() {
        let text = "GITHUB_TOKEN=\"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\"";
        let hits = find(text);
        assert!(
            hits.iter().any(|hit| hit.description.contains("GitHub Personal Access Token") && text[hit.span.clone()].starts_with("ghp_"))
        );
    }
}
