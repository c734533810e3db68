//! How does a device without a browser ask? It gets two codes: one that it keeps, and one that a person types on another machine. (RFC 8628)
//!
//! The store knows both codes by their hashes. How often a device asks again is remembered here and not there, for it is us whom the pace spares.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use oauth::device_authorization::{DeviceAuthorization, INTERVAL_SECONDS, UserCode};
use oauth::error_code::ErrorCode;
use oauth::resource::Resource;
use oauth::scope::ScopeSet;
use serde::{Deserialize, Serialize};

use crate::authorize::known_scopes;
use crate::grant::Person;
use crate::paths;
use crate::refusal::{Failure, Refusal};
use crate::server::{Inbound, Server, json};
use crate::shelf::{Found, Shelf, hashed, unguessable};
use crate::throttle::{DEVICES, network_of};
use crate::token_endpoint::form;

/// What a device asks for, and what came of it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Device {
    pub(crate) client_id: String,
    pub(crate) client_name: String,
    pub(crate) scopes: ScopeSet,
    pub(crate) resource: Resource,
    /// Unix seconds.
    pub(crate) until: u64,
    pub(crate) answer: Answer,
}

/// What the person has said.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// Yes.
    Allowed {
        person: Person,
        /// What of it they may grant.
        scopes: ScopeSet,
        /// Unix seconds.
        signed_in_at: u64,
    },
    /// No.
    Denied,
    /// Nothing yet.
    Pending,
}

impl Server {
    /// Gives a device its two codes.
    pub(crate) async fn device_authorization(&self, inbound: &Inbound<'_>) -> Result<Response<Bytes>, Refusal> {
        let fields = form(inbound)?;
        let client = self.authenticate_client(inbound, &fields).await?;
        if !client.uses_devices {
            return Err(Refusal::new(ErrorCode::UnauthorizedClient, "this client has not said that it runs on devices"));
        }
        let target = || Refusal::new(ErrorCode::InvalidTarget, "`resource` names no server here, or there are several and it is missing");
        let mut named = fields.values("resource");
        let named = match (named.next(), named.next()) {
            (Some(one), None) => Some(Resource::parse(one).map_err(|_| target())?),
            (None, _) => None,
            (Some(_), Some(_)) => return Err(target()),
        };
        let resource = inbound.resource(named.as_ref()).ok_or_else(target)?;
        let scopes = ScopeSet::parse(fields.value("scope").unwrap_or_default());
        let scopes = scopes.map_err(|invalid| Refusal::new(ErrorCode::InvalidScope, invalid.to_string()))?;
        if !DEVICES.count(&**self.shelf.store(), &network_of(inbound.from)).await? {
            return Err(Refusal::too_often(DEVICES.per.as_secs()));
        }
        let device = Device {
            client_id: client.id,
            client_name: client.name,
            scopes: known_scopes(&scopes, resource),
            resource: resource.resource.clone(),
            until: inbound.now.saturating_add(LIVES),
            answer: Answer::Pending,
        };
        let (device_code, user_code) = begin(&self.shelf, &device).await?;
        let page = format!("{}{}", inbound.config.issuer, paths::DEVICE);
        Ok(json(StatusCode::OK, &DeviceAuthorization::new(&device_code, &user_code, &page, LIVES)))
    }
}

/// Keeps a device's question; its two codes.
async fn begin(shelf: &Shelf, device: &Device) -> Result<(String, UserCode), Failure> {
    let device_code = unguessable::<32>()?;
    let place = place(&device_code);
    shelf.put(&place, device, Some(REMEMBERED)).await?;
    for _ in 0..ATTEMPTS {
        let mut random = [0; 16];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| Failure::Random)?;
        let code = UserCode::from_random(&random);
        // No two devices have the same code at one time.
        if shelf.put_first(&hashed(BY_PERSON, &code.to_string()), &place, Some(Duration::from_secs(LIVES))).await? {
            return Ok((device_code, code));
        }
    }
    Err(Failure::Contended)
}

/// Where the device's question is kept.
pub(crate) fn place(device_code: &str) -> String {
    hashed(BY_DEVICE, device_code)
}

/// The place of the device whose code a person has typed, if it still waits.
pub(crate) async fn typed(shelf: &Shelf, code: &UserCode, now: u64) -> Result<Option<(String, Device)>, Failure> {
    let Some(found) = shelf.find::<String>(&hashed(BY_PERSON, &code.to_string())).await? else { return Ok(None) };
    let device = waiting(shelf, &found.value, now).await?;
    Ok(device.map(|device| (found.value, device.value)))
}

/// The device at a place, if it still waits.
pub(crate) async fn waiting(shelf: &Shelf, place: &str, now: u64) -> Result<Option<Found<Device>>, Failure> {
    let found = shelf.find::<Device>(place).await?;
    Ok(found.filter(|found| now < found.value.until && matches!(found.value.answer, Answer::Pending)))
}

/// Keeps what the person has said; `false`: the device does not wait any more.
pub(crate) async fn answer(shelf: &Shelf, place: &str, answer: Answer, now: u64) -> Result<bool, Failure> {
    let Some(found) = waiting(shelf, place, now).await? else { return Ok(false) };
    let device = Device { answer, ..found.value.clone() };
    shelf.replace(place, &found, &device, Some(REMEMBERED)).await
}

/// How often devices ask again.
#[derive(Default)]
pub(crate) struct Pace(Mutex<HashMap<String, Pacing>>);

struct Pacing {
    asked_at: u64,
    interval: u64,
}

impl Pace {
    /// Whether the device at this place has waited for as long as it was told to. If not, it has to wait longer from now on (§3.5).
    pub(crate) fn is_kept(&self, place: &str, now: u64) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, pacing| now < pacing.asked_at.saturating_add(pacing.interval));
        }
        if known.len() >= MOST && !known.contains_key(place) {
            return false;
        }
        match known.get_mut(place) {
            None => {
                known.insert(place.to_owned(), Pacing { asked_at: now, interval: INTERVAL_SECONDS });
                true
            }
            Some(pacing) => {
                let is_kept = now >= pacing.asked_at.saturating_add(pacing.interval);
                pacing.asked_at = now;
                if !is_kept {
                    pacing.interval = pacing.interval.saturating_add(INTERVAL_SECONDS).min(LIVES);
                }
                is_kept
            }
        }
    }
}

const BY_DEVICE: &str = "issuer/device/";
const BY_PERSON: &str = "issuer/user-code/";
/// For the person to type the code and decide, in seconds.
pub(crate) const LIVES: u64 = 600;
/// How long a device is told that it is too late, and not that it is unknown.
const REMEMBERED: Duration = Duration::from_secs(2 * LIVES);
const ATTEMPTS: usize = 8;
/// Devices whose pace is remembered at once.
const MOST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_soon_waits_longer_each_time() {
        let pace = Pace::default();
        for (now, is_kept) in [(100, true), (105, true), (109, false), (118, false), (133, true), (147, false), (167, true)] {
            assert_eq!(pace.is_kept("a", now), is_kept, "{now}");
        }
        assert!(pace.is_kept("b", 167), "each device has its own pace");
    }

    #[test]
    fn a_flood_of_devices_is_bounded_and_passes() {
        let pace = Pace::default();
        for number in 0..MOST {
            assert!(pace.is_kept(&number.to_string(), 0));
        }
        assert!(!pace.is_kept("one more", 1));
        assert!(pace.is_kept("one more", INTERVAL_SECONDS));
        assert_eq!(pace.0.lock().unwrap().len(), 1);
    }
}
