//! Does a text with references print as it was read, and do its references read back?
//!
//! The input is a text as it stands in a configuration where a secret belongs.

#![no_main]

use broker::literal::looks_like_secret;
use broker::reference::{Reference, Template};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(written) = std::str::from_utf8(input) else { return };
    let _ = looks_like_secret("API_KEY", written);
    let Ok(template) = Template::parse(written) else {
        assert!(Template::parse_secret(written).is_err(), "secrets are read more strictly");
        return;
    };
    assert_eq!(template.to_string(), written);
    assert_eq!(Template::parse(&template.to_string()).as_ref(), Ok(&template));
    assert_eq!(template.has_references(), template.references().next().is_some());
    if let Ok(secret) = Template::parse_secret(written) {
        assert_eq!(secret, template);
    }
    for reference in template.references() {
        assert_eq!(reference.to_string().parse::<Reference>().as_ref(), Ok(&reference));
        assert!(reference.ttl().is_none_or(|ttl| (1..=3600).contains(&ttl.as_secs())));
    }
    if !template.has_references() {
        assert_eq!(template.literals().collect::<String>(), written.replace("$${", "${"));
    }
});
