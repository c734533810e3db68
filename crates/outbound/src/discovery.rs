//! Where are this authorization server's endpoints and keys? Asks the well-known places in the order of the MCP specification.

use std::time::Duration;

use oauth::issuer::Issuer;
use oauth::server_metadata::ServerMetadata;

use crate::client::{Client, Limits};
use crate::failure::Failure;

/// Finds the metadata of `issuer`: RFC 8414 first, then OpenID Connect Discovery. A document that names any other issuer, by a slash even, is
/// not used (RFC 8414 §3.3). Each place may take ten seconds and 256 KiB; the next is not asked once the server itself cannot be reached.
pub async fn discover(client: &Client, issuer: &Issuer) -> Result<ServerMetadata, Failure> {
    let mut attempts = Vec::new();
    for url in issuer.metadata_urls() {
        match fetch(client, &url, issuer).await {
            Ok(metadata) => return Ok(metadata),
            Err(failure) => {
                let pointless = failure.concerns_whole_server();
                attempts.push(failure);
                if pointless {
                    break;
                }
            }
        }
    }
    Err(Failure::Undiscovered { issuer: issuer.as_str().to_owned(), attempts })
}

async fn fetch(client: &Client, url: &str, issuer: &Issuer) -> Result<ServerMetadata, Failure> {
    let fetched = client.get(url, "application/json", LIMITS).await?.success()?;
    let url = fetched.url;
    let metadata = ServerMetadata::from_json(&fetched.body).map_err(|source| Failure::NotJson { url: url.clone(), source })?;
    metadata.check_issuer(issuer).map_err(|source| Failure::WrongIssuer { url, source })?;
    Ok(metadata)
}

const LIMITS: Limits = Limits { body_bytes: 256 * 1024, timeout: Duration::from_secs(10) };
