//! Can every live value leave every kind of file, and come back? Each class of value, in each place that people put it.

use claviger_scan::fix::{Client, Fixed, Kept, Launcher, Name, Plan, Wish, plan, taken_back};
use claviger_scan::{FingerprintKey, Policy, Source, examine};

use proptest::prelude::*;

use crate::values::LIVE;

struct File {
    folder: &'static str,
    name: &'static str,
    write: fn(&str, &str) -> String,
}

const FILES: &[File] = &[
    File { folder: "", name: ".mcp.json", write: |name, value| servers(&format!(r#""env": {{ {}: {} }}"#, json(name), json(value))) },
    File {
        folder: "",
        name: "cline_mcp_settings.json",
        write: |name, value| servers(&format!(r#""env": {{ {}: {} }}"#, json(name), json(value))),
    },
    File {
        folder: ".cursor",
        name: "mcp.json",
        write: |name, value| servers(&format!(r#""args": [{}]"#, json(&format!("{name}={value}")))),
    },
    File {
        folder: "",
        name: "claude_desktop_config.json",
        write: |name, value| {
            servers(&format!("\"args\": [\n      \"-y\",\n      \"x@1.0.0\",\n      {}\n    ]", json(&format!("{name}={value}"))))
        },
    },
    File {
        folder: ".codex",
        name: "config.toml",
        write: |name, value| {
            format!("[mcp_servers.a]\ncommand = \"npx\"\nargs = [\"-y\"] # ü\n\n[mcp_servers.a.env]\n{} = {}\n", json(name), json(value))
        },
    },
    File {
        folder: ".continue",
        name: "config.yaml",
        write: |name, value| {
            format!("mcpServers:\n  - name: a\n    command: npx\n    args: [\"-y\"]\n    env:\n      {name}: {}\n", json(value))
        },
    },
    File {
        folder: "",
        name: "claviger.toml",
        write: |name, value| format!("[servers.a]\ncommand = [\"x\"]\nenv = {{ {} = {} }}\n", json(name), json(value)),
    },
    File { folder: "", name: ".env", write: |name, value| format!("# ü\nA=1\nexport {name}=\"{value}\"\nB=2\n") },
];

fn servers(inside: &str) -> String {
    format!("{{\n  // ü\n  \"mcpServers\": {{ \"a\": {{ \"command\": \"npx\", {inside} }}, }}\n}}\n")
}

fn json(text: &str) -> String {
    format!("{text:?}")
}

fn launcher() -> Launcher {
    Launcher { program: "/usr/bin/claviger".to_owned(), arguments: vec!["run".to_owned(), "--keychain".to_owned(), "file".to_owned()] }
}

fn fixed(file: &File, text: &str) -> (Plan, Fixed) {
    let client = Client::of(file.folder, file.name, text);
    let wish = Wish { name: file.name, text, client, prefers_launcher: false, policy: &Policy::USUAL };
    let plan = plan(&wish, &launcher(), &FingerprintKey::new(b"test"));
    assert!(plan.left.is_empty(), "{}: {:?} in {text}", file.name, plan.left.iter().map(|left| left.why).collect::<Vec<_>>());
    let name = |(number, each): (usize, &claviger_scan::fix::Move)| Name {
        reference: format!("vault://secret/mcp/a#{}", each.name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")),
        variable: format!("V{number}"),
    };
    let names: Vec<Name> = plan.moves.iter().enumerate().map(name).collect();
    let fixed = plan.carry_out(text, &names, &launcher()).unwrap_or_else(|unfit| panic!("{}: {unfit} in {text}", file.name));
    (plan, fixed)
}

#[test]
fn every_live_value_leaves_every_kind_of_file_and_comes_back_byte_for_byte() {
    let mut moved = 0;
    for file in FILES {
        for (name, value) in LIVE {
            let text = (file.write)(name, value);
            let (plan, fixed) = fixed(file, &text);
            let source = Source::of(file.name, &fixed.text);
            let left = examine(source, &FingerprintKey::new(b"test")).findings.into_iter().find(|finding| finding.masked.is_some());
            assert!(left.is_none(), "{left:?} in {}", *fixed.text);
            assert!(!plan.moves.is_empty(), "{name} stays in {}", file.name);
            let kept: Vec<Kept> =
                plan.moves.iter().map(|each| Kept { value: each.value.clone(), as_written: each.as_written.clone() }).collect();
            assert_eq!(taken_back(&fixed.text, &fixed.reversals(), &kept).unwrap().as_str(), text, "{}", file.name);
            for each in &plan.moves {
                assert!(!fixed.text.contains(each.value.as_str()), "{} in {}", each.name, *fixed.text);
            }
            moved += plan.moves.len();
        }
    }
    assert!(moved >= FILES.len() * LIVE.len(), "{moved}");
}

#[test]
fn a_file_that_was_fixed_has_nothing_to_fix() {
    for file in FILES {
        let (name, value) = LIVE[0];
        let (_, once) = fixed(file, &(file.write)(name, value));
        let (plan, twice) = fixed(file, &once.text);
        assert!(plan.moves.is_empty() && twice.edits.is_empty(), "{}", *twice.text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever is wrong with a file: no panic, and what is changed can be taken back.
    #[test]
    fn a_mangled_file_is_changed_so_that_it_can_be_taken_back_or_not_at_all(
        file in 0..FILES.len(),
        live in 0..LIVE.len(),
        cuts in proptest::collection::vec((any::<proptest::sample::Index>(), "[\\PC\n\"'{}\\[\\]:,#=$ -]{0,3}", 0..4_usize), 0..4),
    ) {
        let (name, value) = LIVE[live];
        let mut text = (FILES[file].write)(name, value);
        for (place, inserted, dropped) in cuts {
            let mut characters: Vec<char> = text.chars().collect();
            let at = place.index(characters.len() + 1);
            let end = (at + dropped).min(characters.len());
            characters.splice(at..end, inserted.chars());
            text = characters.into_iter().collect();
        }
        let client = Client::of(FILES[file].folder, FILES[file].name, &text);
        let wish = Wish { name: FILES[file].name, text: &text, client, prefers_launcher: false, policy: &Policy::USUAL };
        let plan = plan(&wish, &launcher(), &FingerprintKey::new(b"test"));
        let names = vec![Name { reference: "keychain://mcp/a/b".to_owned(), variable: "V".to_owned() }; plan.moves.len()];
        if let Ok(fixed) = plan.carry_out(&text, &names, &launcher()) {
            let kept: Vec<Kept> =
                plan.moves.iter().map(|each| Kept { value: each.value.clone(), as_written: each.as_written.clone() }).collect();
            let back = taken_back(&fixed.text, &fixed.reversals(), &kept).unwrap();
            prop_assert_eq!(back.as_str(), text.as_str());
        }
    }
}
