//! Everything that the members list, under the names that it has here.

use serde_json::{Value, json};

use super::{Scene, names};
use crate::support::{Caller, Door, Plan, Puppet, Say, Seen};

#[tokio::test]
async fn callers_of_both_eras_see_the_same_lists_in_the_order_of_the_servers() {
    let scene = Scene::open().await;
    let alice = scene.caller("alice");
    let session = alice.session().await;
    for (method, part, key) in [
        ("tools/list", "tools", "name"),
        ("prompts/list", "prompts", "name"),
        ("resources/list", "resources", "uri"),
        ("resources/templates/list", "resourceTemplates", "uriTemplate"),
    ] {
        let modern = alice.modern(method, json!({})).send().await.result();
        let legacy = session.request(method, json!({})).send().await.result();
        let all = names(&modern[part], key);
        assert_eq!(all, names(&legacy[part], key), "{method}");
        let members: Vec<&str> = all.iter().map(|name| name.trim_start_matches("claviger://").split(['_', '/']).next().unwrap()).collect();
        assert!(members.is_sorted() && members.contains(&"fixture") == members.contains(&"old"), "{method}: {all:?}");
        assert_eq!((&modern["cacheScope"], &modern["resultType"]), (&json!("private"), &json!("complete")));
        assert_eq!(modern.get("_meta"), None, "nobody is absent, and nothing was left out");
    }
    let tools = names(&alice.modern("tools/list", json!({})).send().await.result()["tools"], "name");
    for tool in ["files__read_text_file", "fixture__test_simple_text", "old__test_simple_text"] {
        assert!(tools.contains(&tool.to_owned()), "{tool} is not among {tools:?}");
    }
    let resources = names(&alice.modern("resources/list", json!({})).send().await.result()["resources"], "uri");
    assert!(resources.contains(&"claviger://old/test://static-text".to_owned()), "{resources:?}");
}

#[tokio::test]
async fn a_discovery_says_what_they_can_do_together() {
    let scene = Scene::open().await;
    let alice = scene.caller("alice");
    let found = alice.modern("server/discover", json!({})).send().await.result();
    assert_eq!(found["capabilities"]["tools"]["listChanged"], true, "{found}");
    assert_eq!(found["capabilities"]["resources"]["subscribe"], true);
    assert!(found["capabilities"]["extensions"]["io.modelcontextprotocol/tasks"].is_object(), "{found}");
    assert_eq!(found["_meta"]["io.modelcontextprotocol/serverInfo"]["title"], "One");
    assert_eq!((&found["cacheScope"], &found["supportedVersions"][3]), (&json!("private"), &json!("2026-07-28")));
    let greeting = alice.initialize("2025-11-25").send().await.result();
    assert_eq!((&greeting["protocolVersion"], &greeting["serverInfo"]["title"]), (&json!("2025-11-25"), &json!("One")), "{greeting}");
    assert_eq!(greeting["capabilities"]["tools"]["listChanged"], true);
}

/// A modern server with these pages of tools; the cursor is the number of the page.
async fn paged(pages: &'static [&'static [&'static str]]) -> Puppet {
    Puppet::start(move |seen: &Seen| {
        let message = seen.message();
        if message["method"] == "server/discover" {
            return Say::result(
                seen,
                r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":9}"#,
            );
        }
        let page: usize = message["params"]["cursor"].as_str().map_or(0, |cursor| cursor.trim_start_matches("page \"").parse().unwrap());
        let tools: Vec<Value> = pages[page].iter().map(|name| json!({"name": name, "inputSchema": {"type": "object"}})).collect();
        let mut result = json!({"resultType": "complete", "tools": tools, "ttlMs": 7});
        if page + 1 < pages.len() {
            result["nextCursor"] = format!("page \"{}", page + 1).into();
        }
        Say::result(seen, &result.to_string())
    })
    .await
}

async fn two(first: &Puppet, second: &Puppet) -> (Door, Caller) {
    let second = format!("[servers.second]\nurl = {:?}\nprotocol = \"modern\"\n[merge]\n", second.url);
    let door = Plan::before(&first.url, "modern").section(&second).open().await;
    let token = door.issuer.token(&format!("{}/mcp", door.public_url), "alice", "");
    let alice = Caller { path: "/mcp".to_owned(), ..door.holder(&token) };
    (door, alice)
}

#[tokio::test]
async fn each_member_goes_on_where_it_was_and_no_longer_than_it_has_pages() {
    let (first, second) = (paged(&[&["a"], &["b"], &["c"]]).await, paged(&[&["x"], &["y"]]).await);
    let (_door, alice) = two(&first, &second).await;
    let (mut cursor, mut pages) = (None, Vec::new());
    loop {
        let params = cursor.map_or_else(|| json!({}), |cursor: Value| json!({ "cursor": cursor }));
        let page = alice.modern("tools/list", params).send().await.result();
        pages.push(names(&page["tools"], "name"));
        assert_eq!(page["ttlMs"], 7);
        match page.get("nextCursor") {
            Some(next) => cursor = Some(next.clone()),
            None => break,
        }
    }
    assert_eq!(pages, [vec!["fixture__a", "second__x"], vec!["fixture__b", "second__y"], vec!["fixture__c"]]);
}

#[tokio::test]
async fn a_cursor_that_was_not_given_for_this_list_and_this_caller_is_refused() {
    let (first, second) = (paged(&[&["a"], &["b"]]).await, paged(&[&["x"]]).await);
    let (door, alice) = two(&first, &second).await;
    let cursor = alice.modern("tools/list", json!({})).send().await.result()["nextCursor"].clone();
    let bob = Caller { path: "/mcp".to_owned(), ..door.holder(&door.issuer.token(&format!("{}/mcp", door.public_url), "bob", "")) };
    let asked = first.seen().len();
    for (caller, method, cursor) in [
        (&bob, "tools/list", cursor.clone()),
        (&alice, "prompts/list", cursor.clone()),
        (&alice, "tools/list", json!("page \"1")),
        (&alice, "tools/list", json!(7)),
        (&alice, "tools/list", json!("")),
    ] {
        let refused = caller.modern(method, json!({ "cursor": cursor })).send().await;
        assert_eq!(refused.verdict(), (200, Some(-32602)), "{method}: {refused:?}");
    }
    assert_eq!(first.seen().len(), asked, "no member was shown a cursor that it did not give");
}

#[tokio::test]
async fn names_that_no_client_would_take_are_left_out_and_told_of() {
    let long: &'static str = "x".repeat(125).leak();
    let pages: &'static [&'static [&'static str]] = Vec::from([Vec::from([long, "with space", "good"]).leak() as &[_]]).leak();
    let (first, second) = (paged(pages).await, paged(&[&["y"]]).await);
    let (door, alice) = two(&first, &second).await;
    let page = alice.modern("tools/list", json!({})).send().await.result();
    assert_eq!(names(&page["tools"], "name"), ["fixture__good", "second__y"]);
    assert_eq!(
        page["_meta"]["claviger/left_out"],
        json!([{"server": "fixture", "name": long}, {"server": "fixture", "name": "with space"}])
    );
    door.says("left out of `/mcp`").await;
}

#[tokio::test]
async fn what_stays_of_an_item_is_every_byte_but_its_name() {
    const ODD: &str = r#"{"x-unknown":{"big":12345678901234567890123,"float":1.10},"name":"a\u005fb","inputSchema":{"type":"object","$comment":"\u00e9"}}"#;
    let odd = Puppet::start(|seen: &Seen| {
        let discovery = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"#;
        let list = format!(r#"{{"resultType":"complete","tools":[ {ODD} ]}}"#);
        Say::result(seen, if seen.message()["method"] == "tools/list" { &list } else { discovery })
    })
    .await;
    let (_door, alice) = two(&odd, &paged(&[&["y"]]).await).await;
    let answer = alice.modern("tools/list", json!({})).send().await;
    let expected = ODD.replace(r"a\u005fb", "fixture__a_b");
    assert!(answer.text().contains(&expected), "{}", answer.text());
}
