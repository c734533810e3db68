//! `claviger call` before the fixture: words become arguments, results tables, and what the server asks back is asked at the terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Machine;
use super::terminal::Terminal;
use crate::support::{Finished, Plan, Puppet, Say, run};

async fn called(machine: &Machine, url: &str, words: &[&str]) -> Finished {
    run(machine.command(&[&["call", url], words].concat())).await
}

fn at_terminal(machine: &Machine, url: &str, words: &[&str]) -> Terminal {
    Terminal::start(machine.command(&[&["call", url], words].concat()))
}

#[tokio::test]
async fn words_become_arguments_and_results_become_tables() {
    let (plan, machine) = (Plan::both().await, Machine::new());
    let url = &plan.fixture.as_ref().unwrap().url;
    let echoed = called(&machine, url, &["test_echo", "--city", "Berlin", "--days", "3", "--cold", "--output", "table"]).await;
    assert_eq!((echoed.code, echoed.stdout.as_str()), (Some(0), "city  Berlin\ncold  true\ndays  3\n"), "{}", echoed.stderr);
    let json = called(&machine, url, &["test_echo", "{\"a\": 1}", "--json"]).await;
    assert!(json.stdout.contains("\"structuredContent\":{\"a\":1}"), "{}", json.stdout);
    let waited = called(&machine, url, &["test_wait", "--milliseconds", "1"]).await;
    assert_eq!(waited.code, Some(0), "{}", waited.stderr);
    let wrong = called(&machine, url, &["test_wait", "--milliseconds", "long"]).await;
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("error: `--milliseconds long`: the tool wants integer"), "{}", wrong.stderr);
    let unknown = called(&machine, url, &["test_wait", "--seconds", "1"]).await;
    assert!(unknown.stderr.contains("no argument `seconds`; it has `--milliseconds` (integer)"), "{}", unknown.stderr);
    let missing = called(&machine, url, &["test_sampling", "--arg", "x=1"]).await;
    assert!(missing.stderr.contains("no argument `x`; it has `--prompt` (string)"), "{}", missing.stderr);
    let none = called(&machine, url, &["test_nothing", "--x", "1"]).await;
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("the server has no tool `test_nothing`"), "{}", none.stderr);
    let list = called(&machine, url, &["--list", "--output", "table"]).await;
    assert!(list.stdout.starts_with("TOOL "), "{}", list.stdout);
    assert!(list.stdout.lines().any(|line| line.starts_with("test_sampling ") && line.contains("  prompt  ")), "{}", list.stdout);
}

#[tokio::test]
async fn the_tools_that_were_listed_can_be_completed() {
    let (plan, machine) = (Plan::both().await, Machine::new());
    let url = &plan.fixture.as_ref().unwrap().url;
    let completed = async || {
        let mut command = machine.command(&["--", "claviger", "call", url, "test_si"]);
        command.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "3").env("_CLAP_COMPLETE_COMP_TYPE", "9").env("_CLAP_IFS", "\n");
        run(command).await.stdout
    };
    assert_eq!(completed().await, "");
    assert_eq!(called(&machine, url, &["--list"]).await.code, Some(0));
    assert_eq!(completed().await, "test_simple_text");
    let mut shell = machine.command(&[]);
    shell.env("COMPLETE", "bash");
    assert!(run(shell).await.stdout.contains("complete"), "a shell can be told how to ask");
}

#[tokio::test]
async fn a_form_is_filled_in_at_the_terminal_in_both_eras() {
    for era in ["legacy", "modern"] {
        let (plan, machine) = (Plan::both().await, Machine::new());
        let url = &plan.fixture.as_ref().unwrap().url;
        let mut terminal = at_terminal(&machine, url, &["test_elicitation", "--message", "Who are you?", "--era", era]);
        terminal.sees("127.0.0.1 asks: Who are you?").await;
        terminal.answer("User's email address (text): ", "\n").await;
        terminal.answer("this is needed", "ada@example.com\n").await;
        terminal.answer("User's response (text): ", "ada\n").await;
        terminal.answer("send this? [yes/no] ", "yes\n").await;
        let finished = terminal.finished().await;
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert!(finished.stdout.contains("action=accept"), "{}", finished.stdout);
        assert!(finished.stdout.contains("\"email\":\"ada@example.com\",\"username\":\"ada\""), "{}", finished.stdout);
    }
}

#[tokio::test]
async fn a_form_is_declined_or_given_up_and_nothing_of_it_is_sent() {
    let (plan, machine) = (Plan::both().await, Machine::new());
    let url = &plan.fixture.as_ref().unwrap().url;
    let mut terminal = at_terminal(&machine, url, &["test_elicitation_sep1034_defaults"]);
    terminal.answer("User age (a whole number) [30]: ", "\n").await;
    terminal.answer("User name (text) [John Doe]: ", "Jane\n").await;
    terminal.answer("User score (a number) [95.5]: ", "much\n").await;
    terminal.answer("this is not a number", "\n").await;
    terminal.answer("User status (the number of one of these) [active]: ", "2\n").await;
    terminal.answer("Verification status (yes or no) [true]: ", "no\n").await;
    terminal.answer("send this? [yes/no] ", "no\n").await;
    let finished = terminal.finished().await;
    assert!(finished.stdout.contains("action=decline") && !finished.stdout.contains("Jane"), "{}", finished.stdout);
    let mut terminal = at_terminal(&machine, url, &["test_streaming_elicitation"]);
    // Ctrl-D.
    terminal.answer("ok (yes or no): ", "\x04").await;
    let finished = terminal.finished().await;
    assert!(finished.stdout.contains("The user said cancel."), "{} {}", finished.stdout, finished.stderr);
}

#[tokio::test]
async fn every_kind_of_choice_is_made_by_its_number() {
    let (plan, machine) = (Plan::both().await, Machine::new());
    let url = &plan.fixture.as_ref().unwrap().url;
    let mut terminal = at_terminal(&machine, url, &["test_elicitation_sep1330_enums"]);
    for (question, line) in [
        ("legacyEnum (the number of one of these) [nothing]: ", "2\n"),
        ("titledMulti (numbers of any of these, with commas) [nothing]: ", "1,3\n"),
        ("titledSingle (the number of one of these) [nothing]: ", "Third Option\n"),
        ("untitledMulti (numbers of any of these, with commas) [nothing]: ", "\n"),
        ("untitledSingle (the number of one of these) [nothing]: ", "9\n"),
        ("this is not the number of one of these", "1\n"),
        ("send this? [yes/no] ", "yes\n"),
    ] {
        terminal.answer(question, line).await;
    }
    let printed = terminal.finished().await.stdout;
    for part in [
        "\"legacyEnum\":\"opt2\"",
        "\"titledMulti\":[\"value1\",\"value3\"]",
        "\"titledSingle\":\"value3\"",
        "\"untitledSingle\":\"option1\"",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(!printed.contains("untitledMulti"), "{printed}");
}

#[tokio::test]
async fn progress_is_a_bar_that_is_gone_when_the_result_comes() {
    let (plan, machine) = (Plan::both().await, Machine::new());
    let url = &plan.fixture.as_ref().unwrap().url;
    let mut terminal = at_terminal(&machine, url, &["test_tool_with_progress"]);
    terminal.sees("\r[............").await;
    terminal.sees("\r[############............]  50 %").await;
    terminal.sees("100 %").await;
    let finished = terminal.finished().await;
    assert_eq!(finished.stdout, "All done.\n");
    assert!(finished.stderr.ends_with('\r') && finished.stderr.trim().is_empty(), "{:?}", finished.stderr);
    // Where nobody looks there is no bar.
    let piped = called(&machine, url, &["test_tool_with_progress"]).await;
    assert!(piped.stderr.starts_with("progress 0/100"), "{}", piped.stderr);
}

#[tokio::test]
async fn an_address_is_opened_when_the_person_says_so_and_the_call_made_again() {
    let tried = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tried);
    let puppet = Puppet::start(move |seen| match seen.message()["method"].as_str() {
        Some("initialize") => {
            Say::result(seen, r#"{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"p","version":"1"}}"#)
        }
        Some("tools/call") if count.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) => Say::json(format!(
            r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32042,"message":"first this","data":{{"elicitations":[
                {{"mode":"url","elicitationId":"1","message":"let us in","url":"https://login.example/start?x=1"}}]}}}}}}"#,
            seen.message()["id"]
        )),
        Some("tools/call") => Say::result(seen, r#"{"content":[{"type":"text","text":"let in"}]}"#),
        _ => Say::nothing(202),
    })
    .await;
    let machine = Machine::new();
    let mut terminal = at_terminal(&machine, &puppet.url, &["t", "--era", "legacy"]);
    terminal.sees("asks you to open an address: let us in").await;
    terminal.sees("at login.example").await;
    terminal.answer("open it in your browser? [yes/no] ", "yes\n").await;
    terminal.answer("done there, and call again? [yes/no] ", "yes\n").await;
    let finished = terminal.finished().await;
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), "let in\n"), "{}", finished.stderr);
    assert_eq!(machine.opened(), ["https://login.example/start?x=1"]);
    let mut terminal = at_terminal(&machine, &puppet.url, &["t", "--era", "legacy"]);
    terminal.answer("open it in your browser? [yes/no] ", "no\n").await;
    let finished = terminal.finished().await;
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(1), ""));
    assert!(finished.stderr.contains("first this"), "{}", finished.stderr);
    assert_eq!(machine.opened().len(), 1);
}
