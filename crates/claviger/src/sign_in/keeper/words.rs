//! What do a keeper and a program say to each other? Lines of JSON, none longer than a cap. The first, each way, says which version speaks.

use std::io;

use broker::account::visitor::{Destination, TypedCode};
use broker::account::wire::{WrittenErrand, WrittenOutcome};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use url::Url;
use zeroize::Zeroizing;

/// Which version speaks. This line never changes its form.
#[derive(Serialize, Deserialize)]
pub(super) struct Hello {
    version: String,
}

/// What a program wants.
#[derive(Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) errand: WrittenErrand,
    /// More certificate authorities to trust, as PEM.
    pub(super) ca: Option<String>,
    /// Inner networks in which the authorization server may be.
    pub(super) networks: Vec<String>,
    /// The port that the browser comes back to.
    pub(super) port: Option<u16>,
    /// How the person can be asked, if at all.
    pub(super) way: Option<Way>,
}

/// How a person is sent, and comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// The browser comes back to the keeper.
    Browser,
    /// The person pastes where they ended up.
    Pasted,
}

/// What the keeper says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Say {
    /// It is not for the keeper: the program is to do it alone.
    Cannot,
    /// What came of it.
    Done(WrittenOutcome),
    /// The program is to show the person a code, and where to type it.
    Show(ShownCode),
    /// Another program has sent the person there already.
    UnderWay(Sent),
    /// The program is to send the person there.
    Visit(Sent),
}

/// What a program says on the way.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// The person does not come back.
    GaveUp,
    /// What stood behind the `?` of the address that was pasted.
    Pasted(Zeroizing<String>),
    /// The person knows where to go.
    Shown,
}

/// Where a person is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sent {
    url: String,
    server: String,
    authority: String,
}

/// A code, and where a person types it.
#[derive(Serialize, Deserialize)]
pub(super) struct ShownCode {
    code: String,
    #[serde(flatten)]
    to: Sent,
}

/// One end of the socket.
pub(super) struct Conversation {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    /// What has come of the next line.
    line: Zeroizing<Vec<u8>>,
}

impl Hello {
    pub(super) fn ours() -> Self {
        Self { version: VERSION.to_owned() }
    }

    pub(super) fn is_ours(&self) -> bool {
        self.version == VERSION
    }
}

impl Sent {
    pub(super) fn to(destination: &Destination) -> Self {
        let Destination { url, server, authority, .. } = destination;
        Self { url: url.to_string(), server: server.to_string(), authority: authority.clone() }
    }

    /// Where that is. Whoever sends a person somewhere is not the one who hears the answer, so there is no state to know.
    pub(super) fn read(self) -> Option<Destination> {
        let parsed = |text: &str| Url::parse(text).ok();
        Some(Destination { url: parsed(&self.url)?, server: parsed(&self.server)?, authority: self.authority, state: String::new() })
    }
}

impl ShownCode {
    pub(super) fn of(typed: &TypedCode) -> Self {
        let TypedCode { code, url, server, authority } = typed;
        Self { code: code.clone(), to: Sent { url: url.to_string(), server: server.to_string(), authority: authority.clone() } }
    }

    pub(super) fn read(self) -> Option<TypedCode> {
        let Destination { url, server, authority, .. } = self.to.read()?;
        Some(TypedCode { code: self.code, url, server, authority })
    }
}

impl Conversation {
    pub(super) fn new(stream: UnixStream) -> Self {
        let (reader, writer) = stream.into_split();
        Self { reader: BufReader::new(reader), writer, line: Zeroizing::default() }
    }

    pub(super) async fn say(&mut self, words: &impl Serialize) -> io::Result<()> {
        let mut line = Zeroizing::new(Vec::with_capacity(ROOM));
        serde_json::to_writer(&mut *line, words)?;
        line.push(b'\n');
        self.writer.write_all(&line).await
    }

    /// The next line; `None` at the end. What is read so far stays when this is given up.
    pub(super) async fn hear<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        loop {
            let more = self.reader.fill_buf().await?;
            if more.is_empty() {
                return Ok(None);
            }
            let end = more.iter().position(|&byte| byte == b'\n');
            let taken = end.map_or(more.len(), |end| end + 1);
            if self.line.len() + taken > LONGEST {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line over 1 MiB"));
            }
            self.line.extend_from_slice(more.get(..taken).unwrap_or_default());
            self.reader.consume(taken);
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                // What a parser says may quote what it read.
                return serde_json::from_slice(&line).map(Some).map_err(|_| io::ErrorKind::InvalidData.into());
            }
        }
    }
}

/// Also of the protocol: keepers and programs of one version understand each other.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// With room for most of what is said, for growing would leave copies behind.
const ROOM: usize = 16 * 1024;
/// A bundle of certificates fits in.
const LONGEST: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Conversation, UnixStream) {
        let (here, there) = UnixStream::pair().unwrap();
        (Conversation::new(here), there)
    }

    #[tokio::test]
    async fn a_line_may_come_in_pieces_and_waiting_for_it_may_be_given_up() {
        let (mut here, mut there) = pair();
        there.write_all(br#"{"version":"#).await.unwrap();
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), here.hear::<Hello>()).await.is_err());
        there.write_all(b"\"7\"}\n").await.unwrap();
        assert_eq!(here.hear::<Hello>().await.unwrap().unwrap().version, "7");
        drop(there);
        assert!(here.hear::<Hello>().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn an_endless_line_and_nonsense_are_refused() {
        let (mut here, mut there) = pair();
        let endless = tokio::spawn(async move { while there.write_all(&[b' '; 4096]).await.is_ok() {} });
        assert_eq!(here.hear::<Hello>().await.err().unwrap().kind(), io::ErrorKind::InvalidData);
        drop(here);
        endless.await.unwrap();
        let (mut here, mut there) = pair();
        there.write_all(b"secret\n").await.unwrap();
        let error = here.hear::<Hello>().await.err().unwrap();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
