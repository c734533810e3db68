//! People who sign in at somebody else's: what they are asked before, who comes back, and what becomes of their grants when they go there.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use claviger_issuer::config::Allowance;
use claviger_issuer::federation::{Admission, Identity, Provider};
use http::header::REFRESH;
use http::{Response, StatusCode};
use url::Url;

use crate::desk::{Browser, Desk, NOON, Tokens, asked, back, claims, error, question, question_with, text, tokens};
use crate::provider::{Mood, Puppet, grace};

/// A server whose people come from one provider.
async fn open(puppet: &Arc<Puppet>, change: impl FnOnce(&mut Provider)) -> (Desk, String) {
    let mut provider = puppet.named("idp");
    change(&mut provider);
    of(vec![provider], Allowance::default()).await
}

async fn of(providers: Vec<Provider>, allowance: Allowance) -> (Desk, String) {
    let desk = Desk::with(|config| {
        config.accounts = config.accounts.with_file_name("none.toml");
        (config.providers, config.allowance) = (providers, allowance);
    })
    .await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    (desk, client)
}

/// From the client's question to the provider: with what the browser will come back.
async fn leave(browser: &mut Browser, desk: &Desk, question: &str, provider: &str) -> String {
    let page = browser.get(desk, question).await;
    let page = browser.post(desk, "/authorize/consent", &[("asked", &asked(&page)), ("provider", provider)]).await;
    assert_eq!(page.status(), StatusCode::OK, "{}", text(&page));
    state_of(&page)
}

fn state_of(page: &Response<Bytes>) -> String {
    let refresh = page.headers()[REFRESH].to_str().unwrap().strip_prefix("0;url=").unwrap();
    let url = Url::parse(refresh).unwrap();
    url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned()
}

async fn come_back(browser: &mut Browser, desk: &Desk, provider: &str, state: &str) -> Response<Bytes> {
    browser.get(desk, &format!("/authorize/back/{provider}?code=c&state={state}")).await
}

async fn log_in_with(browser: &mut Browser, desk: &Desk, client: &str, question: &str) -> Tokens {
    let state = leave(browser, desk, question, "idp").await;
    let page = come_back(browser, desk, "idp", &state).await;
    tokens(&desk.redeem(client, &back(&page)["code"]).await)
}

async fn log_in(desk: &Desk, client: &str) -> Tokens {
    log_in_with(&mut Browser::default(), desk, client, &question(client)).await
}

async fn refreshed(desk: &Desk, client: &str, tokens: &mut Tokens) {
    *tokens = self::tokens(&desk.refresh(client, &tokens.refresh).await);
}

/// MCP security best practices, confused deputy: per client, before anything is forwarded.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_reaches_the_provider_before_the_person_has_agreed() {
    let puppet = Puppet::new();
    let (desk, client) = open(&puppet, |_| {}).await;
    let mut browser = Browser::default();
    let page = browser.get(&desk, &question_with(&client, &[("scope", "files:write files:admin")])).await;
    for piece in ["A client", "Files", "127.0.0.1:5555", "Change files", "delete_*", "The idp", "idp.example", "chose this name itself"] {
        assert!(text(&page).contains(piece), "{piece} in {}", text(&page));
    }
    assert_eq!(puppet.asked(), 0);
    let no = browser.answer(&desk, &asked(&page), "deny").await;
    assert_eq!((back(&no)["error"].as_str(), puppet.asked()), ("access_denied", 0));
    let yes = browser.answer(&desk, &asked(&page), "allow").await;
    assert_eq!((yes.status(), puppet.asked()), (StatusCode::FORBIDDEN, 0), "nobody is signed in who could say yes");
    leave(&mut browser, &desk, &question(&client), "idp").await;
    assert_eq!(puppet.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_gives_the_client_a_code_and_is_known_to_their_browser() {
    let puppet = Puppet::new();
    let (desk, client) = open(&puppet, |_| {}).await;
    let mut browser = Browser::default();
    let mark = |browser: &Browser| browser.cookies["claviger-browser"].clone();
    let state = leave(&mut browser, &desk, &question(&client), "idp").await;
    let before = mark(&browser);
    let page = come_back(&mut browser, &desk, "idp", &state).await;
    assert_ne!(mark(&browser), before, "whoever signs in gets a new mark");
    assert!(!browser.cookies.keys().any(|name| name.contains("leaving")), "{:?}", browser.cookies.keys());
    let got = tokens(&desk.redeem(&client, &back(&page)["code"]).await);
    assert_eq!(claims(&got.access)["sub"], "idp|007");
    assert!(desk.opens(&got.access));
    let asked_before = puppet.asked();
    let page = browser.get(&desk, &question(&client)).await;
    assert!(text(&page).contains("Grace") && text(&page).contains("idp|007"), "{}", text(&page));
    assert!(back(&browser.answer(&desk, &asked(&page), "allow").await).contains_key("code"));
    assert_eq!(puppet.asked(), asked_before, "who is signed in need not go there again");
}

/// RFC 9470 §6.1: a provider that knows somebody from this morning has not asked them again.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_says_when_the_person_has_really_signed_in() {
    let puppet = Puppet::new();
    let (desk, client) = open(&puppet, |_| {}).await;
    for (said, expected) in [(None, NOON), (Some(NOON - 3600), NOON - 3600), (Some(NOON + 3600), NOON)] {
        puppet.said.lock().unwrap().identity.authenticated_at = said;
        assert_eq!(claims(&log_in(&desk, &client).await.access)["auth_time"], expected, "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_good_in_the_browser_that_left_once_and_in_time() {
    let puppet = Puppet::new();
    let (desk, client) = open(&puppet, |_| {}).await;
    let mut browser = Browser::default();
    let state = leave(&mut browser, &desk, &question(&client), "idp").await;
    let (asked_before, left) = (puppet.asked(), browser.clone());
    let refused = async |browser: &mut Browser, state: &str, why: &str| {
        let page = come_back(browser, &desk, "idp", state).await;
        assert_eq!((page.status(), page.headers().contains_key(REFRESH)), (StatusCode::FORBIDDEN, false), "{why}");
    };
    refused(&mut Browser::default(), &state, "another browser").await;
    let mut other = Browser::default();
    leave(&mut other, &desk, &question(&client), "idp").await;
    refused(&mut other, &state, "another browser, which has left itself").await;
    refused(&mut left.clone(), "invented", "an invented state").await;
    assert_eq!(puppet.asked(), asked_before + 1, "nobody has redeemed a code");
    assert!(back(&come_back(&mut browser, &desk, "idp", &state).await).contains_key("code"));
    refused(&mut left.clone(), &state, "a second time").await;
    let mut late = Browser::default();
    let state = leave(&mut late, &desk, &question(&client), "idp").await;
    desk.advance(600);
    refused(&mut late, &state, "too late").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_errands_of_one_browser_do_not_disturb_each_other() {
    let puppet = Puppet::new();
    let (desk, client) = open(&puppet, |_| {}).await;
    let mut browser = Browser::default();
    let first = leave(&mut browser, &desk, &question_with(&client, &[("state", "first")]), "idp").await;
    let second = leave(&mut browser, &desk, &question_with(&client, &[("state", "second")]), "idp").await;
    assert_eq!(back(&come_back(&mut browser, &desk, "idp", &second).await)["state"], "second");
    assert_eq!(back(&come_back(&mut browser, &desk, "idp", &first).await)["state"], "first");
}

/// RFC 9700 §4.4: one provider gets hold of the other's code, and has it redeemed at its own place.
#[tokio::test(flavor = "multi_thread")]
async fn no_provider_answers_at_the_place_of_another() {
    let (honest, evil) = (Puppet::new(), Puppet::new());
    let (desk, client) = of(vec![honest.named("honest"), evil.named("evil")], Allowance::default()).await;
    let mut browser = Browser::default();
    let page = browser.get(&desk, &question(&client)).await;
    assert!(text(&page).contains("The honest") && text(&page).contains("The evil"), "{}", text(&page));
    let state = leave(&mut browser, &desk, &question(&client), "honest").await;
    let page = come_back(&mut browser, &desk, "evil", &state).await;
    assert_eq!((page.status(), evil.asked()), (StatusCode::FORBIDDEN, 0));
    for place in ["nobody", "", "honest/x"] {
        assert!(!come_back(&mut browser, &desk, place, &state).await.headers().contains_key(REFRESH), "{place}");
    }
    let page = come_back(&mut browser, &desk, "honest", &state).await;
    let subject = claims(&tokens(&desk.redeem(&client, &back(&page)["code"]).await).access)["sub"].clone();
    assert_eq!(subject, "honest|007", "the same subject of another provider would be somebody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_says_no_there_has_said_no_to_the_client() {
    let puppet = Puppet::new();
    let (desk, client) = open(&puppet, |_| {}).await;
    let mut browser = Browser::default();
    let state = leave(&mut browser, &desk, &question(&client), "idp").await;
    let page = browser.get(&desk, &format!("/authorize/back/idp?error=access_denied&state={state}")).await;
    assert_eq!(back(&page)["error"], "access_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_or_not_believed_lets_nobody_in() {
    let puppet = Puppet::new();
    let (desk, client) = open(&puppet, |_| {}).await;
    for (mood, status) in [(Mood::Away, StatusCode::SERVICE_UNAVAILABLE), (Mood::Refuses, StatusCode::FORBIDDEN)] {
        puppet.is(Mood::Answers);
        let mut browser = Browser::default();
        let state = leave(&mut browser, &desk, &question(&client), "idp").await;
        puppet.is(mood);
        let page = come_back(&mut browser, &desk, "idp", &state).await;
        assert_eq!((page.status(), page.headers().contains_key(REFRESH)), (status, false));
        assert!(text(&page).contains("The idp") && !browser.cookies.contains_key("claviger-session"), "{}", text(&page));
    }
    puppet.is(Mood::Away);
    let mut browser = Browser::default();
    let page = browser.get(&desk, &question(&client)).await;
    let page = browser.post(&desk, "/authorize/consent", &[("asked", &asked(&page)), ("provider", "idp")]).await;
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_are_named_come_in() {
    let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>();
    let admission = |domains: &[&str], emails: &[&str], groups: &[&str], domains_by_owner| Admission {
        domains: set(domains),
        emails: set(emails),
        groups: set(groups),
        domains_by_owner,
    };
    let unverified = || Identity { is_email_verified: false, ..grace() };
    let owned = || Identity { domain: Some("Example.com".to_owned()), ..grace() };
    let foreign = || Identity { domain: Some("example.org".to_owned()), ..grace() };
    for (admits, identity, is_in) in [
        (admission(&["example.com"], &[], &[], false), grace(), true),
        (admission(&["example.com"], &[], &[], false), unverified(), false),
        (admission(&["com", "le.com", "example.com.evil"], &[], &[], false), grace(), false),
        (admission(&["example.com"], &[], &[], true), grace(), false),
        (admission(&["example.com"], &[], &[], true), owned(), true),
        (admission(&["example.com"], &[], &[], true), foreign(), false),
        (admission(&["example.com"], &[], &[], true), Identity { is_email_verified: false, ..owned() }, false),
        (admission(&[], &["grace@example.com"], &[], true), grace(), true),
        (admission(&[], &["grace@example.com"], &[], false), unverified(), false),
        (admission(&[], &["ada@example.com"], &["ops"], false), unverified(), true),
        (admission(&[], &[], &["Ops"], false), grace(), false),
    ] {
        let puppet = Puppet::new();
        puppet.said.lock().unwrap().identity = identity.clone();
        let (desk, client) = open(&puppet, |provider| provider.admits = Some(admits.clone())).await;
        let mut browser = Browser::default();
        let state = leave(&mut browser, &desk, &question(&client), "idp").await;
        let page = come_back(&mut browser, &desk, "idp", &state).await;
        assert_eq!(page.headers().contains_key(REFRESH), is_in, "{admits:?} {identity:?}");
        assert_eq!(browser.cookies.contains_key("claviger-session"), is_in);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_the_provider_are_those_of_the_grants_by_other_names() {
    let by_group = [("admins", vec!["*"]), ("*", vec!["files:read"])];
    let by_group = by_group.map(|(group, scopes)| (group.to_owned(), scopes.into_iter().map(str::to_owned).collect()));
    let allowance = Allowance { by_group: Some(by_group.into()) };
    for (map, expected) in
        [(Some(("ops", "admins")), "files:read files:write"), (Some(("Ops", "admins")), "files:read"), (None, "files:read")]
    {
        let puppet = Puppet::new();
        let mut provider = puppet.named("idp");
        provider.groups = map.map(|(theirs, ours)| [(theirs.to_owned(), vec![ours.to_owned()])].into());
        let (desk, client) = of(vec![provider], allowance.clone()).await;
        let question = question_with(&client, &[("scope", "files:read files:write")]);
        let mut got = log_in_with(&mut Browser::default(), &desk, &client, &question).await;
        assert_eq!(got.scope, expected, "{map:?}");
        puppet.said.lock().unwrap().identity.groups.clear();
        desk.advance(300);
        refreshed(&desk, &client, &mut got).await;
        assert_eq!(got.scope, "files:read", "who has lost a group there has lost it here");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_at_the_provider_ends_here_with_every_token() {
    let puppet = Puppet::new();
    let (desk, client) = open(&puppet, |_| {}).await;
    let mut browser = Browser::default();
    let first = log_in_with(&mut browser, &desk, &client, &question(&client)).await;
    let mut second = log_in(&desk, &client).await;
    let asked_before = puppet.asked();
    refreshed(&desk, &client, &mut second).await;
    assert_eq!(puppet.asked(), asked_before, "its last word is fresh");
    desk.advance(300);
    refreshed(&desk, &client, &mut second).await;
    assert_eq!(puppet.asked(), asked_before + 1);
    desk.advance(300);
    puppet.is(Mood::Silent);
    refreshed(&desk, &client, &mut second).await;
    assert_eq!(*puppet.shown.lock().unwrap(), ["r-0", "r-1"], "the refresh token that came last is shown next");
    desk.advance(300);
    puppet.is(Mood::Over);
    assert!(desk.opens(&second.access));
    assert_eq!(error(&desk.refresh(&client, &second.refresh).await), "invalid_grant");
    assert!(!desk.opens(&second.access), "the door hears of it at once");
    puppet.is(Mood::Answers);
    assert_eq!(error(&desk.refresh(&client, &first.refresh).await), "invalid_grant", "whatever else they had granted is over too");
    assert!(desk.server.list_grants().await.unwrap().is_empty());
    let page = browser.get(&desk, &question(&client)).await;
    assert!(text(&page).contains("The idp") && !text(&page).contains("Grace"), "they sign in anew: {}", text(&page));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_ends_nothing_for_a_day() {
    let puppet = Puppet::new();
    let (desk, client) = open(&puppet, |_| {}).await;
    let mut got = log_in(&desk, &client).await;
    puppet.is(Mood::Away);
    desk.advance(300);
    let asked_before = puppet.asked();
    for _ in 0..5 {
        refreshed(&desk, &client, &mut got).await;
    }
    assert_eq!(puppet.asked(), asked_before + 1, "what is away is asked once, and again after a while");
    desk.advance(23 * 3600);
    refreshed(&desk, &client, &mut got).await;
    desk.advance(3600);
    assert_eq!(error(&desk.refresh(&client, &got.refresh).await), "temporarily_unavailable");
    puppet.is(Mood::Answers);
    desk.advance(300);
    refreshed(&desk, &client, &mut got).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_refreshes_at_once_ask_the_provider_once() {
    let puppet = Puppet::new();
    let (desk, client) = open(&puppet, |_| {}).await;
    let got = log_in(&desk, &client).await;
    desk.advance(300);
    let crowd: Vec<_> = (0..50)
        .map(|_| {
            let (server, client, refresh) = (Arc::clone(&desk.server), client.clone(), got.refresh.clone());
            tokio::spawn(async move {
                let form = crate::desk::form(&[("grant_type", "refresh_token"), ("client_id", &client), ("refresh_token", &refresh)]);
                let request =
                    http::Request::post("http://127.0.0.1:8787/token").header("content-type", "application/x-www-form-urlencoded");
                server.answer(&request.body(form.into()).unwrap(), "203.0.113.9".parse().unwrap()).await
            })
        })
        .collect();
    for each in crowd {
        assert_eq!(each.await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(puppet.shown.lock().unwrap().len(), 1, "a refresh token that is good once is shown once");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_refresh_token_a_grant_lives_as_long_as_a_session() {
    let puppet = Puppet::new();
    puppet.said.lock().unwrap().refresh_token = None;
    let (desk, client) = open(&puppet, |_| {}).await;
    let mut got = log_in(&desk, &client).await;
    desk.advance(8 * 3600 - 1);
    refreshed(&desk, &client, &mut got).await;
    desk.advance(1);
    assert_eq!(error(&desk.refresh(&client, &got.refresh).await), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_came_at_the_first_time_only_stays() {
    let puppet = Puppet::new();
    let (desk, client) = open(&puppet, |_| {}).await;
    log_in(&desk, &client).await;
    puppet.said.lock().unwrap().refresh_token = None;
    let mut got = log_in(&desk, &client).await;
    desk.advance(300);
    refreshed(&desk, &client, &mut got).await;
    assert_eq!(*puppet.shown.lock().unwrap(), ["r-0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_longer_let_in_keeps_nothing_and_a_mistake_can_be_mended() {
    let puppet = Puppet::new();
    let (desk, client) = open(&puppet, |_| {}).await;
    let got = log_in(&desk, &client).await;
    let reload = |providers: Vec<Provider>| {
        let mut config = crate::desk::config(&desk.folder);
        config.providers = providers;
        desk.server.reload(config);
    };
    let closed = Provider { admits: Some(Admission::default()), ..puppet.named("idp") };
    for providers in [vec![closed], Vec::new(), vec![puppet.named("other")]] {
        reload(providers);
        assert_eq!(error(&desk.refresh(&client, &got.refresh).await), "invalid_grant");
    }
    reload(vec![puppet.named("idp")]);
    tokens(&desk.refresh(&client, &got.refresh).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_about_somebody_else_is_the_end() {
    let puppet = Puppet::new();
    let (desk, client) = open(&puppet, |_| {}).await;
    let got = log_in(&desk, &client).await;
    puppet.said.lock().unwrap().identity.subject = "008".to_owned();
    desk.advance(300);
    assert_eq!(error(&desk.refresh(&client, &got.refresh).await), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_must_sign_in_anew_is_not_taken_for_whom_the_provider_knew() {
    let puppet = Puppet::new();
    let (desk, client) = open(&puppet, |_| {}).await;
    for (authenticated_at, is_in) in [(Some(desk.seconds() - 3600), false), (Some(desk.seconds()), true), (None, true)] {
        puppet.said.lock().unwrap().identity.authenticated_at = authenticated_at;
        let mut browser = Browser::default();
        let state = leave(&mut browser, &desk, &question_with(&client, &[("prompt", "login")]), "idp").await;
        assert!(puppet.sent.lock().unwrap().last().unwrap().as_str().contains("anew=true"));
        let page = come_back(&mut browser, &desk, "idp", &state).await;
        assert_eq!(page.headers().contains_key(REFRESH), is_in, "{authenticated_at:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_accounts_there_is_a_button_for_each_provider_and_consent_comes_first_there_too() {
    let puppet = Puppet::new();
    let desk = Desk::with(|config| config.providers = vec![puppet.named("idp")]).await;
    let client = desk.register("A client", &["http://127.0.0.1/callback"]).await;
    let mut browser = Browser::default();
    let page = browser.get(&desk, &question(&client)).await;
    assert!(text(&page).contains("type=\"password\"") && text(&page).contains("The idp"), "{}", text(&page));
    let form = asked(&page);
    let page = browser.post(&desk, "/authorize/sign-in", &[("asked", &form), ("provider", "idp")]).await;
    assert!(text(&page).contains("A client") && text(&page).contains("idp.example"), "{}", text(&page));
    assert_eq!(puppet.asked(), 0);
    let page = browser.post(&desk, "/authorize/consent", &[("asked", &asked(&page)), ("provider", "idp")]).await;
    let page = come_back(&mut browser, &desk, "idp", &state_of(&page)).await;
    assert!(back(&page).contains_key("code"));
    let page = browser.get(&desk, &question(&client)).await;
    let page = browser.post(&desk, "/authorize/sign-out", &[("asked", &asked(&page))]).await;
    assert!(text(&page).contains("type=\"password\""), "{}", text(&page));
}
