//! Who has signed in? What an OpenID provider's id token must be for us to believe it (OpenID Connect Core §3.1.3.7).

use aws_lc_rs::digest::{Algorithm as Hash, SHA256, SHA384, SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::algorithm::Algorithm;
use crate::key_set::KeySet;
use crate::payload::Payload;
use crate::refusal::{ClaimName, Refusal};
use crate::trust::{Trust, TypRule};
use crate::unverified::Unverified;
use crate::verify::{Verified, signing_key};

/// Who a verified id token, or the provider itself, speaks of. What is not of the shape that OpenID gives it counts as not said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `iss`
    pub issuer: String,
    /// `sub`
    pub subject: String,
    /// `auth_time`: when the person last signed in, in unix seconds.
    pub authenticated_at: Option<u64>,
    /// `sid`: the session at the provider, by which a logout will name it.
    pub session_id: Option<String>,
    /// `email`
    pub email: Option<String>,
    /// `email_verified`. An address that was not verified may be anybody's.
    pub is_email_verified: bool,
    /// `name`
    pub name: Option<String>,
    /// `preferred_username`. The provider lets people choose it, so it says nothing about who they are.
    pub preferred_username: Option<String>,
    payload: Payload,
}

impl Identity {
    /// A claim that is a list of texts, or one, such as `groups`; the name may lead to a member of a member, as in `/realm_access/roles`.
    pub fn claim(&self, name: &str) -> Option<Vec<String>> {
        self.payload.texts(name)
    }

    /// What the provider's userinfo endpoint says besides (OpenID Connect Core §5.3.2): the id token counts where both say something.
    /// `None`: it is not an answer about this person.
    #[must_use]
    pub fn completed(self, userinfo: &[u8]) -> Option<Self> {
        let further = Payload::of_json(userinfo)?;
        // A token that was mixed up would otherwise lend somebody another person's groups (§5.3.2).
        if further.text("sub").as_deref() != Some(&*self.subject) {
            return None;
        }
        let payload = self.payload.completed(further);
        Some(Self::of(self.issuer, self.subject, payload))
    }

    /// What the provider's userinfo endpoint says of somebody, where no id token came along. Whether it speaks of the same person is for the caller to see.
    #[must_use]
    pub fn told(issuer: &str, userinfo: &[u8]) -> Option<Self> {
        let payload = Payload::of_json(userinfo)?;
        let subject = payload.text("sub")?;
        Some(Self::of(issuer.to_owned(), subject, payload))
    }

    fn of(issuer: String, subject: String, payload: Payload) -> Self {
        Self {
            issuer,
            subject,
            // The year 1970 is what those say who do not know.
            authenticated_at: payload.time("auth_time").filter(|at| *at > 0),
            session_id: payload.text("sid"),
            email: payload.text("email"),
            is_email_verified: payload.is_true("email_verified"),
            name: payload.text("name"),
            preferred_username: payload.text("preferred_username"),
            payload,
        }
    }
}

/// The question that an id token answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Who was asked.
    pub issuer: &'a str,
    /// Who asked: the token is for nobody else.
    pub client_id: &'a str,
    /// What was sent along, and must come back.
    pub nonce: &'a str,
    /// The access token that came along. Where the id token names one, it must be this.
    pub access_token: Option<&'a str>,
}

/// When an id token came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// With a refreshed token.
    Renewal,
    /// When the person had signed in.
    SignIn,
}

/// Judges an id token: all that is free, then the key and the signature. It says who signed in, and never opens the door.
pub fn verify_id_token(unverified: &Unverified<'_>, asked: &Asked<'_>, keys: &KeySet, now: u64) -> Result<Verified<Identity>, Refusal> {
    identity(unverified, asked, Occasion::SignIn, keys, now)
}

/// The same for one that came with a refreshed token: it may leave the `nonce` out, and if it does not, it is the one of the sign-in (OpenID Connect Core §12.2). Whether it
/// speaks of the same person is for the caller to see.
pub fn verify_renewed_id_token(
    unverified: &Unverified<'_>,
    asked: &Asked<'_>,
    keys: &KeySet,
    now: u64,
) -> Result<Verified<Identity>, Refusal> {
    identity(unverified, asked, Occasion::Renewal, keys, now)
}

fn identity(
    unverified: &Unverified<'_>,
    asked: &Asked<'_>,
    occasion: Occasion,
    keys: &KeySet,
    now: u64,
) -> Result<Verified<Identity>, Refusal> {
    unverified.reject_early_as_id_token(asked, occasion, now)?;
    let algorithm = signing_key(unverified, keys)?.algorithm();
    unverified.check_access_token(asked.access_token, algorithm)?;
    let subject = unverified.claims.subject.clone().ok_or(Refusal::MissingClaim(ClaimName::Subject))?;
    Ok(Verified::vouch(Identity::of(asked.issuer.to_owned(), subject, Payload::of(unverified)?)))
}

impl Unverified<'_> {
    /// Refuses an id token that no signature could save. An access token is none: it has no `nonce`.
    pub(crate) fn reject_early_as_id_token(&self, asked: &Asked<'_>, occasion: Occasion, now: u64) -> Result<(), Refusal> {
        let trust =
            Trust { typ: TypRule::AccessTokenOrJwtOrAbsent, ..Trust::new(Some(asked.issuer.to_owned()), vec![asked.client_id.to_owned()]) };
        if self.typ().is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt")) {
            return Err(Refusal::WrongType);
        }
        match (self.claims.wrong_kind, occasion) {
            (Some(Refusal::IdToken), _) | (None, Occasion::Renewal) => {}
            (Some(other), _) => return Err(other),
            (None, Occasion::SignIn) => return Err(Refusal::WrongNonce),
        }
        self.check_issuer(&trust)?;
        self.check_audience(&trust)?;
        // Who was meant, if the token names several audiences.
        match (self.claims.authorized_party(), self.claims.audiences.as_deref().unwrap_or_default()) {
            (Some(party), _) if party != asked.client_id => return Err(Refusal::WrongAudience),
            (None, [_, _, ..]) => return Err(Refusal::WrongAudience),
            _ => {}
        }
        self.check_times(&trust, now)?;
        match (self.claims.nonce.as_deref(), occasion) {
            (Some(nonce), _) if nonce == asked.nonce => {}
            (None, Occasion::Renewal) => {}
            _ => return Err(Refusal::WrongNonce),
        }
        self.claims.subject.as_ref().map(|_| ()).ok_or(Refusal::MissingClaim(ClaimName::Subject))
    }

    /// OpenID Connect Core §3.1.3.6: the left half of the token's hash. In this flow the claim is optional.
    fn check_access_token(&self, access_token: Option<&str>, algorithm: Algorithm) -> Result<(), Refusal> {
        let (Some(expected), Some(token)) = (&self.claims.access_token_hash, access_token) else { return Ok(()) };
        let whole = digest(hash_of(algorithm), token.as_bytes());
        let half = whole.as_ref().get(..whole.as_ref().len() / 2).unwrap_or_default();
        if URL_SAFE_NO_PAD.encode(half) == *expected { Ok(()) } else { Err(Refusal::WrongAccessToken) }
    }
}

/// The hash that goes with a signature algorithm; Ed25519 is made with SHA-512.
fn hash_of(algorithm: Algorithm) -> &'static Hash {
    match algorithm {
        Algorithm::Hs256 | Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => &SHA256,
        Algorithm::Hs384 | Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es384 => &SHA384,
        Algorithm::Hs512 | Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::EdDsa => &SHA512,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;

    const NOW: u64 = 1_700_000_000;
    const ASKED: Asked<'static> = Asked { issuer: "https://idp", client_id: "door", nonce: "n-1", access_token: None };

    fn claims() -> Value {
        json!({"iss": "https://idp", "sub": "alice", "aud": "door", "exp": NOW + 60, "iat": NOW, "nonce": "n-1", "at_hash": "x"})
    }

    fn judged(header: &Value, claims: &Value) -> Result<(), Refusal> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let token = format!("{}.{}.c2ln", part(header), part(claims));
        Unverified::parse(&token)?.reject_early_as_id_token(&ASKED, Occasion::SignIn, NOW)
    }

    fn judged_later(claims: &Value) -> Result<(), Refusal> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let token = format!("{}.{}.c2ln", part(&json!({"alg": "ES256"})), part(claims));
        Unverified::parse(&token)?.reject_early_as_id_token(&ASKED, Occasion::Renewal, NOW)
    }

    #[test]
    fn the_userinfo_endpoint_adds_what_the_id_token_leaves_out_about_the_same_person() {
        let payload = || Payload::of_json(claims().to_string().as_bytes()).unwrap();
        let alice = || Identity::of("https://idp".to_owned(), "alice".to_owned(), payload());
        let userinfo = json!({"sub": "alice", "iat": 1, "email": "a@b.example", "email_verified": true, "groups": ["g"]});
        let completed = alice().completed(userinfo.to_string().as_bytes()).unwrap();
        assert_eq!((completed.email.as_deref(), completed.is_email_verified), (Some("a@b.example"), true));
        assert_eq!(completed.claim("groups"), Some(vec!["g".to_owned()]));
        assert_eq!(completed.payload.time("iat"), Some(NOW), "the id token counts first");
        for wrong in ["{\"sub\": \"bob\"}", "{}", "[]", "", "{\"sub\": \"alice\", \"sub\": \"alice\"}"] {
            assert!(alice().completed(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn nobody_has_signed_in_at_the_beginning_of_time() {
        for (at, expected) in [(json!(0), None), (json!(7), Some(7)), (json!("7"), None), (json!(null), None)] {
            let payload = Payload::of_json(with("auth_time", at).to_string().as_bytes()).unwrap();
            assert_eq!(Identity::of("https://idp".to_owned(), "alice".to_owned(), payload).authenticated_at, expected);
        }
    }

    #[test]
    fn the_userinfo_endpoint_alone_tells_of_whom_it_names() {
        let userinfo = json!({"sub": "alice", "email": "a@b.example", "groups": ["g"]});
        let told = Identity::told("https://idp", userinfo.to_string().as_bytes()).unwrap();
        assert_eq!((told.issuer.as_str(), told.subject.as_str(), told.email.as_deref()), ("https://idp", "alice", Some("a@b.example")));
        assert!(!told.is_email_verified && told.authenticated_at.is_none());
        assert_eq!(told.claim("groups"), Some(vec!["g".to_owned()]));
        for wrong in ["{}", "{\"sub\": 1}", "{\"sub\": \"\"}", "[]", "", "{\"sub\": \"alice\", \"sub\": \"alice\"}"] {
            assert!(Identity::told("https://idp", wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    fn without(name: &str) -> Value {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        claims
    }

    #[test]
    fn an_answer_to_the_question_is_taken() {
        for header in [json!({"alg": "ES256"}), json!({"alg": "RS256", "typ": "JWT"}), json!({"alg": "ES256", "typ": "jwt"})] {
            assert_eq!(judged(&header, &claims()), Ok(()), "{header}");
        }
        for claims in [with("aud", json!(["door"])), with("azp", json!("door")), {
            let mut claims = with("aud", json!(["door", "other"]));
            claims["azp"] = json!("door");
            claims
        }] {
            assert_eq!(judged(&json!({"alg": "ES256"}), &claims), Ok(()), "{claims}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let header = json!({"alg": "ES256"});
        for (claims, expected) in [
            (without("nonce"), Refusal::WrongNonce),
            (with("nonce", json!("n-2")), Refusal::WrongNonce),
            (with("iss", json!("https://idp/")), Refusal::WrongIssuer),
            (without("iss"), Refusal::MissingClaim(ClaimName::Issuer)),
            (with("aud", json!("other")), Refusal::WrongAudience),
            (with("aud", json!(["door", "other"])), Refusal::WrongAudience),
            (with("azp", json!("other")), Refusal::WrongAudience),
            (with("exp", json!(NOW - 3600)), Refusal::Expired),
            (with("iat", json!(NOW + 3600)), Refusal::IssuedInFuture),
            (without("sub"), Refusal::MissingClaim(ClaimName::Subject)),
            (with("events", json!({})), Refusal::SecurityEvent),
        ] {
            assert_eq!(judged(&header, &claims), Err(expected), "{claims}");
        }
        assert_eq!(judged(&json!({"alg": "ES256", "typ": "at+jwt"}), &claims()), Err(Refusal::WrongType));
        let mut access_token = without("nonce");
        access_token.as_object_mut().unwrap().remove("at_hash");
        assert_eq!(judged(&header, &access_token), Err(Refusal::WrongNonce));
    }

    #[test]
    fn one_that_came_with_a_refreshed_token_has_the_nonce_of_the_sign_in_or_none() {
        for (claims, expected) in [
            (claims(), Ok(())),
            (without("nonce"), Ok(())),
            (json!({"iss": "https://idp", "sub": "alice", "aud": "door", "exp": NOW + 60}), Ok(())),
            (with("nonce", json!("n-2")), Err(Refusal::WrongNonce)),
            (with("iss", json!("https://idp/")), Err(Refusal::WrongIssuer)),
            (with("aud", json!("other")), Err(Refusal::WrongAudience)),
            (with("exp", json!(NOW - 3600)), Err(Refusal::Expired)),
            (with("events", json!({})), Err(Refusal::SecurityEvent)),
        ] {
            assert_eq!(judged_later(&claims), expected, "{claims}");
        }
    }
}
