//! Which token the server behind the door is shown, when an authorization server gives it.

mod certificates;
mod for_callers;
mod in_our_name;

use serde_json::json;

use crate::support::{Puppet, Say, Seen};

/// A token endpoint that numbers its tokens: `upstream-token-1`, `upstream-token-2`.
async fn numbering(expires_in: u64) -> Puppet {
    let given = std::sync::atomic::AtomicUsize::new(0);
    Puppet::start(move |_| {
        let number = given.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        token(&format!("upstream-token-{number}"), expires_in)
    })
    .await
}

/// The answer that gives this token.
fn token(token: &str, expires_in: u64) -> Say {
    Say::json(json!({"access_token": token, "token_type": "Bearer", "expires_in": expires_in}).to_string())
}

/// A server that takes every credential.
async fn upstream() -> Puppet {
    Puppet::with_result(r#"{"resultType":"complete","content":[]}"#).await
}

/// A server that takes what `accepts` says.
async fn choosy(accepts: impl Fn(&str) -> bool + Send + Sync + 'static) -> Puppet {
    Puppet::start(move |seen: &Seen| {
        if seen.header("authorization").is_some_and(&accepts) {
            Say::result(seen, r#"{"resultType":"complete","content":[]}"#)
        } else {
            Say::nothing(401).header("www-authenticate", r#"Bearer error="invalid_token""#)
        }
    })
    .await
}

/// The bearer tokens that a server was shown, in order.
fn shown(upstream: &Puppet) -> Vec<String> {
    upstream.seen().iter().map(|seen| seen.header("authorization").unwrap_or_default().to_owned()).collect()
}
