//! Any client with any server: real pairs of both eras through the door, and what each feature comes to. The table of it is docs/reference/interop.md.

mod callers;
mod servers;
mod table;

use std::thread;

use serde_json::Value;

use self::callers::Caller;
use self::servers::{Server, Transport};
use self::table::{Mark, Row};

#[test]
fn every_client_uses_everything_of_every_server_and_the_table_says_so() {
    let scenes: Vec<(Server, Transport)> =
        Server::ALL.into_iter().flat_map(|server| Transport::ALL.map(|transport| (server, transport))).collect();
    // A pair waits more than it works.
    let rows = thread::scope(|scope| {
        let runs: Vec<_> = scenes.iter().map(|&(server, transport)| scope.spawn(move || all_callers(server, transport))).collect();
        runs.into_iter().flat_map(|run| run.join().expect("the pairs can be tried")).collect::<Vec<Row>>()
    });
    let failures: Vec<String> = rows.iter().flat_map(Row::failures).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    table::hold_up_to_date(&rows);
}

fn all_callers(server: Server, transport: Transport) -> Vec<Row> {
    let scene = server.open(transport);
    let rows = Caller::ALL.map(|caller| {
        let seen = caller.use_everything(scene.url(), &scene.token(caller), &server.settings());
        let marks = Feature::ALL.map(|feature| Mark::of(caller, server, feature, &seen[feature.key()]));
        Row { server, transport, caller, marks }
    });
    scene.close();
    rows.into()
}

/// What a pair is tried with, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    Open,
    List,
    Call,
    Progress,
    Elicitation,
    Sampling,
    Read,
    Prompt,
    Changes,
}

impl Feature {
    const ALL: [Self; 9] =
        [Self::Open, Self::List, Self::Call, Self::Progress, Self::Elicitation, Self::Sampling, Self::Read, Self::Prompt, Self::Changes];

    /// The drivers' word for it.
    const fn key(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::List => "list",
            Self::Call => "call",
            Self::Progress => "progress",
            Self::Elicitation => "elicitation",
            Self::Sampling => "sampling",
            Self::Read => "read",
            Self::Prompt => "prompt",
            Self::Changes => "changes",
        }
    }

    /// The head of its column.
    const fn title(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::List => "tools/list",
            Self::Call => "tools/call",
            Self::Progress => "progress",
            Self::Elicitation => "elicitation in a call",
            Self::Sampling => "sampling in a call",
            Self::Read => "resources/read",
            Self::Prompt => "prompts/get",
            Self::Changes => "news of a change",
        }
    }
}

/// What a driver saw of a feature, or what went wrong.
fn seen_or_error(seen: &Value) -> Result<&str, String> {
    match seen {
        Value::String(text) => Ok(text),
        Value::Null => Err("it was not tried".to_owned()),
        other => Err(other["error"].as_str().map_or_else(|| other.to_string(), str::to_owned)),
    }
}
