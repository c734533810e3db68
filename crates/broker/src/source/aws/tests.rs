//! What an answer gives, and what is said without any region.

use aws_sdk_secretsmanager::primitives::Blob;

use super::*;

fn answer() -> aws_sdk_secretsmanager::operation::get_secret_value::builders::GetSecretValueOutputBuilder {
    GetSecretValueOutput::builder().version_id("v-1")
}

#[test]
fn text_is_given_with_its_version() {
    let fetched = fetched(answer().secret_string("hunter2").build()).unwrap();
    assert_eq!((fetched.value.expose(), fetched.version.as_deref(), fetched.lifetime), ("hunter2", Some("v-1"), None));
}

#[test]
fn bytes_are_given_if_they_are_text() {
    let text = fetched(answer().secret_binary(Blob::new("grüß")).build()).unwrap();
    assert_eq!(text.value.expose(), "grüß");
    assert_eq!(fetched(answer().secret_binary(Blob::new([0xff, 0xfe])).build()).unwrap_err(), Cause::NotText);
}

#[test]
fn nothing_is_no_value() {
    assert_eq!(fetched(answer().secret_string("").build()).unwrap_err(), Cause::Empty);
    assert_eq!(fetched(answer().build()).unwrap_err().code(), "bad_answer");
}
