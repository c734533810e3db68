//! Does every registration that is accepted have one reading, and nothing in it that deceives whoever is shown it?
//!
//! The input is the document that a client brings.

#![no_main]

use claviger_fuzz::careless;
use libfuzzer_sys::fuzz_target;
use oauth::registration::ClientMetadata;

fuzz_target!(|input: &[u8]| {
    let Ok(accepted) = ClientMetadata::read(input) else { return };
    let document = std::str::from_utf8(input).expect("what was accepted is UTF-8");
    let members = careless::members(document).expect("what was accepted is an object");
    let only = |wanted: &str| careless::only(&members, wanted).filter(|value| *value != "null");
    let places: Vec<String> = only("redirect_uris").map(|text| serde_json::from_str(text).expect("which are a list")).unwrap_or_default();
    assert_eq!(places, accepted.redirect_uris.iter().map(|place| place.as_str().to_owned()).collect::<Vec<_>>());
    assert!(!accepted.grant_types().contains(&"authorization_code") || !places.is_empty());
    if let Some(name) = &accepted.name {
        assert_eq!(only("client_name").and_then(careless::text).as_deref().map(str::trim), Some(&**name));
        assert!(!name.is_empty() && !name.contains(|c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{2066}' | '\u{200b}')));
    }
    let wants_keys = only("token_endpoint_auth_method").and_then(careless::text).as_deref() == Some("private_key_jwt");
    assert_eq!(accepted.keys.is_some(), wants_keys);
});
