//! `claviger connections`: who has let the door use an account of theirs. The running door is asked; where none is running, its store is opened.

use std::path::Path;
use std::sync::Arc;

use broker::connection::{Book, Connection};
use gateway::Door;
use gateway::clock::Clock;
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{ConnectionsArguments, ConnectionsCommand, DoorArguments, RevokeArguments, ServeArguments, Whose};
use crate::config::draft::{self, no_state_folder};
use crate::config::env::Surroundings;
use crate::config::plan::{self, Plan, Planner};
use crate::config::store::Place;
use crate::control::{self, Answer, How, Wish};
use crate::voice::{self, Exit, Report, plain};
use crate::wire;

/// Carries out one command.
pub(crate) async fn run(command: ConnectionsCommand, around: Surroundings) -> Result<Exit, Report> {
    match command {
        ConnectionsCommand::List(arguments) => list(&arguments, &around).await,
        ConnectionsCommand::Revoke(arguments) => Box::pin(revoke(arguments, around)).await,
    }
}

/// One connection, for people and programs.
#[derive(Serialize)]
struct Row<'c> {
    server: &'c str,
    subject: &'c str,
    issuer: &'c str,
    connected_at: Option<Timestamp>,
    renewed_at: Option<Timestamp>,
    /// When the access token ends; a connection that renews itself lives on.
    token_ends_at: Option<Timestamp>,
    renews_itself: bool,
    scopes: Option<&'c str>,
    authority: &'c str,
}

impl<'c> Row<'c> {
    fn of(connection: &'c Connection) -> Self {
        Self {
            server: &connection.server,
            subject: &connection.subject,
            issuer: &connection.issuer,
            connected_at: moment(connection.connected_at),
            renewed_at: moment(connection.renewed_at),
            token_ends_at: connection.token_ends_at.and_then(moment),
            renews_itself: connection.is_renewable,
            scopes: connection.scopes.as_deref(),
            authority: &connection.authority,
        }
    }
}

async fn list(arguments: &ConnectionsArguments, around: &Surroundings) -> Result<Exit, Report> {
    let state = around.state_folder(arguments.door.state.state.as_deref()).ok_or_else(no_state_folder)?;
    let connections = match of_the_door(&state).await? {
        Some(connections) => connections,
        None => of_the_store(arguments, around, &state).await?,
    };
    let chosen: Vec<&Connection> = connections.iter().filter(|connection| is_meant(connection, &arguments.whose)).collect();
    if arguments.json {
        let rows: Vec<Row<'_>> = chosen.iter().map(|connection| Row::of(connection)).collect();
        let json =
            serde_json::to_string_pretty(&rows).map_err(|error| Report::new(Exit::Internal, "cannot write JSON").caused_by(&error))?;
        voice::data(&format!("{json}\n"))?;
    } else {
        voice::data(&table(&chosen))?;
        if chosen.is_empty() {
            voice::talk("nobody is connected\n");
        }
    }
    Ok(Exit::Success)
}

/// Ends what is meant, one by one, and says what came of each. What is not taken back there is the answer `no`.
async fn revoke(arguments: RevokeArguments, around: Surroundings) -> Result<Exit, Report> {
    let Whose { server, subject, issuer } = &arguments.whose;
    if !arguments.all && server.is_none() && subject.is_none() && issuer.is_none() {
        return Err(Report::new(Exit::Usage, "nothing says whose connections are meant")
            .hint("name them with `--server`, `--subject` or `--issuer`, or say `--all`"));
    }
    let state = around.state_folder(arguments.door.state.state.as_deref()).ok_or_else(no_state_folder)?;
    match of_the_door(&state).await? {
        Some(connections) => {
            let mut tally = Tally::default();
            for connection in connections.into_iter().filter(|connection| is_meant(connection, &arguments.whose)) {
                let wish = Wish::EndConnection { connection: Box::new(connection.clone()) };
                match control::ask(&state, &wish).await.map_err(|error| unreachable(&error))? {
                    Some(Answer::ConnectionEnded(how)) => tally.note(&connection, &how)?,
                    Some(Answer::Refused(why)) => return Err(Report::new(Exit::Failure, plain(&why))),
                    Some(_) | None => return Err(Report::new(Exit::Unavailable, "the door went away")),
                }
            }
            Ok(tally.exit())
        }
        None => Box::pin(revoke_without_a_door(arguments, around, &state)).await,
    }
}

/// Builds the door without opening it: the same code ends the connections, and records it.
async fn revoke_without_a_door(arguments: RevokeArguments, around: Surroundings, folder: &Path) -> Result<Exit, Report> {
    let RevokeArguments { whose, door, .. } = arguments;
    let DoorArguments { config, environment, state } = door;
    let serve = ServeArguments { config, environment, state, ..ServeArguments::default() };
    // Where nothing was ever kept, nothing is made either.
    if !wire::may_hold(&draft::store(&serve, &around)?.1, folder) {
        return Ok(Tally::default().exit());
    }
    let planner = Planner::new(serve, around);
    let draft = planner.draft()?;
    let secrets = draft.secrets.clone();
    let work = async |resolver| Box::pin(end_by_plan(Plan::of(draft, resolver).await?, &whose)).await;
    Box::pin(secrets.lend(planner.around(), work)).await
}

async fn end_by_plan(plan: Plan, whose: &Whose) -> Result<Exit, Report> {
    let parts = wire::parts(&plan.store, &plan.state, &plan.instance_key.0, plan.resolver, plan.record).await?;
    let auditor = Arc::clone(&parts.auditor);
    // No page is shown, so it does not matter what the door is called.
    let door = Door::new(plan.gateway, "http://127.0.0.1", &plan.instance_key.0, parts)
        .map_err(|error| Report::new(Exit::Configuration, "the configuration makes no door").caused_by(&error))?;
    let outcome = end_all(&door, whose).await;
    auditor.close().map_err(|reason| Report::new(Exit::InputOutput, "the record of calls could not be closed").caused_by(&reason))?;
    Ok(outcome?.exit())
}

async fn end_all(door: &Door, whose: &Whose) -> Result<Tally, Report> {
    let unreadable = |error: &dyn std::error::Error| Report::new(Exit::InputOutput, "cannot read the connections").caused_by(error);
    let mut tally = Tally::default();
    for connection in door.connections().await.map_err(|error| unreadable(&error))? {
        if is_meant(&connection, whose) {
            let ended = door.end_connection(&connection).await.map_err(|error| unreadable(&error))?;
            tally.note(&connection, &How::of(&ended))?;
        }
    }
    Ok(tally)
}

#[derive(Default)]
struct Tally {
    ended: usize,
    not_taken_back: usize,
}

impl Tally {
    fn note(&mut self, connection: &Connection, how: &How) -> Result<(), Report> {
        let outcome = match how {
            How::WasNotConnected => "had ended already".to_owned(),
            How::TakenBack => "is ended, and taken back".to_owned(),
            How::Forgotten(None) => "is forgotten here; there is no way to take it back there".to_owned(),
            How::Forgotten(Some(why)) => format!("is forgotten here; it was not taken back there: {}", plain(why)),
        };
        self.ended += usize::from(*how != How::WasNotConnected);
        self.not_taken_back += usize::from(matches!(how, How::Forgotten(_)));
        voice::data(&format!("{} of {} {outcome}\n", plain(&connection.server), plain(&connection.subject)))
    }

    fn exit(&self) -> Exit {
        if self.ended == 0 {
            voice::talk("nobody of that description is connected\n");
        }
        if self.not_taken_back > 0 {
            voice::warn(&format!(
                "{} of {} were not taken back: let the people know, or the service there",
                self.not_taken_back, self.ended
            ));
            return Exit::Failure;
        }
        Exit::Success
    }
}

async fn of_the_door(state: &Path) -> Result<Option<Vec<Connection>>, Report> {
    match control::ask(state, &Wish::Connections).await.map_err(|error| unreachable(&error))? {
        None => Ok(None),
        Some(Answer::Connections(connections)) => Ok(Some(connections)),
        Some(Answer::Refused(why)) => Err(Report::new(Exit::Failure, plain(&why))),
        Some(_) => Err(Report::new(Exit::Internal, "the door answered another question")),
    }
}

async fn of_the_store(arguments: &ConnectionsArguments, around: &Surroundings, folder: &Path) -> Result<Vec<Connection>, Report> {
    let DoorArguments { config, environment, state } = arguments.door.clone();
    let serve = ServeArguments { config, environment, state, ..ServeArguments::default() };
    let (secrets, store) = draft::store(&serve, around)?;
    if !wire::may_hold(&store, folder) {
        return Ok(Vec::new());
    }
    secrets.lend(around, async |resolver| of_the_place(&store.place(&resolver).await?, folder).await).await
}

async fn of_the_place(place: &Place, folder: &Path) -> Result<Vec<Connection>, Report> {
    let unreadable = |error: &dyn std::error::Error| Report::new(Exit::InputOutput, "cannot read the connections").caused_by(error);
    let clock = Clock::system();
    // Where there is no key yet, nothing of its is kept anywhere, and another's is not for us to read.
    let Some(key) = plan::existing_instance_key(folder)? else { return Ok(Vec::new()) };
    let store = wire::open(place, folder, &key).await?;
    let book = Book::new(store, &key, Arc::new(move || clock.unix_milliseconds())).map_err(|error| unreadable(&error))?;
    book.list().await.map_err(|error| unreadable(&error))
}

fn is_meant(connection: &Connection, whose: &Whose) -> bool {
    let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
    is(&whose.server, &connection.server) && is(&whose.subject, &connection.subject) && is(&whose.issuer, &connection.issuer)
}

fn table(connections: &[&Connection]) -> String {
    let cells = |connection: &&Connection| {
        let row = Row::of(connection);
        let day = |moment: Option<Timestamp>| moment.map_or_else(|| "?".to_owned(), |moment| moment.strftime("%Y-%m-%d").to_string());
        let lasts = if row.renews_itself {
            "renews itself".to_owned()
        } else {
            row.token_ends_at.map_or_else(|| "until refused".to_owned(), |end| format!("until {}", end.strftime("%Y-%m-%d %H:%M")))
        };
        [plain(row.server), plain(row.subject), plain(row.issuer), day(row.connected_at), lasts]
    };
    let rows: Vec<[String; 5]> = connections.iter().map(cells).collect();
    if rows.is_empty() {
        return String::new();
    }
    let head = ["SERVER", "SUBJECT", "ISSUER", "SINCE", "LASTS"].map(str::to_owned);
    voice::aligned(&[vec![head], rows].concat())
}

fn moment(milliseconds: u64) -> Option<Timestamp> {
    i64::try_from(milliseconds).ok().and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok())
}

fn unreachable(error: &std::io::Error) -> Report {
    Report::new(Exit::Unavailable, "the door does not answer").caused_by(error)
}
