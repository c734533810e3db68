//! Our client side against the real door: people log in with a browser, and programs on the same machine share what they got.

mod accounts;
mod call;
mod crowd;
mod device;
mod host;
mod keeper;
mod sessions;
mod terminal;

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;
use url::Url;

use crate::authorization_server::browser::Browser;
use crate::authorization_server::{open, plan};
use crate::support::{Door, claviger, eventually, is_alive};

/// A person's machine: a home of its own, and a browser that writes down where it is sent.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let browser = folder.path().join("browser");
        std::fs::write(&browser, format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> {}\n", folder.path().join("opened").display())).unwrap();
        let mut permissions = std::fs::metadata(&browser).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        std::fs::set_permissions(&browser, permissions).unwrap();
        // Never the keychain of whoever runs the tests.
        let accounts = folder.path().join(ACCOUNTS);
        std::fs::create_dir_all(&accounts).unwrap();
        std::fs::write(accounts.join("storage"), "file\n").unwrap();
        Self { folder }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = claviger(self.folder());
        command.env("BROWSER", self.folder().join("browser")).args(arguments);
        command
    }

    /// Every address that the browser was opened with.
    fn opened(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder().join("opened")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The address that the browser was opened with for the time of this number.
    async fn sent_to(&self, number: usize) -> Url {
        let text = eventually("the browser is opened", || self.opened().get(number - 1).cloned()).await;
        Url::parse(&text).unwrap()
    }

    /// The keepers that run here.
    fn keepers(&self) -> Vec<u32> {
        let state = self.state();
        let is_ours = |id: &u32| {
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let words: Vec<&[u8]> = line.split(|&byte| byte == 0).collect();
            words.get(1) == Some(&&b"keeper"[..]) && words.get(3) == Some(&state.as_os_str().as_encoded_bytes())
        };
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours).filter(|&id| is_alive(id)).collect()
    }

    /// The only keeper, once there is one.
    async fn keeper(&self) -> u32 {
        eventually("there is a keeper", || self.keepers().first().copied()).await
    }

    fn state(&self) -> PathBuf {
        self.folder().join(STATE)
    }

    fn socket(&self) -> PathBuf {
        self.state().join("keeper/socket")
    }

    /// The files of one sort: `account.` and `json`, say.
    fn kept(&self, beginning: &str, extension: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder().join(ACCOUNTS)).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        paths.filter(|path| name(path).starts_with(beginning) && name(path).ends_with(&format!(".{extension}"))).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.keepers().into_iter().for_each(killed);
    }
}

/// As `kill -9` does.
fn killed(process: u32) {
    let id = rustix::process::Pid::from_raw(process.try_into().unwrap()).unwrap();
    let _gone = rustix::process::kill_process(id, rustix::process::Signal::KILL);
}

const STATE: &str = ".local/state/claviger";
const ACCOUNTS: &str = ".local/state/claviger/accounts";

/// Ada signs in where a program has sent her, allows everything, and her browser goes back to the program.
async fn allows(door: &Door, sent_to: &Url) -> u16 {
    let mut browser = Browser::new(door);
    let page = browser.get(&format!("{}?{}", sent_to.path(), sent_to.query().unwrap())).await;
    let page = if page.text().contains("type=\"password\"") { browser.sign_in(&page).await } else { page };
    let done = browser.answer(&page, "allow").await;
    goes_back(done.header("refresh").unwrap_or_else(|| panic!("{}", done.text())).strip_prefix("0;url=").unwrap()).await
}

/// The browser opens the address at which the program waits; what it sees there.
async fn goes_back(address: &str) -> u16 {
    let url = Url::parse(address).unwrap();
    let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    let place = std::net::SocketAddr::from(([127, 0, 0, 1], url.port().unwrap()));
    crate::support::Request::new(http::Method::GET, place, &target).send().await.status
}
