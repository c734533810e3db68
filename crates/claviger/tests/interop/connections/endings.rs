//! What is left of a connection after a restart, and how does one end? By the person on the page, or by an operator at the terminal.

use serde_json::{Value, json};

use super::{Scene, assert_connected, link_in};

/// Types `claviger connections …`: what it said.
fn type_connections(scene: &Scene, words: &[&str]) -> String {
    let typed = scene.door.types(&[&["connections"], words].concat());
    assert!(typed.success, "{words:?}: {}{}", typed.stdout, typed.stderr);
    typed.stdout
}

/// The one who is connected, in the list for people and in that for programs.
fn is_listed(scene: &Scene) {
    let table = type_connections(scene, &["list"]);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert_eq!(lines[0], ["SERVER", "SUBJECT", "ISSUER", "SINCE", "LASTS"]);
    assert_eq!((&lines[1][..3], &lines[1][4..]), (&["docs", "robot", &*scene.people.url][..], &["renews", "itself"][..]));
    let [connection] = &scene.connections()[..] else { panic!("{table}") };
    let expected = json!({"server": "docs", "subject": "robot", "issuer": scene.people.url, "renews_itself": true});
    for (member, value) in expected.as_object().expect("an object") {
        assert_eq!(&connection[member], value, "{connection}");
    }
    for moment in ["connected_at", "renewed_at", "token_ends_at"] {
        assert!(connection[moment].as_str().is_some_and(|moment| moment.ends_with('Z')), "{moment} in {connection}");
    }
    let scopes: Vec<&str> = connection["scopes"].as_str().expect("scopes").split(' ').collect();
    assert!(scopes.contains(&"docs:read"), "{connection}");
    assert_eq!(type_connections(scene, &["list", "--subject", "robin"]), "");
}

/// Nothing is left of it, there, here and in the record.
fn has_ended(scene: &mut Scene, by: &str) {
    assert_eq!(scene.accounts.held(), 0, "its refresh token was taken back");
    scene.nobody_is_connected();
    let event = &scene.door.events("connection.ended", 1)[0];
    let expected = json!({"server": "docs", "issuer": scene.people.url, "subject": "robot", "by": by});
    for (member, value) in expected.as_object().expect("an object") {
        assert_eq!(&event[member], value, "{event}");
    }
}

#[test]
fn a_connection_outlives_the_door_and_is_listed_with_and_without_it() {
    let mut scene = Scene::open();
    scene.connect("robot");
    is_listed(&scene);
    scene.door.shut();
    is_listed(&scene);
    scene.door.open_again();
    assert_eq!(scene.call("robot"), Ok(scene.account("robot")));
    is_listed(&scene);
    scene.close();
}

#[test]
fn whoever_is_away_while_the_door_restarts_comes_back_to_it() {
    let mut scene = Scene::open();
    let (mut robot, callback) = scene.on_the_way("robot");
    scene.door.shut();
    scene.door.open_again();
    assert_connected(&robot.opens(&callback));
    assert_eq!(scene.call("robot"), Ok(scene.account("robot")));
    scene.close();
}

#[test]
fn an_operator_ends_a_connection_by_the_running_door() {
    let mut scene = Scene::open();
    scene.connect("robot");
    scene.connect("robin");
    assert_eq!(scene.call("robot"), Ok(scene.account("robot")));
    let told = type_connections(&scene, &["revoke", "--server", "docs", "--subject", "robot"]);
    assert_eq!(told, "docs of robot is ended, and taken back\n");
    link_in(&scene.call("robot").expect_err("they are asked again"));
    assert_eq!(scene.call("robin"), Ok(scene.account("robin")), "nobody else is touched");
    assert_eq!(scene.accounts.held(), 1);
    type_connections(&scene, &["revoke", "--subject", "robin"]);
    has_ended(&mut scene, "operator");
    scene.close();
}

#[test]
fn an_operator_ends_a_connection_while_no_door_is_running() {
    let mut scene = Scene::open();
    scene.connect("robot");
    scene.door.shut();
    let configuration = scene.folder.path().join("claviger.toml");
    let configuration = configuration.to_str().expect("paths of tests are text");
    let told = type_connections(&scene, &["revoke", "--subject", "robot", "--config", configuration]);
    assert_eq!(told, "docs of robot is ended, and taken back\n");
    has_ended(&mut scene, "operator");
    scene.door.open_again();
    link_in(&scene.call("robot").expect_err("they are asked again"));
    scene.close();
}

#[test]
fn what_cannot_be_taken_back_there_is_forgotten_here_and_said() {
    let mut scene = Scene::open();
    scene.connect("robot");
    scene.accounts.close();
    let typed = scene.door.types(&["connections", "revoke", "--all"]);
    assert!(!typed.success, "{}", typed.stdout);
    assert!(typed.stdout.starts_with("docs of robot is forgotten here; it was not taken back there: "), "{}", typed.stdout);
    assert!(typed.stderr.contains("1 of 1 were not taken back"), "{}", typed.stderr);
    scene.nobody_is_connected();
    scene.accounts.open();
    link_in(&scene.call("robot").expect_err("they are asked again"));
    scene.close();
}

#[test]
fn a_person_ends_their_connection_on_the_page() {
    let mut scene = Scene::open();
    let mut person = scene.connect("robot");
    let page = person.opens(&scene.page(""));
    assert!(page.text.contains("The Docs connected"), "{}", page.text);
    let page = person.presses("disconnect", &scene.page("/to/docs"));
    assert!(page.text.contains("You are no longer connected to “The Docs”"), "{}", page.text);
    assert!(page.text.contains("taken back, there and here"), "{}", page.text);
    has_ended(&mut scene, "person");
    assert!(person.opens(&scene.page("")).text.contains("The Docs not connected"));
    link_in(&scene.call("robot").expect_err("they are asked again"));
    assert_eq!(scene.connections(), Vec::<Value>::new());
    scene.close();
}
