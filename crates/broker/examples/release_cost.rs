//! What does a credential cost a call when it is kept? Prints the nanoseconds of one release; `bench/credential.sh` runs it optimised.

use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use claviger_broker::reference::Template;
use claviger_broker::source::{Environment, Files, OpenFiles, Sources};
use claviger_broker::{Clock, Resolver};
use oauth::scope::ScopeSet;
use policy::{Action, Caller, RuleSet};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let variables =
        [("TOKEN", "ghp_0123456789abcdefghij0123456789abcdef"), ("LOGIN", r#"{"user":"ada","password":"correct horse battery staple"}"#)];
    let environment: Environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
    let clock: Clock = Arc::new(unix_milliseconds);
    let resolver = Resolver::new(Sources::local(environment, Files::new("/".into(), OpenFiles::Refuse)), clock);
    let scopes = ScopeSet::default();
    let caller = Caller { issuer: "https://idp.example", subject: "ada", client: None, scopes: &scopes };
    let permit = RuleSet::open().decide(&caller, &Action::Tool("search"))?;
    for text in ["Bearer ${TOKEN}", "env://LOGIN#password", "Basic ${env://LOGIN#user}:${env://LOGIN#password}"] {
        let credential = resolver.credential(&Template::parse(text)?);
        credential.release(&permit).await?;
        let began = now();
        for _ in 0..ROUNDS {
            black_box(credential.release(&permit).await?);
        }
        let nanoseconds = began.elapsed().as_nanos() / u128::from(ROUNDS);
        writeln!(std::io::stdout(), "{nanoseconds:>6} ns  {text}")?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a measurement asks the system for the time")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "as the door's own clock does")]
fn unix_milliseconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis().try_into().unwrap_or(u64::MAX))
}

const ROUNDS: u32 = 1_000_000;
