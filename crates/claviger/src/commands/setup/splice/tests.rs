use proptest::prelude::*;

use super::{Outcome, Unfit, Why, Wish, with_entry};
use crate::commands::setup::entry::Entry;
use crate::known_clients::{Address, Format, Shape};

const SHAPE: Shape =
    Shape { format: Format::Json, section: "mcpServers", program_kind: None, address: Some(Address { key: "url", kind: None }) };

fn edited(text: &str, format: Format, replaces: bool) -> Result<Option<String>, Unfit> {
    let section = if format == Format::Json { "mcpServers" } else { "mcp_servers" };
    let entry = Entry::of_address(SHAPE, "https://h/mcp".to_owned()).unwrap();
    with_entry(&Wish { text, section, name: "new", entry: &entry, replaces }, format).map(|outcome| match outcome {
        Outcome::Already => None,
        Outcome::Changed(text) => Some(text.to_string()),
    })
}

#[test]
fn json_takes_an_entry_in_the_way_that_it_is_written() {
    let entry = "\"new\": {\n      \"url\": \"https://h/mcp\"\n    }";
    let section = format!("\"mcpServers\": {{\n    {entry}\n  }}");
    for (before, after) in [
        (String::new(), format!("{{\n  {section}\n}}\n")),
        ("\u{feff}// mine".to_owned(), format!("\u{feff}// mine\n{{\n  {section}\n}}\n")),
        ("{}".to_owned(), format!("{{\n  {section}\n}}")),
        ("{\n  \"a\": 1e2 // why\n}\n".to_owned(), format!("{{\n  \"a\": 1e2, // why\n  {section}\n}}\n")),
        ("{\n  \"mcpServers\": { }\n}".to_owned(), format!("{{\n  {section}\n}}")),
        (
            "{\n  \"mcpServers\": {\n    \"a\": {}, // last\n    /* gone */\n  },\n}".to_owned(),
            format!("{{\n  \"mcpServers\": {{\n    \"a\": {{}}, // last\n    /* gone */\n    {entry},\n  }},\n}}"),
        ),
        ("{\"mcpServers\":{\"a\":{}}}".to_owned(), "{\"mcpServers\":{\"a\":{}, \"new\": {\"url\": \"https://h/mcp\"}}}".to_owned()),
        (
            "{\r\n\t\"mcpServers\": {\r\n\t\t\"a\": {}\r\n\t}\r\n}".to_owned(),
            "{\r\n\t\"mcpServers\": {\r\n\t\t\"a\": {},\r\n\t\t\"new\": {\r\n\t\t\t\"url\": \"https://h/mcp\"\r\n\t\t}\r\n\t}\r\n}"
                .to_owned(),
        ),
    ] {
        assert_eq!(edited(&before, Format::Json, false), Ok(Some(after)), "{before}");
    }
}

#[test]
fn toml_takes_an_entry_beside_its_like() {
    let entry = "[mcp_servers.new]\nurl = \"https://h/mcp\"\n";
    for (before, after) in [
        (String::new(), entry.to_owned()),
        ("model = \"m\"".to_owned(), format!("model = \"m\"\n\n{entry}")),
        (
            "[mcp_servers.a]\ncommand = \"a\" # why\n\n# about b\n[b]\n".to_owned(),
            format!("[mcp_servers.a]\ncommand = \"a\" # why\n\n{entry}\n# about b\n[b]\n"),
        ),
        // Lines in between would belong to the new table.
        ("mcp_servers.a.command = \"a\"\nmodel = \"m\"\n".to_owned(), format!("mcp_servers.a.command = \"a\"\nmodel = \"m\"\n\n{entry}")),
        (
            "mcp_servers = { a = { command = \"a\" } }\n".to_owned(),
            "mcp_servers = { a = { command = \"a\" }, new = { url = \"https://h/mcp\" } }\n".to_owned(),
        ),
        ("a = 1\r\n".to_owned(), format!("a = 1\r\n\r\n{}", entry.replace('\n', "\r\n"))),
    ] {
        assert_eq!(edited(&before, Format::Toml, false), Ok(Some(after)), "{before}");
    }
}

#[test]
fn another_entry_of_the_name_makes_way_only_when_it_is_told_to() {
    let json = "{\"mcpServers\": {\"new\": {\"command\": \"x\"}, \"b\": 1}}";
    assert_eq!(edited(json, Format::Json, false), Err(Why::Different.at(16)));
    assert_eq!(edited(json, Format::Json, true).unwrap().unwrap(), "{\"mcpServers\": {\"new\": {\"url\": \"https://h/mcp\"}, \"b\": 1}}");
    let toml =
        "[mcp_servers.new]\ncommand = \"x\"\nargs = [\n  \"y\",\n]\n\n[mcp_servers.b]\nurl = \"z\"\n\n[mcp_servers.new.env]\nK = \"v\"\n";
    assert_eq!(edited(toml, Format::Toml, false), Err(Why::Different.at(13)));
    assert_eq!(
        edited(toml, Format::Toml, true).unwrap().unwrap(),
        "[mcp_servers.new]\nurl = \"https://h/mcp\"\n\n[mcp_servers.b]\nurl = \"z\"\n\n"
    );
    let dotted = "[mcp_servers]\nnew.command = \"x\"\n";
    assert!(matches!(edited(dotted, Format::Toml, true), Err(Unfit { why: Why::Intricate, .. })));
}

#[test]
fn what_says_so_already_stays() {
    assert_eq!(edited("{\"mcpServers\": {\"new\": { \"url\" : \"https:\\/\\/h/mcp\" }}}", Format::Json, false), Ok(None));
    assert_eq!(edited("mcp_servers.new.url = 'https://h/mcp'", Format::Toml, false), Ok(None));
}

#[test]
fn what_cannot_be_read_or_is_read_in_two_ways_is_refused_at_its_place() {
    for (text, format, at, why) in [
        ("{\"mcpServers\": []}", Format::Json, 15, Why::NoTable),
        ("\u{feff}[]", Format::Json, 3, Why::NoTable),
        ("{\"mcpServers\": {}, \"mcpServers\": {}}", Format::Json, 19, Why::Twice("mcpServers".to_owned())),
        ("{\"mcpServers\": {\"new\": 1, \"new\": 1}}", Format::Json, 26, Why::Twice("new".to_owned())),
        ("mcp_servers = 1", Format::Toml, 0, Why::NoTable),
        ("[[mcp_servers]]", Format::Toml, 2, Why::NoTable),
    ] {
        assert_eq!(edited(text, format, true), Err(why.at(at)), "{text}");
    }
    for (text, format, at) in [("{\"a\": 1", Format::Json, 0), ("{'a': 1}", Format::Json, 1), ("a = 1\nb = = 1", Format::Toml, 10)] {
        let unfit = edited(text, format, true).unwrap_err();
        assert!(matches!(unfit.why, Why::Broken(_)), "{text}: {unfit}");
        assert_eq!(unfit.at, at, "{text}: {unfit}");
    }
}

proptest! {
    #[test]
    fn every_byte_that_was_there_stays_in_its_order((text, format) in any_file()) {
        let changed = edited(&text, format, false).unwrap().expect("it was not there");
        prop_assert_eq!(edited(&changed, format, false), Ok(None));
        let mut rest = changed.chars();
        // Blanks inside an empty table may go.
        for character in text.chars().filter(|character| !character.is_whitespace()) {
            prop_assert!(rest.any(|found| found == character), "{}\n---\n{}", text, changed);
        }
        if text.contains("\r\n") {
            prop_assert_eq!(changed.matches('\n').count(), changed.matches("\r\n").count());
        }
    }
}

/// Files as people, editors and clients write them.
fn any_file() -> impl Strategy<Value = (String, Format)> {
    let layout = (prop::sample::select(vec!["\n", "\r\n"]), prop::sample::select(vec!["  ", "\t", "    "]), any::<[bool; 6]>(), 0_usize..4);
    layout.prop_flat_map(|(newline, unit, choices, servers)| {
        prop_oneof![
            Just((json_file(newline, unit, choices, servers), Format::Json)),
            Just((toml_file(newline, choices, servers), Format::Toml))
        ]
    })
}

fn json_file(newline: &str, unit: &str, [mark, comments, comma, one_line, others, ends]: [bool; 6], servers: usize) -> String {
    let (newline, unit) = if one_line { (" ", "") } else { (newline, unit) };
    let comment = |text: &str| {
        if comments && one_line {
            format!(" /* {text} */")
        } else if comments {
            format!(" // {text}")
        } else {
            String::new()
        }
    };
    let comma = if comma { "," } else { "" };
    let list = |items: Vec<String>, indent: &str| {
        let last = items.len().saturating_sub(1);
        let line = |(at, item): (usize, &String)| {
            let separator = if at == last { comma } else { "," };
            format!("{newline}{indent}{unit}{item}{separator}{}", comment("{ \"}\" and so on, 1"))
        };
        let lines: String = items.iter().enumerate().map(line).collect();
        format!("{{{lines}{newline}{indent}}}")
    };
    let server = |number: usize| format!("\"s{number}\": {{\"command\": \"c\", \"args\": [1, \"a//b\"]}}");
    let mut members = Vec::new();
    if others {
        members.push("\"theme\": \"dark\"".to_owned());
    }
    if servers > 0 {
        members.push(format!("\"mcpServers\": {}", list((1..servers).map(server).collect(), unit)));
    }
    let end = if ends { newline } else { "" };
    format!("{}{}{end}", if mark { "\u{feff}" } else { "" }, list(members, ""))
}

fn toml_file(newline: &str, [mark, comments, inline, others, spaced, ends]: [bool; 6], servers: usize) -> String {
    let comment = if comments { " # [mcp_servers.new]" } else { "" };
    let mut lines = vec![format!("model = \"m\"{comment}")];
    let names = (0..servers).map(|number| format!("s{number}"));
    if inline {
        let members: Vec<String> = names.map(|name| format!("{name} = {{ command = 'c' }}")).collect();
        lines.push(format!("mcp_servers = {{ {} }}{comment}", members.join(", ")));
    } else {
        for name in names {
            lines.extend(spaced.then(String::new));
            lines.push(format!("[mcp_servers.{name}]{comment}"));
            lines.extend(["command = '''", "[mcp_servers.new]", "'''", "args = [", "  \"a\", # b", "]"].map(str::to_owned));
        }
    }
    if others {
        lines.extend(["# about it", "[projects.\"/a b\"]", "trust_level = \"trusted\""].map(str::to_owned));
    }
    format!("{}{}{}", if mark { "\u{feff}" } else { "" }, lines.join(newline), if ends { newline } else { "" })
}
