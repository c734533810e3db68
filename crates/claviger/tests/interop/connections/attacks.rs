//! What does nobody reach who is not meant? Each attack on its own, and after each of them nobody is connected who was not before.

use std::fs;

use serde_json::json;
use url::Url;

use super::{Scene, assert_connected, ticket_of};
use crate::support::Page;

/// The page refuses, and no code was taken to the provider.
fn is_refused(scene: &mut Scene, page: &Page, grants_before: u32) {
    assert_eq!(page.status, 403, "{}", page.text);
    assert!(page.text.contains("This answer belongs to no question of yours"), "{}", page.text);
    assert_eq!(scene.accounts.grants(), grants_before, "the code is spent on nobody");
    scene.nobody_is_connected();
}

/// The same URL with another value for one of its parameters.
fn with(url: &str, name: &str, value: &str) -> String {
    let mut url = Url::parse(url).expect("a URL");
    let pairs: Vec<(String, String)> =
        url.query_pairs().map(|(key, old)| (key.to_string(), if key == name { value.to_owned() } else { old.to_string() })).collect();
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url.into()
}

#[test]
fn a_link_for_somebody_else_connects_nobody() {
    let scene = Scene::open();
    let link = scene.link("robin");
    let page = scene.browser("robot").walks(&link);
    assert_eq!(page.status, 403);
    assert!(page.text.contains("This link is for somebody else"), "{}", page.text);
    assert!(!page.text.contains("robin"), "nobody learns whom it was made for: {}", page.text);
    scene.nobody_is_connected();
    scene.close();
}

#[test]
fn a_link_that_was_changed_or_invented_leads_nowhere() {
    let scene = Scene::open();
    let link = scene.link("robot");
    let ticket = ticket_of(&link);
    let changed = format!("{}{}", &ticket[..ticket.len() - 2], if ticket.ends_with("AA") { "BB" } else { "AA" });
    let mut robot = scene.browser("robot");
    robot.opens(&scene.page("/to/docs"));
    for invented in [&*changed, "invented", "", &ticket[1..], &format!("{ticket}{ticket}")] {
        for person in [&mut robot, &mut scene.browser("robin")] {
            let page = person.walks(&format!("{}?for={invented}", scene.page("/to/docs")));
            assert_eq!(page.status, 400, "{invented}: {}", page.text);
            assert!(page.text.contains("This link is no longer good"), "{}", page.text);
        }
    }
    scene.nobody_is_connected();
    scene.close();
}

#[test]
fn an_answer_from_another_browser_is_refused_and_spent() {
    let mut scene = Scene::open();
    let (mut robot, callback) = scene.on_the_way("robot");
    let before = scene.accounts.grants();
    let page = scene.browser("robot").opens(&callback);
    is_refused(&mut scene, &page, before);
    let page = robot.opens(&callback);
    is_refused(&mut scene, &page, before);
    scene.close();
}

#[test]
fn an_answer_in_the_browser_of_another_person_connects_neither() {
    let mut scene = Scene::open();
    let (_robot, callback) = scene.on_the_way("robot");
    let (mut robin, _) = scene.on_the_way("robin");
    let before = scene.accounts.grants();
    let page = robin.opens(&callback);
    is_refused(&mut scene, &page, before);
    scene.close();
}

#[test]
fn an_answer_after_a_new_sign_in_of_the_same_person_is_refused() {
    let mut scene = Scene::open();
    let (mut robot, callback) = scene.on_the_way("robot");
    let mark = robot.opens(&scene.page("")).mark().to_owned();
    robot.posts(&scene.page("/sign-out"), &json!({"mark": mark}), None);
    robot.signs_in(&scene.link("robot"));
    let before = scene.accounts.grants();
    let page = robot.opens(&callback);
    is_refused(&mut scene, &page, before);
    scene.close();
}

#[test]
fn an_answer_is_good_once() {
    let mut scene = Scene::open();
    let (mut robot, callback) = scene.on_the_way("robot");
    assert_connected(&robot.opens(&callback));
    let (connections, before) = (scene.connections(), scene.accounts.grants());
    let page = robot.opens(&callback);
    assert_eq!(page.status, 403, "{}", page.text);
    assert_eq!((scene.connections(), scene.accounts.grants()), (connections, before));
    assert_eq!(scene.door.events("connection.made", 1).len(), 1);
    scene.close();
}

#[test]
fn an_answer_of_another_provider_is_refused() {
    let mut scene = Scene::open();
    for issuer in [scene.people.url.clone(), format!("{}/", scene.accounts.url), String::new()] {
        let (mut robot, callback) = scene.on_the_way("robot");
        let before = scene.accounts.grants();
        let page = robot.opens(&with(&callback, "iss", &issuer));
        assert_eq!(page.status, 502, "{}", page.text);
        assert!(page.text.contains("Nothing was changed"), "{}", page.text);
        assert_eq!(scene.accounts.grants(), before, "no code is taken to the provider that did not give it");
        scene.nobody_is_connected();
    }
    scene.close();
}

#[test]
fn an_answer_without_its_provider_is_refused_when_that_names_itself() {
    let mut scene = Scene::open();
    let (mut robot, callback) = scene.on_the_way("robot");
    let before = scene.accounts.grants();
    let page = robot.opens(callback.split_once("&iss=").expect("the provider names itself last").0);
    assert_eq!(page.status, 502, "{}", page.text);
    assert_eq!(scene.accounts.grants(), before);
    scene.nobody_is_connected();
    scene.close();
}

#[test]
fn an_answer_at_the_place_of_another_provider_is_refused() {
    let mut scene = Scene::open();
    for place in ["notes", "nowhere"] {
        let (mut robot, callback) = scene.on_the_way("robot");
        let before = scene.accounts.grants();
        let page = robot.opens(&callback.replace("/back/docs", &format!("/back/{place}")));
        is_refused(&mut scene, &page, before);
    }
    scene.close();
}

#[test]
fn an_answer_to_a_question_that_nobody_asked_is_refused() {
    let mut scene = Scene::open();
    let (mut robot, callback) = scene.on_the_way("robot");
    let before = scene.accounts.grants();
    let page = robot.opens(&with(&callback, "state", "invented"));
    is_refused(&mut scene, &page, before);
    // An answer to one question is none to the other.
    let place = scene.people.url.replace("http://", "/signed-in/").replace(':', "-");
    let page = robot.opens(&callback.replace("/back/docs", &place));
    is_refused(&mut scene, &page, before);
    scene.close();
}

#[test]
fn a_sign_in_does_not_stand_for_a_grant() {
    let mut scene = Scene::open();
    let mut robot = scene.browser("robot");
    let signed_in = robot.stops_before("/connections/signed-in", &scene.link("robot"));
    let before = scene.accounts.grants();
    let page = robot.opens(&signed_in.replace("/signed-in", "/back/docs"));
    is_refused(&mut scene, &page, before);
    let asked = scene.people.grants();
    let page = robot.opens(&signed_in.replace("/signed-in/", "/signed-in/another.example-"));
    is_refused(&mut scene, &page, before);
    assert_eq!(scene.people.grants(), asked, "an answer at another issuer's place costs nobody a code");
    scene.close();
}

#[test]
fn the_button_works_for_nobody_but_the_page_that_has_it() {
    let mut scene = Scene::open();
    let page = scene.page("/to/docs");
    let mut robot = scene.browser("robot");
    robot.signs_in(&scene.link("robot"));
    let own = robot.opens(&page).mark().to_owned();
    let mut robin = scene.browser("robin");
    robin.signs_in(&scene.link("robin"));
    let of_robin = robin.opens(&page).mark().to_owned();
    let origin = scene.door.origin().to_owned();
    let before = scene.accounts.grants();
    for (mark, from) in
        [(None, Some(&*origin)), (None, None), (Some(&*of_robin), Some(&*origin)), (Some(""), Some(&*origin)), (Some("invented"), None)]
    {
        let refused = robot.posts(&page, &json!({"action": "connect", "mark": mark.unwrap_or_default()}), from);
        is_refused(&mut scene, &refused, before);
        assert_eq!(refused.responses.len(), 1, "nobody is sent anywhere");
    }
    for origin in ["https://evil.example", "null"] {
        let refused = robot.posts(&page, &json!({"action": "connect", "mark": own}), Some(origin));
        assert_eq!((refused.status, refused.responses.len()), (403, 1), "{origin}: {}", refused.text);
    }
    let refused = scene.browser("robot").posts(&page, &json!({"action": "connect", "mark": own}), Some(&origin));
    is_refused(&mut scene, &refused, before);
    scene.nobody_is_connected();
    scene.close();
}

#[test]
fn nobody_is_signed_in_as_somebody_else_by_a_link() {
    let scene = Scene::open();
    let signed_in = scene.browser("robin").stops_before("/connections/signed-in", &scene.page("/to/docs"));
    // Neither in a browser that was at rest, nor in one whose person is signing in themselves.
    let mut at_rest = scene.browser("robot");
    let page = at_rest.opens(&signed_in);
    assert_eq!(page.status, 403, "{}", page.text);
    let page = at_rest.opens(&scene.page(""));
    assert!(page.url().as_str().starts_with(&scene.people.url), "they are asked who they are: {}", page.url());

    let again = scene.browser("robin").stops_before("/connections/signed-in", &scene.page("/to/docs"));
    let mut signing_in = scene.browser("robot");
    signing_in.stops_before("/connections/signed-in", &scene.link("robot"));
    let page = signing_in.opens(&again);
    assert_eq!(page.status, 403, "{}", page.text);
    scene.nobody_is_connected();
    scene.close();
}

/// At the start the door decides whether a link alone says who somebody is; who can reach it does not change before the next one.
#[test]
fn a_reload_never_begins_to_take_a_link_for_a_person() {
    let mut scene = Scene::open();
    let link = scene.link("robot");
    let configuration = scene.folder.path().join("claviger.toml");
    let text = fs::read_to_string(&configuration).expect("the configuration can be read");
    let without: Vec<&str> = text.lines().filter(|line| !line.starts_with("sign_in")).collect();
    fs::write(&configuration, without.join("\n")).expect("a file can be written");
    scene.door.process().line("configuration reloaded");
    let page = scene.browser("robin").walks(&link);
    assert_eq!(page.status, 403, "{}", page.text);
    assert!(page.text.contains("Nobody can sign in here yet"), "{}", page.text);
    scene.nobody_is_connected();
    scene.close();
}
