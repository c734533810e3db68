//! What does a test of real peers stand on? Programs that are started and ended, a door, clients, an issuer, bare HTTP.

pub(crate) mod chromium;
mod clients;
mod cloud;
mod door;
pub(crate) mod gallery;
mod glewlwyd;
mod http;
mod issuer;
mod keeper;
mod peers;
mod person;
mod process;
mod secrets;
mod vault;
mod visitor;

pub(crate) use clients::{Client, SignedIn};
pub(crate) use cloud::Cloud;
pub(crate) use door::{Door, Setup};
pub(crate) use glewlwyd::Glewlwyd;
pub(crate) use http::{LegacySession, get, post_form, post_json, post_message};
pub(crate) use issuer::Issuer;
pub(crate) use keeper::{Keepers, fingerprint};
pub(crate) use peers::{cloud_python, everything, git, loopback_server, node, peer, python, repository};
pub(crate) use person::{Person, everything_that_writers_promise};
pub(crate) use process::{Running, alive, eventually, to_end};
pub(crate) use vault::{RustyVault, ask_vault, pretended_vault};
pub(crate) use visitor::{Page, Visitor};
