//! `claviger secrets`: secrets are looked up, put in their places and moved. A value is seen only where somebody asked to see it.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::os::fd::AsFd as _;
use std::time::Duration;

use broker::missing::{Cause, Missing};
use broker::reference::{Kind, Reference};
use broker::source::{Fetched, MAX_LISTED, MAX_VALUE_BYTES, Removal, Sources, Writer};
use broker::value::Value;
use zeroize::Zeroizing;

use super::{block_on, guide, prompt, secrets_status};
use crate::cli::{GetArguments, ListArguments, MigrateArguments, PutArguments, SecretsArguments, SecretsCommand, ServeArguments};
use crate::config::draft;
use crate::config::env::{self, Surroundings};
use crate::interruption::Interruption;
use crate::log;
use crate::mend::caused_by_missing;
use crate::voice::{self, Exit, Report, plain};

/// Carries out one command; Ctrl-C gives it up, and ends what it started.
pub(crate) fn run(command: &SecretsCommand, around: &Surroundings) -> Result<Exit, Report> {
    log::start(around.value(env::LOG));
    let (place, keychain) = match command {
        SecretsCommand::Rotate(arguments) if arguments.guide => return block_on(guide::run(arguments, around)),
        SecretsCommand::Rotate(arguments) => return block_on(secrets_status::rotate(arguments, around)),
        SecretsCommand::Status(arguments) => return block_on(secrets_status::status(arguments, around)),
        SecretsCommand::Get(arguments) => (&arguments.place, arguments.keychain),
        SecretsCommand::List(arguments) => (&arguments.place, arguments.keychain),
        SecretsCommand::Migrate(arguments) => (&arguments.place, arguments.keychain),
        SecretsCommand::Put(arguments) => (&arguments.place, arguments.keychain),
    };
    let secrets = draft::secrets(&serve_arguments(place), around)?.with_chosen_keychain(keychain.keychain);
    block_on(secrets.lend(around, async |resolver| {
        let sources = resolver.sources();
        // A person who types hears of Ctrl-C by themselves.
        let input = match command {
            SecretsCommand::Put(arguments) => Some(Input::of(arguments, sources)?),
            _ => None,
        };
        let work = async {
            match (command, input) {
                (SecretsCommand::Put(_), Some(input)) => put(&input, sources).await,
                (SecretsCommand::Get(arguments), _) => get(arguments, sources).await,
                (SecretsCommand::List(arguments), _) => list(arguments, sources).await,
                (SecretsCommand::Migrate(arguments), _) => migrate(arguments, sources).await,
                (SecretsCommand::Put(_) | SecretsCommand::Rotate(_) | SecretsCommand::Status(_), _) => {
                    Err(Report::new(Exit::Internal, "there is no value to put"))
                }
            }
        };
        Interruption::listen()?.unless_it_comes(work).await
    }))
}

/// The door's own way to find its configuration, so that both mean the same places.
pub(super) fn serve_arguments(place: &SecretsArguments) -> ServeArguments {
    let SecretsArguments { config, environment, state } = place.clone();
    ServeArguments { config, environment, state, ..ServeArguments::default() }
}

async fn get(arguments: &GetArguments, sources: &Sources) -> Result<Exit, Report> {
    let reference = parse(&arguments.reference)?;
    let fetched = read(&reference, sources).await?;
    let is_seen = io::stdout().is_terminal();
    if !is_seen || arguments.reveal {
        voice::exact(fetched.value.expose())?;
        if is_seen {
            voice::exact("\n")?;
        }
        return Ok(Exit::Success);
    }
    let version = fetched.version.as_deref().map_or_else(String::new, |version| format!(", version `{}`", plain(version)));
    voice::talk(&format!("`{reference}` is there: {}{version}\n", size(&fetched.value)));
    voice::hint("`--reveal` prints it here; into a pipe or a file it is printed as it is");
    Ok(Exit::Success)
}

/// A value for a place.
struct Input {
    reference: Reference,
    value: Value,
}

impl Input {
    /// Asked for only when the place could take it.
    fn of(arguments: &PutArguments, sources: &Sources) -> Result<Self, Report> {
        let reference = parse(&arguments.reference)?;
        writer(&reference, sources)?;
        let value = entered(&format!("the value of `{reference}`"))?;
        Ok(Self { reference, value })
    }
}

/// What a person types or another program pipes in.
pub(super) fn entered(what: &str) -> Result<Value, Report> {
    let bytes = if io::stdin().is_terminal() { typed(what)? } else { piped()? };
    let text = bytes.strip_suffix(b"\n").map_or(&**bytes, |line| line.strip_suffix(b"\r").unwrap_or(line));
    let unfit = |cause: Cause| Report::new(Exit::Failure, "this cannot be kept").caused_by(&cause);
    let text = std::str::from_utf8(text).map_err(|_| unfit(Cause::NotText))?;
    Value::new(text).map_err(|_| unfit(Cause::NoMemory))
}

fn typed(what: &str) -> Result<Zeroizing<Vec<u8>>, Report> {
    let invitation = format!("type or paste {what}; it is not shown, and Enter ends it\n");
    let line = prompt::unseen_line(&invitation, MAX_VALUE_BYTES).map_err(|error| unread(&error))?;
    line.ok_or_else(|| Report::new(Exit::Failure, "given up; nothing was put there"))
}

fn piped() -> Result<Zeroizing<Vec<u8>>, Report> {
    // Not through the standard buffer, which would keep a copy.
    let input = io::stdin().as_fd().try_clone_to_owned().map_err(|error| unread(&error))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_VALUE_BYTES + 3));
    File::from(input).take(MAX_VALUE_BYTES as u64 + 3).read_to_end(&mut bytes).map_err(|error| unread(&error))?;
    Ok(bytes)
}

fn unread(error: &io::Error) -> Report {
    Report::new(Exit::InputOutput, "cannot read the value").caused_by(error)
}

async fn put(input: &Input, sources: &Sources) -> Result<Exit, Report> {
    let Input { reference, value } = input;
    let done = writer(reference, sources)?.put(reference, value).await;
    done.map_err(|cause| failed(format!("`{reference}` does not take it"), &cause))?;
    voice::talk(&format!("`{reference}` keeps it: {}\n", size(value)));
    voice::hint(&format!("write `{reference}` where the secret belongs"));
    Ok(Exit::Success)
}

/// What is named, else what can be listed without asking anybody elsewhere.
async fn list(arguments: &ListArguments, sources: &Sources) -> Result<Exit, Report> {
    let (scheme, below) = match arguments.within.as_deref() {
        Some(within) => within.split_once("://").unwrap_or((within, "")),
        None => (Kind::Keychain.scheme(), ""),
    };
    let writer = Kind::named(scheme).and_then(|kind| sources.writer(kind));
    let writer = writer.ok_or_else(|| Report::new(Exit::Usage, format!("`{}` is no place that can be listed", plain(scheme))))?;
    let listed = writer.list(below).await.map_err(|cause| failed(format!("cannot list `{scheme}://{}`", plain(below)), &cause))?;
    let names: Vec<String> = listed.references.iter().map(|reference| plain(&reference.to_string())).collect();
    if !names.is_empty() {
        voice::data(&format!("{}\n", names.join("\n")))?;
    }
    if listed.is_cut {
        voice::warn(&format!("there are more than {MAX_LISTED}; name a narrower place, such as `{scheme}://PLACE/BEGINNING`"));
    }
    Ok(Exit::Success)
}

async fn migrate(arguments: &MigrateArguments, sources: &Sources) -> Result<Exit, Report> {
    let (from, to) = (parse(&arguments.from)?, parse(&arguments.to)?);
    let are_two_members = from.field().is_some() && to.field().is_some() && from.field() != to.field();
    if from.place() == to.place() && !are_two_members {
        return Err(Report::new(Exit::Usage, "both references name one place"));
    }
    let to_writer = writer(&to, sources)?;
    let from_writer = if arguments.delete { Some(writer(&from, sources)?) } else { None };
    let moved = read(&from, sources).await?;
    if !is_there_already(&moved, &to, sources, arguments.replace).await? {
        let done = to_writer.put(&to, &moved.value).await;
        done.map_err(|cause| failed(format!("`{to}` does not take it; `{from}` is as it was"), &cause))?;
    }
    if !arrived(&to, &moved.value, sources).await? {
        return Err(Report::new(Exit::Failure, format!("`{to}` gave back something else; `{from}` is as it was")));
    }
    voice::talk(&format!("`{to}` holds what `{from}` holds: it was read back and compared\n"));
    if let Some(from_writer) = from_writer {
        let done = from_writer.delete(&from).await;
        let removal = done.map_err(|cause| failed(format!("`{from}` could not be removed"), &cause))?;
        still_there(&moved, [(&from, from_writer), (&to, to_writer)], sources).await?;
        voice::talk(&format!("`{from}` is removed{}\n", afterlife(removal)));
    }
    voice::hint(&format!("write `{to}` in place of `{from}`"));
    if !arguments.delete {
        voice::hint(&format!("then remove `{from}`; `--delete` does it, where it can be done"));
    }
    Ok(Exit::Success)
}

/// Whether this very value is there; another one is in the way.
async fn is_there_already(moved: &Fetched, to: &Reference, sources: &Sources, may_replace: bool) -> Result<bool, Report> {
    match sources.read(to).await {
        Ok(there) if there.value == moved.value => Ok(true),
        Ok(_) if may_replace => Ok(false),
        Ok(_) => Err(Report::new(Exit::Failure, format!("`{to}` holds another secret"))
            .hint("name another place, or say `--replace` if it is no longer needed")),
        Err(cause) if cause.is_absence() || cause == Cause::Empty => Ok(false),
        Err(cause) => Err(failed(format!("cannot see what `{to}` holds"), &cause)),
    }
}

/// Two names may mean one place, and then both are gone now. The value is still in our hands, and one of the names at least can take it again.
async fn still_there(moved: &Fetched, names: [(&Reference, &dyn Writer); 2], sources: &Sources) -> Result<(), Report> {
    let [_, (to, _)] = names;
    if sources.read(to).await.is_ok_and(|there| there.value == moved.value) {
        return Ok(());
    }
    let mut refusal = Cause::NotFound;
    for (name, writer) in names {
        match writer.put(name, &moved.value).await {
            Ok(()) => return Err(Report::new(Exit::Failure, format!("both references name one place; it is as it was, under `{name}`"))),
            Err(cause) => refusal = cause,
        }
    }
    Err(failed(format!("`{to}` lost it again, and does not take it"), &refusal))
}

/// Never quotes what is no reference: it may be the secret.
pub(super) fn parse(text: &str) -> Result<Reference, Report> {
    text.parse().map_err(|error| Report::new(Exit::Usage, "this is no reference to a secret").caused_by(&error))
}

pub(super) async fn read(reference: &Reference, sources: &Sources) -> Result<Fetched, Report> {
    let timed_out = |_| Err(Cause::TimedOut { after: PATIENCE });
    let outcome = tokio::time::timeout(PATIENCE, sources.read(reference)).await.unwrap_or_else(timed_out);
    outcome.map_err(|cause| {
        let report = Report::new(exit(&cause), "cannot get the secret");
        caused_by_missing(report, &Missing { credential: reference.to_string().into(), cause })
    })
}

/// Whether a value that was put there comes back. Some clouds give the one before for some seconds more.
pub(super) async fn arrived(reference: &Reference, value: &Value, sources: &Sources) -> Result<bool, Report> {
    for look in 1..=LOOKS {
        if read(reference, sources).await?.value == *value {
            return Ok(true);
        }
        if look < LOOKS {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(false)
}

/// What writes where the reference says.
pub(super) fn writer<'s>(reference: &Reference, sources: &'s Sources) -> Result<&'s dyn Writer, Report> {
    let kind = reference.place().kind();
    let known: Vec<String> = sources.writers().map(|(kind, _)| format!("`{}://`", kind.scheme())).collect();
    sources.writer(kind).ok_or_else(|| {
        let what = format!("`{}://` is no place that Claviger writes to", kind.scheme());
        Report::new(Exit::Usage, what).hint(format!("these are: {}", known.join(", ")))
    })
}

/// What a person should know of a value that was removed and is not gone.
pub(super) fn afterlife(removal: Removal) -> String {
    match removal {
        Removal::Final => String::new(),
        Removal::Recoverable { how } => format!("; {how}"),
    }
}

pub(super) fn failed(what: String, cause: &Cause) -> Report {
    Report::new(exit(cause), what).caused_by(cause)
}

fn exit(cause: &Cause) -> Exit {
    match cause {
        cause if cause.is_absence() => Exit::Failure,
        Cause::NotConfigured { .. } | Cause::NotInThisBuild => Exit::Configuration,
        Cause::NoKeychain { .. } | Cause::TimedOut { .. } | Cause::TooOften { .. } | Cause::Unavailable { .. } => Exit::Unavailable,
        Cause::Unable { .. } | Cause::WhichAccount { .. } => Exit::Usage,
        Cause::Unreadable(_) | Cause::Unwritable(_) => Exit::InputOutput,
        _ => Exit::Failure,
    }
}

/// How long it is, roughly: enough to see that it is the right thing, and too little to help anybody.
fn size(value: &Value) -> &'static str {
    match value.expose().len() {
        0..=7 => "less than 8 bytes",
        8..=15 => "8 to 15 bytes",
        16..=31 => "16 to 31 bytes",
        32..=63 => "32 to 63 bytes",
        64..=255 => "64 to 255 bytes",
        _ => "256 bytes or more",
    }
}

/// How often it is looked whether a value has arrived, and how long between.
const LOOKS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(500);
/// A person may have to unlock a keychain first.
const PATIENCE: Duration = Duration::from_secs(60);
