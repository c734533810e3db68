//! What an answer gives, and every way in which it gives nothing.

use super::*;

fn answer(payload: &str) -> Result<Fetched, Cause> {
    read(format!(r#"{{"name": "projects/1/secrets/gh/versions/7", "payload": {payload}}}"#).as_bytes())
}

#[test]
fn text_is_given_with_its_version() {
    let fetched = answer(r#"{"data": "aHVudGVyMg=="}"#).unwrap();
    assert_eq!((fetched.value.expose(), fetched.version.as_deref()), ("hunter2", Some("7")));
}

#[test]
fn checksum_is_held_against_the_data() {
    let checksum = crc32c(b"hunter2");
    assert!(answer(&format!(r#"{{"data": "aHVudGVyMg==", "dataCrc32c": "{checksum}"}}"#)).is_ok());
    for wrong in [(checksum ^ 1).to_string(), String::new(), "-1".to_owned()] {
        let refused = answer(&format!(r#"{{"data": "aHVudGVyMg==", "dataCrc32c": "{wrong}"}}"#)).unwrap_err();
        assert_eq!(refused, Cause::BadAnswer { detail: "its checksum is another".into() });
    }
}

// The check value of the catalogue of CRCs, and RFC 3720 B.4.
#[test]
fn crc32c_is_that_of_the_books() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
}

#[test]
fn what_is_no_secret_gives_none() {
    assert_eq!(answer(r#"{"data": ""}"#).unwrap_err(), Cause::Empty);
    assert_eq!(answer(r#"{"data": "//79"}"#).unwrap_err(), Cause::NotText);
    assert_eq!(answer(r#"{"data": "?"}"#).unwrap_err().code(), "bad_answer");
    assert_eq!(read(b"<html>").unwrap_err().code(), "bad_answer");
}

#[test]
fn both_kinds_of_error_have_a_word() {
    assert_eq!(word_of(br#"{"error": {"code": 403, "status": "PERMISSION_DENIED"}}"#).as_deref(), Some("PERMISSION_DENIED"));
    assert_eq!(word_of(br#"{"error": "invalid_grant", "error_description": "x"}"#).as_deref(), Some("invalid_grant"));
    assert_eq!(word_of(b"<html>"), None);
}
