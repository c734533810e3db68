//! What is the built-in authorization server told? `[issuer]` as the file has it, and what the servers behind the door add to it.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use broker::reference::Template;
use broker::resolve::Resolver;
use gateway::config::{Config, Merge, Server, ServerName};
use issuer::config::{
    Allowance, Bringers, ClientProof, Documents, Exchange, HostPattern, KnownClient, Lifetimes, Meaning, ProtectedResource, TrustedProvider,
};
use issuer::federation::is_provider_name;
use oauth::issuer::{InvalidIssuer, Issuer};
use oauth::redirect::RedirectUri;
use oauth::resource::{InvalidUri, Resource};
use oauth::scope::{Scope, ScopeSet};
use outbound::guard::Guard;
use outbound::tls::InvalidRoots;
use secrecy::ExposeSecret as _;

use super::fault::Faults;
use super::file::{self, OneOrMore};
use super::judge::Judge;
use super::tree::{Node, Path, Sources};
use super::{federation, units};
use crate::mend::mend;
use crate::providers::Means;
use crate::voice::Report;

/// `[issuer]`, before any secret was fetched.
#[derive(Clone)]
pub(crate) struct Written {
    /// The file of local accounts.
    pub(crate) accounts: PathBuf,
    registration: bool,
    documents: Documents,
    trusts: Vec<TrustedProvider>,
    allowance: Allowance,
    words: BTreeMap<String, String>,
    lifetimes: Lifetimes,
    clients: Vec<WrittenClient>,
    /// Where else people sign in.
    pub(crate) providers: Vec<federation::Written>,
    /// Whether nobody asked for it: then the first account is made by itself.
    pub(crate) is_unasked: bool,
    /// The section, to see what a reload changes.
    pub(crate) section: file::Issuer,
}

#[derive(Clone)]
struct WrittenClient {
    id: String,
    name: String,
    redirect_uris: Vec<RedirectUri>,
    secrets: Vec<(Template, Path)>,
    keys: Option<ClientProof>,
    own_scopes: Option<ScopeSet>,
    exchange: Exchange,
    uses_devices: bool,
    bound_tokens: bool,
}

/// `[issuer]` with its secrets, before it is known where the door listens.
#[derive(Clone)]
pub(crate) struct Ready {
    written: Written,
    clients: Vec<KnownClient>,
}

/// Reads the section. `is_wanted`: it is there without one. `None`: there is no authorization server.
pub(super) fn read(
    section: Option<&file::Issuer>,
    is_wanted: bool,
    servers: &[&str],
    folder: &FilePath,
    state: &FilePath,
    judge: &mut Judge<'_>,
) -> Option<Written> {
    let is_unasked = section.is_none();
    let section = match section {
        Some(section) if section.enabled.unwrap_or(true) => section.clone(),
        None if is_wanted => file::Issuer::default(),
        Some(_) | None => return None,
    };
    let path = Path::default().key("issuer");
    let allowance = allowance(section.grants.as_ref(), &path.key("grants"), judge);
    let clients = section.clients.iter().filter_map(|(id, client)| read_client(id, client, &path.key("clients").key(id), folder, judge));
    let clients = clients.collect();
    for (id, client) in &section.clients {
        judge_exchange(client, servers, &path.key("clients").key(id), judge);
    }
    let documents = documents(section.documents.as_ref(), &path.key("documents"), judge);
    let providers = section.federate.as_ref().map(|written| federation::read(written, &path.key("federate"), folder, judge));
    let providers = providers.unwrap_or_default();
    let trusts = read_trusts(&section.trusts, &providers, &path.key("trusts"), judge);
    for name in section.words.keys() {
        judge.accept(&path.key("words").key(name), Scope::parse(name));
    }
    let accounts = section.accounts.as_ref().map_or_else(|| state.join(ACCOUNTS_FILE), |file| folder.join(file));
    judge.accept(&path.key("accounts"), issuer::accounts::read(&accounts));
    Some(Written {
        accounts,
        registration: section.registration.unwrap_or(true),
        documents,
        trusts,
        allowance,
        words: section.words.clone(),
        lifetimes: lifetimes(&section, &path, judge),
        clients,
        providers,
        is_unasked,
        section,
    })
}

fn judge_exchange(client: &file::IssuerClient, servers: &[&str], path: &Path, judge: &mut Judge<'_>) {
    for (key, names) in [("exchange", &client.exchange), ("exchange_from", &client.exchange_from)] {
        for (index, name) in names.iter().enumerate().filter(|(_, name)| !servers.contains(&name.as_str())) {
            judge.blame(&path.key(key).index(index), format!("there is no server `{name}`"));
        }
    }
    if client.exchange.is_empty() != client.exchange_from.is_empty() {
        let hint = "`exchange_from` has the servers whose callers' tokens it takes, `exchange` those for which it gets others";
        judge.blame_with_hint(path, "`exchange` and `exchange_from` need each other", hint);
    }
}

fn documents(written: Option<&OneOrMore>, path: &Path, judge: &mut Judge<'_>) -> Documents {
    match written {
        None => Documents::Any,
        Some(OneOrMore::One(word)) if word == "any" => Documents::Any,
        Some(OneOrMore::One(word)) if word == "off" => Documents::Off,
        Some(hosts) => Documents::Of(hosts.all().iter().filter_map(|host| judge.accept(path, HostPattern::parse(host))).collect()),
    }
}

fn read_trusts(
    written: &BTreeMap<String, file::TrustedProvider>,
    providers: &[federation::Written],
    path: &Path,
    judge: &mut Judge<'_>,
) -> Vec<TrustedProvider> {
    let mut trusts: Vec<TrustedProvider> = Vec::new();
    for (name, trusted) in written {
        let path = path.key(name);
        let Some(issuer) = judge.accept(&path.key("issuer"), Issuer::parse(&trusted.issuer)) else { continue };
        // The name stands in front of a person's own, so one name is one provider.
        let fault = if !is_provider_name(name) {
            Some("a name of letters, digits, `.`, `_` and `-` is expected: it stands in the names of its people")
        } else if providers.iter().any(|provider| provider.name == *name && provider.issuer != issuer) {
            Some("people sign in at another provider of this name under `federate`, and would be taken for its people")
        } else if trusts.iter().any(|other| other.issuer == issuer) {
            Some("this provider has another name already")
        } else {
            None
        };
        if let Some(fault) = fault {
            judge.blame(&path, fault);
            continue;
        }
        let clients = trusted.clients.as_ref().map_or(Bringers::Known, |clients| Bringers::Of(clients.all().to_vec()));
        trusts.push(TrustedProvider { name: name.clone(), issuer, clients, groups: trusted.groups.clone() });
    }
    trusts
}

fn allowance(grants: Option<&BTreeMap<String, OneOrMore>>, path: &Path, judge: &mut Judge<'_>) -> Allowance {
    let Some(grants) = grants else { return Allowance::default() };
    for (group, patterns) in grants {
        for pattern in patterns.all() {
            let plain = pattern.strip_suffix('*').unwrap_or(pattern);
            if !plain.is_empty() {
                judge.accept(&path.key(group), Scope::parse(plain));
            }
        }
    }
    Allowance { by_group: Some(grants.iter().map(|(group, patterns)| (group.clone(), patterns.all().to_vec())).collect()) }
}

fn lifetimes(section: &file::Issuer, path: &Path, judge: &mut Judge<'_>) -> Lifetimes {
    let usual = Lifetimes::default();
    let mut read = |name: &str, text: Option<&String>, usual: Duration, most: Duration| {
        let Some(text) = text else { return usual };
        let at = path.key(name);
        let Some(read) = judge.accept(&at, units::duration(text)) else { return usual };
        if read > most {
            judge.blame(&at, format!("this is at most {} minutes", most.as_secs() / 60));
        }
        read
    };
    Lifetimes {
        access_token: read("access_token", section.access_token.as_ref(), usual.access_token, MOST_ACCESS_TOKEN),
        idle_grant: read("idle_grant", section.idle_grant.as_ref(), usual.idle_grant, A_YEAR),
        grant: read("grant", section.grant.as_ref(), usual.grant, A_YEAR),
        session: read("session", section.session.as_ref(), usual.session, MOST_SESSION),
        signing_key: read("signing_key", section.signing_key.as_ref(), usual.signing_key, A_YEAR),
    }
}

fn read_client(id: &str, client: &file::IssuerClient, path: &Path, folder: &FilePath, judge: &mut Judge<'_>) -> Option<WrittenClient> {
    let before = judge.count();
    let mut redirect_uris = Vec::new();
    for (index, uri) in client.redirect_uris.iter().enumerate() {
        redirect_uris.extend(judge.accept(&path.key("redirect_uris").index(index), RedirectUri::parse(uri)));
    }
    let mut secrets = Vec::new();
    for text in client.secret.iter().flat_map(OneOrMore::all) {
        let at = path.key("secret");
        let hint = "write a reference, such as `env://CLIENT_SECRET` or `file:///run/secrets/client`";
        match Template::parse_secret(text) {
            Ok(template) if template.references().next().is_some() => secrets.push((template, at)),
            Ok(_) => judge.blame_secret(&at, "a secret does not stand in the configuration", hint),
            Err(error) => judge.blame_secret(&at, error, hint),
        }
    }
    let keys = client.keys.as_ref().and_then(|file| {
        let at = path.key("keys");
        if file.starts_with("https://") {
            return judge.accept(&at, Resource::parse(file)).map(|_| ClientProof::KeysAt(file.clone()));
        }
        let text = judge.accept(&at, std::fs::read_to_string(folder.join(file)))?;
        judge.accept(&at, token::KeySet::from_jwks(text.as_bytes()).map(|_| ()))?;
        Some(ClientProof::Keys(text))
    });
    if client.keys.is_some() && client.secret.is_some() {
        judge.blame(path, "`secret` and `keys` do not go together");
    }
    let own_scopes = client.scopes.as_ref().and_then(|scopes| judge.accept(&path.key("scopes"), ScopeSet::parse(&scopes.all().join(" "))));
    if client.secret.is_none() && client.keys.is_none() {
        for (is_wanted, what) in [
            (client.scopes.is_some(), "it proves nothing, so it gets nothing in its own name"),
            (!client.exchange.is_empty(), "it proves nothing, so it gets nothing for the tokens of others"),
        ] {
            if is_wanted {
                judge.blame_with_hint(path, what, "give it a `secret` or `keys`");
            }
        }
    }
    if client.redirect_uris.is_empty() && !client.devices && client.scopes.is_none() && client.secret.is_none() && client.keys.is_none() {
        judge.blame_with_hint(path, "this client could do nothing", "give it `redirect_uris`, or a `secret` and `scopes`");
    }
    let name = client.name.clone().unwrap_or_else(|| id.to_owned());
    let exchange = Exchange { from: client.exchange_from.clone(), to: client.exchange.clone() };
    (judge.count() == before).then(|| WrittenClient {
        id: id.to_owned(),
        name,
        redirect_uris,
        secrets,
        keys,
        own_scopes,
        exchange,
        uses_devices: client.devices,
        bound_tokens: client.bound_tokens,
    })
}

impl Written {
    /// Fetches the secrets of the clients.
    pub(super) async fn ready(self, resolver: &Resolver, root: Option<&Node>, sources: &Sources) -> Result<Ready, Report> {
        let mut faults = Faults::default();
        let mut clients = Vec::new();
        for client in &self.clients {
            let mut secrets = Vec::new();
            for (template, path) in &client.secrets {
                let mut judge = Judge::new(root, &mut faults);
                let Some(value) = judge.accept_or_mend(path, resolver.resolve_for_start(template).await, mend) else { continue };
                if value.expose_secret().len() < SHORTEST_SECRET {
                    judge.blame(path, format!("a client's secret has at least {SHORTEST_SECRET} characters: shorter ones can be guessed"));
                }
                secrets.push(value);
            }
            let proof = match (&client.keys, client.secrets.is_empty()) {
                (Some(keys), _) => keys.clone(),
                (None, true) => ClientProof::None,
                (None, false) => ClientProof::Secrets(secrets),
            };
            clients.push(KnownClient {
                id: client.id.clone(),
                name: client.name.clone(),
                redirect_uris: client.redirect_uris.clone(),
                proof,
                own_scopes: client.own_scopes.clone(),
                wants_bound_tokens: client.bound_tokens,
                exchange: client.exchange.clone(),
                uses_devices: client.uses_devices,
            });
        }
        if faults.is_empty() { Ok(Ready { written: self, clients }) } else { Err(faults.into_report(sources)) }
    }
}

/// Why there can be no authorization server at this public URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("the public URL cannot be an issuer")]
    Issuer(#[from] InvalidIssuer),
    #[error("the certificates that the provider `{0}` is held to cannot be used")]
    Certificates(String, #[source] InvalidRoots),
    #[error("a server behind the door has no URL")]
    Resource(#[from] InvalidUri),
}

impl Ready {
    /// Everything, now that it is known what the door is called from outside.
    pub(crate) fn at(&self, public_url: &str, gateway: &Config, means: &Means) -> Result<issuer::config::Config, Unfit> {
        let resource = |(name, server): (&ServerName, &Server)| protected(public_url, name, server, &self.written.words);
        let merged = gateway.merge.as_ref().map(|merge| all_of(public_url, merge, gateway, &self.written.words));
        let groups_count = self.written.allowance.by_group.is_some();
        let provider = |written: &federation::Written| {
            let provider = means.provider(written, &gateway.allowed_networks, groups_count);
            provider.map_err(|error| Unfit::Certificates(written.name.clone(), error))
        };
        Ok(issuer::config::Config {
            issuer: Issuer::parse(public_url)?,
            providers: self.written.providers.iter().map(provider).collect::<Result<_, _>>()?,
            resources: gateway.servers.iter().map(resource).chain(merged).collect::<Result<_, _>>()?,
            clients: self.clients.clone(),
            allowance: self.written.allowance.clone(),
            accounts: self.written.accounts.clone(),
            lifetimes: self.written.lifetimes.clone(),
            registration: self.written.registration,
            documents: self.written.documents.clone(),
            trusts: self.written.trusts.clone(),
            guard: Guard::default().with_networks(gateway.allowed_networks.iter().copied()),
        })
    }

    /// The file of accounts.
    pub(crate) fn accounts(&self) -> &FilePath {
        &self.written.accounts
    }

    /// Whether nobody asked for it.
    pub(crate) fn is_unasked(&self) -> bool {
        self.written.is_unasked
    }

    /// The section as it was written.
    pub(crate) fn section(&self) -> &file::Issuer {
        &self.written.section
    }
}

/// The endpoint at which servers are one: whatever opens something at one of them opens it there.
fn all_of(public_url: &str, merge: &Merge, gateway: &Config, words: &BTreeMap<String, String>) -> Result<ProtectedResource, Unfit> {
    let mut scopes: BTreeMap<Scope, Meaning> = BTreeMap::new();
    let mut baseline = ScopeSet::default();
    for (name, server) in merge.servers.iter().filter_map(|name| gateway.servers.get_key_value(name)) {
        baseline = baseline.union(&server.rules.baseline());
        for (scope, meaning) in protected(public_url, name, server, words)?.scopes {
            let named = match meaning {
                Meaning::Words(words) => Meaning::Words(words),
                Meaning::Patterns(patterns) => {
                    Meaning::Patterns(patterns.into_iter().map(|pattern| format!("{name}: {pattern}")).collect())
                }
            };
            match (scopes.get_mut(&scope), named) {
                (Some(Meaning::Patterns(known)), Meaning::Patterns(more)) => known.extend(more),
                (Some(_), _) => {}
                (None, named) => drop(scopes.insert(scope, named)),
            }
        }
    }
    let title = merge.title.clone().unwrap_or_else(|| Merge::TITLE.to_owned());
    Ok(ProtectedResource { name: "*".to_owned(), resource: Merge::resource(public_url)?, title, baseline, scopes })
}

fn protected(public_url: &str, name: &ServerName, server: &Server, words: &BTreeMap<String, String>) -> Result<ProtectedResource, Unfit> {
    let meaning = |scope: &Scope, patterns: Vec<&str>| match words.get(scope.as_str()) {
        Some(words) => Meaning::Words(words.clone()),
        None => Meaning::Patterns(patterns.into_iter().map(str::to_owned).collect()),
    };
    let scopes = server.rules.catalogue().into_iter().map(|(scope, patterns)| {
        let meaning = meaning(&scope, patterns);
        (scope, meaning)
    });
    Ok(ProtectedResource {
        name: name.to_string(),
        resource: server.mount.resource(public_url, name)?,
        title: server.title.clone().unwrap_or_else(|| name.to_string()),
        baseline: server.rules.baseline(),
        scopes: scopes.collect(),
    })
}

/// The file of local accounts in the state folder.
pub(crate) const ACCOUNTS_FILE: &str = "accounts.toml";
const SHORTEST_SECRET: usize = 24;
const MOST_ACCESS_TOKEN: Duration = Duration::from_secs(24 * 3600);
const MOST_SESSION: Duration = Duration::from_secs(30 * 24 * 3600);
const A_YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

#[cfg(test)]
mod tests;
