use std::convert::Infallible;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use store::memory::Memory;

use super::*;

const IDLE: Duration = Duration::from_secs(1000);
const LONGEST: Duration = Duration::from_secs(5000);

pub(crate) fn grant(now: u64) -> Grant {
    Grant {
        person: Person { subject: "ada".into(), name: "Ada".into(), provider: None, groups: Vec::new() },
        client_id: "client".into(),
        client_name: "A client".into(),
        scopes: ScopeSet::parse("files:read").unwrap(),
        resource: Resource::parse("https://door/mcp/files").unwrap(),
        granted_at: now,
        used_at: now,
        signed_in_at: now,
        dpop_key: None,
        tokens_until: now,
        generation: Some(0),
    }
}

fn parts() -> (Arc<Shelf>, Arc<Grants>) {
    let key = InstanceKey::from_bytes(&[7; 32]);
    let shelf = Shelf::new(Arc::new(Memory::new(Arc::new(|| 0), store::memory::Limits::default())), &key).unwrap();
    (Arc::new(shelf), Arc::new(Grants::new(&key, IDLE, LONGEST)))
}

async fn begun(shelf: &Shelf, grants: &Grants) -> (GrantId, SecretString) {
    let id = GrantId::new().unwrap();
    grants.begin(shelf, id, &grant(0), 0, IDLE).await.unwrap();
    (id, grants.token_of(id, 0))
}

async fn renew(shelf: &Shelf, grants: &Grants, token: &SecretString, now: u64) -> Option<SecretString> {
    let presented = grants.read(token.expose_secret()).unwrap();
    let renewed = grants.renew(shelf, presented, now, |_| Ok::<_, Infallible>(())).await.unwrap();
    match renewed.unwrap() {
        Renewal::Goes(_, next) => Some(next),
        Renewal::Stolen(_) | Renewal::Gone => None,
    }
}

#[test]
fn a_token_that_was_changed_is_none() {
    let (_, grants) = parts();
    let id = GrantId::new().unwrap();
    let token = grants.token_of(id, 3);
    let text = token.expose_secret();
    assert_eq!(grants.read(text), Some(Presented { id, generation: 3 }));
    for position in 0..text.len() {
        let mut changed = text.to_owned().into_bytes();
        changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
        assert_eq!(grants.read(std::str::from_utf8(&changed).unwrap()), None, "{position}");
    }
    for other in ["", PREFIX, &text[1..], &text[..text.len() - 1], &format!("{text}A"), &format!("{text}AAAA")] {
        assert_eq!(grants.read(other), None, "{other}");
    }
    let other = Grants::new(&InstanceKey::from_bytes(&[8; 32]), IDLE, LONGEST);
    assert_eq!(other.read(text), None);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again_until_its_token_is_used() {
    let (shelf, grants) = parts();
    let (_, first) = begun(&shelf, &grants).await;
    let second = renew(&shelf, &grants, &first, 1).await.unwrap();
    assert_ne!(first.expose_secret(), second.expose_secret());
    let again = renew(&shelf, &grants, &first, 2).await.unwrap();
    assert_eq!(again.expose_secret(), second.expose_secret());
    let third = renew(&shelf, &grants, &second, 3).await.unwrap();
    assert!(renew(&shelf, &grants, &third, 4).await.is_some());
}

#[tokio::test]
async fn a_token_that_was_used_and_used_again_ends_the_whole_line() {
    let (shelf, grants) = parts();
    let (id, first) = begun(&shelf, &grants).await;
    let second = renew(&shelf, &grants, &first, 1).await.unwrap();
    let third = renew(&shelf, &grants, &second, 2).await.unwrap();
    let presented = grants.read(first.expose_secret()).unwrap();
    let outcome = grants.renew(&shelf, presented, 3, |_| Ok::<_, Infallible>(())).await.unwrap().unwrap();
    assert!(matches!(outcome, Renewal::Stolen(_)));
    assert!(renew(&shelf, &grants, &third, 4).await.is_none());
    assert!(grants.find(&shelf, id, 4).await.unwrap().is_none());
}

#[tokio::test]
async fn a_grant_ends_when_nobody_uses_it_and_in_any_case() {
    let (shelf, grants) = parts();
    let (_, first) = begun(&shelf, &grants).await;
    assert!(renew(&shelf, &grants, &first, IDLE.as_secs()).await.is_none());
    let (_, mut token) = begun(&shelf, &grants).await;
    let mut now = 0;
    while now + 900 < LONGEST.as_secs() {
        now += 900;
        token = renew(&shelf, &grants, &token, now).await.unwrap();
    }
    assert!(renew(&shelf, &grants, &token, LONGEST.as_secs()).await.is_none());
}

#[tokio::test]
async fn whoever_may_not_use_it_changes_nothing() {
    let (shelf, grants) = parts();
    let (_, first) = begun(&shelf, &grants).await;
    let presented = grants.read(first.expose_secret()).unwrap();
    let refused = grants.renew(&shelf, presented, 1, |grant| if grant.client_id == "other" { Ok(()) } else { Err("no") }).await.unwrap();
    assert_eq!(refused.unwrap_err(), "no");
    assert!(renew(&shelf, &grants, &first, 2).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_at_once_have_one_descendant() {
    let (shelf, grants) = parts();
    let (_, first) = begun(&shelf, &grants).await;
    let crowd: Vec<_> = (0..1000)
        .map(|_| {
            let (shelf, grants, first) = (Arc::clone(&shelf), Arc::clone(&grants), first.clone());
            tokio::spawn(async move { renew(&shelf, &grants, &first, 1).await.unwrap().expose_secret().to_owned() })
        })
        .collect();
    let mut descendants = std::collections::BTreeSet::new();
    for each in crowd {
        descendants.insert(each.await.unwrap());
    }
    assert_eq!(descendants.len(), 1);
    let second = SecretString::from(descendants.pop_first().unwrap());
    assert!(renew(&shelf, &grants, &second, 2).await.is_some());
}
