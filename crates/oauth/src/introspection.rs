//! Is this token good, and what does it stand for? The authorization server's answer, written and read (RFC 7662 §2.2).
//!
//! Read strictly, for access hangs on it: `active` is said in so many words or the answer is none, and a member that stands twice refuses the whole of it.

use std::fmt;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::actors::Actors;
use crate::scope::{Scope, ScopeSet};

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Introspection {
    /// The token is good.
    Active(Box<ActiveToken>),
    /// It is not, for whatever reason: the answer does not say why, nor anything else.
    Inactive,
}

/// What is said about a token that is good. Times are unix seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveToken {
    /// `iss`
    #[serde(rename = "iss", default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// `sub`
    #[serde(rename = "sub", default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `aud`: one is written as a text, several as a list.
    #[serde(rename = "aud", default, skip_serializing_if = "Audiences::is_empty")]
    pub audiences: Audiences,
    /// `client_id`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `scope`
    #[serde(
        rename = "scope",
        default,
        deserialize_with = "read_scopes",
        serialize_with = "write_scopes",
        skip_serializing_if = "ScopeSet::is_empty"
    )]
    pub scopes: ScopeSet,
    /// `token_type`: how the token is sent, `Bearer` or `DPoP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// `token_use`: some servers answer for refresh tokens too, and say so here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_use: Option<String>,
    /// `typ`: others say so here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
    /// `exp`
    #[serde(rename = "exp", default, deserialize_with = "read_time", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// `iat`
    #[serde(rename = "iat", default, deserialize_with = "read_time", skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<u64>,
    /// `nbf`
    #[serde(rename = "nbf", default, deserialize_with = "read_time", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// `auth_time`: when the person last signed in (RFC 9470 §6.2).
    #[serde(rename = "auth_time", default, deserialize_with = "read_time", skip_serializing_if = "Option::is_none")]
    pub authenticated_at: Option<u64>,
    /// `jti`
    #[serde(rename = "jti", default, skip_serializing_if = "Option::is_none")]
    pub jwt_id: Option<String>,
    /// `grant_id` (Grant Management for OAuth 2.0)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
    /// `act`: who acts for the subject. Written, and read from nobody: the door does not go by it.
    #[serde(rename = "act", skip_deserializing, skip_serializing_if = "Actors::is_empty")]
    pub actors: Actors,
    /// `cnf`: what the token is bound to.
    #[serde(rename = "cnf", default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Confirmation>,
}

/// What a token is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmation {
    /// A key, by its thumbprint as written (`jkt`, RFC 9449 §6.2).
    Key(String),
    /// Something else, or more than a key.
    Other,
}

/// For whom a token is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audiences(pub Vec<String>);

impl Introspection {
    /// Reads the body of a 200 answer.
    pub fn read(body: &[u8]) -> Result<Self, InvalidIntrospection> {
        if body.len() > MAX_BYTES {
            return Err(InvalidIntrospection::TooLarge);
        }
        // The parser looks for UTF-8 only in what it keeps, and takes a list for an object.
        let text = std::str::from_utf8(body).map_err(|_| InvalidIntrospection::Malformed)?;
        if !text.trim_ascii_start().starts_with('{') {
            return Err(InvalidIntrospection::Malformed);
        }
        let Active { active } = serde_json::from_str(text).map_err(|_| InvalidIntrospection::Malformed)?;
        if !active {
            return Ok(Self::Inactive);
        }
        serde_json::from_str(text).map(Self::Active).map_err(|_| InvalidIntrospection::Malformed)
    }

    /// The answer as JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let token = match self {
            Self::Active(token) => Some(&**token),
            Self::Inactive => None,
        };
        serde_json::to_vec(&Written { active: token.is_some(), token })
    }
}

impl Audiences {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why an answer is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIntrospection {
    /// Not one JSON object, no `active`, a member twice, or a member of the wrong kind.
    #[error("it is not the JSON object that RFC 7662 describes")]
    Malformed,
    /// The body is over the limit.
    #[error("it is over {MAX_BYTES} bytes")]
    TooLarge,
}

/// Greatest answer that is read.
pub const MAX_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
struct Active {
    active: bool,
}

#[derive(Serialize)]
struct Written<'a> {
    active: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    token: Option<&'a ActiveToken>,
}

impl Serialize for Audiences {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => serializer.serialize_str(one),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Audiences {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor).map(Self)
    }
}

impl Serialize for Confirmation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Key(thumbprint) => serializer.collect_map([("jkt", thumbprint)]),
            Self::Other => Err(serde::ser::Error::custom("we bind tokens to keys only")),
        }
    }
}

impl<'de> Deserialize<'de> for Confirmation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ConfirmationVisitor)
    }
}

struct ConfirmationVisitor;

impl<'de> Visitor<'de> for ConfirmationVisitor {
    type Value = Confirmation;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object that says what the token is bound to")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Confirmation, A::Error> {
        let mut thumbprint = None;
        let mut is_more = false;
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "jkt" if thumbprint.is_some() => return Err(A::Error::duplicate_field("jkt")),
                "jkt" => thumbprint = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    is_more = true;
                }
            }
        }
        Ok(thumbprint.filter(|_| !is_more).map_or(Confirmation::Other, Confirmation::Key))
    }
}

/// A text, or a list of texts.
struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Vec<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_unit<E: Error>(self) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = sequence.next_element()? {
            texts.push(text);
        }
        Ok(texts)
    }
}

/// Unix seconds. RFC 7662 wants whole ones; a fraction is dropped. Milliseconds land behind the year 9999, and are refused.
struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = Option<u64>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a time in unix seconds")
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Option<u64>, E> {
        if seconds <= END_OF_YEAR_9999 { Ok(Some(seconds)) } else { Err(E::custom("too late")) }
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Option<u64>, E> {
        let since_1970 = std::time::Duration::try_from_secs_f64(seconds).map_err(|_| E::custom("no time"))?;
        self.visit_u64(since_1970.as_secs())
    }

    fn visit_unit<E: Error>(self) -> Result<Option<u64>, E> {
        Ok(None)
    }
}

fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    deserializer.deserialize_any(TimeVisitor)
}

/// A list in one text; some servers write it as a list.
fn read_scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ScopeSet, D::Error> {
    let texts = deserializer.deserialize_any(TextsVisitor)?;
    let scopes = match texts.as_slice() {
        [one] => ScopeSet::parse(one),
        several => several.iter().map(|text| Scope::parse(text)).collect(),
    };
    scopes.map_err(D::Error::custom)
}

fn write_scopes<S: serde::Serializer>(scopes: &ScopeSet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(scopes)
}

const END_OF_YEAR_9999: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Result<Introspection, InvalidIntrospection> {
        Introspection::read(body.as_bytes())
    }

    fn active(members: &str) -> Result<ActiveToken, InvalidIntrospection> {
        match read(&format!(r#"{{"active":true{members}}}"#))? {
            Introspection::Active(token) => Ok(*token),
            Introspection::Inactive => panic!("{members}"),
        }
    }

    fn full() -> ActiveToken {
        ActiveToken {
            issuer: Some("https://as".into()),
            subject: Some("alice".into()),
            audiences: Audiences(vec!["https://h/mcp".into()]),
            client_id: Some("app".into()),
            scopes: ScopeSet::parse("b a").unwrap(),
            token_type: Some("DPoP".into()),
            expires_at: Some(60),
            issued_at: Some(1),
            authenticated_at: Some(0),
            jwt_id: Some("j".into()),
            grant_id: Some("g".into()),
            confirmation: Some(Confirmation::Key("k".into())),
            ..ActiveToken::default()
        }
    }

    #[test]
    fn the_answer_is_written_as_the_rfc_has_it() {
        let written = |answer: &Introspection| String::from_utf8(answer.to_json().unwrap()).unwrap();
        assert_eq!(written(&Introspection::Inactive), r#"{"active":false}"#);
        assert_eq!(
            written(&Introspection::Active(Box::new(full()))),
            r#"{"active":true,"iss":"https://as","sub":"alice","aud":"https://h/mcp","client_id":"app","scope":"a b","token_type":"DPoP","exp":60,"iat":1,"auth_time":0,"jti":"j","grant_id":"g","cnf":{"jkt":"k"}}"#
        );
        let two = ActiveToken { audiences: Audiences(vec!["a".into(), "b".into()]), ..ActiveToken::default() };
        assert_eq!(written(&Introspection::Active(Box::new(two))), r#"{"active":true,"aud":["a","b"]}"#);
    }

    #[test]
    fn what_is_written_is_read_back() {
        for answer in [Introspection::Inactive, Introspection::Active(Box::new(full())), Introspection::Active(Box::default())] {
            assert_eq!(Introspection::read(&answer.to_json().unwrap()), Ok(answer));
        }
    }

    #[test]
    fn active_is_said_in_so_many_words() {
        assert_eq!(read(r#" {"active":false,"sub":7} "#), Ok(Introspection::Inactive));
        for body in [
            "{}",
            r#"{"active":null}"#,
            r#"{"active":"true"}"#,
            r#"{"active":1}"#,
            r#"{"Active":true}"#,
            r#"{"active":true,"active":false}"#,
            r#"{"active":false,"\u0061ctive":true}"#,
            "[true]",
            r#"[true,"https://as"]"#,
            "true",
            "",
            "<html>",
            r#"{"active":true}{}"#,
        ] {
            assert_eq!(read(body), Err(InvalidIntrospection::Malformed), "{body}");
        }
        assert_eq!(Introspection::read(b"{\"active\":true,\"x\":\"\xff\"}"), Err(InvalidIntrospection::Malformed));
    }

    #[test]
    fn members_of_other_kinds_or_twice_refuse_the_answer() {
        for members in [
            r#","sub":7"#,
            r#","aud":7"#,
            r#","aud":["a",7]"#,
            r#","aud":{}"#,
            r#","exp":"60""#,
            r#","exp":-1"#,
            r#","exp":1800000000000"#,
            r#","exp":1e300"#,
            r#","scope":"a\"b""#,
            r#","scope":["a b","c"]"#,
            r#","scope":7"#,
            r#","cnf":"k""#,
            r#","cnf":[]"#,
            r#","cnf":{"jkt":7}"#,
            r#","cnf":{"jkt":"a","jkt":"b"}"#,
            r#","sub":"a","sub":"b""#,
            r#","aud":"a","a\u0075d":"b""#,
        ] {
            assert_eq!(active(members), Err(InvalidIntrospection::Malformed), "{members}");
        }
    }

    #[test]
    fn the_ways_in_which_servers_differ_are_understood() {
        let token =
            active(r#","aud":["a","b"],"scope":["x","y"],"exp":60.9,"sub":null,"iat":null,"aud2":{},"username":"al","cnf":null"#).unwrap();
        assert_eq!(token.audiences.0, ["a", "b"]);
        assert_eq!((token.scopes.to_string().as_str(), token.expires_at), ("x y", Some(60)));
        assert_eq!((token.subject, token.issued_at, token.confirmation), (None, None, None));
        assert!(active(r#","aud":null,"scope":"""#).unwrap().audiences.is_empty());
        for other in [r#"{"x5t#S256":"x"}"#, r#"{"jkt":"a","x5t#S256":"x"}"#, "{}"] {
            let token = active(&format!(r#","cnf":{other}"#)).unwrap();
            assert_eq!(token.confirmation, Some(Confirmation::Other), "{other}");
        }
    }

    #[test]
    fn an_answer_over_64_kib_is_not_read() {
        let body = format!(r#"{{"active":true,"x":"{}"}}"#, "a".repeat(MAX_BYTES));
        assert_eq!(read(&body), Err(InvalidIntrospection::TooLarge));
    }

    proptest! {
        #[test]
        fn no_bytes_harm_the_reader(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Introspection::read(&body);
        }
    }
}
