//! What came of it? A page of the documentation, written by `make interop` and held up to date by this test.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use super::callers::Caller;
use super::servers::{Server, Transport};
use super::{Feature, seen_or_error};
use crate::support::repository;

/// What one client saw of one server.
pub(super) struct Row {
    pub(super) server: Server,
    pub(super) transport: Transport,
    pub(super) caller: Caller,
    pub(super) marks: [Mark; Feature::ALL.len()],
}

pub(super) enum Mark {
    Works,
    /// One of the two cannot do it by itself; this is why.
    Lacking(&'static str),
    Fails(String),
}

impl Mark {
    pub(super) fn of(caller: Caller, server: Server, feature: Feature, seen: &Value) -> Self {
        let works = seen_or_error(seen).and_then(|seen| judge(caller, server, feature, seen));
        match (works, caller.lacks(feature).or_else(|| server.lacks(feature))) {
            (Ok(()), None) => Self::Works,
            (Err(_), Some(why)) => Self::Lacking(why),
            (Ok(()), Some(why)) => Self::Fails(format!("works, although it is written down that {why}")),
            (Err(error), None) => Self::Fails(error),
        }
    }

    fn sign(&self, reasons: &mut Vec<&'static str>) -> String {
        match self {
            Self::Works => "✓".to_owned(),
            Self::Fails(_) => "✗".to_owned(),
            Self::Lacking(why) => {
                let number = reasons.iter().position(|known| known == why).unwrap_or_else(|| {
                    reasons.push(why);
                    reasons.len() - 1
                });
                format!("–[^{}]", number + 1)
            }
        }
    }
}

fn judge(caller: Caller, server: Server, feature: Feature, seen: &str) -> Result<(), String> {
    let expected = if feature == Feature::Open { caller.version() } else { server.expected(feature) };
    let is_right = expected.strip_prefix('=').map_or_else(|| seen.contains(expected), |whole| seen == whole);
    if is_right { Ok(()) } else { Err(format!("`{seen}` in place of `{expected}`")) }
}

impl Row {
    pub(super) fn failures(&self) -> Vec<String> {
        let named = Feature::ALL.into_iter().zip(&self.marks);
        let failed = named.filter_map(|(feature, mark)| match mark {
            Mark::Fails(why) => {
                Some(format!("{:?} at {:?} over {:?}, {}: {why}", self.caller, self.server, self.transport, feature.title()))
            }
            Mark::Works | Mark::Lacking(_) => None,
        });
        failed.collect()
    }
}

/// Compares the page with what was seen, or writes it where `make interop` asks for that.
pub(super) fn hold_up_to_date(rows: &[Row]) {
    let file = repository().join("docs/reference/interop.md");
    let page = page(rows);
    if is_to_be_written() {
        fs::write(&file, page).expect("the page can be written");
        return;
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "docs/reference/interop.md is not up to date: `make interop` writes it\n{page}");
}

#[expect(clippy::disallowed_methods, reason = "asked by the Makefile, of a test and not of the product")]
fn is_to_be_written() -> bool {
    std::env::var_os("WRITE_INTEROP_TABLE").is_some()
}

fn page(rows: &[Row]) -> String {
    let mut page = HEAD.to_owned();
    let mut reasons = Vec::new();
    for server in Server::ALL {
        let titles = Feature::ALL.map(Feature::title);
        let version = pinned(server.package());
        let (package, _) = server.package();
        let _ = write!(page, "\n## Behind the door: {}\n\n`{package}` {version}, {}.\n\n", server.title(), server.version());
        let _ = writeln!(page, "| client | it speaks | the server is reached by | {} |", titles.join(" | "));
        let _ = writeln!(page, "|---|---|---|{}", "---|".repeat(titles.len()));
        for row in rows.iter().filter(|row| row.server == server) {
            let (package, _) = row.caller.package();
            let signs: Vec<String> = row.marks.iter().map(|mark| mark.sign(&mut reasons)).collect();
            let cells = [
                format!("`{package}` {}", pinned(row.caller.package())),
                row.caller.version().to_owned(),
                row.transport.title().to_owned(),
            ];
            let _ = writeln!(page, "| {} | {} |", cells.join(" | "), signs.join(" | "));
        }
    }
    if !reasons.is_empty() {
        page.push('\n');
    }
    for (number, why) in reasons.iter().enumerate() {
        let _ = writeln!(page, "[^{}]: {why}", number + 1);
    }
    page
}

/// The version in the lock file that the tests install from.
fn pinned((package, from): (&str, &str)) -> String {
    let read = |path: &str| fs::read_to_string(repository().join(path)).expect("the project has its lock files");
    let found = match from {
        "npm" => {
            let lock: Value = serde_json::from_str(&read("interop/package-lock.json")).expect("npm writes JSON");
            lock["packages"][format!("node_modules/{package}")]["version"].as_str().map(str::to_owned)
        }
        "PyPI" => read("interop/requirements.txt").lines().find_map(|line| line.strip_prefix(&format!("{package}=="))).map(str::to_owned),
        _ => {
            let lock = read("Cargo.lock");
            let (_, after) = lock.split_once(&format!("name = \"{package}\"\nversion = \"")).unwrap_or_default();
            after.split('"').next().map(str::to_owned)
        }
    };
    found.unwrap_or_else(|| panic!("no version of {package} from {from} is pinned"))
}

const HEAD: &str = "\
# Which clients work with which servers?

Real clients before the door and real servers behind it, of both eras of MCP: whoever speaks another era than the other is translated by the door. `make interop` tries every pair and writes this
page. ✓ means that the client saw what the server said, word for word. *Open* is `initialize` or `server/discover`; *elicitation* and *sampling* are questions of the server in the
middle of a call, which the client answers; *news of a change* is a subscription and what it brings.
";
