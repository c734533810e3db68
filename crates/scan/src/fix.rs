//! How does a secret leave a file whose meaning stays? Which value goes into a store, what is written in its place, and who will resolve that.
//!
//! A [`Plan`] says what is to be kept and what stays behind, and why. Somebody keeps the values and names them; then [`Plan::carry_out`] gives the new text,
//! proved to say to its reader what the old one said. Nothing is written here.

mod bridge;
mod client;
mod place;
mod proof;
mod revocation;
mod splice;
mod wrap;

use std::collections::BTreeMap;

use thiserror::Error;
use zeroize::Zeroizing;

use self::bridge::Bridge;
pub use self::client::Client;
use self::place::{Scalar, scalars};
use self::revocation::page;
pub use self::splice::{Edit, Fixed, Kept, Piece, Reversal, Unfit, newline, spliced, taken_back};
pub use self::wrap::Launcher;
use self::wrap::Wrap;
use crate::classify::Class;
use crate::document::{Document, Format, Span};
use crate::mask::{FingerprintKey, Masked};
use crate::model::{Model, Place};
use crate::policy::Policy;
use crate::secrets::{self, Exposure, Secret};

/// A file, and what its owner wants of it.
pub struct Wish<'a> {
    /// Its name without folders.
    pub name: &'a str,
    /// What it says.
    pub text: &'a str,
    /// Who reads it.
    pub client: Client,
    /// Whether the launcher resolves what the client could resolve, too.
    pub prefers_launcher: bool,
    /// What its team wants.
    pub policy: &'a Policy,
}

/// What is to be done with a file.
pub struct Plan {
    /// The secrets that can leave, in the order of the file.
    pub moves: Vec<Move>,
    /// Those that stay.
    pub left: Vec<Left>,
    format: Format,
    client: Client,
    wraps: Vec<Wrap>,
    bridges: Vec<Bridge>,
    /// Where a quote is missing that the launcher needs.
    quotes: Vec<usize>,
}

/// A secret that leaves its file. No `Debug`: it holds it.
pub struct Move {
    /// The server that it is for, if one is named.
    pub server: Option<String>,
    /// What it is called there.
    pub name: String,
    /// The variable under which the client would have it, where the client resolves it.
    pub variable: Option<String>,
    /// What is to be kept.
    pub value: Zeroizing<String>,
    /// The place as it is written, where nobody could write it again from the value: to be kept too, for whoever wants the file back.
    pub as_written: Option<Zeroizing<String>>,
    /// What may be shown of it.
    pub masked: Masked,
    /// Where its vendor lets people revoke it, if we know.
    pub page: Option<&'static str>,
    /// Who resolves the reference.
    pub reader: Reader,
    /// The bytes that are replaced.
    pub span: Span,
    scalar: Option<Span>,
    writing: Writing,
}

/// Who resolves a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// `claviger bridge`, which calls the server.
    Bridge,
    /// The door, from where its configuration says.
    Door,
    /// The client, from the environment that it is started with.
    Client,
    /// `claviger run --env-file`, with this file.
    EnvironmentFile,
    /// `claviger run`, which starts the server.
    Launcher,
    /// Nobody: it stands in a comment.
    Nobody,
}

/// What stands in the place of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    /// The reference itself.
    Bare,
    /// The reference in braces, inside a longer text.
    Inside,
    /// The reference as the whole of a scalar, quotes included.
    Whole,
}

/// A secret that stays.
pub struct Left {
    /// Where it stands.
    pub span: Span,
    /// What may be shown of it.
    pub masked: Masked,
    /// Why.
    pub why: Why,
}

/// Why a secret stays in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Why {
    /// The client sends what stands there, and starts no program that could resolve it.
    #[error("this client resolves no reference for a server behind an address: put that server behind the door (`claviger serve`)")]
    Address,
    /// It is part of the text that starts the program.
    #[error("it stands in the command itself: move it into `args` or `env` first")]
    Command,
    /// The same entry has what the launcher would take for references of its own.
    #[error("the same server has a reference that `claviger run` would read another way")]
    ForeignReference,
    /// Nobody who reads this place resolves references.
    #[error("nobody resolves a reference here")]
    NoReader,
    /// The file is not what its name promises.
    #[error("the file does not parse: mend it first")]
    NotParsed,
    /// It is started by a launcher with other flags.
    #[error("the server is started by `claviger run` with other flags: put the secret where those lead")]
    OtherLauncher,
}

/// How a move is named by whoever keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The reference to the value.
    pub reference: String,
    /// The variable that the client finds it in, for [`Reader::Client`].
    pub variable: String,
}

/// Says which secrets can leave the file.
pub fn plan(wish: &Wish<'_>, launcher: &Launcher, key: &FingerprintKey) -> Plan {
    let document = Document::read(wish.text, Format::of(wish.name));
    let model = Model::of(wish.text, &document);
    let found = secrets::find(wish.text, &model, wish.policy);
    let live: Vec<Secret> = found.into_iter().filter(|secret| secret.verdict.class == Class::LiveLooking).collect();
    let mut planner = Planner {
        wish,
        key,
        format: document.format,
        scalars: scalars(&document, &model),
        readings: BTreeMap::new(),
        plan: Plan {
            moves: Vec::new(),
            left: Vec::new(),
            format: document.format,
            client: wish.client,
            wraps: Vec::new(),
            bridges: Vec::new(),
            quotes: Vec::new(),
        },
    };
    if document.broken.is_some() {
        for secret in &live {
            planner.leave(secret, Why::NotParsed);
        }
        return planner.plan;
    }
    planner.read_servers(&model, &live, launcher);
    let mut together: BTreeMap<usize, Vec<&Secret>> = BTreeMap::new();
    for secret in &live {
        together.entry(secret.within.start).or_default().push(secret);
    }
    for secrets in together.values() {
        planner.decide(secrets);
    }
    let used = |wrap: &Wrap| planner.plan.moves.iter().any(|each| each.reader == Reader::Launcher && wrap.has(each.scalar.as_ref()));
    let wraps = std::mem::take(&mut planner.plan.wraps);
    let wraps = wraps.into_iter().filter(used).collect();
    let quotes = if planner.plan.moves.is_empty() { Vec::new() } else { planner.quotes() };
    Plan { wraps, quotes, ..planner.plan }
}

struct Planner<'p> {
    wish: &'p Wish<'p>,
    key: &'p FingerprintKey,
    format: Format,
    scalars: BTreeMap<usize, Scalar<'p>>,
    /// Who resolves what the servers refer to, by their number.
    readings: BTreeMap<usize, Result<Reader, Why>>,
    plan: Plan,
}

impl Planner<'_> {
    /// Who resolves references for each server: the client where it can, else a launcher, if the server is a program.
    fn read_servers(&mut self, model: &Model<'_>, live: &[Secret], launcher: &Launcher) {
        for (number, server) in model.servers.iter().enumerate() {
            let own: Vec<&Secret> = live.iter().filter(|secret| self.server_of(secret) == Some(number)).collect();
            if own.is_empty() {
                continue;
            }
            let resolves = self.wish.client.variable("X").is_some();
            if self.wish.client == Client::Claviger {
                self.readings.insert(number, Ok(Reader::Door));
                continue;
            }
            let wrap = Wrap::of(self.wish.text, server, self.format);
            let reading = match wrap {
                None if resolves => Ok(Reader::Client),
                None => match Bridge::of(self.wish.text, server, self.format)
                    .filter(|bridge| own.iter().all(|secret| self.is_bridged(bridge, secret)))
                {
                    Some(bridge) => {
                        self.plan.bridges.push(bridge);
                        Ok(Reader::Bridge)
                    }
                    None => Err(Why::Address),
                },
                Some(_) if resolves && !self.wish.prefers_launcher && own.iter().all(|secret| self.is_for_client(secret)) => {
                    Ok(Reader::Client)
                }
                Some(wrap) => Wrap::admit(server, &own, launcher).map(|is_needed| {
                    self.plan.wraps.extend(is_needed.then_some(wrap));
                    Reader::Launcher
                }),
            };
            self.readings.insert(number, reading);
        }
    }

    /// Variables and headers; and what stands in a longer text, where a reference of ours would have to hide all of it.
    fn is_for_client(&self, secret: &Secret) -> bool {
        let is_script = self.scalars.get(&secret.within.start).is_some_and(|scalar| scalar.text.contains(' '));
        secret.place != Place::Argument || is_script
    }

    /// Whether a bridge can take it along: in a header, or exactly in the address.
    fn is_bridged(&self, bridge: &Bridge, secret: &Secret) -> bool {
        bridge.has(&secret.within) && (!bridge.is_address(&secret.within) || self.exact(secret).is_some())
    }

    fn server_of(&self, secret: &Secret) -> Option<usize> {
        self.scalars.get(&secret.within.start)?.server
    }

    /// What becomes of the secrets of one scalar.
    fn decide(&mut self, secrets: &[&Secret]) {
        let Some(first) = secrets.first() else { return };
        let reading = match self.scalars.get(&first.within.start) {
            None if first.place == Place::Comment => Ok(Reader::Nobody),
            None => Err(Why::NoReader),
            Some(_) if self.wish.client == Client::Dotenv => Ok(Reader::EnvironmentFile),
            Some(scalar) => match scalar.server {
                Some(_) if scalar.is_command => Err(Why::Command),
                Some(server) => self.readings.get(&server).copied().unwrap_or(Err(Why::NoReader)),
                None if self.wish.client == Client::Opencode => Ok(Reader::Client),
                None => Err(Why::NoReader),
            },
        };
        let reader = match reading {
            Ok(reader) => reader,
            Err(why) => return secrets.iter().for_each(|secret| self.leave(secret, why)),
        };
        let parts: Vec<Span> = secrets.iter().map_while(|secret| self.exact(secret)).collect();
        if parts.len() == secrets.len()
            && let Some(writing) = self.writing(reader, first, &parts)
        {
            for (secret, span) in secrets.iter().zip(parts) {
                self.replace(secret, reader, span, writing);
            }
        } else if let Some(scalar) = self.scalars.get(&first.within.start) {
            let span = scalar.span.clone();
            self.replace(first, reader, span, Writing::Whole);
        } else {
            for secret in secrets {
                self.leave(secret, Why::NoReader);
            }
        }
    }

    /// The bytes of a secret, if the file has them as they are and something else takes care of the quotes.
    fn exact(&self, secret: &Secret) -> Option<Span> {
        let raw = self.wish.text.get(secret.within.clone())?;
        let part = self.wish.text.get(secret.span.clone())?;
        let quoted = self.format != Format::Yaml || raw.starts_with(['"', '\'']) || secret.place == Place::Comment;
        let is_bare = secret.span != secret.within || matches!(self.format, Format::Dotenv) || secret.place == Place::Comment;
        (quoted && is_bare && !part.contains(['\\', '"', '\'', '\n'])).then(|| secret.span.clone())
    }

    /// How the parts of a scalar are written anew; `None`: only the whole of it can be.
    fn writing(&self, reader: Reader, first: &Secret, parts: &[Span]) -> Option<Writing> {
        let whole = self.scalars.get(&first.within.start).map(|scalar| scalar.text);
        let is_alone = parts.iter().all(|part| self.wish.text.get(part.clone()) == whole);
        let around = || {
            let raw = self.wish.text.get(first.within.clone()).unwrap_or_default();
            let mut rest = Zeroizing::new(raw.to_owned());
            parts.iter().filter_map(|part| self.wish.text.get(part.clone())).for_each(|part| rest = Zeroizing::new(rest.replace(part, "")));
            rest
        };
        match reader {
            Reader::Bridge | Reader::Client | Reader::Nobody => Some(Writing::Bare),
            _ if is_alone => Some(Writing::Bare),
            Reader::Door | Reader::EnvironmentFile => (!around().contains('$')).then_some(Writing::Inside),
            Reader::Launcher => (!self.wish.client.reads_braces() && !around().contains("${")).then_some(Writing::Inside),
        }
    }

    fn replace(&mut self, secret: &Secret, reader: Reader, span: Span, writing: Writing) {
        let scalar = self.scalars.get(&secret.within.start);
        let raw = self.wish.text.get(span.clone()).unwrap_or_default();
        let value = match (writing, scalar) {
            (Writing::Whole, Some(scalar)) => scalar.text,
            _ => raw,
        };
        let server = scalar.and_then(|scalar| scalar.server_name).filter(|name| !name.is_empty()).map(str::to_owned);
        let name = name(secret);
        let variable = (reader == Reader::Client).then(|| variable(server.as_deref(), secret, &name));
        let as_written = (!splice::can_be_written_again(raw, value)).then(|| Zeroizing::new(raw.to_owned()));
        self.plan.moves.push(Move {
            server,
            name,
            variable,
            value: Zeroizing::new(value.to_owned()),
            as_written,
            masked: Masked::of(&secret.value, self.key),
            page: page(&secret.name, &secret.value, secret.host.as_deref()),
            reader,
            scalar: scalar.map(|scalar| scalar.span.clone()),
            span,
            writing,
        });
    }

    /// Around values with blanks in a file of variables: many readers take them as they are, the launcher wants to see where they end.
    fn quotes(&self) -> Vec<usize> {
        let bare = |scalar: &&Scalar<'_>| {
            let ahead = self.wish.text.get(..scalar.span.start).unwrap_or_default();
            scalar.text.contains(' ') && !scalar.text.contains(['"', '\'', '\\', '$', '#']) && !ahead.ends_with(['"', '\''])
        };
        let dotenv = self.scalars.values().filter(|_| self.format == Format::Dotenv);
        dotenv.filter(bare).flat_map(|scalar| [scalar.span.start, scalar.span.end]).collect()
    }

    fn leave(&mut self, secret: &Secret, why: Why) {
        self.plan.left.push(Left { span: secret.span.clone(), masked: Masked::of(&secret.value, self.key), why });
    }
}

/// What a secret is called: as the file calls it, and the password in an address by what holds the address.
fn name(secret: &Secret) -> String {
    let (own, holder) = (secret.name.trim_start_matches('-'), secret.setting.trim_start_matches('-'));
    let name = match (secret.exposure, secret.place) {
        (Exposure::Address, Place::Environment) if !holder.is_empty() && holder != own => format!("{holder}_{}", own.to_uppercase()),
        (_, Place::Header) if !holder.is_empty() => holder.to_owned(),
        _ => own.to_owned(),
    };
    if name.is_empty() { "secret".to_owned() } else { name }
}

/// A name that a variable can have: the one that the program reads, where there is one.
fn variable(server: Option<&str>, secret: &Secret, name: &str) -> String {
    let whole = match server {
        Some(server) if secret.place != Place::Environment => format!("{server}_{name}"),
        _ => name.to_owned(),
    };
    let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
    let whole: String = whole.chars().map(plain).collect();
    let whole = if secret.place == Place::Environment { whole } else { whole.to_uppercase() };
    let whole = whole.trim_matches('_');
    if whole.starts_with(|first: char| first.is_ascii_digit()) || whole.is_empty() { format!("MCP_{whole}") } else { whole.to_owned() }
}

#[cfg(test)]
mod tests;
