//! How does a person log in whose browser is on another machine, as over ssh or in a container? They paste where it ended up.

use std::io::{self, BufRead as _, Read as _};

use oauth::authorization::Answer;
use zeroize::Zeroizing;

use super::listener::PATH;
use crate::voice;

/// Where such a browser is sent: a page that will not be there, whose address says everything.
pub(super) fn redirect_uri(port: Option<u16>) -> String {
    format!("http://127.0.0.1:{}{PATH}", port.unwrap_or(PORT))
}

/// Asks for the address until one is an answer, at most three times. What stands behind its `?`.
pub(super) fn ask() -> io::Result<Option<Zeroizing<String>>> {
    for _ in 0..TRIES {
        voice::talk("paste the address of the page that cannot be shown: ");
        let mut line = Zeroizing::new(String::new());
        if io::stdin().lock().take(LONGEST).read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if let Some(query) = query(&line) {
            return Ok(Some(Zeroizing::new(query.to_owned())));
        }
        voice::talk("that is no such address; it begins with `http://127.0.0.1` and holds `code=`\n");
    }
    Ok(None)
}

fn query(line: &str) -> Option<&str> {
    let (_, query) = line.trim().split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    Answer::read(query).is_ok().then_some(query)
}

const TRIES: usize = 3;
const LONGEST: u64 = 64 * 1024;
/// Nobody listens there; a server that is strict about ports has it on its list.
const PORT: u16 = 33418;

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::{Answer, query};

    #[test]
    fn an_address_is_read_as_the_browser_shows_it() {
        let read = |line| query(line).map(|query| Answer::read(query).unwrap());
        let answer = read("  http://127.0.0.1:33418/callback?code=a%2Bb&state=s&iss=https%3A%2F%2Fh#x \n").unwrap();
        assert_eq!(answer.outcome.unwrap().expose_secret(), "a+b");
        assert_eq!(answer.issuer.as_deref(), Some("https://h"));
        for wrong in ["", "code", "http://127.0.0.1/callback", "http://127.0.0.1/callback?code=a"] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
