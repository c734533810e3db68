//! Do our challenges read back as written, and are other people's understood?

use proptest::prelude::*;

use super::*;

fn full() -> Challenge {
    Challenge {
        error: Some(OauthError::InsufficientScope),
        error_description: Some("more is needed".into()),
        resource_metadata: Some("https://h/.well-known/oauth-protected-resource/mcp".into()),
        scope: ScopeSet::parse("files:write files:read").unwrap(),
    }
}

#[test]
fn parameters_are_quoted_and_in_one_order() {
    assert_eq!(
        full().to_header_value(),
        "Bearer error=\"insufficient_scope\", error_description=\"more is needed\", \
         resource_metadata=\"https://h/.well-known/oauth-protected-resource/mcp\", \
         scope=\"files:read files:write\""
    );
}

#[test]
fn without_credentials_no_error_is_named() {
    let challenge = Challenge { error: None, error_description: None, ..full() };
    assert!(challenge.to_header_value().starts_with("Bearer resource_metadata="));
    assert_eq!(Challenge::default().to_header_value(), "Bearer");
}

#[test]
fn quotes_are_escaped_and_line_breaks_cannot_be_smuggled_in() {
    let challenge = Challenge { error_description: Some("a\"b\\c\r\nSet-Cookie: x\u{e9}".into()), ..Challenge::default() };
    assert_eq!(challenge.to_header_value(), r#"Bearer error_description="a\"b\\c??Set-Cookie: x?""#);
}

#[test]
fn several_challenges_on_one_line_are_told_apart() {
    let parsed = parse(r#"Basic realm="a, b", Negotiate, DPoP algs="ES256 RS256", bEaReR Error = invalid_token , scope="x y""#);
    let schemes: Vec<_> = parsed.iter().map(|challenge| challenge.scheme.as_str()).collect();
    assert_eq!(schemes, ["Basic", "Negotiate", "DPoP", "bEaReR"]);
    assert_eq!(parsed[0].param("realm"), Some("a, b"));
    assert_eq!(parsed[2].param("algs"), Some("ES256 RS256"));
    let bearer = parsed[3].as_bearer().unwrap();
    assert_eq!(bearer.error, Some(OauthError::InvalidToken));
    assert_eq!(bearer.scope.to_string(), "x y");
    assert_eq!(parsed[0].as_bearer(), None);
}

#[test]
fn a_token68_is_not_taken_for_a_parameter() {
    let parsed = parse("Negotiate YWJjZA==, Bearer realm=x");
    assert_eq!(parsed[0].token68.as_deref(), Some("YWJjZA=="));
    assert!(parsed[0].params.is_empty());
    assert_eq!(parsed[1].param("realm"), Some("x"));
}

#[test]
fn an_unquoted_url_is_read_whole() {
    let parsed = parse("Bearer resource_metadata=https://h/a?b=c, error=invalid_token");
    assert_eq!(parsed[0].param("resource_metadata"), Some("https://h/a?b=c"));
    assert_eq!(parsed[0].param("error"), Some("invalid_token"));
}

#[test]
fn commas_between_parameters_may_be_missing() {
    let parsed = parse(r#"Bearer error="invalid_token" resource_metadata="https://h/m""#);
    assert_eq!(parsed.len(), 1);
    assert_eq!(parsed[0].param("resource_metadata"), Some("https://h/m"));
}

#[test]
fn a_parameter_name_inside_a_quoted_string_is_only_text() {
    let parsed = parse(r#"Bearer error_description="resource_metadata=https://evil/", scope="a""#);
    assert_eq!(parsed[0].param("resource_metadata"), None);
    assert_eq!(parsed[0].param("scope"), Some("a"));
}

#[test]
fn of_a_repeated_parameter_the_first_counts() {
    let parsed = parse(r#"Bearer scope="a", scope="b""#);
    assert_eq!(parsed[0].param("scope"), Some("a"));
}

#[test]
fn nonsense_gives_nothing_and_an_open_quote_ends_with_the_header() {
    assert!(parse("").is_empty());
    assert!(parse(" ,, ;;; ").is_empty());
    assert!(parse("=\"x\"").iter().all(|challenge| challenge.params.is_empty()));
    assert_eq!(parse(r#"Bearer scope="a b"#)[0].param("scope"), Some("a b"));
}

#[test]
fn a_value_over_16_kib_is_not_read() {
    let header = |length: usize| format!("Bearer realm={}", "a".repeat(length - 13));
    assert_eq!(parse(&header(MAX_HEADER_BYTES)).len(), 1);
    assert!(parse(&header(MAX_HEADER_BYTES + 1)).is_empty());
}

prop_compose! {
    fn any_challenge()(
        error in proptest::option::of(proptest::sample::select(vec![
            OauthError::InvalidRequest, OauthError::InvalidToken, OauthError::InsufficientScope,
        ])),
        error_description in proptest::option::of("[ -~]{0,60}"),
        resource_metadata in proptest::option::of("[ -~]{0,60}"),
        scopes in proptest::collection::vec("[!#-\\[\\]-~]{1,12}", 0..5),
    ) -> Challenge {
        let scope = ScopeSet::parse(&scopes.join(" ")).unwrap();
        Challenge { error, error_description, resource_metadata, scope }
    }
}

proptest! {
    #[test]
    fn a_challenge_reads_back_as_written(challenge in any_challenge()) {
        let parsed = parse(&challenge.to_header_value());
        prop_assert_eq!(parsed.len(), 1);
        prop_assert_eq!(parsed[0].as_bearer(), Some(challenge));
    }

    #[test]
    fn a_challenge_reads_back_between_two_others(challenge in any_challenge()) {
        let header = format!("Basic realm=\"a\", {}, DPoP algs=ES256", challenge.to_header_value());
        let parsed = parse(&header);
        prop_assert_eq!(parsed.len(), 3);
        prop_assert_eq!(parsed[1].as_bearer(), Some(challenge));
    }

    #[test]
    fn any_text_is_read_without_panic(header in ".{0,200}") {
        prop_assert!(parse(&header).len() <= header.len());
    }
}

#[test]
fn a_challenge_for_a_proof_names_its_algorithms_and_all_else_too() {
    let header = full().to_dpop_header_value(&["ES256", "EdDSA"]);
    assert!(header.starts_with("DPoP error=\"insufficient_scope\", "), "{header}");
    let [challenge] = parse(&header).try_into().unwrap();
    assert!(challenge.is_scheme("DPoP"));
    assert_eq!((challenge.param("algs"), challenge.param("scope")), (Some("ES256 EdDSA"), Some("files:read files:write")));
}
