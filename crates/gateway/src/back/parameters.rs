//! Do the `Mcp-Param-*` headers say what the arguments say? A server that never sees headers, on a pipe or of the legacy era, has them checked by the door in
//! its place (2026-07-28, Streamable HTTP, custom headers), which learns from the server's own `tools/list` which arguments a header repeats.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use mcp::envelope::Message;
use mcp::error_code;
use mcp::method;
use mcp::raw::RawJson;
use tokio::time::Instant;

use super::mirrors::{Listed, Mirror};

/// A server that can be asked for its tools.
pub(crate) trait Toolbox: Sync {
    /// Counts how often the server has said that they changed.
    fn changes(&self) -> u64;

    /// The answer to `tools/list` for one page.
    fn page(&self, cursor: Option<&str>) -> impl Future<Output = Option<Bytes>> + Send;
}

/// What a server has said about its tools.
#[derive(Default)]
pub(crate) struct Parameters {
    learnt: tokio::sync::Mutex<Option<Arc<Learnt>>>,
}

/// The mirrored arguments of each tool that has any.
struct Learnt {
    tools: HashMap<String, Vec<Mirror>>,
    at: Instant,
    until: Instant,
    /// The server's count of changes when it was asked.
    changes: u64,
}

impl Parameters {
    /// The refusal of a `tools/call` whose headers and arguments differ; `None` when they agree, or when the server does not tell.
    pub(crate) async fn check(
        &self,
        toolbox: &impl Toolbox,
        message: &Message<'_>,
        headers: &HeaderMap,
        patience: Duration,
    ) -> Option<Bytes> {
        if message.method() != Some(method::TOOLS_CALL) {
            return None;
        }
        let tool = message.params()?.name()?;
        let learnt = self.learnt(toolbox, patience, None).await;
        learnt.mismatch(tool, message, headers)?;
        // The list may have changed without a word; what is refused is refused by the newest one.
        let learnt = self.learnt(toolbox, patience, Some(learnt.at)).await;
        let mismatch = learnt.mismatch(tool, message, headers)?;
        let text = format!("the header `{mismatch}` does not repeat its argument");
        Some(error_code::error_response(message.id(), error_code::HEADER_MISMATCH, &text, None).into())
    }

    /// What is known, asked for where it is not, is out of date, or is as old as `stale`.
    async fn learnt(&self, toolbox: &impl Toolbox, patience: Duration, stale: Option<Instant>) -> Arc<Learnt> {
        let mut learnt = self.learnt.lock().await;
        let now = Instant::now();
        let changes = toolbox.changes();
        let good = learnt.as_ref().filter(|learnt| {
            // A caller who is refused again and again does not make the server list its tools again and again.
            let is_current = stale.is_none_or(|stale| learnt.at > stale || learnt.at + AGAIN_AFTER > now);
            learnt.changes == changes && now < learnt.until && is_current
        });
        if let Some(learnt) = good {
            return Arc::clone(learnt);
        }
        let listed = tokio::time::timeout(patience, list(toolbox)).await.ok().flatten();
        let now = Instant::now();
        let fresh = match listed {
            Some((tools, lifetime)) => Learnt { tools, at: now, until: now + lifetime, changes },
            // A server that does not list its tools cannot have its headers checked.
            None => Learnt { tools: HashMap::new(), at: now, until: now + SHORTEST, changes },
        };
        let fresh = Arc::new(fresh);
        *learnt = Some(Arc::clone(&fresh));
        fresh
    }
}

impl Learnt {
    /// The first header that does not say what the call says.
    fn mismatch(&self, tool: &str, message: &Message<'_>, headers: &HeaderMap) -> Option<HeaderName> {
        let arguments = message.params()?.arguments().map(RawJson::as_str);
        let wrong = self.tools.get(tool)?.iter().find(|mirror| !mirror.agrees(arguments, headers))?;
        Some(wrong.header.clone())
    }
}

/// Asks a server for all its tools. The second part is how long the answer is good for.
async fn list(toolbox: &impl Toolbox) -> Option<(HashMap<String, Vec<Mirror>>, Duration)> {
    let mut tools = HashMap::new();
    let mut lifetime = LONGEST;
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES {
        let answer = toolbox.page(cursor.as_deref()).await?;
        let listed = Listed::of(Message::parse(&answer).ok()?.result()?.as_str())?;
        lifetime = lifetime.min(listed.lifetime.unwrap_or(LONGEST));
        tools.extend(listed.tools);
        cursor = listed.next;
        if cursor.is_none() {
            break;
        }
    }
    Some((tools, lifetime.max(SHORTEST)))
}

/// How long a list is believed: what the server says, between these.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(60);
/// How soon a list that would refuse a call is asked for again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const PAGES: usize = 64;
