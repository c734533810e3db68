//! Who may come in? Issuers and shared secrets as the file names them; the secrets themselves are fetched in a second step.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::time::Duration;

use broker::reference::Template;
use gateway::config::{ClientHeaders, Dpop, Introspection, Server, ServerName, SignIn};
use oauth::issuer::Issuer;

use super::fault::Faults;
use super::judge::Judge;
use super::tree::{Node, Path};
use super::{credential, file, units};

/// Who may come in, before any secret was fetched.
#[derive(Clone, Debug)]
pub(crate) enum Accept {
    /// Everybody (A6).
    Bypass,
    /// Holders of tokens that `claviger token mint` made with the instance's key.
    Minted,
    /// What the file says.
    Entries(Vec<Entry>),
}

/// One `[[accept]]`.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// JWTs of an authorization server.
    Issuer {
        /// The issuer.
        issuer: Issuer,
        /// Accepted `aud` values besides the server's own.
        audiences: Vec<String>,
        /// The servers it is good for; `None`: all.
        servers: Option<Vec<ServerName>>,
        /// How people sign in there with a browser, if they can.
        sign_in: Option<Box<SignIn>>,
        /// How clients log in there by headers, if they may.
        client_headers: Option<Box<ClientHeaders>>,
        /// How it is asked about tokens, if it is.
        introspection: Option<Box<Introspection>>,
    },
    /// HS256 tokens of one server.
    SharedSecret {
        /// The first mints, all verify; each with the place to blame.
        secrets: Vec<(Template, Path)>,
        /// The server.
        server: ServerName,
        /// Tokens that live longer are refused.
        max_lifetime: Duration,
    },
}

impl Accept {
    /// Whether the file says nothing, so that the door itself lets people in.
    pub(super) fn is_unwritten(&self) -> bool {
        matches!(self, Self::Minted)
    }

    /// Whether there is anybody whose tokens are good for all of these servers at once. A shared secret is good for one.
    pub(super) fn opens_all(&self, names: &[ServerName], has_issuer: bool) -> bool {
        match self {
            Self::Bypass => true,
            Self::Minted => has_issuer,
            Self::Entries(entries) => {
                let is_good =
                    |entry: &Entry| matches!(entry, Entry::Issuer { .. }) && names.iter().all(|name| entry.is_good_for(name.as_str()));
                has_issuer || entries.iter().any(is_good)
            }
        }
    }

    /// Blames the servers that demand tokens that are bound to a key, where nobody makes such tokens. Who shares a secret binds none.
    pub(super) fn bound_where_demanded(&self, has_issuer: bool, servers: &BTreeMap<ServerName, Server>, judge: &mut Judge<'_>) {
        let Self::Entries(entries) = self else { return };
        if has_issuer {
            return;
        }
        let binds = |entry: &Entry, name: &ServerName| matches!(entry, Entry::Issuer { .. }) && entry.is_good_for(name.as_str());
        for (name, _) in servers.iter().filter(|(_, server)| server.dpop == Dpop::Require) {
            if !entries.iter().any(|entry| binds(entry, name)) {
                let path = Path::default().key("servers").key(name.as_str()).key("dpop");
                let hint = "add an `[[accept]]` with an `issuer`, or an `[issuer]` of the door's own";
                judge.blame_with_hint(&path, "nobody could come in: tokens of a shared secret are bound to no key", hint);
            }
        }
    }
}

impl Entry {
    /// Whether its tokens may open this server.
    fn is_good_for(&self, name: &str) -> bool {
        match self {
            Self::Issuer { servers, .. } => servers.as_ref().is_none_or(|servers| servers.iter().any(|server| server.as_str() == name)),
            Self::SharedSecret { server, .. } => server.as_str() == name,
        }
    }
}

/// Reads all entries. What is wrong is left out and blamed.
/// `has_issuer`: the tokens of the door's own authorization server open every server besides.
pub(crate) fn build(entries: &[file::Accept], servers: &[&str], has_issuer: bool, place: &Place<'_>, faults: &mut Faults) -> Accept {
    let Place { folder, root } = *place;
    if entries.is_empty() {
        return Accept::Minted;
    }
    let before = faults.count();
    let mut builder = Builder {
        servers,
        folder,
        judge: Judge::new(root, faults),
        issuers: BTreeMap::new(),
        ways_back: BTreeMap::new(),
        references: BTreeMap::new(),
    };
    let read: Vec<Entry> =
        entries.iter().enumerate().filter_map(|(index, entry)| builder.entry(&Path::default().key("accept").index(index), entry)).collect();
    // Where an entry is wrong already, that nobody reaches its server is no news.
    if builder.judge.count() == before && !has_issuer {
        builder.everyone_is_reached(&read);
        builder.one_issuer_is_shown_secrets(&read);
    }
    Accept::Entries(read)
}

/// Where the entries stand.
pub(crate) struct Place<'p> {
    /// Relative paths start there.
    pub(crate) folder: &'p FilePath,
    pub(crate) root: Option<&'p Node>,
}

struct Builder<'b> {
    servers: &'b [&'b str],
    folder: &'b FilePath,
    judge: Judge<'b>,
    issuers: BTreeMap<String, Path>,
    /// Where people come back to after signing in.
    ways_back: BTreeMap<String, Path>,
    /// Which server a reference was given to.
    references: BTreeMap<String, ServerName>,
}

impl Builder<'_> {
    fn entry(&mut self, path: &Path, entry: &file::Accept) -> Option<Entry> {
        match (&entry.issuer, &entry.shared_secret) {
            (Some(issuer), None) => {
                self.without(path, &[("server", entry.server.is_some()), ("max_lifetime", entry.max_lifetime.is_some())], "issuer");
                self.issuer(path, issuer, entry)
            }
            (None, Some(secrets)) => {
                self.without(
                    path,
                    &[
                        ("audiences", !entry.audiences.is_empty()),
                        ("servers", entry.servers.is_some()),
                        ("sign_in", entry.sign_in.is_some()),
                        ("client_headers", entry.client_headers.is_some()),
                        ("introspection", entry.introspection.is_some()),
                    ],
                    "shared_secret",
                );
                self.shared_secret(path, secrets.all(), entry)
            }
            (None, None) => {
                self.judge.blame_with_hint(
                    path,
                    "nothing says whose tokens are accepted",
                    "write `issuer = \"https://...\"` or `shared_secret = [\"env://NAME\"]`",
                );
                None
            }
            (Some(_), Some(_)) => {
                self.judge.blame_with_hint(path, "`issuer` and `shared_secret` do not go together", "write one `[[accept]]` for each");
                None
            }
        }
    }

    fn without(&mut self, path: &Path, keys: &[(&str, bool)], kind: &str) {
        for (key, _) in keys.iter().filter(|(_, present)| *present) {
            self.judge.blame_key(&path.key(key), format!("does not go together with `{kind}`"));
        }
    }

    fn issuer(&mut self, path: &Path, text: &str, entry: &file::Accept) -> Option<Entry> {
        let at = path.key("issuer");
        let issuer = self.judge.accept(&at, Issuer::parse(text));
        if let Some(first) = self.issuers.insert(text.to_owned(), at.clone()) {
            self.judge.blame(&at, format!("this issuer stands at `{first}` already"));
        }
        for (index, audience) in entry.audiences.iter().enumerate().filter(|(_, audience)| audience.trim().is_empty()) {
            self.judge.blame(&path.key("audiences").index(index), format!("`{audience}` is no audience"));
        }
        let servers = entry.servers.as_ref().map(|names| {
            if names.is_empty() {
                self.judge.blame(&path.key("servers"), "the list is empty: the tokens would be good for nothing");
            }
            names.iter().enumerate().map(|(index, name)| self.server(&path.key("servers").index(index), name)).collect::<Vec<_>>()
        });
        let servers = match servers {
            Some(servers) => Some(servers.into_iter().collect::<Option<Vec<_>>>()?),
            None => None,
        };
        if let (Some(issuer), Some(_)) = (&issuer, &entry.sign_in)
            && let Some(first) = self.ways_back.insert(issuer.segment(), at.clone())
        {
            // One of them could pass off the other's answer as its own.
            self.judge.blame(&path.key("sign_in"), format!("people would come back to the same place as from the issuer at `{first}`"));
        }
        let sign_in = match &entry.sign_in {
            // What is wrong with the issuer has been told.
            Some(written) if issuer.is_some() => {
                let sign_in = credential::sign_in(written, text, &path.key("sign_in"), self.folder, &mut self.judge);
                Some(Box::new(sign_in?))
            }
            Some(_) | None => None,
        };
        let client_headers = match entry.client_headers.as_ref().and_then(file::ClientHeaders::settings) {
            Some(written) if issuer.is_some() => {
                let settings = credential::client_headers(&written, text, &path.key("client_headers"), self.folder, &mut self.judge);
                Some(Box::new(settings?))
            }
            Some(_) | None => None,
        };
        let introspection = match &entry.introspection {
            Some(written) if issuer.is_some() => {
                let settings = credential::introspection(written, text, &path.key("introspection"), self.folder, &mut self.judge);
                Some(Box::new(settings?))
            }
            Some(_) | None => None,
        };
        Some(Entry::Issuer { issuer: issuer?, audiences: entry.audiences.clone(), servers, sign_in, client_headers, introspection })
    }

    fn shared_secret(&mut self, path: &Path, texts: &[String], entry: &file::Accept) -> Option<Entry> {
        let max_lifetime = match &entry.max_lifetime {
            None => Some(DEFAULT_MAX_LIFETIME),
            Some(text) => self.judge.accept(&path.key("max_lifetime"), units::duration(text)),
        };
        let server = match (&entry.server, self.servers) {
            (Some(name), _) => self.server(&path.key("server"), name),
            (None, [only]) => ServerName::parse(only).ok(),
            (None, _) => {
                self.judge.blame_with_hint(path, "`server` is missing", "a shared secret is good for one server: write `server = \"...\"`");
                None
            }
        };
        if texts.is_empty() {
            self.judge.blame(&path.key("shared_secret"), "at least one secret is needed");
        }
        let is_list = matches!(entry.shared_secret, Some(file::OneOrMore::More(_)));
        let places = (0..).map(|index| if is_list { path.key("shared_secret").index(index) } else { path.key("shared_secret") });
        let secrets: Vec<_> = texts.iter().zip(places).map(|(text, at)| self.secret(at, text, server.as_ref())).collect();
        let secrets: Vec<_> = secrets.into_iter().collect::<Option<_>>()?;
        if secrets.is_empty() {
            return None;
        }
        Some(Entry::SharedSecret { secrets, server: server?, max_lifetime: max_lifetime? })
    }

    fn secret(&mut self, at: Path, text: &str, server: Option<&ServerName>) -> Option<(Template, Path)> {
        let hint = "write a reference, such as `env://MCP_SECRET` or `file:///run/secrets/mcp`";
        let template = match Template::parse_secret(text) {
            Ok(template) if template.references().next().is_some() => template,
            Ok(_) => {
                self.judge.blame_secret(&at, "a secret does not stand in the configuration", hint);
                return None;
            }
            Err(error) => {
                self.judge.blame_secret(&at, error, hint);
                return None;
            }
        };
        // One secret for two servers would let the holder of one make tokens for the other (A4).
        if let Some(server) = server
            && let Some(other) = self.references.insert(template.to_string(), server.clone())
            && other != *server
        {
            self.judge.blame_with_hint(&at, format!("the server `{other}` has this secret too"), "give each server a secret of its own");
        }
        Some((template, at))
    }

    fn server(&mut self, path: &Path, name: &str) -> Option<ServerName> {
        if self.servers.contains(&name) {
            return ServerName::parse(name).ok();
        }
        match super::fault::closest(name, self.servers.iter().copied()) {
            Some(meant) => self.judge.blame_with_hint(path, format!("there is no server `{name}`"), format!("did you mean `{meant}`?")),
            None => self.judge.blame(path, format!("there is no server `{name}`")),
        }
        None
    }

    /// Which of two issuers a secret is meant for does not stand in the headers, and the other must not see it; nor does an opaque token say whose it is.
    fn one_issuer_is_shown_secrets(&mut self, entries: &[Entry]) {
        for name in self.servers {
            let path = Path::default().key("servers").key(name);
            let are_two = |is_it: fn(&Entry) -> bool| entries.iter().filter(|entry| is_it(entry) && entry.is_good_for(name)).count() > 1;
            if are_two(|entry| matches!(entry, Entry::Issuer { client_headers: Some(_), .. })) {
                let hint = "say with `servers` which issuer's clients each server is for, or leave `client_headers` to one of them";
                let what = "two issuers have `client_headers` for this server, and a client's headers do not say which one knows it";
                self.judge.blame_with_hint(&path, what, hint);
            }
            let is_asked_about_opaque = |entry: &Entry| match entry {
                Entry::Issuer { introspection: Some(introspection), .. } => introspection.tokens.are_opaque(),
                Entry::Issuer { .. } | Entry::SharedSecret { .. } => false,
            };
            if are_two(is_asked_about_opaque) {
                let hint = "say with `servers` which issuer each server is for, or leave all but one of them `tokens = \"jwt\"`";
                let what = "two issuers would be asked about one token, which does not say whose it is, and neither may see the other's";
                self.judge.blame_with_hint(&path, what, hint);
            }
        }
    }

    /// A server that nobody can get into is a mistake, and one that would be noticed late.
    fn everyone_is_reached(&mut self, entries: &[Entry]) {
        for name in self.servers {
            if !entries.iter().any(|entry| entry.is_good_for(name)) {
                let hint = format!("add an `[[accept]]` with `server = \"{name}\"`, or an issuer that is good for it");
                self.judge.blame_with_hint(&Path::default().key("servers").key(name), "no `[[accept]]` lets anybody in", hint);
            }
        }
    }
}

/// Tokens that live longer are refused, when the file says nothing.
pub(crate) const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests;
