//! Whatever the file says and however it is written: `setup` and then `--undo` is nothing.

use proptest::prelude::*;

use crate::home::{Home, read};

proptest! {
    // Each case starts the program twice.
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_file_comes_back_byte_for_byte(text in any_json(), toml in any_toml(), several in 1_usize..3) {
        for (client, place, text) in [("gemini", ".gemini/settings.json", &text), ("codex", ".codex/config.toml", &toml)] {
            let home = Home::new();
            let file = home.write(place, text);
            for number in 0..several {
                home.done(&format!("{client} https://mcp.example.com/mcp --yes --name n{number}"));
            }
            let changed = read(&file);
            prop_assert!(changed.contains("https://mcp.example.com/mcp"));
            for _ in 0..several {
                home.done(&format!("{client} --undo"));
            }
            prop_assert_eq!(&read(&file), text);
        }
    }
}

/// Blanks and comments in every gap, keys and values of any letters.
fn any_json() -> impl Strategy<Value = String> {
    let gap = || prop::sample::select(vec!["", " ", "\n", "\r\n\t", " // }\n", "/* \" */", "\n\n  "]);
    let text = || "[a-zéß🐴 {}/,\\[\\]]{0,8}".prop_map(|text| serde_json::Value::from(text).to_string());
    let value = prop_oneof![text(), Just("[1, -2.5e3, null, ]".to_owned()), Just("{\"a\": {\"b\": []},}".to_owned())];
    let member = (gap(), "[a-z]{2,6}", gap(), gap(), value, gap())
        .prop_map(|(before, key, colon, behind, value, after)| format!("{before}\"{key}\"{colon}:{behind}{value}{after}"));
    let table = |members: Vec<String>, comma: bool, end: &str| {
        let comma = if comma && !members.is_empty() { "," } else { "" };
        format!("{{{}{comma}{end}}}", members.join(","))
    };
    let servers = (prop::collection::vec(member.clone(), 0..3), any::<bool>(), gap())
        .prop_map(move |(members, comma, end)| table(members, comma, end));
    let section = (gap(), servers, gap()).prop_map(|(before, servers, after)| format!("{before}\"mcpServers\": {servers}{after}"));
    let members = (prop::collection::vec(member, 0..3), prop::option::of(section)).prop_map(|(mut members, section)| {
        let at = members.len() / 2;
        members.splice(at..at, section);
        members
    });
    (gap(), members, any::<bool>(), gap(), gap())
        .prop_map(move |(before, members, comma, end, after)| format!("{before}{}{after}", table(members, comma, end)))
}

/// Tables in any order, with comments between them.
fn any_toml() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "# [mcp_servers.n0]\n",
        "\n",
        "[features]\r\nx = true # y\r\n",
        "[mcp_servers.a]\ncommand = \"a\"\nargs = [\n  \"]\", # ]\n]\n",
        "[mcp_servers.a.env]\nK = '''\n[v]\n'''\n",
        "[mcp_servers.\"b c\"]\nurl = \"https://b\"\n",
        "[projects.\"/home/ann\"]\ntrust_level = \"trusted\"\n",
        "[[hooks]]\nname = \"é\"",
    ]);
    prop::collection::btree_set((0..9_u8, piece), 0..8).prop_map(|pieces| {
        let mut seen = std::collections::BTreeSet::new();
        // A table stands once; without the table above it, one below is a table all the same.
        let pieces: Vec<&str> = pieces.into_iter().map(|(_, piece)| piece).filter(|piece| seen.insert(*piece)).collect();
        format!("model = \"m\"\n{}", pieces.join("\n"))
    })
}
