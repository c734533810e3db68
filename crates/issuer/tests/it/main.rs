//! The authorization server as browsers and clients meet it, in one process: whole requests in, whole answers out, and a clock that the tests set.

#[cfg(test)]
mod authorize;
#[cfg(test)]
mod browsers;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod codes;
#[cfg(test)]
mod descent;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod refreshes;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod stolen;
