//! What in an address opens something? The password before the host, a parameter, a part of the path that is the key itself.

use zeroize::Zeroizing;

use super::{Candidate, Exposure};
use crate::classify::{is_placeholder, is_random, is_reference, is_uuid};
use crate::model::Place;
use crate::name::{Promise, promise};

/// An address in parts. Not by a library: what people write here has placeholders where no host may have them.
pub(crate) struct Address<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) user: Option<&'a str>,
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
}

impl<'a> Address<'a> {
    /// The first address in a text.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let (before, rest) = text.split_once("://")?;
        let scheme = before.rsplit(|character: char| !character.is_ascii_alphanumeric() && !matches!(character, '+' | '.' | '-')).next()?;
        let rest = rest.split(|character: char| character.is_whitespace() || matches!(character, '"' | '\'')).next()?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A password may hold a slash, a path holds no `@` before it.
        let (user, rest) = rest
            .rsplit_once('@')
            .filter(|(user, _)| user.contains(':') || !user.contains('/'))
            .map_or((None, rest), |(user, rest)| (Some(user), rest));
        let end = rest.find(['/', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let host = if authority.starts_with('[') { authority } else { authority.split(':').next()? };
        Some(Self { scheme, user, host, path, query })
    }

    /// Whether the host is this machine, as seen from here or from a container on it.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host.to_ascii_lowercase();
        host.starts_with("127.") || host.ends_with(".localhost") || LOOPBACK.contains(&host.as_str())
    }
}

/// What may be a secret in an address.
pub(super) fn candidates(name: &str, text: &str, place: Place) -> Vec<Candidate> {
    let Some(address) = Address::read(text) else { return of_oracle(text).into_iter().collect() };
    let candidate = |name: &str, value: &str| Candidate {
        name: name.to_owned(),
        value: Zeroizing::new(value.to_owned()),
        exposure: Exposure::Address,
        host: Some(address.host.to_owned()),
        shown: None,
    };
    let mut found = Vec::new();
    match address.user.map(|user| user.split_once(':').ok_or(user)) {
        Some(Ok((_, password))) => found.push(candidate("password", password)),
        // What is sent to this vendor's address may be seen by everybody, and so may the address.
        Some(Err(user)) if is_random(user) && !address.host.contains("sentry") => found.push(candidate("token", user)),
        _ => {}
    }
    for (name, value) in address.query.split('&').filter_map(|pair| pair.split_once('=')) {
        if promise(name) != Promise::Nothing || PARAMETERS.contains(&name) {
            let name = if PARAMETERS.contains(&name) { "token" } else { name };
            found.push(candidate(name, value.split('#').next().unwrap_or(value)));
        }
    }
    if let Some(segment) = capability(name, &address, place) {
        found.push(candidate("token", segment));
    }
    found
}

/// `jdbc:oracle:thin:USER/PASSWORD@…`
fn of_oracle(text: &str) -> Option<Candidate> {
    let (user, _) = text.strip_prefix("jdbc:oracle:")?.split_once('@')?;
    let (_, password) = user.split_once('/')?;
    let value = Zeroizing::new(password.to_owned());
    Some(Candidate { name: "password".to_owned(), value, exposure: Exposure::Address, host: None, shown: None })
}

/// The part of a path that is itself the key: who knows the address may call it.
fn capability<'a>(name: &str, address: &Address<'a>, place: Place) -> Option<&'a str> {
    if DOCUMENTS.iter().any(|host| address.host.ends_with(host)) || address.is_loopback() {
        return None;
    }
    let known = CAPABILITY_HOSTS.iter().any(|host| address.host.ends_with(host));
    let called = known
        || matches!(place, Place::Url | Place::Argument)
        || promise(name) != Promise::Nothing
        || name.to_ascii_lowercase().contains("url");
    let segments = address.path.split('/').map(|segment| segment.strip_prefix("bot").unwrap_or(segment));
    segments.filter(|segment| !is_placeholder("", segment) && !is_reference(segment) && !segment.contains('.')).rfind(|segment| {
        let long = segment.len() >= 24 && is_random(segment);
        let webhook = known && segment.len() >= 20 && is_random(segment);
        called && (webhook || long && !is_uuid(segment)) || is_uuid(segment) && (known || place == Place::Url || place == Place::Argument)
    })
}

const LOOPBACK: &[&str] =
    &["localhost", "0.0.0.0", "[::1]", "::1", "[::]", "host.docker.internal", "host.containers.internal", "gateway.docker.internal"];
const PARAMETERS: &[&str] =
    &["sig", "signature", "code", "k", "auth", "pw", "subscription-key", "x-api-key", "appkey", "tavilyApiKey", "exaApiKey"];
const DOCUMENTS: &[&str] =
    &["docs.google.com", "drive.google.com", "figma.com", "github.com", "raw.githubusercontent.com", "notion.so", "gist.github.com"];
const CAPABILITY_HOSTS: &[&str] = &[
    "zapier.com",
    "composio.dev",
    "smithery.ai",
    "alchemy.com",
    "alchemyapi.io",
    "infura.io",
    "quiknode.pro",
    "hooks.slack.com",
    "discord.com",
    "discordapp.com",
    "api.telegram.org",
    "pipedream.net",
    "pipedream.com",
    "make.com",
    "ankr.com",
    "gumloop.com",
    "activepieces.com",
    "viasocket.com",
    "webhook.office.com",
    "n8n.cloud",
    "getblock.io",
    "blastapi.io",
    "chainstack.com",
    "nodereal.io",
];
