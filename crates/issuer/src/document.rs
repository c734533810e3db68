//! Who is the client whose name is the address of its description? (draft-ietf-oauth-client-id-metadata-document)
//!
//! Anybody may name an address, and we go there: so the guard looks at every one, each stranger and each host has a measure, and what was found is kept.

use std::net::IpAddr;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use oauth::client_metadata_document::{ClientIdUrl, ClientMetadataDocument, MAX_BYTES};
use oauth::redirect::RedirectUri;
use oauth::registration::{DEVICE_CODE, REFRESH_TOKEN};
use outbound::client::{Client as Caller, Fetched as Answer, Limits};
use outbound::guard::Guard;
use store::Store;
use url::Url;

use crate::client::{Client, Origin};
use crate::config::{ClientProof, Documents as Trusted, Exchange};
use crate::fetched::{Demand, Fetched, Fresh, Unfetched};
use crate::throttle::{FETCHES_BY_ADDRESS, FETCHES_FROM_HOST, network_of};

/// The descriptions that were fetched lately.
pub(crate) struct Documents {
    caller: Caller,
    kept: Fetched<ClientMetadataDocument>,
}

/// On whose behalf something is fetched, and with what measure.
#[derive(Clone, Copy)]
pub(crate) struct Errand<'e> {
    pub(crate) guard: &'e Guard,
    pub(crate) store: &'e dyn Store,
    pub(crate) from: IpAddr,
    /// Unix seconds.
    pub(crate) now: u64,
}

impl Documents {
    pub(crate) fn new(caller: Caller) -> Self {
        Self { caller, kept: Fetched::new(MOST) }
    }

    /// The client of this name. `None`: the name is no address, or not one that the operator trusts.
    pub(crate) async fn find(&self, id: &str, trusted: &Trusted, errand: Errand<'_>) -> Result<Option<Client>, Unfetched> {
        let Ok(id) = ClientIdUrl::parse(id) else { return Ok(None) };
        let Some(host) = host(&id).filter(|host| trusted.trust(host)) else { return Ok(None) };
        let document = self.kept.get(id.as_str(), errand.now, Demand::Fresh, || self.fetch(&id, &host, errand)).await?;
        client(&document).map(Some)
    }

    async fn fetch(&self, id: &ClientIdUrl, host: &str, errand: Errand<'_>) -> Result<Fresh<ClientMetadataDocument>, Unfetched> {
        let answer = errand.get(&self.caller, id.as_str(), host, "application/json", LIMITS).await?;
        if !is_json(&answer) {
            return Err(Unfetched::Unusable("it is not `application/json`"));
        }
        let value = ClientMetadataDocument::read(&answer.body, id)?;
        // What cannot be used is refused here, so that it is not kept.
        client(&value)?;
        Ok(Fresh { max_age: answer.max_age(), value })
    }
}

impl Errand<'_> {
    /// Fetches what somebody else has named, unless too much has been asked.
    pub(crate) async fn get(
        self,
        caller: &Caller,
        url: &str,
        host: &str,
        accept: &'static str,
        limits: Limits,
    ) -> Result<Answer, Unfetched> {
        for (throttle, whom) in [(&FETCHES_BY_ADDRESS, network_of(self.from)), (&FETCHES_FROM_HOST, host.to_owned())] {
            let is_within = throttle.count(self.store, &whom).await.map_err(|failure| {
                tracing::error!(target: "issuer", error = &failure as &dyn std::error::Error, "nothing can be counted, so nothing is fetched");
                Unfetched::Away
            })?;
            if !is_within {
                return Err(Unfetched::TooOften);
            }
        }
        let answer = caller.with_guard(self.guard.clone()).get(url, accept, limits).await.and_then(Answer::success);
        answer.map_err(|failure| {
            tracing::warn!(target: "issuer", error = &failure as &dyn std::error::Error, "what a client names could not be fetched");
            if failure.is_transient() { Unfetched::Away } else { Unfetched::Absent }
        })
    }
}

/// The client that a document describes.
fn client(document: &ClientMetadataDocument) -> Result<Client, Unfetched> {
    use oauth::client_metadata_document::ClientProof as Said;
    let redirect_uris: Vec<RedirectUri> = document.redirect_uris.iter().filter_map(|uri| RedirectUri::parse(uri).ok()).collect();
    if redirect_uris.is_empty() {
        return Err(Unfetched::Unusable("none of its `redirect_uris` can be used"));
    }
    let speaks_of = |name: &str| document.grant_types.iter().any(|grant| grant == name);
    Ok(Client {
        id: document.client_id.as_str().to_owned(),
        name: document.client_name.clone(),
        redirect_uris,
        proof: match &document.proof {
            Said::Keys(keys) => ClientProof::Keys(keys.clone()),
            Said::KeysAt(address) => ClientProof::KeysAt(address.clone()),
            Said::None => ClientProof::None,
        },
        origin: Origin::Document { host: document.client_id.host().to_ascii_lowercase() },
        refreshes: speaks_of(REFRESH_TOKEN),
        uses_devices: speaks_of(DEVICE_CODE),
        own_scopes: None,
        wants_bound_tokens: document.wants_bound_tokens,
        exchange: Exchange::default(),
    })
}

/// The host that will be called, in lower case; `None`: the name spells it in another way than it is called, and people would see the spelling.
fn host(id: &ClientIdUrl) -> Option<String> {
    let url = Url::parse(id.as_str()).ok()?;
    let host = url.host_str()?;
    let called = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    (called == id.host().to_ascii_lowercase()).then(|| host.to_owned())
}

fn is_json(answer: &Answer) -> bool {
    let mut kinds = answer.headers.get_all(CONTENT_TYPE).iter();
    // Of two, each reader takes another.
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return false };
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

const LIMITS: Limits = Limits { body_bytes: MAX_BYTES, timeout: Duration::from_secs(5) };
/// Documents that are kept at once.
const MOST: usize = 1024;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use outbound::dial::{Resolve, ResolveFuture};
    use outbound::tls::Roots;
    use store::memory::{Limits as Room, Memory};

    use super::*;

    /// A name server that leads every name to the same addresses, and counts.
    struct Leads {
        to: Vec<IpAddr>,
        lookups: AtomicUsize,
    }

    impl Resolve for Leads {
        fn resolve<'a>(&'a self, _: &'a str) -> ResolveFuture<'a> {
            self.lookups.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok(self.to.clone()) })
        }
    }

    fn leading_to(addresses: &[&str]) -> (Arc<Leads>, Documents) {
        let leads = Arc::new(Leads { to: addresses.iter().map(|text| text.parse().unwrap()).collect(), lookups: AtomicUsize::new(0) });
        let caller = Caller::new(Guard::default(), &Roots::default()).unwrap().with_resolver(Arc::clone(&leads) as Arc<dyn Resolve>);
        (leads, Documents::new(caller))
    }

    async fn find(documents: &Documents, id: &str, trusted: &Trusted, now: u64) -> Result<Option<Client>, Unfetched> {
        let store = Memory::new(Arc::new(|| 0), Room::default());
        let guard = Guard::default();
        let errand = Errand { guard: &guard, store: &store, from: Ipv4Addr::LOCALHOST.into(), now };
        documents.find(id, trusted, errand).await
    }

    #[tokio::test]
    async fn a_name_that_leads_inward_is_not_called_and_not_looked_up_again_at_once() {
        // One honest answer beside it makes it no better, and whatever the name says later is checked anew.
        for inner in ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1"] {
            let (leads, documents) = leading_to(&["8.8.8.8", inner]);
            for (now, lookups) in [(0, 1), (1, 1), (29, 1), (30, 2)] {
                let found = find(&documents, "https://app.example/client.json", &Trusted::Any, now).await;
                assert_eq!(found.err(), Some(Unfetched::Absent), "{inner}");
                assert_eq!(leads.lookups.load(Ordering::SeqCst), lookups, "{inner} at {now}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_trusted_address_is_looked_up_nowhere() {
        let (leads, documents) = leading_to(&["8.8.8.8"]);
        let some = Trusted::Of(vec![crate::config::HostPattern::parse("claude.ai").unwrap()]);
        for (id, trusted) in [
            ("https://app.example/client.json", &Trusted::Off),
            ("https://app.example/client.json", &some),
            ("https://claude.ai.evil.example/client.json", &some),
            // Another spelling than the one that is called.
            ("https://%63laude.ai/client.json", &Trusted::Any),
            ("https://claude.ai:443/client.json", &Trusted::Any),
            ("https://2130706433/client.json", &Trusted::Any),
            ("http://app.example/client.json", &Trusted::Any),
            ("https://app.example", &Trusted::Any),
            ("client_0123456789", &Trusted::Any),
        ] {
            assert!(matches!(find(&documents, id, trusted, 0).await, Ok(None)), "{id}");
        }
        assert_eq!(leads.lookups.load(Ordering::SeqCst), 0);
    }
}
