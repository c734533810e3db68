//! The authorization server as browsers and clients meet it, in one process: whole requests in, whole answers out, and a clock that the tests set.

mod authorize;
mod browsers;
mod clients;
mod codes;
mod descent;
mod desk;
mod refreshes;
mod sign_in;
