//! AWS Secrets Manager, as moto plays it: signatures are checked and policies enforced, so what is signed and what is asked must be right.

use std::fs;

use serde_json::Value;

use crate::support::{Keepers, Person, Running, cloud_python, everything_that_writers_promise, repository};

struct Aws {
    process: Running,
    /// What it told about itself: the URL, users, a role, and the ARNs of its secrets.
    told: Value,
}

impl Aws {
    fn start() -> Self {
        let process = Running::start(cloud_python().arg(repository().join("interop/servers/aws.py")));
        let told = serde_json::from_str(&process.line("\"url\"")).expect("it tells JSON");
        Self { process, told }
    }

    fn told(&self, pointer: &str) -> &str {
        self.told.pointer(pointer).and_then(Value::as_str).expect("it tells that")
    }

    fn put(&mut self, name: &str, value: &str) {
        self.process.type_line(&format!("put {name} {value}"));
        self.process.line("version ");
    }

    /// A door that is this user.
    fn door_of(&self, user: &str, references: &[(&str, &str)]) -> Keepers {
        let (id, secret) = (self.told(&format!("/{user}/id")), self.told(&format!("/{user}/secret")));
        self.door(&[("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)], references)
    }

    /// A door in the region of the secrets.
    fn door(&self, identity: &[(&str, &str)], references: &[(&str, &str)]) -> Keepers {
        let usual = [("AWS_ENDPOINT_URL", self.told("/url")), ("AWS_REGION", REGION), NO_MACHINE];
        let door = Keepers::open("", references, &[identity, &usual].concat());
        for (_, value) in identity.iter().filter(|(name, _)| *name == "AWS_SECRET_ACCESS_KEY") {
            door.never_writes(value);
        }
        door
    }
}

#[test]
fn a_secret_is_found_by_name_field_and_version_as_text_or_as_bytes() {
    let mut aws = Aws::start();
    aws.put("mcp/github", "ghp-second");
    let references = [
        ("bytes", "aws-secretsmanager://mcp/binary"),
        ("field", "aws-secretsmanager://mcp/database#password"),
        ("image", "aws-secretsmanager://mcp/image"),
        ("newest", "aws-secretsmanager://mcp/github"),
        ("previous", "aws-secretsmanager://mcp/github?version-stage=AWSPREVIOUS"),
    ];
    let mut door = aws.door_of("reader", &references);
    door.has("newest", "ghp-second");
    door.has("previous", "ghp-first");
    door.has("field", "pw-first");
    door.has("bytes", "grüß Gott");
    door.has_none("image", "it is not UTF-8 text");
    door.close();
}

// The environment names no region, so it is the reference, the ARN or the configuration that does.
#[test]
fn the_region_stands_in_the_reference_or_the_arn_or_the_configuration() {
    let aws = Aws::start();
    let arn = format!("aws-secretsmanager://{}", aws.told("/arns/mcp~1github"));
    let named = format!("aws-secretsmanager://mcp/github?region={REGION}");
    let references = [("arn", &*arn), ("bare", "aws-secretsmanager://mcp/github"), ("named", &*named)];
    let identity = [("AWS_ACCESS_KEY_ID", aws.told("/reader/id")), ("AWS_SECRET_ACCESS_KEY", aws.told("/reader/secret")), NO_MACHINE];
    let endpoint = format!("[secrets.aws]\nendpoint = \"{}\"\n", aws.told("/url"));
    let mut door = Keepers::open(&endpoint, &references, &identity);
    door.has("arn", "ghp-first");
    door.has("named", "ghp-first");
    door.has_none("bare", "it is not said how to ask there: the region");
    door.close();
    let door = Keepers::open(&format!("{endpoint}region = \"{REGION}\"\n"), &references, &identity);
    door.has("bare", "ghp-first");
    door.close();
}

#[test]
fn a_new_version_comes_when_the_old_one_has_been_kept_long_enough() {
    let mut aws = Aws::start();
    let identity = [("AWS_ACCESS_KEY_ID", aws.told("/reader/id")), ("AWS_SECRET_ACCESS_KEY", aws.told("/reader/secret"))];
    let usual = [("AWS_ENDPOINT_URL", aws.told("/url")), ("AWS_REGION", REGION), NO_MACHINE];
    let reference = "aws-secretsmanager://mcp/rotated?ttl=1";
    let door = Keepers::open_for_each_call("", reference, &[&identity[..], &usual[..]].concat());
    door.follow("rotated-first", "rotated-second", |value| aws.put("mcp/rotated", value));
}

#[test]
fn whoever_may_not_read_gets_nothing_and_is_told_by_the_code() {
    let aws = Aws::start();
    let references = [("github", "aws-secretsmanager://mcp/github"), ("nothing", "aws-secretsmanager://mcp/nothing")];
    let id = aws.told("/reader/id");
    let wrong = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", "a-key-that-is-somebody-else's")];
    let unknown = [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "a-key-that-nobody-has")];
    for (identity, why) in
        [(&wrong[..], "SignatureDoesNotMatch (403)"), (&unknown[..], "InvalidClientTokenId (403)"), (&[], "who we are at AWS")]
    {
        let mut door = aws.door(identity, &references);
        door.has_none("github", why);
        door.close();
    }
    let mut door = aws.door_of("stranger", &references);
    door.has_none("github", "AccessDenied (403)");
    door.close();
    let mut door = aws.door_of("reader", &references);
    door.has_none("nothing", "there is no such secret");
    door.close();
}

// As in a pod of EKS (IRSA): a token in a file, and the role that it is good for.
#[test]
fn a_web_identity_takes_its_role() {
    let aws = Aws::start();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let token = folder.path().join("token");
    fs::write(&token, "web-identity-token").expect("a file can be written");
    let identity = [("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().expect("paths of tests are text")), ("AWS_ROLE_ARN", aws.told("/role"))];
    let door = aws.door(&identity, &[("github", "aws-secretsmanager://mcp/github")]);
    door.never_writes("web-identity-token");
    door.has("github", "ghp-first");
    door.close();
}

#[test]
fn a_profile_may_have_a_program_that_tells_its_key() {
    let aws = Aws::start();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (key, config) = (folder.path().join("key.json"), folder.path().join("config"));
    let told = serde_json::json!({"Version": 1, "AccessKeyId": aws.told("/reader/id"), "SecretAccessKey": aws.told("/reader/secret")});
    fs::write(&key, told.to_string()).expect("a file can be written");
    fs::write(&config, format!("[profile door]\nregion = {REGION}\ncredential_process = cat {}\n", key.display()))
        .expect("a file can be written");
    let variables =
        [("AWS_CONFIG_FILE", config.to_str().expect("paths of tests are text")), ("AWS_ENDPOINT_URL", aws.told("/url")), NO_MACHINE];
    let profile = "[secrets.aws]\nprofile = \"door\"\n";
    let door = Keepers::open(profile, &[("github", "aws-secretsmanager://mcp/github")], &variables);
    door.has("github", "ghp-first");
    door.close();
}

fn person(aws: &Aws, user: &str) -> Person {
    let (id, secret) = (aws.told(&format!("/{user}/id")), aws.told(&format!("/{user}/secret")));
    let identity = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)];
    let usual = [("AWS_ENDPOINT_URL", aws.told("/url")), ("AWS_REGION", REGION), NO_MACHINE];
    Person::new("[secrets.keychain]\nstore = \"file\"\n", &[&identity[..], &usual[..]].concat())
}

#[test]
fn a_person_puts_finds_lists_and_moves_secrets() {
    let aws = Aws::start();
    let person = person(&aws, "writer");
    let others = ["aws-secretsmanager://mcp/binary", "aws-secretsmanager://mcp/database", "aws-secretsmanager://mcp/github"];
    let others = [&others[..], &["aws-secretsmanager://mcp/image", "aws-secretsmanager://mcp/rotated"]].concat();
    let (whole, document) = ("aws-secretsmanager://mcp/new", "aws-secretsmanager://mcp/document");
    everything_that_writers_promise(&person, whole, document, "aws-secretsmanager://mcp/", &others);
    person.lists("aws-secretsmanager://mcp/d", &["aws-secretsmanager://mcp/database", document]);
    // Of what was there before, the other members are kept.
    person.puts("aws-secretsmanager://mcp/database#password", "pw-second");
    person.finds("aws-secretsmanager://mcp/database#port", "5432");
    person.finds("aws-secretsmanager://mcp/database?version-stage=AWSPREVIOUS#password", "pw-first");
    let pinned = person.pipes("x", &["put", "aws-secretsmanager://mcp/github?version-stage=AWSPREVIOUS"]);
    assert!(!pinned.success && pinned.stderr.contains("a version never changes"), "{}", pinned.stderr);
    let removed = person.types(&["migrate", "aws-secretsmanager://mcp/rotated", "keychain://moved/rotated", "--delete"]);
    assert!(removed.stderr.contains("is removed; AWS keeps it for 30 days"), "{}", removed.stderr);
}

#[test]
fn whoever_may_only_read_changes_nothing() {
    let aws = Aws::start();
    let person = person(&aws, "reader");
    for words in [["put", "aws-secretsmanager://mcp/github"], ["list", "aws-secretsmanager"]] {
        let ended = person.pipes("x", &words);
        assert!(!ended.success && ended.stderr.contains("AccessDenied"), "{}", ended.stderr);
    }
    person.finds("aws-secretsmanager://mcp/github", "ghp-first");
}

/// The provider of the key: it knows which keys are good, and is asked by the programs of `[secrets.inventory]`.
const PROVIDER: &str = r#"
[secrets.inventory."aws-secretsmanager://mcp/github"]
create = ["sh", "-c", "echo ghp-second >> good && echo ghp-second"]
test = ["sh", "-c", 'grep -qx "$CLAVIGER_NEW_KEY" good']
revoke = ["sh", "-c", 'grep -vx "$CLAVIGER_OLD_KEY" good > left && mv left good']
"#;

#[test]
fn a_guided_rotation_changes_the_key_of_a_running_door_and_back() {
    let aws = Aws::start();
    let (id, secret) = (aws.told("/writer/id"), aws.told("/writer/secret"));
    let identity = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)];
    let usual = [("AWS_ENDPOINT_URL", aws.told("/url")), ("AWS_REGION", REGION), NO_MACHINE];
    let reference = "aws-secretsmanager://mcp/github";
    let door = Keepers::open_for_each_call(PROVIDER, reference, &[&identity[..], &usual[..]].concat());
    let good = door.folder().join("good");
    let good = || fs::read_to_string(&good).expect("the provider has its keys");
    fs::write(door.folder().join("good"), "ghp-first\n").expect("a file can be written");
    door.has("rotated", "ghp-first");

    let guide = |more: &[&str]| door.types(&[&["rotate", reference, "--guide"], more].concat());
    let switched = guide(&[]);
    assert!(switched.success && switched.stdout.contains("has a new value"), "{}{}", switched.stdout, switched.stderr);
    assert!(switched.stderr.contains("both keys are good until"), "{}", switched.stderr);
    // Without waiting for an hour, and both keys are good.
    door.has("rotated", "ghp-second");
    assert_eq!(good(), "ghp-first\nghp-second\n");
    let back = guide(&["--abort"]);
    assert!(back.success && back.stdout.contains("has a new value"), "{}{}", back.stdout, back.stderr);
    door.has("rotated", "ghp-first");

    fs::write(door.folder().join("good"), "ghp-first\n").expect("a file can be written");
    for more in [&[][..], &[], &["--now"]] {
        let ended = guide(more);
        assert!(ended.success, "{}", ended.stderr);
    }
    door.has("rotated", "ghp-second");
    assert_eq!(good(), "ghp-second\n", "the old key is revoked");
    let left = door.types(&["list", "aws-secretsmanager://mcp/g"]);
    assert_eq!(left.stdout, format!("{reference}\n"), "{}", left.stderr);
    door.close();
}

/// Where interop/servers/aws.py keeps them.
const REGION: &str = "eu-central-1";
/// The machine that runs the test may have an identity of its own.
const NO_MACHINE: (&str, &str) = ("AWS_EC2_METADATA_DISABLED", "true");
