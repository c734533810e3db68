//! People sign in at a real OpenID provider, and their clients call with tokens of the door's own authorization server.

mod glewlwyd;
mod mix_up;
mod scene;

use serde_json::json;

use self::scene::{Scene, provider};
use crate::support::{Issuer, eventually, get};

impl Scene<Issuer> {
    fn open(further: &str) -> Self {
        Self::at(Issuer::start("unused"), further)
    }

    fn at(people: Issuer, further: &str) -> Self {
        let federate = provider("idp", &people.url, "openid profile email groups", further);
        Self::with(people, &federate)
    }

    /// Ends the door, which has kept every token that the provider has given to itself.
    fn close(mut self) {
        let given = self.people.given();
        self.close_having_kept(&given);
    }
}

#[test]
fn people_agree_first_and_sign_in_there_and_call_with_our_token() {
    let mut scene = Scene::open("");
    scene.people.group(&json!(["them", "others"]));
    let page = scene.browser("ada").presses("none", &scene.question());
    for piece in ["The Client", "The Provider", "127.0.0.1", "files:read", "files:write"] {
        assert!(page.text.contains(piece), "{piece} is not in {}", page.text);
    }
    let before = get(&format!("{}/.well-known/openid-configuration", scene.people.url)).status;
    assert_eq!((before, scene.people.requests()), (200, 1), "nothing has reached the provider but this");
    let tokens = scene.log_in("ada");
    assert_eq!(tokens.scope, "files:read files:write", "by her group, which only the userinfo endpoint tells");
    scene.reads_the_letter(&tokens);
    let call = &scene.door.calls_of("read_text_file", 1)[0];
    assert_eq!((&call["issuer"], &call["subject"]), (&json!(scene.door.origin()), &json!("idp|ada")));
    assert_eq!(scene.door.events("sign_in.done", 1)[0]["provider"], "idp");
    scene.close();
}

#[test]
fn what_ends_at_the_provider_ends_at_the_door() {
    let mut scene = Scene::open("");
    scene.people.group(&json!(["them"]));
    let mut tokens = scene.log_in("ada");
    scene.people.group(&json!([]));
    let lost_it = || {
        tokens = scene.refresh(&tokens).expect("she is still there");
        tokens.scope == "files:read"
    };
    assert!(eventually(lost_it), "who has lost a group has lost what it permits");
    assert_eq!(scene.status(&tokens), 200);
    scene.people.end_grants();
    let ended = || match scene.refresh(&tokens) {
        Ok(next) => {
            tokens = next;
            false
        }
        Err(error) => error == "invalid_grant",
    };
    assert!(eventually(ended), "the provider has been asked, and says that it is over");
    assert_eq!(scene.status(&tokens), 401, "her token is good no more");
    assert_eq!(scene.door.events("grant.ended", 1)[0]["by"], "provider");
    scene.close();
}

#[test]
fn an_id_token_that_is_not_the_answer_lets_nobody_in() {
    let mut scene = Scene::open("");
    for claims in [
        json!({"nonce": "another"}),
        json!({"nonce": null}),
        json!({"aud": "another-client"}),
        json!({"aud": ["federated", "another-client"]}),
        json!({"azp": "another-client"}),
        json!({"iss": "https://evil.example"}),
        json!({"iss": format!("{}/", scene.people.url)}),
        json!({"exp": 1}),
        json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
    ] {
        scene.people.forge(&claims);
        let page = scene.is_stopped("ada");
        assert_eq!(page.status, 403, "{claims}: {}", page.text);
        assert!(page.text.contains("The Provider"), "{}", page.text);
    }
    scene.people.forge(&json!({}));
    scene.log_in("ada");
    scene.close();
}

#[test]
fn a_provider_that_is_down_or_slow_or_has_new_keys_ends_nothing() {
    let mut scene = Scene::open("");
    let mut tokens = scene.log_in("ada");
    scene.people.rotate();
    scene.reads_the_letter(&tokens);
    let other = scene.log_in("grace");
    scene.people.fail();
    for _ in 0..3 {
        tokens = scene.refresh(&tokens).expect("a provider that is down has taken nothing back");
    }
    scene.reads_the_letter(&tokens);
    assert_eq!(scene.is_stopped("mary").status, 503);
    scene.people.mend();
    scene.people.delay();
    scene.reads_the_letter(&scene.refresh(&other).expect("a provider that is slow answers in the end"));
    scene.log_in("mary");
    scene.people.close();
    tokens = scene.refresh(&tokens).expect("nor has one that is gone");
    scene.reads_the_letter(&tokens);
    scene.people.open();
    scene.close();
}

#[test]
fn a_provider_whose_name_ends_with_a_slash_is_known_by_the_slash() {
    let people = Issuer::start_with_slash("unused");
    assert!(people.url.ends_with('/'));
    let scene = Scene::at(people, "");
    scene.reads_the_letter(&scene.log_in("ada"));
    scene.close();
    let people = Issuer::start_with_slash("unused");
    let scene = Scene::at(people.called_without_slash(), "");
    let page = scene.browser("ada").presses("idp", &scene.question());
    assert_eq!(page.status, 503, "its metadata names somebody else: {}", page.text);
    scene.close();
}

#[test]
fn only_verified_addresses_of_the_domain_come_in() {
    let scene = Scene::open("allow = { domains = \"example.com\" }");
    scene.reads_the_letter(&scene.log_in("ada"));
    let page = scene.is_stopped("unverified-eve");
    assert_eq!(page.status, 403);
    assert!(page.text.contains("may not come in"), "{}", page.text);
    scene.close();
}

#[test]
fn who_brings_an_answer_to_another_browser_is_nobody_there() {
    let scene = Scene::open("");
    let mut ada = scene.browser("ada");
    let back = ada.presses_and_stops_before("idp", "/authorize/back", &scene.question());
    let page = scene.browser("eve").opens(&back);
    assert_eq!(page.status, 403, "{}", page.text);
    let page = ada.presses_and_stops_before("none", "/callback", &back);
    assert!(page.contains("code="), "{page}");
    scene.close();
}
