//! A legacy caller before a modern server that the test holds in its hands: what the server is told, and what the caller is not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{calls, event};
use crate::support::{Caller, Door, Plan, Puppet, Request, Say, Seen, eventually, request_message, stays_silent};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// A modern server with this much to say about `tools/call`; everything else is as usual.
async fn modern_server(call: impl Fn(&Seen) -> Say + Send + Sync + 'static) -> (Puppet, Door) {
    let puppet = Puppet::start(move |seen| match seen.message()["method"].as_str() {
        Some("server/discover") => Say::result(
            seen,
            r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"extensions":{"x/y":{}}},"instructions":"Be kind.","ttlMs":1000,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"new","version":"9"}}}"#,
        ),
        Some("tools/list") => Say::result(
            seen,
            r#"{"resultType":"complete","ttlMs":0,"cacheScope":"public","tools":[{"name":"where","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}]}"#,
        ),
        Some("tools/call") => call(seen),
        Some("initialize") => Say::nothing(400),
        _ if seen.method != http::Method::POST => Say::nothing(405),
        _ => Say::result(seen, r#"{"resultType":"complete"}"#),
    })
    .await;
    let door = Plan::before(&puppet.url, "modern").open().await;
    (puppet, door)
}

fn done(seen: &Seen) -> Say {
    Say::result(seen, r#"{"resultType":"complete","content":[{"type":"text","text":"done"}],"x-new":1.10}"#)
}

/// One session of a client that declares this.
struct Session {
    caller: Caller,
    id: String,
}

impl Session {
    async fn open(door: &Door, who: &str, capabilities: Value) -> (Self, Value) {
        let caller = door.caller(who);
        let params =
            json!({"protocolVersion": "2025-06-18", "capabilities": capabilities, "clientInfo": {"name": "old client", "version": "1"}});
        let answer = caller.legacy(&request_message("initialize", params)).send().await;
        let id = answer.header("mcp-session-id").expect("a session").to_owned();
        (Self { caller, id }, answer.result())
    }

    fn post(&self, message: &Value) -> Request {
        self.caller.legacy(message).header("mcp-session-id", &self.id).header("mcp-protocol-version", "2025-06-18")
    }

    fn ask(&self, method: &str, params: Value) -> Request {
        self.post(&request_message(method, params))
    }
}

#[tokio::test]
async fn initialize_is_answered_out_of_the_discovery() {
    let (puppet, door) = modern_server(done).await;
    let (session, opened) = Session::open(&door, "alice", json!({"roots": {}})).await;
    assert_eq!(opened["protocolVersion"], "2025-06-18");
    assert_eq!((&opened["serverInfo"]["name"], &opened["instructions"]), (&json!("new"), &json!("Be kind.")));
    assert_eq!(opened["capabilities"], json!({"tools": {"listChanged": true}}));
    for modern in ["resultType", "ttlMs", "cacheScope", "supportedVersions"] {
        assert!(opened.get(modern).is_none(), "{opened}");
    }
    assert_eq!(session.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).send().await.status, 202);
    assert_eq!(session.ask("ping", json!({})).send().await.result(), json!({}));
    assert!(calls(&puppet, "ping").is_empty() && calls(&puppet, "notifications/initialized").is_empty());
    assert!(calls(&puppet, "initialize").is_empty(), "its era is known");
}

#[tokio::test]
async fn each_request_says_what_the_client_declared_and_mirrors_its_arguments() {
    let (puppet, door) = modern_server(done).await;
    let (session, _) = Session::open(&door, "alice", json!({"sampling": {"x": 1.50}})).await;
    assert_eq!(session.ask("logging/setLevel", json!({"level": "warning"})).send().await.result(), json!({}));
    assert_eq!(session.ask("logging/setLevel", json!({"level": "loud"})).send().await.error_code(), Some(-32602));
    let answer = session.ask("tools/call", json!({"name": "where", "arguments": {"region": " eu"}, "_meta": {"own": 1}})).send().await;
    let result = answer.result();
    assert_eq!((result.get("resultType"), &result["x-new"]), (None, &json!(1.10)));
    let seen = calls(&puppet, "tools/call").remove(0);
    assert_eq!(seen.header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!((seen.header("mcp-method"), seen.header("mcp-name")), (Some("tools/call"), Some("where")));
    assert_eq!(seen.header("mcp-param-region"), Some("=?base64?IGV1?="));
    assert!(seen.header("mcp-session-id").is_none());
    let meta = &seen.message()["params"]["_meta"];
    assert_eq!((&meta[VERSION], &meta["own"]), (&json!("2026-07-28"), &json!(1)));
    assert_eq!(meta["io.modelcontextprotocol/clientInfo"]["name"], "old client");
    assert_eq!(meta["io.modelcontextprotocol/logLevel"], "warning");
    assert_eq!(meta[CAPABILITIES], json!({"sampling": {"x": 1.50}}));
}

#[tokio::test]
async fn a_session_is_its_owners_alone_and_ends_for_good() {
    let (puppet, door) = modern_server(done).await;
    let (session, _) = Session::open(&door, "alice", json!({})).await;
    let stolen = Session { caller: door.caller("bob"), id: session.id.clone() };
    assert_eq!(stolen.ask("ping", json!({})).send().await.status, 404);
    let end = session.caller.bare(http::Method::DELETE).header("mcp-session-id", &session.id);
    assert_eq!(end.send().await.status, 200);
    assert_eq!(session.ask("ping", json!({})).send().await.status, 404);
    assert!(puppet.seen().iter().all(|seen| seen.method == http::Method::POST), "a modern server has no sessions to end");
}

#[tokio::test]
async fn the_members_of_a_batch_go_each_on_its_own() {
    let (puppet, door) = modern_server(done).await;
    let caller = door.caller("alice");
    let params = json!({"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "older client", "version": "1"}});
    let opened = caller.legacy(&request_message("initialize", params)).send().await;
    let session = opened.header("mcp-session-id").expect("a session").to_owned();
    let call = |id: u32| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "any"}});
    let batch =
        json!([call(1), {"jsonrpc": "2.0", "method": "notifications/initialized"}, call(2), {"jsonrpc": "2.0", "id": 3, "method": "ping"}]);
    let answer = caller.legacy(&batch).header("mcp-session-id", &session).send().await;
    let mut answered: Vec<(u64, bool)> =
        answer.messages().iter().map(|message| (message["id"].as_u64().unwrap(), message.get("result").is_some())).collect();
    answered.sort_unstable();
    assert_eq!(answered, [(1, true), (2, true), (3, true)]);
    assert_eq!(calls(&puppet, "tools/call").len(), 2);
}

/// A server that asks two things before it answers, and notes what it was told.
fn asks_twice(notes: &Arc<Mutex<Vec<Value>>>) -> impl Fn(&Seen) -> Say + Send + Sync + 'static {
    let notes = Arc::clone(notes);
    move |seen| {
        let params = &seen.message()["params"];
        if let Some(responses) = params.get("inputResponses") {
            notes.lock().unwrap().push(json!({"responses": responses, "state": params["requestState"], "id": seen.message()["id"]}));
            return done(seen);
        }
        Say::result(
            seen,
            r#"{"resultType":"input_required","requestState":"a\u00e4 \"state\"","inputRequests":{"who":{"method":"elicitation/create","params":{"mode":"form","message":"Who?","requestedSchema":{"type":"object","properties":{}}}},"where":{"method":"roots/list"}}}"#,
        )
    }
}

#[tokio::test]
async fn questions_reach_the_client_as_it_knows_them_and_all_answers_go_back_at_once() {
    let notes = Arc::default();
    let (puppet, door) = modern_server(asks_twice(&notes)).await;
    let (session, _) = Session::open(&door, "alice", json!({"elicitation": {}, "roots": {}})).await;
    let mut stream = session.ask("tools/call", json!({"name": "ask"})).open().await;
    let (first, second) = (stream.message().await.unwrap(), stream.message().await.unwrap());
    assert_eq!((&first["method"], &second["method"]), (&json!("elicitation/create"), &json!("roots/list")));
    assert!(first["params"].get("mode").is_none(), "2025-06-18 knows no modes: {first}");
    let answer = |id: &Value, result: Value| session.post(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
    let thief = Session { caller: door.caller("bob"), id: session.id.clone() };
    let stolen = thief.post(&json!({"jsonrpc": "2.0", "id": first["id"], "result": {"action": "accept"}})).send().await;
    assert_eq!(stolen.status, 404);
    assert_eq!(answer(&json!(4711), json!({})).send().await.status, 400, "that was not asked");
    assert_eq!(answer(&second["id"], json!({"roots": []})).send().await.status, 202);
    assert_eq!(answer(&first["id"], json!({"action": "accept", "content": {"n": 1.50}})).send().await.status, 202);
    let response = stream.response().await;
    assert_eq!((&response["id"], &response["result"]["content"][0]["text"]), (&json!(1), &json!("done")));
    let noted: Vec<Value> = notes.lock().unwrap().clone();
    assert_eq!(noted[0]["state"], "aä \"state\"");
    assert_eq!(noted[0]["responses"], json!({"who": {"action": "accept", "content": {"n": 1.50}}, "where": {"roots": []}}));
    assert_ne!(noted[0]["id"], 1, "each round is a request of its own");
    assert_eq!(calls(&puppet, "tools/call").len(), 2);
    let raw = String::from_utf8(calls(&puppet, "tools/call")[1].body.to_vec()).unwrap();
    assert!(raw.contains(r#""requestState":"a\u00e4 \"state\"""#), "byte for byte: {raw}");
}

#[tokio::test]
async fn a_client_is_not_asked_what_it_did_not_declare() {
    let notes = Arc::default();
    let (puppet, door) = modern_server(asks_twice(&notes)).await;
    let (session, _) = Session::open(&door, "alice", json!({"roots": {}})).await;
    let answer = session.ask("tools/call", json!({"name": "ask"})).send().await;
    assert_eq!(answer.verdict(), (200, Some(-32603)), "{}", answer.text());
    assert_eq!(calls(&puppet, "tools/call").len(), 1);
}

#[tokio::test]
async fn a_server_that_asks_without_end_is_stopped() {
    let (puppet, door) = modern_server(|seen| Say::result(seen, r#"{"resultType":"input_required","requestState":"more"}"#)).await;
    let (session, _) = Session::open(&door, "alice", json!({})).await;
    assert_eq!(session.ask("tools/call", json!({"name": "any"})).send().await.verdict(), (200, Some(-32603)));
    assert_eq!(calls(&puppet, "tools/call").len(), 10);
}

/// A server that works without end, and whose streams the test can watch.
async fn slow_server() -> (Puppet, Door, mpsc::Receiver<mpsc::Sender<Bytes>>) {
    let (streams, opened) = mpsc::channel(4);
    let (puppet, door) = modern_server(move |_| {
        let (sender, pieces) = mpsc::channel(4);
        let _ =
            sender.try_send(event(r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}}"#));
        let _ = streams.try_send(sender);
        Say::events(pieces)
    })
    .await;
    (puppet, door, opened)
}

#[tokio::test]
async fn what_is_cancelled_in_words_is_hung_up_on() {
    let (_puppet, door, mut opened) = slow_server().await;
    let (session, _) = Session::open(&door, "alice", json!({})).await;
    let mut stream = session.ask("tools/call", json!({"name": "slow", "_meta": {"progressToken": "p"}})).open().await;
    stream.notification("notifications/progress").await;
    let upstream = opened.recv().await.unwrap();
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    assert_eq!(session.post(&cancel).send().await.status, 202);
    tokio::time::timeout(Duration::from_secs(10), upstream.closed()).await.expect("the server sees its stream closed");
    assert!(stream.ends_within(Duration::from_secs(10)).await);
}

#[tokio::test]
async fn a_connection_that_breaks_cancels_nothing() {
    let (_puppet, door, mut opened) = slow_server().await;
    let (session, _) = Session::open(&door, "alice", json!({})).await;
    let mut stream = session.ask("tools/call", json!({"name": "slow", "_meta": {"progressToken": "p"}})).open().await;
    stream.notification("notifications/progress").await;
    let upstream = opened.recv().await.unwrap();
    stream.hang_up();
    assert!(stays_silent(upstream.closed(), Duration::from_millis(500)).await, "a legacy caller who is gone has not cancelled");
    upstream.send(event(r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[]}}"#)).await.unwrap();
    eventually("the call is recorded", || door.recorded_calls().into_iter().find(|call| call["tool"] == "slow")).await;
}

#[tokio::test]
async fn what_changes_is_heard_on_the_callers_own_stream() {
    let feed: Arc<Mutex<Option<mpsc::Sender<Bytes>>>> = Arc::default();
    let at_server = Arc::clone(&feed);
    let puppet = Puppet::start(move |seen| match seen.message()["method"].as_str() {
        Some("server/discover") => Say::result(seen, r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true}},"ttlMs":0,"cacheScope":"private"}"#),
        Some("subscriptions/listen") => {
            let (sender, pieces) = mpsc::channel(4);
            let id = &seen.message()["id"];
            let honoured = &seen.message()["params"]["notifications"];
            let _ = sender.try_send(event(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"notifications":{honoured},"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#)));
            *at_server.lock().unwrap() = Some(sender);
            Say::events(pieces)
        }
        _ => Say::nothing(405),
    })
    .await;
    let door = Plan::before(&puppet.url, "modern").open().await;
    let (session, _) = Session::open(&door, "alice", json!({})).await;
    let mut stream =
        session.caller.bare(http::Method::GET).header("mcp-session-id", &session.id).header("accept", "text/event-stream").open().await;
    eventually("the door listens", || feed.lock().unwrap().is_some().then_some(())).await;
    assert_eq!(session.ask("resources/subscribe", json!({"uri": "file:///a"})).send().await.result(), json!({}));
    let wants_it = |seen: &Seen| seen.message()["params"]["notifications"]["resourceSubscriptions"] == json!(["file:///a"]);
    eventually("the door listens anew", || calls(&puppet, "subscriptions/listen").iter().any(wants_it).then_some(())).await;
    let sender = eventually("the stream is there", || feed.lock().unwrap().clone().filter(|sender| !sender.is_closed())).await;
    let tagged = r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a","_meta":{"io.modelcontextprotocol/subscriptionId":"claviger-news"}}}"#;
    sender.send(event(tagged)).await.unwrap();
    let told = stream.notification("notifications/resources/updated").await;
    assert_eq!(told["params"]["uri"], "file:///a");
    assert!(!told.to_string().contains("subscriptionId"), "{told}");
}
