//! Lists show only what the caller may use (P2), and a list that depends on the caller is nobody else's.

use serde_json::{Value, json};

use crate::support::{Door, Plan, Puppet, Say, Seen, over_http_and_stdio};

const RULES: &str = r#""test_echo" = "echo", "test_simple_*" = true, "resource:test://static-text" = true, "resource:test://template/*" = "files", "test_wait" = false"#;

fn names(list: &Value, key: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
}

async fn are_filtered(door: Door) {
    let (alice, bob) = (door.caller("alice"), door.caller_with("bob", "echo files"));
    for (caller, tools) in [(&alice, vec!["test_simple_text"]), (&bob, vec!["test_simple_text", "test_echo"])] {
        let session = caller.session().await;
        let modern = caller.modern("tools/list", json!({})).send().await.result();
        let legacy = session.request("tools/list", json!({})).send().await.result();
        assert_eq!(
            (names(&modern["tools"], "name"), names(&legacy["tools"], "name")),
            (tools.iter().map(|name| (*name).to_owned()).collect(), tools.iter().map(|name| (*name).to_owned()).collect())
        );
        assert_eq!(modern["cacheScope"], "private", "one caller's list is not another's");
        let prompts = caller.modern("prompts/list", json!({})).send().await.result();
        assert_eq!(names(&prompts["prompts"], "name"), ["test_simple_prompt"]);
        let resources = caller.modern("resources/list", json!({})).send().await.result();
        assert_eq!(names(&resources["resources"], "uri"), ["test://static-text"]);
    }
    let templates = async |session: &crate::support::Caller| session.modern("resources/templates/list", json!({})).send().await.result();
    assert_eq!(names(&templates(&alice).await["resourceTemplates"], "uriTemplate"), Vec::<String>::new());
    assert_eq!(names(&templates(&bob).await["resourceTemplates"], "uriTemplate"), ["test://template/{id}/data"]);
}

#[tokio::test]
async fn every_list_is_cut_down_to_what_the_caller_may_use_over_http() {
    are_filtered(Plan::both().await.scopes(RULES).open().await).await;
}

#[tokio::test]
async fn every_list_is_cut_down_to_what_the_caller_may_use_over_stdio() {
    are_filtered(Plan::stdio("both").scopes(RULES).open().await).await;
}

over_http_and_stdio! {
    async fn without_rules_the_whole_list_is_shown(door: Door) {
        let tools = door.caller("alice").modern("tools/list", json!({})).send().await.result();
        assert!(names(&tools["tools"], "name").contains(&"test_cancelled_count".to_owned()));
    }
}

/// A result in which nothing is where a serialiser would put it.
const ODD: &str = r#"{ "cacheScope" : "public","ttlMs":60000, "nextCursor":"c\u00e9", "tools" : [ {"name":"hidden","x":1} , {"x-unknown":{"big":12345678901234567890123,"tiny":1e-400,"float":1.10},"name":"a\u005fshown","inputSchema":{"type":"object","$comment":"\u00e9 é"}}, {"name":"hidden2"}],"resultType":"complete", "unknown" : [ 1.0 , 2 ] }"#;

async fn odd_door(rules: &str) -> (Puppet, Door) {
    let puppet = Puppet::with_result(ODD).await;
    let plan = Plan::before(&puppet.url, "modern");
    let plan = if rules.is_empty() { plan } else { plan.scopes(rules) };
    (puppet, plan.open().await)
}

#[tokio::test]
async fn what_stays_in_a_list_keeps_every_byte() {
    let (_puppet, door) = odd_door(r#""a_shown" = true"#).await;
    let answer = door.caller("alice").modern("tools/list", json!({})).send().await;
    let text = answer.text();
    assert!(!text.contains("hidden"), "{text}");
    for kept in [
        r#"{"x-unknown":{"big":12345678901234567890123,"tiny":1e-400,"float":1.10},"name":"a\u005fshown","inputSchema":{"type":"object","$comment":"\u00e9 é"}}"#,
        r#""nextCursor":"c\u00e9""#,
        r#""unknown" : [ 1.0 , 2 ]"#,
        r#""cacheScope" : "private""#,
        r#""ttlMs":60000"#,
    ] {
        assert!(text.contains(kept), "{kept} is not in {text}");
    }
}

#[tokio::test]
async fn a_list_that_is_the_same_for_all_stays_public_and_untouched() {
    let (_puppet, door) = odd_door("").await;
    let answer = door.caller("alice").modern("tools/list", json!({})).send().await;
    assert!(answer.text().contains(ODD), "{}", answer.text());
}

#[tokio::test]
async fn a_list_in_an_event_stream_is_filtered_too() {
    let puppet = Puppet::start(|seen: &Seen| {
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        let id = seen.message()["id"].clone();
        let log = r#"data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}"#;
        let result = format!("event: message\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{ODD}}}\n\n");
        sender.try_send(format!("{log}\n\n").into()).unwrap();
        for piece in [&result[..40], &result[40..90], &result[90..]] {
            sender.try_send(piece.to_owned().into()).unwrap();
        }
        Say::events(receiver)
    })
    .await;
    let door = Plan::before(&puppet.url, "modern").scopes(r#""a_shown" = true"#).open().await;
    let answer = door.caller("alice").modern("tools/list", json!({})).send().await;
    assert_eq!(answer.messages().len(), 2, "{answer:?}");
    assert_eq!(names(&answer.result()["tools"], "name"), ["a_shown"]);
    assert_eq!(answer.result()["cacheScope"], "private");
}

#[tokio::test]
async fn a_list_that_can_be_read_in_two_ways_is_not_shown() {
    for list in [
        r#"{"tools":[{"name":"shown","name":"hidden"}]}"#,
        r#"{"tools":[{"name":"shown"}],"tools":[{"name":"hidden"}]}"#,
        r#"{"tools":[{"name":"shown"}],"Tools":[{"name":"hidden"}]}"#,
        r#"{"tools":[{"Name":"hidden"}]}"#,
        r#"{"tools":[{"title":"hidden"}]}"#,
        r#"{"tools":{"name":"hidden"}}"#,
        r#"{"tools":["hidden"]}"#,
    ] {
        let puppet = Puppet::with_result(list).await;
        let door = Plan::before(&puppet.url, "modern").scopes(r#""shown" = true"#).open().await;
        let answer = door.caller("alice").modern("tools/list", json!({})).send().await;
        assert!(answer.message()["error"]["code"].is_i64(), "{list}: {answer:?}");
        assert!(!answer.text().contains("hidden"), "{list}: {answer:?}");
    }
}

#[tokio::test]
async fn a_discovery_names_only_revisions_that_the_door_speaks_and_is_private_where_lists_are() {
    let discovery = r#"{"resultType":"complete","supportedVersions":["2099-01-01","2026-07-28","2025-11-25","2024-11-05"],"capabilities":{"tools":{},"x":{}},"ttlMs":1,"cacheScope":"public"}"#;
    for (rules, scope) in [("", "public"), (r#""shown" = true"#, "private")] {
        let puppet = Puppet::with_result(discovery).await;
        let plan = Plan::before(&puppet.url, "modern");
        let door = if rules.is_empty() { plan } else { plan.scopes(rules) }.open().await;
        let result = door.caller("alice").modern("server/discover", json!({})).send().await.result();
        assert_eq!(result["supportedVersions"], json!(["2026-07-28", "2025-11-25"]));
        assert_eq!(result["cacheScope"], scope);
        assert_eq!(result["capabilities"], json!({"tools": {}, "x": {}}));
    }
}
