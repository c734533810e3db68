//! `claviger token`: a new token for a server behind the door, or a look into one.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use broker::reference::Template;
use gateway::clock::Clock;
use oauth::scope::ScopeSet;
use secrecy::{ExposeSecret as _, SecretString};
use store::seal::Origin;
use token::SharedSecret;
use token::mint::{MintError, MintRequest, Minter};

use super::borrowing;
use crate::cli::{InspectArguments, MintArguments, TokenCommand};
use crate::config::accept::DEFAULT_MAX_LIFETIME;
use crate::config::draft::no_state_folder;
use crate::config::env::Surroundings;
use crate::config::plan;
use crate::config::secrets::Secrets;
use crate::mend::caused_by_missing;
use crate::voice::{self, Exit, Report};

/// Mints or inspects.
pub(crate) fn run(command: &TokenCommand, around: &Surroundings) -> Result<Exit, Report> {
    match command {
        TokenCommand::Inspect(arguments) => inspect(arguments),
        TokenCommand::Mint(arguments) => mint(arguments, around),
    }
}

/// Prints the token and nothing else on stdout, so that `$(claviger token mint …)` works.
fn mint(arguments: &MintArguments, around: &Surroundings) -> Result<Exit, Report> {
    let scopes =
        ScopeSet::parse(&arguments.scope).map_err(|error| Report::new(Exit::Usage, "`--scope` does not hold scopes").caused_by(&error))?;
    let request = MintRequest {
        scopes,
        client_id: arguments.client.clone(),
        ..MintRequest::new(&arguments.audience, &arguments.subject, arguments.lifetime.as_secs())
    };
    let secret = secret(arguments, around)?;
    let token = Minter::shared_secret(&secret).mint(&request, Clock::system().unix_seconds()).map_err(|error| {
        let exit = if error == MintError::CryptographyFailed { Exit::Internal } else { Exit::Usage };
        Report::new(exit, "cannot mint this token").caused_by(&error)
    })?;
    if arguments.lifetime > DEFAULT_MAX_LIFETIME {
        let hours = DEFAULT_MAX_LIFETIME.as_secs() / 3600;
        voice::warn(&format!("the door refuses tokens that live longer than {hours} h, unless `max_lifetime` says otherwise"));
    }
    voice::data(&format!("{token}\n"))?;
    Ok(Exit::Success)
}

/// The secret that signs: the one named, else the audience's own, derived from the instance key.
fn secret(arguments: &MintArguments, around: &Surroundings) -> Result<SharedSecret, Report> {
    if let Some(reference) = &arguments.secret_reference {
        return referenced(reference, arguments, around);
    }
    if let Some(file) = &arguments.secret_file {
        let absolute = around.folder().join(file);
        return referenced(&format!("file://{}", absolute.display()), arguments, around);
    }
    let state = around.state_folder(arguments.state.state.as_deref()).ok_or_else(no_state_folder)?;
    let (key, origin) = plan::instance_key(&state)?;
    if origin == Origin::Created {
        voice::warn(&format!("a new key was made in `{}`; only a door with this state folder takes the token", state.display()));
    }
    let server = server_of(&arguments.audience);
    plan::minting_secret(&key, server).map_err(|error| Report::new(Exit::Internal, "cannot derive the server's secret").caused_by(&error))
}

fn referenced(reference: &str, arguments: &MintArguments, around: &Surroundings) -> Result<SharedSecret, Report> {
    let hint = "references are `env://NAME`, `file:///path` and `${NAME}`";
    let template = Template::parse_secret(reference)
        .map_err(|error| Report::new(Exit::Usage, "this is no reference to a secret").caused_by(&error).hint(hint))?;
    if template.references().next().is_none() {
        return Err(Report::new(Exit::Usage, "a secret does not stand on the command line, where others can read it").hint(hint));
    }
    let state = around.state_folder(arguments.state.state.as_deref()).ok_or_else(no_state_folder)?;
    let secrets = Secrets::usual(around, around.folder(), &state);
    let value = borrowing(&secrets, around, async |resolver| {
        let resolved = resolver.resolve_for_start(&template).await;
        resolved.map_err(|missing| caused_by_missing(Report::new(Exit::Failure, "there is no secret to sign with"), &missing))
    })?;
    SharedSecret::new(value.expose_secret().as_bytes())
        .map_err(|error| Report::new(Exit::Failure, "the secret cannot sign").caused_by(&error))
}

/// The server that an audience names: itself, or the last segment of its URL's path.
pub(super) fn server_of(audience: &str) -> &str {
    if !audience.contains("://") {
        return audience;
    }
    audience.trim_end_matches('/').rsplit('/').next().unwrap_or(audience)
}

fn inspect(arguments: &InspectArguments) -> Result<Exit, Report> {
    let token = match &arguments.token {
        Some(token) if token.expose_secret() != "-" => token.clone(),
        _ => read_secret(Path::new("-"), "the token")?,
    };
    let inspection = token::inspect(token.expose_secret().trim())
        .map_err(|error| Report::new(Exit::Failure, "cannot read the token").caused_by(&error))?;
    voice::data(&format!("header {}\nclaims {}\n", inspection.header, inspection.claims))?;
    let now = Clock::system().unix_seconds();
    let mut talk = String::new();
    if let Some(expires_at) = inspection.expires_at {
        let _ = writeln!(talk, "{}", expiry(expires_at, now));
    }
    if let Some(fault) = &inspection.fault {
        let _ = writeln!(talk, "the door would refuse it: {fault}");
    }
    voice::talk(&talk);
    voice::warn("nothing was verified: anybody can write such a token");
    Ok(Exit::Success)
}

/// Reads a secret from a file, or from stdin for `-`; at most 64 KiB, without the line end.
pub(crate) fn read_secret(location: &Path, what: &str) -> Result<SecretString, Report> {
    let failed = |error: &std::io::Error| Report::new(Exit::InputOutput, format!("cannot read {what}")).caused_by(error);
    let mut text = String::new();
    let read = if location == Path::new("-") {
        std::io::stdin().lock().take(MAX_SECRET_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(location).and_then(|file| file.take(MAX_SECRET_BYTES).read_to_string(&mut text))
    };
    let text = zeroize::Zeroizing::new(text);
    read.map_err(|error| failed(&error))?;
    Ok(text.trim().into())
}

fn expiry(expires_at: u64, now: u64) -> String {
    let moment = i64::try_from(expires_at).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let moment = moment.map_or_else(|| expires_at.to_string(), |moment| moment.to_string());
    match expires_at.checked_sub(now) {
        Some(0) | None => format!("expired at {moment}"),
        Some(left) => format!("expires at {moment}, in {left} s"),
    }
}

const MAX_SECRET_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::{expiry, server_of};

    #[test]
    fn an_audience_names_its_server() {
        assert_eq!(server_of("filesystem"), "filesystem");
        assert_eq!(server_of("http://127.0.0.1:8787/mcp/filesystem"), "filesystem");
        assert_eq!(server_of("https://mcp.example.com/mcp/git/"), "git");
    }

    #[test]
    fn expiry_is_told_as_a_date_and_a_distance() {
        assert_eq!(expiry(1_800_000_000, 1_799_999_100), "expires at 2027-01-15T08:00:00Z, in 900 s");
        assert_eq!(expiry(1_800_000_000, 1_800_000_000), "expired at 2027-01-15T08:00:00Z");
        assert_eq!(expiry(u64::MAX, 0), format!("expires at {0}, in {0} s", u64::MAX));
    }
}
