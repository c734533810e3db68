//! How does a caller read files below one directory, and nothing else?
//!
//! Five read-only tools behind [`Filesystem::serve`]. Confinement is kept by the kernel, name by name: see `root`.

mod list;
mod path;
mod read;
mod refusal;
mod root;
mod secret;
mod tools;
mod walk;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

pub use self::root::OpenError;
use self::root::Root;
use self::tools::Tools;
use self::work::Workers;
use crate::era::ToolsOnly;

/// What the tools may do below the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// List and read; nothing is ever created, changed or removed.
    ReadOnly,
}

/// One directory, opened once and offered to any number of connections.
///
/// A clone shares the open directory and the limit of eight calls at work and 1024 in all. If the directory is renamed
/// or replaced later, the clones go on serving the one that was opened.
#[derive(Clone)]
pub struct Filesystem {
    tools: Tools,
}

impl Filesystem {
    /// Opens the root. A symbolic link in `root` itself is followed: the operator wrote it.
    pub fn open(root: &Path, access: Access) -> Result<Self, OpenError> {
        match access {
            Access::ReadOnly => Ok(Self { tools: Tools::new(Arc::new(Root::open(root)?), Arc::new(Workers::default())) }),
        }
    }

    /// Answers one connection until its peer closes it: newline-delimited JSON-RPC, at most 16 MiB a line (a longer one
    /// is dropped), legacy (2025-03-26 to 2025-11-25) and modern (2026-07-28) requests side by side.
    ///
    /// Calls that run when the peer closes have five seconds to end. Dropping the future ends the connection.
    pub async fn serve<Transport>(&self, transport: Transport) -> Result<(), ServeError>
    where
        Transport: AsyncRead + AsyncWrite + Send + 'static,
    {
        let server = ToolsOnly(self.tools.clone());
        let reason = rmcp::service::serve_directly(server, transport, None).waiting().await;
        match reason {
            Ok(rmcp::service::QuitReason::JoinError(source)) | Err(source) => Err(ServeError::Broken { source }),
            Ok(_) => Ok(()),
        }
    }
}

/// Opens `root` and answers one connection: [`Filesystem::open`], then [`Filesystem::serve`].
pub async fn serve<Transport>(root: PathBuf, access: Access, transport: Transport) -> Result<(), ServeError>
where
    Transport: AsyncRead + AsyncWrite + Send + 'static,
{
    Filesystem::open(&root, access)?.serve(transport).await
}

/// Why a connection was not served to its end.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The root cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A task of the connection failed; other connections are not touched.
    #[error("the connection to the filesystem server broke")]
    Broken {
        /// The task's end.
        source: tokio::task::JoinError,
    },
}
