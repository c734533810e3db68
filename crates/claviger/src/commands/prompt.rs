//! How does a person type a secret? Unseen, and in one line; the terminal is as it was whatever happens. And how a yes?

use std::io::{self, BufRead as _, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::voice;

/// Says the invitation and reads one line of at most `limit` bytes from the terminal on stdin. `None`: the person thought better of it.
pub(super) fn unseen_line(invitation: &str, limit: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let stdin = io::stdin();
    let terminal = Unseeing::make(stdin.as_fd())?;
    // Only now: what is typed before would be seen.
    voice::talk(invitation);
    let mut line = Zeroizing::new(Vec::with_capacity(limit));
    loop {
        let mut byte = Zeroizing::new([0]);
        let count = rustix::io::read(terminal.of, byte.as_mut_slice())?;
        match *byte {
            _ if count == 0 => return Ok(None),
            [INTERRUPT] => return Ok(None),
            [END] if line.is_empty() => return Ok(None),
            [b'\n' | b'\r' | END] => return Ok(Some(line)),
            [DELETE | BACKSPACE] => drop_last_character(&mut line),
            [KILL_LINE] => line.clear(),
            [_] if line.len() == limit => return Err(io::ErrorKind::FileTooLarge.into()),
            [letter] => line.push(letter),
        }
    }
}

/// Asks a person on the terminal; only `yes` is yes.
pub(super) fn is_confirmed(question: &str) -> io::Result<bool> {
    voice::talk(&format!("{question} [yes/no] "));
    let mut line = String::new();
    io::stdin().lock().take(LONGEST_ANSWER).read_line(&mut line)?;
    Ok(line.trim() == "yes")
}

/// A terminal that neither shows nor acts on what is typed, until this is dropped.
struct Unseeing<'t> {
    of: BorrowedFd<'t>,
    before: Termios,
}

impl<'t> Unseeing<'t> {
    fn make(of: BorrowedFd<'t>) -> io::Result<Self> {
        let before = tcgetattr(of)?;
        let mut modes = before.clone();
        // Signals too come as bytes, so that Ctrl-C cannot leave the terminal blind.
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(of, OptionalActions::Flush, &modes)?;
        Ok(Self { of, before })
    }
}

impl Drop for Unseeing<'_> {
    fn drop(&mut self) {
        // Flushed: the further lines of a secret that was pasted must not reach the shell. Of a terminal that is gone there is nothing to restore.
        let _gone = tcsetattr(self.of, OptionalActions::Flush, &self.before);
    }
}

/// In UTF-8, the last byte that does not continue another begins the last character.
fn drop_last_character(line: &mut Vec<u8>) {
    while line.pop().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {}
}

/// In bytes.
const LONGEST_ANSWER: u64 = 1024;
const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const KILL_LINE: u8 = 0x15;
const DELETE: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use super::drop_last_character;

    #[test]
    fn the_last_character_goes_whole() {
        let mut line = "aä🐴".as_bytes().to_vec();
        for left in ["aä", "a", "", ""] {
            drop_last_character(&mut line);
            assert_eq!(line, left.as_bytes());
        }
    }
}
