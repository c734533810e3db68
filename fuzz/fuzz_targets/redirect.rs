//! Does a registered place admit itself only, or on the person's own machine itself at another port?
//!
//! The input is two lines: what was registered, and what is asked for.

#![no_main]

use std::net::Ipv4Addr;

use libfuzzer_sys::fuzz_target;
use oauth::redirect::{Kind, RedirectUri};

fuzz_target!(|input: &str| {
    let (registered, asked) = input.split_once('\n').unwrap_or((input, input));
    let places = [registered, asked].map(|text| RedirectUri::parse(text).ok().inspect(|place| check(text, place)));
    let [Some(one), Some(other)] = &places else { return };
    let is_same = registered == asked;
    let is_same_program = is_loopback(registered) && is_loopback(asked) && without_port(registered) == without_port(asked);
    assert_eq!(one.admits(other), is_same || is_same_program);
    assert_eq!(one.admits(other), other.admits(one));
});

fn check(text: &str, place: &RedirectUri) {
    assert_eq!(text, place.as_str());
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains(['#', '\\', '"', '<', '>']));
    let lower = text.to_ascii_lowercase();
    match place.kind() {
        Kind::Web => assert!(lower.starts_with("https://")),
        Kind::Loopback => assert!(is_loopback(text)),
        Kind::PrivateScheme => {
            assert!(!["http:", "https:", "javascript:", "data:", "file:"].iter().any(|scheme| lower.starts_with(scheme)))
        }
    }
    if let Some(authority) = authority(text) {
        assert!(!authority.contains('@'));
    }
    assert!(!place.host().is_empty());
}

fn authority(text: &str) -> Option<&str> {
    text.split_once("://")?.1.split(['/', '?']).next()
}

fn is_loopback(text: &str) -> bool {
    // Neither scheme nor host has capital letters of its own (RFC 3986 §6.2.2.1).
    let text = &text.to_ascii_lowercase();
    let host = authority(&without_port(text)).map(str::to_owned);
    let is_local =
        |host: &str| matches!(host, "[::1]" | "localhost") || host.parse::<Ipv4Addr>().is_ok_and(|address| address.octets()[0] == 127);
    text.starts_with("http://") && host.as_deref().is_some_and(is_local)
}

fn without_port(text: &str) -> String {
    let Some(authority) = authority(text) else { return text.to_owned() };
    let bare =
        authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())).map_or(authority, |(host, _)| host);
    text.replacen(authority, bare, 1)
}
