//! Google Secret Manager, as interop/servers/gcp.py plays it and Google's own client fills it.

use serde_json::Value;

use crate::support::{Cloud, Keepers, Person, everything_that_writers_promise, fingerprint};

struct Google(Cloud);

impl Google {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().to_owned();
        // It writes files of credentials there.
        Self(Cloud::start("gcp", folder, &[&path]))
    }

    /// What Google's client saw with this file of credentials.
    fn sdk(&self, file: &str, words: &[&str]) -> Value {
        self.0.sdk(file, words)
    }

    /// A new version, by Google's client.
    fn put(&self, name: &str, value: &str) {
        self.0.put("service.json", name, value);
    }

    /// A door that shows this file of credentials; none: what the machine has.
    fn door(&self, file: Option<&str>, references: &[(&str, &str)], variables: &[(&str, &str)]) -> Keepers {
        Keepers::open(&self.configuration(file), references, variables)
    }

    fn configuration(&self, file: Option<&str>) -> String {
        let credentials = file.map_or_else(String::new, |file| format!("credentials = {:?}\n", self.0.file(file)));
        format!("[secrets.gcp]\nendpoint = {:?}\n{credentials}", self.0.told("url"))
    }
}

#[test]
fn googles_own_client_takes_it_for_google() {
    let google = Google::start();
    google.put("github", "ghp-first");
    for file in ["service.json", "federated.json", "acting.json"] {
        let seen = google.sdk(file, &["get", "github", "1"]);
        assert_eq!(seen["sha256"], fingerprint("ghp-first"), "{file}: {seen}");
    }
    assert_eq!(google.sdk("service.json", &["get", "nothing", "latest"])["error"], "NotFound");
    assert_eq!(google.sdk("stranger.json", &["get", "github", "1"])["error"], "Forbidden");
    assert_eq!(google.sdk("wrong.json", &["get", "github", "1"])["error"], "RefreshError");
    for name in ["a", "b"] {
        google.put(name, "x");
    }
    let names = ["projects/p/secrets/a", "projects/p/secrets/b", "projects/p/secrets/github"];
    assert_eq!(google.sdk("service.json", &["list"])["names"], serde_json::json!(names));
    assert_eq!(google.sdk("service.json", &["delete", "github"]), serde_json::json!({}));
    assert_eq!(google.sdk("service.json", &["get", "github", "1"])["error"], "NotFound");
}

#[test]
fn a_person_puts_finds_lists_and_moves_secrets() {
    let google = Google::start();
    google.put("a", "x");
    google.put("b", "x");
    let configuration = |file| format!("[secrets.keychain]\nstore = \"file\"\n{}", google.configuration(Some(file)));
    let person = Person::new(&configuration("service.json"), &[]);
    let (whole, document) = ("gcp-secretmanager://p/new", "gcp-secretmanager://p/document");
    everything_that_writers_promise(
        &person,
        whole,
        document,
        "gcp-secretmanager://p",
        &["gcp-secretmanager://p/a", "gcp-secretmanager://p/b"],
    );
    assert_eq!(google.sdk("service.json", &["get", "new", "latest"])["sha256"], fingerprint("grüß Gott"));
    let pinned = person.pipes("x", &["put", "gcp-secretmanager://p/a/1"]);
    assert!(!pinned.success && pinned.stderr.contains("a version never changes"), "{}", pinned.stderr);
    let stranger = Person::new(&configuration("stranger.json"), &[]);
    let ended = stranger.pipes("x", &["put", "gcp-secretmanager://p/a"]);
    assert!(!ended.success && ended.stderr.contains("PERMISSION_DENIED"), "{}", ended.stderr);
    person.finds("gcp-secretmanager://p/a", "x");
}

#[test]
fn a_service_account_reads_the_newest_version_or_one_by_number() {
    let google = Google::start();
    google.put("github", "ghp-first");
    google.put("github", "ghp-second");
    let references = [
        ("first", "gcp-secretmanager://p/github/1"),
        ("newest", "gcp-secretmanager://projects/p/secrets/github"),
        ("nothing", "gcp-secretmanager://p/nothing"),
    ];
    let mut door = google.door(None, &references, &[("GOOGLE_APPLICATION_CREDENTIALS", &google.0.file("service.json"))]);
    door.has("newest", "ghp-second");
    door.has("first", "ghp-first");
    door.has_none("nothing", "there is no such secret");
    door.close();
}

#[test]
fn a_new_version_comes_when_the_old_one_has_been_kept_long_enough() {
    let google = Google::start();
    google.put("github", "ghp-first");
    let door = Keepers::open_for_each_call(&google.configuration(Some("service.json")), "gcp-secretmanager://p/github?ttl=1", &[]);
    door.follow("ghp-first", "ghp-second", |value| google.put("github", value));
}

#[test]
fn a_token_of_elsewhere_is_exchanged_and_may_act_as_a_service_account() {
    let google = Google::start();
    google.put("github", "ghp-first");
    for file in ["federated.json", "acting.json"] {
        let door = google.door(Some(file), &GITHUB, &[]);
        door.never_writes("federated-token");
        door.has("github", "ghp-first");
        door.close();
    }
}

#[test]
fn a_machine_has_its_own_identity() {
    let google = Google::start();
    google.put("github", "ghp-first");
    let host = google.0.told("url").trim_start_matches("http://");
    let door = google.door(None, &GITHUB, &[("GCE_METADATA_HOST", host)]);
    door.has("github", "ghp-first");
    door.close();
}

// Google and its token service both quote what they were sent; the door does not.
#[test]
fn whoever_may_not_read_gets_nothing_and_is_told_by_the_code() {
    let google = Google::start();
    google.put("github", "ghp-first");
    let expected = [
        ("stranger.json", "Google says PERMISSION_DENIED (403)"),
        ("wrong.json", "the token service of Google says invalid_grant (400)"),
        ("token", "the file of credentials is neither"),
    ];
    for (file, why) in expected {
        let mut door = google.door(Some(file), &GITHUB, &[]);
        door.has_none("github", why);
        door.close();
    }
}

const GITHUB: [(&str, &str); 1] = [("github", "gcp-secretmanager://p/github")];
