//! `claviger doctor`: where does it fail on the way to a server, and what is the mend? Each step on the way is tried, and said in one line.

mod knock;
mod machine;

use std::fmt::Write as _;
use std::process::ExitCode;

use broker::account::NotSignedIn;
use mcp::method;
use oauth::issuer::Issuer;
use oauth::protected_resource::ProtectedResourceMetadata;
use oauth::server_metadata::ServerMetadata;
use outbound::client::Client;
use outbound::discovery;
use outbound::failure::Failure;
use outbound::protected_resource::{self, NotFound};
use serde::Deserialize;
use serde_json::Map;
use serde_json::value::RawValue;
use url::Url;

use self::knock::{Answer, knock};
use crate::cli::{DoctorArguments, Era, SignInArguments};
use crate::client::host::Nobody;
use crate::client::{self, CallFailure};
use crate::config::env::Surroundings;
use crate::config::is_local;
use crate::sign_in;
use crate::voice::{self, Report, plain};

/// The steps, in order. The number is the exit code when it is the first that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Address = 10,
    Name = 11,
    Connection = 12,
    Answer = 13,
    Metadata = 14,
    Issuer = 15,
    LogIn = 16,
    Account = 17,
    Call = 18,
    Clock = 19,
    Keychain = 20,
    Files = 21,
}

/// What came of one.
enum Finding {
    Fine(String),
    /// Not tried, and why.
    Left(String),
    Wrong(Trouble),
}

/// What is wrong, what is known about such a thing, and what to do.
struct Trouble {
    what: String,
    mend: Option<String>,
}

/// What is found, as it is said, and the first thing that is wrong.
#[derive(Default)]
struct Chart {
    first: Option<Step>,
}

/// Tries every step, and ends with the first that failed.
pub(crate) async fn run(arguments: &DoctorArguments, around: &Surroundings) -> Result<ExitCode, Report> {
    let mut chart = Chart::default();
    if let Some(url) = &arguments.url {
        let skew = Box::pin(way(&mut chart, url, &arguments.sign_in, around)).await?;
        chart.note(Step::Clock, &skew)?;
    }
    chart.note(Step::Keychain, &machine::keychain(&arguments.sign_in, around).await)?;
    for finding in machine::files(around) {
        chart.note(Step::Files, &finding)?;
    }
    Ok(chart.first.map_or(ExitCode::SUCCESS, |step| ExitCode::from(step as u8)))
}

/// To the server and in; what is known of its clock comes back.
async fn way(chart: &mut Chart, url: &Url, options: &SignInArguments, around: &Surroundings) -> Result<Finding, Report> {
    let unknown = || Finding::Left("the server did not say what time it is".to_owned());
    if !chart.note(Step::Address, &address(url))? || !chart.note(Step::Name, &name(url).await)? {
        return Ok(unknown());
    }
    let http = sign_in::http(url, options)?;
    let http = http.client().map_err(|error| sign_in::report(&error.into()))?;
    let answer = match knock(http, url).await {
        Ok(answer) => answer,
        Err(trouble) => {
            chart.note(Step::Connection, &Finding::Wrong(trouble))?;
            return Ok(unknown());
        }
    };
    chart.note(Step::Connection, &Finding::Fine(answer.connection.clone()))?;
    if chart.note(Step::Answer, &answer.finding())? && answer.wants_token {
        protection(chart, http, url, &answer).await?;
    }
    let (account, call) = inside(url, options, around).await?;
    chart.note(Step::Account, &account)?;
    chart.note(Step::Call, &call)?;
    Ok(answer.clock)
}

/// Who gives tokens, and whether we could have one.
async fn protection(chart: &mut Chart, http: &Client, url: &Url, answer: &Answer) -> Result<(), Report> {
    let found = protected_resource::find(http, url, answer.resource_metadata.as_deref()).await;
    let issuers = match &found {
        Ok(metadata) => metadata.authorization_servers.clone(),
        Err(_) => Vec::new(),
    };
    chart.note(Step::Metadata, &metadata_finding(&found))?;
    let mut findings = Vec::new();
    for issuer in &issuers {
        findings.extend(match discovery::discover(http, issuer).await {
            Ok(metadata) => vec![(Step::Issuer, Finding::Fine(plain(issuer.as_str()))), (Step::LogIn, log_in_finding(&metadata))],
            Err(failure) => vec![(Step::Issuer, Finding::Wrong(issuer_trouble(issuer, &failure)))],
        });
    }
    // One place to log in is enough.
    let is_enough = findings.iter().any(|(step, finding)| *step == Step::LogIn && matches!(finding, Finding::Fine(_)));
    for (step, finding) in findings {
        let finding = match finding {
            Finding::Wrong(trouble) if is_enough => Finding::Left(trouble.what),
            finding => finding,
        };
        chart.note(step, &finding)?;
    }
    Ok(())
}

/// With what is kept, and without asking anybody.
async fn inside(url: &Url, options: &SignInArguments, around: &Surroundings) -> Result<(Finding, Finding), Report> {
    let endpoint = sign_in::endpoint(url, options, None, around)?;
    let asked = async {
        let mut client = client::Client::connect(endpoint, Era::Auto, std::sync::Arc::new(Nobody)).await?;
        let listed = client.request(method::TOOLS_LIST, Map::new()).await;
        client.close().await;
        listed
    };
    let outcome = tokio::time::timeout(PATIENCE, asked).await;
    let call = match outcome {
        Err(_) => wrong(format!("no answer within {} s", PATIENCE.as_secs()), Some("ask whoever runs the server")),
        Ok(Ok(result)) => Finding::Fine(format!("{} tools on the first page", count(&result))),
        Ok(Err(CallFailure::Said(error))) => {
            Finding::Fine(format!("let in; `tools/list` is answered with an error: {}", plain(&error.message)))
        }
        Ok(Err(CallFailure::NotSignedIn { failure, .. })) if matches!(*failure, NotSignedIn::NobodyToAsk { .. }) => {
            let account = wrong("nobody is logged in there".to_owned(), Some(&format!("claviger login {}", plain(url.as_str()))));
            return Ok((account, Finding::Left("it takes an account".to_owned())));
        }
        Ok(Err(failure)) => {
            let report = failure.report(None);
            return Ok((Finding::Left("see the call".to_owned()), wrong(report.on_one_line(), None)));
        }
    };
    let state = sign_in::state_folder(options.state.state.as_deref(), around)?;
    let kept = sign_in::open(&state)?.list().unwrap_or_default();
    let ours = kept.iter().find(|summary| summary.server == url.as_str() && summary.profile == options.profile);
    let account = match ours {
        Some(summary) => Finding::Fine(format!("logged in at {}, in `{}`", plain(&summary.authority), plain(&summary.storage))),
        None => Finding::Left("the server lets everybody in".to_owned()),
    };
    Ok((account, call))
}

fn address(url: &Url) -> Finding {
    if url.scheme() == "https" || (url.scheme() == "http" && is_local(url)) {
        return Finding::Fine(plain(url.as_str()));
    }
    wrong("a token does not travel over plain http to another machine".to_owned(), Some("write `https://`"))
}

async fn name(url: &Url) -> Finding {
    let Some(host) = url.host_str() else { return wrong("there is no host in the address".to_owned(), None) };
    let port = url.port_or_known_default().unwrap_or(443);
    match tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await {
        Ok(found) => {
            let addresses: Vec<String> = found.map(|address| address.ip().to_string()).collect();
            Finding::Fine(addresses.join(", "))
        }
        Err(error) => wrong(format!("`{}` has no address: {error}", plain(host)), Some("is the name right, and are you in its network?")),
    }
}

fn metadata_finding(found: &Result<ProtectedResourceMetadata, NotFound>) -> Finding {
    match found {
        Ok(metadata) if metadata.authorization_servers.is_empty() => wrong(
            format!("`{}` names no authorization server", plain(metadata.resource.as_str())),
            Some("its tokens are made by hand: give one with `--token-file`, or ask whoever runs the server"),
        ),
        Ok(metadata) => {
            Finding::Fine(format!("the resource `{}`, scopes `{}`", plain(metadata.resource.as_str()), metadata.scopes_supported))
        }
        Err(failure @ NotFound::OtherResource { .. }) => wrong(
            plain(&failure.to_string()),
            Some(
                "known: the server sits behind a proxy and does not know its public URL, or you use another URL than its own; use the one that it names",
            ),
        ),
        Err(failure) if failure.is_absence() => {
            Finding::Left("it has none: a server of 2025-03-26, which is its own authorization server".to_owned())
        }
        Err(failure) => {
            wrong(chain(failure), Some("known: some servers answer these paths with a log-in page or 401; they must be open to everybody"))
        }
    }
}

fn issuer_trouble(issuer: &Issuer, failure: &Failure) -> Trouble {
    let text = chain(failure);
    let mend = if text.contains("names another issuer") {
        "known: a slash more or less at the end, or a proxy in front; the issuer in both documents must be the same, letter for letter"
    } else if text.contains("may not be called") {
        "it is in an inner network: name that with `--allow-network`"
    } else {
        "ask whoever runs the server: without this document nobody can log in"
    };
    Trouble { what: format!("{}: {text}", plain(issuer.as_str())), mend: Some(mend.to_owned()) }
}

fn log_in_finding(metadata: &ServerMetadata) -> Finding {
    if !metadata.supports_s256() {
        return wrong(
            "it does not offer PKCE with S256".to_owned(),
            Some("known: some providers can do it and do not say so; `code_challenge_methods_supported` has to name S256"),
        );
    }
    let way = match (&metadata.client_id_metadata_document_supported, &metadata.registration_endpoint) {
        (Some(true), _) => "programs are known by a document about them, or register themselves",
        (_, Some(_)) => "programs register themselves",
        (_, None) => {
            return wrong(
                "programs can neither register themselves nor be known by a document".to_owned(),
                Some("register one there by hand, and give it with `--client-id` and `--callback-port`"),
            );
        }
    };
    Finding::Fine(way.to_owned())
}

impl Chart {
    /// Says what came of a step; whether it goes on from there.
    fn note(&mut self, step: Step, finding: &Finding) -> Result<bool, Report> {
        let name = format!("{step:?}").to_lowercase().replace("login", "log-in");
        let mut text = String::new();
        let goes_on = match finding {
            Finding::Fine(what) => {
                let _ = writeln!(text, "ok    {name:<11} {what}");
                true
            }
            Finding::Left(why) => {
                let _ = writeln!(text, "-     {name:<11} {why}");
                true
            }
            Finding::Wrong(trouble) => {
                let _ = writeln!(text, "WRONG {name:<11} {}", trouble.what);
                if let Some(mend) = &trouble.mend {
                    let _ = writeln!(text, "      {:<11} {mend}", "mend:");
                }
                self.first = Some(self.first.map_or(step, |first| first.min(step)));
                false
            }
        };
        voice::data(&text)?;
        Ok(goes_on)
    }
}

fn wrong(what: String, mend: Option<&str>) -> Finding {
    Finding::Wrong(Trouble { what, mend: mend.map(str::to_owned) })
}

/// An error and what caused it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes: Vec<String> = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect();
    plain(&causes.join(": ")).replace('\n', ";")
}

fn count(result: &RawValue) -> usize {
    #[derive(Deserialize)]
    struct Page {
        tools: Vec<serde::de::IgnoredAny>,
    }
    serde_json::from_str::<Page>(result.get()).map_or(0, |page| page.tools.len())
}

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
