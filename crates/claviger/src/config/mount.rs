//! Where do servers answer that have no path of their own? There is one public URL, so there is room for one server at it.

use super::file;
use super::judge::Judge;
use super::tree::Path;

/// Blames every server at the public URL but the first.
pub(super) fn one_at_the_root(servers: &std::collections::BTreeMap<String, file::Server>, judge: &mut Judge<'_>) {
    let mut mounted = servers.iter().filter(|(_, server)| server.mount == Some(file::Mount::Root)).map(|(name, _)| name);
    let Some(first) = mounted.next() else { return };
    for name in mounted {
        let path = Path::default().key("servers").key(name).key("mount");
        let what = format!("the server `{first}` is at the public URL already, and there is room for one");
        judge.blame_with_hint(&path, what, format!("remove it: this server is then at `/mcp/{name}`"));
    }
}
