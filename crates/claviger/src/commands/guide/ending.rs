//! How does a rotation end? The old key is revoked after the overlap, or it is put back.

use std::io::{self, IsTerminal as _};

use super::signals::Signals;
use super::{Guide, Step, arrived, failed, no_progress, read, writer};
use crate::cli::RotateArguments;
use crate::commands::prompt;
use crate::commands::secrets_status::{moment, today};
use crate::voice::{self, Exit, Report};

impl Guide {
    /// The old key goes out of use at its provider. `Some`: that is for later, or for a person.
    pub(super) async fn revoke(&mut self, arguments: &RotateArguments) -> Result<Option<Exit>, Report> {
        let from = self.rotation.progress().and_then(|progress| progress.revoke_from).unwrap_or_default();
        if !arguments.now && !arguments.revoked && self.clock.unix_milliseconds() < from {
            let from = moment(from).map(|from| format!("{from:.0}")).unwrap_or_default();
            voice::talk(&format!("revoke: both keys are good until {from}; then type the same command again\n"));
            voice::hint("`--now` does not wait; `--abort` switches back to the old key");
            return Ok(Some(Exit::Success));
        }
        let old = read(&self.previous, &self.sources).await?.value;
        if read(&self.reference, &self.sources).await?.value == old {
            return Err(Report::new(Exit::Failure, format!("`{}` holds the old key again; it is not revoked", self.reference))
                .hint("`--abort` ends this rotation and leaves the old key in use"));
        }
        self.tell_the_door().await?;
        if !arguments.revoked && !self.is_revoked(&old).await? {
            voice::talk("revoke: revoke the old key at its provider\n");
            voice::hint(&format!("then type `claviger secrets rotate {} --guide --revoked`", self.reference));
            return Ok(Some(Exit::Failure));
        }
        self.reached(Step::Revoked, "revoked")?;
        voice::talk("revoke: the old key is good for nothing any more\n");
        Ok(None)
    }

    /// By the operator's program, else by a person's word.
    async fn is_revoked(&self, old: &broker::value::Value) -> Result<bool, Report> {
        if let Some(program) = &self.plan.revoke {
            let outcome = Signals::listen()?.unless(self.programs.succeed(program, OLD_KEY, old)).await?;
            let again = "the same command tries again";
            return outcome.map(|()| true).map_err(|cause| failed("the old key could not be revoked".to_owned(), &cause).hint(again));
        }
        if !io::stdin().is_terminal() {
            return Ok(false);
        }
        let question = "revoke: has the old key been revoked at its provider?";
        let asking = tokio::task::spawn_blocking(move || prompt::is_confirmed(question));
        let answered = Signals::listen()?.unless(asking).await?;
        let unread = |error: &dyn std::error::Error| Report::new(Exit::InputOutput, "cannot read the answer").caused_by(error);
        answered.map_err(|error| unread(&error))?.map_err(|error| unread(&error))
    }

    /// Nothing but the new key is left.
    pub(super) async fn finish(&mut self) -> Result<Exit, Report> {
        self.remove(&self.previous).await?;
        self.remove(&self.next).await?;
        self.rotation.forget().map_err(|error| no_progress(&error))?;
        voice::talk(&format!("`{}` is rotated\n", self.reference));
        voice::hint(&format!("write `issued = \"{}\"` under `[secrets.inventory.\"{}\"]`", today(), self.reference));
        Ok(Exit::Success)
    }

    /// The old key is used again, or goes on being used.
    pub(super) async fn abort(&mut self) -> Result<Exit, Report> {
        let _signals = Signals::listen()?;
        let word = match self.rotation.step() {
            None => return Err(Report::new(Exit::Failure, format!("no guided rotation of `{}` is under way", self.reference))),
            Some(Step::Revoked) => {
                return Err(Report::new(Exit::Failure, "the old key is revoked already; there is no way back")
                    .hint("the command without `--abort` ends the rotation"));
            }
            Some(Step::Creating | Step::Created | Step::Tested) => "aborted",
            Some(Step::Switching | Step::Switched) => self.switch_back().await?,
        };
        self.remove(&self.next).await?;
        self.remove(&self.previous).await?;
        self.rotation.forget().map_err(|error| no_progress(&error))?;
        self.record(word);
        voice::talk(&format!("`{}` has the old key; the rotation is given up\n", self.reference));
        voice::hint("revoke the new key at its provider: nobody needs it any more");
        Ok(Exit::Success)
    }

    /// What a command that was stopped in the middle of switching has not touched is left alone.
    async fn switch_back(&self) -> Result<&'static str, Report> {
        if !self.is_there(&self.previous).await? {
            return Ok("aborted");
        }
        let old = read(&self.previous, &self.sources).await?.value;
        if read(&self.reference, &self.sources).await?.value != old {
            let done = writer(&self.reference, &self.sources)?.put(&self.reference, &old).await;
            done.map_err(|cause| failed(format!("`{}` does not take the old key back; both are where they were", self.reference), &cause))?;
            if !arrived(&self.reference, &old, &self.sources).await? {
                return Err(Report::new(Exit::Failure, format!("`{}` gave back something else than the old key", self.reference)));
            }
        }
        if let Err(report) = self.tell_the_door().await {
            voice::talk(&report.render());
        }
        Ok("switched-back")
    }
}

/// The variable of the program that revokes an old key.
const OLD_KEY: &str = "CLAVIGER_OLD_KEY";
