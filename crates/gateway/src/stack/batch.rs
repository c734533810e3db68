//! Several messages in one request: the batches of revision 2025-03-26.

use bytes::Bytes;
use futures_util::future::join_all;
use http::HeaderMap;
use mcp::envelope::Message;
use mcp::era::{self, Era, Headers};
use mcp::version::ProtocolVersion;
use policy::Permit;

use super::{ASSUMED, Call};
use crate::back::together::{answer_of, together};
use crate::back::{Back, Outgoing, Reply, pipe};
use crate::era::legacy_caller;
use crate::exchange::Exchange;
use crate::layers::authorize;
use crate::layers::session::Session;
use crate::lists;
use crate::refusal::Refusal;
use crate::relay::Homeward;

impl Call<'_> {
    /// The batches of revision 2025-03-26: every member is judged, and one that may not pass stops all.
    pub(super) async fn batch(
        &self,
        messages: &[Message<'_>],
        body: &Bytes,
        headers: &HeaderMap,
        exchange: &mut Exchange,
    ) -> Result<Homeward, Refusal> {
        // Each member may be about another server, and the record names one.
        if matches!(self.server.back, Back::Merged(_)) {
            return Err(Refusal::BatchNotAllowed);
        }
        let session = self.session(headers).await?;
        let declared = Self::batch_version(messages, headers)?;
        let version = declared.unwrap_or_else(|| session.as_deref().map_or(ASSUMED, |session| session.version));
        if !version.allows_batches() || messages.is_empty() {
            return Err(Refusal::BatchNotAllowed);
        }
        exchange.speaks(version.as_str());
        let mut permit = None;
        for message in messages {
            permit = Some(authorize::authorize(self.server, &self.principal, message)?);
        }
        let (Some(permit), Some(first)) = (permit, messages.first()) else { return Err(Refusal::BatchNotAllowed) };
        exchange.allowed(&permit);
        // Lists inside a batch would have to be cut out of an array of answers; such a batch is refused where lists are filtered.
        if messages.iter().any(|message| lists::rewrite_for(self.server, message).is_some()) {
            return Err(Refusal::BatchNotAllowed);
        }
        // The members share one answer and one end, so none is followed; a member may take another request back.
        for message in messages {
            self.take_back(message, session.as_deref());
        }
        let outgoing = Outgoing {
            body,
            message: first,
            version,
            version_declared: true,
            session: session.as_deref(),
            mandate: self.mandate(&permit),
            headers,
        };
        if let Some(session) = session.as_deref().filter(|session| session.client.is_some()) {
            let reply = self.cross_all(messages, session, &permit, headers).await;
            return Ok(Homeward { reply, session: None, rewrite: None, stream_place: None });
        }
        let reply = match &self.server.back {
            Back::Http(back) => back.send(&outgoing, false).await?,
            Back::Merged(_) => return Err(Refusal::BatchNotAllowed),
            Back::Stdio(back) => pipe::carry_all(back, &outgoing, session.as_deref().ok_or(Refusal::SessionMissing)?, messages).await?,
        };
        Ok(Homeward { reply, session: None, rewrite: None, stream_place: None })
    }

    /// A modern server knows no batches: each member goes on its own.
    async fn cross_all(&self, messages: &[Message<'_>], session: &Session, permit: &Permit, headers: &HeaderMap) -> Reply {
        let crossing = &self.server.crossing;
        let sent = messages.iter().map(|message| async move {
            let body = Bytes::copy_from_slice(message.raw().as_bytes());
            let agent = self.agent(permit, headers);
            let caller = crossing.caller(Some(session));
            answer_of(message, legacy_caller::carry(crossing, agent, &body, caller, session.version).await)
        });
        together(join_all(sent).await.into_iter().flatten().collect())
    }

    /// The revision that a batch's header declares. A member of the modern era makes the whole a modern message, which no batch can be.
    fn batch_version(messages: &[Message<'_>], headers: &HeaderMap) -> Result<Option<ProtocolVersion>, Refusal> {
        let headers = Headers::from_map(headers).map_err(Refusal::Wire)?;
        let declared = era::classify_without_message(&headers).map_err(Refusal::Wire)?;
        let is_legacy = |message: &Message<'_>| era::classify(&headers, message).is_ok_and(|wire| wire.era == Era::Legacy);
        if declared.era == Era::Modern || !messages.iter().all(is_legacy) {
            return Err(Refusal::BatchNotAllowed);
        }
        Ok(declared.version)
    }
}
