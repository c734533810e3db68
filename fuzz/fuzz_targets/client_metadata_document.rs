//! Does every document that is accepted have one reading, and is nothing in it that deceives or harms whoever is shown it?
//!
//! The input is a document as a client publishes it.

#![no_main]

use claviger_fuzz::careless;
use libfuzzer_sys::fuzz_target;
use oauth::client_metadata_document::{ClientIdUrl, ClientMetadataDocument, ClientProof, MAX_BYTES};

fuzz_target!(|input: &[u8]| {
    if let Ok(id) = std::str::from_utf8(input).map_err(drop).and_then(|text| ClientIdUrl::parse(text).map_err(drop)) {
        assert!(id.as_str().to_ascii_lowercase().starts_with("https://") && !id.as_str().contains(['#', '\\', ' ']));
        assert!(!id.host().is_empty() && !id.host().contains(['/', '@']));
    }
    let found_at = ClientIdUrl::parse(ADDRESS).expect("the address is one");
    if let Ok(accepted) = ClientMetadataDocument::read(input, &found_at) {
        assert!(input.len() <= MAX_BYTES);
        check(std::str::from_utf8(input).expect("what was accepted is UTF-8"), &accepted);
    }
});

fn check(document: &str, accepted: &ClientMetadataDocument) {
    let members = careless::members(document).expect("what was accepted is an object");
    let only = |wanted: &str| careless::only(&members, wanted).filter(|value| *value != "null");
    assert_eq!(only("client_id").and_then(careless::text).as_deref(), Some(ADDRESS));
    let name = only("client_name").and_then(careless::text).expect("an accepted document has a name");
    assert_eq!(name.trim(), accepted.client_name);
    assert!(!accepted.client_name.is_empty() && !accepted.client_name.contains(|c: char| c.is_control() || c == '\u{202e}'));
    let places: Vec<String> =
        serde_json::from_str(only("redirect_uris").expect("an accepted document has places")).expect("which are a list");
    assert_eq!(places, accepted.redirect_uris);
    assert!(!places.is_empty() && places.iter().all(|place| place.bytes().all(|byte| byte.is_ascii_graphic())));
    for secret in ["client_secret", "client_secret_expires_at"] {
        assert_eq!(only(secret), None);
    }
    let method = only("token_endpoint_auth_method").and_then(careless::text);
    match &accepted.proof {
        ClientProof::None => assert!(matches!(method.as_deref(), None | Some("none"))),
        ClientProof::Keys(keys) => assert!(method.as_deref() == Some("private_key_jwt") && keys.starts_with('{')),
        ClientProof::KeysAt(address) => assert!(method.as_deref() == Some("private_key_jwt") && is_https(address)),
    }
    for link in [&accepted.logo_uri, &accepted.client_uri, &accepted.tos_uri, &accepted.policy_uri].into_iter().flatten() {
        assert!(is_https(link) && !link.contains(['"', '<', '>', '\\', ' ']), "{link}");
    }
}

fn is_https(text: &str) -> bool {
    text.to_ascii_lowercase().starts_with("https://")
}

const ADDRESS: &str = "https://app.example/client.json";
