//! When does the door stop, and when does it read its configuration again? Signals and changed files, as one stream of orders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::interruption::Interruption;
use crate::voice::{Exit, Report};

/// What the outside wants of the running door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Read the configuration again.
    Reload,
    /// Finish what is under way, then end. Given twice, end at once.
    Stop,
}

/// Where orders come from.
pub(crate) struct Orders {
    interruption: Interruption,
    hang_up: Signal,
    watched: Watched,
}

/// Files that are watched.
struct Watched {
    changes: mpsc::Receiver<()>,
    /// Kept, because dropping it ends the watching.
    _watcher: Option<RecommendedWatcher>,
}

impl Orders {
    /// Listens for signals from now on.
    pub(crate) fn listen() -> Result<Self, Report> {
        let hang_up = signal(SignalKind::hangup());
        let hang_up = hang_up.map_err(|error| Report::new(Exit::Internal, "cannot listen for signals").caused_by(&error))?;
        Ok(Self { interruption: Interruption::listen()?, hang_up, watched: Watched { changes: mpsc::channel(1).1, _watcher: None } })
    }

    /// Listens for changes of these files too.
    pub(crate) fn watch(&mut self, files: &[PathBuf]) {
        let (changed, changes) = mpsc::channel(1);
        match watch(files, changed) {
            Ok(watcher) => self.watched = Watched { changes, _watcher: watcher },
            Err(error) => tracing::warn!(target: "door", %error, "configuration files cannot be watched; SIGHUP still reloads"),
        }
    }

    /// Waits for the order to stop; others are kept for when the door is open.
    pub(crate) async fn stop(&mut self) {
        self.interruption.come().await;
    }

    /// The next order.
    pub(crate) async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.interruption.come() => Order::Stop,
            _ = self.hang_up.recv() => Order::Reload,
            () = settled(&mut self.watched.changes) => Order::Reload,
        }
    }
}

/// One change, once the burst that an editor makes is over.
async fn settled(changes: &mut mpsc::Receiver<()>) {
    if changes.recv().await.is_none() {
        return std::future::pending().await;
    }
    while let Ok(Some(())) = tokio::time::timeout(BURST, changes.recv()).await {}
}

/// Watches the folders, not the files: editors and container platforms replace a file instead of writing it.
fn watch(files: &[PathBuf], changed: mpsc::Sender<()>) -> notify::Result<Option<RecommendedWatcher>> {
    if files.is_empty() {
        return Ok(None);
    }
    let names: BTreeSet<std::ffi::OsString> = files.iter().filter_map(|file| file.file_name().map(ToOwned::to_owned)).collect();
    let concerns_us = move |event: &notify::Event| {
        !event.kind.is_access()
            // Container platforms swap a link called `..data` beside the files.
            && event.paths.iter().filter_map(|path| path.file_name()).any(|name| names.contains(name) || name == "..data")
    };
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.as_ref().is_ok_and(&concerns_us) {
            // Full means that a reload is due already.
            let _ = changed.try_send(());
        }
    })?;
    let folders: BTreeSet<&Path> =
        files.iter().map(|file| file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))).collect();
    for folder in folders {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(Some(watcher))
}

const BURST: Duration = Duration::from_millis(200);
