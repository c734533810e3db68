//! What keeps others from looking on, or in? Headers on every page, and attributes of every cookie.

use serde_json::json;

use super::Scene;
use crate::support::Page;

/// Every response of the door's among these is closed to frames, caches and scripts.
fn are_closed(scene: &Scene, page: &Page) -> usize {
    let ours = page.responses.iter().filter(|response| response.url.as_str().starts_with(scene.door.origin()));
    let mut count = 0;
    for response in ours {
        let url = &response.url;
        let policy = response.header("content-security-policy");
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self';"] {
            assert!(policy.contains(rule), "{url}: {policy}");
        }
        let expected = [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
        ];
        for (name, value) in expected {
            assert_eq!(response.header(name), value, "{name} of {url}");
        }
        for cookie in &response.cookies {
            assert!(cookie.starts_with("claviger-"), "{cookie}");
            for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] {
                assert!(cookie.contains(attribute), "{cookie} lacks {attribute}");
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
        count += 1;
    }
    assert!(count > 0, "{} is a page of the door's", page.url());
    count
}

#[test]
fn every_page_is_closed_to_frames_caches_and_scripts() {
    let scene = Scene::open();
    let link = scene.link("robot");
    let mut robot = scene.browser("robot");
    let walk = robot.walks(&link);
    assert_eq!(are_closed(&scene, &walk), 5, "to the sign-in, back, the question, to the provider, back");
    let cookies: Vec<&str> =
        walk.responses.iter().flat_map(|response| &response.cookies).filter_map(|line| line.split('=').next()).collect();
    let is_set = |start| cookies.iter().any(|name| name.starts_with(start));
    assert!(is_set("claviger-leaving-") && is_set("claviger-visitor"), "{cookies:?}");

    let question = robot.opens(&scene.page("/to/docs"));
    are_closed(&scene, &question);
    let mark = question.mark().to_owned();
    for (path, status, words) in [
        ("", 200, "Your connections"),
        ("/to/nowhere", 404, "There is no such page"),
        ("/nowhere", 404, "There is no such page"),
        ("/back/docs", 400, "This request cannot be read"),
        ("/back/docs?state=x&code=y", 403, "This answer belongs to no question of yours"),
        ("/to/docs?for=x", 400, "This link is no longer good"),
        ("/sign-in?with=x", 404, "There is no such page"),
    ] {
        let page = robot.opens(&scene.page(path));
        assert_eq!(page.status, status, "{path}: {}", page.text);
        assert!(page.text.contains(words), "{path}: {}", page.text);
        are_closed(&scene, &page);
    }
    are_closed(&scene, &robot.opens(&scene.link("robin")));

    are_closed(&scene, &robot.presses("disconnect", &scene.page("/to/docs")));
    let page = robot.posts(&scene.page("/sign-out"), &json!({"mark": mark}), None);
    assert!(page.text.contains("You are signed out"), "{}", page.text);
    are_closed(&scene, &page);
    scene.close();
}
