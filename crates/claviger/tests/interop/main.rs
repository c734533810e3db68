//! Does the door get on with programs that other people wrote? Real servers behind it, real clients before it, and a real
//! identity provider, all on loopback.
//!
//! `make interop` runs this; `tools/setup-tests.sh` installs the peers. Without them every test here fails and says so.

#[cfg(test)]
mod aws;
#[cfg(test)]
mod azure;
#[cfg(test)]
mod bound;
#[cfg(test)]
mod built_in;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod children;
#[cfg(test)]
mod client_headers;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod everything;
#[cfg(test)]
mod federation;
#[cfg(test)]
mod filesystem;
#[cfg(test)]
mod gcp;
#[cfg(test)]
mod git;
#[cfg(test)]
mod inspector;
#[cfg(test)]
mod introspection;
#[cfg(test)]
mod keychain;
#[cfg(test)]
mod lending;
#[cfg(test)]
mod machines;
#[cfg(test)]
mod pairs;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod python_server;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod step_up;
#[cfg(test)]
mod support;
#[cfg(test)]
mod upstream_oauth;
#[cfg(test)]
mod vault;
