//! ★ Which concrete types make up the door? The only place that names them all.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use audit::head::HeadKey;
use audit::sink::{Auditor, Durability, OnFull, Options};
use gateway::Parts;
use gateway::clock::Clock;
use gateway::config::WhenUnrecorded;
use gateway::metrics::Metrics;
use outbound::client::Client;
use outbound::guard::Guard;
use outbound::tls::{Roots, client_config};
use store::Store;
use store::file::File;

use crate::config::numbers::Record;
use crate::config::plan::Plan;
use crate::voice::{Exit, Report};

/// Makes the parts of the door that live as long as the process.
pub(crate) fn parts(plan: &Plan) -> Result<Parts, Report> {
    let clock = Clock::system();
    let roots = Roots::default();
    let certificates = |error: &dyn std::error::Error| Report::new(Exit::Configuration, "cannot read the system's certificates").caused_by(error);
    let tls = client_config(&roots).map_err(|error| certificates(&error))?;
    let client = Client::new(Guard::default(), &roots).map_err(|error| certificates(&error))?;
    Ok(Parts {
        clock,
        store: store(plan, clock)?,
        auditor: Arc::new(auditor(plan, clock)?),
        client: Arc::new(client),
        tls: Arc::new(tls),
        resolver: Arc::clone(&plan.resolver),
        metrics: Arc::new(Metrics::new()),
    })
}

fn store(plan: &Plan, clock: Clock) -> Result<Arc<dyn Store>, Report> {
    let file = File::open(&plan.state.join(STORE_FILE), Arc::new(move || clock.unix_milliseconds()));
    let file = file.map_err(|error| {
        let hint = "stop the other door, or give this one a state folder of its own with `--state`";
        Report::new(Exit::InputOutput, "cannot open the store").caused_by(&error).hint(hint)
    })?;
    Ok(Arc::new(file))
}

fn auditor(plan: &Plan, clock: Clock) -> Result<Auditor, Report> {
    let Record { file, retention_days, rotate_bytes, when_unrecorded } = &plan.record;
    let options = Options {
        rotate_bytes: *rotate_bytes,
        retention_days: NonZeroU32::new(*retention_days),
        durability: Durability::Interval(Duration::from_millis(100)),
        on_full: if *when_unrecorded == WhenUnrecorded::Refuse { OnFull::Refuse } else { OnFull::Block },
        head_key: Some(HeadKey::new(&plan.instance_key.0.derive("audit-head", ""))),
        ..Options::at(file)
    };
    Auditor::start(options, clock.unix_milliseconds()).map_err(|error| {
        Report::new(Exit::InputOutput, format!("cannot keep the record of calls in `{}`", file.display())).caused_by(&error)
    })
}

const STORE_FILE: &str = "store.redb";
