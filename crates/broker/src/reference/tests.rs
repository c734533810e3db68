//! What is a reference, what is not, and that printing gives back what was read.

use proptest::prelude::*;

use super::*;

#[test]
fn references_are_read() {
    let read = |text: &str| text.parse::<Reference>().unwrap();
    let variable = read("env://GITHUB_TOKEN");
    assert!(matches!(variable.place(), Place::Variable(name) if name.as_str() == "GITHUB_TOKEN"));
    assert_eq!((variable.ttl(), variable.field()), (None, None));
    let file = read("file:///run/secrets/a b.json?ttl=3600#github.token");
    assert!(matches!(file.place(), Place::File(path) if path.as_str() == "/run/secrets/a b.json"));
    assert_eq!((file.ttl(), file.field()), (Some(Duration::from_secs(3600)), Some("github.token")));
    assert!(matches!(read("file://./token").place(), Place::File(path) if path.as_str() == "./token"));
    assert_eq!(Reference::variable("A").unwrap(), read("env://A"));
}

#[test]
fn broken_references_are_refused_by_what_is_wrong() {
    let rows = [
        ("env://", InvalidReference::VariableName),
        ("env://1A", InvalidReference::VariableName),
        ("env://A-B", InvalidReference::VariableName),
        ("env://A/B", InvalidReference::VariableName),
        ("env://${A}", InvalidReference::VariableName),
        ("env://Ä", InvalidReference::VariableName),
        ("file://", InvalidReference::PathShape),
        ("file://host/path", InvalidReference::PathShape),
        ("file://~/token", InvalidReference::PathShape),
        ("file://../token", InvalidReference::PathShape),
        ("file:///run/secrets/", InvalidReference::PathShape),
        ("file:///a\0b", InvalidReference::PathShape),
        ("file:///a?ttl=0", InvalidReference::Ttl),
        ("file:///a?ttl=3601", InvalidReference::Ttl),
        ("file:///a?ttl=+60", InvalidReference::Ttl),
        ("file:///a?ttl=060", InvalidReference::Ttl),
        ("file:///a?ttl=", InvalidReference::Ttl),
        ("file:///a?ttl=60&ttl=60", InvalidReference::Ttl),
        ("file:///a?version=2", InvalidReference::UnknownOption),
        ("file:///a#", InvalidReference::EmptyField),
        ("GITHUB_TOKEN", InvalidReference::NoScheme),
        ("https://idp.example", InvalidReference::NoScheme),
        ("vault://kv/mcp#key", InvalidReference::NotBuiltInYet { scheme: "vault" }),
        ("aws-secretsmanager://prod/key", InvalidReference::NotBuiltInYet { scheme: "aws-secretsmanager" }),
        ("keychain://google", InvalidReference::NotBuiltInYet { scheme: "keychain" }),
        ("op://vault/item/field", InvalidReference::NotBuiltInYet { scheme: "op" }),
    ];
    for (text, refusal) in rows {
        assert_eq!(text.parse::<Reference>(), Err(refusal), "{text:?}");
    }
    assert_eq!(format!("env://{}", "A".repeat(256)).parse::<Reference>().err(), None);
    assert_eq!(format!("env://{}", "A".repeat(257)).parse::<Reference>(), Err(InvalidReference::VariableName));
}

#[test]
fn later_schemes_are_named_in_the_refusal() {
    let refusal = "gcp-secretmanager://project/key".parse::<Reference>().unwrap_err();
    assert_eq!(refusal.to_string(), "`gcp-secretmanager://` references are not built in yet; use `env://`, `file://` or `${NAME}`");
}

proptest! {
    #[test]
    fn what_was_read_prints_as_it_was_written(
        place in prop_oneof!["env://[A-Za-z_][A-Za-z0-9_]{0,30}", "file://\\.?/[^?#\0]{0,20}[^?#\0/]"],
        ttl in proptest::option::of(1_u16..=3600),
        field in proptest::option::of(".{1,20}"),
    ) {
        let ttl = ttl.map(|seconds| format!("?ttl={seconds}")).unwrap_or_default();
        let field = field.map(|field| format!("#{field}")).unwrap_or_default();
        let text = format!("{place}{ttl}{field}");
        prop_assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
    }

    #[test]
    fn no_text_is_read_as_something_that_prints_differently(text in "(env|file|vault|x)?(://)?[A-Za-z/.?#=0-9]{0,20}") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.to_string(), text);
        }
    }
}
