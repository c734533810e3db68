//! What does a person read when the door opens? Where it is, how to come in, and what is protected and what is not.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use gateway::config::{Accept, Config, Merge, Server, ServerName, TokenSource, Upstream, UpstreamCredential};
use oauth::scope::ScopeSet;
use policy::{Demand, RuleSet};
use secrecy::SecretString;

use crate::accounts;
use crate::voice;

/// What there is to say.
pub(crate) struct Announcement<'a> {
    pub(crate) gateway: &'a Config,
    pub(crate) public_url: &'a str,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) state: &'a Path,
    pub(crate) record: &'a Path,
    /// Whether the instance key was made just now.
    pub(crate) key_was_made: bool,
    /// Whether the tokens of `claviger token mint` open the door.
    pub(crate) accepts_minted: bool,
    /// The account that was made just now.
    pub(crate) first_account: Option<&'a FirstAccount>,
    pub(crate) notices: &'a [String],
    /// The secrets that are written out and used all the same.
    pub(crate) exposed: &'a [String],
}

/// An account that was made by itself, with its password, which is told this once.
pub(crate) struct FirstAccount {
    pub(crate) name: String,
    pub(crate) password: SecretString,
}

/// Says it on stderr, so that stdout stays free for data.
pub(crate) fn announce(announcement: &Announcement<'_>) {
    voice::talk(&text(announcement));
}

fn text(announcement: &Announcement<'_>) -> String {
    let Announcement { gateway, public_url, admin, state, record, key_was_made, first_account, notices, exposed, .. } = announcement;
    let mut text = String::new();
    for (name, server) in &gateway.servers {
        line(&mut text, "door", &url_of(public_url, name, server));
    }
    if let Some(url) = gateway.merge.as_ref().and_then(|_| Merge::resource(public_url).ok()) {
        line(&mut text, "door", &format!("{url}, where they are one"));
    }
    if let Some(admin) = admin {
        line(&mut text, "metrics", &format!("http://{admin}/metrics"));
    }
    line(&mut text, "record", &record.display().to_string());
    if *key_was_made {
        line(&mut text, "key", &format!("made in {}; keep the folder private", state.display()));
    }
    if let Some(FirstAccount { name, password }) = first_account {
        line(
            &mut text,
            "account",
            &format!(
                "{name}, password {}; shown this once (another: claviger accounts reset {name} --state {})",
                accounts::shown(password),
                state.display()
            ),
        );
    }
    text.push('\n');
    protection(&mut text, gateway);
    for place in *exposed {
        let _ = writeln!(text, "NOT protected: {place}; it is used because of `--allow-literal-secrets`");
    }
    ways_in(&mut text, announcement);
    for notice in *notices {
        let _ = writeln!(text, "note: {notice}");
    }
    text
}

fn protection(text: &mut String, gateway: &Config) {
    match &gateway.accept {
        Accept::Bypass => {
            text.push_str("NOT protected: the development bypass lets everybody on this machine in, without a token\n");
        }
        Accept::Tokens(_) => text.push_str("protected: without a valid token every call is refused; every call is recorded\n"),
    }
    for (name, server) in &gateway.servers {
        if server.rules.hides_nothing() {
            let _ =
                writeln!(text, "not protected: with a token for `{name}` every tool of it may be used; `scopes` or `--scope` narrows that");
        } else {
            let rules: Vec<String> =
                server.rules.rows().map(|(pattern, demand)| format!("`{pattern}` needs {}", in_words(demand))).collect();
            let _ = writeln!(text, "`{name}`: {}", rules.join(", "));
        }
    }
    for (name, server) in &gateway.servers {
        if let Upstream::Http { credential: UpstreamCredential::PassThrough { audience }, .. } = &server.upstream {
            let _ = writeln!(
                text,
                "warning: `{name}` is given each caller's own token (`pass_through`), if it names `{audience}` too: whoever runs that server can act as the \
                 caller wherever the token is good; `exchange` avoids that"
            );
        }
    }
    if gateway.listen.tls.is_none() {
        text.push_str("not protected: plain http, so tokens are safe on this machine or behind a proxy that speaks https only\n");
    }
}

fn in_words(demand: &Demand) -> String {
    match demand {
        Demand::AnyCaller => "a valid token".to_owned(),
        Demand::Nobody => "what nobody has".to_owned(),
        Demand::Scopes(scopes) => format!("`{scopes}`"),
    }
}

/// What a client and a script have to be told.
fn ways_in(text: &mut String, announcement: &Announcement<'_>) {
    let Announcement { gateway, public_url, accepts_minted, state, .. } = announcement;
    let Some((name, server)) = gateway.servers.iter().next() else { return };
    let (signs_in, state) = (signs_people_in(gateway), state.display());
    if !signs_in && !accepts_minted {
        return;
    }
    let url = url_of(public_url, name, server);
    text.push('\n');
    if signs_in {
        let _ = writeln!(
            text,
            "in a client:   {{\"mcpServers\": {{\"{name}\": {{\"type\": \"http\", \"url\": \"{url}\"}}}}}}, and sign in by browser"
        );
    }
    if *accepts_minted {
        let scopes = all_scopes(&server.rules).to_string();
        let scope = if scopes.is_empty() { String::new() } else { format!(" --scope '{scopes}'") };
        let _ = writeln!(text, "get a token:   export CLAVIGER_TOKEN=$(claviger token mint --aud {name} --ttl 900{scope} --state {state})");
        let _ = writeln!(text, "try it:        claviger call {url} --list");
    }
    if *accepts_minted && !signs_in {
        let _ = writeln!(
            text,
            "in a client:   {{\"mcpServers\": {{\"{name}\": {{\"type\": \"http\", \"url\": \"{url}\", \"headers\": {{\"Authorization\": \"Bearer TOKEN\"}}}}}}}}"
        );
    }
}

/// Where callers find a server.
fn url_of(public_url: &str, name: &ServerName, server: &Server) -> String {
    // The door has been built with this very resource, so it can be made.
    server.mount.resource(public_url, name).map_or_else(|_| public_url.to_owned(), |resource| resource.to_string())
}

/// Whether the door's own authorization server gives tokens for it.
fn signs_people_in(gateway: &Config) -> bool {
    matches!(&gateway.accept, Accept::Tokens(sources) if sources.iter().any(|source| matches!(source, TokenSource::Own { .. })))
}

/// Everything that the rules ask for: what a first token should hold to see the whole server.
fn all_scopes(rules: &RuleSet) -> ScopeSet {
    rules.rows().fold(ScopeSet::default(), |all, (_, demand)| match demand {
        Demand::Scopes(scopes) => all.union(scopes),
        Demand::AnyCaller | Demand::Nobody => all,
    })
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name:<8}  {value}");
}
