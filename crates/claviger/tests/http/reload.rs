//! A changed configuration: taken without dropping a call or a session, or refused with the reason while the old one serves on.

use std::time::Duration;

use serde_json::json;

use crate::support::{Door, Plan, Signal, over_http_and_stdio};

async fn taken(door: &Door, change: impl FnOnce(String) -> String) {
    let before = door.said().matches("configuration reloaded").count();
    door.reconfigure(change);
    door.signal(Signal::HUP);
    crate::support::eventually("the reload", || (door.said().matches("configuration reloaded").count() > before).then_some(())).await;
}

#[tokio::test]
async fn a_hang_up_signal_brings_new_rules_into_force() {
    let door = Plan::both().await.scopes(r#""test_*" = true"#).open().await;
    let alice = door.caller("alice");
    assert_eq!(alice.hello().await.status, 200);
    taken(&door, |text| text.replace(r#""test_*" = true"#, r#""test_*" = "needed""#)).await;
    let answer = alice.hello().await;
    assert_eq!((answer.status, answer.challenge().param("scope")), (403, Some("needed")));
    assert_eq!(door.caller_with("alice", "needed").hello().await.status, 200);
    let line = door.recorded("the reload", |line| line["event"] == "config.reloaded").await;
    assert_eq!(line["servers"], json!(["fixture"]));
    assert!(door.metrics().await.sum("claviger_configuration_reloads_total", &["result=\"accepted\""]) >= 1);
}

#[tokio::test]
async fn a_signal_is_understood_as_soon_as_the_door_says_that_it_is_open() {
    for _ in 0..8 {
        let mut door = Door::open().await;
        door.signal(Signal::HUP);
        let reloaded = async {
            while !door.has_ended() && !door.said().contains("configuration reloaded") {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), reloaded).await.expect("the reload");
        assert!(!door.has_ended(), "an early SIGHUP ended the door: {}", door.said());
    }
}

#[tokio::test]
async fn a_changed_file_is_noticed_by_itself() {
    let door = Plan::both().await.scopes(r#""test_*" = true"#).open().await;
    let alice = door.caller("alice");
    door.reconfigure(|text| text.replace(r#""test_*" = true"#, r#""test_*" = false"#));
    let closed = async {
        while alice.hello().await.status != 403 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3), closed).await.expect("the file is watched");
    // Written in place, as `>` does it.
    let file = door.folder().join("claviger.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(r#""test_*" = false"#, r#""test_*" = true"#)).unwrap();
    let opened = async {
        while alice.hello().await.status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3), opened).await.expect("a file written in place is noticed too");
}

over_http_and_stdio! {
    async fn calls_streams_and_sessions_live_through_a_reload(door: Door) {
        let session = door.caller("alice").session().await;
        let mut stream = session.listening().await;
        let waiting = tokio::spawn(session.tool("test_wait", json!({"milliseconds": 1_500})).send());
        let modern = tokio::spawn(door.caller("bob").tool("test_wait", json!({"milliseconds": 1_500})).send());
        tokio::time::sleep(Duration::from_millis(200)).await;
        taken(&door, |text| format!("{text}\n[limits]\nbody_bytes = 100000\n")).await;
        assert!(!waiting.is_finished());
        assert_eq!(waiting.await.unwrap().tool_text(), "Waited 1500 ms.");
        assert_eq!(modern.await.unwrap().tool_text(), "Waited 1500 ms.");
        assert_eq!(session.hello().await.status, 200, "the session lives on");
        session.tool("test_trigger_tool_change", json!({})).send().await.result();
        stream.notification("notifications/tools/list_changed").await;
    }
}

#[tokio::test]
async fn a_call_under_way_ends_well_even_when_its_server_is_taken_away() {
    a_call_outlives_its_server(Plan::both().await).await;
}

#[tokio::test]
async fn a_call_under_way_ends_well_even_when_its_program_is_taken_away() {
    a_call_outlives_its_server(Plan::stdio("both")).await;
}

async fn a_call_outlives_its_server(plan: Plan) {
    let second = format!("[servers.second]\n{}", plan.server);
    let door = plan.section(&second).open().await;
    let mut caller = door.holder(&door.issuer.token(&door.resource_of("second"), "alice", ""));
    caller.path = "/mcp/second".to_owned();
    assert_eq!(caller.hello().await.status, 200);
    let waiting = tokio::spawn(caller.tool("test_wait", json!({"milliseconds": 1_200})).send());
    tokio::time::sleep(Duration::from_millis(200)).await;
    taken(&door, |text| text.split("[servers.second]").next().unwrap().to_owned()).await;
    assert_eq!(caller.hello().await.status, 404, "it is gone for new calls");
    assert_eq!(waiting.await.unwrap().tool_text(), "Waited 1200 ms.");
    assert_eq!(door.caller("alice").hello().await.status, 200);
}

#[tokio::test]
async fn what_waits_for_a_restart_is_said_and_recorded() {
    let door = Plan::both().await.open().await;
    let alice = door.caller("alice");
    taken(&door, |text| format!("{text}\n[limits]\nbody_bytes = 100000\ncalls_in_flight = 7\n[audit]\nretention_days = 30\n")).await;
    door.says("as before until the next start: `audit.retention_days`, `limits.calls_in_flight`\n").await;
    let line = door.recorded("the reload", |line| line["event"] == "config.reloaded" && line.get("waiting").is_some()).await;
    assert_eq!(line["waiting"], json!(["audit.retention_days", "limits.calls_in_flight"]), "{line}");
    // Still waiting when another reload changes something else; the rest was taken.
    let said = door.said().len();
    taken(&door, |text| text.replace("retention_days = 30", "retention_days = 90").replace("body_bytes = 100000", "body_bytes = 1000"))
        .await;
    crate::support::eventually("the word", || {
        door.said()[said..].contains("as before until the next start: `limits.calls_in_flight`\n").then_some(())
    })
    .await;
    assert_eq!(alice.call("test_echo", json!({"text": "x".repeat(2_000)})).await.status, 413);
}

#[tokio::test]
async fn a_refused_reload_keeps_the_old_configuration_and_says_why() {
    let mut door = Plan::both().await.scopes(r#""test_*" = true"#).open().await;
    let alice = door.caller("alice");
    let session = alice.session().await;
    for broken in ["scopes = { \"*\" = 5 }", "scoops = {}", "scopes = {", "url = \"ftp://example\""] {
        let said = door.said().len();
        door.reconfigure(|text| {
            let lines: Vec<&str> =
                text.lines().map(|line| if line.starts_with("scopes") || line.starts_with("scoops") { broken } else { line }).collect();
            lines.join("\n")
        });
        door.signal(Signal::HUP);
        let news = crate::support::eventually("the refusal", || {
            let news = door.said()[said..].to_owned();
            news.contains("goes on with the configuration").then_some(news)
        })
        .await;
        assert!(news.contains("claviger.toml:") && news.contains("error"), "file and line: {news}");
        assert!(!news.contains("nothing was started"), "a door that was open is open still: {news}");
        assert_eq!(alice.hello().await.status, 200, "the old rules are in force");
        assert_eq!(session.hello().await.status, 200);
        door.reconfigure(|text| {
            text.lines().map(|line| if line == broken { "scopes = { \"test_*\" = true }" } else { line }).collect::<Vec<_>>().join("\n")
        });
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let line = door.recorded("the refusal", |line| line["event"] == "config.refused").await;
    assert!(line["faults"].as_u64().is_some_and(|faults| faults >= 1), "{line}");
    assert!(door.metrics().await.sum("claviger_configuration_reloads_total", &["result=\"refused\""]) >= 1);
    assert!(!door.has_ended());
}

#[tokio::test]
async fn a_secret_that_was_taken_away_opens_nothing_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let write = |secret: &str| {
        std::fs::write(&file, secret).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    write("the first secret of more than thirty-two bytes");
    let accept = format!("[[accept]]\nshared_secret = \"file://{}\"\n", file.display());
    let door = Plan::both().await.accept(&accept).open().await;
    let token = |secret: &str| {
        let now = crate::support::now();
        let claims = json!({"aud": "fixture", "sub": "alice", "iat": now, "exp": now + 600});
        crate::support::Key::Hmac(secret.as_bytes().to_vec()).sign(&json!({"alg": "HS256", "typ": "JWT"}), &claims)
    };
    let old = door.holder(&token("the first secret of more than thirty-two bytes"));
    assert_eq!(old.hello().await.status, 200);
    write("the second secret of more than thirty-two bytes");
    taken(&door, |text| text).await;
    assert_eq!(old.hello().await.status, 401, "kept as verified or not");
    assert_eq!(door.holder(&token("the second secret of more than thirty-two bytes")).hello().await.status, 200);
}
