//! Who may have secrets fetched anew from outside? Whoever knows the webhook's secret: a vault that has just rotated one, for example.
//!
//! `POST /secrets/rotate` on the admin listener, with `Authorization: Bearer SECRET`; the body is empty, or `{"name": "REFERENCE OR SERVER"}`.

use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use gateway::Door;
use gateway::clock::Clock;
use http::header::AUTHORIZATION;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use policy::quota::{Bucket, Rate};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use crate::admin::{PLAIN, text};
use crate::control::{self, Answer, Wish};

/// Where it is asked.
pub(crate) const PATH: &str = "/secrets/rotate";

/// Takes the order to fetch secrets anew.
pub(crate) struct Webhook {
    secret: SecretString,
    clock: Clock,
    /// Orders and refused ones alike: each costs the vault something, or is a guess.
    asked: Bucket,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    #[serde(default)]
    name: Option<String>,
}

impl Webhook {
    pub(crate) fn new(secret: SecretString, clock: Clock) -> Self {
        Self { secret, clock, asked: Bucket::default() }
    }

    /// Carries an order out. What was fetched is told by its number alone: names are the operator's business.
    pub(crate) async fn answer(&self, request: Request<Incoming>, door: &Door) -> Response<Full<Bytes>> {
        if request.method() != Method::POST {
            return text(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "POST is expected\n".to_owned());
        }
        if let Err(wait) = self.asked.spend(Rate::per_minute(PER_MINUTE), self.clock.monotonic_nanoseconds()) {
            return text(StatusCode::TOO_MANY_REQUESTS, PLAIN, format!("ask again in {} s\n", wait.seconds()));
        }
        if !self.knows_the_secret(&request) {
            return text(StatusCode::UNAUTHORIZED, PLAIN, "the webhook's secret is expected as a bearer token\n".to_owned());
        }
        let body = tokio::time::timeout(PATIENCE, outbound::read_capped(request.into_body(), LONGEST)).await;
        let Ok(Ok(body)) = body else { return text(StatusCode::BAD_REQUEST, PLAIN, "the body could not be read\n".to_owned()) };
        // A list would be read as the members in their order.
        let order = match body.trim_ascii().first() {
            None => Some(Order::default()),
            Some(b'{') => serde_json::from_slice(&body).ok(),
            Some(_) => None,
        };
        let Some(Order { name }) = order else {
            return text(StatusCode::BAD_REQUEST, PLAIN, "the body is empty, or JSON with `name`\n".to_owned());
        };
        match control::fulfil(&Wish::Rotate { name }, door).await {
            Answer::Rotated(fetched) => {
                let changed = fetched.iter().filter(|one| one.changed).count();
                let missing = fetched.iter().filter(|one| one.missing.is_some()).count();
                let body = serde_json::json!({ "fetched": fetched.len(), "changed": changed, "missing": missing });
                text(StatusCode::OK, "application/json", body.to_string())
            }
            Answer::Refused(_) | Answer::ConnectionEnded(_) | Answer::Connections(_) | Answer::Inventory(_) | Answer::Issuer(_) => {
                text(StatusCode::NOT_FOUND, PLAIN, "there is neither such a reference nor such a server\n".to_owned())
            }
        }
    }

    fn knows_the_secret(&self, request: &Request<Incoming>) -> bool {
        let shown = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let shown = shown.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        shown.as_bytes().ct_eq(self.secret.expose_secret().as_bytes()).into()
    }
}

const PER_MINUTE: NonZeroU32 = NonZeroU32::new(30).unwrap();
/// Bytes of an order.
const LONGEST: usize = 8 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);
