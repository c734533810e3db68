//! Who has signed in? What an OpenID provider's id token must be for us to believe it (OpenID Connect Core §3.1.3.7).

use crate::refusal::{ClaimName, Refusal};
use crate::trust::{Trust, TypRule};
use crate::unverified::Unverified;

/// Who a verified id token speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `iss`
    pub issuer: String,
    /// `sub`
    pub subject: String,
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
}

impl Unverified<'_> {
    /// Refuses an id token that no signature could save. An access token is none: it has no `nonce`.
    pub(crate) fn reject_early_as_id_token(&self, asked: &Asked<'_>, now: u64) -> Result<(), Refusal> {
        let trust =
            Trust { typ: TypRule::AccessTokenOrJwtOrAbsent, ..Trust::new(Some(asked.issuer.to_owned()), vec![asked.client_id.to_owned()]) };
        if self.typ().is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt")) {
            return Err(Refusal::WrongType);
        }
        match self.claims.wrong_kind {
            Some(Refusal::IdToken) => {}
            Some(other) => return Err(other),
            None => return Err(Refusal::WrongNonce),
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
        if self.claims.nonce.as_deref() != Some(asked.nonce) {
            return Err(Refusal::WrongNonce);
        }
        self.claims.subject.as_ref().map(|_| ()).ok_or(Refusal::MissingClaim(ClaimName::Subject))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;

    const NOW: u64 = 1_700_000_000;
    const ASKED: Asked<'static> = Asked { issuer: "https://idp", client_id: "door", nonce: "n-1" };

    fn claims() -> Value {
        json!({"iss": "https://idp", "sub": "alice", "aud": "door", "exp": NOW + 60, "iat": NOW, "nonce": "n-1", "at_hash": "x"})
    }

    fn judged(header: &Value, claims: &Value) -> Result<(), Refusal> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let token = format!("{}.{}.c2ln", part(header), part(claims));
        Unverified::parse(&token)?.reject_early_as_id_token(&ASKED, NOW)
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
}
