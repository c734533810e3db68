//! Is what a browser brings to the authorization server read in one way only, and is nothing asked without PKCE?
//!
//! The input is the query.

#![no_main]

use std::collections::BTreeSet;

use claviger_fuzz::form;
use libfuzzer_sys::fuzz_target;
use oauth::authorization_request::{AuthorizationRequest, Prompt};

fuzz_target!(|input: &[u8]| {
    let Ok(request) = AuthorizationRequest::read(input) else { return };
    let pairs = form::pairs(input);
    let all = |wanted: &str| {
        pairs.iter().filter(|(name, value)| name == wanted && !value.is_empty()).map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    let only = |wanted: &str| {
        let found = all(wanted);
        assert!(found.len() <= 1, "`{wanted}` stands twice");
        found.first().copied()
    };
    assert_eq!(only("client_id"), Some(&*request.client_id));
    assert_eq!((only("redirect_uri"), only("state")), (request.redirect_uri.as_deref(), request.state.as_deref()));
    let Ok(question) = request.question() else { return };
    assert_eq!((only("response_type"), only("code_challenge_method")), (Some("code"), Some("S256")));
    assert_eq!(only("code_challenge"), Some(&*question.challenge));
    assert!(
        question.challenge.len() == 43
            && question.challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    );
    assert_eq!((only("request"), only("request_uri")), (None, None));
    let resources: BTreeSet<&str> = all("resource").into_iter().collect();
    assert_eq!(resources, question.resource.iter().map(|resource| resource.as_str()).collect());
    assert!(question.prompt != Prompt::Never || only("prompt") == Some("none"));
    assert_eq!(only("nonce"), question.nonce.as_deref());
});
