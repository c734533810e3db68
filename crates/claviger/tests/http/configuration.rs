//! A wrong configuration: every fault at once, with its place, and the exit code 64 before any port is bound.

use std::time::Duration;

use tokio::net::TcpListener;

use crate::support::{Finished, Plan, claviger, run};

async fn serve(toml: &str, variables: &[(&str, &str)]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("claviger.toml"), toml).unwrap();
    let mut command = claviger(folder.path());
    command.args(["serve", "-c", "claviger.toml", "--state", "state"]).envs(variables.iter().copied());
    let finished = run(command).await;
    let made: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(finished.code == Some(0) || made == ["claviger.toml"], "nothing is made of a wrong configuration: {made:?}");
    finished
}

fn says(finished: &Finished, texts: &[&str]) {
    assert_eq!(finished.code, Some(64), "{finished:?}");
    for text in texts {
        assert!(finished.stderr.contains(text), "`{text}` is not in:\n{}", finished.stderr);
    }
    assert_eq!(finished.stdout, "", "talk goes to stderr");
    assert!(!finished.stderr.contains("panicked") && !finished.stderr.contains("RUST_BACKTRACE"), "{}", finished.stderr);
}

#[tokio::test]
async fn every_fault_is_named_with_file_line_and_key_before_any_port_is_bound() {
    // Held by somebody else: if the door tried to bind it, that would be the fault it names.
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let toml = format!(
        r#"[listen]
address = "{}"
adress = "x"
[[accept]]
issuer = "http://issuer.example"
[servers.one]
url = "http://example.com/mcp"
protocol = "modren"
[servers."two words"]
command = ["x"]
[servers.three]
scopes = {{ "*" = 5 }}
[limits]
per_subject = "often"
body_bytes = 0
[timeouts]
drain = "30"
"#,
        taken.local_addr().unwrap()
    );
    let finished = serve(&toml, &[]).await;
    says(
        &finished,
        &[
            "claviger.toml:3:",
            "adress",
            "did you mean `address`",
            "claviger.toml:5:",
            "claviger.toml:7:",
            "claviger.toml:8:",
            "modern",
            "claviger.toml:9:",
            "claviger.toml:12:",
            "claviger.toml:14:",
            "per_subject",
            "claviger.toml:15:",
            "body_bytes",
            "claviger.toml:17:",
            "drain",
        ],
    );
    assert!(!finished.stderr.contains("cannot listen"), "no port was tried");
}

#[tokio::test]
async fn a_literal_secret_that_is_let_pass_is_said_aloud_and_not_repeated() {
    let secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    let plan = Plan::stdio("both").line(&format!("env = {{ GITHUB_TOKEN = {secret:?} }}")).argument("--allow-literal-secrets");
    let door = plan.open().await;
    door.says("NOT protected: claviger.toml:").await;
    assert!(door.said().contains("`servers.fixture.env.GITHUB_TOKEN`: this looks like a literal secret"), "{}", door.said());
    assert!(!door.said().contains(&secret[4..]), "{}", door.said());
}

#[tokio::test]
async fn a_literal_secret_is_refused_and_not_repeated() {
    let secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    for line in
        [format!("headers = {{ Authorization = \"Bearer {secret}\" }}"), format!("url = \"https://example.com/mcp?api_key={secret}\"")]
    {
        let line = if line.starts_with("url") { line } else { format!("url = \"https://example.com/mcp\"\n{line}") };
        let finished = serve(&format!("[servers.a]\n{line}\n"), &[]).await;
        says(&finished, &["claviger.toml:", "secret"]);
        assert!(!finished.stderr.contains(&secret[4..]), "{}", finished.stderr);
    }
    let finished = serve(&format!("[servers.a]\ncommand = [\"x\"]\nenv = {{ GITHUB_TOKEN = \"{secret}\" }}\n"), &[]).await;
    says(&finished, &["claviger.toml:3:", "GITHUB_TOKEN"]);
    assert!(!finished.stderr.contains(&secret[4..]), "{}", finished.stderr);
}

#[tokio::test]
async fn weak_missing_and_shared_secrets_are_refused_by_their_reference() {
    let servers = "[servers.a]\nurl = \"http://127.0.0.1:9/mcp\"\n[servers.b]\nurl = \"http://127.0.0.1:9/mcp\"\n";
    let accept = "[[accept]]\nshared_secret = [\"env://WEAK\", \"env://ABSENT\"]\nserver = \"a\"\n";
    let one_server = "[servers.a]\nurl = \"http://127.0.0.1:9/mcp\"\n";
    let finished = serve(&format!("{accept}{one_server}"), &[("WEAK", "only-thirty-one-bytes-long-1234")]).await;
    says(&finished, &["claviger.toml:2:", "ABSENT", "32"]);
    assert!(!finished.stderr.contains("only-thirty-one"), "{}", finished.stderr);
    let strong = "one secret for two servers, of enough bytes";
    let accept =
        "[[accept]]\nshared_secret = \"env://FIRST\"\nserver = \"a\"\n[[accept]]\nshared_secret = \"env://SECOND\"\nserver = \"b\"\n";
    let finished = serve(&format!("{accept}{servers}"), &[("FIRST", strong), ("SECOND", strong)]).await;
    says(&finished, &["claviger.toml:", "same secret"]);
    assert!(!finished.stderr.contains(strong), "{}", finished.stderr);
}

#[tokio::test]
async fn an_open_door_to_the_world_needs_tls_and_a_name() {
    let server = "[servers.a]\nurl = \"http://127.0.0.1:9/mcp\"\n";
    says(&serve(&format!("[listen]\naddress = \"0.0.0.0:0\"\n{server}"), &[]).await, &["claviger.toml:2:"]);
    says(&serve(&format!("environment = \"production\"\n[listen]\naddress = \"0.0.0.0:0\"\n{server}"), &[]).await, &["tls"]);
    says(&serve(&format!("[listen]\npublic_url = \"http://mcp.example.com\"\n{server}"), &[]).await, &["claviger.toml:2:", "https"]);
}

#[tokio::test]
async fn a_missing_file_and_an_empty_one_are_faults_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = claviger(folder.path());
    command.args(["serve", "-c", "missing.toml", "--state", "state"]);
    let finished = run(command).await;
    assert_eq!(finished.code, Some(64), "{finished:?}");
    assert!(finished.stderr.contains("missing.toml"), "{finished:?}");
    says(&serve("", &[]).await, &["server"]);
    says(&serve("[servers.a\n", &[]).await, &["claviger.toml:1:"]);
}

#[tokio::test]
async fn config_check_says_the_same_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("claviger.toml"), "[servers.a]\nurl = \"http://127.0.0.1:9/mcp\"\nprotcol = \"auto\"\n").unwrap();
    let mut command = claviger(folder.path());
    command.args(["config", "check", "-c", "claviger.toml"]);
    let finished = tokio::time::timeout(Duration::from_secs(5), run(command)).await.unwrap();
    assert_eq!(finished.code, Some(64), "{finished:?}");
    assert!(finished.stderr.contains("claviger.toml:3:") && finished.stderr.contains("protocol"), "{finished:?}");
}
