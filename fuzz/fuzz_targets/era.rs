//! Can a modern message pass whose headers say something else than its body?
//!
//! The input is `MCP-Protocol-Version`, `Mcp-Method` and `Mcp-Name` on a line each, `-` for one that is absent, then the body.

#![no_main]

use claviger_fuzz::careless::{one_reading, text};
use libfuzzer_sys::fuzz_target;
use mcp::envelope::{Kind, Message};
use mcp::era::{Era, Headers, classify, classify_without_message};
use mcp::header::{decode_value, trim_whitespace};
use mcp::method::{NamedBy, named_by};
use mcp::version::{LEGACY, ProtocolVersion};

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let mut lines = input.splitn(4, '\n');
    let mut header = || lines.next().filter(|line| *line != "-");
    let headers = Headers { version: header(), method: header(), name: header() };
    let _ = classify_without_message(&headers);
    let Ok(message) = Message::parse(lines.next().unwrap_or_default().as_bytes()) else { return };
    match classify(&headers, &message) {
        Ok(envelope) if envelope.era == Era::Modern => {
            assert!(envelope.version.is_some_and(ProtocolVersion::is_modern));
            check_modern(&headers, &message);
        }
        Ok(envelope) => {
            assert!(envelope.version.is_none_or(|version| LEGACY.contains(&version)));
            assert_eq!(version_in_body(&message), None, "a modern message passed as a legacy one");
        }
        Err(error) => {
            let answer = error.response(message.id());
            let answer = Message::parse(&answer).expect("our own answer is a message");
            assert_eq!((answer.kind(), answer.id()), (Kind::ErrorResponse, message.id()));
        }
    }
});

fn check_modern(headers: &Headers<'_>, message: &Message<'_>) {
    let said = headers.version.map(trim_whitespace);
    if message.kind() == Kind::Request || message.meta().is_some_and(|meta| meta.protocol_version().is_some()) {
        assert_eq!(said.map(str::to_owned), version_in_body(message).and_then(text));
    }
    let method = one_reading(message.raw(), "method").and_then(text).expect("a modern message has a method");
    match headers.method.map(trim_whitespace) {
        Some(said) => assert_eq!(said, method),
        None => assert_eq!(message.kind(), Kind::Notification),
    }
    let Some(named_by) = named_by(&method) else { return };
    let member = match named_by {
        NamedBy::Name => "name",
        NamedBy::TaskId => "taskId",
        NamedBy::Uri => "uri",
    };
    let name = one_reading(message.raw(), "params").and_then(|params| one_reading(params, member)).and_then(text);
    let said = headers.name.map(|name| decode_value(name).expect("an accepted header decodes").into_owned());
    assert_eq!(said, name);
}

fn version_in_body<'a>(message: &Message<'a>) -> Option<&'a str> {
    let params = one_reading(message.raw(), "params")?;
    one_reading(one_reading(params, "_meta")?, "io.modelcontextprotocol/protocolVersion")
}
