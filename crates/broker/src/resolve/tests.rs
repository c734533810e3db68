//! What a template becomes, and what nothing becomes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use oauth::scope::ScopeSet;
use policy::{Action, Caller, Permit, RuleSet};
use secrecy::ExposeSecret;
use store::memory::{Limits, Memory};

use super::*;
use crate::source::{Environment, Files, OpenFiles};

fn resolver(variables: &[(&str, &str)]) -> Resolver {
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Resolver::new(Sources::local(environment, Files::new(PathBuf::from("/"), OpenFiles::Refuse)), Arc::new(|| 0))
}

async fn resolve(resolver: &Resolver, text: &str) -> Result<String, Missing> {
    let value = resolver.resolve_for_start(&Template::parse(text).unwrap()).await?;
    Ok(value.expose_secret().to_owned())
}

#[tokio::test]
async fn references_are_replaced_by_their_values() {
    let resolver = resolver(&[("A", "hunter2"), ("B", "${A}")]);
    assert_eq!(resolve(&resolver, "Bearer ${A}!").await.unwrap(), "Bearer hunter2!");
    assert_eq!(resolve(&resolver, "env://A").await.unwrap(), "hunter2");
    assert_eq!(resolve(&resolver, "${env://A}${A}").await.unwrap(), "hunter2hunter2");
    assert_eq!(resolve(&resolver, "$${A}").await.unwrap(), "${A}");
    assert_eq!(resolve(&resolver, "plain").await.unwrap(), "plain");
    assert_eq!(resolve(&resolver, "").await.unwrap(), "");
    // A value is a value: what looks like a reference in it is not followed.
    assert_eq!(resolve(&resolver, "${B}").await.unwrap(), "${A}");
}

#[tokio::test]
async fn missing_value_is_an_error_that_names_the_reference() {
    let resolver = resolver(&[("EMPTY", "")]);
    for (text, name, code) in [("Bearer ${NOPE}", "env://NOPE", "not_set"), ("${EMPTY}", "env://EMPTY", "empty")] {
        let missing = resolve(&resolver, text).await.unwrap_err();
        assert_eq!(missing.code(), code);
        assert_eq!(missing.to_string(), format!("`{name}` gives no credential"));
    }
    let missing = resolve(&resolver, "file:///nope").await.unwrap_err();
    assert_eq!(missing.code(), "unreadable");
}

#[tokio::test]
async fn default_stands_in_for_an_unset_or_empty_variable_only() {
    let resolver = resolver(&[("SET", "value"), ("EMPTY", "")]);
    assert_eq!(resolve(&resolver, "${SET:-default}").await.unwrap(), "value");
    assert_eq!(resolve(&resolver, "${EMPTY:-default}").await.unwrap(), "default");
    assert_eq!(resolve(&resolver, "${NOPE:-}").await.unwrap(), "");
}

#[tokio::test]
async fn file_that_changes_is_seen_after_its_lifetime_or_when_refused() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("token");
    let write = |content: &str| {
        use std::os::unix::fs::PermissionsExt;

        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    let now = Arc::new(AtomicU64::new(0));
    let clock: Clock = Arc::new({
        let now = Arc::clone(&now);
        move || now.load(Ordering::SeqCst)
    });
    let sources = Sources::local(Environment::default(), Files::new(folder.path().to_owned(), OpenFiles::Refuse));
    let resolver = Resolver::new(sources, clock);
    let credential = resolver.credential(&Template::parse("file://./token?ttl=10").unwrap());
    let release = async || credential.release(&permit()).await.unwrap();
    write("one");
    assert_eq!(release().await.expose(), "one");
    write("two");
    let refused = release().await;
    assert_eq!(refused.expose(), "one");
    now.store(10_000, Ordering::SeqCst);
    assert_eq!(release().await.expose(), "two");
    // What was refused is not what is kept now.
    assert!(credential.refuse(refused.stamp));
    write("three");
    let current = release().await;
    assert_eq!(current.expose(), "two");
    assert!(credential.refuse(current.stamp));
    assert_eq!(release().await.expose(), "three");
}

#[tokio::test]
async fn references_to_one_place_share_what_is_fetched() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("login");
    std::fs::write(&path, r#"{"user":"ada","password":"hunter2"}"#).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let sources = Sources::local(Environment::default(), Files::new(folder.path().to_owned(), OpenFiles::Refuse));
    let resolver = Resolver::new(sources, Arc::new(|| 0));
    let credential = resolver.credential(&Template::parse("${file://./login#user}:${file://./login?ttl=10#password}").unwrap());
    assert_eq!(credential.release(&permit()).await.unwrap().expose(), "ada:hunter2");
    // One document, read once: what is written later is not seen by half.
    std::fs::write(&path, r#"{"user":"eve","password":"hunter3"}"#).unwrap();
    let password = resolver.credential(&Template::parse("file://./login#password").unwrap());
    assert_eq!(password.release(&permit()).await.unwrap().expose(), "hunter2");
    let missing = resolver.credential(&Template::parse("file://./login#token").unwrap()).release(&permit()).await.err().unwrap();
    assert_eq!((missing.to_string().as_str(), missing.code()), ("`file://./login#token` gives no credential", "field_absent"));
}

#[tokio::test]
async fn secrets_of_a_template_come_without_the_text_around_them() {
    let resolver = resolver(&[("A", "hunter2"), ("B", "hunter3")]);
    let template = Template::parse("Basic ${A}:${B}:${C:-d}").unwrap();
    let credential = resolver.credential(&template);
    let secrets = credential.secrets(&permit()).await.unwrap();
    assert_eq!(secrets.iter().map(ExposeSecret::expose_secret).collect::<Vec<_>>(), ["hunter2", "hunter3", "d"]);
    assert_eq!(credential.release(&permit()).await.unwrap().expose(), "Basic hunter2:hunter3:d");
}

#[tokio::test]
async fn in_a_url_a_value_is_encoded_and_what_is_written_around_it_is_not() {
    let resolver = resolver(&[("A", "hunter2-._~"), ("B", "a/b?c=d&e#f %é")]);
    let template = Template::parse("/mcp/${A}?key=${B}&n=${C:-1 2}").unwrap();
    assert_eq!(template.with_stand_in("x"), "/mcp/x?key=x&n=x");
    let credential = resolver.credential(&template).in_a_url();
    let released = credential.release(&permit()).await.unwrap();
    assert_eq!(released.expose(), "/mcp/hunter2-._~?key=a%2Fb%3Fc%3Dd%26e%23f%20%25%C3%A9&n=1%202");
}

#[tokio::test]
async fn nothing_prints_a_value() {
    let resolver = resolver(&[("A", "hunter2"), ("J", r#"{"k":true,"p":"hunter2"}"#)]);
    let secret = resolver.resolve_for_start(&Template::parse("x ${A}").unwrap()).await.unwrap();
    let missing = resolver.resolve_for_start(&Template::parse("${env://J#k}").unwrap()).await.unwrap_err();
    let printed = format!("{secret:?} {missing} {missing:?}");
    assert!(!printed.contains("hunter2"), "{printed}");
}

/// A permit as a decision makes it.
fn permit() -> Permit {
    let scopes = ScopeSet::default();
    let caller = Caller { issuer: "https://idp.example", subject: "ada", client: None, scopes: &scopes };
    RuleSet::open().decide(&caller, &Action::Tool("search")).unwrap()
}

#[derive(Default)]
struct Rotations(Mutex<Vec<(Option<String>, Option<String>)>>);

impl Observer for Rotations {
    fn rotated(&self, rotation: &crate::observer::Rotation<'_>) {
        let text = |version: Option<&str>| version.map(str::to_owned);
        self.0.lock().unwrap().push((text(rotation.version_before), text(rotation.version)));
    }
}

#[tokio::test]
async fn the_date_of_a_change_outlives_the_resolver() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("token");
    let write = |content: &str| {
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    let (store, time) = (Arc::new(Memory::new(Arc::new(|| 0), Limits::default())), Arc::new(AtomicU64::new(1000)));
    let rotations = Arc::<Rotations>::default();
    let start = || {
        let time = Arc::clone(&time);
        let sources = Sources::local(Environment::default(), Files::new(folder.path().to_owned(), OpenFiles::Refuse));
        let resolver = Resolver::new(sources, Arc::new(move || time.load(Ordering::SeqCst)));
        let history = History::new(Arc::clone(&store) as Arc<dyn store::Store>, &[7; 32]);
        resolver.remembering(history).observed_by(Arc::clone(&rotations) as Arc<dyn Observer>)
    };
    let seen = async |resolver: &Resolver, is_used: bool| {
        let credential = resolver.credential(&Template::parse("file://./token").unwrap());
        if is_used {
            credential.fill().await.unwrap();
        }
        let held = resolver.inventory().await.remove(0);
        (held.fetched_at, held.changed_at)
    };
    write("one");
    let first = start();
    assert_eq!(seen(&first, false).await, (None, None));
    assert_eq!(seen(&first, true).await, (Some(1000), None));
    write("two");
    time.store(100_000, Ordering::SeqCst);
    assert_eq!(seen(&first, true).await, (Some(100_000), Some(100_000)));
    drop(first);
    time.store(200_000, Ordering::SeqCst);
    let second = start();
    assert_eq!(seen(&second, false).await, (None, Some(100_000)), "nobody has used it here yet");
    assert_eq!(seen(&second, true).await, (Some(200_000), Some(100_000)));
    assert_eq!(rotations.0.lock().unwrap().len(), 1);
    drop(second);
    // While nobody is there.
    write("three");
    time.store(300_000, Ordering::SeqCst);
    assert_eq!(seen(&start(), true).await, (Some(300_000), Some(300_000)));
    assert_eq!(*rotations.0.lock().unwrap(), [(None, None), (None, None)]);
}
