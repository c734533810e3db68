//! How does a person give the door leave to use their own account at a server? On pages of the door's, in their browser.
//!
//! A caller without that leave is given a link ([`ask`]). Whoever opens it shows who they are by signing in with the issuer of their own tokens, and has to be the
//! person that the link was made for: else one could have another's account connected as one's own (MCP security, URL elicitation). Then the authorization code
//! flow runs ([`broker::code_flow`]), and what it gives is kept for that person alone ([`broker::connection`]).

pub(crate) mod ask;
mod browser;
mod errand;
mod pages;
mod sign_in;
mod ticket;
mod views;

use std::sync::Arc;

use broker::connection::Person;
use store::Store;
use store::seal::{CannotSeal, InstanceKey};

use self::ask::Invitation;
use self::browser::Browsers;
use self::errand::Errands;
pub(crate) use self::pages::answer;
pub use self::sign_in::{Incomplete, NotSignedIn, SignIn, SignedIn};
use self::ticket::Tickets;
use crate::layers::rate_limit::AddressQuotas;
use crate::principal::Principal;
use crate::table::{Server, Table};

/// What the pages need that lives as long as the door.
pub(crate) struct Connect {
    browsers: Browsers,
    errands: Errands,
    tickets: Tickets,
    pages: AddressQuotas,
    answers: AddressQuotas,
}

impl Connect {
    pub(crate) fn new(key: &InstanceKey, store: Arc<dyn Store>) -> Result<Self, CannotSeal> {
        Ok(Self {
            browsers: Browsers::new(key)?,
            errands: Errands::new(key, store)?,
            tickets: Tickets::new(key)?,
            pages: AddressQuotas::new(),
            answers: AddressQuotas::new(),
        })
    }

    /// What a caller is told who has not connected. `now` is Unix time in seconds. Without a ticket the link still works, for whoever is signed in.
    pub(crate) fn invitation(&self, table: &Table, server: &Server, principal: &Principal, now: u64) -> Invitation {
        let page = format!("{}{PATH}/to/{}", table.public_url, server.name);
        let url = match self.tickets.issue(server.name.as_str(), &person(principal), now) {
            Ok(ticket) => format!("{page}?for={ticket}"),
            Err(_) => page,
        };
        Invitation { server: table.title(server), url }
    }
}

/// Whose grants a caller uses: everything that speaks for one person shares them.
pub(crate) fn person(principal: &Principal) -> Person {
    Person { issuer: principal.issuer.clone(), subject: principal.subject.clone() }
}

/// Where the pages are.
pub(crate) const PATH: &str = "/connections";
