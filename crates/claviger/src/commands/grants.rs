//! `claviger grants`, `claviger clients` and `claviger keys`: what the authorization server has given out. The running door is asked; where none is running, its store
//! is opened.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{
    ClientsCommand, DoorArguments, GrantsCommand, KeysCommand, ListClientsArguments, ListGrantsArguments, RevokeClientArguments,
    RevokeGrantsArguments, ServeArguments, WhichGrants,
};
use crate::config::draft::{self, no_state_folder};
use crate::config::env::Surroundings;
use crate::control::{self, Answer, ClientRow, GrantRow, IssuerAnswer, IssuerWish, Wish};
use crate::voice::{self, Exit, Report, plain};
use crate::wire;

/// `claviger grants`.
pub(crate) async fn grants(command: GrantsCommand, around: &Surroundings) -> Result<Exit, Report> {
    match command {
        GrantsCommand::List(arguments) => list_grants(&arguments, around).await,
        GrantsCommand::Revoke(arguments) => revoke_grants(&arguments, around).await,
    }
}

/// `claviger clients`.
pub(crate) async fn clients(command: ClientsCommand, around: &Surroundings) -> Result<Exit, Report> {
    match command {
        ClientsCommand::List(arguments) => list_clients(&arguments, around).await,
        ClientsCommand::Revoke(arguments) => revoke_client(&arguments, around).await,
    }
}

/// `claviger keys`.
pub(crate) async fn keys(command: KeysCommand, around: &Surroundings) -> Result<Exit, Report> {
    let KeysCommand::Rotate(arguments) = command;
    let desk = Desk::new(&arguments.door, around)?;
    let Some(answer) = desk.ask(IssuerWish::RotateKeys { forget_others: arguments.forget_others }).await? else {
        return Err(Report::new(Exit::Failure, format!("no door has ever kept anything in `{}`", desk.state.display()))
            .hint("name the state folder of the door with `--state`"));
    };
    let IssuerAnswer::Rotated(id) = answer else { return Err(another_question()) };
    voice::talk("signs from now on:\n");
    voice::data(&format!("{}\n", plain(&id)))?;
    Ok(Exit::Success)
}

async fn list_grants(arguments: &ListGrantsArguments, around: &Surroundings) -> Result<Exit, Report> {
    let desk = Desk::new(&arguments.door, around)?;
    let mut rows = desk.grants().await?;
    rows.retain(|row| is_meant(row, &arguments.which));
    if arguments.json {
        return json(&rows);
    }
    if rows.is_empty() {
        voice::talk("nobody has granted anything\n");
        return Ok(Exit::Success);
    }
    let head = ["GRANT", "SUBJECT", "CLIENT", "FOR", "SCOPES", "SINCE", "USED"].map(str::to_owned);
    let cells = |row: &GrantRow| {
        let client = if row.client_name == row.client {
            plain(&row.client)
        } else {
            format!("{} ({})", plain(&row.client_name), plain(&row.client))
        };
        [plain(&row.id), plain(&row.subject), client, plain(&row.resource), plain(&row.scopes), day(row.granted_at), day(row.used_at)]
    };
    voice::data(&voice::aligned(&[vec![head], rows.iter().map(cells).collect()].concat()))?;
    Ok(Exit::Success)
}

async fn revoke_grants(arguments: &RevokeGrantsArguments, around: &Surroundings) -> Result<Exit, Report> {
    let RevokeGrantsArguments { ids, which, all, door } = arguments;
    if ids.is_empty() && !all && which.subject.is_none() && which.client.is_none() {
        return Err(Report::new(Exit::Usage, "nothing says which grants are meant")
            .hint("name them as `claviger grants list` does, or by `--subject` or `--client`, or say `--all`"));
    }
    let desk = Desk::new(door, around)?;
    let ids = if ids.is_empty() {
        let meant = desk.grants().await?.into_iter().filter(|row| is_meant(row, which));
        meant.map(|row| row.id).collect()
    } else {
        ids.clone()
    };
    let mut missing = 0;
    for id in &ids {
        match desk.ask(IssuerWish::EndGrant { id: id.clone() }).await? {
            Some(IssuerAnswer::Ended(Some(_))) => voice::data(&format!("{} is ended\n", plain(id)))?,
            Some(IssuerAnswer::Ended(None)) | None => {
                missing += 1;
                voice::warn(&format!("there is no grant `{}`", plain(id)));
            }
            Some(_) => return Err(another_question()),
        }
    }
    if ids.is_empty() {
        voice::talk("there is no grant of that description\n");
    }
    Ok(if missing > 0 { Exit::Failure } else { Exit::Success })
}

async fn list_clients(arguments: &ListClientsArguments, around: &Surroundings) -> Result<Exit, Report> {
    let desk = Desk::new(&arguments.door, around)?;
    let rows = match desk.ask(IssuerWish::Clients).await? {
        Some(IssuerAnswer::Clients(rows)) => rows,
        Some(_) => return Err(another_question()),
        None => Vec::new(),
    };
    if arguments.json {
        return json(&rows);
    }
    if rows.is_empty() {
        voice::talk("no client has registered itself\n");
        return Ok(Exit::Success);
    }
    let head = ["CLIENT", "NAME", "GOES BACK TO", "SINCE", "GRANTED"].map(str::to_owned);
    let cells = |row: &ClientRow| {
        let granted = row.granted_at.map_or_else(|| "never".to_owned(), day);
        [
            plain(&row.id),
            plain(row.name.as_deref().unwrap_or_default()),
            plain(&row.redirect_uris.join(" ")),
            day(row.registered_at),
            granted,
        ]
    };
    voice::data(&voice::aligned(&[vec![head], rows.iter().map(cells).collect()].concat()))?;
    Ok(Exit::Success)
}

async fn revoke_client(arguments: &RevokeClientArguments, around: &Surroundings) -> Result<Exit, Report> {
    let desk = Desk::new(&arguments.door, around)?;
    match desk.ask(IssuerWish::EndClient { id: arguments.id.clone() }).await? {
        Some(IssuerAnswer::Ended(Some(grants))) => {
            voice::data(&format!("{} is forgotten, and {grants} grants with it\n", plain(&arguments.id)))?;
            Ok(Exit::Success)
        }
        Some(IssuerAnswer::Ended(None)) | None => Err(Report::new(Exit::Failure, format!("there is no client `{}`", plain(&arguments.id)))
            .hint("`claviger clients list` names all there are")),
        Some(_) => Err(another_question()),
    }
}

/// The authorization server of one state folder.
struct Desk<'d> {
    door: &'d DoorArguments,
    around: &'d Surroundings,
    state: PathBuf,
}

impl<'d> Desk<'d> {
    fn new(door: &'d DoorArguments, around: &'d Surroundings) -> Result<Self, Report> {
        let state = around.state_folder(door.state.state.as_deref()).ok_or_else(no_state_folder)?;
        Ok(Self { door, around, state })
    }

    async fn grants(&self) -> Result<Vec<GrantRow>, Report> {
        match self.ask(IssuerWish::Grants).await? {
            Some(IssuerAnswer::Grants(rows)) => Ok(rows),
            Some(_) => Err(another_question()),
            None => Ok(Vec::new()),
        }
    }

    /// Asks the running door, or does it on its store; `None`: there is nothing there.
    async fn ask(&self, wish: IssuerWish) -> Result<Option<IssuerAnswer>, Report> {
        let unreachable = |error: &std::io::Error| Report::new(Exit::Unavailable, "the door does not answer").caused_by(error);
        match control::ask(&self.state, &Wish::Issuer { wish: wish.clone() }).await.map_err(|error| unreachable(&error))? {
            Some(Answer::Issuer(answer)) => Ok(Some(answer)),
            Some(Answer::Refused(why)) => Err(Report::new(Exit::Failure, plain(&why))),
            Some(_) => Err(another_question()),
            None => Box::pin(self.ask_the_store(&wish)).await,
        }
    }

    async fn ask_the_store(&self, wish: &IssuerWish) -> Result<Option<IssuerAnswer>, Report> {
        let DoorArguments { config, environment, state } = self.door.clone();
        let serve = ServeArguments { config, environment, state, ..ServeArguments::default() };
        let (secrets, store) = draft::store(&serve, self.around)?;
        if !wire::may_hold(&store, &self.state) {
            return Ok(None);
        }
        let work = async |resolver| {
            let place = store.place(&resolver).await?;
            wire::with_records(&place, &self.state, async |server| control::fulfil_of_issuer(wish, server).await).await
        };
        secrets.lend(self.around, work).await
    }
}

fn is_meant(row: &GrantRow, which: &WhichGrants) -> bool {
    let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
    is(&which.subject, &row.subject) && is(&which.client, &row.client)
}

fn json(rows: &impl Serialize) -> Result<Exit, Report> {
    let json = serde_json::to_string_pretty(rows).map_err(|error| Report::new(Exit::Internal, "cannot write JSON").caused_by(&error))?;
    voice::data(&format!("{json}\n"))?;
    Ok(Exit::Success)
}

fn day(seconds: u64) -> String {
    let moment = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| "?".to_owned(), |moment| moment.strftime("%Y-%m-%d %H:%M").to_string())
}

fn another_question() -> Report {
    Report::new(Exit::Internal, "the door answered another question")
}
