//! Is every file of accounts judged, so that whoever comes out of it can be told from everybody else, and is nothing of a password told?
//!
//! The input is the file.

#![no_main]

use std::path::Path;

use issuer::accounts::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match parse(text, Path::new("accounts.toml")) {
        Ok(accounts) => {
            for (name, account) in &accounts {
                assert!(text.contains("accounts") && is_name(name), "`{name}` could be somebody else");
                assert!(account.password.starts_with("$argon2id$"), "anybody could be `{name}`");
            }
        }
        Err(failure) => {
            let told = failure.to_string();
            assert!(!told.contains(SECRET), "a password's hash is shown: {told}");
            assert!(!told.contains(char::is_control), "this drives the terminal: {told:?}");
        }
    }
});

/// Of a provider's people each has a bar in their name.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@+".contains(&byte))
}

/// Stands in the hashes of the seeds.
const SECRET: &str = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";
