//! Is the configuration right? Reads every text, judges every section and reports all faults at once; no secret is fetched yet.

mod flags;
mod guard;
mod own_file;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path as FilePath, PathBuf};

use ::scan::Policy;
use gateway::config::{Limits, Merge, Server, ServerName, Timeouts};
use ipnet::IpNet;

use self::own_file::Written;
use super::accept::{self, Accept};
use super::env::{self, Surroundings};
use super::fault::{Fault, Faults};
use super::judge::Judge;
use super::listen::{self, EnvironmentName, Listeners};
use super::numbers::{self, Record};
use super::secrets::Secrets;
use super::server::{self, Dialect, Literals, Origin};
use super::store::Store;
use super::tree::{Node, Path, Place, Sources, Value};
use super::{clients, federation, file, issuer, merge, mount, networks, people, read, scan, schema, shape};
use crate::cli::ServeArguments;
use crate::voice::{Exit, Report};

/// Everything about the door but its secrets.
pub(crate) struct Draft {
    /// Both listeners.
    pub(crate) listeners: Listeners,
    /// Who may come in.
    pub(crate) accept: Accept,
    /// The built-in authorization server, if there is one.
    pub(crate) issuer: Option<issuer::Written>,
    /// Whether whoever opens a link to connect is taken for the person that it was made for.
    pub(crate) trusts_links: bool,
    /// The servers.
    pub(crate) servers: BTreeMap<ServerName, Server>,
    /// The endpoint at which several of them are one.
    pub(crate) merge: Option<Merge>,
    /// Inner networks that issuers may be in.
    pub(crate) allowed_networks: Vec<IpNet>,
    /// Caps and rates.
    pub(crate) limits: Limits,
    /// Times.
    pub(crate) timeouts: Timeouts,
    /// The record.
    pub(crate) record: Record,
    /// The environment.
    pub(crate) environment: EnvironmentName,
    /// The state folder.
    pub(crate) state: PathBuf,
    /// Where secrets lie.
    pub(crate) secrets: Secrets,
    /// Where things are kept.
    pub(crate) store: Store,
    /// The files that were read, or would be if they were there.
    pub(crate) watch: Vec<PathBuf>,
    /// What a person should know.
    pub(crate) notices: Vec<String>,
    /// The secrets that are written out and used all the same.
    pub(crate) exposed: Vec<String>,
    /// The texts, for placing faults that are found later.
    pub(crate) sources: Sources,
    /// The tree of `claviger.toml` with its overlay.
    pub(crate) root: Option<Node>,
}

/// Reads and judges everything that the flags name.
pub(crate) fn draft(arguments: &ServeArguments, around: &Surroundings) -> Result<Draft, Report> {
    let Some(state) = around.state_folder(arguments.state.state.as_deref()) else { return Err(no_state_folder()) };
    let mut drafter = Drafter::new(arguments, around);
    let drafted = drafter.draft(state);
    // What is a fault already is not said twice.
    if drafter.faults.is_empty() && drafted.is_ok() {
        drafter.guard();
    }
    let Drafter { sources, faults, literals, .. } = drafter;
    match drafted {
        Ok(Some(draft)) if faults.is_empty() => Ok(Draft { exposed: literals.used(&sources), sources, ..draft }),
        Ok(_) => Err(faults.into_report(&sources)),
        Err(report) => Err(report),
    }
}

/// Where secrets lie, whatever is wrong with the rest of the file: who moves a secret out of it must not be stopped by its being there.
pub(crate) fn secrets(arguments: &ServeArguments, around: &Surroundings) -> Result<Secrets, Report> {
    places(arguments, around, &["secrets"]).map(|(secrets, _)| secrets)
}

/// What the team wants of a scan, whatever is wrong with the rest of the file.
pub(crate) fn scan_policy(arguments: &ServeArguments, around: &Surroundings) -> Result<Policy, Report> {
    let mut drafter = Drafter::new(arguments, around);
    let read = drafter.scan_policy();
    let Drafter { sources, faults, .. } = drafter;
    match read {
        Ok(Some(policy)) if faults.is_empty() => Ok(policy),
        Ok(_) => Err(faults.into_report(&sources)),
        Err(report) => Err(report),
    }
}

/// Where things are kept, and where the secrets lie that are needed to get there, whatever is wrong with the rest of the file.
pub(crate) fn store(arguments: &ServeArguments, around: &Surroundings) -> Result<(Secrets, Store), Report> {
    places(arguments, around, &["secrets", "store"])
}

fn places(arguments: &ServeArguments, around: &Surroundings, sections: &[&str]) -> Result<(Secrets, Store), Report> {
    let Some(state) = around.state_folder(arguments.state.state.as_deref()) else { return Err(no_state_folder()) };
    let mut drafter = Drafter::new(arguments, around);
    let read = drafter.places(&state, sections);
    let Drafter { sources, faults, .. } = drafter;
    match read {
        Ok(Some(places)) if faults.is_empty() => Ok(places),
        Ok(_) => Err(faults.into_report(&sources)),
        Err(report) => Err(report),
    }
}

/// The file of accounts that the configuration names, whatever is wrong with the rest of it. `None`: there is no configuration, or nothing about it in it.
pub(crate) fn accounts(arguments: &ServeArguments, around: &Surroundings) -> Result<Option<PathBuf>, Report> {
    let mut drafter = Drafter::new(arguments, around);
    let read = drafter.accounts();
    let Drafter { sources, faults, .. } = drafter;
    match read {
        Ok(file) if faults.is_empty() => Ok(file),
        Ok(_) => Err(faults.into_report(&sources)),
        Err(report) => Err(report),
    }
}

/// Nothing says where the state folder is.
pub(crate) fn no_state_folder() -> Report {
    Report::new(Exit::Configuration, "there is no place for the state folder: neither `HOME` nor `XDG_STATE_HOME` is set")
        .hint("say where: `--state DIR`")
}

struct Drafter<'d> {
    arguments: &'d ServeArguments,
    around: &'d Surroundings,
    sources: Sources,
    faults: Faults,
    literals: Literals,
    watch: Vec<PathBuf>,
    notices: Vec<String>,
    policy: Policy,
}

type Servers = BTreeMap<ServerName, Server>;

impl<'d> Drafter<'d> {
    fn new(arguments: &'d ServeArguments, around: &'d Surroundings) -> Self {
        let literals = if arguments.allow_literal_secrets { Literals::Used(Vec::new()) } else { Literals::Refused };
        let (sources, faults) = (Sources::default(), Faults::default());
        Self { arguments, around, sources, faults, literals, watch: Vec::new(), notices: Vec::new(), policy: Policy::USUAL }
    }

    /// `None` when a fault was found; the faults are kept aside.
    fn draft(&mut self, state: PathBuf) -> Result<Option<Draft>, Report> {
        self.name_strangers();
        let Some(written) = self.own_file()? else { return Ok(None) };
        let file = self.shaped(written.root.as_ref())?;
        let Written { root, folder, environment } = written;
        self.judge_literals(&environment);
        let place = listen::Place { root: root.as_ref(), folder: &folder };
        let listeners = listen::build(&file.listen, file.admin.as_ref(), self.arguments, &place, &environment, &mut self.faults);
        let is_bypass = listen::bypass(self.around, listeners.as_ref(), &environment, &mut self.faults);
        let mut judge = Judge::new(root.as_ref(), &mut self.faults);
        let allowed_networks = networks::allowed(&file.outbound, &mut judge);
        let limits = numbers::limits(&file.limits, &mut judge);
        let timeouts = numbers::timeouts(&file.timeouts, &mut judge);
        let record = numbers::record(&file.audit, &state, &mut judge);
        let secrets = Secrets::read(&file.secrets, self.around, &folder, &state, &mut judge);
        let secrets = if environment.is_production() { secrets.for_production() } else { secrets };
        let store = Store::read(&file.store, &mut judge);
        self.policy = scan::policy(&file.scan, &mut judge);
        let mut names: Vec<String> = file.servers.keys().cloned().collect();
        let mut servers = self.own_servers(&file, root.as_ref(), &folder);
        self.clients_servers(&mut servers, &mut names)?;
        self.server_of_flags(&mut servers, &mut names);
        if names.is_empty() && self.faults.is_empty() {
            return Err(nothing_to_serve());
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let has_issuer = file.issuer.as_ref().is_some_and(|section| section.enabled.unwrap_or(true));
        let accept =
            accept::build(&file.accept, &names, has_issuer, &accept::Place { folder: &folder, root: root.as_ref() }, &mut self.faults);
        let accept = if is_bypass { Accept::Bypass } else { accept };
        let is_own_machine = environment.is_development() && listeners.as_ref().is_none_or(listen::Listeners::are_loopback);
        let mut judge = Judge::new(root.as_ref(), &mut self.faults);
        let trusts_links = people::trusts_links(&servers, &accept, is_own_machine, &mut judge);
        let issuer = issuer::read(file.issuer.as_ref(), accept.is_unwritten(), &names, &folder, &state, &mut judge).filter(|_| !is_bypass);
        accept.bound_where_demanded(issuer.is_some(), &servers, &mut judge);
        let beside = merge::Beside { servers: &servers, accept: &accept, has_issuer: issuer.is_some() };
        let merge = merge::read(file.merge.as_ref(), self.arguments.merge, &beside, &mut judge);
        self.note(issuer.as_ref(), listeners.as_ref());
        let Some(listeners) = listeners else { return Ok(None) };
        let (watch, notices) = (std::mem::take(&mut self.watch), std::mem::take(&mut self.notices));
        Ok(Some(Draft {
            listeners,
            accept,
            issuer,
            trusts_links,
            servers,
            merge,
            allowed_networks,
            limits,
            timeouts,
            record,
            environment,
            state,
            secrets,
            store,
            watch,
            notices,
            exposed: Vec::new(),
            sources: Sources::default(),
            root,
        }))
    }

    /// What a person should know of, and what a reload looks at besides the configuration.
    fn note(&mut self, issuer: Option<&issuer::Written>, listeners: Option<&Listeners>) {
        self.notices.extend(issuer.into_iter().flat_map(|issuer| &issuer.providers).filter_map(federation::Written::notice));
        if let Some(tls) = listeners.and_then(|listeners| listeners.door.tls.as_ref()) {
            self.watch.extend([tls.certificate.clone(), tls.key.clone()]);
        }
    }

    /// These sections alone. `None` when a fault was found.
    fn places(&mut self, state: &FilePath, sections: &[&str]) -> Result<Option<(Secrets, Store)>, Report> {
        let Some(Written { mut root, folder, environment }) = self.own_file()? else { return Ok(None) };
        if let Some(Node { value: Value::Table(table), .. }) = &mut root {
            table.retain(|name, _| sections.contains(&name.as_str()));
        }
        let file = self.shaped(root.as_ref())?;
        let mut judge = Judge::new(root.as_ref(), &mut self.faults);
        let secrets = Secrets::read(&file.secrets, self.around, &folder, state, &mut judge);
        let store = Store::read(&file.store, &mut judge);
        Ok(Some((if environment.is_production() { secrets.for_production() } else { secrets }, store)))
    }

    /// `[scan]` alone. `None` when a fault was found.
    fn scan_policy(&mut self) -> Result<Option<Policy>, Report> {
        let Some(Written { mut root, .. }) = self.own_file()? else { return Ok(None) };
        if let Some(Node { value: Value::Table(table), .. }) = &mut root {
            table.retain(|name, _| name == "scan");
        }
        let file = self.shaped(root.as_ref())?;
        Ok(Some(scan::policy(&file.scan, &mut Judge::new(root.as_ref(), &mut self.faults))))
    }

    /// `[issuer] accounts` alone. `None` when a fault was found, or nothing.
    fn accounts(&mut self) -> Result<Option<PathBuf>, Report> {
        let Some(Written { mut root, folder, .. }) = self.own_file()? else { return Ok(None) };
        if let Some(Node { value: Value::Table(table), .. }) = &mut root {
            table.retain(|name, _| name == "issuer");
        }
        let file = self.shaped(root.as_ref())?;
        Ok(file.issuer.and_then(|issuer| issuer.accounts).map(|accounts| folder.join(accounts)))
    }

    fn judge_literals(&mut self, environment: &EnvironmentName) {
        if self.arguments.allow_literal_secrets && !environment.is_development() {
            let what = format!("`--allow-literal-secrets` is for the environment `development`, and this is `{}`", environment.as_str());
            self.faults.push(Fault::outside(what).hint("move them to the keychain with `claviger secrets put`, and write references"));
        }
    }

    fn name_strangers(&mut self) {
        for (name, meant) in self.around.strangers() {
            let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
            self.notices.push(format!("the variable `{name}` means nothing to Claviger{meant}"));
        }
    }

    /// What of the tree has the right shape; the rest becomes faults.
    fn shaped(&mut self, root: Option<&Node>) -> Result<file::File, Report> {
        let Some(root) = root else { return Ok(file::File::default()) };
        let cleaned = shape::check(root, &schema::schema(), &mut self.faults);
        serde_json::from_value(cleaned)
            .map_err(|error| Report::new(Exit::Internal, "the schema and the reader of `claviger.toml` differ").caused_by(&error))
    }

    fn own_servers(&mut self, file: &file::File, root: Option<&Node>, folder: &FilePath) -> Servers {
        mount::one_at_the_root(&file.servers, &mut Judge::new(root, &mut self.faults));
        let path = Path::default().key("servers");
        let build = |(name, server): (&String, &file::Server)| {
            let origin = Origin { root, path: path.key(name), dialect: Dialect::Own, folder };
            server::build(name, server, &origin, self.around, &mut self.faults, &mut self.literals)
        };
        file.servers.iter().filter_map(build).collect()
    }

    /// The servers of `--mcp`.
    fn clients_servers(&mut self, servers: &mut Servers, names: &mut Vec<String>) -> Result<(), Report> {
        let Some(location) = &self.arguments.mcp else { return Ok(()) };
        let number = self.read(location, "--mcp")?;
        let root = match read::from_json(&self.sources, number) {
            Ok(root) => root,
            Err(fault) => {
                self.faults.push(fault);
                return Ok(());
            }
        };
        let absolute = self.around.folder().join(location);
        let found = clients::read(&root, &absolute, self.around.value(env::HOME), &mut self.faults);
        self.notices.extend(found.notices);
        for (name, (server, path)) in &found.servers {
            if names.contains(name) {
                let fault = Fault::at(root.place_of_key(path), path, format!("`claviger.toml` has a server `{name}` too"));
                self.faults.push(fault.hint("rename one of the two"));
                continue;
            }
            names.push(name.clone());
            let origin = Origin { root: Some(&root), path: path.clone(), dialect: Dialect::Client, folder: self.around.folder() };
            servers.extend(server::build(name, server, &origin, self.around, &mut self.faults, &mut self.literals));
        }
        if found.servers.is_empty() && self.faults.is_empty() {
            self.faults.push(Fault::new(Place::new(number, 0..0), "every server of this file is disabled"));
        }
        Ok(())
    }

    fn read_toml(&mut self, location: &FilePath, named_by: &str) -> Result<Option<Node>, Report> {
        let number = self.read(location, named_by)?;
        match read::from_toml(&self.sources, number) {
            Ok(root) => Ok(Some(root)),
            Err(fault) => {
                self.faults.push(fault);
                Ok(None)
            }
        }
    }

    /// Reads a file of at most [`MAX_FILE_BYTES`], and remembers to watch it.
    fn read(&mut self, location: &FilePath, named_by: &str) -> Result<usize, Report> {
        let absolute = self.around.folder().join(location);
        let report = || Report::new(Exit::Configuration, format!("cannot read the configuration `{}`", location.display()));
        let length = std::fs::metadata(&absolute).map_err(|error| {
            let report = report().caused_by(&error);
            let hint = format!("it was looked for at `{}`: write it there, or name another with `{named_by}`", absolute.display());
            if error.kind() == ErrorKind::NotFound { report.hint(hint) } else { report }
        })?;
        let length = length.len();
        if length > MAX_FILE_BYTES {
            return Err(report().hint(format!("a configuration has at most {MAX_FILE_BYTES} bytes; this file has {length}")));
        }
        let bytes = std::fs::read(&absolute).map_err(|error| report().caused_by(&error))?;
        let text = String::from_utf8(bytes).map_err(|error| report().caused_by(&error.utf8_error()))?;
        self.watch.push(absolute);
        Ok(self.sources.add(location.display().to_string(), text))
    }
}

fn nothing_to_serve() -> Report {
    Report::new(Exit::Configuration, "there is no server to put behind the door")
        .hint("try it with `claviger serve --demo`")
        .hint("or name one: `claviger serve -- npx -y @modelcontextprotocol/server-everything`, `--url URL`, `--mcp .mcp.json`")
        .hint("or write `[servers.NAME]` into `claviger.toml`")
}

const MAX_FILE_BYTES: u64 = 1024 * 1024;

#[cfg(test)]
mod tests;
