//! Who logs in, renews and logs out for all programs of a person on this machine? One small process, which the first of them that needs it starts and the others ask:
//! twenty bridges that start at once make one log-in, one registration and one renewal, because one process makes them, one after the other.
//!
//! Everybody reads the wallet themselves, and asks only for changes; so a token never passes over the socket, and a bridge whose token is good needs no keeper.
//!
//! The keeper waits for the browser to come back, and the program that asked sends it there. It has the person's display, terminal and `BROWSER`, which the keeper, started
//! by whoever came first, may not have; what is pasted is typed there too. And because the keeper waits, the program may die once it has shown the address: the same tab is
//! good for everybody else. A log-in lasts as long as anybody waits for it.
//!
//! Without a keeper (it cannot start, `CLAVIGER_KEEPER=off`, the kernel's keyring, which belongs to a session) each program makes its own changes under the account's lock. The
//! keeper holds that lock too: two of different versions, or one and a program that does without, never cross. Unix only, as all of this program.

mod asking;
mod desk;
mod place;
mod queue;
mod visit;
mod words;

pub(crate) use self::asking::{Asking, Start};
pub(crate) use self::desk::serve;
