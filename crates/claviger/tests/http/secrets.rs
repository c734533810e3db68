//! Looking after the secrets of a running door: fetched anew on demand, from the command line and from outside, and an inventory of what is overdue.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{Door, Plan, Puppet, Say, claviger, run};

/// A door before a child that has a secret from a file which it need not look at again for an hour.
async fn door(folder: &tempfile::TempDir, more: &str) -> (Door, PathBuf) {
    let file = folder.path().join("secret");
    write(&file, "old");
    let plan = Plan::stdio("both").line(&format!("env = {{ FIXTURE_SECRET = {:?} }}", reference(&file)));
    let door = plan.section(more).variable("HOOK", "a-secret-of-the-webhook-of-32-bytes").open().await;
    (door, file)
}

fn write(file: &PathBuf, value: &str) {
    std::fs::write(file, value).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn reference(file: &std::path::Path) -> String {
    format!("file://{}?ttl=3600", file.display())
}

#[tokio::test]
async fn a_command_has_the_running_door_fetch_a_secret_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (door, file) = door(&folder, "").await;
    let unused = door.claviger(&["secrets", "rotate", "fixture", "--state", "state"]).await;
    assert_eq!((unused.code, unused.stdout.as_str()), (Some(0), ""), "{}", unused.stderr);
    assert!(unused.stderr.contains("nothing of that is in use"), "{}", unused.stderr);
    assert_eq!(door.caller("bob").call("test_secret", json!({})).await.tool_text(), "old");
    for (name, expected) in [(reference(&file), "value-2"), ("fixture".to_owned(), "value-3")] {
        write(&file, expected);
        let rotated = door.claviger(&["secrets", "rotate", &name, "--state", "state"]).await;
        assert_eq!(rotated.code, Some(0), "{}", rotated.stderr);
        assert!(rotated.stdout.contains("has a new value") && !rotated.stdout.contains(expected), "{}", rotated.stdout);
        let renewed = async {
            while door.caller("bob").call("test_secret", json!({})).await.tool_text() != expected {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), renewed).await.expect("the new value reaches the child");
    }
    let same = door.claviger(&["secrets", "rotate", "--state", "state"]).await;
    assert!(same.stdout.contains("is as it was"), "{}", same.stdout);
    std::fs::remove_file(&file).unwrap();
    let gone = door.claviger(&["secrets", "rotate", "--state", "state"]).await;
    assert_eq!(gone.code, Some(1));
    assert!(gone.stdout.contains("cannot be had"), "{}", gone.stdout);
    let unknown = door.claviger(&["secrets", "rotate", "nobody", "--state", "state"]).await;
    assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
    let nobody = door.claviger(&["secrets", "rotate", "--state", "elsewhere"]).await;
    assert_eq!(nobody.code, Some(69), "{}", nobody.stderr);
}

#[tokio::test]
async fn the_secret_of_a_client_is_one_of_its_servers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    write(&file, "correct-horse-battery-staple");
    let upstream = Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await;
    let token = json!({"access_token": "upstream-token", "token_type": "Bearer", "expires_in": 3600}).to_string();
    let server = Puppet::start(move |_| Say::json(token.clone())).await;
    let credential = format!(
        "credential = {{ client_credentials = {{ token_url = {:?}, client_id = \"door\", client_secret = {:?} }} }}",
        server.url,
        reference(&file)
    );
    let door = Plan::before(&upstream.url, "modern").line(&credential).open().await;
    assert_eq!(door.caller("bob").tool("any", json!({})).send().await.status, 200, "{}", door.said());
    write(&file, "another-horse-another-staple");
    let rotated = door.claviger(&["secrets", "rotate", "fixture", "--state", "state"]).await;
    assert_eq!((rotated.code, rotated.stdout), (Some(0), format!("{} has a new value\n", reference(&file))), "{}", rotated.stderr);
    let status = door.claviger(&["secrets", "status", "--json", "--state", "state"]).await;
    let rows: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!((&rows[0]["credential"], &rows[0]["servers"]), (&json!(reference(&file)), &json!(["fixture"])), "{rows}");
    assert!(rows[0]["fetched_at"].is_string() && rows[1].is_null(), "{rows}");
}

#[tokio::test]
async fn whoever_knows_the_webhooks_secret_may_have_secrets_fetched_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (door, file) = door(&folder, "[secrets]\nwebhook = \"env://HOOK\"").await;
    assert_eq!(door.caller("bob").call("test_secret", json!({})).await.tool_text(), "old");
    write(&file, "new");
    let hook = || door.admin_post("/secrets/rotate");
    assert_eq!(hook().send().await.status, 401);
    assert_eq!(hook().token("a-secret-of-the-webhook-of-32-byteS").send().await.status, 401);
    assert_eq!(hook().token("").send().await.status, 401);
    assert_eq!(door.admin_get("/secrets/rotate").send().await.status, 405);
    let secret = "a-secret-of-the-webhook-of-32-bytes";
    assert_eq!(hook().token(secret).body("[]").send().await.status, 400);
    assert_eq!(hook().token(secret).body(r#"{"name":"nobody"}"#).send().await.status, 404);
    let done = hook().token(secret).body(r#"{"name":"fixture"}"#).send().await;
    assert_eq!((done.status, done.message()), (200, json!({"fetched": 1, "changed": 1, "missing": 0})));
    let limited = async { while hook().send().await.status != 429 {} };
    tokio::time::timeout(std::time::Duration::from_secs(20), limited).await.expect("guesses are limited");
    assert!(!door.said().contains(secret));
}

#[tokio::test]
async fn without_a_webhook_the_admin_listener_takes_no_orders() {
    let folder = tempfile::tempdir().unwrap();
    let (door, _) = door(&folder, "").await;
    assert_eq!(door.admin_post("/secrets/rotate").token("anything").send().await.status, 405);
}

#[tokio::test]
async fn the_inventory_says_who_uses_what_and_what_is_overdue() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let inventory = format!(
        "[secrets.inventory.{:?}]\nowner = \"ann@example.com\"\nrotate = \"yearly\"\nissued = \"2001-01-01\"\n",
        format!("file://{}", file.display())
    );
    let (door, _) = door(&folder, &inventory).await;
    assert_eq!(door.caller("bob").call("test_secret", json!({})).await.tool_text(), "old");
    let status = door.claviger(&["secrets", "status", "--json", "--state", "state"]).await;
    assert_eq!(status.code, Some(1), "{}", status.stderr);
    let rows: Value = serde_json::from_str(&status.stdout).unwrap();
    let row =
        rows.as_array().unwrap().iter().find(|row| row["credential"].as_str().is_some_and(|name| name.starts_with("file://"))).unwrap();
    assert_eq!(row["servers"], json!(["fixture"]));
    assert_eq!((&row["owner"], &row["schedule"], &row["next"]), (&json!("ann@example.com"), &json!("yearly"), &json!("2002-01-01")));
    assert_eq!(row["overdue"], json!(true));
    assert!(row["fetched_at"].is_string(), "{row}");
    assert!(!status.stdout.contains("\"old\""));
    // A change that the door sees makes it young again.
    write(&file, "new");
    assert_eq!(door.claviger(&["secrets", "rotate", "--state", "state"]).await.code, Some(0));
    let status = door.claviger(&["secrets", "status", "--state", "state"]).await;
    assert_eq!(status.code, Some(0), "{}", status.stdout);
    assert!(status.stdout.starts_with("CREDENTIAL") && status.stdout.contains("ann@example.com"), "{}", status.stdout);
}

#[tokio::test]
async fn the_date_of_a_change_outlives_the_door() {
    let secrets = tempfile::tempdir().unwrap();
    let file = secrets.path().join("secret");
    write(&file, "old");
    let plan = || {
        let inventory = format!("[secrets.inventory.\"file://{}\"]\nowner = \"ann\"\nrotate = \"monthly\"\n", file.display());
        Plan::stdio("both").line(&format!("env = {{ FIXTURE_SECRET = {:?} }}", reference(&file))).section(&inventory)
    };
    let issued_in = |status: &str| {
        let rows: Value = serde_json::from_str(status).unwrap();
        rows.as_array().unwrap().iter().find(|row| row["owner"] == "ann").unwrap()["issued"].clone()
    };
    let status = ["secrets", "status", "--json", "--state", "state"];
    let door = plan().open().await;
    assert_eq!(door.caller("bob").call("test_secret", json!({})).await.tool_text(), "old");
    let unknown = door.claviger(&status).await;
    assert_eq!((unknown.code, issued_in(&unknown.stdout)), (Some(1), Value::Null), "nobody knows when the first value was made");
    write(&file, "new");
    assert_eq!(door.claviger(&["secrets", "rotate", "--state", "state"]).await.code, Some(0));
    let known = door.claviger(&status).await;
    let issued = issued_in(&known.stdout);
    assert!(known.code == Some(0) && issued.is_string(), "{}", known.stdout);
    let (folder, issuer, _) = door.close().await;
    // No door is running, and then another, which has not used it yet.
    let mut command = claviger(folder.path());
    command.args(status);
    let alone = run(command).await;
    assert_eq!((alone.code, issued_in(&alone.stdout)), (Some(0), issued.clone()), "{}", alone.stderr);
    let door = plan().issuer(issuer).open_again(folder).await;
    let unused = door.claviger(&status).await;
    assert_eq!((unused.code, issued_in(&unused.stdout)), (Some(0), issued), "{}", unused.stdout);
    // Not even which secrets there are.
    let store = std::fs::read(door.state().join("store.redb")).unwrap();
    assert!(!String::from_utf8_lossy(&store).contains(&*secrets.path().to_string_lossy()));
}
