//! Would the door start from something unsafe? The scanner judges the texts of the configuration; what is bad there, is refused here, with the way to mend it.

use std::path::Path;

use ::scan::{FingerprintKey, Severity, Source, examine};

use super::Drafter;
use crate::config::fault::Fault;
use crate::config::tree::Place;

impl Drafter<'_> {
    /// Makes a fault of everything in the configuration that is of severity high or worse, unless somebody accepted it there.
    pub(super) fn guard(&mut self) {
        // No fingerprint is shown, so its key is nobody's secret.
        let key = FingerprintKey::new(b"guard");
        let sources = (0..).map_while(|number| self.sources.source(number).map(|source| (number, source)));
        let mut faults = Vec::new();
        for (number, source) in sources {
            let name = Path::new(&source.name).file_name().unwrap_or_default().to_string_lossy();
            let findings = examine(Source { policy: &self.policy, ..Source::of(&name, &source.text) }, &key).findings;
            for finding in findings.into_iter().filter(|finding| finding.severity >= Severity::High) {
                let is_secret = finding.masked.is_some();
                if is_secret && self.arguments.allow_literal_secrets {
                    continue;
                }
                let fault = Fault::new(Place::new(number, finding.span), format!("{} [{}]", finding.message, finding.rule.id));
                faults.push(if is_secret {
                    fault.hide_value().hint(format!("`claviger scan --fix {}` moves it into a store", source.name))
                } else {
                    let accepted = format!("accept it by the comment `claviger:ignore {} REASON`", finding.rule.id);
                    fault.hint(format!("{}; or {accepted}", finding.rule.advice))
                });
            }
        }
        for fault in faults {
            self.faults.push(fault);
        }
    }
}
