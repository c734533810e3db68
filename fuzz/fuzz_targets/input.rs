//! Is our answer taken out of a caller's answers, and do the others stay as they were?
//!
//! The input is the `inputResponses` of a message.

#![no_main]

use claviger_fuzz::careless;
use libfuzzer_sys::fuzz_target;
use mcp::envelope::Message;
use mcp::input::take_answer;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t","inputResponses":{text}}}}}"#);
    let Ok(message) = Message::parse(body.as_bytes()) else { return };
    let Some(given) = message.params().and_then(|params| params.input_responses()) else { return };
    let before = careless::members(given.as_str());
    let Some(answered) = take_answer(given, KEY) else {
        assert!(before.is_none_or(|members| members.iter().all(|(name, _)| name != KEY)), "our answer was overlooked");
        return;
    };
    let before = before.expect("what had our answer is an object");
    let after = careless::members(&answered.rest).expect("what is left is an object");
    let others: Vec<_> = before.into_iter().filter(|(name, _)| name != KEY).collect();
    assert_eq!(after, others);
    let changed = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t","inputResponses":{}}}}}"#, answered.rest);
    assert!(Message::parse(changed.as_bytes()).is_ok());
});

const KEY: &str = "door";
