//! How does a browser show who sits at it? By signing in with the issuer of the person's own tokens; on a person's own machine, by the link that their client shows.

use std::collections::BTreeMap;

use gateway::config::{Server, ServerName, Upstream, UpstreamCredential};

use super::accept::{Accept, Entry};
use super::judge::Judge;
use super::tree::Path;

/// Whether whoever opens a link is taken for the person that it was made for: where nobody else can open one, and nobody is to sign in. Else a server to which people
/// connect with accounts of their own, and which nobody could sign in for, is a fault.
pub(super) fn trusts_links(servers: &BTreeMap<ServerName, Server>, accept: &Accept, is_own_machine: bool, judge: &mut Judge<'_>) -> bool {
    let entries = match accept {
        Accept::Entries(entries) => entries.as_slice(),
        Accept::Bypass | Accept::Minted => &[],
    };
    if is_own_machine && !entries.iter().any(|entry| matches!(entry, Entry::Issuer { sign_in: Some(_), .. })) {
        return true;
    }
    for (name, _) in servers.iter().filter(|(_, server)| is_personal(server)) {
        let signs_in_for = |entry: &Entry| match entry {
            Entry::Issuer { servers, sign_in: Some(_), .. } => servers.as_ref().is_none_or(|servers| servers.contains(name)),
            Entry::Issuer { .. } | Entry::SharedSecret { .. } => false,
        };
        if !entries.iter().any(signs_in_for) {
            let path = Path::default().key("servers").key(name.as_str()).key("credential").key("personal");
            let hint = "write `sign_in = { client_id = \"...\", client_secret = \"...\" }` at an `[[accept]]` with an `issuer` that is good for this server";
            judge.blame_with_hint(&path, "nobody could connect: nothing says how a browser shows who sits at it", hint);
        }
    }
    false
}

fn is_personal(server: &Server) -> bool {
    matches!(&server.upstream, Upstream::Http { credential: UpstreamCredential::Personal(_), .. })
}
