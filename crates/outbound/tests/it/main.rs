//! The client, the pool, discovery and key fetching against real servers on loopback.

#[cfg(test)]
mod client;
#[cfg(test)]
mod discovery;
#[cfg(test)]
mod jwks;
#[cfg(test)]
mod pool;
#[cfg(test)]
mod server;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod token_endpoint;
