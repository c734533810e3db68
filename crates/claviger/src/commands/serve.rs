//! `claviger serve`: opens the door, says what it protects, and keeps it until it is told to stop.

mod own_issuer;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use audit::event::Event;
use gateway::clock::Clock;
use gateway::config::Config;
use gateway::front::http::{self as front, BindError, Bound};
use gateway::{BuildError, Door};
use issuer::Server as Issuer;
use store::seal::Origin;
use tokio_util::sync::CancellationToken;

use crate::admin::Admin;
use crate::annex::IssuerAnnex;
use crate::announce::{Announcement, announce};
use crate::config::env;
use crate::config::fixed::Fixed;
use crate::config::plan::{Plan, Planner};
use crate::control::{Control, Reach};
use crate::lifecycle::{Order, Orders};
use crate::log;
use crate::providers::Means;
use crate::voice::{self, Exit, Report};
use crate::webhook::Webhook;
use crate::wire;

/// Serves until told to stop.
pub(crate) fn run(planner: &Planner) -> Result<Exit, Report> {
    log::start(planner.around().value(env::LOG));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Report::new(Exit::Internal, "cannot start the runtime").caused_by(&error))?;
    let outcome = runtime.block_on(serve(planner));
    // A keychain that still waits for a person does not keep the door from ending.
    runtime.shutdown_timeout(LAST_WORDS);
    outcome.map(|()| Exit::Success)
}

async fn serve(planner: &Planner) -> Result<(), Report> {
    // Before the first secret is fetched: a signal is an order from now on.
    let mut orders = Orders::listen()?;
    let draft = planner.draft()?;
    let secrets = draft.secrets.clone();
    let open = async |resolver| {
        let plan = tokio::select! {
            biased;
            () = orders.stop() => {
                voice::talk("stopped before the door was open\n");
                return Ok(());
            }
            plan = Plan::of(draft, resolver) => plan?,
        };
        Box::pin(keep_open(planner, plan, orders)).await
    };
    secrets.lend(planner.around(), open).await
}

async fn keep_open(planner: &Planner, plan: Plan, mut orders: Orders) -> Result<(), Report> {
    let (door_at, admin) = bind(&plan).await?;
    let public_url = public_url(&plan, door_at.address());
    let fixed = Fixed::of(&plan);
    let record_file = plan.record.path.clone();
    let Plan {
        mut gateway,
        issuer: ready,
        environment,
        state,
        instance_key,
        record: record_options,
        store,
        resolver,
        watch,
        accepts_minted,
        notices,
        exposed,
        webhook,
        ..
    } = plan;
    let mut parts = wire::parts(&store, &state, &instance_key.0, resolver, record_options).await?;
    let means = Means { resolver: Arc::clone(&parts.resolver), client: Arc::clone(&parts.client), clock: parts.clock };
    let issuer = match &ready {
        Some(ready) => Some(own_issuer::open(ready, &mut gateway, &public_url, &instance_key.0, &mut parts).await?),
        None => None,
    };
    let first = own_issuer::first_account(ready.as_ref(), &gateway, &environment, planner.around())?;
    let (auditor, metrics, clock) = (Arc::clone(&parts.auditor), Arc::clone(&parts.metrics), parts.clock);
    let door = Door::new(gateway.clone(), &public_url, &instance_key.0, parts).map_err(|error| unbuildable(&error))?;
    record_start(&auditor, clock, &gateway, door_at.address());
    orders.watch(&watch);
    announce(&Announcement {
        gateway: &gateway,
        public_url: &public_url,
        admin: admin.as_ref().map(Admin::address),
        state: &state,
        record: &record_file,
        key_was_made: matches!(instance_key.1, Origin::Created),
        accepts_minted,
        first_account: first.as_ref(),
        notices: &notices,
        exposed: &exposed,
    });

    let end = CancellationToken::new();
    let webhook = webhook.map(|secret| Webhook::new(secret, clock));
    if let Some(admin) = admin {
        tokio::spawn(admin.serve(Arc::clone(&door), metrics, webhook, end.clone()));
    }
    be_reached(&state, Reach { door: Arc::clone(&door), issuer: issuer.clone() }, &end);
    let keeper = Keeper { planner, issuer, public_url, fixed, door: Arc::clone(&door), certificate: door_at.certificate(), means, clock };
    let serving = tokio::spawn(door_at.serve(Arc::clone(&door)));
    keeper.keep(orders, &auditor).await;
    end.cancel();
    if let Err(error) = serving.await {
        tracing::error!(target: "door", %error, "the listener ended badly");
    }
    record(&auditor, clock, &Event::DoorStopped { reason: "told to stop".into() });
    auditor.close().map_err(|reason| Report::new(Exit::InputOutput, "the record of calls could not be closed").caused_by(&reason))
}

fn record_start(auditor: &audit::sink::Auditor, clock: Clock, gateway: &Config, listen: SocketAddr) {
    let servers = gateway.servers.keys().map(|name| name.as_str().into()).collect();
    let started = Event::DoorStarted { version: env!("CARGO_PKG_VERSION").into(), listen: listen.to_string().into(), servers };
    record(auditor, clock, &started);
}

/// Lets commands reach the door, and has the authorization server look after its keys, until the end.
fn be_reached(state: &Path, reach: Reach, end: &CancellationToken) {
    if let Some(issuer) = reach.issuer.clone() {
        let end = end.clone();
        tokio::spawn(async move { end.run_until_cancelled(issuer.keep()).await });
    }
    match Control::bind(state) {
        Ok(control) => drop(tokio::spawn(control.serve(reach, end.clone()))),
        // The door is whole without it; only commands cannot reach it.
        Err(error) => tracing::warn!(target: "door", %error, "`claviger secrets` will not reach this door: no socket in the state folder"),
    }
}

/// What came of a reload.
struct Taken {
    /// The names of the servers now behind the door.
    servers: Vec<String>,
    /// The keys whose new values wait for a restart.
    waiting: Vec<&'static str>,
}

/// Carries out orders while the door serves.
struct Keeper<'p> {
    planner: &'p Planner,
    issuer: Option<Arc<Issuer>>,
    public_url: String,
    fixed: Fixed,
    door: Arc<Door>,
    certificate: Arc<front::Certificate>,
    means: Means,
    clock: Clock,
}

impl Keeper<'_> {
    async fn keep(&self, mut orders: Orders, auditor: &audit::sink::Auditor) {
        while orders.next().await == Order::Reload {
            self.reload(auditor).await;
        }
        voice::talk("stopping: calls under way are finished first; once more stops at once\n");
        let drained = self.door.drain();
        tokio::pin!(drained);
        loop {
            tokio::select! {
                () = &mut drained => return,
                order = orders.next() => if order == Order::Stop {
                    voice::talk("stopped at once\n");
                    return self.door.stop().await;
                },
            }
        }
    }

    /// Takes the configuration as it is now into use, or keeps the old one and says why.
    async fn reload(&self, auditor: &audit::sink::Auditor) {
        match Box::pin(self.replan()).await {
            Ok(Taken { servers, waiting }) => {
                voice::talk(&format!("configuration reloaded; behind the door: {}\n", servers.join(", ")));
                if !waiting.is_empty() {
                    voice::talk(&format!("as before until the next start: `{}`\n", waiting.join("`, `")));
                }
                let servers = servers.into_iter().map(Into::into).collect();
                let waiting = waiting.into_iter().map(Into::into).collect();
                record(auditor, self.clock, &Event::ConfigReloaded { servers, waiting });
                tokio::spawn(refresh(Arc::clone(&self.door)));
            }
            Err(report) => {
                self.door.refused_reload();
                record(
                    auditor,
                    self.clock,
                    &Event::ConfigRefused { faults: report.faults(), reason: "the new configuration is not valid".into() },
                );
                voice::talk(&report.outcome("the door goes on with the configuration that it had").render());
            }
        }
    }

    async fn replan(&self) -> Result<Taken, Report> {
        let draft = self.planner.draft()?;
        let secrets = draft.secrets.clone();
        // The running door keeps its own resolver.
        let mut plan = Box::pin(secrets.lend(self.planner.around(), async |resolver| Plan::of(draft, resolver).await)).await?;
        for place in &plan.exposed {
            voice::warn(place);
        }
        let servers = plan.gateway.servers.keys().map(ToString::to_string).collect();
        let waiting = self.fixed.waiting(&plan);
        // The address stays, so TLS does too: without it, tokens would cross a network in the clear that the old address is on.
        if let Some(tls) = plan.gateway.listen.tls.as_ref().filter(|_| self.fixed.has_tls()) {
            self.certificate
                .load(Some(tls))
                .map_err(|error| Report::new(Exit::Configuration, "cannot use the certificate").caused_by(&error))?;
        }
        // Whether there is an authorization server at all waits for a restart.
        let config = match (&self.issuer, &plan.issuer) {
            (Some(_), Some(ready)) => {
                Some(ready.at(&self.public_url, &plan.gateway, &self.means).map_err(|unfit| own_issuer::unfit(&unfit))?)
            }
            _ => None,
        };
        if let Some(issuer) = &self.issuer {
            own_issuer::accept(&mut plan.gateway, &self.public_url, &Arc::new(IssuerAnnex(Arc::clone(issuer))))?;
        }
        self.door.reload(plan.gateway).map_err(|error| unbuildable(&error))?;
        if let (Some(issuer), Some(config)) = (&self.issuer, config) {
            issuer.reload(config);
        }
        Ok(Taken { servers, waiting })
    }
}

/// Whoever has the configuration read again may have changed what it refers to.
async fn refresh(door: Arc<Door>) {
    let fetched = door.resolver().refresh(None).await;
    let changed = fetched.iter().filter(|(_, outcome)| matches!(outcome, Ok(true))).count();
    if changed > 0 {
        voice::talk(&format!("{changed} of {} credentials in use have new values\n", fetched.len()));
    }
}

async fn bind(plan: &Plan) -> Result<(Bound, Option<Admin>), Report> {
    let listen = &plan.gateway.listen;
    let door = front::bind(listen).await.map_err(|error| match &error {
        BindError::Address { .. } => Report::new(Exit::Unavailable, format!("cannot listen on `{}`", listen.address))
            .caused_by(&error)
            .hint("name another address with `--listen`; port 0 lets the system choose"),
        BindError::Tls(_) => Report::new(Exit::Configuration, "cannot use the certificate").caused_by(&error),
    })?;
    let Some(address) = plan.admin else { return Ok((door, None)) };
    let admin = Admin::bind(address).await.map_err(|error| {
        Report::new(Exit::Unavailable, format!("cannot listen on `{address}` for metrics"))
            .caused_by(&error)
            .hint("name another address with `--admin-listen`; port 0 lets the system choose")
    })?;
    Ok((door, Some(admin)))
}

/// What callers use: the configured URL, or the address that was bound.
fn public_url(plan: &Plan, bound: SocketAddr) -> String {
    match &plan.gateway.listen.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => format!("{}://{bound}", if plan.gateway.listen.tls.is_some() { "https" } else { "http" }),
    }
}

fn unbuildable(error: &BuildError) -> Report {
    Report::new(Exit::Configuration, "the configuration makes no door").caused_by(error)
}

fn record(auditor: &audit::sink::Auditor, clock: Clock, event: &Event<'_>) {
    if let Err(error) = auditor.event(clock.unix_milliseconds(), event) {
        tracing::error!(target: "door", %error, "an event could not be recorded");
    }
}

/// For what runs beside the tasks when all of them are done.
const LAST_WORDS: Duration = Duration::from_secs(1);
