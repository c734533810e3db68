//! Is a token refused for each misdeed, and only for a misdeed? One module for each kind.

extern crate claviger_token as token;

#[cfg(test)]
mod claims;
#[cfg(test)]
mod client_assertion;
#[cfg(test)]
mod dpop;
#[cfg(test)]
mod header;
#[cfg(test)]
mod id_jag;
#[cfg(test)]
mod id_token;
#[cfg(test)]
mod introspection;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod mutation;
#[cfg(test)]
mod shared_secret;
#[cfg(test)]
mod support;
#[cfg(test)]
mod times;
