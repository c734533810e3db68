//! The resource-server suite: the real binary as a process, before our own fixture, asked over raw HTTP.
//!
//! The modules follow the URL space and the questions that one asks of a door; `support` is the door in three words.

#[cfg(test)]
mod authorization_server;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod batch;
#[cfg(test)]
mod bypass;
#[cfg(test)]
mod children;
#[cfg(test)]
mod client_headers;
#[cfg(test)]
mod client_side;
#[cfg(test)]
mod configuration;
#[cfg(test)]
mod cross_era;
#[cfg(test)]
mod dpop;
#[cfg(test)]
mod era;
#[cfg(test)]
mod guide;
#[cfg(test)]
mod health;
#[cfg(test)]
mod host_and_origin;
#[cfg(test)]
mod introspection;
#[cfg(test)]
mod issuers;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod mcp;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod merged;
#[cfg(test)]
mod mount;
#[cfg(test)]
mod old_transport;
#[cfg(test)]
mod record;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod scopes;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod several_issuers;
#[cfg(test)]
mod shared_secrets;
#[cfg(test)]
mod shutdown;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod upstream;
#[cfg(test)]
mod upstream_oauth;
#[cfg(test)]
mod well_known;
