//! What does a request show of who calls? One token, or, where the server's issuer takes them, a client's id and secret in headers of their own.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Uri};

use crate::config::Dpop;
use crate::refusal::Refusal;
use crate::table::Scheme;

/// What a request shows.
pub(crate) enum Shown<'r> {
    Client(ClientHeaders<'r>),
    /// A token, and the proof that came with it, if it was shown as one that is bound to a key.
    Token(&'r str, Option<&'r str>),
}

/// How a request shows a token, whatever else is wrong with it.
pub(crate) fn scheme(headers: &HeaderMap) -> Scheme {
    let is_dpop =
        headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().get(..5)).is_some_and(|start| start.eq_ignore_ascii_case(b"dpop "));
    if is_dpop { Scheme::Dpop } else { Scheme::Bearer }
}

/// Who a client says it is, and its proof. It has no `Debug`.
#[derive(Clone, Copy)]
pub(crate) struct ClientHeaders<'r> {
    pub(crate) id: &'r str,
    pub(crate) secret: &'r str,
}

/// Whether a server reads `X-Client-Id` and `X-Client-Secret` (A5).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientHeadersAre {
    Ignored,
    Taken,
}

/// The one way in which this request says who calls. Two ways are none (RFC 6750 §3.1).
pub(crate) fn read<'r>(uri: &Uri, headers: &'r HeaderMap, client_headers: ClientHeadersAre, dpop: Dpop) -> Result<Shown<'r>, Refusal> {
    if client_headers == ClientHeadersAre::Taken
        && let Some(client) = client(headers)?
    {
        return match dpop {
            _ if headers.contains_key(AUTHORIZATION) => Err(Refusal::MalformedClientHeaders),
            // A secret binds nothing to a key.
            Dpop::Require => Err(Refusal::ProofNeeded),
            Dpop::Accept | Dpop::Off => Ok(Shown::Client(client)),
        };
    }
    token(uri, headers, dpop)
}

/// The one token of a request (RFC 6750 §2.1, RFC 9449 §7.1; RS11: never from the query).
fn token<'r>(uri: &Uri, headers: &'r HeaderMap, dpop: Dpop) -> Result<Shown<'r>, Refusal> {
    if uri.query().is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some("access_token"))) {
        return Err(Refusal::TokenInQuery);
    }
    let mut presented = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = presented.next() else { return Err(Refusal::NoToken) };
    if presented.next().is_some() {
        return Err(Refusal::MalformedAuthorization);
    }
    let text = value.to_str().map_err(|_| Refusal::MalformedAuthorization)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    let is_bound = dpop != Dpop::Off && scheme.eq_ignore_ascii_case("dpop");
    if !is_bound && !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::NoToken);
    }
    let token = token.trim_matches(' ');
    if token.is_empty() {
        return Err(Refusal::MalformedAuthorization);
    }
    match (is_bound, dpop) {
        (true, _) => Ok(Shown::Token(token, Some(proof(headers)?))),
        (false, Dpop::Require) => Err(Refusal::ProofNeeded),
        (false, _) => Ok(Shown::Token(token, None)),
    }
}

/// RFC 9449 §4.3: there is one.
fn proof(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut proofs = headers.get_all(PROOF).iter();
    match (proofs.next().map(|proof| proof.to_str()), proofs.next()) {
        (Some(Ok(proof)), None) => Ok(proof),
        (None, _) => Err(Refusal::ProofNeeded),
        _ => Err(Refusal::MalformedAuthorization),
    }
}

/// Both headers, once each; or none.
fn client(headers: &HeaderMap) -> Result<Option<ClientHeaders<'_>>, Refusal> {
    match (one(headers, &CLIENT_ID, MAX_ID_BYTES)?, one(headers, &CLIENT_SECRET, MAX_SECRET_BYTES)?) {
        (Some(id), Some(secret)) => Ok(Some(ClientHeaders { id, secret })),
        (None, None) => Ok(None),
        _ => Err(Refusal::MalformedClientHeaders),
    }
}

/// RFC 6749 appendix A allows printable ASCII.
fn one<'r>(headers: &'r HeaderMap, name: &HeaderName, longest: usize) -> Result<Option<&'r str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| !text.is_empty() && text.len() <= longest && !text.contains('\t'));
    match (text, values.next()) {
        (Some(text), None) => Ok(Some(text)),
        _ => Err(Refusal::MalformedClientHeaders),
    }
}

const PROOF: HeaderName = HeaderName::from_static("dpop");
const CLIENT_ID: HeaderName = HeaderName::from_static("x-client-id");
const CLIENT_SECRET: HeaderName = HeaderName::from_static("x-client-secret");
/// Room for an id that is a URL.
const MAX_ID_BYTES: usize = 512;
const MAX_SECRET_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect::<HeaderMap>()
    }

    fn appended(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn verdict(headers: &HeaderMap, client_headers: ClientHeadersAre) -> String {
        match read(&Uri::from_static("/mcp/x"), headers, client_headers, Dpop::Accept) {
            Ok(Shown::Client(client)) => format!("{}/{}", client.id, client.secret),
            Ok(Shown::Token(token, None)) => token.to_owned(),
            Ok(Shown::Token(token, Some(proof))) => format!("{token} with {proof}"),
            Err(refusal) => refusal.code().to_owned(),
        }
    }

    #[test]
    fn both_headers_together_say_who_calls_where_they_are_taken() {
        let both = headers(&[("x-client-id", "app"), ("x-client-secret", "a b:c")]);
        assert_eq!(verdict(&both, ClientHeadersAre::Taken), "app/a b:c");
        assert_eq!(verdict(&both, ClientHeadersAre::Ignored), "no_token");
        let with_token = headers(&[("x-client-id", "app"), ("x-client-secret", "s"), ("authorization", "Bearer t")]);
        assert_eq!(verdict(&with_token, ClientHeadersAre::Ignored), "t", "elsewhere they are any two headers");
        assert_eq!(verdict(&headers(&[("authorization", "Bearer t")]), ClientHeadersAre::Taken), "t");
    }

    #[test]
    fn a_token_that_is_bound_to_a_key_comes_with_one_proof() {
        let verdict =
            |pairs: &[(&'static str, &str)], dpop| match read(&Uri::from_static("/"), &appended(pairs), ClientHeadersAre::Ignored, dpop) {
                Ok(Shown::Token(token, proof)) => format!("{token} {proof:?}"),
                Ok(Shown::Client(_)) => "a client".to_owned(),
                Err(refusal) => refusal.code().to_owned(),
            };
        let (shown, proof) = (("authorization", "dPoP t"), ("dpop", "p"));
        assert_eq!(verdict(&[shown, proof], Dpop::Accept), "t Some(\"p\")");
        assert_eq!(verdict(&[shown, proof], Dpop::Off), "no_token", "a scheme like any that we do not know");
        assert_eq!(verdict(&[shown], Dpop::Accept), "proof_needed");
        assert_eq!(verdict(&[shown, proof, proof], Dpop::Accept), "malformed_authorization");
        assert_eq!(verdict(&[shown, shown, proof], Dpop::Accept), "malformed_authorization");
        let bearer = ("authorization", "Bearer t");
        assert_eq!(verdict(&[bearer, proof], Dpop::Accept), "t None", "who shows a bearer proves nothing");
        assert_eq!(verdict(&[bearer, proof], Dpop::Require), "proof_needed");
        assert_eq!(verdict(&[], Dpop::Require), "no_token");
        let client = appended(&[("x-client-id", "app"), ("x-client-secret", "s")]);
        let required = read(&Uri::from_static("/"), &client, ClientHeadersAre::Taken, Dpop::Require);
        assert!(matches!(required, Err(Refusal::ProofNeeded)), "a client's secret is bound to nothing");
    }

    #[test]
    fn whatever_could_be_read_in_two_ways_is_refused() {
        let (long, longer) = ("i".repeat(MAX_ID_BYTES + 1), "s".repeat(MAX_SECRET_BYTES + 1));
        for pairs in [
            &[("x-client-id", "app")][..],
            &[("x-client-secret", "s")],
            &[("x-client-id", "app"), ("x-client-id", "app"), ("x-client-secret", "s")],
            &[("x-client-id", "app"), ("x-client-secret", "s"), ("x-client-secret", "t")],
            &[("x-client-id", ""), ("x-client-secret", "s")],
            &[("x-client-id", "app"), ("x-client-secret", "")],
            &[("x-client-id", "a\tb"), ("x-client-secret", "s")],
            &[("x-client-id", &long), ("x-client-secret", "s")],
            &[("x-client-id", "app"), ("x-client-secret", &longer)],
            &[("x-client-id", "app"), ("x-client-secret", "s"), ("authorization", "Bearer t")],
            &[("x-client-id", "app"), ("x-client-secret", "s"), ("authorization", "Basic YTpi")],
            &[("x-client-id", "app"), ("authorization", "Bearer t")],
        ] {
            assert_eq!(verdict(&appended(pairs), ClientHeadersAre::Taken), "malformed_client_headers", "{pairs:?}");
        }
    }
}
