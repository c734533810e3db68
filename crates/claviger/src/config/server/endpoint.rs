//! Is this a URL that the door may call? Path and query may hold references; who is called, and so gets the credentials of a server, is written out.

use broker::reference::Template;
use gateway::config::is_loopback;
use url::{Host, Url};

use super::Builder;

impl Builder<'_> {
    /// A URL, and its path and query apart where they hold references. Whoever gets the credentials of a server is written out.
    pub(super) fn endpoint(&mut self, text: &str) -> Option<(Url, Option<Template>)> {
        if !text.contains("${") {
            return Some((self.url(text)?, None));
        }
        let path = self.at("url");
        let authority = text.find("://").map(|scheme| scheme + "://".len());
        let rest = authority.and_then(|start| Some(start + text.get(start..)?.find(['/', '?'])?));
        let Some((before, rest)) = rest.and_then(|rest| text.split_at_checked(rest)).filter(|(before, _)| !before.contains("${")) else {
            self.judge.blame_with_hint(
                &path,
                "in a URL, references stand in the path or the query",
                "write scheme, host and port out: they say who is shown the credentials",
            );
            return None;
        };
        let template = self.template(&path, "url", rest, rest)?;
        let whole = format!("{before}{}", template.with_stand_in("x"));
        let url = self.url(&whole)?;
        if url.as_str() != whole {
            self.judge.blame_with_hint(
                &path,
                "beside the references, this is not written as it would be sent",
                "begin the path with `/`, percent-encode what is special, and leave out `.`, `..` and `#`",
            );
            return None;
        }
        Some((url, Some(template)))
    }

    fn url(&mut self, text: &str) -> Option<Url> {
        let path = self.at("url");
        let url = self.judge.accept(&path, Url::parse(text))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            self.judge.blame(&path, "an http or https URL is expected");
            return None;
        }
        if !url.username().is_empty() || url.password().is_some() {
            self.judge.blame_secret(
                &path,
                "a URL holds no user name and no password",
                "write them as a header: `headers = { Authorization = \"Basic ${NAME}\" }`",
            );
            return None;
        }
        if let Some((name, _)) = url.query_pairs().find(|(name, value)| broker::literal::looks_like_secret(name, value).is_some()) {
            let mend = || "send it as a header with a reference, where the server allows".to_owned();
            if !self.tolerate(&path, &format!("`{name}` looks like a literal secret"), mend) {
                return None;
            }
        }
        if url.scheme() == "http" && !is_local(&url) {
            self.judge.blame_with_hint(&path, "plain http is for servers on this machine", "write `https://`");
            return None;
        }
        Some(url)
    }
}

/// Whether a URL leads to this machine: a loopback address, or `localhost`.
pub(crate) fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.trim_end_matches('.') == "localhost" || name.trim_end_matches('.').ends_with(".localhost"),
        Some(Host::Ipv4(address)) => is_loopback(address.into()),
        Some(Host::Ipv6(address)) => is_loopback(address.into()),
        None => false,
    }
}
