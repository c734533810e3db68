//! Which tools has a server, as far as was seen? Their names are kept when they are listed, so that a shell can complete one without asking the server.

use std::fs::{self, DirBuilder};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::value::RawValue;
use tempfile::NamedTempFile;
use url::Url;

/// Keeps the names. That it does not work is no reason to fail: nothing but comfort hangs on it.
pub(super) fn keep(state: &Path, server: &Url, tools: &[Box<RawValue>]) {
    let names = tools.iter().filter_map(|tool| serde_json::from_str::<Named>(tool.get()).ok()).map(|tool| tool.name);
    let names: Vec<String> = names.filter(|name| is_word(name)).take(MOST).collect();
    if let Err(error) = write(&file(state, server), &names.join("\n")) {
        tracing::debug!(target: "call", %error, "the names of tools are not kept");
    }
}

/// For the person alone: what tools somebody uses is nobody's business.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut beside = NamedTempFile::new_in(folder)?;
    beside.write_all(text.as_bytes())?;
    beside.persist(file)?;
    Ok(())
}

/// The names that are known of the server in a command line, in whatever order its words are.
pub(crate) fn names_for(state: &Path, words: impl IntoIterator<Item = String>) -> Vec<String> {
    let Some(server) = words.into_iter().find_map(|word| Url::parse(&word).ok().filter(|url| matches!(url.scheme(), "http" | "https")))
    else {
        return Vec::new();
    };
    let mut text = String::new();
    let read = fs::File::open(file(state, &server)).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    if read.is_err() {
        return Vec::new();
    }
    text.lines().filter(|name| is_word(name)).map(str::to_owned).collect()
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// What a shell can be given.
fn is_word(name: &str) -> bool {
    (1..=128).contains(&name.len()) && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./".contains(letter))
}

fn file(state: &Path, server: &Url) -> PathBuf {
    state.join("tools").join(URL_SAFE_NO_PAD.encode(digest(&SHA256, server.as_str().as_bytes())))
}

const MOST: usize = 1000;
const MAX_BYTES: u64 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_listed_is_known_and_nothing_that_a_shell_would_stumble_over() {
        let state = tempfile::tempdir().unwrap();
        let server = Url::parse("https://h.example/mcp").unwrap();
        let tool = |name: &str| RawValue::from_string(serde_json::json!({ "name": name }).to_string()).unwrap();
        keep(state.path(), &server, &[tool("read_file"), tool("a b"), tool("$(rm)"), tool("\u{1b}[2J"), tool("x")]);
        let known = |line: &str| names_for(state.path(), line.split(' ').map(str::to_owned));
        assert_eq!(known("claviger call --json https://h.example/mcp re"), ["read_file", "x"]);
        assert!(known("claviger call https://h.example/other re").is_empty() && known("claviger call").is_empty());
    }
}
