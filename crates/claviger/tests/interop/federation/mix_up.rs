//! Can one provider's answer be passed off as another's? Two real providers stand side by side, npm's oidc-provider (`idp`) and Debian's glewlwyd (`second`); whoever is between the browser and the
//! door, and whoever runs one of the providers, takes what came from the one to the other (RFC 9207, RFC 9700 §4.4).

use serde_json::json;
use url::Url;

use super::scene::{Scene, provider};
use crate::support::{Glewlwyd, Issuer, Page, Visitor};

/// The two providers.
struct Both {
    idp: Issuer,
    second: Glewlwyd,
}

impl Scene<Both> {
    fn at_both() -> Self {
        let both = Both { idp: Issuer::start("unused"), second: Glewlwyd::start() };
        let federate =
            provider("idp", &both.idp.url, "openid profile email groups", "") + &provider("second", &both.second.url, "openid", "");
        let mut scene = Self::with(both, &federate);
        scene.people.second.sends_back_to(&format!("{}/authorize/back/second", scene.door.origin()));
        scene
    }

    /// How often each was asked for a token.
    fn asked(&mut self) -> (u32, u32) {
        (self.people.idp.grants(), self.people.second.grants())
    }

    /// Ada agrees, signs in at this provider, and is stopped on her way back: with what she would have come.
    fn comes_from(&self, ada: &mut Visitor, provider: &str) -> Url {
        let back = ada.presses_and_stops_before(provider, "/authorize/back", &self.question());
        let back = Url::parse(&back).expect("a URL");
        assert_eq!(back.path(), format!("/authorize/back/{provider}"));
        back
    }

    /// Ada agrees, and is stopped before this provider: what the door asks of it.
    fn leaves_for(&self, ada: &mut Visitor, provider: &str) -> Url {
        let (path, issuer) = match provider {
            "idp" => ("/auth", &self.people.idp.url),
            _ => ("/api/oidc/auth", &self.people.second.url),
        };
        let errand = ada.presses_and_stops_before(provider, path, &self.question());
        assert!(errand.starts_with(issuer.as_str()), "{errand}");
        Url::parse(&errand).expect("a URL")
    }

    fn close(mut self) {
        let given = [self.people.idp.given(), self.people.second.given()].concat();
        self.close_having_kept(&given);
    }
}

#[test]
fn the_answer_of_one_at_the_place_of_the_other_is_redeemed_at_neither() {
    let mut scene = Scene::at_both();
    for (asked, other) in [("idp", "second"), ("second", "idp")] {
        let mut ada = scene.browser("ada");
        let back = scene.comes_from(&mut ada, asked);
        let before = scene.asked();
        let mut elsewhere = back.clone();
        elsewhere.set_path(&format!("/authorize/back/{other}"));
        assert_is_refused(&ada.opens(elsewhere.as_str()), 403);
        assert_eq!(scene.asked(), before, "the code of {asked} went nowhere");
        let done = ada.presses_and_stops_before("none", "/callback", back.as_str());
        assert!(done.contains("code="), "at its own place it is as good as before: {done}");
    }
    scene.close();
}

#[test]
fn an_answer_in_the_name_of_the_other_is_redeemed_at_neither() {
    let mut scene = Scene::at_both();
    let names = [scene.people.idp.url.clone(), scene.people.second.url.clone()];
    for (asked, forged) in [
        ("idp", Some(names[1].as_str())),
        ("second", Some(names[0].as_str())),
        // It has promised to name itself.
        ("idp", None),
        ("idp", Some("")),
        ("second", Some("")),
    ] {
        let mut ada = scene.browser("ada");
        let back = scene.comes_from(&mut ada, asked);
        let before = scene.asked();
        assert_is_refused(&ada.opens(with(&back, "iss", forged).as_str()), 403);
        assert_eq!(scene.asked(), before, "the code of {asked} went nowhere, with {forged:?}");
        assert_is_refused(&ada.opens(back.as_str()), 403);
    }
    scene.close();
}

/// The attack as RFC 9700 §4.4.1 tells it: who runs the one provider sends the browser on to the other, in the hope that the door takes the other's code to it.
#[test]
fn a_provider_that_sends_people_on_to_the_other_gets_no_code_of_it() {
    let mut scene = Scene::at_both();
    for (evil, honest) in [("second", "idp"), ("idp", "second")] {
        let mut ada = scene.browser("ada");
        let trap = scene.leaves_for(&mut ada, evil);
        let path = scene.leaves_for(&mut scene.browser("eve"), honest);
        let before = scene.asked();
        // With everything that ties the answer to the errand of the evil one.
        let names = ["state", "nonce", "code_challenge"];
        let onwards = names.into_iter().fold(path, |url, name| with(&url, name, Some(&value(&trap, name))));
        let answer = ada.presses_and_stops_before("none", "/authorize/back", onwards.as_str());
        assert!(answer.contains(&format!("/authorize/back/{honest}")) && answer.contains("code="), "{answer}");
        assert_is_refused(&ada.opens(&answer), 403);
        assert_eq!(scene.asked(), before, "the code of {honest} went nowhere");
        // The honest one sends nobody to the place of the other.
        let astray = with(&onwards, "redirect_uri", Some(&value(&trap, "redirect_uri")));
        let page = ada.presses("none", astray.as_str());
        assert!(!page.responses.iter().any(|response| response.url.as_str().starts_with(scene.door.origin())), "{}", page.text);
    }
    scene.close();
}

/// Who has got hold of a code, of whichever provider and of whomever, puts it into their own answer.
#[test]
fn a_code_in_the_answer_to_another_errand_is_refused_by_the_provider() {
    let mut scene = Scene::at_both();
    for (asked, of) in [("idp", "idp"), ("second", "second"), ("idp", "second"), ("second", "idp")] {
        let stolen = value(&scene.comes_from(&mut scene.browser("ada"), of), "code");
        let mut eve = scene.browser("eve");
        let back = scene.comes_from(&mut eve, asked);
        let before = scene.asked();
        let page = eve.opens(with(&back, "code", Some(&stolen)).as_str());
        assert_is_refused(&page, 403);
        let after = scene.asked();
        assert_eq!((after.0 - before.0, after.1 - before.1), if asked == "idp" { (1, 0) } else { (0, 1) });
    }
    assert!(scene.people.idp.given().is_empty() && scene.people.second.given().is_empty(), "no provider has given anything for it");
    scene.close();
}

#[test]
fn the_answers_of_both_name_the_door_and_their_people_are_kept_apart() {
    let mut scene = Scene::at_both();
    scene.people.second.group("ada", &json!(["them"]));
    let (first, second) = (scene.log_in_at("idp", "ada"), scene.log_in_at("second", "ada"));
    assert_eq!((first.scope.as_str(), second.scope.as_str()), ("files:read", "files:read files:write"));
    scene.reads_the_letter(&first);
    scene.reads_the_letter(&second);
    let calls = scene.door.calls_of("read_text_file", 2);
    assert_eq!(calls[0]["subject"], "idp|ada");
    assert!(calls[1]["subject"].as_str().is_some_and(|subject| subject.starts_with("second|")), "{}", calls[1]);
    scene.close();
}

fn assert_is_refused(page: &Page, status: u64) {
    assert_eq!(page.status, status, "{}", page.text);
    assert!(page.responses.iter().all(|response| response.url.path() != "/callback"), "{}", page.text);
}

fn value(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(found, _)| found == name).unwrap_or_else(|| panic!("no {name} in {url}")).1.into_owned()
}

/// The same with another value, or without the parameter.
fn with(url: &Url, name: &str, value: Option<&str>) -> Url {
    let others: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(found, _)| found != name).collect();
    let mut changed = url.clone();
    changed.query_pairs_mut().clear().extend_pairs(others);
    if let Some(value) = value {
        changed.query_pairs_mut().append_pair(name, value);
    }
    changed
}
