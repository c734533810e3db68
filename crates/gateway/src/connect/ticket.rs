//! For whom is a link? It says so under seal, so that whoever sees it learns nothing, and whoever opens it is compared with who was meant.

use std::time::Duration;

use broker::connection::Person;
use serde::{Deserialize, Serialize};
use store::seal::{CannotSeal, InstanceKey, Sealer};

/// Makes and reads tickets.
pub(crate) struct Tickets {
    sealer: Sealer,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    issuer: String,
    subject: String,
    /// Unix seconds.
    until: u64,
}

impl Tickets {
    pub(crate) fn new(key: &InstanceKey) -> Result<Self, CannotSeal> {
        Ok(Self { sealer: Sealer::new(key, "connect-ticket")? })
    }

    /// A ticket for this person to this server's page.
    pub(crate) fn issue(&self, server: &str, person: &Person, now: u64) -> Result<String, CannotSeal> {
        let wire = Wire { issuer: person.issuer.to_string(), subject: person.subject.to_string(), until: now + GOOD_FOR.as_secs() };
        let plain = serde_json::to_vec(&wire).map_err(|_| CannotSeal)?;
        self.sealer.seal(&plain, server.as_bytes())
    }

    /// For whom it is; `None`: it was not made here, is for another server, or has ended.
    pub(crate) fn read(&self, server: &str, ticket: &str, now: u64) -> Option<Person> {
        let plain = self.sealer.open(ticket, server.as_bytes()).ok()?;
        let wire: Wire = serde_json::from_slice(&plain).ok()?;
        (now < wire.until).then(|| Person { issuer: wire.issuer.into(), subject: wire.subject.into() })
    }
}

const GOOD_FOR: Duration = Duration::from_secs(900);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_for_one_person_one_server_and_a_quarter_of_an_hour() {
        let tickets = Tickets::new(&InstanceKey::from_bytes(&[7; 32])).unwrap();
        let ada = Person { issuer: "https://idp".into(), subject: "ada".into() };
        let ticket = tickets.issue("mail", &ada, 1_000).unwrap();
        assert_eq!(tickets.read("mail", &ticket, 1_899), Some(ada));
        assert_eq!(tickets.read("mail", &ticket, 1_900), None);
        assert_eq!(tickets.read("files", &ticket, 1_000), None);
        assert_eq!(tickets.read("mail", "invented", 1_000), None);
        assert_eq!(Tickets::new(&InstanceKey::from_bytes(&[8; 32])).unwrap().read("mail", &ticket, 1_000), None);
        assert!(!ticket.contains("ada"));
    }
}
