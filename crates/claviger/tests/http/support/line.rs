//! How does a test say very much? One kept connection, request after request.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Answer, Request};

/// A connection that stays open.
pub(crate) struct Line(SendRequest<Full<Bytes>>);

impl Line {
    pub(crate) async fn open(to: SocketAddr) -> Self {
        let (sender, connection) = handshake(TokioIo::new(TcpStream::connect(to).await.unwrap())).await.unwrap();
        tokio::spawn(async move {
            // Whoever waits for an answer sees what went wrong.
            let _ = connection.await;
        });
        Self(sender)
    }

    /// Sends one request; gives the status once the whole answer is there.
    pub(crate) async fn status(&mut self, request: Request) -> u16 {
        self.answer(request).await.status
    }

    /// Sends one request; gives the whole answer.
    pub(crate) async fn answer(&mut self, request: Request) -> Answer {
        self.0.ready().await.unwrap();
        let (parts, mut body) = self.0.send_request(request.into_http()).await.unwrap().into_parts();
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            if let Ok(piece) = frame.unwrap().into_data() {
                whole.extend_from_slice(&piece);
            }
        }
        Answer::new(parts.status, parts.headers, whole.freeze(), true)
    }
}
