//! How is a remote server a program on a pipe? A stdio MCP server that is the remote one: what the host writes goes there with the person's account, and what comes
//! back is written as it comes.
//!
//! `letter` says what one message of the host is and which headers it travels with; `road` carries it and its answer; this file is the pipe's two ends.

mod letter;
mod road;
mod tools;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{AbortHandle, Abortable};
use mcp::error_code::{PARSE_ERROR, error_response};
use tokio::io::{self, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::letter::Letter;
use self::road::Road;
pub(crate) use self::tools::Shelf;
use crate::client::Endpoint;

/// Carries messages until the host closes its end. `verbose`: says on stderr what passes, without its content.
pub(crate) async fn run(
    endpoint: Endpoint,
    shelf: Shelf,
    verbose: bool,
    host: impl AsyncRead + Unpin,
    answers: impl AsyncWrite + Unpin + Send + 'static,
) -> io::Result<()> {
    let (sender, receiver) = mpsc::channel(WAITING_ANSWERS);
    let writer = tokio::spawn(write(receiver, answers));
    let road = Arc::new(Road::new(endpoint, shelf, verbose, sender));
    let outcome = read(&road, host).await;
    road.close().await;
    drop(road);
    // What was answered last is to arrive.
    writer.await.map_err(io::Error::other)??;
    outcome
}

async fn read(road: &Arc<Road>, host: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut lines = BufReader::with_capacity(64 * 1024, host);
    let mut underway = JoinSet::new();
    loop {
        while underway.try_join_next().is_some() {}
        let mut line = Vec::new();
        let read = (&mut lines).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
        if read == 0 {
            // A host that asks and closes its end still reads the answer.
            let _late = tokio::time::timeout(road::FAREWELL, async { while underway.join_next().await.is_some() {} }).await;
            return Ok(());
        }
        if !line.ends_with(b"\n") && read as u64 == MAX_LINE_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the host wrote a message over 16 MiB"));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let line = Bytes::from(line);
        let letter = match Letter::read(&line) {
            Ok(letter) => letter,
            Err(error) => {
                road.say(error_response(None, PARSE_ERROR, &error.to_string(), None)).await;
                continue;
            }
        };
        if letter.keeps_its_place() {
            // Nothing overtakes it: what opens a session, and what belongs to it.
            road.carry(letter).await;
        } else if let Some(cancelled) = letter.cancels_here() {
            road.give_up(&cancelled);
        } else {
            // Noted before it begins: its end takes the note away.
            let (end, may_end) = AbortHandle::new_pair();
            road.is_underway(letter.name_of_request(), end);
            let road = Arc::clone(road);
            underway.spawn(Abortable::new(async move { road.carry(letter).await }, may_end));
        }
    }
}

async fn write(mut messages: mpsc::Receiver<Bytes>, mut answers: impl AsyncWrite + Unpin) -> io::Result<()> {
    while let Some(message) = messages.recv().await {
        answers.write_all(&message).await?;
        if messages.is_empty() {
            answers.flush().await?;
        }
    }
    answers.flush().await
}

const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;
const WAITING_ANSWERS: usize = 256;

#[cfg(test)]
mod tests;
