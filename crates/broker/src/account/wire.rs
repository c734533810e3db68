//! How do a keeper and whoever asks it write what they say? As JSON. What passes is what a person has typed, what a server has said, and what came of it; a token does not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use oauth::challenge::Challenge;
use oauth::issuer::Issuer;
use oauth::oauth_error::OauthError;
use oauth::scope::ScopeSet;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use super::failure::Told;
use super::keeper::{Change, Changed, Errand, Refused, SignedOut};
use super::{Attempts, GivenClient, GivenProof, NotSignedIn, Road, Shown, Wishes};

/// An errand as it is written.
#[derive(Serialize, Deserialize)]
pub struct WrittenErrand {
    server: String,
    profile: String,
    client: Option<WrittenClient>,
    metadata_url: Option<String>,
    scopes: String,
    leaves_out_resource: bool,
    road: WrittenRoad,
    change: WrittenChange,
}

/// An errand as it was read.
#[derive(Debug)]
pub struct ReadErrand {
    /// The protected server.
    pub server: Url,
    /// Which account there.
    pub profile: String,
    /// What the person has said about logging in.
    pub wishes: Wishes,
    /// What is to be done.
    pub change: Change,
}

/// What came of it as it is written.
#[derive(Serialize, Deserialize)]
pub struct WrittenOutcome(Result<WrittenChanged, Told>);

#[derive(Serialize, Deserialize)]
struct WrittenClient {
    id: String,
    secret: Option<Zeroizing<String>>,
    key: Option<Zeroizing<String>>,
    key_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenRoad {
    ClientCredentials,
    Device,
    Enterprise { provider: Issuer, client_id: String, id_token: Zeroizing<String> },
    Person,
    Workload { assertion: Zeroizing<String> },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenChange {
    Mend { shown: Option<String>, status: u16, challenge: Option<WrittenChallenge>, wants_bound: bool, attempts: WrittenAttempts },
    Renew,
    SignIn { challenge: Option<WrittenChallenge> },
    SignOut,
}

#[derive(Serialize, Deserialize)]
struct WrittenChallenge {
    error: Option<String>,
    description: Option<String>,
    resource_metadata: Option<String>,
    scope: String,
}

#[derive(Serialize, Deserialize)]
struct WrittenAttempts {
    authorizations: u8,
    renewed: bool,
    nonces: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenChanged {
    Kept(WrittenAttempts),
    Forgotten(Option<Told>),
    TakenBack,
    WasNotSignedIn,
}

impl Errand<'_> {
    /// The errand as it is written.
    pub fn written(&self) -> WrittenErrand {
        let Wishes { client, metadata_url, scopes, leaves_out_resource, road } = self.wishes;
        WrittenErrand {
            server: self.server.to_string(),
            profile: self.profile.to_owned(),
            client: client.as_ref().map(WrittenClient::of),
            metadata_url: metadata_url.clone(),
            scopes: scopes.to_string(),
            leaves_out_resource: *leaves_out_resource,
            road: WrittenRoad::of(road),
            change: WrittenChange::of(self.change),
        }
    }
}

impl WrittenErrand {
    /// The errand; `None`: it makes no sense.
    pub fn read(self) -> Option<ReadErrand> {
        let wishes = Wishes {
            client: self.client.map(WrittenClient::read),
            metadata_url: self.metadata_url,
            scopes: ScopeSet::parse(&self.scopes).ok()?,
            leaves_out_resource: self.leaves_out_resource,
            road: self.road.read(),
        };
        let server = Url::parse(&self.server).ok()?;
        Some(ReadErrand { server, profile: self.profile, wishes, change: self.change.read()? })
    }
}

impl WrittenOutcome {
    /// What came of a change, written.
    pub fn of(outcome: &Result<Changed, NotSignedIn>) -> Self {
        Self(match outcome {
            Ok(Changed::Kept(attempts)) => Ok(WrittenChanged::Kept(WrittenAttempts::of(*attempts))),
            Ok(Changed::Left(SignedOut::Forgotten(failure))) => Ok(WrittenChanged::Forgotten(failure.as_ref().map(NotSignedIn::told))),
            Ok(Changed::Left(SignedOut::TakenBack)) => Ok(WrittenChanged::TakenBack),
            Ok(Changed::Left(SignedOut::WasNotSignedIn)) => Ok(WrittenChanged::WasNotSignedIn),
            Err(failure) => Err(failure.told()),
        })
    }

    /// What came of a change.
    pub fn read(self) -> Result<Changed, NotSignedIn> {
        Ok(match self.0.map_err(NotSignedIn::Elsewhere)? {
            WrittenChanged::Forgotten(told) => Changed::Left(SignedOut::Forgotten(told.map(NotSignedIn::Elsewhere))),
            WrittenChanged::Kept(attempts) => Changed::Kept(attempts.read()),
            WrittenChanged::TakenBack => Changed::Left(SignedOut::TakenBack),
            WrittenChanged::WasNotSignedIn => Changed::Left(SignedOut::WasNotSignedIn),
        })
    }
}

impl WrittenClient {
    fn of(client: &GivenClient) -> Self {
        let (secret, key, key_id) = match &client.proof {
            None => (None, None, None),
            Some(GivenProof::Key { pem, key_id }) => (None, Some(exposed(pem)), key_id.clone()),
            Some(GivenProof::Secret(secret)) => (Some(exposed(secret)), None, None),
        };
        Self { id: client.id.clone(), secret, key, key_id }
    }

    fn read(self) -> GivenClient {
        let proof = match (&self.key, &self.secret) {
            (Some(pem), _) => Some(GivenProof::Key { pem: hidden(pem), key_id: self.key_id }),
            (None, secret) => secret.as_ref().map(|secret| GivenProof::Secret(hidden(secret))),
        };
        GivenClient { id: self.id, proof }
    }
}

impl WrittenRoad {
    fn of(road: &Road) -> Self {
        match road {
            Road::ClientCredentials => Self::ClientCredentials,
            Road::Device => Self::Device,
            Road::Enterprise { provider, client_id, id_token } => {
                Self::Enterprise { provider: provider.clone(), client_id: client_id.clone(), id_token: exposed(id_token) }
            }
            Road::Person => Self::Person,
            Road::Workload { assertion } => Self::Workload { assertion: exposed(assertion) },
        }
    }

    fn read(self) -> Road {
        match self {
            Self::ClientCredentials => Road::ClientCredentials,
            Self::Device => Road::Device,
            Self::Enterprise { provider, client_id, id_token } => Road::Enterprise { provider, client_id, id_token: hidden(&id_token) },
            Self::Person => Road::Person,
            Self::Workload { assertion } => Road::Workload { assertion: hidden(&assertion) },
        }
    }
}

impl WrittenChange {
    fn of(change: &Change) -> Self {
        match change {
            Change::Mend { shown, refused, attempts } => Self::Mend {
                shown: shown.0.map(|hash| URL_SAFE_NO_PAD.encode(hash)),
                status: refused.status.as_u16(),
                challenge: refused.challenge.as_ref().map(WrittenChallenge::of),
                wants_bound: refused.wants_bound,
                attempts: WrittenAttempts::of(*attempts),
            },
            Change::Renew => Self::Renew,
            Change::SignIn(challenge) => Self::SignIn { challenge: challenge.as_ref().map(WrittenChallenge::of) },
            Change::SignOut => Self::SignOut,
        }
    }

    fn read(self) -> Option<Change> {
        let challenged = |challenge: Option<WrittenChallenge>| challenge.map(WrittenChallenge::read).transpose();
        Some(match self {
            Self::Mend { shown, status, challenge, wants_bound, attempts } => {
                let shown = shown.map(|text| URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()).map_or(Some(None), |hash| hash.map(Some));
                let status = StatusCode::from_u16(status).ok()?;
                let refused = Refused { status, challenge: challenged(challenge).ok()?, wants_bound };
                Change::Mend { shown: Shown(shown?), refused, attempts: attempts.read() }
            }
            Self::Renew => Change::Renew,
            Self::SignIn { challenge } => Change::SignIn(challenged(challenge).ok()?),
            Self::SignOut => Change::SignOut,
        })
    }
}

impl WrittenChallenge {
    fn of(challenge: &Challenge) -> Self {
        Self {
            error: challenge.error.map(|error| error.code().to_owned()),
            description: challenge.error_description.clone(),
            resource_metadata: challenge.resource_metadata.clone(),
            scope: challenge.scope.to_string(),
        }
    }

    fn read(self) -> Result<Challenge, oauth::scope::InvalidScope> {
        Ok(Challenge {
            error: self.error.as_deref().and_then(OauthError::from_code),
            error_description: self.description,
            resource_metadata: self.resource_metadata,
            scope: ScopeSet::parse(&self.scope)?,
        })
    }
}

impl WrittenAttempts {
    fn of(Attempts { authorizations, renewed, nonces }: Attempts) -> Self {
        Self { authorizations, renewed, nonces }
    }

    fn read(self) -> Attempts {
        Attempts { authorizations: self.authorizations, renewed: self.renewed, nonces: self.nonces }
    }
}

fn exposed(secret: &SecretString) -> Zeroizing<String> {
    Zeroizing::new(secret.expose_secret().to_owned())
}

fn hidden(text: &Zeroizing<String>) -> SecretString {
    text.as_str().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::missing::Cause;

    fn there_and_back(wishes: &Wishes, change: &Change) -> ReadErrand {
        let server = Url::parse("https://h.example/mcp").unwrap();
        let text = serde_json::to_string(&Errand { server: &server, profile: "work", wishes, change }.written()).unwrap();
        serde_json::from_str::<WrittenErrand>(&text).unwrap().read().unwrap()
    }

    #[test]
    fn an_errand_arrives_as_it_was_sent() {
        let proof = GivenProof::Key { pem: "pem".into(), key_id: Some("k".to_owned()) };
        let wishes = Wishes {
            client: Some(GivenClient { id: "c".to_owned(), proof: Some(proof) }),
            metadata_url: Some("https://c.example/d".to_owned()),
            scopes: ScopeSet::parse("a b").unwrap(),
            leaves_out_resource: true,
            road: Road::Workload { assertion: "vouched".into() },
        };
        let challenge = Challenge {
            error: Some(OauthError::InsufficientScope),
            scope: ScopeSet::parse("x").unwrap(),
            resource_metadata: Some("https://h.example/m".to_owned()),
            error_description: None,
        };
        let refused = Refused { status: StatusCode::FORBIDDEN, challenge: Some(challenge.clone()), wants_bound: true };
        let attempts = Attempts { authorizations: 2, renewed: true, nonces: 1 };
        let read = there_and_back(&wishes, &Change::Mend { shown: Shown(Some([7; 32])), refused, attempts });
        assert_eq!((read.server.as_str(), read.profile.as_str()), ("https://h.example/mcp", "work"));
        assert_eq!(read.wishes.scopes, wishes.scopes);
        assert!(read.wishes.leaves_out_resource);
        assert!(
            matches!(read.wishes.client.unwrap().proof, Some(GivenProof::Key { pem, key_id: Some(id) }) if pem.expose_secret() == "pem" && id == "k")
        );
        assert!(matches!(read.wishes.road, Road::Workload { assertion } if assertion.expose_secret() == "vouched"));
        let Change::Mend { shown, refused, attempts } = read.change else { panic!("{:?}", read.change) };
        assert_eq!((shown, refused.status, refused.challenge), (Shown(Some([7; 32])), StatusCode::FORBIDDEN, Some(challenge)));
        assert!(refused.wants_bound && attempts.renewed && (attempts.authorizations, attempts.nonces) == (2, 1));
        for change in [Change::Renew, Change::SignOut, Change::SignIn(None)] {
            let read = there_and_back(&Wishes::default(), &change).change;
            assert_eq!(format!("{read:?}"), format!("{change:?}"));
        }
    }

    #[test]
    fn a_failure_arrives_with_its_sort_and_its_causes() {
        let failure = NotSignedIn::NoToken(Cause::NotText);
        let words = (failure.to_string(), std::error::Error::source(&failure).unwrap().to_string());
        let text = serde_json::to_string(&WrittenOutcome::of(&Err(failure))).unwrap();
        let told = serde_json::from_str::<WrittenOutcome>(&text).unwrap().read().unwrap_err();
        assert_eq!(told.sort(), super::super::Sort::NoToken);
        assert_eq!((told.to_string(), std::error::Error::source(&told).unwrap().to_string()), words);
        let left = WrittenOutcome::of(&Ok(Changed::Left(SignedOut::TakenBack)));
        assert!(matches!(left.read(), Ok(Changed::Left(SignedOut::TakenBack))));
    }

    #[test]
    fn what_makes_no_sense_is_no_errand() {
        let sent = |status: u16, shown: &str| {
            let change = serde_json::json!({"mend": {"shown": shown, "status": status, "challenge": null, "wants_bound": false,
                "attempts": {"authorizations": 0, "renewed": false, "nonces": 0}}});
            let errand = serde_json::json!({"server": "https://h.example/mcp", "profile": "default", "client": null, "metadata_url": null,
                "scopes": "", "leaves_out_resource": false, "road": "person", "change": change});
            serde_json::from_value::<WrittenErrand>(errand).unwrap().read()
        };
        assert!(sent(401, &URL_SAFE_NO_PAD.encode([1; 32])).is_some());
        assert!(sent(401, "short").is_none());
        assert!(sent(7, &URL_SAFE_NO_PAD.encode([1; 32])).is_none());
    }
}
