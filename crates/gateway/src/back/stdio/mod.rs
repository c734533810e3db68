//! stub
pub mod failure;
pub mod guard;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
pub struct StdioBack;
pub enum Answer {
    Json { status: ::http::StatusCode, body: Bytes },
    Stream { events: mpsc::Receiver<Bytes> },
    Accepted,
}
pub struct Opened {
    pub answer: Answer,
    pub session: Option<String>,
}
use crate::principal::PrincipalKey;
use failure::BackFailure;
use mcp::envelope::Message;
use policy::Permit;
impl StdioBack {
    pub async fn open(&self, _p: &Permit, _w: &PrincipalKey, _m: &Message<'_>, _b: Bytes) -> Result<Opened, BackFailure> {
        Err(BackFailure::Stopping)
    }
    pub async fn send(&self, _p: &Permit, _w: &PrincipalKey, _s: &str, _m: &Message<'_>, _b: Bytes) -> Result<Answer, BackFailure> {
        Err(BackFailure::Stopping)
    }
    pub async fn send_modern(&self, _p: &Permit, _w: &PrincipalKey, _m: &Message<'_>, _b: Bytes) -> Result<Answer, BackFailure> {
        Err(BackFailure::Stopping)
    }
    pub async fn listen(&self, _w: &PrincipalKey, _s: &str) -> Result<Answer, BackFailure> {
        Err(BackFailure::Stopping)
    }
    pub async fn close(&self, _w: &PrincipalKey, _s: &str) -> Result<(), BackFailure> {
        Err(BackFailure::Stopping)
    }
    pub async fn shutdown(&self, _d: Duration) {}
    pub fn trouble(&self) -> Option<String> {
        None
    }
    pub fn for_upstream(
        _: &crate::config::ServerName,
        _: &crate::config::Upstream,
        _: crate::config::Protocol,
        _: &Arc<broker::Resolver>,
        _: &crate::config::Limits,
        _: &crate::config::Timeouts,
    ) -> Arc<Self> {
        Arc::new(Self)
    }
}
