use gateway::config::{Protocol, Upstream};

use super::super::draft::Draft;
use super::super::fixture::Folder;
use super::{Server, account_for, is_local};

fn only(draft: &Draft) -> (&str, &Server) {
    let (name, server) = draft.servers.first_key_value().unwrap();
    (name.as_str(), server)
}

const TOKEN: &str = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";

#[test]
fn a_program_gets_what_is_declared_and_the_inherited_few() {
    let folder = Folder::with(&[(
        "claviger.toml",
        "[servers.search]\ncommand = [\"npx\", \"-y\", \"pkg\", \"--key=${KEY}\"]\nenv = { API_KEY = \"env://KEY\", MODE = \"fast\" }\nprotocol = \"legacy\"\ntitle = \"Search\"\n",
    )])
    .variable("PATH", "/bin")
    .variable("AWS_SECRET_ACCESS_KEY", "never");
    let draft = folder.draft(&[]).unwrap();
    let (name, server) = only(&draft);
    let Upstream::Process(process) = &server.upstream else { panic!("not a process") };
    assert_eq!((name, process.program.as_str()), ("search", "npx"));
    assert_eq!(process.arguments.iter().map(ToString::to_string).collect::<Vec<_>>(), ["-y", "pkg", "--key=${KEY}"]);
    assert_eq!(process.environment.keys().collect::<Vec<_>>(), ["API_KEY", "MODE"]);
    assert_eq!(process.inherited.keys().collect::<Vec<_>>(), ["HOME", "PATH"]);
    assert_eq!(process.directory.as_deref(), Some(folder.path()));
    assert_eq!((server.protocol, server.title.as_deref()), (Protocol::Legacy, Some("Search")));
}

#[test]
fn a_literal_secret_is_refused_wherever_it_stands_and_never_shown() {
    for line in [
        format!("command = [\"x\", \"--token\", \"{TOKEN}\"]"),
        format!("command = [\"x\", \"--token={TOKEN}\"]"),
        format!("command = [\"x\"]\nenv = {{ GITHUB_TOKEN = \"{TOKEN}\" }}"),
        format!("command = [\"x\"]\nenv = {{ INNOCENT = \"{TOKEN}\" }}"),
        format!("url = \"https://example.com/mcp\"\nheaders = {{ Authorization = \"Bearer {TOKEN}\" }}"),
        format!("url = \"https://example.com/mcp?token={TOKEN}\""),
        format!("url = \"https://ann:{TOKEN}@example.com/mcp\""),
    ] {
        let text = Folder::with(&[("claviger.toml", &format!("[servers.a]\n{line}\n"))]).draft(&[]).err().unwrap();
        assert!(text.contains("claviger.toml:"), "{line}: {text}");
        assert!(!text.contains("0123456789"), "{line}: {text}");
    }
    let text = Folder::with(&[]).draft(&["--", "x", "--token", TOKEN]).err().unwrap();
    assert!(text.contains("`COMMAND[2]`: this looks like a literal secret") && !text.contains("0123456789"), "{text}");
}

#[test]
fn references_and_ordinary_values_are_no_secrets() {
    let folder = Folder::with(&[(
        "claviger.toml",
        "[servers.a]\nurl = \"https://example.com/mcp\"\nheaders = { Authorization = \"Bearer ${TOKEN}\", X-Api-Key = \"file://./key\", X-Team = \"blue\" }\n",
    )]);
    let draft = folder.draft(&[]).unwrap();
    let Upstream::Http { headers, .. } = &only(&draft).1.upstream else { panic!("not http") };
    assert_eq!(headers.len(), 3);
}

#[test]
fn references_in_a_url_are_kept_apart() {
    let url = "https://example.com/mcp/${file://./team}?key=${vault://kv/a?ttl=60#key}&n=1";
    let folder = Folder::with(&[("claviger.toml", &format!("[servers.a]\nurl = \"{url}\"\n"))]);
    let draft = folder.draft(&[]).unwrap();
    let upstream = &only(&draft).1.upstream;
    let Upstream::Http { url, target: Some(target), .. } = upstream else { panic!("no references") };
    assert_eq!(url.host_str(), Some("example.com"));
    assert_eq!(target.to_string(), "/mcp/${file://./team}?key=${vault://kv/a?ttl=60#key}&n=1");
    let references: Vec<_> = upstream.references().iter().map(ToString::to_string).collect();
    assert_eq!(references, ["file://./team", "vault://kv/a?ttl=60#key"]);
    let literal = Folder::with(&[("claviger.toml", &format!("[servers.a]\nurl = \"https://example.com/${{A}}?token={TOKEN}\"\n"))]);
    let text = literal.draft(&[]).err().unwrap();
    assert!(text.contains("looks like a literal secret") && !text.contains("0123456789"), "{text}");
}

#[test]
fn a_stream_of_2024_is_opened_in_the_doors_own_name() {
    let draft =
        |settings: &str| Folder::with(&[("claviger.toml", &format!("[servers.old]\ntransport = \"sse\"\n{settings}\n"))]).draft(&[]);
    let headers = "url = \"https://mcp.example/${KEY}/sse\"\nheaders = { X-Key = \"${KEY}\" }";
    let good = draft(headers).unwrap();
    let Upstream::Sse { target: Some(_), headers, grant: None, .. } = &only(&good).1.upstream else { panic!("not a stream") };
    assert_eq!(headers.len(), 1);
    let url = "url = \"https://mcp.example/sse\"";
    for (settings, expected) in [
        (format!("{url}\ncredential = {{ pass_through = {{ audience = \"api\" }} }}"), "no token of the caller's can be shown"),
        (format!("{url}\nprotocol = \"modern\""), "carries no revision that is modern"),
        ("command = [\"x\"]".to_owned(), "does not go together with `command`"),
    ] {
        let text = draft(&settings).err().unwrap();
        assert!(text.contains(expected), "{settings}: {text}");
    }
}

#[test]
fn each_wrong_setting_is_blamed_at_its_place() {
    for (text, expected) in [
        ("url = \"http://example.com/mcp\"", "claviger.toml:2:7: error: `servers.a.url`: plain http is for servers on this machine"),
        ("url = \"ftp://example.com\"", "claviger.toml:2:7: error: `servers.a.url`: an http or https URL is expected"),
        (
            "url = \"https://${TENANT}.example.com/mcp\"",
            "claviger.toml:2:7: error: `servers.a.url`: in a URL, references stand in the path or the query",
        ),
        ("url = \"${URL}\"", "claviger.toml:2:7: error: `servers.a.url`: in a URL, references stand in the path or the query"),
        (
            "url = \"https://example.com${PATH}\"",
            "claviger.toml:2:7: error: `servers.a.url`: in a URL, references stand in the path or the query",
        ),
        ("url = \"http://example.com/${A}\"", "claviger.toml:2:7: error: `servers.a.url`: plain http is for servers on this machine"),
        (
            "url = \"https://example.com/../${A}\"",
            "claviger.toml:2:7: error: `servers.a.url`: beside the references, this is not written as it would be sent",
        ),
        ("url = \"https://example.com/${file://}\"", "claviger.toml:2:7: error: `servers.a.url`: "),
        ("command = []", "claviger.toml:2:11: error: `servers.a.command`: the program is missing"),
        ("command = [\"x\"]\ncwd = \"nowhere\"", "claviger.toml:3:7: error: `servers.a.cwd`: there is no folder `HERE/nowhere`"),
        (
            "command = [\"x\"]\nheaders = { a = \"b\" }",
            "claviger.toml:3:1: error: `servers.a.headers`: does not go together with `command`",
        ),
        ("command = [\"x\"]\nenv = { \"a=b\" = \"c\" }", "claviger.toml:3:9: error: `servers.a.env.\"a=b\"`: a variable's name"),
        (
            "command = [\"x\"]\nenv = { API_KEY = \"${KEY:-abc}\" }",
            "claviger.toml:3:19: error: `servers.a.env.API_KEY`: a secret has no default",
        ),
        (
            "url = \"https://example.com\"\nheaders = { Host = \"x\" }",
            "claviger.toml:3:13: error: `servers.a.headers.Host`: the door sets this header itself",
        ),
        (
            "url = \"https://example.com\"\nheaders = { \"a b\" = \"x\" }",
            "claviger.toml:3:13: error: `servers.a.headers.\"a b\"`: this is no header name",
        ),
        ("title = \"x\"", "claviger.toml:1:1: error: `servers.a`: nothing says what the server is"),
        ("builtin = \"filesystem\"\nroot = \"nowhere\"", "claviger.toml:3:8: error: `servers.a.root`: the root `HERE/nowhere`"),
        (
            "builtin = \"filesystem\"\nscopes = { \"tool:\" = \"a\" }",
            "claviger.toml:3:12: error: `servers.a.scopes.\"tool:\"`: the pattern is empty",
        ),
        ("builtin = \"filesystem\"\nscopes = { \"*\" = [] }", "claviger.toml:3:18: error: `servers.a.scopes.\"*\"`: no scope is named"),
        ("builtin = \"filesystem\"\nimplies = { \"a b\" = \"c\" }", "claviger.toml:3:13: error: `servers.a.implies.\"a b\"`: "),
    ] {
        let errors = Folder::with(&[("claviger.toml", &format!("[servers.a]\n{text}\n"))]).errors(&[]);
        assert_eq!(errors.len(), 2, "{text}: {errors:?}");
        assert!(errors[0].starts_with(expected), "{text}: {errors:?}");
    }
}

#[test]
fn a_name_that_cannot_stand_in_a_url_is_refused() {
    let errors = Folder::with(&[("claviger.toml", "[servers.\"a/b\"]\nbuiltin = \"filesystem\"\n")]).errors(&[]);
    assert!(errors[0].starts_with("claviger.toml:1:10: error: `servers.\"a/b\"`: a server's name is 1 to 64"), "{errors:?}");
}

#[test]
fn scopes_become_rules_and_implications() {
    let text = "[servers.a]\nbuiltin = \"filesystem\"\n[servers.a.scopes]\n\"*\" = \"r\"\n\"write_*\" = [\"w\", \"r\"]\nping = true\nformat = false\n[servers.a.implies]\nadmin = [\"w\", \"r\"]\n";
    let draft = Folder::with(&[("claviger.toml", text)]).draft(&[]).unwrap();
    let rows: Vec<String> = only(&draft).1.rules.rows().map(|(pattern, demand)| format!("{pattern} {demand:?}")).collect();
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert!(rows.iter().any(|row| row == "ping AnyCaller") && rows.iter().any(|row| row == "format Nobody"), "{rows:?}");
    assert_eq!(only(&draft).1.rules.baseline().to_string(), "r");
}

#[test]
fn the_fingerprint_changes_with_the_settings_and_with_nothing_else() {
    let of = |folder: &Folder| only(&folder.draft(&[]).unwrap()).1.fingerprint;
    let mut folder = Folder::with(&[("claviger.toml", "[servers.a]\nurl = \"http://127.0.0.1:1/mcp\"\n")]);
    let before = of(&folder);
    folder = folder.variable("PATH", "/elsewhere");
    std::fs::write(folder.path().join("claviger.toml"), "# a remark\n[servers.a]\nurl   = \"http://127.0.0.1:1/mcp\"\n").unwrap();
    assert_eq!(of(&folder), before);
    std::fs::write(folder.path().join("claviger.toml"), "[servers.a]\nurl = \"http://127.0.0.1:2/mcp\"\n").unwrap();
    assert_ne!(of(&folder), before);
}

#[test]
fn only_this_machine_is_local() {
    for (url, expected) in [
        ("http://127.0.0.1/", true),
        ("http://127.8.8.8/", true),
        ("http://[::1]/", true),
        ("http://[::ffff:127.0.0.1]/", true),
        ("http://localhost/", true),
        ("http://localhost./", true),
        ("http://localhost.evil.com/", false),
        ("http://notlocalhost/", false),
        ("http://0.0.0.0/", false),
        ("http://10.0.0.1/", false),
    ] {
        assert_eq!(is_local(&url.parse().unwrap()), expected, "{url}");
    }
}

#[test]
fn hints_propose_a_variable_that_can_exist() {
    assert_eq!(account_for("--api-key"), "API_KEY");
    assert_eq!(account_for("X-Api-Key"), "X_API_KEY");
    assert_eq!(account_for(""), "NAME");
}

const LITERAL: &str = "[servers.a]\ncommand = [\"x\", \"--token=ghp_0123456789abcdefghijklmnopqrstuvwxyz\"]\nenv = { X-Api-Key = \"ghp_0123456789abcdefghijklmnopqrstuvwxyz\" }\n[servers.b]\nurl = \"https://example.com/mcp?token=ghp_0123456789abcdefghijklmnopqrstuvwxyz\"\n";

#[test]
fn the_hint_for_a_literal_secret_is_what_to_type_and_what_to_write() {
    let text = Folder::with(&[("claviger.toml", LITERAL)]).draft(&[]).err().unwrap();
    for hint in [
        "hint: type `claviger secrets put keychain://claviger/TOKEN`, and write `${keychain://claviger/TOKEN}` in its place",
        "hint: type `claviger secrets put keychain://claviger/X_API_KEY`, and write `keychain://claviger/X_API_KEY` in its place",
    ] {
        assert!(text.contains(hint), "{text}");
    }
}

#[test]
fn literal_secrets_are_used_in_development_where_it_is_said_and_named_one_by_one() {
    let folder = Folder::with(&[("claviger.toml", LITERAL)]);
    let draft = folder.draft(&["--allow-literal-secrets"]).unwrap();
    assert_eq!(
        draft.exposed,
        [
            "claviger.toml:2:17: `servers.a.command[1]`: this looks like a literal secret",
            "claviger.toml:3:21: `servers.a.env.X-Api-Key`: this looks like a literal secret",
            "claviger.toml:5:7: `servers.b.url`: `token` looks like a literal secret",
        ]
    );
    let errors = folder.errors(&["--allow-literal-secrets", "--env", "staging"]);
    assert_eq!(errors[0], "error: `--allow-literal-secrets` is for the environment `development`, and this is `staging`");
    let draft = Folder::with(&[("claviger.toml", "[servers.a]\ncommand = [\"x\"]\n")]).draft(&["--allow-literal-secrets"]).unwrap();
    assert_eq!(draft.exposed, Vec::<String>::new());
}

#[test]
fn a_vault_and_a_lifetime_are_one_variable_of_the_program() {
    let folder = Folder::with(&[(
        "claviger.toml",
        "[servers.a]\ncommand = [\"x\"]\nenv = { DB_VAULT = \"aws-secretsmanager://prod/db\", DB_OAUTH_TTL = \"600\" }\n",
    )]);
    let draft = folder.draft(&[]).unwrap();
    let Upstream::Process(process) = &only(&draft).1.upstream else { panic!("not a process") };
    let environment: Vec<String> = process.environment.iter().map(|(name, template)| format!("{name}={template}")).collect();
    assert_eq!(environment, ["DB=aws-secretsmanager://prod/db?ttl=600"]);
    let folder = Folder::with(&[(
        "claviger.toml",
        "[servers.a]\ncommand = [\"x\"]\nenv = { DB_VAULT = \"env://A\", DB_OAUTH_TTL = \"4000\", X = \"1\", X_VAULT = \"env://B\" }\n",
    )]);
    assert_eq!(
        folder.errors(&[]),
        [
            "claviger.toml:3:46: error: `servers.a.env.DB_OAUTH_TTL`: `ttl` is a whole number of seconds from 1 to 3600",
            "claviger.toml:3:73: error: `servers.a.env.X_VAULT`: `X` is written too, and the two may differ",
            "error: 2 faults in the configuration; nothing was started",
        ]
    );
}

#[test]
fn the_operator_may_name_programs_that_print_secrets() {
    let text = "[servers.a]\ncommand = [\"x\", \"${command://op read x}\"]\nenv = { KEY = \"command://op read x\" }\n";
    Folder::with(&[("claviger.toml", text)]).draft(&[]).unwrap();
    Folder::with(&[]).draft(&["--", "x", "command://op read x"]).unwrap();
}
