//! Tokens for tokens (RFC 8693), for programs that stand between.

use std::net::TcpListener;

use serde_json::{Value, json};

use super::{Browser, VERIFIER, claims, error_of, form, json_of, metadata, open, plan};
use crate::support::{Answer, Door, Plan, Puppet};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const SECRET: &str = "a secret of twenty-four letters";
const CALLBACK: &str = "http://127.0.0.1:7777/cb";
const CLIENTS: &str = "[issuer.clients.app]\nredirect_uris = [\"http://127.0.0.1/cb\"]\n\
    [issuer.clients.between]\nsecret = \"${BETWEEN}\"\nexchange = [\"other\"]\nexchange_from = [\"fixture\", \"other\"]\n\
    [issuer.clients.third]\nsecret = \"${BETWEEN}\"\nexchange = [\"other\"]\nexchange_from = [\"other\"]\n[issuer.clients.plain]\nsecret = \"${BETWEEN}\"\n";

/// A door with a second server, `other`, that asks for `files:read` or `files:write`.
async fn between() -> Door {
    let other = "[servers.other]\nurl = \"http://127.0.0.1:9/mcp\"\nscopes = { \"*\" = [\"files:read\", \"other:only\"] }\n";
    open(plan(&format!("{CLIENTS}{other}")).await.variable("BETWEEN", SECRET)).await
}

async fn adas_token(door: &Door, scope: &str) -> Value {
    let resource = door.resource();
    let code = Browser::new(door).allow("app", CALLBACK, &[("resource", &resource), ("scope", scope)]).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", &code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", CALLBACK),
    ];
    json_of(&form(door, "/token", &fields).send().await)
}

async fn exchange(door: &Door, token: &str, more: &[(&str, &str)]) -> Answer {
    let target = door.resource_of("other");
    let mut fields = vec![
        ("grant_type", GRANT),
        ("client_id", "between"),
        ("client_secret", SECRET),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
        ("resource", &target),
    ];
    fields.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    fields.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    form(door, "/token", &fields).send().await
}

#[tokio::test]
async fn who_stands_between_gets_a_token_for_the_next_server_that_says_who_acts_for_whom() {
    let door = between().await;
    assert!(metadata(&door).await["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT)));
    let first = adas_token(&door, "files:read").await;
    let token = first["access_token"].as_str().unwrap();
    let answer = json_of(&exchange(&door, token, &[]).await);
    assert_eq!((&answer["issued_token_type"], &answer["token_type"]), (&json!(ACCESS_TOKEN), &json!("Bearer")), "{answer}");
    assert_eq!((&answer["scope"], answer.get("refresh_token")), (&json!("files:read"), None));
    let (before, after) = (claims(token), claims(answer["access_token"].as_str().unwrap()));
    assert_eq!((&after["sub"], &after["aud"], &after["act"]["sub"]), (&json!("ada"), &json!(door.resource_of("other")), &json!("between")));
    assert_eq!((&after["client_id"], &after["grant_id"]), (&json!("between"), &before["grant_id"]));
    assert!(after["exp"].as_u64() <= before["exp"].as_u64(), "{before} {after}");
    let again = exchange(&door, answer["access_token"].as_str().unwrap(), &[("client_id", "third")]).await;
    let act = &claims(json_of(&again)["access_token"].as_str().unwrap())["act"];
    assert_eq!(act, &json!({"sub": "third", "act": {"sub": "between"}}), "each that stood between is named");
    let by_audience = exchange(&door, token, &[("resource", ""), ("audience", &door.resource_of("other"))]).await;
    assert_eq!(by_audience.status, 200);
}

#[tokio::test]
async fn nobody_gets_more_than_there_was_or_for_somewhere_else() {
    let door = between().await;
    let first = adas_token(&door, "files:read").await;
    let token = first["access_token"].as_str().unwrap();
    for (what, more, expected) in [
        ("more scopes", vec![("scope", "files:read other:only")], "invalid_scope"),
        ("a server that it is not named for", vec![("resource", &*door.resource())], "invalid_target"),
        ("a server elsewhere", vec![("resource", "https://elsewhere.example/mcp")], "invalid_target"),
        ("no server", vec![("resource", "")], "invalid_target"),
        ("two servers", vec![("audience", &*door.resource())], "invalid_target"),
        ("a refresh token", vec![("subject_token", first["refresh_token"].as_str().unwrap())], "invalid_request"),
        ("nonsense", vec![("subject_token", "nonsense")], "invalid_request"),
        ("another kind", vec![("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")], "invalid_request"),
        ("an actor of its own", vec![("actor_token", token)], "invalid_request"),
        ("a client that may not", vec![("client_id", "plain")], "unauthorized_client"),
        ("a client that takes no calls for the server that the token is for", vec![("client_id", "third")], "invalid_request"),
        ("a public client", vec![("client_id", "app"), ("client_secret", "")], "unauthorized_client"),
    ] {
        let answer = exchange(&door, token, &more).await;
        assert_eq!(error_of(&answer).1, expected, "{what}");
    }
    let strange = door.issuer.token(&door.resource(), "ada", "files:read");
    assert_eq!(error_of(&exchange(&door, &strange, &[]).await).1, "invalid_request", "a token of another issuer");
    // What ends the one ends the other, and an ended one gets no other.
    let refresh = first["refresh_token"].as_str().unwrap();
    assert_eq!(form(&door, "/revoke", &[("client_id", "app"), ("token", refresh)]).send().await.status, 200);
    assert_eq!(error_of(&exchange(&door, token, &[]).await).1, "invalid_request");
}

#[tokio::test]
async fn a_server_behind_the_door_gets_the_callers_token_exchanged_by_the_door_itself() {
    let upstream = Puppet::with_result(r#"{"content":[{"type":"text","text":"done"}],"resultType":"complete"}"#).await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let own = format!("http://127.0.0.1:{port}");
    let credential = format!(
        "credential = {{ exchange = {{ token_url = \"{own}/token\", client_id = \"between\", client_secret = \"${{BETWEEN}}\", resource = \"{own}/mcp/other\" }} }}"
    );
    let section = format!(
        "[issuer]\naccounts = \"accounts.toml\"\n{CLIENTS}[servers.other]\nurl = \"http://127.0.0.1:9/mcp\"\nscopes = {{ \"*\" = \"files:read\" }}\n"
    );
    let mut plan = Plan::before(&upstream.url, "modern").line(&credential).scopes(r#""*" = "files:read""#).section(&section);
    plan.arguments = ["--listen".to_owned(), format!("127.0.0.1:{port}"), "--admin-listen".to_owned(), "127.0.0.1:0".to_owned()].into();
    let door = open(plan.variable("BETWEEN", SECRET)).await;
    let first = adas_token(&door, "files:read").await;
    let answer = door.holder(first["access_token"].as_str().unwrap()).tool("any", json!({})).send().await;
    assert_eq!(answer.status, 200, "{}", door.said());
    let shown = upstream.last().header("authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned();
    let said = claims(&shown);
    assert_eq!((&said["sub"], &said["act"]["sub"], &said["aud"]), (&json!("ada"), &json!("between"), &json!(format!("{own}/mcp/other"))));
}

#[tokio::test]
async fn nobody_exchanges_where_nobody_is_named_for_it() {
    let door = open(plan("").await).await;
    assert!(!metadata(&door).await["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT)));
}
