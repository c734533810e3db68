//! Who gives tokens for this MCP server? Its own metadata, where its challenge says, else at the well-known places (RFC 9728 §3, MCP 2026-07-28 authorization).

use std::time::Duration;

use oauth::protected_resource::ProtectedResourceMetadata;
use oauth::resource::{InvalidUri, Resource, WELL_KNOWN};
use thiserror::Error;
use url::Url;

use crate::client::{Client, Limits};
use crate::failure::{Failure, SafeUrl};

/// Finds the metadata of the MCP server at `server`. `named` is what its challenge calls `resource_metadata`; without it the path-inserted place is asked, and then the
/// root. Each place may take ten seconds and 256 KiB.
pub async fn find(client: &Client, server: &Url, named: Option<&str>) -> Result<ProtectedResourceMetadata, NotFound> {
    if let Some(named) = named {
        return fetch(client, named, server).await.map_err(|failure| NotFound::whole(failure, server));
    }
    let resource = Resource::parse(server.as_str())?;
    let inserted = resource.metadata_url();
    let root = format!("{}{WELL_KNOWN}", resource.origin());
    let mut attempts = Vec::new();
    let mut places = vec![inserted];
    if !places.contains(&root) {
        places.push(root);
    }
    for place in &places {
        match fetch(client, place, server).await {
            Ok(metadata) => return Ok(metadata),
            Err(One::Wrong(metadata)) => return Err(NotFound::whole(One::Wrong(metadata), server)),
            Err(One::Failed(failure)) => {
                let pointless = failure.concerns_whole_server();
                attempts.push(failure);
                if pointless {
                    break;
                }
            }
        }
    }
    Err(NotFound::Nowhere { attempts })
}

/// Why it is not known who gives tokens for a server.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotFound {
    /// The place that the server names gives none.
    #[error("the metadata that the server points to cannot be had")]
    Named(#[source] Failure),
    /// None of the places gives any: the server may need no token, or be of a time before RFC 9728.
    #[error("the server has no protected resource metadata:{}", crate::failure::Listed(attempts))]
    Nowhere {
        /// What each place answered, in the order asked.
        attempts: Vec<Failure>,
    },
    /// The metadata is of another server (RFC 9728 §3.3): a token for it would be asked for in that one's name.
    #[error("the metadata of `{server}` is about another resource, `{found}`")]
    OtherResource {
        /// The server.
        server: SafeUrl,
        /// What the metadata names.
        found: SafeUrl,
    },
    /// The URL cannot be the name of a resource.
    #[error(transparent)]
    Unnameable(#[from] InvalidUri),
}

enum One {
    Failed(Failure),
    Wrong(Resource),
}

impl NotFound {
    /// Whether the server answered everywhere that there is nothing.
    pub fn is_absence(&self) -> bool {
        let is_404 = |failure: &Failure| matches!(failure, Failure::Status { status, .. } if status.is_client_error());
        matches!(self, Self::Nowhere { attempts } if attempts.iter().all(is_404))
    }

    fn whole(one: One, server: &Url) -> Self {
        match one {
            One::Failed(failure) => Self::Named(failure),
            One::Wrong(found) => Self::OtherResource { server: SafeUrl::of_url(server), found: SafeUrl::of(found.as_str()) },
        }
    }
}

async fn fetch(client: &Client, place: &str, server: &Url) -> Result<ProtectedResourceMetadata, One> {
    let fetched = client.get(place, "application/json", LIMITS).await.and_then(crate::client::Fetched::success).map_err(One::Failed)?;
    let metadata =
        ProtectedResourceMetadata::from_json(&fetched.body).map_err(|source| One::Failed(Failure::NotJson { url: fetched.url, source }))?;
    if metadata.resource.covers(server) { Ok(metadata) } else { Err(One::Wrong(metadata.resource)) }
}

const LIMITS: Limits = Limits { body_bytes: 256 * 1024, timeout: Duration::from_secs(10) };
