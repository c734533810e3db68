use super::{Document, Format, Value};

fn only_text<'a>(document: &'a Document, name: &str) -> (&'a str, std::ops::Range<usize>) {
    let entry = document.root.member(name).unwrap();
    (entry.node.text().unwrap(), entry.node.span.clone())
}

#[test]
fn every_format_knows_the_bytes_of_a_value() {
    for (format, text) in [
        (Format::Json, "// ü\n{ 'a': 1, \"token\": \"käse\", }"),
        (Format::Toml, "# ü\na = 1\ntoken = \"käse\"\n"),
        (Format::Yaml, "# ü\na: 1\ntoken: \"käse\"\n"),
        (Format::Dotenv, "# ü\nA=1\ntoken=\"käse\"\n"),
        (Format::Lines, "ü {{{\n\"token\": \"käse\",,\n"),
    ] {
        let document = Document::read(text, format);
        assert_eq!(document.format, format, "{text}");
        let (value, span) = only_text(&document, "token");
        assert_eq!(value, "käse");
        assert_eq!(text[span].trim_matches('"'), "käse", "{format:?}");
    }
}

#[test]
fn a_short_number_does_not_become_a_long_text() {
    let document = Document::read("a = 1e300\nb = 1.5\n", Format::Toml);
    assert_eq!((only_text(&document, "a").0, only_text(&document, "b").0), ("1e300", "1.5"));
}

#[test]
fn what_does_not_parse_is_read_by_lines_and_says_why() {
    let document = Document::read("{\n \"token\": \"abc\"\n \"b\": 1", Format::Json);
    assert_eq!(document.format, Format::Lines);
    assert!(document.broken.unwrap().to_string().starts_with("this is not JSON"));
}

#[test]
fn a_text_nested_without_end_is_refused_and_not_followed() {
    for (format, text) in
        [(Format::Json, "[".repeat(100_000)), (Format::Yaml, "[".repeat(100_000)), (Format::Toml, format!("a = {}", "[".repeat(100_000)))]
    {
        assert!(Document::read(&text, format).broken.is_some(), "{format:?}");
    }
}

#[test]
fn an_alias_does_not_multiply() {
    let document = Document::read("a: &x [1, 2]\nb: [*x, *x]\n", Format::Yaml);
    assert!(matches!(&document.root.member("b").unwrap().node.value, Value::List(items) if items.len() == 2));
}

#[test]
fn comments_are_kept_with_their_places() {
    let text = "{ // one\n \"a\": 1 /* two */ }";
    let comments: Vec<&str> = Document::read(text, Format::Json).comments.into_iter().map(|span| &text[span]).collect();
    assert_eq!(comments, ["// one", "/* two */"]);
}
