//! Refresh tokens: one line of descent, and what ends it.

use std::time::Duration;

use claviger_issuer::config::{Config, Lifetimes};
use http::StatusCode;

use crate::desk::{Desk, claims, config, error, tokens};

async fn logged_in() -> (Desk, String, crate::desk::Tokens) {
    let desk = Desk::open().await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let tokens = desk.log_in(&client).await;
    (desk, client, tokens)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_used_again_ends_its_whole_family() {
    let (desk, client, first) = logged_in().await;
    let second = tokens(&desk.refresh(&client, &first.refresh).await);
    let third = tokens(&desk.refresh(&client, &second.refresh).await);
    assert!(desk.opens(&third.access));
    assert_eq!(error(&desk.refresh(&client, &first.refresh).await), "invalid_grant");
    assert_eq!(error(&desk.refresh(&client, &third.refresh).await), "invalid_grant");
    for access in [&first.access, &second.access, &third.access] {
        assert!(!desk.opens(access));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_costs_nobody_their_login() {
    let (desk, client, first) = logged_in().await;
    let lost = tokens(&desk.refresh(&client, &first.refresh).await);
    let second = tokens(&desk.refresh(&client, &first.refresh).await);
    assert_eq!(second.refresh, lost.refresh);
    let third = tokens(&desk.refresh(&client, &second.refresh).await);
    assert!(desk.opens(&third.access));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_revoked_stays_so_although_tokens_have_become_shorter() {
    let living = |desk: &Desk, seconds: u64| Config {
        lifetimes: Lifetimes { access_token: Duration::from_secs(seconds), ..Lifetimes::default() },
        ..config(&desk.folder)
    };
    let (desk, client, short) = logged_in().await;
    // An answer was lost, and meanwhile tokens have become longer: the second one is such a token.
    let lost = tokens(&desk.refresh(&client, &short.refresh).await);
    desk.server.reload(living(&desk, 6 * 3600));
    let long = tokens(&desk.refresh(&client, &short.refresh).await);
    assert_eq!((&long.refresh, claims(&long.access)["exp"].as_u64()), (&lost.refresh, Some(desk.seconds() + 6 * 3600)));
    desk.server.reload(living(&desk, 60));
    desk.post_form("/revoke", &[("client_id", &client), ("token", &long.refresh)]).await;
    for _ in 0..6 {
        assert!(!desk.opens(&long.access));
        desk.advance(3599);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_lives_longer_than_what_it_comes_of() {
    for (lifetimes, first, second) in [
        (Lifetimes { grant: Duration::from_secs(1000), ..Lifetimes::default() }, 900, 500),
        (Lifetimes { idle_grant: Duration::from_secs(600), ..Lifetimes::default() }, 600, 600),
    ] {
        let desk = Desk::with(|config| config.lifetimes = lifetimes).await;
        let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
        let one = desk.log_in(&client).await;
        let left = |access: &str| claims(access)["exp"].as_u64().unwrap() - desk.seconds();
        assert_eq!(left(&one.access), first);
        desk.advance(500);
        let two = tokens(&desk.refresh(&client, &one.refresh).await);
        assert_eq!(left(&two.access), second);
        desk.advance(second);
        assert!(!desk.opens(&two.access));
        assert_ne!(desk.refresh(&client, &two.refresh).await.status(), StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_give_one_family_one_descendant() {
    let (desk, client, first) = logged_in().await;
    let other = desk.beside().await;
    let mut descendants = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let (one, two) = tokio::join!(desk.refresh(&client, &first.refresh), other.refresh(&client, &first.refresh));
        descendants.extend([tokens(&one).refresh, tokens(&two).refresh]);
    }
    assert_eq!(descendants.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_client_cannot_use_it_and_does_not_end_it() {
    let (desk, client, first) = logged_in().await;
    let other = desk.register("Another", &["http://127.0.0.1/callback"]).await;
    assert_eq!(error(&desk.refresh(&other, &first.refresh).await), "invalid_grant");
    assert_eq!(desk.refresh(&client, &first.refresh).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_again_is_at_most_what_was_granted() {
    let (desk, client, first) = logged_in().await;
    let ask = async |name: &str, value: &str| {
        let fields =
            [("grant_type", "refresh_token"), ("client_id", client.as_str()), ("refresh_token", first.refresh.as_str()), (name, value)];
        desk.token(&fields).await
    };
    assert_eq!(error(&ask("scope", "files:read files:write").await), "invalid_scope");
    assert_eq!(error(&ask("resource", "http://127.0.0.1:8787/mcp/other").await), "invalid_target");
    assert_eq!(tokens(&ask("scope", "files:read").await).scope, "files:read");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_lost_their_account_keeps_nothing_that_came_of_it() {
    let (desk, client, first) = logged_in().await;
    std::fs::write(desk.folder.path().join("accounts.toml"), "").unwrap();
    assert_eq!(error(&desk.refresh(&client, &first.refresh).await), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_gives_back_is_good_no_more() {
    let (desk, client, first) = logged_in().await;
    let other = desk.register("Another", &["http://127.0.0.1/callback"]).await;
    let revoke = async |client: &str, token: &str| desk.post_form("/revoke", &[("client_id", client), ("token", token)]).await;
    assert_eq!(revoke(&other, &first.refresh).await.status(), StatusCode::OK);
    assert!(desk.opens(&first.access), "a client takes back nothing of another's");
    assert_eq!(revoke(&client, "nonsense").await.status(), StatusCode::OK);
    assert_eq!(revoke(&client, &first.access).await.status(), StatusCode::OK);
    assert!(!desk.opens(&first.access));
    let second = tokens(&desk.refresh(&client, &first.refresh).await);
    assert!(desk.opens(&second.access), "an access token is given back by itself");
    assert_eq!(revoke(&client, &second.refresh).await.status(), StatusCode::OK);
    assert!(!desk.opens(&second.access));
    assert_eq!(error(&desk.refresh(&client, &second.refresh).await), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_ends_grants_and_clients() {
    let (desk, client, first) = logged_in().await;
    let [(id, grant)] = desk.server.list_grants().await.unwrap().try_into().unwrap();
    assert_eq!((grant.person.subject.as_str(), grant.client_id.as_str()), ("ada", client.as_str()));
    desk.server.end_grant(&id, "operator").await.unwrap();
    assert!(!desk.opens(&first.access) && desk.server.list_grants().await.unwrap().is_empty());
    let second = desk.log_in(&client).await;
    assert_eq!(desk.server.end_client(&client).await.unwrap(), claviger_issuer::Ended::Now { grants: 1 });
    assert!(!desk.opens(&second.access) && desk.server.list_clients().await.unwrap().is_empty());
    assert_eq!(error(&desk.refresh(&client, &second.refresh).await), "invalid_client");
}
