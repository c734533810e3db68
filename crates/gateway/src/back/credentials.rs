//! What does the door show to an HTTP server? The credentials in its URL and among its headers, and one bearer token: the door's own, or one that stands for the caller.

use std::sync::Arc;

use broker::callers::CallerToken as Bearer;
use broker::connection::PerPerson;
use broker::credential::Stamp;
use broker::missing::Cause;
use broker::{Credential, Missing, PerCaller};
use bytes::Bytes;
use http::header::{AUTHORIZATION, InvalidHeaderValue};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use oauth::resource::Resource;
use policy::Permit;
use secrecy::{ExposeSecret as _, SecretString};

use crate::back::failure::CallerTokenUnfit;
use crate::back::{BackFailure, CredentialPlace, Mandate};
use crate::connect;
use crate::principal::Principal;

/// Everything that one server is shown.
pub(crate) struct Credentials {
    /// Path and query, where they hold any.
    pub(crate) target: Option<Credential>,
    pub(crate) headers: Vec<(HeaderName, Credential)>,
    pub(crate) bearer: BearerSource,
}

/// Where the bearer token comes from.
pub(crate) enum BearerSource {
    /// From nowhere, unless a header brings it.
    None,
    /// The door's own.
    Door(Credential),
    /// One that the door gets for each caller.
    Caller(Box<PerCaller>),
    /// One that each person has given the door leave to get.
    Person(Arc<PerPerson>),
    /// The caller's, if it is for this resource of the door's and for that audience.
    PassedThrough { resource: Resource, audience: String },
}

/// What is shown for one caller.
pub(crate) struct Keys<'k> {
    target: Option<&'k Credential>,
    headers: &'k [(HeaderName, Credential)],
    bearer: Option<Key<'k>>,
}

/// What a request was given.
#[derive(Default)]
pub(crate) struct Presented {
    /// Stands for the values.
    pub(crate) stamp: Stamp,
    /// Path and query, if not the usual ones.
    pub(crate) target: Option<Uri>,
}

enum Key<'k> {
    Door(&'k Credential),
    Caller(Arc<Credential>),
    Person(Arc<Credential>),
    Passed(&'k SecretString),
}

impl Credentials {
    /// What cannot be had of what is shown for every caller, as the last try has shown.
    pub(crate) fn missing(&self) -> Option<Missing> {
        self.headers.iter().map(|(_, credential)| credential).chain(&self.target).find_map(Credential::missing)
    }

    /// What people have granted, if each has a token of their own there.
    pub(crate) fn people(&self) -> Option<&Arc<PerPerson>> {
        match &self.bearer {
            BearerSource::Person(people) => Some(people),
            _ => None,
        }
    }

    /// What to show for this caller.
    pub(crate) fn of<'k>(&'k self, mandate: Mandate<'k>) -> Result<Keys<'k>, BackFailure> {
        let bearer = match &self.bearer {
            BearerSource::None => None,
            BearerSource::Door(credential) => Some(Key::Door(credential)),
            BearerSource::Caller(callers) => Some(Key::Caller(callers.credential(&shown_by(mandate)?))),
            BearerSource::Person(people) => Some(Key::Person(people.credential(&connect::person(mandate.principal)))),
            BearerSource::PassedThrough { resource, audience } => Some(Key::Passed(passed_on(mandate, resource, audience)?)),
        };
        Ok(Keys { target: self.target.as_ref(), headers: &self.headers, bearer })
    }
}

impl<'k> Keys<'k> {
    /// What the door shows in its own name, whoever calls.
    pub(crate) fn of_the_door(
        target: Option<&'k Credential>,
        headers: &'k [(HeaderName, Credential)],
        bearer: Option<&'k Credential>,
    ) -> Self {
        Self { target, headers, bearer: bearer.map(Key::Door) }
    }
}

impl Keys<'_> {
    /// Whether a person's own grant is among them.
    pub(crate) fn are_personal(&self) -> bool {
        matches!(self.bearer, Some(Key::Person(_)))
    }

    /// Whether another attempt could show something else.
    pub(crate) fn are_renewable(&self) -> bool {
        self.renewable().next().is_some()
    }

    /// Whether any of them may have to be fetched first.
    pub(crate) fn may_be_waited_for(&self) -> bool {
        self.renewable().any(Credential::has_references)
    }

    /// Adds them, against the permit. They come last, so that nothing of the caller's can stand in their place.
    pub(crate) async fn add_to(&self, headers: &mut HeaderMap, permit: &Permit) -> Result<Presented, BackFailure> {
        let mut presented = Presented::default();
        for (name, credential) in self.in_headers() {
            let released = credential.release(permit).await.map_err(missing)?;
            presented.stamp = presented.stamp + released.stamp;
            insert(headers, name, released.text)?;
        }
        if let Some(credential) = self.target {
            let released = credential.release(permit).await.map_err(BackFailure::Credential)?;
            presented.stamp = presented.stamp + released.stamp;
            presented.target = Some(target(released.text)?);
        }
        if let Some(Key::Passed(token)) = &self.bearer {
            insert(headers, &AUTHORIZATION, format!("Bearer {}", token.expose_secret()).into())?;
        }
        Ok(presented)
    }

    /// Has what was presented fetched anew: a credential that was refused may have been rotated, a token revoked. `false`: nothing here can be fetched anew, and
    /// trying again would change nothing.
    pub(crate) fn refuse(&self, presented: Stamp) -> bool {
        let current = self.renewable().fold(Stamp::default(), |sum, credential| sum + credential.stamp());
        let mut any = false;
        for credential in self.renewable() {
            // When another caller has fetched it since, that one is tried.
            any |= if current == presented { credential.refuse(credential.stamp()) } else { credential.has_references() };
        }
        any
    }

    fn renewable(&self) -> impl Iterator<Item = &Credential> {
        self.in_headers().map(|(_, credential)| credential).chain(self.target)
    }

    fn in_headers(&self) -> impl Iterator<Item = (&HeaderName, &Credential)> {
        let bearer = match &self.bearer {
            Some(Key::Door(credential)) => Some(*credential),
            Some(Key::Caller(credential) | Key::Person(credential)) => Some(credential.as_ref()),
            Some(Key::Passed(_)) | None => None,
        };
        self.headers.iter().map(|(name, credential)| (name, credential)).chain(bearer.map(|credential| (&AUTHORIZATION, credential)))
    }
}

fn missing(missing: Missing) -> BackFailure {
    match missing.cause {
        Cause::NotConnected => BackFailure::NotConnected,
        _ => BackFailure::Credential(missing),
    }
}

fn insert(headers: &mut HeaderMap, name: &HeaderName, value: SecretString) -> Result<(), BackFailure> {
    let value = secret_value(value).map_err(|_| BackFailure::CredentialShape { place: CredentialPlace::Header(name.clone()) })?;
    headers.insert(name.clone(), value);
    Ok(())
}

fn secret_value(secret: SecretString) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_maybe_shared(bytes(secret))?;
    value.set_sensitive(true);
    Ok(value)
}

fn target(secret: SecretString) -> Result<Uri, BackFailure> {
    Uri::from_maybe_shared(bytes(secret)).map_err(|_| BackFailure::CredentialShape { place: CredentialPlace::Url })
}

/// The secret itself and no copy, so that it is wiped when the request is let go.
fn bytes(secret: SecretString) -> Bytes {
    struct Bare(SecretString);

    impl AsRef<[u8]> for Bare {
        fn as_ref(&self) -> &[u8] {
            self.0.expose_secret().as_bytes()
        }
    }

    Bytes::from_owner(Bare(secret))
}

fn shown_by(mandate: Mandate<'_>) -> Result<Bearer<'_>, BackFailure> {
    let Principal { issuer, subject, client, scopes, audiences, expires_at, .. } = &**mandate.principal;
    let token = mandate.token.ok_or(BackFailure::CallerToken(CallerTokenUnfit::Absent))?.release(mandate.permit);
    Ok(Bearer { issuer, subject, client: client.as_deref(), scopes, audiences, token, expires_at: *expires_at })
}

/// MCP forbids to pass a token on that was not issued for the upstream, and no configuration can allow that: the token itself has to name both (RS6).
fn passed_on<'k>(mandate: Mandate<'k>, resource: &Resource, audience: &str) -> Result<&'k SecretString, BackFailure> {
    let unfit = |reason| Err(BackFailure::CallerToken(reason));
    let Some(token) = mandate.token else { return unfit(CallerTokenUnfit::Absent) };
    let names = |wanted: &str| mandate.principal.audiences.iter().any(|audience| audience == wanted);
    if !resource.accepted_spellings().iter().any(|spelling| names(spelling)) {
        return unfit(CallerTokenUnfit::NotForDoor);
    }
    if !names(audience) {
        return unfit(CallerTokenUnfit::NotForUpstream);
    }
    // Whoever takes it without a proof takes it from a thief, too (RFC 9449 §7.1).
    if mandate.principal.confirmation.is_some() {
        return unfit(CallerTokenUnfit::Bound);
    }
    Ok(token.release(mandate.permit))
}
