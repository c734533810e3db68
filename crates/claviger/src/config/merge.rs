//! Which servers are one at `/mcp`, and can they be?

use std::collections::BTreeMap;

use gateway::config::{Merge, Server, ServerName};

use super::accept::Accept;
use super::fault::closest;
use super::file;
use super::judge::Judge;
use super::tree::Path;

/// What `[merge]` stands beside.
pub(super) struct Beside<'b> {
    pub(super) servers: &'b BTreeMap<ServerName, Server>,
    pub(super) accept: &'b Accept,
    /// Whether the door has an authorization server of its own.
    pub(super) has_issuer: bool,
}

/// The merged endpoint, if the file or the flag asks for one. What is wrong is blamed.
pub(super) fn read(written: Option<&file::Merge>, flag: bool, beside: &Beside<'_>, judge: &mut Judge<'_>) -> Option<Merge> {
    if written.is_none() && !flag {
        return None;
    }
    let written = written.cloned().unwrap_or_default();
    let path = Path::default().key("merge");
    let servers = match &written.servers {
        None => beside.servers.keys().cloned().collect(),
        Some(names) => members(names, &path.key("servers"), beside, judge),
    };
    for name in servers.iter().filter(|name| !Merge::can_hold(name)) {
        let path = Path::default().key("servers").key(name.as_str());
        let what = "a server that is part of `/mcp` has no `__` in its name and no `_` at its end: there the names of tools are `<server>__<tool>`";
        judge.blame_key(&path, what);
    }
    if !servers.is_empty() && !beside.accept.opens_all(&servers, beside.has_issuer) {
        let hint = "add an `[[accept]]` with an `issuer` that is good for all of them, or an `[issuer]` of the door's own";
        judge.blame_with_hint(&path, "nobody could come in: no issuer's tokens are good for all servers of `/mcp`", hint);
    }
    Some(Merge { servers, title: written.title })
}

fn members(names: &[String], path: &Path, beside: &Beside<'_>, judge: &mut Judge<'_>) -> Vec<ServerName> {
    if names.is_empty() {
        judge.blame(path, "the list is empty");
    }
    let mut members: Vec<ServerName> = Vec::new();
    for (index, text) in names.iter().enumerate() {
        let at = path.index(index);
        match beside.servers.keys().find(|name| name.as_str() == text) {
            Some(name) if members.contains(name) => judge.blame(&at, format!("`{text}` stands here already")),
            Some(name) => members.push(name.clone()),
            None => match closest(text, beside.servers.keys().map(ServerName::as_str)) {
                Some(meant) => judge.blame_with_hint(&at, format!("there is no server `{text}`"), format!("did you mean `{meant}`?")),
                None => judge.blame(&at, format!("there is no server `{text}`")),
            },
        }
    }
    members.sort();
    members
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Folder;

    const ISSUER: &str = "[[accept]]\nissuer = \"https://idp.example.com\"\n";
    const TWO: &str = "[servers.b]\nurl = \"http://127.0.0.1:1/mcp\"\n[servers.a]\nurl = \"http://127.0.0.1:2/mcp\"\n";

    fn folder(rest: &str) -> Folder {
        Folder::with(&[("claviger.toml", &format!("{ISSUER}{TWO}{rest}"))])
    }

    fn members(draft: &super::super::draft::Draft) -> Option<Vec<&str>> {
        draft.merge.as_ref().map(|merge| merge.servers.iter().map(super::ServerName::as_str).collect())
    }

    #[test]
    fn all_servers_are_one_if_the_file_or_the_flag_says_so_and_else_none() {
        assert_eq!(members(&folder("").draft(&[]).unwrap()), None);
        assert_eq!(members(&folder("").draft(&["--merge"]).unwrap()), Some(vec!["a", "b"]));
        assert_eq!(members(&folder("[merge]\n").draft(&[]).unwrap()), Some(vec!["a", "b"]));
        let some = folder("[merge]\nservers = [\"b\"]\ntitle = \"One\"\n").draft(&[]).unwrap();
        assert_eq!((members(&some), some.merge.as_ref().unwrap().title.as_deref()), (Some(vec!["b"]), Some("One")));
    }

    #[test]
    fn what_cannot_be_one_is_blamed_at_its_place() {
        for (rest, expected) in [
            ("[merge]\nservers = []\n", "claviger.toml:8:11: error: `merge.servers`: the list is empty"),
            ("[merge]\nservers = [\"c\"]\n", "claviger.toml:8:12: error: `merge.servers[0]`: there is no server `c`"),
            ("[merge]\nservers = [\"a\", \"a\"]\n", "claviger.toml:8:17: error: `merge.servers[1]`: `a` stands here already"),
            (
                "[merge]\n[servers.x__y]\nurl = \"http://127.0.0.1:3/mcp\"\n",
                "claviger.toml:8:10: error: `servers.x__y`: a server that is part",
            ),
            ("[merge]\n[servers.x_]\nurl = \"http://127.0.0.1:3/mcp\"\n", "claviger.toml:8:10: error: `servers.x_`: a server that is part"),
        ] {
            let errors = folder(rest).errors(&[]);
            assert!(errors.len() == 2 && errors[0].starts_with(expected), "{rest}: {errors:?}");
        }
    }

    #[test]
    fn an_endpoint_that_nobody_could_enter_is_a_fault() {
        let only_one = "[[accept]]\nissuer = \"https://idp.example.com\"\nservers = [\"a\"]\n[[accept]]\nissuer = \"https://b.example\"\nservers = [\"b\"]\n";
        let both = format!("{only_one}{TWO}[merge]\n");
        let errors = Folder::with(&[("claviger.toml", &both)]).errors(&[]);
        assert!(errors.len() == 2 && errors[0].contains("`merge`: nobody could come in"), "{errors:?}");
        let with_issuer = format!("{both}[issuer]\n");
        assert!(Folder::with(&[("claviger.toml", &with_issuer)]).draft(&[]).is_ok());
        let only_a = both.replace("[merge]\n", "[merge]\nservers = [\"a\"]\n");
        assert!(Folder::with(&[("claviger.toml", &only_a)]).draft(&[]).is_ok());
    }

    #[test]
    fn there_is_room_for_one_server_at_the_public_url() {
        let one = Folder::with(&[("claviger.toml", &format!("{ISSUER}{TWO}mount = \"/\"\n"))]);
        assert!(one.draft(&[]).is_ok());
        let two = format!("{ISSUER}{}", TWO.replace("/mcp\"\n", "/mcp\"\nmount = \"/\"\n"));
        let errors = Folder::with(&[("claviger.toml", &two)]).errors(&[]);
        let expected = "claviger.toml:5:9: error: `servers.b.mount`: the server `a` is at the public URL already";
        assert!(errors.len() == 2 && errors[0].starts_with(expected), "{errors:?}");
        let elsewhere = Folder::with(&[("claviger.toml", &format!("{ISSUER}{TWO}mount = \"/a\"\n"))]).errors(&[]);
        assert!(elsewhere[0].contains("`servers.a.mount`: must be one of `/`"), "{elsewhere:?}");
    }
}
