//! What each source gives, and every way in which it gives nothing.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::reference::Reference;

async fn fetch(sources: &Sources, reference: &str) -> Result<String, Cause> {
    let reference: Reference = reference.parse().unwrap();
    sources.fetch(reference.place()).await.map(|fetched| fetched.value.expose().to_owned())
}

fn sources(directory: &Path) -> Sources {
    let variables = [("TOKEN", "hunter2"), ("EMPTY", "")];
    let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
    Sources::local(environment, Files::new(directory.to_owned(), OpenFiles::Refuse))
}

fn folder_with(name: &str, content: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(name), content).unwrap();
    set_mode(&folder.path().join(name), 0o600);
    folder
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_kind_without_a_provider_gives_nothing() {
    assert_eq!(fetch(&sources(Path::new("/")), "keychain://claviger/brave").await, Err(Cause::NotInThisBuild));
}

#[tokio::test]
async fn variable_is_given_and_missing_or_empty_ones_are_not() {
    let sources = sources(Path::new("/"));
    assert_eq!(fetch(&sources, "env://TOKEN").await.unwrap(), "hunter2");
    assert_eq!(fetch(&sources, "env://OTHER").await, Err(Cause::NotSet));
    assert_eq!(fetch(&sources, "env://EMPTY").await, Err(Cause::Empty));
    // The process has it, but it was not handed in.
    assert_eq!(fetch(&sources, "env://PATH").await, Err(Cause::NotSet));
}

#[tokio::test]
async fn file_is_read_without_its_last_line_end() {
    for (content, value) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), (" a ", " a "), ("a\nb\n", "a\nb")] {
        let folder = folder_with("token", content.as_bytes());
        let sources = sources(folder.path());
        assert_eq!(fetch(&sources, "file://./token").await.unwrap(), value, "{content:?}");
        let absolute = format!("file://{}", folder.path().join("token").display());
        assert_eq!(fetch(&sources, &absolute).await.unwrap(), value);
    }
}

#[tokio::test]
async fn unusable_files_are_refused_by_what_is_wrong() {
    let folder = folder_with("empty", b"\n");
    let sources = sources(folder.path());
    fs::create_dir(folder.path().join("folder")).unwrap();
    fs::write(folder.path().join("binary"), b"\xff\xfe").unwrap();
    set_mode(&folder.path().join("binary"), 0o600);
    let status = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
    assert!(status.success());
    assert_eq!(fetch(&sources, "file://./empty").await, Err(Cause::Empty));
    assert_eq!(fetch(&sources, "file://./folder").await, Err(Cause::NotAFile));
    assert_eq!(fetch(&sources, "file://./pipe").await, Err(Cause::NotAFile));
    assert_eq!(fetch(&sources, "file:///dev/zero").await, Err(Cause::NotAFile));
    assert_eq!(fetch(&sources, "file://./binary").await, Err(Cause::NotText));
    assert_eq!(fetch(&sources, "file://./absent").await, Err(Cause::Unreadable(std::io::ErrorKind::NotFound)));
}

#[tokio::test]
async fn file_of_64_kib_is_read_and_one_byte_more_is_not() {
    let folder = folder_with("key", &vec![b'a'; 64 * 1024]);
    assert_eq!(fetch(&sources(folder.path()), "file://./key").await.unwrap().len(), 64 * 1024);
    let folder = folder_with("key", &vec![b'a'; 64 * 1024 + 1]);
    assert_eq!(fetch(&sources(folder.path()), "file://./key").await, Err(Cause::TooLarge { limit: 64 * 1024 }));
}

#[tokio::test]
async fn file_that_everybody_may_use_is_refused_or_reported() {
    let folder = folder_with("token", b"hunter2");
    let path = folder.path().join("token");
    let sources = |open_files| Sources::local(Environment::default(), Files::new(folder.path().to_owned(), open_files));
    for (mode, is_refused) in [(0o600, false), (0o640, false), (0o644, true), (0o602, true), (0o666, true)] {
        set_mode(&path, mode);
        let expected = if is_refused { Err(Cause::OpenToOthers { mode }) } else { Ok("hunter2".to_owned()) };
        assert_eq!(fetch(&sources(OpenFiles::Refuse), "file://./token").await, expected, "{mode:o}");
        assert_eq!(fetch(&sources(OpenFiles::Accept), "file://./token").await, Ok("hunter2".to_owned()), "{mode:o}");
        assert_eq!(fetch(&sources(OpenFiles::Warn), "file://./token").await, Ok("hunter2".to_owned()), "{mode:o}");
    }
}

#[tokio::test]
async fn link_is_judged_by_what_it_leads_to() {
    let folder = folder_with("..data", b"hunter2");
    std::os::unix::fs::symlink("..data", folder.path().join("token")).unwrap();
    assert_eq!(fetch(&sources(folder.path()), "file://./token").await.unwrap(), "hunter2");
    set_mode(&folder.path().join("..data"), 0o644);
    assert_eq!(fetch(&sources(folder.path()), "file://./token").await, Err(Cause::OpenToOthers { mode: 0o644 }));
}

#[tokio::test]
async fn files_keep_what_every_writer_promises() {
    let folder = TempDir::new().unwrap();
    let files = Files::new(folder.path().to_owned(), OpenFiles::Refuse);
    conformance::Suite { provider: &files, first: "file://./first", second: "file://./second" }.run(false).await;
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no draft is left behind");
}

#[tokio::test]
async fn written_file_is_its_owners_and_replaces_no_link_and_no_folder() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = folder_with("open", b"hunter2");
    let path = |name: &str| folder.path().join(name);
    set_mode(&path("open"), 0o644);
    std::os::unix::fs::symlink("open", path("link")).unwrap();
    fs::create_dir(path("folder")).unwrap();
    let files = Files::new(folder.path().to_owned(), OpenFiles::Refuse);
    let suite = conformance::Suite { provider: &files, first: "file://./open", second: "file://./link" };
    for name in ["file://./link", "file://./folder"] {
        assert_eq!(suite.put(name, "x").await, Err(Cause::NotAFile));
        assert_eq!(suite.delete(name).await, Err(Cause::NotAFile));
    }
    assert_eq!(suite.put("file://./nowhere/x", "x").await, Err(Cause::Unwritable(std::io::ErrorKind::NotFound)));
    suite.put("file://./open", "hunter3").await.unwrap();
    assert_eq!(fs::metadata(path("open")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(suite.get("file://./link").await.unwrap(), "hunter3");
}

#[tokio::test]
async fn a_field_is_taken_out_of_what_is_read_for_a_person() {
    let folder = folder_with("db", br#"{"user":"ann","password":"hunter2"}"#);
    let sources = sources(folder.path());
    let read = async |name: &str| sources.read(&name.parse().unwrap()).await.map(|fetched| fetched.value.expose().to_owned());
    assert_eq!(read("file://./db#password").await.unwrap(), "hunter2");
    assert_eq!(read("file://./db#none").await, Err(Cause::FieldAbsent));
    assert!(sources.writer(Kind::Variable).is_none());
    assert_eq!(sources.writers().map(|(kind, _)| kind).collect::<Vec<_>>(), [Kind::File]);
}
