//! Is what a browser brings back read in one way only?
//!
//! The input is the query with which it comes.

#![no_main]

use claviger_fuzz::form;
use libfuzzer_sys::fuzz_target;
use oauth::authorization::{Answer, InvalidAnswer, MAX_QUERY_BYTES};
use oauth::issuer::Issuer;
use secrecy::ExposeSecret as _;

fuzz_target!(|input: &[u8]| {
    let Ok(query) = std::str::from_utf8(input) else { return };
    match Answer::read(query) {
        Ok(answer) => check(query, &answer),
        Err(reason) => assert!(query.len() <= MAX_QUERY_BYTES || reason == InvalidAnswer::TooLong),
    }
});

fn check(query: &str, answer: &Answer) {
    let pairs = form::pairs(query.as_bytes());
    let only = |wanted: &str| {
        let mut found = pairs.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let first = found.next();
        assert!(found.next().is_none(), "`{wanted}` stands twice");
        first
    };
    assert_eq!(only("state"), Some(answer.state.expose_secret()));
    assert_eq!(only("iss"), answer.issuer.as_deref());
    match &answer.outcome {
        Ok(code) => assert_eq!((only("code"), only("error")), (Some(code.expose_secret()), None)),
        Err(denial) => {
            assert_eq!((only("code"), only("error")), (None, Some(&*denial.code)));
            assert!(denial.code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        }
    }
    assert!(!answer.state.expose_secret().is_empty());
    let asked = Issuer::parse("https://as.example").expect("it is an issuer");
    let is_ours = only("iss") == Some("https://as.example");
    assert_eq!(answer.check_issuer(&asked, true).is_ok(), is_ours);
    assert_eq!(answer.check_issuer(&asked, false).is_ok(), is_ours || only("iss").is_none());
}
