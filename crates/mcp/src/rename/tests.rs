use super::*;
use crate::list::{self, ListKind};
use crate::splice::splice;

fn spliced(text: &str, edits: &[Edit]) -> String {
    String::from_utf8(splice(text.as_bytes(), edits)).unwrap()
}

fn linked(result: &str) -> String {
    spliced(result, &resources(result, &|uri| format!("door:{uri}")).unwrap())
}

fn sealed(id: &str) -> Option<String> {
    (id != "lost").then(|| format!("sealed-{id}"))
}

fn aimed(method: &str, params: &str) -> Option<String> {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let message = Message::parse(text.as_bytes()).unwrap();
    let edited = spliced(&text, &[target(&message, "b\"c")?]);
    Some(edited.split_once("\"params\":").unwrap().1.trim_end_matches('}').to_owned())
}

#[test]
fn a_request_acts_on_another_name_and_is_else_as_it_was() {
    assert_eq!(
        aimed("tools/call", r#"{ "arguments":{"name":1.50}, "name" : "x__b" }"#).unwrap(),
        r#"{ "arguments":{"name":1.50}, "name" : "b\"c" "#
    );
    assert_eq!(aimed("prompts/get", r#"{"name":"x"}"#).unwrap(), r#"{"name":"b\"c""#);
    assert_eq!(aimed("resources/read", r#"{"name":"y","uri":"x"}"#).unwrap(), r#"{"name":"y","uri":"b\"c""#);
    assert_eq!(aimed("tasks/get", r#"{"taskId":"x"}"#).unwrap(), r#"{"taskId":"b\"c""#);
    let completed = aimed("completion/complete", r#"{"ref":{"type":"ref/prompt","name":"x"},"argument":{"name":"n"}}"#).unwrap();
    assert_eq!(completed, r#"{"ref":{"type":"ref/prompt","name":"b\"c"},"argument":{"name":"n""#);
    let completed = aimed("completion/complete", r#"{"ref":{"uri":"x","type":"ref/resource"}}"#).unwrap();
    assert_eq!(completed, r#"{"ref":{"uri":"b\"c","type":"ref/resource""#);
    assert_eq!(aimed("tools/list", r#"{"name":"x"}"#), None);
}

#[test]
fn every_resource_of_a_result_has_another_uri_and_all_else_stays() {
    for (result, expected) in [
        (r#"{"contents":[ {"uri":"a:1","text":"uri"} ],"ttlMs":1.0}"#, r#"{"contents":[ {"uri":"door:a:1","text":"uri"} ],"ttlMs":1.0}"#),
        (
            r#"{"content":[{"type":"text","text":"a","uri":"no"},{"type":"resource_link","uri":"a\u003a2","name":"n"},{"type":"resource","resource":{"uri":"a:3"}}]}"#,
            r#"{"content":[{"type":"text","text":"a","uri":"no"},{"type":"resource_link","uri":"door:a:2","name":"n"},{"type":"resource","resource":{"uri":"door:a:3"}}]}"#,
        ),
        (
            r#"{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"a:1"}}},{"content":[{"type":"resource_link","uri":"a:2"}]}]}"#,
            r#"{"messages":[{"role":"user","content":{"type":"resource","resource":{"uri":"door:a:1"}}},{"content":[{"type":"resource_link","uri":"door:a:2"}]}]}"#,
        ),
        (
            r#"{"taskId":"t","result":{"content":[{"type":"resource_link","uri":"a:1"}]}}"#,
            r#"{"taskId":"t","result":{"content":[{"type":"resource_link","uri":"door:a:1"}]}}"#,
        ),
        (
            r#"{"structuredContent":{"content":[{"type":"resource_link","uri":"a:1"}]},"content":"odd","messages":7}"#,
            r#"{"structuredContent":{"content":[{"type":"resource_link","uri":"a:1"}]},"content":"odd","messages":7}"#,
        ),
    ] {
        assert_eq!(linked(result), expected);
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let twice = r#"{"content":[{"type":"text","type":"resource_link","uri":"a:1"}]}"#;
    assert!(resources(twice, &|uri| uri.to_owned()).is_err());
}

#[test]
fn a_task_has_another_id_wherever_it_is_named() {
    let made = r#"{"resultType":"task","taskId":"1","status":"working","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"1"}}}"#;
    let edits = task(made, false, &sealed).unwrap().unwrap();
    assert_eq!(
        spliced(made, &edits),
        r#"{"resultType":"task","taskId":"sealed-1","status":"working","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"sealed-1"}}}"#
    );
    let other = r#"{"resultType":"complete","taskId":"1"}"#;
    assert_eq!(task(other, false, &sealed), Ok(Some(Vec::new())), "a tool may say what it likes");
    assert_eq!(spliced(other, &task(other, true, &sealed).unwrap().unwrap()), r#"{"resultType":"complete","taskId":"sealed-1"}"#);
    assert_eq!(task(r#"{"resultType":"task","taskId":"lost"}"#, false, &sealed), Ok(None));
    assert_eq!(task(r#"{"resultType":"task","taskId":7}"#, false, &sealed), Ok(None));
    let news = r#"{"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":"1","status":"completed"}}"#;
    let edits = task_of_notification(&Message::parse(news.as_bytes()).unwrap(), &sealed).unwrap().unwrap();
    assert_eq!(spliced(news, &edits), news.replace("\"1\"", "\"sealed-1\""));
}

#[test]
fn tasks_that_are_nobodys_are_not_watched() {
    let listen = r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"taskIds":["1", "lost", 7],"toolsListChanged":true}}}"#;
    let edits = watched_tasks(&Message::parse(listen.as_bytes()).unwrap(), &sealed).unwrap();
    assert_eq!(spliced(listen, &edits), listen.replace(r#"["1", "lost", 7]"#, r#"["sealed-1"]"#));
}

#[test]
fn items_of_a_list_are_renamed_one_by_one() {
    let result = r#"{"tools":[ {"x":1.50,"name":"a", "inputSchema":{"name":"a"}} ,{"name":"b"}],"nextCursor":"n","ttlMs":5}"#;
    let page = list::page(result, ListKind::Tools).unwrap();
    assert_eq!((page.next_cursor.as_deref(), page.ttl_milliseconds), (Some("n"), Some(5)));
    assert_eq!(page.items.iter().map(list::Item::name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(page.items[0].renamed("s__a"), r#"{"x":1.50,"name":"s__a", "inputSchema":{"name":"a"}}"#);
    assert!(list::page(r#"{"tools":[{"title":"x"}]}"#, ListKind::Tools).is_err());
    assert_eq!(list::page("{}", ListKind::Prompts).unwrap().items, []);
}
