//! How do the pages about connections look, and can everybody use them?

use serde_json::{Value, json};

use super::{BACK, Scene};
use crate::support::{Page, gallery};

/// What everybody can come to see who is connected to one of two servers.
const PAGES: [gallery::Shown<'_>; 14] = [
    ("connect-list", ["Your connections", "Ihre Verbindungen"]),
    ("connect-consent", ["Connect to “The Notes”", "Mit „The Notes“ verbinden"]),
    ("connect-consent-again", ["You are connected to “The Docs”", "Sie sind mit „The Docs“ verbunden"]),
    ("connect-leave", ["On to 127.0.0.1", "Weiter zu 127.0.0.1"]),
    ("connect-choose", ["Who are you?", "Wer sind Sie?"]),
    ("connect-for-somebody-else", ["This link is for somebody else", "Dieser Link ist für jemand anderen"]),
    ("connect-link-ended", ["This link is no longer good", "Dieser Link gilt nicht mehr"]),
    ("connect-no-errand", ["This answer belongs to no question of yours", "Diese Antwort gehört zu keiner Frage von Ihnen"]),
    ("connect-no-page", ["There is no such page", "Diese Seite gibt es nicht"]),
    ("connect-said-no", ["You are not connected", "Sie sind nicht verbunden"]),
    ("connect-unreadable", ["This request cannot be read", "Diese Anfrage ist nicht lesbar"]),
    ("connect-signed-out", ["You are signed out", "Sie sind abgemeldet"]),
    ("connect-connected", ["You are connected to “The Docs”", "Sie sind mit „The Docs“ verbunden"]),
    ("connect-disconnected", ["You are no longer connected to “The Docs”", "Sie sind nicht mehr mit „The Docs“ verbunden"]),
];

/// The cookies that the door has left in this browser.
fn cookies(scene: &Scene, page: &Page) -> Vec<Value> {
    let ours = page.responses.iter().filter(|response| response.url.as_str().starts_with(scene.door.origin()));
    let lines = ours.flat_map(|response| &response.cookies).filter(|line| line.starts_with("claviger-visitor="));
    let pairs = lines.filter_map(|line| line.split(';').next()?.split_once('='));
    pairs.map(|(name, value)| json!({"name": name, "value": value})).collect()
}

#[test]
fn everybody_can_use_every_page_about_connections() {
    let further = "[[accept]]\nissuer = \"https://sso.example\"\nsign_in = { client_id = \"people\", client_secret = \"file://./secret\" }";
    let scene = Scene::where_people(&format!("sign_in = {{ client_id = \"people\", client_secret = \"file://./secret\" }}\n{further}"));
    let link = scene.link("robot");
    let mut robot = scene.browser("robot");
    let walk = robot.walks(&link);
    let mut callback = || robot.stops_before(BACK, &scene.page("/to/docs"));
    let mut callbacks = || json!({"en": callback(), "de": callback()});
    let task = json!({
        "origin": scene.door.origin(), "cookies": cookies(&scene, &walk), "link": scene.link("robin"),
        "callbacks": {"connect-connected": callbacks(), "connect-said-no": callbacks()},
    });
    gallery::shows(&task, &PAGES);
    scene.close();
}
