//! The attack corpus: bodies that some parser reads differently from another. Each file of `attacks/` is refused for the reason
//! beside its name; each file of `accepted/` passes, and a splice of its id leaves every other byte alone.
//!
//! The files are the exact bytes of a body. Sources: CVE-2026-27896 (case and Unicode folds in member names),
//! GHSA-q382-vc8q-7jhj (names cut at a NUL), and every duplicate member that a last-wins parser would let through.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use claviger_mcp::envelope::{Body, Message};
use claviger_mcp::splice::splice;

#[test]
fn every_attack_is_refused_for_its_reason() {
    for (name, reason) in ATTACKS {
        let body = read("attacks", name);
        let refused = refusal(&body).unwrap_or_else(|| panic!("{name} is accepted"));
        assert!(refused == *reason || (reason.ends_with("(line ") && refused.starts_with(reason)), "{name}: {refused}");
    }
}

#[test]
fn what_must_pass_passes_and_keeps_its_bytes() {
    for name in ACCEPTED {
        let body = read("accepted", name);
        assert_eq!(refusal(&body), None, "{name}");
        if let Ok(message) = Message::parse(&body) {
            assert_eq!(message.raw().as_bytes(), body, "{name}");
            assert_id_can_be_spliced_there_and_back(&message, name);
        }
    }
}

#[test]
fn every_file_of_the_corpus_is_in_a_table() {
    let attacks: BTreeSet<&str> = ATTACKS.iter().map(|(name, _)| *name).collect();
    assert_eq!(files("attacks"), attacks.into_iter().map(str::to_owned).collect());
    assert_eq!(files("accepted"), ACCEPTED.iter().map(|name| (*name).to_owned()).collect());
}

/// Why the body is refused: while it is read, or when it is asked what it acts on.
fn refusal(body: &[u8]) -> Option<String> {
    let messages = match Body::parse(body) {
        Ok(Body::Batch(messages)) => messages,
        Ok(Body::Single(message)) => vec![*message],
        Err(error) => return Some(error.to_string()),
    };
    messages.iter().find_map(|message| message.action_target().err().map(|error| error.to_string()))
}

fn assert_id_can_be_spliced_there_and_back(message: &Message<'_>, name: &str) {
    let Some(id) = message.id() else { return };
    let changed = splice(message.raw().as_bytes(), &[message.replace(id, "4711").unwrap()]);
    let again = Message::parse(&changed).unwrap();
    let back = again.replace(again.id().unwrap(), id.as_str()).unwrap();
    assert_eq!(splice(&changed, &[back]), message.raw().as_bytes(), "{name}");
}

fn folder(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(of)
}

fn read(of: &str, name: &str) -> Vec<u8> {
    fs::read(folder(of).join(format!("{name}.json"))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn files(of: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder(of)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect()
}

const ACCEPTED: &[&str] = &[
    "batch-of-2025-03-26",
    "brackets-in-a-string",
    "depth-at-limit",
    "duplicate-ids-in-a-batch",
    "duplicates-in-arguments",
    "empty-id",
    "error-with-data",
    "error-with-null-id",
    "escaped-name",
    "huge-integer-id",
    "huge-number-in-arguments",
    "lone-surrogate-in-arguments",
    "modern-call",
    "notification-without-params",
    "request-state",
    "result-null",
    "result-with-anything",
    "unicode-id",
    "unknown-method",
    "unknown-params",
    "white-space",
];

/// File and reason. A reason that ends in "(line " is one that goes on with the place in the file.
const ATTACKS: &[(&str, &str)] = &[
    ("array-id", r#""id" must be a string or an integer of at most 512 bytes"#),
    ("batch-empty", "the batch is empty"),
    ("batch-huge", "the batch has too many messages"),
    ("batch-in-batch", "the message must be an object"),
    ("batch-trailing", "the body is not valid JSON (line "),
    ("batch-with-duplicate", r#"the member "name" stands twice in params"#),
    ("batch-with-initialize", r#""initialize" must not be part of a batch"#),
    ("boolean-id", r#""id" must be a string or an integer of at most 512 bytes"#),
    ("byte-order-mark", "the body begins with a byte order mark"),
    ("byte-order-mark-before-name", r#"a member of params looks like "name" but is not written so"#),
    ("call-without-id", r#"this method needs an "id""#),
    ("case-arguments", r#"a member of params looks like "arguments" but is not written so"#),
    ("case-id", r#"a member of the message looks like "id" but is not written so"#),
    ("case-meta", r#"a member of params looks like "_meta" but is not written so"#),
    ("case-method", r#"a member of the message looks like "method" but is not written so"#),
    ("case-method-alone", r#"a member of the message looks like "method" but is not written so"#),
    ("case-name-alone", r#"a member of params looks like "name" but is not written so"#),
    ("case-name-capital", r#"a member of params looks like "name" but is not written so"#),
    ("case-name-mixed", r#"a member of params looks like "name" but is not written so"#),
    ("case-name-upper", r#"a member of params looks like "name" but is not written so"#),
    ("case-params", r#"a member of the message looks like "params" but is not written so"#),
    ("case-protocol-version-in-meta", r#"a member of _meta looks like "io.modelcontextprotocol/protocolVersion" but is not written so"#),
    ("case-reference-name", r#"a member of params.ref looks like "name" but is not written so"#),
    ("case-result", r#"a member of the message looks like "result" but is not written so"#),
    ("comment", "the body is not valid JSON (line "),
    ("delete-after-name", r#"a member of params looks like "name" but is not written so"#),
    ("depth-bomb", "the body is nested too deeply"),
    ("depth-bomb-objects", "the body is nested too deeply"),
    ("depth-bomb-unclosed", "the body is nested too deeply"),
    ("dotless-i-uri", r#"a member of params looks like "uri" but is not written so"#),
    ("dotted-capital-i-uri", r#"a member of params looks like "uri" but is not written so"#),
    ("duplicate-arguments", r#"the member "arguments" stands twice in params"#),
    ("duplicate-error-code", r#"the member "code" stands twice in error"#),
    ("duplicate-id", r#"the member "id" stands twice in the message"#),
    ("duplicate-jsonrpc", r#"the member "jsonrpc" stands twice in the message"#),
    ("duplicate-meta", r#"the member "_meta" stands twice in params"#),
    ("duplicate-method", r#"the member "method" stands twice in the message"#),
    ("duplicate-method-escaped", r#"the member "method" stands twice in the message"#),
    ("duplicate-name", r#"the member "name" stands twice in params"#),
    ("duplicate-name-escaped", r#"the member "name" stands twice in params"#),
    ("duplicate-name-escaped-first", r#"the member "name" stands twice in params"#),
    ("duplicate-params", r#"the member "params" stands twice in the message"#),
    ("duplicate-progress-token", r#"the member "progressToken" stands twice in _meta"#),
    ("duplicate-protocol-version-in-meta", r#"the member "io.modelcontextprotocol/protocolVersion" stands twice in _meta"#),
    ("duplicate-protocol-version-in-meta-escaped", r#"the member "io.modelcontextprotocol/protocolVersion" stands twice in _meta"#),
    ("duplicate-reference-name", r#"the member "name" stands twice in params.ref"#),
    ("duplicate-resource-subscriptions", r#"the member "resourceSubscriptions" stands twice in params.notifications"#),
    ("duplicate-result", r#"the member "result" stands twice in the message"#),
    ("duplicate-task-id", r#"the member "taskId" stands twice in params"#),
    ("duplicate-unknown-meta", r#"the member "com.example/a" stands twice in _meta"#),
    ("duplicate-unknown-param", r#"the member "x-vendor" stands twice in params"#),
    ("duplicate-uri", r#"the member "uri" stands twice in params"#),
    ("empty", "the body is not valid JSON (line "),
    ("empty-envelope-member", r#"the message has an unknown member """#),
    ("endless-id", r#""id" must be a string or an integer of at most 512 bytes"#),
    ("envelope-prototype", r#"the message has an unknown member "__proto__""#),
    ("escaped-case-name", r#"a member of params looks like "name" but is not written so"#),
    ("exponent-id", r#""id" must be a string or an integer of at most 512 bytes"#),
    ("float-id", r#""id" must be a string or an integer of at most 512 bytes"#),
    ("fullwidth-name", r#"a member of params looks like "name" but is not written so"#),
    ("invalid-utf8-in-arguments", "the body is not UTF-8"),
    ("jsonrpc-1.0", r#""jsonrpc" must be "2.0""#),
    ("jsonrpc-2", r#""jsonrpc" must be "2.0""#),
    ("jsonrpc-2.00", r#""jsonrpc" must be "2.0""#),
    ("jsonrpc-missing", r#""jsonrpc" must be "2.0""#),
    ("jsonrpc-null", r#""jsonrpc" must be "2.0""#),
    ("jsonrpc-number", r#""jsonrpc" must be "2.0""#),
    ("jsonrpc-space", r#""jsonrpc" must be "2.0""#),
    ("kelvin-sign-task-id", r#"a member of params looks like "taskId" but is not written so"#),
    ("leading-zero-id", "the body is not valid JSON (line "),
    ("ligature-notifications", r#"a member of params looks like "notifications" but is not written so"#),
    ("ligature-request-id", r#"a member of params looks like "requestId" but is not written so"#),
    ("lone-surrogate-id", r#""id" must be a string or an integer of at most 512 bytes"#),
    ("lone-surrogate-member", "the body is not valid JSON (line "),
    ("lone-surrogate-method", r#""method" must be a string"#),
    ("lone-surrogate-name", "params.name is missing or not a string"),
    ("long-s-params", r#"a member of the message looks like "params" but is not written so"#),
    ("long-s-task-id", r#"a member of params looks like "taskId" but is not written so"#),
    ("long-s-task-id-escaped", r#"a member of params looks like "taskId" but is not written so"#),
    ("many-members", "params has too many members"),
    ("meta-array", "_meta must be an object"),
    ("method-array", r#""method" must be a string"#),
    ("name-array", "params.name is missing or not a string"),
    ("name-null", "params.name is missing or not a string"),
    ("no-break-space-after-name", r#"a member of params looks like "name" but is not written so"#),
    ("not-a-number", "the body is not valid JSON (line "),
    ("nul-after-method", r#"a member of the message looks like "method" but is not written so"#),
    ("nul-after-name", r#"a member of params looks like "name" but is not written so"#),
    ("nul-before-name", r#"a member of params looks like "name" but is not written so"#),
    ("null-id", r#""id" must be a string or an integer of at most 512 bytes"#),
    ("null-id-result", r#""id" must be a string or an integer of at most 512 bytes"#),
    ("object-id", r#""id" must be a string or an integer of at most 512 bytes"#),
    ("overlong-utf8-in-name", "the body is not UTF-8"),
    ("params-array", "params must be an object"),
    ("params-string", "params must be an object"),
    ("raw-newline-in-name", "the body is not valid JSON (line "),
    ("raw-nul-in-name", "the body is not valid JSON (line "),
    ("request-and-response", "the message is a request and a response at once"),
    ("result-and-error", "the message is a request and a response at once"),
    ("right-to-left-mark-after-name", r#"a member of params looks like "name" but is not written so"#),
    ("single-quotes", "the body is not valid JSON (line "),
    ("soft-hyphen-in-name", r#"a member of params looks like "name" but is not written so"#),
    ("space-after-name", r#"a member of params looks like "name" but is not written so"#),
    ("space-before-name", r#"a member of params looks like "name" but is not written so"#),
    ("surrogate-utf8", "the body is not UTF-8"),
    ("tab-after-name", r#"a member of params looks like "name" but is not written so"#),
    ("tag-character-after-name", r#"a member of params looks like "name" but is not written so"#),
    ("trailing-brace", "something follows the message"),
    ("trailing-comma", "the body is not valid JSON (line "),
    ("trailing-garbage", "something follows the message"),
    ("trailing-message", "something follows the message"),
    ("trailing-nul", "something follows the message"),
    ("unknown-envelope-member", r#"the message has an unknown member "tool""#),
    ("utf-16", "the body is not UTF-8"),
    ("variation-selector-after-name", r#"a member of params looks like "name" but is not written so"#),
    ("whole-float-id", r#""id" must be a string or an integer of at most 512 bytes"#),
    ("zero-width-space-after-name", r#"a member of params looks like "name" but is not written so"#),
    ("zero-width-space-in-name", r#"a member of params looks like "name" but is not written so"#),
];
