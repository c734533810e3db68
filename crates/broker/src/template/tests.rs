//! Which texts hold references, and that printing gives back what was read.

use proptest::prelude::*;

use super::*;

fn names(text: &str) -> Vec<String> {
    Template::parse(text).unwrap().references().map(|reference| reference.to_string()).collect()
}

fn literals(text: &str) -> Vec<String> {
    Template::parse(text).unwrap().literals().map(str::to_owned).collect()
}

#[test]
fn references_are_found_whole_and_inside() {
    assert_eq!(names("env://A"), ["env://A"]);
    assert_eq!(names("${A}"), ["env://A"]);
    assert_eq!(names("Bearer ${A}${_b2}!"), ["env://A", "env://_b2"]);
    assert_eq!(names("Bearer ${file:///run/token?ttl=60#key}"), ["file:///run/token?ttl=60#key"]);
    assert_eq!(names("${A:-a:-b}"), ["env://A"]);
    assert_eq!(literals("Bearer ${A} and ${B:-c}"), ["Bearer ", " and "]);
}

#[test]
fn everything_else_means_itself() {
    for text in ["", "plain", "a $ b", "$", "$A", "$$", "}", "$}", "{A}", "https://idp.example/?a=${", "see env://A", "postgres://host/db"]
    {
        let text = text.replace("${", "$${");
        let template = Template::parse(&text).unwrap();
        assert!(!template.has_references(), "{text:?}");
        assert_eq!(template.literals().collect::<String>(), text.replace("$${", "${"), "{text:?}");
    }
}

#[test]
fn doubled_dollar_is_a_literal_brace() {
    assert_eq!(literals("$${A}"), ["${A}"]);
    assert_eq!(literals("a$${A}b${C}"), ["a${A}b"]);
    assert_eq!(literals("$$${A}"), ["$${A}"]);
    assert!(names("$${A}").is_empty());
}

#[test]
fn in_a_text_of_somebody_else_only_known_schemes_are_references() {
    let read = |text: &str| {
        let template = Template::parse_foreign(text).unwrap();
        let names: Vec<String> = template.references().map(|reference| reference.to_string()).collect();
        (names, template.literals().map(str::to_owned).collect::<String>())
    };
    let none = Vec::<String>::new;
    for text in ["", "${HOME}/bin", "${debian_chroot:+($debian_chroot)}", "$${A}", "${", "a ${ b", "${https://a}", "x env://A", "$"] {
        assert_eq!(read(text), (none(), text.to_owned()), "{text:?}");
    }
    assert_eq!(read("env://A"), (vec!["env://A".to_owned()], String::new()));
    assert_eq!(read("${HOME} ${env://A}!${"), (vec!["env://A".to_owned()], "${HOME} !${".to_owned()));
    assert_eq!(read("${A${env://B}"), (vec!["env://B".to_owned()], "${A".to_owned()));
    assert_eq!(read("a $${env://A}"), (none(), "a ${env://A}".to_owned()));
    assert_eq!(Template::parse_foreign("${env://A"), Err(InvalidReference::Unclosed));
    assert_eq!(Template::parse_foreign("vault://a"), Err(InvalidReference::VaultPath));
}

#[test]
fn variables_are_replaced_by_what_is_known_of_them() {
    let known = |name: &str| match name {
        "EMPTY" => Some(Template::literal("")),
        "HOST" => Some(Template::literal("db.example ${X}")),
        "KEY" => Some(Template::parse("vault://a/b#c").unwrap()),
        _ => None,
    };
    let replaced = |text: &str| Template::parse(text).unwrap().with_variables(known).to_string();
    assert_eq!(replaced("${KEY}"), "vault://a/b#c");
    assert_eq!(replaced("Bearer ${KEY} at ${HOST}"), "Bearer ${vault://a/b#c} at db.example $${X}");
    assert_eq!(replaced("a${EMPTY}b${EMPTY:-none}"), "abnone");
    assert_eq!(replaced("${UNKNOWN} ${UNKNOWN:-none}"), "${UNKNOWN} ${UNKNOWN:-none}");
    assert_eq!(replaced("env://KEY"), "env://KEY");
}

#[test]
fn broken_templates_are_refused_by_what_is_wrong() {
    let rows = [
        ("${A", InvalidReference::Unclosed),
        ("x ${", InvalidReference::Unclosed),
        ("${}", InvalidReference::VariableName),
        ("${A B}", InvalidReference::VariableName),
        ("${A-b}", InvalidReference::VariableName),
        ("${:-b}", InvalidReference::VariableName),
        ("${A:-${B}}", InvalidReference::NestedDefault),
        ("${vault://a}", InvalidReference::VaultPath),
        ("vault://a", InvalidReference::VaultPath),
        ("${https://a}", InvalidReference::VariableName),
        ("env://A B", InvalidReference::VariableName),
    ];
    for (text, refusal) in rows {
        assert_eq!(Template::parse(text), Err(refusal), "{text:?}");
    }
}

#[test]
fn secret_has_no_default() {
    assert!(Template::parse("${A:-b}").is_ok());
    assert_eq!(Template::parse_secret("${A:-b}"), Err(InvalidReference::DefaultForSecret));
    assert_eq!(Template::parse_secret("Bearer ${A:-}"), Err(InvalidReference::DefaultForSecret));
    assert!(Template::parse_secret("Bearer ${A}").is_ok());
}

proptest! {
    #[test]
    fn what_was_read_prints_as_it_was_written(
        parts in proptest::collection::vec(
            prop_oneof![
                "[a-z:/ }{]{1,8}",
                Just("$${".to_owned()),
                "\\$\\{[A-Z_]{1,5}\\}",
                "\\$\\{[A-Z_]{1,5}:-[a-z :-]{0,5}\\}",
                "\\$\\{(env://[A-Z]{1,4}|file:///[a-z/]{0,4}x(\\?ttl=[1-9])?(#[a-z]{1,3})?)\\}",
            ],
            0..8,
        ),
    ) {
        let text = parts.concat();
        // A whole text may happen to begin with a scheme; that is the business of other tests.
        if let Ok(template) = Template::parse(&text) {
            prop_assert_eq!(template.to_string(), text);
        }
    }

    #[test]
    fn any_text_that_is_read_prints_as_it_was_written(text in "[A$\\{\\}:/enviflx-]{0,24}|.{0,40}") {
        if let Ok(template) = Template::parse(&text) {
            prop_assert_eq!(&template.to_string(), &text);
            prop_assert_eq!(Template::parse(&template.to_string()).unwrap(), template);
        }
    }
}
