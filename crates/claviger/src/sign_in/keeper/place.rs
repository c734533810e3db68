//! Where is the keeper found, and who may speak to whom? A socket in a folder of the person's own, and nobody but that person at either end.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// The folder of the keeper.
#[derive(Clone, Debug)]
pub(super) struct Place {
    folder: PathBuf,
}

/// The keeper's own: nobody else listens here as long as this lives.
pub(super) struct Office {
    pub(super) listener: UnixListener,
    socket: PathBuf,
    /// Of the socket that was bound.
    inode: u64,
    _lock: File,
}

impl Place {
    pub(super) fn of(state: &Path) -> Self {
        Self { folder: state.join("keeper") }
    }

    /// Makes the folder where it is missing. One that others can look into is not used.
    pub(super) fn make(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let found = fs::symlink_metadata(&self.folder)?;
        let others = found.mode() & 0o077;
        if found.is_dir() && others == 0 && is_ours(found.uid()) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "the keeper's folder is not this person's alone"))
    }

    /// A way to the keeper; `None`: there is none.
    pub(super) async fn connect(&self) -> io::Result<Option<UnixStream>> {
        let stream = match UnixStream::connect(self.socket()).await {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => return Ok(None),
            Err(error) => return Err(error),
        };
        admit(stream).map(Some)
    }

    /// Held by whoever starts a keeper, so that many who find none start one.
    pub(super) fn starting(&self) -> io::Result<File> {
        let file = self.open("starting")?;
        file.lock()?;
        Ok(file)
    }

    /// Listens; `None`: another keeper does. What a keeper that died has left is replaced.
    pub(super) fn occupy(&self) -> io::Result<Option<Office>> {
        let lock = self.open("lock")?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let socket = self.socket();
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&socket)?;
        fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
        let inode = fs::symlink_metadata(&socket)?.ino();
        Ok(Some(Office { listener, socket, inode, _lock: lock }))
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    fn open(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.folder.join(name))
    }
}

impl Office {
    /// Whether anybody can still find us here.
    pub(super) fn is_found(&self) -> bool {
        fs::symlink_metadata(&self.socket).is_ok_and(|found| found.ino() == self.inode)
    }

    /// Lets the next one in.
    pub(super) fn leave(self) {
        if self.is_found() {
            let _gone = fs::remove_file(&self.socket);
        }
    }
}

/// The stream, if it is the same person's.
pub(super) fn admit(stream: UnixStream) -> io::Result<UnixStream> {
    if is_ours(stream.peer_cred()?.uid()) {
        return Ok(stream);
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "somebody else is at the other end of the keeper's socket"))
}

fn is_ours(user: u32) -> bool {
    user == rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    #[tokio::test]
    async fn folder_and_socket_are_for_one_person() {
        let state = tempfile::tempdir().unwrap();
        let place = Place::of(state.path());
        place.make().unwrap();
        let office = place.occupy().unwrap().unwrap();
        assert_eq!((mode(&place.folder), mode(&place.socket()), mode(&place.folder.join("lock"))), (0o700, 0o600, 0o600));
        assert!(place.connect().await.unwrap().is_some());
        office.leave();
        assert!(place.connect().await.unwrap().is_none());
    }

    #[test]
    fn nobody_else_is_this_person() {
        let ours = rustix::process::geteuid().as_raw();
        assert!(is_ours(ours));
        assert!(!is_ours(ours + 1) && !is_ours(u32::MAX));
    }

    #[test]
    fn a_folder_that_others_can_look_into_or_that_is_elsewhere_is_not_used() {
        let state = tempfile::tempdir().unwrap();
        let place = Place::of(state.path());
        place.make().unwrap();
        fs::set_permissions(&place.folder, Permissions::from_mode(0o750)).unwrap();
        assert_eq!(place.make().unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        fs::remove_dir(&place.folder).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), &place.folder).unwrap();
        assert!(place.make().is_err());
    }

    #[tokio::test]
    async fn what_a_dead_keeper_left_is_replaced_and_a_living_one_is_not() {
        let state = tempfile::tempdir().unwrap();
        let place = Place::of(state.path());
        place.make().unwrap();
        drop(UnixListener::bind(place.socket()).unwrap());
        assert!(place.connect().await.unwrap().is_none(), "nobody listens");
        let office = place.occupy().unwrap().unwrap();
        assert!(place.occupy().unwrap().is_none());
        assert!(place.connect().await.unwrap().is_some() && office.is_found());
        fs::remove_file(place.socket()).unwrap();
        assert!(!office.is_found());
        drop(office);
        let next = place.occupy().unwrap().unwrap();
        assert!(next.is_found());
    }
}
