//! What does the process find around it? The only reader of the environment, the working folder and our own path; everything else gets them as values.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A variable that Claviger reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does, in one line.
    pub(crate) meaning: &'static str,
}

/// The configuration file when `--config` is absent.
pub(crate) const CONFIG: Variable = Variable { name: "CLAVIGER_CONFIG", meaning: "the configuration file, when `--config` is absent" };
/// The development bypass (A6).
pub(crate) const DEV_BYPASS: Variable =
    Variable { name: "CLAVIGER_DEV_BYPASS", meaning: "`1` lets everybody in without a token, on loopback only" };
/// The environment's name when `--env` is absent.
pub(crate) const ENV: Variable = Variable { name: "CLAVIGER_ENV", meaning: "the environment's name, when `--env` is absent" };
/// Whether accounts have a keeper.
pub(crate) const KEEPER: Variable =
    Variable { name: "CLAVIGER_KEEPER", meaning: "`off`: every program logs in and renews by itself, under a lock" };
/// What is logged.
pub(crate) const LOG: Variable = Variable { name: "CLAVIGER_LOG", meaning: "what is logged, such as `info` or `gateway=debug`" };
/// The state folder when `--state` is absent.
pub(crate) const STATE: Variable = Variable { name: "CLAVIGER_STATE", meaning: "the state folder, when `--state` is absent" };
/// The token of `claviger call`.
pub(crate) const TOKEN: Variable = Variable { name: "CLAVIGER_TOKEN", meaning: "the bearer token of `claviger call`" };
/// The person's home folder.
pub(crate) const HOME: Variable = Variable { name: "HOME", meaning: "the state folder is under it, when nothing else says where" };
/// Set for the program of `claviger run --on-rotation hand-over`: the number of its socket.
pub(crate) const SECRETS_FD: &str = "CLAVIGER_SECRETS_FD";
/// Set for the program of `claviger run --on-rotation signal`: the file of the values.
pub(crate) const SECRETS_FILE: &str = "CLAVIGER_SECRETS_FILE";
/// The folder in memory for what lives as long as a login.
pub(crate) const XDG_RUNTIME_DIR: Variable =
    Variable { name: "XDG_RUNTIME_DIR", meaning: "the file of `claviger run --on-rotation signal` is in it" };
/// The base of state folders by the XDG convention.
pub(crate) const XDG_STATE_HOME: Variable = Variable { name: "XDG_STATE_HOME", meaning: "the state folder is `claviger` in it" };

/// Every variable that Claviger reads. References in a configuration name further ones, and who we are in a cloud stands in that cloud's own (`AWS_*`, `AZURE_*`,
/// `GOOGLE_APPLICATION_CREDENTIALS`).
pub(crate) const VARIABLES: [Variable; 10] = [CONFIG, DEV_BYPASS, ENV, KEEPER, LOG, STATE, TOKEN, HOME, XDG_RUNTIME_DIR, XDG_STATE_HOME];

/// Where Claude Code keeps its files.
pub(crate) const CLAUDE_CONFIG_DIR: Variable =
    Variable { name: "CLAUDE_CONFIG_DIR", meaning: "where the files of Claude Code are, for `scan` and `setup`" };
/// Where Codex keeps its files.
pub(crate) const CODEX_HOME: Variable = Variable { name: "CODEX_HOME", meaning: "where those of Codex are" };
/// The base of configurations by the XDG convention.
pub(crate) const XDG_CONFIG_HOME: Variable =
    Variable { name: "XDG_CONFIG_HOME", meaning: "where those of Claude Desktop and VS Code are, on Linux" };

/// Where MCP clients keep their files, when they were told to keep them elsewhere.
pub(crate) const CLIENTS: [Variable; 3] = [CLAUDE_CONFIG_DIR, CODEX_HOME, XDG_CONFIG_HOME];

/// The address of Vault.
pub(crate) const VAULT_ADDR: Variable =
    Variable { name: "VAULT_ADDR", meaning: "the address for `vault://`; `BAO_ADDR` goes before it, as with the next three" };
/// The certificates to trust when Vault is called.
pub(crate) const VAULT_CACERT: Variable = Variable { name: "VAULT_CACERT", meaning: "a PEM file of certificates to trust there" };
/// The namespace of Vault.
pub(crate) const VAULT_NAMESPACE: Variable = Variable { name: "VAULT_NAMESPACE", meaning: "the namespace there" };
/// The token for Vault.
pub(crate) const VAULT_TOKEN: Variable = Variable { name: "VAULT_TOKEN", meaning: "the token for it; else `~/.vault-token` is read" };

/// What is read where `[secrets.vault]` leaves something open.
pub(crate) const VAULT: [Variable; 4] = [VAULT_ADDR, VAULT_CACERT, VAULT_NAMESPACE, VAULT_TOKEN];

/// What the process finds around it. No `Debug`: variables may hold secrets.
#[derive(Clone)]
pub(crate) struct Surroundings {
    variables: BTreeMap<String, String>,
    folder: PathBuf,
    program: PathBuf,
}

impl Surroundings {
    /// Reads them, once. Variables whose name or value is not UTF-8 are left out.
    pub(crate) fn of_this_process() -> std::io::Result<Self> {
        let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Ok(Self { variables: variables.collect(), folder: std::env::current_dir()?, program: std::env::current_exe()? })
    }

    /// Made-up surroundings.
    pub(crate) fn pretend(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { variables: owned.collect(), folder: folder.to_owned(), program: PathBuf::from("/usr/bin/claviger") }
    }

    /// The value of a variable; an empty one counts as absent.
    pub(crate) fn value(&self, variable: Variable) -> Option<&str> {
        self.variables.get(variable.name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// One of [`VAULT`] with the name that it has here: OpenBao's goes before.
    pub(crate) fn of_vault(&self, variable: Variable) -> Option<(&str, &str)> {
        let present = |name: &str| self.variables.get_key_value(name).filter(|(_, value)| !value.is_empty());
        let (name, value) = present(&variable.name.replacen("VAULT_", "BAO_", 1)).or_else(|| present(variable.name))?;
        Some((name, value))
    }

    /// All variables, for references in a configuration.
    pub(crate) fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// The working folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Our own binary, which is also the guard of the children.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The person's name as the system's login tells it.
    pub(crate) fn user(&self) -> Option<&str> {
        self.variables.get("USER").or_else(|| self.variables.get("LOGNAME")).map(String::as_str)
    }

    /// The home folder, when the surroundings name one.
    pub(crate) fn home(&self) -> Option<&Path> {
        self.value(HOME).map(Path::new)
    }

    /// What every child inherits: where programs and the home folder are, locale, terminal and temporary folder; nothing else.
    pub(crate) fn inherited(&self) -> BTreeMap<String, String> {
        let wanted = |name: &str| INHERITED.contains(&name) || name.starts_with("LC_");
        self.variables.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// What the keeper of accounts sees: as a child, and where the desktop, its keychain and the trusted certificates are.
    pub(crate) fn of_the_keeper(&self) -> BTreeMap<String, String> {
        let also = SEEN_BY_THE_KEEPER.iter().filter_map(|&name| self.variables.get_key_value(name));
        self.inherited().into_iter().chain(also.map(|(name, value)| (name.clone(), value.clone()))).collect()
    }

    /// The state folder: the flag, the variable, the XDG folder, the home folder; `None` when nothing says where.
    pub(crate) fn state_folder(&self, flag: Option<&Path>) -> Option<PathBuf> {
        let chosen = match flag {
            Some(flag) => flag.to_owned(),
            None => match self.value(STATE) {
                Some(folder) => PathBuf::from(folder),
                None => self.default_state_folder()?,
            },
        };
        Some(self.folder.join(chosen))
    }

    /// Variables that start like ours and are not ours, each with the one that was probably meant.
    pub(crate) fn strangers(&self) -> impl Iterator<Item = (&str, Option<&'static str>)> {
        let known = |name: &str| VARIABLES.iter().any(|variable| variable.name == name) || [SECRETS_FD, SECRETS_FILE].contains(&name);
        self.variables
            .keys()
            .filter(move |name| name.starts_with("CLAVIGER_") && !known(name))
            .map(|name| (name.as_str(), super::fault::closest(name, VARIABLES.iter().map(|variable| variable.name))))
    }

    fn default_state_folder(&self) -> Option<PathBuf> {
        // The XDG base directory specification has relative paths ignored.
        if let Some(base) = self.value(XDG_STATE_HOME).map(Path::new).filter(|base| base.is_absolute()) {
            return Some(base.join("claviger"));
        }
        self.value(HOME).map(|home| Path::new(home).join(".local/state/claviger"))
    }
}

/// Inherited by every child, besides `LC_*`.
const INHERITED: [&str; 8] = ["HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "TERM", "TMPDIR", "USER"];

/// By the keeper, besides.
const SEEN_BY_THE_KEEPER: [&str; 7] =
    ["DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "SSL_CERT_DIR", "SSL_CERT_FILE", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR"];

#[cfg(test)]
mod tests {
    use super::{Path, PathBuf, Surroundings};

    #[test]
    fn the_state_folder_is_found_in_the_documented_order() {
        let all = [("CLAVIGER_STATE", "mine"), ("XDG_STATE_HOME", "/xdg"), ("HOME", "/home/ann")];
        let folder = Path::new("/work");
        let found =
            |flag: Option<&str>, count: usize| Surroundings::pretend(folder, &all[all.len() - count..]).state_folder(flag.map(Path::new));
        assert_eq!(found(Some("here"), 3), Some(PathBuf::from("/work/here")));
        assert_eq!(found(None, 3), Some(PathBuf::from("/work/mine")));
        assert_eq!(found(None, 2), Some(PathBuf::from("/xdg/claviger")));
        assert_eq!(found(None, 1), Some(PathBuf::from("/home/ann/.local/state/claviger")));
        assert_eq!(found(None, 0), None);
    }

    #[test]
    fn a_child_inherits_nothing_but_the_named_few() {
        let around = Surroundings::pretend(
            Path::new("/"),
            &[("PATH", "/bin"), ("LC_ALL", "C"), ("AWS_SECRET_ACCESS_KEY", "x"), ("CLAVIGER_TOKEN", "x")],
        );
        assert_eq!(around.inherited().into_keys().collect::<Vec<_>>(), ["LC_ALL", "PATH"]);
    }

    #[test]
    fn a_misspelt_variable_is_noticed() {
        let around = Surroundings::pretend(Path::new("/"), &[("CLAVIGER_DEV_BYPAS", "1"), ("CLAVIGER_ENV", "test")]);
        assert_eq!(around.strangers().collect::<Vec<_>>(), [("CLAVIGER_DEV_BYPAS", Some("CLAVIGER_DEV_BYPASS"))]);
    }
}
