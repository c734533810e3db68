//! Is every file judged, and is every place that is pointed at one of its own?
//!
//! The input is a number for the kind of file, and the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use scan::{FingerprintKey, Source, examine};

fuzz_target!(|input: (u8, &str)| {
    let (kind, text) = input;
    let name = NAMES[usize::from(kind) % NAMES.len()];
    let source = Source { mode: Some(0o644), committable: Some(true), ..Source::of(name, text) };
    let examination = examine(source, &FingerprintKey::new(b"a key of the fuzzer"));
    for finding in &examination.findings {
        assert!(text.get(finding.span.clone()).is_some(), "{} points outside", finding.rule.id);
    }
    for span in &examination.hidden {
        assert!(text.get(span.clone()).is_some());
    }
});

const NAMES: [&str; 7] = [".mcp.json", "mcp.jsonc", "config.toml", "config.yaml", ".env", ".env.example", "claude_desktop_config.json"];
