//! `claviger config`: is the configuration right, and what can stand in it?

use std::fmt::Write as _;

use policy::Demand;

use super::borrowing;
use crate::cli::ConfigCommand;
use crate::config::accept::Accept;
use crate::config::draft::Draft;
use crate::config::env::Surroundings;
use crate::config::plan::{self, Planner};
use crate::config::schema;
use crate::voice::{self, Exit, Report};

/// Checks a configuration or prints the schema.
pub(crate) fn run(command: ConfigCommand, around: Surroundings) -> Result<Exit, Report> {
    match command {
        ConfigCommand::Check(arguments) => {
            let planner = Planner::new(*arguments, around);
            let draft = planner.draft()?;
            borrowing(&draft.secrets, planner.around(), async |resolver| plan::check(&draft, &resolver).await)?;
            for notice in &draft.notices {
                voice::warn(notice);
            }
            for place in &draft.exposed {
                voice::warn(place);
            }
            voice::data(&describe(&draft))?;
        }
        ConfigCommand::Schema => voice::data(&schema::text())?,
    }
    Ok(Exit::Success)
}

/// What the configuration says, so that a person sees what the door would do.
fn describe(draft: &Draft) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<12}{value}");
    };
    line("environment", draft.environment.as_str());
    line("listen", &draft.listeners.door.address.to_string());
    if let Some(url) = &draft.listeners.door.public_url {
        line("public url", url.as_str());
    }
    if let Some(admin) = draft.listeners.admin {
        line("admin", &admin.to_string());
    }
    line("accept", &accept(&draft.accept));
    if let Some(issuer) = &draft.issuer {
        line("issuer", &format!("the door's own, with the accounts of {}", issuer.accounts.display()));
    }
    for provider in draft.issuer.iter().flat_map(|issuer| &issuer.providers) {
        let door = draft.listeners.door.public_url.as_ref().map_or("<public_url>", |url| url.as_str()).trim_end_matches('/');
        line("sign in", &format!("{} at {}; register there: {door}/authorize/back/{}", provider.title, provider.issuer, provider.name));
    }
    line("record", &draft.record.file.display().to_string());
    for (name, server) in &draft.servers {
        let mut rows = server.rules.rows().peekable();
        if rows.peek().is_none() {
            line("server", &format!("{name}: every caller with a good token may do everything"));
        }
        for (pattern, demand) in rows {
            line("server", &format!("{name}: {pattern} = {}", demanded(demand)));
        }
    }
    text
}

fn accept(accept: &Accept) -> String {
    match accept {
        Accept::Bypass => "everybody, without a token".to_owned(),
        Accept::Entries(entries) if entries.len() == 1 => "1 entry".to_owned(),
        Accept::Entries(entries) => format!("{} entries", entries.len()),
        Accept::Minted => "tokens of `claviger token mint`".to_owned(),
    }
}

fn demanded(demand: &Demand) -> String {
    match demand {
        Demand::AnyCaller => "every caller with a good token".to_owned(),
        Demand::Nobody => "nobody".to_owned(),
        Demand::Scopes(scopes) => scopes.to_string(),
    }
}
