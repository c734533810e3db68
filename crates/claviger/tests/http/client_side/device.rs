//! Logging in where no browser can come back: a code is typed on another machine.

use super::{Browser, Machine, killed, open, plan};
use crate::authorization_server::browser::asked;
use crate::support::{Door, Running, eventually, run};

/// The code that is shown, with what `marks` it.
async fn code_of(login: &Running) -> String {
    eventually("a code is shown", || {
        let said = login.said();
        let (_, behind) = said.split_once("type the code\n  ")?;
        behind.contains('\n').then(|| behind.lines().next().unwrap().to_owned())
    })
    .await
}

/// Ada types it on her telephone, and says yes or no.
async fn typed(door: &Door, code: &str, answer: &str) {
    let mut browser = Browser::new(door);
    let page = browser.get("/device").await;
    let page = browser.submit("/device", &[("asked", &asked(&page)), ("user_code", code)]).await;
    let consent = browser.sign_in(&page).await;
    assert!(consent.text().contains("Claviger"), "{}", consent.text());
    assert_eq!(browser.answer(&consent, answer).await.status, 200);
}

async fn is_let_in(variables: &[(&str, &str)]) {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let mut command = machine.command(&["login", &door.resource(), "--device"]);
    command.envs(variables.iter().copied());
    let login = Running::start(command);
    let code = code_of(&login).await;
    assert!(login.said().contains(&format!("on any machine, open\n  {}/device\n", door.public_url)), "{}", login.said());
    typed(&door, &code, "allow").await;
    let finished = login.finished().await;
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stderr.contains("logged in to") && finished.stderr.contains("renews itself"), "{}", finished.stderr);
    assert!(machine.opened().is_empty());
    assert_eq!(run(machine.command(&["call", &door.resource(), "--list"])).await.code, Some(0));
    let left = run(machine.command(&["logout", &door.resource()])).await;
    assert!(left.stderr.contains("its tokens were taken back"), "{}", left.stderr);
}

#[tokio::test]
async fn somebody_who_types_the_code_elsewhere_is_let_in_by_the_keeper() {
    is_let_in(&[]).await;
}

#[tokio::test]
async fn and_without_one() {
    is_let_in(&[("CLAVIGER_KEEPER", "off")]).await;
}

#[tokio::test]
async fn somebody_who_says_no_elsewhere_is_told_so_here() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let login = Running::start(machine.command(&["login", &door.resource(), "--device"]));
    typed(&door, &code_of(&login).await, "deny").await;
    let finished = login.finished().await;
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(finished.stderr.contains("says no"), "{}", finished.stderr);
    assert!(machine.kept("account.", "json").is_empty());
}

#[tokio::test]
async fn a_killed_keeper_costs_a_new_code_and_nothing_else() {
    let (door, machine) = (open(plan("").await).await, Machine::new());
    let login = Running::start(machine.command(&["login", &door.resource(), "--device"]));
    let first = code_of(&login).await;
    killed(machine.keeper().await);
    let next = eventually("another code is shown", || {
        let said = login.said();
        let code = said.rsplit_once("type the code\n  ")?.1.lines().next()?.to_owned();
        (code != first && !code.is_empty()).then_some(code)
    })
    .await;
    typed(&door, &next, "allow").await;
    let finished = login.finished().await;
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}
