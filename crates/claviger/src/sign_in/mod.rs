//! How does a person at this terminal get into a protected server? The account at it, where its tokens are kept, and how the person is asked.

mod failure;
pub(crate) mod keeper;
mod listener;
mod page;
mod paste;
mod storage;
mod visitor;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use broker::account::keeper::Keeper;
use broker::account::{Account, Around, GivenClient, GivenProof, Road, Wishes};
use outbound::client::LazyClient;
use outbound::guard::Guard;
use outbound::tls::Roots;
use url::Url;

pub(crate) use self::failure::report;
use self::keeper::{Asking, Start};
pub(crate) use self::storage::{Chosen, Storage, choose, chosen, keep_choice, open, probe};
pub(crate) use self::visitor::{Manner, Pause, open as open_browser};
use crate::cli::{KeeperChoice, SignInArguments};
use crate::client::Endpoint;
use crate::config::env::{self, Surroundings};
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
    let keeper = keeper(&state, arguments, manner.clone(), around)?;
    let visitor = manner.map(|manner| manner.visitor(arguments.callback_port, &state));
    let around = Around { http, wallet, visitor, keeper, clock: Arc::new(unix_milliseconds) };
    Ok(Account::new(url.clone(), &arguments.profile, wishes(arguments)?, around))
}

/// How everything about a server is fetched.
pub(crate) fn http(url: &Url, arguments: &SignInArguments) -> Result<LazyClient, Report> {
    let guard = Guard::for_operator(url.as_str()).with_networks(arguments.allow_network.iter().copied());
    Ok(LazyClient::new(guard, roots(arguments)?))
}

/// Who makes changes for all programs of this person; `None`: each makes its own.
fn keeper(
    state: &Path,
    arguments: &SignInArguments,
    manner: Option<Manner>,
    around: &Surroundings,
) -> Result<Option<Arc<dyn Keeper>>, Report> {
    // The kernel's keyring is that of a session, and the keeper's may be another.
    if arguments.keeper == KeeperChoice::Unasked || around.value(env::KEEPER) == Some("off") || chosen(state)? == Some(Storage::Keyutils) {
        return Ok(None);
    }
    let ca = read_ca(arguments)?.and_then(|pem| String::from_utf8(pem).ok());
    let start = Start { program: around.program().to_owned(), state: state.to_owned(), environment: around.of_the_keeper() };
    let networks = arguments.allow_network.iter().map(ToString::to_string).collect();
    let (port, verbose) = (arguments.callback_port, arguments.keeper == KeeperChoice::AskedAloud);
    Ok(Some(Arc::new(Asking { start, manner, port, ca, networks, verbose })))
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
        (false, None, None) if arguments.device => Road::Device,
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
    let Some(pem) = read_ca(arguments)? else { return Ok(Roots::default()) };
    Roots::default().with_pem(&pem).map_err(|error| unusable_ca(arguments, &error))
}

fn read_ca(arguments: &SignInArguments) -> Result<Option<Vec<u8>>, Report> {
    let Some(file) = &arguments.ca_file else { return Ok(None) };
    std::fs::read(file).map(Some).map_err(|error| unusable_ca(arguments, &error))
}

fn unusable_ca(arguments: &SignInArguments, error: &dyn std::error::Error) -> Report {
    let file = arguments.ca_file.as_deref().unwrap_or(Path::new(""));
    Report::new(Exit::InputOutput, format!("the certificates in `{}` cannot be used", file.display())).caused_by(error)
}

#[expect(clippy::disallowed_methods, reason = "the one clock of the commands that sign people in")]
fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
