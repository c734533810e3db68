//! How does the door ask Vault, and as whom? What the file says, and the usual variables where it says nothing.
//!
//! Nothing is asked, opened or read here, and wrong variables blame nobody: they may be meant for another program, until a reference needs them.

use std::path::{Path as FilePath, PathBuf};

use broker::Clock;
use broker::reference::{Kind, Template};
use broker::resolve::Resolver;
use broker::source::vault::{self, Engine, Method, SecretId};
use broker::source::{OpenFiles, Sources};
use url::Url;

use super::super::env::{self, Surroundings};
use super::super::file;
use super::super::judge::Judge;
use super::super::server::is_local;
use super::super::tree::Path;

/// How to ask Vault.
#[derive(Clone)]
pub(crate) struct Vault {
    /// Or what is to be written so that it can be asked.
    settings: Result<vault::Settings, &'static str>,
    /// The platform mounts what we log in with, readable for all in the container.
    is_mounted: bool,
}

impl Vault {
    /// Reads `[secrets.vault]`. Relative paths start at the folder.
    pub(super) fn read(written: Option<&file::Vault>, around: &Surroundings, folder: &FilePath, judge: &mut Judge<'_>) -> Self {
        let nothing = file::Vault::default();
        let path = Path::default().key("secrets").key("vault");
        VaultReader { written: written.unwrap_or(&nothing), around, folder, judge, path }.read()
    }

    /// What asks it. `local` gives what the login refers to, under the rule for open files where one is named.
    pub(super) fn provider(&self, local: impl FnOnce(Option<OpenFiles>) -> Sources, clock: &Clock) -> vault::Vault {
        match &self.settings {
            Ok(settings) => {
                let sources = local(self.is_mounted.then_some(OpenFiles::Accept));
                vault::Vault::new(settings.clone(), Resolver::new(sources, clock.clone()), clock.clone())
            }
            Err(what) => vault::Vault::unknown(what),
        }
    }
}

struct VaultReader<'v, 'j> {
    written: &'v file::Vault,
    around: &'v Surroundings,
    folder: &'v FilePath,
    judge: &'v mut Judge<'j>,
    path: Path,
}

impl VaultReader<'_, '_> {
    fn read(&mut self) -> Vault {
        let address = self.address();
        let namespace = self.namespace();
        let authorities = self.authorities();
        let login = self.login();
        let engines = self.engines();
        let is_mounted = self.written.auth.as_ref().is_some_and(|auth| auth.kubernetes.is_some());
        let settings = address.and_then(|address| Ok(vault::Settings { address, namespace, authorities, login: login?, engines }));
        Vault { settings, is_mounted }
    }

    fn address(&mut self) -> Result<String, &'static str> {
        let path = self.path.key("address");
        if let Some(text) = &self.written.address {
            let url = self.judge.accept(&path, Url::parse(text)).ok_or(WRONG)?;
            return is_address(&url).map(|()| text.clone()).inspect_err(|what| self.judge.blame(&path, what));
        }
        let (_, text) = self.around.of_vault(env::VAULT_ADDR).ok_or(NO_ADDRESS)?;
        let is_right = Url::parse(text).is_ok_and(|url| is_address(&url).is_ok());
        if is_right { Ok(text.to_owned()) } else { Err("`VAULT_ADDR` must be `https://HOST:PORT`, or `http://` on this machine") }
    }

    fn namespace(&mut self) -> Option<String> {
        let fits = |name: &str| !name.is_empty() && name.bytes().all(|letter| letter.is_ascii_graphic());
        if let Some(name) = &self.written.namespace
            && !fits(name)
        {
            self.judge.blame(&self.path.key("namespace"), "a namespace is written like `team/a`");
        }
        let from_environment = || self.around.of_vault(env::VAULT_NAMESPACE).map(|(_, name)| name);
        self.written.namespace.as_deref().or_else(from_environment).map(str::to_owned)
    }

    fn authorities(&mut self) -> Option<PathBuf> {
        let Some(text) = &self.written.ca else {
            return self.around.of_vault(env::VAULT_CACERT).map(|(_, file)| self.around.folder().join(file));
        };
        let file = self.folder.join(text);
        if !file.is_file() {
            self.judge.blame(&self.path.key("ca"), format!("there is no file `{}`", file.display()));
        }
        Some(file)
    }

    /// The one way that is written, else a token from where the `vault` command finds it.
    fn login(&mut self) -> Result<Method, &'static str> {
        let path = self.path.key("auth");
        let Some(auth) = &self.written.auth else { return self.usual_token() };
        let file::VaultAuth { token, approle, kubernetes, jwt } = auth;
        let ways = [token.is_some(), approle.is_some(), kubernetes.is_some(), jwt.is_some()];
        if ways.iter().filter(|is_written| **is_written).count() != 1 {
            self.judge.blame(&path, "one of `token`, `approle`, `kubernetes` and `jwt` is expected");
            return Err(WRONG);
        }
        let method = match (token, approle, kubernetes, jwt) {
            (Some(token), ..) => self.secret(&path.key("token"), token).map(Method::Token),
            (_, Some(role), ..) => self.app_role(&path.key("approle"), role),
            (_, _, Some(account), _) => {
                let path = path.key("kubernetes");
                if account.role.is_none() {
                    self.judge.blame(&path, "`role` is missing");
                }
                self.jwt(&path, account, "kubernetes", Some(SERVICE_ACCOUNT))
            }
            (.., jwt) => jwt.as_ref().and_then(|jwt| self.jwt(&path.key("jwt"), jwt, "jwt", None)),
        };
        method.ok_or(WRONG)
    }

    fn usual_token(&self) -> Result<Method, &'static str> {
        let reference = match (self.around.of_vault(env::VAULT_TOKEN), self.around.value(env::HOME)) {
            (Some((name, _)), _) => format!("env://{name}"),
            (None, Some(home)) => format!("file://{home}/.vault-token"),
            (None, None) => return Err(NO_TOKEN),
        };
        Template::parse_secret(&reference).map(Method::Token).map_err(|_| NO_TOKEN)
    }

    fn app_role(&mut self, path: &Path, role: &file::VaultAppRole) -> Option<Method> {
        let mount = self.mount(&path.key("mount"), role.mount.as_deref().unwrap_or("approle"));
        let Some(role_id) = &role.role_id else {
            self.judge.blame(path, "`role_id` is missing");
            return None;
        };
        let at = path.key("role_id");
        let role_id = self.judge.accept(&at, Template::parse(role_id)).filter(|role_id| self.is_near(&at, role_id));
        let secret_id = match &role.secret_id {
            Some(text) => Some(self.secret(&path.key("secret_id"), text)?),
            None if role.wrapped => {
                self.judge.blame_key(&path.key("wrapped"), "there is no `secret_id` to unwrap");
                None
            }
            None => None,
        };
        let secret_id = secret_id.map(if role.wrapped { SecretId::Wrapped } else { SecretId::Plain });
        Some(Method::AppRole { mount: mount?, role_id: role_id?, secret_id })
    }

    fn jwt(&mut self, path: &Path, login: &file::VaultJwt, mount: &str, usual: Option<&str>) -> Option<Method> {
        let mount = self.mount(&path.key("mount"), login.mount.as_deref().unwrap_or(mount));
        let Some(jwt) = login.jwt.as_deref().or(usual) else {
            self.judge.blame(path, "`jwt` is missing");
            return None;
        };
        let jwt = self.secret(&path.key("jwt"), jwt);
        Some(Method::Jwt { mount: mount?, role: login.role.clone(), jwt: jwt? })
    }

    fn engines(&mut self) -> std::collections::BTreeMap<Box<str>, Engine> {
        let path = self.path.key("engines");
        let written = &self.written.engines;
        let engine = |engine: &file::VaultEngine| match engine {
            file::VaultEngine::Dynamic => Engine::Leased,
            file::VaultEngine::Kv1 => Engine::Kv1,
            file::VaultEngine::Kv2 => Engine::Kv2,
        };
        written.iter().filter_map(|(mount, kind)| Some((self.mount(&path.key(mount), mount)?.into(), engine(kind)))).collect()
    }

    /// A mount's path, without slashes at its ends.
    fn mount(&mut self, path: &Path, text: &str) -> Option<String> {
        let letter_fits = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter);
        let segment_fits = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(letter_fits);
        let mount = text.trim_matches('/');
        if mount.len() <= MAX_MOUNT_BYTES && mount.split('/').all(segment_fits) {
            return Some(mount.to_owned());
        }
        self.judge.blame(path, "a mount is written like `team/kv`");
        None
    }

    /// A reference to what this machine has.
    fn secret(&mut self, path: &Path, text: &str) -> Option<Template> {
        let template = match Template::parse_secret(text) {
            Ok(template) if template.references().next().is_some() => template,
            Ok(_) => {
                self.judge.blame_secret(path, "a secret does not stand in the configuration", NEAR);
                return None;
            }
            Err(error) => {
                self.judge.blame_secret(path, error, NEAR);
                return None;
            }
        };
        self.is_near(path, &template).then_some(template)
    }

    /// What we log in with cannot lie where we have to log in for it.
    fn is_near(&mut self, path: &Path, template: &Template) -> bool {
        let is_near = template.references().all(|reference| matches!(reference.place().kind(), Kind::File | Kind::Variable));
        if !is_near {
            self.judge.blame_with_hint(path, "what the door logs in with must lie on this machine", NEAR);
        }
        is_near
    }
}

fn is_address(url: &Url) -> Result<(), &'static str> {
    if url.scheme() != "https" && !(url.scheme() == "http" && is_local(url)) {
        return Err("the door sends a token there, so it must be `https://`");
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err("it holds no query, no fragment and no user name");
    }
    Ok(())
}

const SERVICE_ACCOUNT: &str = "file:///var/run/secrets/kubernetes.io/serviceaccount/token";
const NEAR: &str = "write a reference, such as `file:///run/secrets/vault` or `env://NAME`";
const NO_ADDRESS: &str = "write `[secrets.vault]` with `address` and `auth` into `claviger.toml`, or set `VAULT_ADDR` and `VAULT_TOKEN`";
const NO_TOKEN: &str = "write `auth` under `[secrets.vault]`, or set `VAULT_TOKEN`";
/// Never seen: what is wrong in the file is blamed, and then nothing starts.
const WRONG: &str = "`[secrets.vault]` is wrong";
const MAX_MOUNT_BYTES: usize = 256;

#[cfg(test)]
mod tests;
