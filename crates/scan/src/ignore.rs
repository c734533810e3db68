//! Which findings did somebody accept where they stand? `claviger:ignore RULE reason` on the line, or alone on the line before it.

use crate::document::Span;
use crate::finding::Finding;
use crate::rules;

/// What a text says of findings in it.
#[derive(Default)]
pub(crate) struct Ignores {
    accepted: Vec<Accepted>,
    /// Places of words that accept nothing: no rule has that name, or there is no reason.
    pub(crate) unfit: Vec<Span>,
}

struct Accepted {
    rule: &'static str,
    lines: Span,
}

impl Ignores {
    pub(crate) fn read(text: &str) -> Self {
        let mut ignores = Self::default();
        if !text.contains(WORD) {
            return ignores;
        }
        let mut lines: Vec<Span> = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            lines.push(start..start + line.len());
            start += line.len();
        }
        for (number, span) in lines.iter().enumerate() {
            let line = text.get(span.clone()).unwrap_or_default();
            let Some((before, said)) = line.split_once(WORD) else { continue };
            let Some(rule) = accepted(said) else {
                ignores.unfit.push(span.start + before.len()..span.start + before.len() + WORD.len());
                continue;
            };
            let is_alone = before.trim().trim_matches(['/', '#', '*', ';', '-', '"', ':', '<', '!', ' ']).is_empty();
            let end = lines.get(number + 1).filter(|_| is_alone).map_or(span.end, |next| next.end);
            ignores.accepted.push(Accepted { rule, lines: span.start..end });
        }
        ignores
    }

    /// Whether a finding was accepted; one about the file as a whole, anywhere in it.
    pub(crate) fn covers(&self, finding: &Finding) -> bool {
        let here = |accepted: &&Accepted| finding.span.is_empty() || accepted.lines.contains(&finding.span.start);
        self.accepted.iter().filter(here).any(|accepted| accepted.rule == finding.rule.id)
    }
}

/// The rule that is named, if a reason is given.
fn accepted(said: &str) -> Option<&'static str> {
    let said = said.trim();
    let (name, reason) = said.split_once(char::is_whitespace)?;
    let rule = rules::ALL.iter().find(|rule| rule.id == name)?;
    let has_reason = reason.chars().filter(|character| character.is_alphabetic()).count() >= SHORTEST_REASON;
    has_reason.then_some(rule.id)
}

const WORD: &str = "claviger:ignore";
/// Letters.
const SHORTEST_REASON: usize = 3;

#[cfg(test)]
mod tests {
    use crate::{FingerprintKey, Source, examine};

    fn rules(text: &str) -> (Vec<&'static str>, usize) {
        let source = Source::of("mcp.json", text);
        let examination = examine(source, &FingerprintKey::new(b"test"));
        (examination.findings.iter().map(|finding| finding.rule.id).collect(), examination.unfit_ignores.len())
    }

    #[test]
    fn a_finding_is_accepted_by_rule_and_with_a_reason_where_it_stands() {
        let with = |comment: &str, behind: &str| {
            format!("{{\"mcpServers\":{{\"a\":{{\n {comment}\n \"url\":\"http://x.example/mcp\" {behind}\n }}}}}}")
        };
        assert_eq!(rules(&with("", "")), (vec!["T001"], 0));
        assert_eq!(rules(&with("// claviger:ignore T001 a machine of our own", "")), (vec![], 0));
        assert_eq!(rules(&with("", "// claviger:ignore T001 a machine of our own")), (vec![], 0));
        assert_eq!(rules(&with("// claviger:ignore T002 a machine of our own", "")), (vec!["T001"], 0));
        assert_eq!(rules(&with("// claviger:ignore T001", "")), (vec!["T001"], 1));
        assert_eq!(rules(&with("// claviger:ignore T999 because", "")), (vec!["T001"], 1));
    }
}
