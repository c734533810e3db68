//! `claviger login`, `logout` and `status`: who is logged in where on this machine.

use std::fmt::Write as _;
use std::sync::Arc;

use broker::account::{Account, SignedOut, Summary};
use jiff::Timestamp;
use mcp::method;
use serde_json::Map;
use url::Url;

use crate::cli::{Era, LoginArguments, LoginStatusArguments, LogoutArguments, SignInArguments};
use crate::client::host::Nobody;
use crate::client::{CallFailure, Client, Endpoint};
use crate::config::env::Surroundings;
use crate::sign_in::{self, Chosen, Manner, Pause, Storage};
use crate::voice::{self, Exit, Report, plain};

/// Logs a person in, if that is needed.
pub(crate) async fn login(arguments: &LoginArguments, around: &Surroundings) -> Result<Exit, Report> {
    let state = sign_in::state_folder(arguments.sign_in.state.state.as_deref(), around)?;
    settle_storage(&state, arguments.storage).await?;
    let pause = Pause::new();
    let manner = match (arguments.paste, arguments.no_browser) {
        (true, _) => Manner::Pasted(pause),
        (false, true) => Manner::Shown(pause),
        (false, false) => Manner::Browser(pause),
    };
    let options = SignInArguments { device: arguments.device, ..arguments.sign_in.clone() };
    if arguments.again {
        let account = sign_in::account(&arguments.url, &options, Some(manner.clone()), around)?;
        account.sign_in(None).await.map_err(|failure| sign_in::report(&failure))?;
    }
    let endpoint = sign_in::endpoint(&arguments.url, &options, Some(manner), around)?;
    knock(endpoint).await.map_err(|failure| failure.report(None))?;
    let found = sign_in::open(&state)?.list().map_err(|failure| sign_in::report(&failure.into()))?;
    let ours = |summary: &&Summary| summary.server == arguments.url.as_str() && summary.profile == arguments.sign_in.profile;
    match found.iter().find(ours) {
        Some(summary) => voice::talk(&format!("logged in to {}\n", line(summary, now()))),
        None => voice::talk("this server lets everybody in; nobody had to log in\n"),
    }
    Ok(Exit::Success)
}

/// Asks something for which a server wants to know who it is: some answer `initialize` to everybody.
async fn knock(endpoint: Endpoint) -> Result<(), CallFailure> {
    let mut client = Client::connect(endpoint, Era::Auto, Arc::new(Nobody)).await?;
    let outcome = client.request(method::TOOLS_LIST, Map::new()).await;
    client.close().await;
    match outcome {
        // A server without tools has let us in all the same.
        Ok(_) | Err(CallFailure::Said(_)) => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Where tokens are kept: chosen, and moved when it is changed.
async fn settle_storage(state: &std::path::Path, wished: Option<Storage>) -> Result<(), Report> {
    let Chosen { storage, fell_back } = sign_in::choose(state, wished).await?;
    if let Some(cause) = fell_back {
        voice::talk(&format!("there is no keychain here: {}\n", plain(&cause.to_string())));
    }
    let Some(wished) = wished.filter(|&wished| wished != storage) else { return Ok(()) };
    let failed = |failure: broker::account::wallet::WalletFailure| sign_in::report(&failure.into());
    let (old, new) = (storage.wallet(state), wished.wallet(state));
    let count = old.copy_to(&new).await.map_err(failed)?;
    sign_in::keep_choice(state, wished)?;
    old.empty().await.map_err(failed)?;
    voice::talk(&format!("{count} accounts were moved from `{}` to `{}`\n", storage.name(), wished.name()));
    Ok(())
}

/// Forgets accounts, and has their tokens taken back.
pub(crate) async fn logout(arguments: &LogoutArguments, around: &Surroundings) -> Result<Exit, Report> {
    let state = sign_in::state_folder(arguments.sign_in.state.state.as_deref(), around)?;
    let found = sign_in::open(&state)?.list().map_err(|failure| sign_in::report(&failure.into()))?;
    let chosen: Vec<(Url, String)> = match &arguments.url {
        Some(url) => vec![(url.clone(), arguments.sign_in.profile.clone())],
        None => found.into_iter().filter_map(|summary| Some((Url::parse(&summary.server).ok()?, summary.profile))).collect(),
    };
    if chosen.is_empty() {
        voice::talk("nobody is logged in anywhere\n");
    }
    let mut exit = Exit::Success;
    for (url, profile) in chosen {
        let options = SignInArguments { profile, ..arguments.sign_in.clone() };
        let account = sign_in::account(&url, &options, None, around)?;
        exit = leave(&url, &account).await?.unwrap_or(exit);
    }
    Ok(exit)
}

/// The code to end with, where it is not success.
async fn leave(url: &Url, account: &Account) -> Result<Option<Exit>, Report> {
    let server = plain(url.as_str());
    match account.sign_out().await.map_err(|failure| sign_in::report(&failure))? {
        SignedOut::TakenBack => voice::talk(&format!("logged out of {server}; its tokens were taken back\n")),
        SignedOut::Forgotten(None) => {
            voice::talk(&format!("logged out of {server}; it cannot take tokens back, so the last one is good until it ends\n"));
        }
        SignedOut::Forgotten(Some(failure)) => {
            voice::warn(&format!("logged out of {server} here; there the tokens could not be taken back: {}", plain(&failure.to_string())));
            return Ok(Some(Exit::Unavailable));
        }
        SignedOut::WasNotSignedIn => {
            voice::talk(&format!("nobody is logged in to {server}\n"));
            return Ok(Some(Exit::Failure));
        }
    }
    Ok(None)
}

/// Shows who is logged in where.
pub(crate) fn status(arguments: &LoginStatusArguments, around: &Surroundings) -> Result<Exit, Report> {
    let state = sign_in::state_folder(arguments.state.state.as_deref(), around)?;
    let found = sign_in::open(&state)?.list().map_err(|failure| sign_in::report(&failure.into()))?;
    if arguments.json {
        let json =
            serde_json::to_string_pretty(&found).map_err(|error| Report::new(Exit::Internal, "cannot write JSON").caused_by(&error))?;
        voice::data(&format!("{json}\n"))?;
        return Ok(Exit::Success);
    }
    if found.is_empty() {
        voice::talk("nobody is logged in anywhere; `claviger login URL` changes that\n");
        return Ok(Exit::Success);
    }
    let now = now();
    let mut text = String::new();
    for summary in &found {
        let _ = writeln!(text, "{}", line(summary, now));
    }
    voice::data(&text)?;
    Ok(Exit::Success)
}

#[expect(clippy::disallowed_methods, reason = "what is shown to a person is about now")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

fn line(summary: &Summary, now: Timestamp) -> String {
    let scopes = if summary.scopes.is_empty() { "no scopes named".to_owned() } else { plain(&summary.scopes) };
    let profile = if summary.profile == "default" { String::new() } else { format!(" as {}", plain(&summary.profile)) };
    format!("{}{profile}: {scopes}; {}; in `{}`", plain(&summary.server), end(summary, now), plain(&summary.storage))
}

fn end(summary: &Summary, now: Timestamp) -> String {
    let left = summary.token_ends_at.map(|end| i64::try_from(end).unwrap_or(i64::MAX).saturating_sub(now.as_millisecond()) / 1000);
    match (summary.is_renewable, left) {
        (true, _) => "renews itself".to_owned(),
        (false, None) => "until it is refused".to_owned(),
        (false, Some(left)) if left <= 0 => "has ended; log in again".to_owned(),
        (false, Some(left)) if left < 120 => format!("ends in {left} s"),
        (false, Some(left)) if left < 7200 => format!("ends in {} min", left / 60),
        (false, Some(left)) => format!("ends in {} h", left / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        Summary {
            server: "https://h/mcp".to_owned(),
            profile: "default".to_owned(),
            authority: "https://login".to_owned(),
            client_id: "c".to_owned(),
            scopes: "a b".to_owned(),
            signed_in_at: 0,
            renewed_at: 0,
            token_ends_at: Some(3_600_000),
            is_renewable: false,
            storage: "file".to_owned(),
        }
    }

    #[test]
    fn an_account_is_one_line() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut summary = summary();
        assert_eq!(line(&summary, at(0)), "https://h/mcp: a b; ends in 60 min; in `file`");
        assert_eq!(line(&summary, at(3_601)), "https://h/mcp: a b; has ended; log in again; in `file`");
        summary.profile = "work".to_owned();
        summary.is_renewable = true;
        summary.scopes.clear();
        assert_eq!(line(&summary, at(0)), "https://h/mcp as work: no scopes named; renews itself; in `file`");
    }
}
