//! How does a person at this terminal get into a protected server? The account at it, where its tokens are kept, and how the person is asked.

mod failure;
mod listener;
mod page;
mod paste;
mod storage;
mod visitor;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use broker::account::{Account, Around, GivenClient, GivenProof, Road, Wishes};
use outbound::client::LazyClient;
use outbound::guard::Guard;
use outbound::tls::Roots;
use url::Url;

pub(crate) use self::failure::report;
pub(crate) use self::storage::{Chosen, Storage, choose, chosen, keep_choice, open, probe};
pub(crate) use self::visitor::{Manner, Pause};
use crate::cli::SignInArguments;
use crate::client::Endpoint;
use crate::config::env::Surroundings;
use crate::config::is_local;
use crate::voice::{Exit, Report};

/// The way to a server for a person's account there. `manner`: how the person is asked, if at all.
pub(crate) fn endpoint(url: &Url, arguments: &SignInArguments, manner: Option<Manner>, around: &Surroundings) -> Result<Endpoint, Report> {
    let account = account(url, arguments, manner, around)?;
    Endpoint::for_account(url, account, &roots(arguments)?).map_err(|failure| failure.report(None))
}

/// Everything that an account needs, as the command line and the surroundings say it. `manner`: how the person is asked, if at all.
pub(crate) fn account(url: &Url, arguments: &SignInArguments, manner: Option<Manner>, around: &Surroundings) -> Result<Account, Report> {
    if url.scheme() != "https" && !is_local(url) {
        return Err(Report::new(Exit::Configuration, "a token is not sent over plain http to another machine").hint("write `https://`"));
    }
    let state = state_folder(arguments.state.state.as_deref(), around)?;
    let wallet = Arc::new(open(&state)?);
    let http = http(url, arguments)?;
    let visitor = manner.map(|manner| manner.visitor(arguments.callback_port));
    let around = Around { http, wallet, visitor, clock: Arc::new(unix_milliseconds) };
    Ok(Account::new(url.clone(), &arguments.profile, wishes(arguments)?, around))
}

/// How everything about a server is fetched.
pub(crate) fn http(url: &Url, arguments: &SignInArguments) -> Result<LazyClient, Report> {
    let guard = Guard::for_operator(url.as_str()).with_networks(arguments.allow_network.iter().copied());
    Ok(LazyClient::new(guard, roots(arguments)?))
}

/// The folder that keeps what must outlive the process.
pub(crate) fn state_folder(flag: Option<&Path>, around: &Surroundings) -> Result<std::path::PathBuf, Report> {
    around.state_folder(flag).ok_or_else(|| {
        Report::new(Exit::Configuration, "nothing says where the state folder is").hint("give it with `--state DIR` or `CLAVIGER_STATE`")
    })
}

fn wishes(arguments: &SignInArguments) -> Result<Wishes, Report> {
    let secret = match &arguments.client_secret_file {
        None => arguments.client_secret.clone(),
        Some(file) => Some(crate::commands::read_secret(file, "the client's secret")?),
    };
    let read = |file: &Option<PathBuf>, what: &str| file.as_deref().map(|file| crate::commands::read_secret(file, what)).transpose();
    let key = read(&arguments.client_key_file, "the client's key")?;
    let proof = match (key, secret) {
        (Some(pem), _) => Some(GivenProof::Key { pem, key_id: arguments.client_key_id.clone() }),
        (None, secret) => secret.map(GivenProof::Secret),
    };
    let road = match (arguments.client_credentials, read(&arguments.assertion_file, "the assertion")?, &arguments.provider) {
        (true, _, _) => Road::ClientCredentials,
        (false, Some(assertion), _) => Road::Workload { assertion },
        (false, None, Some(provider)) => Road::Enterprise {
            provider: provider.clone(),
            client_id: arguments.provider_client_id.clone().unwrap_or_default(),
            id_token: read(&arguments.id_token_file, "the id token")?.unwrap_or_default(),
        },
        (false, None, None) => Road::Person,
    };
    Ok(Wishes {
        road,
        client: arguments.client_id.clone().map(|id| GivenClient { id, proof }),
        metadata_url: arguments.client_metadata_url.clone(),
        scopes: arguments.scope.clone().unwrap_or_default(),
        leaves_out_resource: arguments.no_resource,
    })
}

fn roots(arguments: &SignInArguments) -> Result<Roots, Report> {
    let Some(file) = &arguments.ca_file else { return Ok(Roots::default()) };
    let cannot = |error: &dyn std::error::Error| {
        Report::new(Exit::InputOutput, format!("the certificates in `{}` cannot be used", file.display())).caused_by(error)
    };
    let pem = std::fs::read(file).map_err(|error| cannot(&error))?;
    Roots::default().with_pem(&pem).map_err(|error| cannot(&error))
}

#[expect(clippy::disallowed_methods, reason = "the one clock of the commands that sign people in")]
fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
