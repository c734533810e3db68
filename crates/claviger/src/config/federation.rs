//! May people sign in there? An OpenID provider as the file names it, and what keeps it from letting in whom nobody meant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;
use std::time::Duration;

use gateway::config::SignIn;
use issuer::federation::{Admission, is_provider_name};
use oauth::issuer::Issuer;
use url::Url;

use super::file::{self, OneOrMore};
use super::judge::Judge;
use super::tree::Path;
use super::{credential, units};

/// A provider, before any secret was fetched.
#[derive(Clone)]
pub(crate) struct Written {
    /// Its name in paths and subjects.
    pub(crate) name: String,
    /// Its name for people.
    pub(crate) title: String,
    /// Who it is.
    pub(crate) issuer: Issuer,
    /// Who the door is there, and what it asks for.
    pub(crate) sign_in: SignIn,
    /// What else is said when a browser is sent there.
    pub(crate) parameters: BTreeMap<String, String>,
    /// The claim that lists groups.
    pub(crate) groups_claim: String,
    /// What its groups are called here.
    pub(crate) groups: Option<BTreeMap<String, Vec<String>>>,
    /// Who may come in.
    pub(crate) admits: Option<Admission>,
    /// After how long it is asked again.
    pub(crate) look_every: Duration,
}

/// Reads all of them. What is wrong is left out and blamed.
pub(super) fn read(written: &file::Federations, path: &Path, folder: &FilePath, judge: &mut Judge<'_>) -> Vec<Written> {
    let mut names: BTreeMap<String, Path> = BTreeMap::new();
    let mut all = Vec::new();
    for (index, federation) in written.all() {
        let at = index.map_or_else(|| path.clone(), |index| path.index(index));
        let Some(read) = one(federation, &at, folder, judge) else { continue };
        // One of them could pass off its people as the other's.
        match names.insert(read.name.clone(), at.clone()) {
            Some(first) => {
                judge.blame_with_hint(&at, format!("this is called as the provider at `{first}`"), "give each a `name` of its own");
            }
            None => all.push(read),
        }
    }
    all
}

fn one(written: &file::Federation, path: &Path, folder: &FilePath, judge: &mut Judge<'_>) -> Option<Written> {
    let Some(text) = &written.issuer else {
        judge.blame_with_hint(path, "`issuer` is missing: the provider at which people sign in", "write `issuer = \"https://...\"`");
        return None;
    };
    let at = path.key("issuer");
    let issuer = judge.accept(&at, Issuer::parse(text));
    if is_for_any_tenant(text) {
        let hint = "write the tenant's own: `https://login.microsoftonline.com/TENANT-ID/v2.0`";
        judge.blame_with_hint(&at, "the tokens of this name are issued by everybody's own tenant, so anybody could come in", hint);
        return None;
    }
    // What is wrong with the issuer has been told; with the rest of it, it will be.
    let sign_in = match issuer {
        Some(_) => credential::federation(written, path, folder, judge),
        None => None,
    };
    let name = written.name.clone().or_else(|| issuer.as_ref().map(Issuer::segment));
    let name = name.filter(|name| is_provider_name(name) || blame_name(written, path, judge));
    let parameters = parameters(&written.parameters, &path.key("parameters"), judge);
    let admits = match &written.allow {
        Some(allow) => Some(admission(allow, text, &path.key("allow"), judge)?),
        None => None,
    };
    let look_every = match &written.look_every {
        Some(text) => judge.accept(&path.key("look_every"), units::duration(text)),
        None => Some(LOOK_EVERY),
    };
    let groups_claim = written.groups_claim.clone().unwrap_or_else(|| "groups".to_owned());
    let groups = written.groups.as_ref();
    let groups = groups.map(|map| map.iter().map(|(theirs, ours)| (theirs.clone(), ours.all().to_vec())).collect());
    let name = name?;
    Some(Written {
        title: written.title.clone().unwrap_or_else(|| name.clone()),
        name,
        issuer: issuer?,
        sign_in: sign_in?,
        parameters: parameters?,
        groups_claim,
        groups,
        admits,
        look_every: look_every?,
    })
}

fn blame_name(written: &file::Federation, path: &Path, judge: &mut Judge<'_>) -> bool {
    let at = if written.name.is_some() { path.key("name") } else { path.clone() };
    judge.blame_with_hint(&at, "a name has at most 128 letters, digits, `.`, `_` and `-`", "what people read is `title`");
    false
}

/// Only what is known to change nothing but how the provider asks.
fn parameters(written: &BTreeMap<String, String>, path: &Path, judge: &mut Judge<'_>) -> Option<BTreeMap<String, String>> {
    let before = judge.count();
    for (name, value) in written {
        let at = path.key(name);
        if !PARAMETERS.contains(&name.as_str()) {
            let known = PARAMETERS.join("`, `");
            judge.blame_with_hint(&at, "this is not said to a provider", format!("what may be: `{known}`"));
        } else if value.is_empty() || value.len() > 256 || value.chars().any(char::is_control) {
            judge.blame(&at, "a short text is expected");
        } else if name == "prompt" && value.split(' ').any(|word| word == "none") {
            judge.blame(&at, "with `none`, nobody could sign in");
        }
    }
    (judge.count() == before).then(|| written.clone())
}

fn admission(written: &file::FederationAllow, issuer: &str, path: &Path, judge: &mut Judge<'_>) -> Option<Admission> {
    let before = judge.count();
    let small = |list: &Option<OneOrMore>| -> BTreeSet<String> {
        list.iter().flat_map(OneOrMore::all).map(|text| text.trim().to_ascii_lowercase()).collect()
    };
    let (domains, emails) = (small(&written.domains), small(&written.emails));
    let groups: BTreeSet<String> = written.groups.iter().flat_map(OneOrMore::all).cloned().collect();
    if domains.iter().any(|domain| domain.is_empty() || domain.contains(['@', '*', '/']) || domain.starts_with('.')) {
        judge.blame_with_hint(
            &path.key("domains"),
            "the part of an address behind the `@` is expected",
            "each domain stands for itself alone",
        );
    }
    if emails.iter().any(|email| email.split_once('@').is_none_or(|(name, domain)| name.is_empty() || domain.is_empty())) {
        judge.blame(&path.key("emails"), "e-mail addresses are expected");
    }
    if is_microsoft(issuer) && !(domains.is_empty() && emails.is_empty()) {
        let hint = "assign people to the application at Entra, or name `groups`";
        judge.blame_with_hint(path, "Entra ID does not say whether an address was verified: anybody's tenant could claim it", hint);
    }
    if domains.is_empty() && emails.is_empty() && groups.is_empty() {
        judge.blame_with_hint(path, "nobody could come in", "name `domains`, `emails` or `groups`, or leave `allow` out");
    }
    (judge.count() == before).then(|| Admission { domains, emails, groups, domains_by_owner: issuer == GOOGLE })
}

impl Written {
    /// What a person should know who lets the whole world in.
    pub(crate) fn notice(&self) -> Option<String> {
        let is_open = self.admits.is_none() && OPEN_TO_ALL.contains(&self.issuer.as_str().trim_end_matches('/'));
        is_open.then(|| {
            let Self { title, issuer, .. } = self;
            format!("anybody in the world can have an account at {issuer}, and sign in with {title}: say who may under `allow`")
        })
    }
}

/// Issuers of Microsoft that stand for any tenant.
fn is_for_any_tenant(issuer: &str) -> bool {
    let Ok(url) = Url::parse(issuer) else { return false };
    let tenant = url.path_segments().and_then(|mut segments| segments.next()).unwrap_or_default();
    is_microsoft(issuer) && ["common", "organizations", "consumers"].contains(&tenant.to_ascii_lowercase().as_str())
}

fn is_microsoft(issuer: &str) -> bool {
    let Ok(url) = Url::parse(issuer) else { return false };
    url.host_str().is_some_and(|host| host.starts_with("login.microsoftonline.") || host == "login.partner.microsoftonline.cn")
}

const PARAMETERS: [&str; 10] =
    ["access_type", "acr_values", "connection", "domain_hint", "hd", "identity_provider", "idp", "kc_idp_hint", "organization", "prompt"];
const LOOK_EVERY: Duration = Duration::from_secs(300);
const GOOGLE: &str = "https://accounts.google.com";
/// Where anybody can have an account; the last is Microsoft's tenant of personal accounts.
const OPEN_TO_ALL: [&str; 6] = [
    GOOGLE,
    "https://appleid.apple.com",
    "https://gitlab.com",
    "https://id.twitch.tv/oauth2",
    "https://www.facebook.com",
    "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
];

#[cfg(test)]
mod tests;
