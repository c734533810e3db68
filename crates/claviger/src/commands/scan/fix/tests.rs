//! A fix goes wrong between any two steps: is anything lost?

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use broker::reference::Kind;
use broker::source::{Keychain, Sources};
use scan::fix::Plan;
use scan::{FingerprintKey, Policy, Source, examine};

use super::record::Records;
use super::undo::take_back;
use super::{Step, Workshop, standing};
use crate::cli::{Cli, Command, ScanArguments, StoreChoice};
use crate::commands::block_on;
use crate::commands::scan::Scanned;
use crate::config::env::Surroundings;
use crate::voice::{Exit, Report};
use clap::Parser as _;
use line_index::LineIndex;

const TOKEN: &str = "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";
const STEPS: [Step; 5] = [Step::Keep, Step::Record, Step::Variables, Step::Replace, Step::Ignore];

struct Bench {
    folder: tempfile::TempDir,
    workshop: Workshop,
    key: FingerprintKey,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["claviger", "scan", "--fix", "--yes", "--store", "file", "--state", "state"];
        let Command::Scan(arguments) = Cli::try_parse_from(arguments).unwrap().command else { panic!("not a scan") };
        let arguments: ScanArguments = arguments;
        let workshop = Workshop::open(&arguments, &Surroundings::pretend(folder.path(), &[])).unwrap();
        Self { folder, workshop, key: FingerprintKey::new(b"test") }
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn sources(&self) -> Sources {
        let keychain = Keychain::sealed_file(self.at("state/keychain.json"), self.at("state/instance.key"));
        Sources::default().with(Kind::Keychain, keychain)
    }

    fn scanned(&self, name: &str) -> Scanned {
        let path = self.at(name);
        let text = fs::read_to_string(&path).unwrap();
        let source = Source::of(path.file_name().unwrap().to_str().unwrap(), &text);
        let examination = examine(source, &self.key);
        Scanned { name: name.to_owned(), lines: LineIndex::new(&text), text: text.into(), examination, path }
    }

    fn mend(&self, name: &str, fails_before: Option<Step>) -> Result<(), Report> {
        let file = self.scanned(name);
        let plan = self.workshop.plan(&file, &Policy::USUAL, &self.key);
        let between = |step| if Some(step) == fails_before { Err(Report::new(Exit::Failure, "power cut")) } else { Ok(()) };
        let plans: [(&Scanned, Plan); 1] = [(&file, plan)];
        block_on(self.workshop.mend(&plans, &self.sources(), &between))
    }

    fn take_back(&self) -> Result<(), Report> {
        let records = Records::open(&self.at("state")).unwrap();
        let all = records.all().unwrap();
        block_on(take_back(all.first().expect("there is a record"), &records, &self.sources()))
    }

    fn stored(&self, reference: &str) -> Option<String> {
        let reference = reference.parse().unwrap();
        block_on(async { Ok(self.sources().read(&reference).await.ok().map(|fetched| fetched.value.expose().to_owned())) }).unwrap()
    }
}

fn holds_nowhere(folder: &Path, secret: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holds_nowhere(&path, secret);
        } else {
            let bytes = fs::read(&path).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains(secret), "{}", path.display());
        }
    }
}

#[test]
fn a_fault_between_any_two_steps_loses_nothing_and_the_next_try_goes_through() {
    let cline = format!("{{\"mcpServers\": {{\"a\": {{\"command\": \"npx\", \"args\": [\"x\"], \"env\": {{\"GH\": \"{TOKEN}\"}}}}}}}}\n");
    for (name, text) in [("cline_mcp_settings.json", cline.clone()), (".mcp.json", cline), (".env", format!("GH={TOKEN}\n"))] {
        for step in STEPS {
            let bench = Bench::new();
            fs::create_dir(bench.at(".git")).unwrap();
            fs::write(bench.at(name), &text).unwrap();
            bench.mend(name, Some(step)).unwrap_err();
            let owner = if name == ".env" { super::folder_name(&bench.at(name)) } else { "a".to_owned() };
            let owner: String = owner.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
            let reference = format!("keychain://mcp/{}/GH", owner.trim_matches('-'));
            let now = fs::read_to_string(bench.at(name)).unwrap();
            if step == Step::Ignore {
                assert_eq!(bench.stored(&reference).as_deref(), Some(TOKEN), "{name}");
                holds_nowhere(bench.folder.path(), TOKEN);
                bench.take_back().unwrap();
                assert_eq!(fs::read_to_string(bench.at(name)).unwrap(), text);
            } else {
                assert_eq!(now, text, "{name} {step:?}");
            }
            bench.mend(name, None).unwrap();
            assert_eq!(bench.stored(&reference).as_deref(), Some(TOKEN), "{name} {step:?}");
            assert!(bench.stored(&format!("{reference}-2")).is_none(), "the same secret is kept once");
            holds_nowhere(bench.folder.path(), TOKEN);
            bench.take_back().unwrap();
            assert_eq!(fs::read_to_string(bench.at(name)).unwrap(), text);
        }
    }
}

#[test]
fn a_file_that_was_changed_since_is_not_taken_back_and_says_where_its_secrets_are() {
    let bench = Bench::new();
    fs::write(bench.at(".mcp.json"), format!(r#"{{"mcpServers":{{"a":{{"command":"x","env":{{"GH":"{TOKEN}"}}}}}}}}"#)).unwrap();
    bench.mend(".mcp.json", None).unwrap();
    let fixed = fs::read_to_string(bench.at(".mcp.json")).unwrap();
    assert_eq!(fixed, r#"{"mcpServers":{"a":{"command":"x","env":{"GH":"${GH}"}}}}"#);
    assert!(fs::read_to_string(bench.at("state/clients.env")).unwrap().ends_with("GH=\"keychain://mcp/a/GH\"\n"));
    fs::write(bench.at(".mcp.json"), fixed.replace("\"x\"", "\"y\"")).unwrap();
    let refused = bench.take_back().unwrap_err().render();
    assert!(refused.contains("changed since") && refused.contains("keychain://mcp/a/GH"), "{refused}");
}

#[test]
fn another_secret_of_the_same_name_gets_a_name_of_its_own() {
    let bench = Bench::new();
    let other = "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";
    let text = |token: &str| format!(r#"{{"mcpServers":{{"a":{{"command":"x","env":{{"GH":"{token}"}}}}}}}}"#);
    for (folder, token) in [("one", TOKEN), ("two", other), ("three", TOKEN)] {
        fs::create_dir(bench.at(folder)).unwrap();
        let name = format!("{folder}/.mcp.json");
        fs::write(bench.at(&name), text(token)).unwrap();
        bench.mend(&name, None).unwrap();
    }
    assert_eq!(bench.stored("keychain://mcp/a/GH").as_deref(), Some(TOKEN));
    assert_eq!(bench.stored("keychain://mcp/a/GH-2").as_deref(), Some(other));
    let read = |name: &str| fs::read_to_string(bench.at(name)).unwrap();
    assert!(
        read("one/.mcp.json").contains("${GH}") && read("two/.mcp.json").contains("${GH_2}") && read("three/.mcp.json").contains("${GH}")
    );
}

#[test]
fn what_opens_a_store_is_not_kept_in_it() {
    let bench = Bench::new();
    let text = r#"{"mcpServers":{"a":{"command":"x","env":{"AWS_SECRET_ACCESS_KEY":"ijrlyIK+GTtt2uNqky9nS+4Vdv6Bk8OqobHntUvU"}}}}"#;
    fs::write(bench.at("cline_mcp_settings.json"), text).unwrap();
    let file = bench.scanned("cline_mcp_settings.json");
    let plan = bench.workshop.plan(&file, &Policy::USUAL, &bench.key);
    assert_eq!(plan.moves.len(), 1);
    for (store, is_good) in [(StoreChoice::AwsSecretsmanager, false), (StoreChoice::Vault, true), (StoreChoice::Keychain, true)] {
        let workshop = Workshop { store, ..Bench::new().workshop };
        assert_eq!(workshop.can_be_opened(&file, &plan).is_ok(), is_good, "{store:?}");
    }
}

#[test]
fn a_file_whose_secret_has_to_stay_is_closed_to_others_and_kept_out_of_version_control() {
    let bench = Bench::new();
    fs::create_dir(bench.at(".git")).unwrap();
    let text =
        format!(r#"{{"mcpServers":{{"a":{{"type":"sse","url":"https://x.example/","headers":{{"Authorization":"Bearer {TOKEN}"}}}}}}}}"#);
    fs::write(bench.at("cline_mcp_settings.json"), &text).unwrap();
    let file = bench.scanned("cline_mcp_settings.json");
    super::shield(&file, &bench.workshop.plan(&file, &Policy::USUAL, &bench.key)).unwrap();
    assert_eq!(fs::read_to_string(bench.at("cline_mcp_settings.json")).unwrap(), text);
    assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(bench.at(".gitignore")).unwrap(), "/cline_mcp_settings.json\n");
}

#[test]
fn a_file_that_holds_secrets_by_nature_is_ignored_from_now_on() {
    let bench = Bench::new();
    fs::create_dir(bench.at(".git")).unwrap();
    fs::write(bench.at(".env"), format!("GH={TOKEN}\n")).unwrap();
    bench.mend(".env", None).unwrap();
    assert_eq!(fs::read_to_string(bench.at(".gitignore")).unwrap(), "/.env\n");
    // A folder that only looks like a repository: git has no answer, and that is not taken for a good one.
    assert_eq!(standing::standing(&bench.at(".env")), standing::Standing::Unknown);
}
