//! What stands behind the door on a bare machine? One pipe inside the process for each instance of a server of our own.

use std::path::Path;
use std::sync::Arc;

use gateway::config::Builtin;
use servers::filesystem::{Access, Filesystem, OpenError};

/// The files of one folder, read-only. The folder is opened now, so that a wrong one is a fault of the configuration.
pub(crate) fn filesystem(root: &Path) -> Result<Builtin, OpenError> {
    let filesystem = Filesystem::open(root, Access::ReadOnly)?;
    Ok(Arc::new(move || {
        let (door, server) = tokio::io::duplex(PIPE_BYTES);
        let filesystem = filesystem.clone();
        tokio::spawn(async move {
            if let Err(error) = filesystem.serve(server).await {
                tracing::warn!(target: "upstream", error = &error as &dyn std::error::Error, "the built-in filesystem server ended");
            }
        });
        door
    }))
}

/// What fits into the pipe before the writer waits for the reader.
const PIPE_BYTES: usize = 256 * 1024;
