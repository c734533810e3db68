//! Which files are listed but never read, because their names say that they hold secrets?

use std::ffi::OsStr;

use super::path::RelativePath;
use super::refusal::Refusal;

/// Refuses a path whose last name, or a directory on the way, is known for secrets.
///
/// Names are compared folded, so that a file system that ignores case or invisible characters is no way round. A hard
/// link under another name is not seen: whoever can make one can read the file already.
pub(super) fn refuse_secret(path: &RelativePath) -> Result<(), Refusal> {
    let names: Vec<String> = path.names().map(folded).collect();
    let Some((file, directories)) = names.split_last() else { return Ok(()) };
    let directory = DIRECTORIES.iter().find(|known| directories.iter().any(|name| name == *known));
    let known = directory.or_else(|| EXACT.iter().find(|known| file == *known));
    if let Some(known) = known {
        return Err(Refusal::Secret(known));
    }
    if let Some((_, shown)) = BEGINNINGS.iter().find(|(beginning, _)| file.starts_with(beginning)) {
        return Err(Refusal::Secret(shown));
    }
    if let Some((_, shown)) = ENDINGS.iter().find(|(ending, _)| file.ends_with(ending)) {
        return Err(Refusal::Secret(shown));
    }
    // `id_work` is a key of ssh-keygen; `id_map.rs` is not.
    if file.starts_with("id_") && !file.contains('.') {
        return Err(Refusal::Secret("id_*"));
    }
    Ok(())
}

/// Both cases folded to one (ſ and K fold to s and k), and what HFS+ ignores in a name left out.
fn folded(name: &OsStr) -> String {
    let invisible =
        |letter: &char| matches!(letter, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let name = name.to_string_lossy();
    let upper: String = name.chars().filter(|letter| !invisible(letter)).flat_map(char::to_uppercase).collect();
    upper.to_lowercase()
}

/// Directories whose files hold keys, tokens or URLs with passwords.
const DIRECTORIES: [&str; 7] = [".aws", ".azure", ".docker", ".git", ".gnupg", ".kube", ".ssh"];
/// Whole names.
const EXACT: [&str; 9] =
    [".git-credentials", ".htpasswd", ".netrc", ".npmrc", ".pgpass", ".pypirc", "_netrc", "credentials", "credentials.json"];
/// The beginning of a name, and how it is shown.
const BEGINNINGS: [(&str, &str); 5] =
    [(".env", ".env*"), ("id_dsa", "id_*"), ("id_ecdsa", "id_*"), ("id_ed25519", "id_*"), ("id_rsa", "id_*")];
/// The end of a name, and how it is shown.
const ENDINGS: [(&str, &str); 9] = [
    (".env", "*.env"),
    (".jks", "*.jks"),
    (".kdbx", "*.kdbx"),
    (".key", "*.key"),
    (".keystore", "*.keystore"),
    (".p12", "*.p12"),
    (".pem", "*.pem"),
    (".pfx", "*.pfx"),
    (".ppk", "*.ppk"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Option<Refusal> {
        refuse_secret(&RelativePath::parse(text).unwrap()).err()
    }

    #[test]
    fn names_known_for_secrets_are_refused() {
        for text in [
            ".env",
            ".env.local",
            ".envrc",
            "production.env",
            "deep/down/.ENV",
            "tls/server.pem",
            "tls/Server.KEY",
            "server.\u{212a}ey",
            "id_r\u{17f}a",
            ".e\u{200c}nv",
            "id_ed25519",
            "id_rsa.old",
            "id_work",
            ".git/config",
            "sub/.GIT/objects/aa",
            ".ssh/known_hosts",
            ".aws/config",
            "home/credentials",
            ".netrc",
            "store.p12",
        ] {
            assert!(matches!(refusal(text), Some(Refusal::Secret(_))), "{text}");
        }
    }

    #[test]
    fn ordinary_names_are_not_refused() {
        for text in ["", "environment.md", "keys.rs", "id_map.rs", "identity", "pem", ".gitignore", "key/readme", "a.keys"] {
            assert_eq!(refusal(text), None, "{text}");
        }
    }
}
