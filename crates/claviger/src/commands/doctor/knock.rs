//! What does the server say to somebody without a token? One harmless question, asked as any client would.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, DATE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::fmt::rfc2822;
use mcp::envelope::Message;
use oauth::challenge::{self, ParsedChallenge};
use outbound::client::{Call, Client, Fetched, Limits};
use outbound::failure::Failure;
use url::Url;

use super::{Finding, Trouble, chain, wrong};

/// The first answer.
pub(super) struct Answer {
    /// How it was reached.
    pub(super) connection: String,
    pub(super) wants_token: bool,
    /// Where its challenge says that its metadata is.
    pub(super) resource_metadata: Option<String>,
    /// How far its clock is from ours.
    pub(super) clock: Finding,
    status: StatusCode,
    /// Whether it answers as MCP servers do.
    is_message: bool,
}

/// Asks.
pub(super) async fn knock(http: &Client, url: &Url) -> Result<Answer, Trouble> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let call = Call { method: Method::POST, url: url.as_str(), headers, body: Bytes::from_static(QUESTION) };
    let fetched = http.call(call, LIMITS).await.map_err(|failure| trouble(&failure))?;
    let values = fetched.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let challenges: Vec<ParsedChallenge> = values.flat_map(challenge::parse).collect();
    let bearer = challenges.iter().find_map(|parsed| parsed.as_bearer().or_else(|| parsed.as_dpop()));
    let kind = fetched.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    Ok(Answer {
        connection: if url.scheme() == "https" { "over TLS".to_owned() } else { "in the clear, on this machine".to_owned() },
        wants_token: fetched.status == StatusCode::UNAUTHORIZED,
        resource_metadata: bearer.and_then(|challenge| challenge.resource_metadata),
        clock: clock(&fetched),
        status: fetched.status,
        is_message: kind.contains("event-stream") || Message::parse(&fetched.body).is_ok(),
    })
}

impl Answer {
    /// What it means.
    pub(super) fn finding(&self) -> Finding {
        let status = self.status;
        match status {
            StatusCode::UNAUTHORIZED if self.resource_metadata.is_some() => {
                Finding::Fine("401: it wants a token, and says where they are given".to_owned())
            }
            StatusCode::UNAUTHORIZED => Finding::Fine("401: it wants a token; where they are given has to be guessed".to_owned()),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED if !self.is_message => {
                wrong(format!("{status}: there is no MCP server at this path"), Some("most are at `/mcp`; ask whoever runs it"))
            }
            StatusCode::FORBIDDEN => wrong(
                "403 before anybody has shown a token".to_owned(),
                Some("known: a server that does not know its own host name, or a firewall in front of it"),
            ),
            _ if status.is_server_error() => wrong(status.to_string(), Some("the server, or what it needs, is down; try later")),
            _ if self.is_message => Finding::Fine(format!("{status}: it answers without a token")),
            _ => wrong(format!("{status}, and no message of MCP"), Some("this is a web page, and no MCP server; is the path right?")),
        }
    }
}

fn trouble(failure: &Failure) -> Trouble {
    let mend = match failure {
        Failure::Redirected { .. } => "use the address that it redirects to: tokens do not follow redirects",
        Failure::Tls { .. } => "known: its certificate is of an authority that this machine does not trust; give that with `--ca-file`",
        Failure::TimedOut { .. } => "known: a firewall that drops packets, or a server that is busy",
        Failure::Blocked { .. } => "it is in an inner network: name that with `--allow-network`",
        _ => "nobody listens there, or something in between does not let you through",
    };
    Trouble { what: chain(failure), mend: Some(mend.to_owned()) }
}

fn clock(fetched: &Fetched) -> Finding {
    let said = fetched.headers.get(DATE).and_then(|date| date.to_str().ok());
    let theirs = said.and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
    let Some(theirs) = theirs else { return Finding::Left("the server does not say what time it is".to_owned()) };
    judged(theirs.as_second() - crate::commands::sign_in::now().as_second())
}

/// `ahead`: how many seconds their clock is before ours.
fn judged(ahead: i64) -> Finding {
    let text = match ahead {
        0 => "the same as the server's".to_owned(),
        1.. => format!("the server's is {ahead} s ahead"),
        _ => format!("the server's is {} s behind", -ahead),
    };
    if ahead.unsigned_abs() <= TOLERATED {
        return Finding::Fine(text);
    }
    wrong(text, Some("known: tokens look ended, or not yet good; set the clock of this machine, or have that of the server set"))
}

/// `server/discover`, which runs nothing whatever the server is.
const QUESTION: &[u8] = br#"{"jsonrpc":"2.0","id":"doctor","method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
const LIMITS: Limits = Limits { body_bytes: 1024 * 1024, timeout: Duration::from_secs(10) };
/// As many seconds as most servers forgive.
const TOLERATED: u64 = 60;

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_clock_is_wrong_from_a_minute_on() {
        assert!(matches!(judged(0), Finding::Fine(_)) && matches!(judged(-60), Finding::Fine(_)));
        for ahead in [61, -61, 86_400] {
            assert!(matches!(judged(ahead), Finding::Wrong(_)), "{ahead}");
        }
        assert!(
            rfc2822::DateTimeParser::new()
                .parse_timestamp("Sun, 06 Nov 1994 08:49:37 GMT")
                .is_ok_and(|date: Timestamp| date.as_second() == 784_111_777)
        );
    }
}
