//! The development bypass (A6): everybody comes in, on this machine and outside production only.

use serde_json::json;

use crate::support::{Finished, Plan, claviger, run};

#[tokio::test]
async fn on_loopback_everybody_comes_in_as_one_recorded_caller() {
    let door = Plan::both().await.accept("").variable("CLAVIGER_DEV_BYPASS", "1").open().await;
    assert!(door.said().contains("NOT protected"), "{}", door.said());
    let nobody = door.stranger();
    assert_eq!(nobody.hello().await.status, 200);
    let session = nobody.session().await;
    assert_eq!(session.hello().await.status, 200);
    let document = door.get("/.well-known/oauth-protected-resource/mcp/fixture").send().await;
    assert_eq!(document.status, 200);
    let line = door.recorded("the call", |line| line["tool"] == "test_simple_text").await;
    assert_eq!(line["subject"], "developer", "{line}");
    let foreign = nobody.tool("test_simple_text", json!({})).header("origin", "https://evil.example").send().await;
    assert_eq!(foreign.status, 403, "a page in a browser is still no caller");
    let rebound = nobody.tool("test_simple_text", json!({})).header("host", "evil.example").send().await;
    assert_eq!(rebound.status, 403);
}

#[tokio::test]
async fn without_the_variable_or_with_another_value_nobody_comes_in() {
    for value in ["", "0", "false"] {
        let door = Plan::both().await.variable("CLAVIGER_DEV_BYPASS", value).open().await;
        assert_eq!(door.stranger().hello().await.status, 401, "{value:?}");
    }
}

async fn serve(arguments: &[&str]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let mut command = claviger(folder.path());
    command
        .args(["serve", "--url", "http://127.0.0.1:9/mcp", "--name", "any", "--state", "state"])
        .args(arguments)
        .env("CLAVIGER_DEV_BYPASS", "1");
    run(command).await
}

#[tokio::test]
async fn elsewhere_the_door_does_not_open_and_says_why() {
    for open in [["--listen", "0.0.0.0:0"], ["--listen", "[::]:0"]] {
        let finished = serve(&open).await;
        assert_eq!(finished.code, Some(64), "{finished:?}");
        assert!(finished.stderr.contains("can be reached from other machines"), "{finished:?}");
    }
    let cases: [(&[&str], &str); 4] = [
        (&["--listen", "127.0.0.1:0", "--admin-listen", "0.0.0.0:0", "--env", "staging"], "0.0.0.0"),
        (&["--listen", "127.0.0.1:0", "--env", "production"], "production"),
        (&["--listen", "127.0.0.1:0", "--env", "prod"], "prod"),
        (&["--listen", "127.0.0.1:0", "--public-url", "https://mcp.example.com"], "mcp.example.com"),
    ];
    for (arguments, why) in cases {
        let finished = serve(arguments).await;
        assert_eq!(finished.code, Some(64), "{arguments:?}: {finished:?}");
        assert!(finished.stderr.contains("CLAVIGER_DEV_BYPASS") && finished.stderr.contains(why), "{finished:?}");
        assert!(!finished.stderr.contains("\ndoor "), "no port was bound: {finished:?}");
    }
}

#[tokio::test]
async fn a_listener_that_is_otherwise_well_guarded_is_still_no_place_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let toml = "environment = \"staging\"\n[listen]\naddress = \"0.0.0.0:0\"\npublic_url = \"https://mcp.example.com\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n\
        [servers.a]\nurl = \"http://127.0.0.1:9/mcp\"\n";
    std::fs::write(folder.path().join("claviger.toml"), toml).unwrap();
    let mut command = claviger(folder.path());
    command.args(["serve", "-c", "claviger.toml", "--state", "state"]).env("CLAVIGER_DEV_BYPASS", "1");
    let finished = run(command).await;
    assert_eq!(finished.code, Some(64), "{finished:?}");
    assert!(finished.stderr.contains("CLAVIGER_DEV_BYPASS") && finished.stderr.contains("0.0.0.0"), "{finished:?}");
}
