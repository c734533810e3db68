//! What is kept of one call? Who, what, when, how it ended; never a token, a secret or an argument.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fingerprint::{Digits, Fingerprint};
use crate::line::Members;

#[cfg(test)]
mod tests;

/// One MCP call, as the log keeps it.
///
/// Texts longer than [`TEXT_CHARACTERS`] are cut, and end in `…`. A member that is `None` is left out
/// of the line, which means "there was none", not "unknown".
#[derive(Debug, Clone)]
pub struct CallRecord<'a> {
    /// When the call came in: Unix time in milliseconds.
    pub time: u64,
    /// The door's own name for this call, also in its log and its answer.
    pub request_id: Cow<'a, str>,
    /// The server that was called, by its configured name; empty if none was found.
    pub server: Cow<'a, str>,
    /// The JSON-RPC method; `None` if the message could not be read, or for a stream (GET) or an end (DELETE).
    pub method: Option<Cow<'a, str>>,
    /// The tool, prompt or resource that the method names. Of a URI, user information, query and fragment are left out.
    pub tool: Option<Cow<'a, str>>,
    /// The HTTP status of the answer.
    pub status: u16,
    /// How the call ended.
    pub outcome: Outcome,
    /// From the first byte of the call to the last of its answer.
    pub duration: Duration,
    /// What was decided about it, and by what.
    pub decision: Decision<'a>,
    /// Who issued the caller's token.
    pub issuer: Option<Cow<'a, str>>,
    /// Whom the token names.
    pub subject: Option<Cow<'a, str>>,
    /// The client that the token was issued to.
    pub client: Option<Cow<'a, str>>,
    /// What stands for the token.
    pub token_fingerprint: Option<Fingerprint>,
    /// Where the call came from.
    pub address: Option<IpAddr>,
    /// The MCP revision that the caller spoke.
    pub version: Option<Cow<'a, str>>,
    /// The trace that the caller said this call is part of (W3C Trace Context).
    pub trace_id: Option<Cow<'a, str>>,
    /// How many bytes the caller's message had.
    pub bytes_in: u64,
    /// How many bytes the answer had, over all its events.
    pub bytes_out: u64,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Its caller went away or cancelled it.
    Cancelled,
    /// The door refused it.
    Denied,
    /// It was let through and failed, in the door, on the way or in the server.
    Error,
    /// It was let through and answered.
    Ok,
}

/// What was decided about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision<'a> {
    /// It was let through.
    Allow {
        /// The rule that allowed it.
        rule: Cow<'a, str>,
    },
    /// It was refused.
    Deny {
        /// A short, stable code for why, such as `expired` or `missing_scope`.
        reason: Cow<'a, str>,
    },
}

/// The most characters of any one text in a line.
pub const TEXT_CHARACTERS: usize = 256;

impl<'a> CallRecord<'a> {
    /// A record of a call of which nothing is known yet but that it came in.
    ///
    /// Until it is filled in it says the worst: refused (`undecided`), status 500, an error.
    pub fn new(time: u64, request_id: impl Into<Cow<'a, str>>, server: impl Into<Cow<'a, str>>) -> Self {
        Self {
            time,
            request_id: request_id.into(),
            server: server.into(),
            method: None,
            tool: None,
            status: 500,
            outcome: Outcome::Error,
            duration: Duration::ZERO,
            decision: Decision::Deny { reason: Cow::Borrowed("undecided") },
            issuer: None,
            subject: None,
            client: None,
            token_fingerprint: None,
            address: None,
            version: None,
            trace_id: None,
            bytes_in: 0,
            bytes_out: 0,
        }
    }
}

impl CallRecord<'_> {
    /// The record as the members of one line.
    pub(crate) fn body(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut line = Members::begin(self.time)?;
        line.text("event", "call")?;
        line.text("request_id", &shortened(&self.request_id))?;
        line.text("server", &shortened(&self.server))?;
        optional(&mut line, "method", self.method.as_deref())?;
        optional(&mut line, "tool", self.tool.as_deref().map(without_secrets).as_deref())?;
        line.member("status", &self.status)?;
        line.member("outcome", &self.outcome)?;
        line.member("duration_ms", &milliseconds(self.duration))?;
        match &self.decision {
            Decision::Allow { rule } => {
                line.text("decision", "allow")?;
                line.text("rule", &shortened(rule))?;
            }
            Decision::Deny { reason } => {
                line.text("decision", "deny")?;
                line.text("reason", &shortened(reason))?;
            }
        }
        optional(&mut line, "issuer", self.issuer.as_deref())?;
        optional(&mut line, "subject", self.subject.as_deref())?;
        optional(&mut line, "client", self.client.as_deref())?;
        if let Some(fingerprint) = self.token_fingerprint {
            line.text("token_fingerprint", fingerprint.digits(&mut Digits::default()))?;
        }
        if let Some(address) = &self.address {
            line.member("address", address)?;
        }
        optional(&mut line, "version", self.version.as_deref())?;
        optional(&mut line, "trace_id", self.trace_id.as_deref())?;
        line.member("bytes_in", &self.bytes_in)?;
        line.member("bytes_out", &self.bytes_out)?;
        Ok(line.end())
    }
}

fn optional(line: &mut Members, name: &'static str, text: Option<&str>) -> Result<(), serde_json::Error> {
    text.map_or(Ok(()), |text| line.text(name, &shortened(text)))
}

/// At most [`TEXT_CHARACTERS`] characters of `text`, the last one `…` if some were cut.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    // No text has more characters than bytes, so most are done here.
    if text.len() <= TEXT_CHARACTERS || text.chars().nth(TEXT_CHARACTERS).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().take(TEXT_CHARACTERS - 1).chain(['…']).collect())
}

/// A target without the parts of a URI in which credentials travel.
fn without_secrets(target: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = target.split_once("://") else { return Cow::Borrowed(target) };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => Cow::Owned(format!("{scheme}://{host}{path}")),
        None => Cow::Borrowed(target.get(..scheme.len() + "://".len() + rest.len()).unwrap_or_default()),
    }
}

/// Milliseconds with three decimals.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
