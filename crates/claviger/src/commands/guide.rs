//! `claviger secrets rotate --guide`: a key is replaced while both are good. Create, test, switch, and after the overlap revoke.
//!
//! ★ No key is ever in our hands alone. The new one is put beside the old one before anything is done with it, and the old one beside the new one before that takes
//! its place; each is read back and compared. How far it came is written down (`progress`), so a command that was stopped anywhere is just typed again.

mod ending;
mod progress;
mod signals;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use audit::event::Event;
use broker::Resolver;
use broker::missing::Cause;
use broker::reference::{Beside, Reference};
use broker::source::{Commands, Sources};
use broker::value::Value;
use gateway::clock::Clock;

pub(super) use self::progress::{Progress, Step};
use self::progress::{ProgressFailure, Rotation};
use self::signals::Signals;
use super::note::{note, who};
use super::secrets::{afterlife, arrived, entered, failed, parse, read, serve_arguments, writer};
use super::secrets_status::{fetched_anew, report_rotation};
use crate::cli::RotateArguments;
use crate::config::draft::{self, no_state_folder};
use crate::config::env::Surroundings;
use crate::config::inventory::Guide as Plan;
use crate::config::secrets::Secrets;
use crate::voice::{self, Exit, Report};

/// Goes on from where the rotation of this secret stopped, as far as it can go now.
pub(super) async fn run(arguments: &RotateArguments, around: &Surroundings) -> Result<Exit, Report> {
    let secrets = draft::secrets(&serve_arguments(&arguments.place), around)?;
    let work = async |resolver: Resolver| {
        let mut guide = Guide::of(arguments, around, &secrets, resolver.sources())?;
        if arguments.revoked && !matches!(guide.rotation.step(), Some(Step::Switched | Step::Revoked)) {
            return Err(Report::new(Exit::Failure, format!("`{}` has no old key yet that could be revoked", guide.reference)));
        }
        if arguments.abort { guide.abort().await } else { guide.go_on(arguments).await }
    };
    secrets.lend(around, work).await
}

struct Guide {
    reference: Reference,
    /// Where the new key waits.
    next: Reference,
    /// Where the old key is kept for the overlap.
    previous: Reference,
    sources: Arc<Sources>,
    programs: Commands,
    plan: Plan,
    rotation: Rotation,
    state: PathBuf,
    who: String,
    clock: Clock,
}

impl Guide {
    fn of(arguments: &RotateArguments, around: &Surroundings, secrets: &Secrets, sources: &Arc<Sources>) -> Result<Self, Report> {
        let reference = parse(arguments.name.as_deref().unwrap_or_default())?;
        let state = around.state_folder(arguments.place.state.state.as_deref()).ok_or_else(no_state_folder)?;
        writer(&reference, sources)?;
        let beside = |which| reference.beside(which).ok_or_else(|| no_place_beside(&reference));
        let (next, previous) = (beside(Beside::Next)?, beside(Beside::Previous)?);
        let is_meant = |known: &Reference| (known.place(), known.field()) == (reference.place(), reference.field());
        let plan = secrets.inventory.iter().find(|entry| is_meant(&entry.reference)).map(|entry| entry.guide.clone()).unwrap_or_default();
        let rotation = Rotation::open(&state, &reference).map_err(|error| no_progress(&error))?;
        let (programs, who, clock) = (secrets.programs(around), who(around), Clock::system());
        let sources = Arc::clone(sources);
        Ok(Self { reference, next, previous, sources, programs, plan, rotation, state, who, clock })
    }

    async fn go_on(&mut self, arguments: &RotateArguments) -> Result<Exit, Report> {
        loop {
            match self.rotation.step() {
                None | Some(Step::Creating) => self.create().await?,
                Some(Step::Created) => self.test().await?,
                Some(Step::Tested | Step::Switching) => self.switch().await?,
                Some(Step::Switched) => {
                    if let Some(exit) = self.revoke(arguments).await? {
                        return Ok(exit);
                    }
                }
                Some(Step::Revoked) => return self.finish().await,
            }
        }
    }

    /// A new key, put beside the old one at once.
    async fn create(&mut self) -> Result<(), Report> {
        let admitted = writer(&self.reference, &self.sources)?.admit(&self.reference).await;
        admitted.map_err(|cause| failed(format!("`{}` does not take a new key", self.reference), &cause))?;
        let old = read(&self.reference, &self.sources).await?.value;
        if self.is_there(&self.next).await? {
            if self.rotation.step() == Some(Step::Creating) {
                // It was put there by a command that was stopped before it could say so.
                return self.reached(Step::Created, "created");
            }
            return Err(taken(&self.next));
        }
        if self.is_there(&self.previous).await? {
            return Err(taken(&self.previous));
        }
        let new = self.new_key().await?;
        // Nobody else has it yet: no signal comes between.
        let _signals = Signals::listen()?;
        if new.expose().is_empty() {
            return Err(Report::new(Exit::Failure, "no new key was given; nothing has changed"));
        }
        if new == old {
            return Err(Report::new(Exit::Failure, "this is the key that is in use already; nothing has changed"));
        }
        self.save(Step::Creating)?;
        self.keep(&self.next, &new).await?;
        self.reached(Step::Created, "created")?;
        voice::talk(&format!("create: the new key is in `{}`; `{}` is as it was\n", self.next, self.reference));
        Ok(())
    }

    async fn new_key(&self) -> Result<Value, Report> {
        if let Some(program) = &self.plan.create {
            let printed = Signals::listen()?.unless(self.programs.print(program)).await?;
            return printed
                .map(|fetched| fetched.value)
                .map_err(|cause| failed("the program of `create` gives no new key".to_owned(), &cause));
        }
        voice::talk(&format!("create: make a new key for `{}` at its provider, and leave the old one as it is\n", self.reference));
        entered("the new key")
    }

    /// The new key is tried before anything uses it.
    async fn test(&mut self) -> Result<(), Report> {
        let new = read(&self.next, &self.sources).await?.value;
        match &self.plan.test {
            None => voice::talk("test: no `test` stands in `[secrets.inventory]`, so the new key is not tried\n"),
            Some(program) => {
                let outcome = Signals::listen()?.unless(self.programs.succeed(program, NEW_KEY, &new)).await?;
                outcome.map_err(|cause| {
                    failed(format!("the new key fails its test; `{}` is as it was", self.reference), &cause)
                        .hint("the same command tests it again; with `--abort`, the new key is given up")
                })?;
                voice::talk("test: the new key is good\n");
            }
        }
        self.reached(Step::Tested, "tested")
    }

    /// The new key takes the place of the old one, which is beside it from now on.
    async fn switch(&mut self) -> Result<(), Report> {
        let _signals = Signals::listen()?;
        let (old, new) = (read(&self.reference, &self.sources).await?.value, read(&self.next, &self.sources).await?.value);
        if self.is_there(&self.previous).await? {
            if self.rotation.step() != Some(Step::Switching) {
                return Err(taken(&self.previous));
            }
            // A command was stopped in the middle: one of our keys must be here, and the old one is put aside already.
            if old != new && read(&self.previous, &self.sources).await?.value != old {
                return Err(Report::new(Exit::Failure, format!("`{}` holds neither key: somebody else has written there", self.reference)));
            }
        } else {
            self.save(Step::Switching)?;
            self.keep(&self.previous, &old).await?;
        }
        if old != new {
            self.keep(&self.reference, &new).await?;
        }
        self.reached(Step::Switched, "switched")?;
        voice::talk(&format!("switch: `{}` has the new key; the old one is in `{}`\n", self.reference, self.previous));
        if let Err(report) = self.remove(&self.next).await {
            voice::talk(&report.render());
        }
        self.tell_the_door().await
    }

    /// Has the running door use what is there now, and shows what it says.
    async fn tell_the_door(&self) -> Result<(), Report> {
        let asking = fetched_anew(&self.state, Some(self.reference.to_string()));
        match Signals::listen()?.unless(asking).await?? {
            None => {
                voice::talk("no door is running on this state folder; others use it within the hour, or after `claviger secrets rotate`\n");
                Ok(())
            }
            Some(fetched) => match report_rotation(&fetched)? {
                Exit::Success => Ok(()),
                exit => Err(Report::new(exit, "the running door cannot have the secret").hint("`--abort` switches back to the old key")),
            },
        }
    }

    /// Puts a key somewhere and sees that it arrived.
    async fn keep(&self, reference: &Reference, key: &Value) -> Result<(), Report> {
        let done = writer(reference, &self.sources)?.put(reference, key).await;
        done.map_err(|cause| failed(format!("`{reference}` does not take the key; type the same command again"), &cause))?;
        if arrived(reference, key, &self.sources).await? {
            return Ok(());
        }
        Err(Report::new(Exit::Failure, format!("`{reference}` gave back something else")).hint("look who else writes there"))
    }

    /// Removes a key that lies beside; that there is none is what is wanted.
    async fn remove(&self, reference: &Reference) -> Result<(), Report> {
        if !self.is_there(reference).await? {
            return Ok(());
        }
        let done = writer(reference, &self.sources)?.delete(reference).await;
        let removal = done.map_err(|cause| failed(format!("`{reference}` could not be removed"), &cause))?;
        voice::talk(&format!("`{reference}` is removed{}\n", afterlife(removal)));
        Ok(())
    }

    async fn is_there(&self, reference: &Reference) -> Result<bool, Report> {
        match self.sources.read(reference).await {
            Ok(_) => Ok(true),
            Err(cause) if cause.is_absence() || cause == Cause::Empty => Ok(false),
            Err(cause) => Err(failed(format!("cannot see what `{reference}` holds"), &cause)),
        }
    }

    /// A step is over: it is written down, then recorded.
    fn reached(&mut self, step: Step, word: &'static str) -> Result<(), Report> {
        self.save(step)?;
        self.record(word);
        Ok(())
    }

    fn save(&mut self, step: Step) -> Result<(), Report> {
        let now = self.clock.unix_milliseconds();
        let begun = || Progress { reference: self.reference.to_string(), step, started_at: now, switched_at: None, revoke_from: None };
        let mut progress = self.rotation.progress().map_or_else(begun, |known| Progress { step, ..known.clone() });
        if step == Step::Switched {
            progress.switched_at = Some(now);
            progress.revoke_from = Some(now.saturating_add(milliseconds(self.plan.overlap)));
        }
        self.rotation.save(progress).map_err(|error| no_progress(&error))
    }

    /// A line that cannot be written must not keep a person from mending keys.
    fn record(&self, step: &'static str) {
        let event = Event::RotationStep { credential: self.reference.to_string().into(), step: step.into(), by: (&*self.who).into() };
        if let Err(report) = note(&self.state.join(RECORD), &event, "this step cannot be recorded") {
            voice::talk(&report.render());
        }
    }
}

fn no_place_beside(reference: &Reference) -> Report {
    Report::new(Exit::Usage, format!("no other key can be put beside `{reference}`"))
        .hint("write the reference without a version, and a secret of AWS by its name")
}

fn taken(reference: &Reference) -> Report {
    Report::new(Exit::Failure, format!("`{reference}` holds a secret already, and no rotation is under way that has put it there"))
        .hint("move it or remove it first: the rotation needs this place")
}

fn no_progress(error: &ProgressFailure) -> Report {
    let exit = if matches!(error, ProgressFailure::Busy) { Exit::Unavailable } else { Exit::InputOutput };
    Report::new(exit, "cannot keep the state of the rotation").caused_by(error)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The variable of the program that tries a new key.
const NEW_KEY: &str = "CLAVIGER_NEW_KEY";
/// The chained record of steps, in the state folder.
const RECORD: &str = "audit/rotations.jsonl";
