//! Does another provider do as well? Debian's glewlwyd, which has no code in common with npm's oidc-provider, asks for passwords, and says its things in its own way.

use serde_json::json;

use super::scene::{Scene, provider};
use crate::support::{Glewlwyd, Page, chromium, eventually, get};

impl Scene<Glewlwyd> {
    fn at_glewlwyd(further: &str) -> Self {
        Self::at(Glewlwyd::start(), further)
    }

    fn at(people: Glewlwyd, further: &str) -> Self {
        let federate = provider("idp", &people.url, "openid", further);
        let mut scene = Self::with(people, &federate);
        scene.people.sends_back_to(&format!("{}/authorize/back/idp", scene.door.origin()));
        scene
    }

    /// Ends the door, which has kept every token that the provider has given to itself.
    fn close(mut self) {
        let given = self.people.given();
        self.close_having_kept(&given);
    }
}

#[test]
fn people_sign_in_there_with_a_password_and_call_with_our_token() {
    let mut scene = Scene::at_glewlwyd("");
    scene.people.group("ada", &json!(["them", "others"]));
    let tokens = scene.log_in("ada");
    assert_eq!(tokens.scope, "files:read files:write", "by her group");
    scene.reads_the_letter(&tokens);
    let other = scene.log_in("eve");
    assert_eq!(other.scope, "files:read", "she is in no group");
    scene.reads_the_letter(&other);
    scene.reads_the_letter(&scene.log_in("ada"));
    let calls = scene.door.calls_of("read_text_file", 3);
    let [ada, eve, again] = [0, 1, 2].map(|index: usize| calls[index]["subject"].as_str().expect("a text"));
    assert!(ada.starts_with("idp|") && ada.len() > "idp|".len(), "{ada}");
    assert!(ada == again && ada != eve, "{ada}, {eve}, {again}");
    assert_eq!(scene.door.events("sign_in.done", 3)[0]["provider"], "idp");
    scene.close();
}

#[test]
fn a_person_at_a_real_browser_signs_in_there_and_is_back_at_the_client() {
    let scene = Scene::at_glewlwyd("");
    let (walk, back) = chromium::sign_in_elsewhere(&scene.question(), "idp", "ada", "a password of ada", scene.door.secrets());
    for (page, words) in walk.pages.iter().zip(["The Client", "Please enter your login and password", "Hello ada of the tests"]) {
        assert!(page.contains(words), "{words} is not in {page}");
    }
    assert_eq!(walk.pages.len(), 3);
    scene.reads_the_letter(&scene.tokens_for(&back));
    scene.close();
}

#[test]
fn two_slashes_in_its_endpoints_and_a_subject_for_each_sector_are_taken_as_they_are() {
    let scene = Scene::<Glewlwyd>::at(Glewlwyd::start_odd(), "");
    let metadata = get(&format!("{}/.well-known/openid-configuration", scene.people.url)).json();
    let endpoint = metadata["token_endpoint"].as_str().expect("a URL");
    assert!(endpoint.ends_with("//api/oidc/token"), "{metadata}");
    assert_eq!(metadata["subject_types_supported"], json!(["pairwise"]));
    scene.reads_the_letter(&scene.log_in("ada"));
    scene.reads_the_letter(&scene.log_in("ada"));
    let calls = scene.door.calls_of("read_text_file", 2);
    assert_eq!(calls[0]["subject"], calls[1]["subject"]);
    scene.close();
}

#[test]
fn a_wrong_password_stays_outside() {
    let mut scene = Scene::at_glewlwyd("");
    for who in ["ada/a guess", "ada/a password of eve", "nobody"] {
        let page = scene.is_stopped(who);
        assert!(!page.url().as_str().starts_with(scene.door.origin()), "{who} is still at the provider: {}", page.url());
    }
    assert_eq!(scene.people.grants(), 0);
    scene.reads_the_letter(&scene.log_in("ada"));
    assert_eq!(scene.people.grants(), 1);
    scene.close();
}

#[test]
fn a_provider_that_is_stopped_is_said_to_be_away_and_ends_nothing() {
    let mut scene = Scene::at_glewlwyd("");
    scene.people.close();
    assert_is_away(&scene.is_stopped("ada"));
    scene.people.open();
    let mut tokens = scene.log_in("ada");
    let mut eve = scene.browser("eve");
    let back = eve.presses_and_stops_before("idp", "/authorize/back", &scene.question());
    scene.people.close();
    assert_is_away(&eve.opens(&back));
    for _ in 0..3 {
        tokens = scene.refresh(&tokens).expect("a provider that is away has taken nothing back");
    }
    scene.reads_the_letter(&tokens);
    scene.people.open();
    scene.reads_the_letter(&scene.log_in("eve"));
    scene.close();
}

fn assert_is_away(page: &Page) {
    assert_eq!(page.status, 503, "{}", page.text);
    assert!(page.text.contains("The Provider does not answer"), "{}", page.text);
}

#[test]
fn only_members_of_a_group_come_in() {
    let mut scene = Scene::at_glewlwyd("allow = { groups = \"them\" }");
    scene.people.group("ada", &json!(["them"]));
    scene.people.group("eve", &json!(["themselves", "others"]));
    let tokens = scene.log_in("ada");
    scene.reads_the_letter(&tokens);
    let page = scene.is_stopped("eve");
    assert_eq!(page.status, 403, "{}", page.text);
    assert!(page.text.contains("may not come in"), "{}", page.text);
    scene.people.group("ada", &json!(["others"]));
    let ended = || scene.refresh(&tokens).is_err_and(|error| error == "invalid_grant");
    assert!(eventually(ended), "who has left the group has left");
    scene.close();
}

#[test]
fn whose_groups_stand_at_another_claim_is_in_none() {
    let mut scene = Scene::at_glewlwyd("groups_claim = \"/realm_access/roles\"\nallow = { groups = \"them\" }");
    scene.people.group("ada", &json!(["them"]));
    let page = scene.is_stopped("ada");
    assert_eq!(page.status, 403, "{}", page.text);
    scene.close();
    let mut scene = Scene::at_glewlwyd("groups_claim = \"/realm_access/roles\"");
    scene.people.group("ada", &json!(["them"]));
    assert_eq!(scene.log_in("ada").scope, "files:read", "what everybody has");
    scene.close();
}

/// It refuses `max_age=0`, and never says when somebody signed in.
#[test]
fn whoever_must_sign_in_anew_is_asked_for_the_password_anew() {
    let scene = Scene::at_glewlwyd("parameters = { prompt = \"login\" }");
    let mut ada = scene.browser("ada");
    let question = format!("{}&prompt=login", scene.question());
    for _ in 0..2 {
        assert!(ada.presses_and_stops_before("idp", "/callback", &question).contains("code="));
    }
    scene.close();
}

#[test]
fn whoever_has_no_account_there_any_more_has_nothing_here() {
    let mut scene = Scene::at_glewlwyd("");
    let mut tokens = scene.log_in("ada");
    let other = scene.log_in("eve");
    scene.people.dismiss("ada");
    let ended = || match scene.refresh(&tokens) {
        Ok(next) => {
            tokens = next;
            false
        }
        Err(error) => error == "invalid_grant",
    };
    assert!(eventually(ended), "the provider has been asked, and says that it is over");
    assert_eq!(scene.status(&tokens), 401, "her token is good no more");
    scene.reads_the_letter(&other);
    scene.close();
}
