//! How does a running program learn of a new value without being started again? Over a socket that it inherits: one JSON object a line, each answered by the program.
//! The protocol is docs/reference/hand-over.md.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::time::Duration;

use rustix::io::FdFlags;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

/// Our end of the socket.
pub(crate) struct HandOver(BufReader<UnixStream>);

/// The program's end, until it has it.
pub(crate) struct TheirEnd(OwnedFd);

/// What we say.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Word<'w> {
    Rotated { name: &'w str, value: &'w str },
}

/// What the program says.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Answer {
    Accepted { name: String },
    Refused { name: String },
}

/// Why the program does not have the new value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    #[error("it has closed the socket")]
    Closed,
    #[error("the socket failed: {0}")]
    Failed(#[from] io::Error),
    #[error("what it answered is no answer")]
    NotUnderstood,
    #[error("it refused the value")]
    Refused,
    #[error("it did not answer within {} s", PATIENCE.as_secs())]
    TimedOut,
}

impl HandOver {
    /// A socket with two ends; the program's one outlives the start of a program.
    pub(crate) fn prepare() -> io::Result<(Self, TheirEnd)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let theirs = OwnedFd::from(theirs);
        rustix::io::fcntl_setfd(&theirs, FdFlags::empty())?;
        Ok((Self(BufReader::new(UnixStream::from_std(ours)?)), TheirEnd(theirs)))
    }

    /// Gives the program a new value and waits until it has taken it.
    pub(crate) async fn tell(&mut self, name: &str, value: &str) -> Result<(), NotTaken> {
        self.tell_within(PATIENCE, name, value).await
    }

    async fn tell_within(&mut self, patience: Duration, name: &str, value: &str) -> Result<(), NotTaken> {
        // A letter becomes six at most. Room for all of them from the start: growing would leave copies behind.
        let mut line = Zeroizing::new(Vec::with_capacity(6 * (name.len() + value.len()) + 64));
        serde_json::to_writer(&mut *line, &Word::Rotated { name, value }).map_err(io::Error::from)?;
        line.push(b'\n');
        let told = async {
            self.0.write_all(&line).await?;
            self.answer(name).await
        };
        tokio::time::timeout(patience, told).await.unwrap_or(Err(NotTaken::TimedOut))
    }

    /// The answer that names this variable. One that came too late for its own question is passed over.
    async fn answer(&mut self, asked: &str) -> Result<(), NotTaken> {
        loop {
            let mut line = Vec::new();
            (&mut self.0).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
            if line.is_empty() {
                return Err(NotTaken::Closed);
            }
            match serde_json::from_slice(&line) {
                Ok(Answer::Accepted { name }) if name == asked => return Ok(()),
                Ok(Answer::Refused { name }) if name == asked => return Err(NotTaken::Refused),
                Ok(_) => {}
                // It may quote what it was told, so nothing of it is shown.
                Err(_) => return Err(NotTaken::NotUnderstood),
            }
        }
    }
}

impl TheirEnd {
    /// Its number, for the program.
    pub(crate) fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// For the program to read a value and to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// An answer is short.
const MAX_LINE_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::UnixStream;

    use super::{HandOver, NotTaken};

    /// A program that gives these answers, one to each line; and what it was told.
    async fn tell(answers: Vec<&'static str>) -> (Vec<Result<(), NotTaken>>, Vec<String>) {
        let (mut ours, theirs) = HandOver::prepare().unwrap();
        let count = answers.len();
        let program = std::thread::spawn(move || {
            let mut socket = UnixStream::from(theirs.0);
            let lines = BufReader::new(socket.try_clone().unwrap()).lines();
            let told = lines.zip(answers).map(|(line, answer)| {
                socket.write_all(answer.as_bytes()).unwrap();
                line.unwrap()
            });
            told.collect::<Vec<String>>()
        });
        let mut outcomes = Vec::new();
        for _ in 0..count {
            outcomes.push(ours.tell("KEY", "new \"value\"\n").await);
        }
        drop(ours);
        (outcomes, program.join().unwrap())
    }

    #[tokio::test]
    async fn a_value_is_taken_when_the_program_says_so() {
        let late = "{\"event\":\"accepted\",\"name\":\"OTHER\"}\n{\"event\":\"accepted\",\"name\":\"KEY\"}\n";
        let (outcomes, told) = tell(vec!["{\"event\":\"accepted\",\"name\":\"KEY\",\"more\":1}\n", late]).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!(told, [r#"{"event":"rotated","name":"KEY","value":"new \"value\"\n"}"#; 2]);
    }

    #[tokio::test]
    async fn everything_else_is_no_yes() {
        let (outcomes, _) = tell(vec!["{\"event\":\"refused\",\"name\":\"KEY\"}\n", "yes\n"]).await;
        assert!(matches!(outcomes.as_slice(), [Err(NotTaken::Refused), Err(NotTaken::NotUnderstood)]), "{outcomes:?}");
        let (mut ours, theirs) = HandOver::prepare().unwrap();
        drop(theirs);
        assert!(matches!(ours.tell("KEY", "value").await, Err(NotTaken::Closed | NotTaken::Failed(_))));
    }

    #[tokio::test]
    async fn silence_is_not_waited_for_without_end() {
        let (mut ours, _theirs) = HandOver::prepare().unwrap();
        let outcome = ours.tell_within(std::time::Duration::from_millis(50), "KEY", "value").await;
        assert!(matches!(outcome, Err(NotTaken::TimedOut)));
    }
}
