//! What the door never says: no token, secret, argument or session id stands in any log, record, metric or error.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Answer, Door, Key, Plan, Puppet, Say, Seen, Signal, modern_message, now};

const SHARED_SECRET: &str = "shared-secret-kl3v9xq7-of-more-than-thirty-two-bytes";
const UPSTREAM_KEY: &str = "upstream-key-w8r2m5zt-of-the-server";
const FILE_KEY: &str = "file-key-h6t1n8pd-of-the-server";
const CHILD_KEY: &str = "child-key-m3n7c1vd-of-the-child";
const ARGUMENT: &str = "argument-p0q4n6yb-private-to-the-caller";
const RESULT: &str = "result-d7h1j3uc-private-to-the-caller";
const COOKIE: &str = "cookie-g5s9a2ek-of-somebody";

/// Everything that a run used and nobody may read, and everything that was said.
struct Run {
    door: Door,
    /// Where the references of the configuration lead.
    _files: tempfile::TempDir,
    secrets: BTreeSet<String>,
    said: Vec<(String, String)>,
}

impl Run {
    fn hear(&mut self, what: &str, answer: &Answer) {
        if answer.status >= 400 || answer.message().get("error").is_some() {
            self.said.push((format!("the error body of {what}"), answer.text().to_owned()));
        }
        let challenge =
            answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap().to_owned()).collect::<String>();
        self.said.push((format!("the challenge of {what}"), challenge));
    }

    fn secret(&mut self, text: &str) {
        assert!(text.len() >= SHORTEST, "{text}");
        self.secrets.insert(text.to_owned());
    }
}

/// Where a run of eight characters of any secret stands in what was said.
fn leak(secrets: &BTreeSet<String>, said: &[(String, String)]) -> Option<String> {
    for (place, text) in said {
        let pieces: BTreeSet<&[u8]> = text.as_bytes().windows(SHORTEST).collect();
        for secret in secrets {
            let leaked = secret.as_bytes().windows(SHORTEST).find(|piece| pieces.contains(piece) && !is_common(piece));
            if let Some(piece) = leaked.map(String::from_utf8_lossy) {
                let at = text.find(&*piece).unwrap_or_default();
                let around: String =
                    text.char_indices().skip_while(|(index, _)| index + 100 < at).map(|(_, character)| character).take(240).collect();
                return Some(format!("{piece:?} of {secret:?} stands in {place}: …{around}…"));
            }
        }
    }
    None
}

#[test]
fn a_leak_of_eight_characters_would_be_found() {
    let secrets = BTreeSet::from([ARGUMENT.to_owned()]);
    let said = |text: &str| vec![("somewhere".to_owned(), text.to_owned())];
    assert!(leak(&secrets, &said("… p0q4n6yb …")).is_some());
    assert_eq!(leak(&secrets, &said("p0q4n6y and argument- and -private-to-the-caller")), None);
}

/// What every token of an algorithm begins with, and our own words in a secret's name, are not the secret.
fn is_common(piece: &[u8]) -> bool {
    let piece = std::str::from_utf8(piece).unwrap_or_default();
    [
        "shared-secret-",
        "-of-more-than-thirty-two-bytes",
        "upstream-key-",
        "file-key-",
        "child-key-",
        "-of-the-child",
        "-of-the-server",
        "argument-",
        "-private-to-the-caller",
        "result-",
        "cookie-",
        "-of-somebody",
    ]
    .iter()
    .any(|common| common.contains(piece))
}

async fn puppet() -> Puppet {
    Puppet::start(|seen: &Seen| {
        let message = seen.message();
        match (message["method"].as_str(), message["params"]["name"].as_str()) {
            (Some("initialize"), _) => Say::result(seen, r#"{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"p","version":"1"}}"#)
                .header("mcp-session-id", "b6v8x0cf.w4e7r1ty.q9u2i5op"),
            (Some("server/discover"), _) => {
                Say::result(seen, r#"{"resultType":"complete","supportedVersions":["2026-07-28","2025-11-25"],"capabilities":{},"ttlMs":0,"cacheScope":"public"}"#)
            }
            _ if message.get("id").is_none() => Say::nothing(202),
            (_, Some("refused")) => Say::json(format!("{{\"leak\":\"{UPSTREAM_KEY}\"}}")).status(401),
            (_, Some("broken")) => Say::cut_short(RESULT),
            (_, Some("redirected")) => Say::nothing(302).header("location", format!("http://evil.example/{UPSTREAM_KEY}")),
            (Some("tools/list"), _) => Say::result(seen, &format!(r#"{{"tools":[{{"name":"a","name":"{RESULT}"}}]}}"#)),
            _ => Say::result(seen, &format!(r#"{{"resultType":"complete","content":[{{"type":"text","text":"{RESULT}"}}]}}"#)),
        }
    })
    .await
}

async fn start(puppet: &Puppet) -> Run {
    let accept = "[[accept]]\nissuer = \"ISSUER\"\n[[accept]]\nshared_secret = \"env://SHARED_SECRET\"\nserver = \"fixture\"\n";
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str, secret: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, secret).unwrap();
        path.display().to_string()
    };
    let headers = format!(r#"headers = {{ Authorization = "Bearer ${{UPSTREAM_KEY}}", X-Key = "file://{}" }}"#, file("header", FILE_KEY));
    let chatter = r#"read line; echo "my key is $CHILD_KEY" >&2; echo "my key is $CHILD_KEY"; exit 1"#;
    let child = format!(
        "[servers.child]\ncommand = [\"/bin/sh\", \"-c\", {chatter:?}]\nprotocol = \"modern\"\nenv = {{ CHILD_KEY = \"file://{}\" }}",
        file("child", CHILD_KEY)
    );
    let url = format!("{}?key=${{UPSTREAM_KEY}}", puppet.url);
    let plan = Plan::before(&url, "auto").line(&headers).section(&child);
    let plan = plan.accept(accept).scopes(r#""needs" = "more", "never" = false, "*" = true"#);
    let plan = plan.variable("SHARED_SECRET", SHARED_SECRET).variable("UPSTREAM_KEY", UPSTREAM_KEY).variable("CLAVIGER_LOG", "trace");
    let plan = plan.section("[limits]\nfailures_per_address = \"1000/min\"\nper_subject = \"200/min\"");
    let door = plan.open().await;
    let mut run = Run { door, _files: files, secrets: BTreeSet::new(), said: Vec::new() };
    for secret in [SHARED_SECRET, UPSTREAM_KEY, FILE_KEY, CHILD_KEY, ARGUMENT, RESULT, COOKIE, "b6v8x0cf.w4e7r1ty.q9u2i5op"] {
        run.secret(secret);
    }
    run
}

/// Tokens, good and bad; only what is theirs alone counts: the claims' beginning is the same for all.
async fn present_tokens(run: &mut Run) {
    let resource = run.door.resource();
    let mut tokens = vec![run.door.issuer.token(&resource, "alice", ""), run.door.issuer.token(&resource, "bob", "more")];
    for (header, claims) in [
        (json!({}), json!({"aud": "https://other.example"})),
        (json!({}), json!({"exp": now() - 999})),
        (json!({"kid": "unknown-key-id-t4k8"}), json!({})),
        (json!({"alg": "none"}), json!({})),
        (json!({"crit": ["x"]}), json!({})),
    ] {
        tokens.push(run.door.issuer.odd_token(&resource, &header, &claims));
    }
    let claims = json!({"aud": "fixture", "sub": "carol", "iat": now(), "exp": now() + 600});
    tokens.push(Key::Hmac(SHARED_SECRET.as_bytes().to_vec()).sign(&json!({"alg": "HS256", "typ": "JWT"}), &claims));
    tokens.push("opaque-token-f2e6i9lo-that-is-no-jwt".to_owned());
    for token in tokens {
        let caller = run.door.holder(&token);
        let arguments = json!({ "private": ARGUMENT });
        let cookie = |request: crate::support::Request| request.header("cookie", COOKIE);
        let requests = vec![
            ("a call", cookie(caller.tool("ok", arguments.clone()))),
            ("a denied call", caller.tool("needs", arguments.clone())),
            ("a forbidden call", caller.tool("never", arguments.clone())),
            ("a call that the upstream refuses", caller.tool("refused", arguments.clone())),
            ("a redirected call", caller.tool("redirected", arguments.clone())),
            ("a list that cannot be filtered", caller.modern("tools/list", json!({ "cursor": ARGUMENT }))),
            ("a malformed call", caller.post(format!("{{\"jsonrpc\":\"2.0\",\"x\":\"{ARGUMENT}\""))),
            ("a token in the query", caller.tool("ok", arguments).target_suffix(&format!("?access_token={token}"))),
            ("two tokens", caller.tool("ok", json!({})).also("authorization", format!("Bearer {token}"))),
        ];
        for (what, request) in requests {
            let answer = request.send().await;
            run.hear(what, &answer);
        }
        run.secret(token.rsplit('.').next().filter(|signature| signature.len() >= SHORTEST).unwrap_or(&token));
        if let [_, claims, _] = token.split('.').collect::<Vec<_>>().as_slice() {
            run.secret(claims);
        }
    }
}

/// A child that says its own key wherever it can, and ends.
async fn call_child(run: &mut Run) {
    let mut caller = run.door.holder(&run.door.issuer.token(&run.door.resource_of("child"), "alice", ""));
    caller.path = "/mcp/child".to_owned();
    let answer = caller.tool("any", json!({ "private": ARGUMENT })).send().await;
    run.hear("a child that ends", &answer);
    run.door.says("my key is ****").await;
}

async fn use_sessions(run: &mut Run) {
    let alice = run.door.caller("alice");
    let session = alice.session().await;
    run.secret(&session.id);
    let stolen = session.stolen_by(&run.door.caller("mallory"));
    for request in [
        session.tool("ok", json!({ "private": ARGUMENT })),
        session.tool("needs", json!({})),
        stolen.tool("ok", json!({})),
        session.listen(),
        session.end(),
        session.tool("ok", json!({})),
    ] {
        let answer = request.send().await;
        if answer.status >= 400 {
            run.hear("a session", &answer);
        }
    }
    let sealed = modern_message(
        "tools/call",
        json!({"name": "ok", "requestState": ARGUMENT, "inputResponses": {"key": {"text": ARGUMENT}}, "_meta": {"progressToken": ARGUMENT}}),
    );
    run.hear("an answer to a question", &alice.modern_post(&sealed).send().await);
    drop(alice.tool("broken", json!({ "private": ARGUMENT })).try_open().await);
}

#[tokio::test]
async fn a_whole_run_says_no_secret_anywhere() {
    let puppet = puppet().await;
    let mut run = start(&puppet).await;
    present_tokens(&mut run).await;
    use_sessions(&mut run).await;
    call_child(&mut run).await;
    run.door.reconfigure(|text| text.replace("\"never\" = false", "\"never\" = 7"));
    run.door.signal(Signal::HUP);
    run.door.says("goes on with the configuration").await;
    assert!(puppet.seen().iter().any(|seen| String::from_utf8_lossy(&seen.body).contains(ARGUMENT)), "the run did use them");
    assert!(puppet.seen().iter().any(|seen| seen.header("authorization").is_some_and(|value| value.contains(UPSTREAM_KEY))));
    assert!(puppet.seen().iter().any(|seen| seen.header("x-key") == Some(FILE_KEY)));
    for (what, path) in
        [("/ready", "/ready"), ("/mcp/fixture/health", "/mcp/fixture/health"), ("metadata", "/.well-known/oauth-protected-resource")]
    {
        run.said.push((what.to_owned(), run.door.get(path).send().await.text().to_owned()));
    }
    run.said.push(("the operator's /ready".to_owned(), run.door.admin_get("/ready").send().await.text().to_owned()));
    run.said.push(("the metrics".to_owned(), run.door.metrics().await.0));
    for arguments in [["audit", "tail", "--state", "state"], ["audit", "query", "--state", "state"]] {
        let read = run.door.claviger(&arguments).await;
        run.said.push((arguments.join(" "), read.stdout + &read.stderr));
    }
    run.door.signal(Signal::TERM);
    run.door.ended().await;
    run.said.push(("stdout".to_owned(), run.door.printed()));
    run.said.push(("stderr at its most talkative".to_owned(), run.door.said()));
    for file in files_below(&run.door.state()) {
        let bytes = std::fs::read(&file).unwrap();
        run.said.push((file.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
    }
    assert!(run.said.iter().any(|(place, text)| place.ends_with("mcp_calls.jsonl") && text.lines().count() > 50));
    assert!(run.said.iter().filter(|(place, _)| place.starts_with("stderr")).all(|(_, text)| text.lines().count() > 20), "it did talk");
    assert_eq!(leak(&run.secrets, &run.said), None);
    assert_eq!(run.door.verify_record().await.code, Some(0));
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn a_childs_chatter_reaches_the_log_without_its_secrets() {
    let script = r#"echo "my key is $CHILD_KEY and that is $CHILD_KEY" >&2; printf '\033[2Jescape\n' >&2; exec sleep 60"#;
    let plan = Plan::of_server(&format!(
        "command = [\"/bin/sh\", \"-c\", {script:?}]\nprotocol = \"modern\"\nenv = {{ CHILD_KEY = \"env://CHILD_KEY\" }}"
    ));
    let door = plan
        .variable("CHILD_KEY", "child-key-m3n7c1vd-of-the-child")
        .section("[timeouts]\ndrain = \"1s\"\ncall = \"1s\"\nprobe = \"500ms\"")
        .open()
        .await;
    let answer = door.caller("alice").call("any", json!({})).await;
    assert!(answer.message()["error"]["code"].is_i64(), "{answer:?}");
    door.says("my key is").await;
    let said = door.said();
    assert!(!said.contains("m3n7c1vd") && !said.contains('\u{1b}'), "{said}");
    let environment: Value = json!(answer.text());
    assert!(!environment.to_string().contains("m3n7c1vd"));
}

/// Shorter pieces may stand anywhere by chance.
const SHORTEST: usize = 8;
