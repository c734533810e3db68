//! Is what a browser brings back read in one way only?
//!
//! The input is the query with which it comes.

#![no_main]

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
    let pairs: Vec<(String, String)> = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
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

fn pair(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (decoded(name), decoded(value))
}

/// `+` is a space, `%` and two digits a byte, and everything else itself.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        match digits.and_then(|digits| std::str::from_utf8(digits).ok()) {
            Some(digits) => {
                bytes.push(u8::from_str_radix(digits, 16).expect("two digits are a byte"));
                rest = &after[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
