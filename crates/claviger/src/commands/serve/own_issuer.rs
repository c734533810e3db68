//! How does the door get an authorization server of its own? Opened on the door's parts, and trusted by every server behind it.

use std::sync::Arc;

use gateway::Parts;
use gateway::annex::KeysAtHand;
use gateway::config::{Accept, Config, TokenSource};
use issuer::Server as Issuer;
use store::seal::InstanceKey;

use crate::accounts;
use crate::annex::IssuerAnnex;
use crate::announce::FirstAccount;
use crate::config::env::Surroundings;
use crate::config::issuer::{Ready, Unfit};
use crate::config::listen::EnvironmentName;
use crate::providers::Means;
use crate::voice::{Exit, Report};
use crate::wire;

/// Opens it at the public URL; its tokens open every server from now on.
pub(super) async fn open(
    ready: &Ready,
    gateway: &mut Config,
    public_url: &str,
    key: &InstanceKey,
    parts: &mut Parts,
) -> Result<Arc<Issuer>, Report> {
    let means = Means { resolver: Arc::clone(&parts.resolver), client: Arc::clone(&parts.client), clock: parts.clock };
    let config = ready.at(public_url, gateway, &means).map_err(|error| unfit(&error))?;
    let issuer = wire::issuer(config, key, parts).await?;
    let annex = Arc::new(IssuerAnnex(Arc::clone(&issuer)));
    accept(gateway, public_url, &annex)?;
    parts.annex = Some(annex);
    Ok(issuer)
}

/// The tokens of the door's own authorization server open every server.
pub(super) fn accept(gateway: &mut Config, public_url: &str, annex: &Arc<IssuerAnnex>) -> Result<(), Report> {
    if let Accept::Tokens(sources) = &mut gateway.accept {
        let issuer = oauth::issuer::Issuer::parse(public_url).map_err(|error| unfit(&error.into()))?;
        let keys: Arc<dyn KeysAtHand> = Arc::<IssuerAnnex>::clone(annex);
        sources.push(TokenSource::Own { issuer, keys });
    }
    Ok(())
}

pub(super) fn unfit(unfit: &Unfit) -> Report {
    Report::new(Exit::Configuration, "the authorization server cannot be at the door's public URL")
        .caused_by(unfit)
        .hint("set `listen.public_url` to an https URL, or switch it off: `enabled = false` under `[issuer]`")
}

/// On somebody's own machine, where nobody has asked for an authorization server: an account for them, so that they can sign in at once. Its password is told this once.
pub(super) fn first_account(
    ready: Option<&Ready>,
    gateway: &Config,
    environment: &EnvironmentName,
    around: &Surroundings,
) -> Result<Option<FirstAccount>, Report> {
    let is_own_machine = environment.is_development() && gateway::config::is_loopback(gateway.listen.address.ip());
    let Some(ready) = ready.filter(|ready| ready.is_unasked() && is_own_machine) else { return Ok(None) };
    let report = || Report::new(Exit::InputOutput, "the first account cannot be made");
    let file = ready.accounts();
    if !issuer::accounts::read(file).map_err(|error| report().caused_by(&error))?.is_empty() {
        return Ok(None);
    }
    let name = around.user().filter(|name| issuer::accounts::is_username(name)).unwrap_or("me").to_owned();
    let password = accounts::add(file, &name, &accounts::About::default()).map_err(|error| report().caused_by(&error))?;
    Ok(Some(FirstAccount { name, password }))
}
