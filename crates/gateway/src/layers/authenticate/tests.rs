//! Is a token that was taken back refused whatever was thought of it before, and nobody else's?

use std::time::Duration;

use store::memory::Memory;

use super::*;

fn authenticator() -> (Authenticator, Arc<Revocations>) {
    let clock = Clock::system();
    let milliseconds: store::Clock = Arc::new(move || clock.unix_milliseconds());
    let store: Arc<dyn store::Store> = Arc::new(Memory::new(Arc::clone(&milliseconds), store::memory::Limits::default()));
    let revocations = Arc::new(Revocations::new(Arc::clone(&store), milliseconds));
    let limits = crate::config::Limits::default();
    let fingerprinter = Fingerprinter::new(&[7; 32]);
    (Authenticator::new(clock, &limits, fingerprinter, Arc::clone(&revocations), Proofs::new(store)), revocations)
}

fn principal(ids: Option<&[&str]>) -> Arc<Principal> {
    let revocable_by = ids.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
    Arc::new(Principal { revocable_by, ..Principal::developer(&Standings::new(1)) })
}

#[tokio::test]
async fn without_news_of_what_was_revoked_no_token_is_believed_that_might_have_been() {
    let (authenticator, revocations) = authenticator();
    let (own, foreign) = (principal(Some(&["grant", "token"])), principal(None));
    assert!(matches!(authenticator.check_revoked(&own), Err(Refusal::RevocationsUnheard)), "nothing was heard yet");
    assert!(authenticator.check_revoked(&foreign).is_ok(), "other issuers' tokens are not kept there");
    revocations.load().await.unwrap();
    assert!(authenticator.check_revoked(&own).is_ok());
}

#[tokio::test]
async fn a_token_ends_with_its_grant_and_by_itself() {
    let (authenticator, revocations) = authenticator();
    revocations.load().await.unwrap();
    let (first, second, foreign) = (principal(Some(&["grant", "first"])), principal(Some(&["grant", "second"])), principal(None));
    revocations.revoke("first", Duration::from_secs(60)).await.unwrap();
    assert!(matches!(authenticator.check_revoked(&first), Err(Refusal::Revoked)));
    assert!(authenticator.check_revoked(&second).is_ok());
    revocations.revoke("grant", Duration::from_secs(60)).await.unwrap();
    assert!(matches!(authenticator.check_revoked(&second), Err(Refusal::Revoked)));
    assert!(authenticator.check_revoked(&foreign).is_ok());
}

#[tokio::test]
async fn whoever_waits_for_the_end_of_a_token_hears_of_it() {
    let (authenticator, revocations) = authenticator();
    revocations.load().await.unwrap();
    let waiting = authenticator.revoked(Some(principal(Some(&["grant"]))));
    tokio::pin!(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    revocations.revoke("another", Duration::from_secs(60)).await.unwrap();
    assert!(futures_util::poll!(&mut waiting).is_pending(), "another one's end is not this one's");
    revocations.revoke("grant", Duration::from_secs(60)).await.unwrap();
    waiting.await;
    let late = authenticator.revoked(Some(principal(Some(&["grant"]))));
    late.await;
}
