use super::{Model, Place};
use crate::document::{Document, Format};

fn with<T>(text: &str, format: Format, look: impl FnOnce(&Model<'_>) -> T) -> T {
    let document = Document::read(text, format);
    look(&Model::of(text, &document))
}

#[test]
fn each_client_names_its_servers_in_its_own_way() {
    for (format, text) in [
        (Format::Json, r#"{"mcpServers":{"a":{"command":"x"}}}"#),
        (Format::Json, r#"{"servers":{"a":{"url":"https://x"}}}"#),
        (Format::Json, r#"{"servers":[{"name":"a","uri":"https://x"}]}"#),
        (Format::Json, r#"{"mcp":{"servers":{"a":{"command":"x"}}}}"#),
        (Format::Json, r#"{"mcp":{"a":{"command":["x","y"]}}}"#),
        (Format::Json, r#"{"context_servers":{"a":{"command":{"path":"x","args":[]}}}}"#),
        (Format::Json, r#"{"projects":{"/x":{"mcpServers":{"a":{"httpUrl":"https://x"}}}}}"#),
        (Format::Toml, "[mcp_servers.a]\ncommand = 'x'\n"),
        (Format::Yaml, "mcpServers:\n  - name: a\n    command: x\n"),
    ] {
        with(text, format, |model| {
            assert_eq!(model.servers.iter().map(|server| server.name).collect::<Vec<_>>(), ["a"], "{text}");
        });
    }
}

#[test]
fn an_option_and_its_value_are_one_setting_across_elements() {
    let text =
        r#"{"mcpServers":{"a":{"command":"x","args":["--token","one","--key=two","--header","X-Key: three","-H","Name","four","five"]}}}"#;
    with(text, Format::Json, |model| {
        let found: Vec<(&str, &str)> = model
            .settings
            .iter()
            .filter(|setting| setting.place == Place::Argument)
            .map(|setting| (&*setting.name, &*setting.text))
            .collect();
        assert_eq!(found, [("command", "x"), ("--token", "one"), ("--key", "two"), ("X-Key", "three"), ("Name", "four"), ("", "five")]);
    });
}
